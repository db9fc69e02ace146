// SPDX-License-Identifier: Apache-2.0
#include "jobs/imports.h"

#include "base/clock.h"
#include "base/vec.h"
#include "ingest/files.h"
#include "jobs/kinds.h"
#include "store/brand.h"
#include "store/steps.h"
#include "store/undo.h"

#include <stdatomic.h>

// ---- a brand --------------------------------------------------------------------------------------------------------

static int erase_some(struct tx *tx, void *arg, int64_t most, bool *ret_more, struct err *err)
{
    const struct str *job = arg;
    tx_quiet(tx);
    int rc = job->p ? job_renew(tx, *job, clock_wall_ms() + JOB_LEASE_MS, err) : 0;
    return rc ? rc : brand_erase_some(tx, most, ret_more, err);
}

static int erase(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_erase(tx, err);
}

int brand_erase_all(struct store *store, const char *data, struct str brand, struct str job, const _Atomic bool *ending,
                    struct err *err)
{
    struct scope scope = scope_brand(brand, STR("jobs"));
    int rc = data ? files_remove_brand(data, brand, err) : 0;
    rc = rc ? rc : store_steps(store, &scope, erase_some, &job, ending, err);
    return rc ? rc : store_write(store, &scope, erase, NULL, err);
}

// ---- an import ------------------------------------------------------------------------------------------------------

struct settling {
    struct arena *arena;
    struct undo_left left;
    VEC(struct str) documents; // that went
    int found;
};

static int find(struct tx *tx, void *arg, struct err *err)
{
    struct settling *s = arg;
    s->found = undo_next(tx, s->arena, &s->left, err);
    return s->found < 0 ? s->found : 0;
}

static int back(struct tx *tx, void *arg, int64_t most, bool *ret_more, struct err *err)
{
    struct settling *s = arg;
    struct strings gone;
    tx_quiet(tx);
    int rc = undo_back(tx, s->left.id, most, s->arena, &gone, ret_more, err);
    for (size_t i = 0; i < gone.n && !rc; i++)
        vec_add(&s->documents, gone.at[i]);
    return rc;
}

static int forget(struct tx *tx, void *arg, int64_t most, bool *ret_more, struct err *err)
{
    const struct settling *s = arg;
    tx_quiet(tx);
    return undo_forget(tx, s->left.id, most, ret_more, err);
}

static int end(struct tx *tx, void *arg, struct err *err)
{
    const struct settling *s = arg;
    if (s->left.done)
        tx_quiet(tx);
    return undo_end(tx, s->left.id, !s->left.done, err);
}

static int settle(struct store *store, const char *data, struct settling *s, const _Atomic bool *ending,
                  struct err *err)
{
    struct scope scope = scope_brand(s->left.brand, STR("import"));
    if (s->left.makes_brand && !s->left.done)
        return brand_erase_all(store, data, s->left.brand, STR_NULL, ending, err);
    int rc = store_steps(store, &scope, s->left.done ? forget : back, s, ending, err);
    for (size_t i = 0; i < s->documents.n && (!rc || rc == ERR_CANCELLED) && data; i++)
        (void)files_remove(data, s->left.brand, "documents", s->documents.at[i], NULL);
    return rc ? rc : store_write(store, &scope, end, s, err);
}

int imports_settle(struct store *store, const char *data, const _Atomic bool *ending, int *ret, struct err *err)
{
    struct scope scope = scope_installation(STR("import"));
    for (*ret = 0;; ++*ret) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct settling s = {.arena = arena};
        int rc = store_read(store, &scope, find, &s, err);
        if (rc || !s.found)
            return rc;
        rc = settle(store, data, &s, ending, err);
        vec_done(&s.documents);
        if (rc)
            return rc;
    }
}

int imports_sweep(struct store *store, const char *data, const _Atomic bool *ending, int *ret, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope scope = scope_installation(STR("import"));
    struct settling s = {.arena = arena};
    int lock = -1;
    *ret = 0;
    int rc = store_read(store, &scope, find, &s, err);
    if (rc || !s.found)
        return rc;
    rc = store_import_lock(store, 0, &lock, err);
    if (rc)
        return rc == ERR_CONFLICT ? 0 : rc;
    rc = imports_settle(store, data, ending, ret, err);
    store_import_unlock(lock);
    return rc;
}
