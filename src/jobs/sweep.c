// SPDX-License-Identifier: Apache-2.0
// Housekeeping of the whole installation that comes due by the clock alone. Each is safe to run in several servers at
// once: what one has done the others find done.
#include "jobs/sweep.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/conversation_event.h"
#include "engine/product_file.h"
#include "jobs/imports.h"
#include "store/activity.h"
#include "store/idempotency.h"
#include "store/staging.h"
#include "store/tool_call.h"

enum { ACTIVITIES_EACH_MS = 3600000, EXPIRE_MOST = 500, ACTIVITY_DAYS = 180 };
#define DAY_MS INT64_C(86400000)
enum { STAGINGS_EACH_MS = 60000, IDLE_EACH_MS = 20000, EXPIRE_EACH_MS = 600000, IDLE_MOST = 200 };

// ---- conversations that end by themselves --------------------------------------------------------------------------

struct idle {
    struct arena *arena;
    int64_t now;
    struct conversation_place *places;
    size_t n;
    struct str id;
    size_t ended;
};

static int find_idle(struct tx *tx, void *arg, struct err *err)
{
    struct idle *idle = arg;
    return conversations_idle(tx, idle->arena, idle->now, IDLE_MOST, &idle->places, &idle->n, err);
}

static int end_idle(struct tx *tx, void *arg, struct err *err)
{
    struct idle *idle = arg;
    struct conversation conversation;
    bool ended = false;
    int rc = conversation_close(tx, idle->id, true, idle->now, &ended, err);
    if (rc || !ended)
        return rc;
    idle->ended++;
    rc = conversation_find_any(tx, tx_arena(tx), idle->id, STR(""), &conversation, err);
    return rc != 1 ? rc : conversation_event_ended(tx, &conversation, "idle", idle->now, err);
}

static int sweep_idle(const struct jobs_options *with, bool *ret_more, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct idle idle = {.arena = arena, .now = clock_wall_ms()};
    struct scope everywhere = scope_installation(STR("jobs"));
    int rc = store_read(with->store, &everywhere, find_idle, &idle, err);
    for (size_t i = 0; i < idle.n && !rc && !*with->ending; i++) {
        struct scope scope = scope_brand(idle.places[i].brand, STR("jobs"));
        idle.id = idle.places[i].id;
        rc = store_write(with->store, &scope, end_idle, &idle, err);
    }
    *ret_more = idle.n == IDLE_MOST && idle.ended > 0; // others may be answering: not at once again
    return rc;
}

// ---- first replies, calls of tools ---------------------------------------------------------------------------------

static int expire(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    int64_t now = clock_wall_ms();
    int rc = idempotency_expire(tx, now, err);
    return rc ? rc : tool_calls_expire(tx, now, err);
}

static int sweep_replies(const struct jobs_options *with, bool *ret_more, struct err *err)
{
    struct scope everywhere = scope_installation(STR("jobs"));
    *ret_more = false;
    return store_write(with->store, &everywhere, expire, NULL, err);
}

// ---- activities ----------------------------------------------------------------------------------------------------

struct old_activities {
    struct arena *arena;
    struct str brand;
    int64_t before, deleted;
};

static int next_brand(struct tx *tx, void *arg, struct err *err)
{
    struct old_activities *old = arg;
    return activity_next_brand(tx, old->arena, old->brand, &old->brand, err);
}

static int expire_some(struct tx *tx, void *arg, struct err *err)
{
    struct old_activities *old = arg;
    return activity_expire(tx, old->before, EXPIRE_MOST, &old->deleted, err);
}

// Some of each brand at a time, so that nobody's commit waits long.
static int sweep_activities(const struct jobs_options *with, bool *ret_more, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    int64_t days = with->settings ? settings_int(with->settings, SET_RETENTION_ACTIVITY) : ACTIVITY_DAYS;
    struct old_activities old = {.arena = arena, .before = clock_wall_ms() - days * DAY_MS};
    struct scope everywhere = scope_installation(STR("jobs"));
    *ret_more = false;
    for (;;) {
        int rc = store_read(with->store, &everywhere, next_brand, &old, err);
        if (rc || !old.brand.p || *with->ending)
            return rc;
        struct scope scope = scope_brand(old.brand, STR("jobs"));
        rc = store_write(with->store, &scope, expire_some, &old, err);
        if (rc)
            return rc;
        *ret_more |= old.deleted == EXPIRE_MOST;
    }
}

