// SPDX-License-Identifier: Apache-2.0
// A transaction as its closure sees it. The brand is bound here, and only here: a statement that is not of the
// installation gets the scope's brand as $1. What one engine refuses all refuse: texts must be UTF-8 without NUL,
// numbers must not be NaN, and after a statement has failed nothing more runs and nothing is committed (PostgreSQL
// aborts the transaction then, so SQLite behaves so too).
#include "store/internal.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>

#define ARGS_MAX 128

struct scope scope_installation(struct str actor)
{
    return (struct scope){.actor_kind = ACTOR_SYSTEM, .actor = actor};
}

struct scope scope_brand(struct str brand, struct str actor)
{
    return (struct scope){.brand = brand, .actor_kind = ACTOR_SYSTEM, .actor = actor};
}

static struct str copy(char **to, struct str s)
{
    if (!s.p)
        return s;
    char *at = memcpy(*to, s.p, s.n);
    *to += s.n;
    return (struct str){at, s.n};
}

size_t scope_bytes(const struct scope *scope)
{
    return scope->brand.n + scope->actor.n + scope->address.n;
}

struct scope scope_copy(const struct scope *scope, char *to)
{
    struct scope own = *scope;
    own.brand = copy(&to, scope->brand);
    own.actor = copy(&to, scope->actor);
    own.address = copy(&to, scope->address);
    return own;
}

const struct scope *tx_scope(const struct tx *tx)
{
    return tx->scope;
}

struct store *tx_store(const struct tx *tx)
{
    return tx->store;
}

struct arena *tx_arena(struct tx *tx)
{
    if (!tx->arena)
        tx->arena = arena_new(0);
    return tx->arena;
}

int tx_fail(struct tx *tx, int rc, const struct err *cause, struct err *err)
{
    if (!tx->failed || rc == ERR_UNAVAILABLE || rc == DRIVER_REPEAT) {
        tx->failed = rc;
        tx->first = *cause;
    }
    if (err)
        *err = *cause;
    return rc;
}

void tx_close_rows(struct tx *tx)
{
    while (tx->open)
        rows_done(tx->open);
}

int tx_run(struct store *store, struct driver_conn *conn, struct effects *effects, const struct scope *scope,
           store_fn fn, void *arg, bool *ret_lost, struct err *err)
{
    struct tx tx = {.store = store, .scope = scope, .conn = conn, .effects = effects};
    if (effects) {
        tx.changes_mark = effects->changes.n;
        tx.after_mark = effects->after.n;
    }
    struct err own = {0};
    int rc = fn(&tx, arg, &own);
    tx_close_rows(&tx);
    *ret_lost = tx.failed == ERR_UNAVAILABLE || tx.failed == DRIVER_REPEAT;
    if (*ret_lost || (rc >= 0 && tx.failed)) {
        rc = tx.failed;
        own = tx.first;
    }
    if (rc < 0) {
        if (own.code == 0)
            err_set(&own, rc, "%s", err_name(rc));
        if (err)
            *err = own;
        if (effects) {
            effects->changes.n = tx.changes_mark;
            effects->after.n = tx.after_mark;
        }
    }
    if (effects && rc >= 0)
        effects->loud |= !tx.quiet;
    arena_free(tx.arena);
    return rc < 0 ? rc : 0;
}

static int run_part(struct tx *tx, const struct scope *scope, store_fn fn, void *arg, struct err *err)
{
    struct tx part = *tx;
    struct err cause = {0};
    part.scope = scope;
    part.arena = NULL;
    part.open = NULL;
    int rc = fn(&part, arg, &cause);
    tx_close_rows(&part);
    arena_free(part.arena);
    tx->failed = part.failed;
    tx->first = part.first;
    if (rc >= 0)
        return rc;
    if (cause.code == 0)
        err_set(&cause, rc, "%s", err_name(rc));
    return tx_fail(tx, rc, &cause, err);
}

void tx_quiet(struct tx *tx)
{
    tx->quiet = true;
}

int tx_part(struct tx *tx, store_fn fn, void *arg, struct err *err)
{
    return run_part(tx, tx->scope, fn, arg, err);
}

int tx_in_brand(struct tx *tx, struct str brand, store_fn fn, void *arg, struct err *err)
{
    if (tx->scope->brand.n || !brand.n) {
        struct err cause = {0};
        return tx_fail(tx, err_set(&cause, ERR_INTERNAL, "the scope of a brand cannot be left"), &cause, err);
    }
    struct scope scope = *tx->scope;
    scope.brand = brand;
    return run_part(tx, &scope, fn, arg, err);
}

