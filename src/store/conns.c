// SPDX-License-Identifier: Apache-2.0
// A bounded pool of connections. They are opened when first needed, on the thread that needs one, and the one that came
// back last is taken first: a quiet server keeps one warm and never opens the others.
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct conns {
    const struct driver *driver;
    const struct store_options *options;
    bool writer;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    size_t max, open, n_free;
    struct driver_conn *free[];
};

struct conns *conns_new(const struct driver *driver, const struct store_options *options, size_t max, bool writer)
{
    struct conns *conns = mem_zalloc(sizeof *conns + max * sizeof(struct driver_conn *));
    conns->driver = driver;
    conns->options = options;
    conns->writer = writer;
    conns->max = max;
    pthread_mutex_init(&conns->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&conns->freed, &attr);
    pthread_condattr_destroy(&attr);
    return conns;
}

void conns_free(struct conns *conns)
{
    if (!conns)
        return;
    for (size_t i = 0; i < conns->n_free; i++)
        conns->driver->disconnect(conns->free[i]);
    pthread_cond_destroy(&conns->freed);
    pthread_mutex_destroy(&conns->lock);
    free(conns);
}

int conns_take(struct conns *conns, int64_t wait_ms, struct driver_conn **ret, struct err *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    struct driver_conn *conn = NULL;
    int waited = 0;
    pthread_mutex_lock(&conns->lock);
    while (conns->n_free == 0 && conns->open == conns->max && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&conns->freed, &conns->lock, &until);
    bool none = conns->n_free == 0 && conns->open == conns->max;
    if (conns->n_free)
        conn = conns->free[--conns->n_free];
    else if (!none)
        conns->open++;
    pthread_mutex_unlock(&conns->lock);
    if (none)
        return err_set(err, ERR_UNAVAILABLE, "no connection to the store came free in %d ms", (int)wait_ms);
    if (!conn) {
        int rc = conns->driver->connect(conns->options, conns->writer, &conn, err);
        if (rc) {
            conns_put(conns, NULL, false);
            return rc;
        }
    }
    *ret = conn;
    return 0;
}

void conns_put(struct conns *conns, struct driver_conn *conn, bool keep)
{
    if (conn && !keep)
        conns->driver->disconnect(conn);
    pthread_mutex_lock(&conns->lock);
    if (keep)
        conns->free[conns->n_free++] = conn;
    else
        conns->open--;
    pthread_cond_signal(&conns->freed);
    pthread_mutex_unlock(&conns->lock);
}