// ---- memory of the built-in embedder -------------------------------------------------------------------------------

static int sweep_builtin(const struct jobs_options *with, bool *ret_more, struct err *err)
{
    (void)err;
    *ret_more = false;
    if (with->builtin)
        builtin_rest(with->builtin);
    return 0;
}

// ---- products that were coming -------------------------------------------------------------------------------------

enum { MOVED_MS = 60000 };

struct leftover {
    struct arena *arena;
    int64_t before, command_before; // of the server's own; of commands: 0 while one runs
    struct staging_row row;
    int found;
};

static int find_staging(struct tx *tx, void *arg, struct err *err)
{
    struct leftover *l = arg;
    l->found = staging_next(tx, l->arena, l->before, l->command_before, clock_wall_ms() - MOVED_MS, &l->row, err);
    return l->found < 0 ? l->found : 0;
}

// Whose process died: given up, or moved to their place where they are visible already.
static int sweep_stagings(const struct jobs_options *with, bool *ret_more, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct leftover l = {.arena = arena, .before = with->started_ms};
    struct scope everywhere = scope_installation(STR("jobs"));
    int64_t now = clock_wall_ms();
    *ret_more = false;
    if (store_alone(with->store))
        l.command_before = now;
    int rc = store_read(with->store, &everywhere, find_staging, &l, err);
    if (rc || !l.found)
        return rc;
    struct scope scope = scope_brand(l.row.brand, STR("jobs"));
    rc = product_staging_settle(with->store, &scope, l.row.id, with->ending, err);
    *ret_more = !rc;
    if (!rc)
        log_info("staging.settled", "brand=\"" STR_FMT "\" visible=%d", STR_ARG(l.row.brand), l.row.visible);
    return rc == ERR_CANCELLED ? 0 : rc;
}

// ---- imports --------------------------------------------------------------------------------------------------------

static int sweep_imports(const struct jobs_options *with, bool *ret_more, struct err *err)
{
    const char *data = with->settings ? settings_str(with->settings, SET_DATA) : NULL;
    int n = 0;
    *ret_more = false;
    int rc = imports_sweep(with->store, data, with->ending, &n, err);
    if (n)
        log_info("import.settled", "imports=%d", n);
    return rc == ERR_CANCELLED ? 0 : rc;
}

// ---- the rows ------------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    int64_t each_ms;
    int (*run)(const struct jobs_options *with, bool *ret_more, struct err *err);
} sweeps[] = {
    {"conversations.idle", IDLE_EACH_MS, sweep_idle},
    {"idempotency.expire", EXPIRE_EACH_MS, sweep_replies},
    {"activities.expire", ACTIVITIES_EACH_MS, sweep_activities},
    {"embedding.rest", IDLE_EACH_MS, sweep_builtin},
    {"stagings.settle", STAGINGS_EACH_MS, sweep_stagings},
    {"imports.settle", STAGINGS_EACH_MS, sweep_imports},
};

int64_t sweep_due(const struct jobs_options *with, struct sweep *state)
{
    int64_t now = clock_mono_ms(), soonest = INT64_MAX;
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps && i < SWEEPS_MOST; i++) {
        struct err err = {0};
        bool more = false;
        if (now >= state->at[i]) {
            if (sweeps[i].run(with, &more, &err) != 0)
                log_warn("job", "sweep=%s error=\"%s\"", sweeps[i].name, err.text);
            state->at[i] = more ? now : now + sweeps[i].each_ms;
        }
        soonest = state->at[i] < soonest ? state->at[i] : soonest;
    }
    return soonest > now ? soonest - now : 0;
}
