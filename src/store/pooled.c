// SPDX-License-Identifier: Apache-2.0
// Writing on an engine that takes many transactions at once: each runs on the caller's thread and on a connection of
// its own, and is repeated when the engine says that it got in another's way (deadlock, serialisation). A connection
// that failed is closed; the next write makes a new one.
#include "store/internal.h"

#include "base/pool.h"

#include <stdlib.h>

enum { ATTEMPTS = 5, THREADS = 4 };

struct pooled {
    struct store *store;
    struct conns *conns;
    struct pool *pool;    // runs what is asynchronous
    pthread_mutex_t tell; // the listener hears of one commit at a time
};

struct pooled *pooled_new(struct store *store)
{
    struct pooled *pooled = mem_zalloc(sizeof *pooled);
    pooled->store = store;
    pooled->conns = conns_new(store->driver, &store->options, store->options.readers, true);
    pooled->pool = pool_new("store", THREADS, STORE_QUEUE_MAX);
    pthread_mutex_init(&pooled->tell, NULL);
    return pooled;
}

void pooled_free(struct pooled *pooled)
{
    if (!pooled)
        return;
    pool_free(pooled->pool);
    conns_free(pooled->conns);
    pthread_mutex_destroy(&pooled->tell);
    free(pooled);
}

// One attempt. *ret_lost: the connection is not to be used again.
static int attempt(struct pooled *pooled, struct driver_conn *conn, struct effects *effects, const struct scope *scope,
                   store_fn fn, void *arg, bool *ret_lost, struct err *err)
{
    const struct driver *driver = pooled->store->driver;
    bool lost = false;
    effects_clear(effects);
    int rc = driver->begin(conn, true, err);
    if (rc == 0) {
        rc = tx_run(pooled->store, conn, effects, scope, fn, arg, &lost, err);
        if (rc == 0)
            lost = (rc = driver->commit(conn, err)) == ERR_UNAVAILABLE;
        if (rc)
            driver->rollback(conn);
    } else {
        lost = rc != DRIVER_REPEAT;
    }
    *ret_lost = lost && rc != DRIVER_REPEAT;
    return rc;
}

int pooled_run(struct pooled *pooled, const struct scope *scope, store_fn fn, void *arg, struct err *err)
{
    struct store *store = pooled->store;
    struct driver_conn *conn;
    int rc = conns_take(pooled->conns, store->wait_ms, &conn, err);
    if (rc)
        return rc;
    struct effects effects = {0};
    struct err cause = {0};
    bool lost = false;
    for (int i = 0; i == 0 || (i < ATTEMPTS && rc == DRIVER_REPEAT); i++)
        rc = attempt(pooled, conn, &effects, scope, fn, arg, &lost, &cause);
    if (rc == DRIVER_REPEAT)
        rc = cause.code = ERR_UNAVAILABLE;
    conns_put(pooled->conns, conn, !lost);
    if (rc == 0) {
        atomic_store(&store->writable, true);
        pthread_mutex_lock(&pooled->tell);
        effects_tell(&effects, store);
        pthread_mutex_unlock(&pooled->tell);
    } else {
        if (lost)
            atomic_store(&store->writable, false);
        if (err)
            *err = cause;
    }
    effects_done(&effects);
    return rc;
}

struct posted {
    struct pooled *pooled;
    store_fn fn;
    void *arg;
    void (*done)(void *arg, int rc, const struct err *err);
    struct scope scope; // its bytes are behind this struct
};

static void run_posted(void *arg)
{
    struct posted *posted = arg;
    struct err err = {0};
    int rc = pooled_run(posted->pooled, &posted->scope, posted->fn, posted->arg, &err);
    posted->done(posted->arg, rc, rc ? &err : NULL);
    free(posted);
}

static void refuse_posted(void *arg)
{
    struct posted *posted = arg;
    struct err err;
    posted->done(posted->arg, err_set(&err, ERR_UNAVAILABLE, "too many writes wait"), &err);
    free(posted);
}

void pooled_post(struct pooled *pooled, const struct scope *scope, store_fn fn, void *arg,
                 void (*done)(void *arg, int rc, const struct err *err))
{
    struct posted *posted = mem_zalloc(sizeof *posted + scope_bytes(scope));
    *posted = (struct posted){.pooled = pooled, .fn = fn, .arg = arg, .done = done};
    posted->scope = scope_copy(scope, (char *)(posted + 1));
    if (!pool_run(pooled->pool, run_posted, posted))
        pool_must_run(pooled->pool, refuse_posted, posted);
}

static void probe(void *arg)
{
    struct pooled *pooled = arg;
    struct driver_conn *conn;
    if (conns_take(pooled->conns, 0, &conn, NULL) != 0)
        return;
    bool good = pooled->store->driver->probe(conn, NULL) == 0;
    conns_put(pooled->conns, conn, good);
    if (good)
        atomic_store(&pooled->store->writable, true);
}

void pooled_probe(struct pooled *pooled)
{
    bool soon = pool_run(pooled->pool, probe, pooled); // if not: what is queued will tell as well
    (void)soon;
}