static int check_values(const struct store_sql *sql, const struct value *args, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct value *v = &args[i];
        if (v->type == VALUE_TEXT && (!utf8_valid(v->s) || (v->s.n && memchr(v->s.p, 0, v->s.n))))
            return err_set(err, ERR_INVALID, "%s: argument %zu is not a text", sql->name, i + 1);
        if (v->type == VALUE_REAL && isnan(v->r))
            return err_set(err, ERR_INVALID, "%s: argument %zu is not a number", sql->name, i + 1);
    }
    return 0;
}

static int prepare(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, bool copy,
                   struct driver_stmt **ret, struct err *err)
{
    const struct driver *driver = tx->store->driver;
    struct value all[ARGS_MAX];
    size_t lead = sql->installation ? 0 : 1;
    if (n + lead > ARGS_MAX)
        return err_set(err, ERR_INTERNAL, "%s: %zu arguments", sql->name, n);
    if (lead) {
        if (tx->scope->brand.n == 0)
            return err_set(err, ERR_INTERNAL, "%s: asked without a brand", sql->name);
        all[0] = v_str(tx->scope->brand);
    }
    if (n)
        memcpy(all + lead, args, n * sizeof *args);
    int rc = check_values(sql, all, n + lead, err);
    if (rc)
        return rc;
    struct driver_stmt *stmt;
    rc = driver->prepare(tx->conn, sql, &stmt, err);
    if (rc)
        return rc;
    rc = driver->bind(stmt, all, n + lead, copy, err);
    if (rc) {
        driver->reset(stmt);
        return rc;
    }
    *ret = stmt;
    return 0;
}

int tx_exec(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, int64_t *ret_changed,
            struct err *err)
{
    if (tx->failed)
        return tx_fail(tx, tx->failed, &tx->first, err);
    const struct driver *driver = tx->store->driver;
    struct err cause = {0};
    struct driver_stmt *stmt;
    int64_t began = query_begins();
    int rc = prepare(tx, sql, args, n, false, &stmt, &cause);
    if (rc)
        return tx_fail(tx, rc, &cause, err);
    while ((rc = driver->step(stmt, &cause)) > 0)
        ;
    if (rc == 0 && ret_changed)
        *ret_changed = driver->changed(stmt);
    driver->reset(stmt);
    query_ended(began);
    return rc < 0 ? tx_fail(tx, rc, &cause, err) : 0;
}

int tx_query(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, struct rows **ret,
             struct err *err)
{
    if (tx->failed)
        return tx_fail(tx, tx->failed, &tx->first, err);
    struct err cause = {0};
    struct driver_stmt *stmt;
    int64_t began = query_begins();
    int rc = prepare(tx, sql, args, n, true, &stmt, &cause);
    if (rc)
        return tx_fail(tx, rc, &cause, err);
    *ret = rows_new(tx, stmt);
    (*ret)->began_us = began;
    return 0;
}

int tx_query_one(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, struct rows **ret,
                 struct err *err)
{
    struct rows *rows;
    int rc = tx_query(tx, sql, args, n, &rows, err);
    if (rc)
        return rc;
    rc = rows_next(rows, err);
    if (rc <= 0) {
        rows_done(rows);
        rows = NULL;
    }
    if (rc >= 0)
        *ret = rows;
    return rc;
}

void tx_changed(struct tx *tx, enum change_kind kind, struct str id)
{
    struct effects *effects = tx->effects;
    if (!effects)
        return;
    // Behind "everything of that kind" the single ones say nothing more.
    const struct change *last =
        effects->changes.n > tx->changes_mark ? &effects->changes.at[effects->changes.n - 1] : NULL;
    if (last && last->kind == kind && !last->id.p && str_eq(last->brand, tx->scope->brand))
        return;
    if (!effects->arena)
        effects->arena = arena_new(0);
    vec_push(&effects->changes, .kind = kind, .brand = arena_str(effects->arena, tx->scope->brand),
             .id = arena_str(effects->arena, id));
}

void tx_after_commit(struct tx *tx, void (*fn)(void *arg), void *arg)
{
    if (tx->effects)
        vec_push(&tx->effects->after, .fn = fn, .arg = arg);
}

void effects_tell(struct effects *effects, struct store *store)
{
    if (effects->changes.n) {
        pthread_mutex_lock(&store->listen_lock);
        void (*listener)(void *, const struct change *, size_t) = store->listener;
        void *arg = store->listener_arg;
        pthread_mutex_unlock(&store->listen_lock);
        if (listener)
            listener(arg, effects->changes.at, effects->changes.n);
    }
    for (size_t i = 0; i < effects->after.n; i++)
        effects->after.at[i].fn(effects->after.at[i].arg);
}

void effects_clear(struct effects *effects)
{
    effects->changes.n = effects->after.n = 0;
    effects->loud = false;
    arena_free(effects->arena);
    effects->arena = NULL;
}

void effects_done(struct effects *effects)
{
    effects_clear(effects);
    vec_done(&effects->changes);
    vec_done(&effects->after);
}
