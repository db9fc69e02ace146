// SPDX-License-Identifier: Apache-2.0
// Many products by way of a staging, in small transactions.
#include "engine/product_file_internal.h"

#include "base/clock.h"
#include "base/map.h"
#include "store/brand.h"
#include "store/staging.h"
#include "store/steps.h"

#include <stdlib.h>
#include <time.h>

enum {
    BATCH = 256,  // rows read ahead
    TURN_MS = 20, // between two looks whether it is its turn
    WAIT_MS = 120000,
};

struct mark {
    int64_t added, updated, skipped, total, rows;
    size_t n;
};

struct staging_run {
    struct store *store;
    const struct scope *scope;
    struct product_file *file;
    struct product_writing writing;
    bool there; // the brand, when it began
    struct arena *arena;
    struct product_spooled rows[BATCH];
    size_t n, begin, done;
    struct mark mark;
};

static void pause_ms(int ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

// ---- rows -----------------------------------------------------------------------------------------------------------

static int begin(struct tx *tx, void *arg, struct err *err)
{
    struct staging_run *r = arg;
    struct err cause = {0};
    int rc = brand_check_there(tx, &cause);
    r->there = rc == 0;
    if (rc && (rc != ERR_NOT_FOUND || !r->file->options.makes_brand))
        return *err = cause, rc;
    tx_quiet(tx);
    bool replaces = r->file->options.on_conflict == PRODUCT_CONFLICT_UPDATE;
    return staging_begin(tx, r->writing.staging, replaces, clock_wall_ms(), err);
}

// What a transaction that is run again must find.
static void take_back(struct staging_run *r)
{
    struct product_writing *w = &r->writing;
    struct product_file *file = r->file;
    for (size_t i = 0; i < w->ids.n; i++)
        (void)map_remove(w->used, w->ids.at[i]);
    w->ids.n = 0;
    w->fresh = 0;
    file->added = r->mark.added;
    file->updated = r->mark.updated;
    file->skipped = r->mark.skipped;
    file->written.total = r->mark.total;
    file->written.rows = r->mark.rows;
    file->written.at.n = r->mark.n;
    r->done = r->begin;
}

static int write_some(struct tx *tx, void *arg, struct err *err)
{
    struct staging_run *r = arg;
    struct product_writing *w = &r->writing;
    int64_t until = clock_mono_us() + STEP_HOLD_US;
    tx_quiet(tx);
    take_back(r);
    int rc = r->there ? brand_check_there(tx, err) : 0;
    rc = rc ? rc : staging_room(tx, r->file->options.most_products, &w->room, err);
    while (!rc && r->done < r->n && (r->done == r->begin || clock_mono_us() < until))
        rc = product_writing_put(tx, w, &r->rows[r->done++], err);
    return rc ? rc : staging_added(tx, w->staging, w->fresh, w->last, clock_wall_ms(), err);
}

static int write_batch(struct staging_run *r, struct err *err)
{
    const struct product_file *file = r->file;
    int rc = 0;
    for (r->begin = r->done = 0; r->begin < r->n && !rc; r->begin = r->done) {
        r->mark = (struct mark){file->added,         file->updated,      file->skipped,
                                file->written.total, file->written.rows, file->written.at.n};
        r->writing.ids.n = 0;
        rc = store_step(r->store, r->scope, write_some, r, err);
        for (size_t i = r->begin; !rc && i < r->done && file->options.each; i++)
            file->options.each(file->options.arg);
    }
    return rc;
}

static int write_rows(struct staging_run *r, struct err *err)
{
    int rc = product_spool_rewind(r->file, err);
    for (int more = !rc; more == 1 && !rc;) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        for (r->n = 0; r->n < BATCH && more == 1; r->n += more == 1)
            more = product_spool_next(r->file, arena, &r->rows[r->n], err);
        rc = more < 0 ? more : write_batch(r, err);
    }
    return rc;
}

// ---- its turn -------------------------------------------------------------------------------------------------------

struct turn {
    struct str id;
    bool taken;
};

static int take(struct tx *tx, void *arg, struct err *err)
{
    struct turn *turn = arg;
    tx_quiet(tx);
    int rc = staging_take_turn(tx, turn->id, clock_wall_ms(), err);
    turn->taken = rc == 1;
    return rc < 0 ? rc : 0;
}

static int take_turn(struct staging_run *r, struct err *err)
{
    struct turn turn = {r->writing.staging, false};
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (;;) {
        int rc = store_step(r->store, r->scope, take, &turn, err);
        if (rc || turn.taken)
            return rc;
        if (clock_mono_ms() >= until)
            return err_set(err, ERR_UNAVAILABLE, "other products of the brand are being written");
        pause_ms(TURN_MS);
    }
}

int product_file_stage(struct store *store, const struct scope *scope, struct product_file *file, struct err *err)
{
    if (file->rows <= PRODUCT_FILE_STAGED)
        return 0;
    AUTO_FREE struct staging_run *r = mem_zalloc(sizeof *r);
    r->store = store;
    r->scope = scope;
    r->file = file;
    id_v7(file->staging);
    product_writing_begin(&r->writing, file);
    r->writing.staging = str_from(file->staging);
    int rc = store_write(store, scope, begin, r, err);
    rc = rc ? rc : write_rows(r, err);
    rc = rc ? rc : take_turn(r, err);
    product_writing_end(&r->writing);
    file->staged_added = file->added;
    file->staged_updated = file->updated;
    file->staged_skipped = file->skipped;
    if (rc)
        product_file_settle(store, scope, file);
    return rc;
}

// ---- afterwards -----------------------------------------------------------------------------------------------------

static int move(struct tx *tx, void *arg, int64_t most, bool *ret_more, struct err *err)
{
    const struct str *id = arg;
    tx_quiet(tx);
    return staging_move(tx, *id, most, clock_wall_ms(), ret_more, err);
}

static int drop(struct tx *tx, void *arg, int64_t most, bool *ret_more, struct err *err)
{
    const struct str *id = arg;
    tx_quiet(tx);
    return staging_drop(tx, *id, most, clock_wall_ms(), ret_more, err);
}

int product_staging_settle(struct store *store, const struct scope *scope, struct str id, const _Atomic bool *ending,
                           struct err *err)
{
    int rc = store_steps(store, scope, move, &id, ending, err);
    return rc ? rc : store_steps(store, scope, drop, &id, ending, err); // what is visible by then has been moved
}

void product_file_settle(struct store *store, const struct scope *scope, struct product_file *file)
{
    struct err err = {0};
    if (file && file->staging[0])
        (void)product_staging_settle(store, scope, str_from(file->staging), NULL, &err);
    if (file)
        file->staging[0] = 0;
}
