// SPDX-License-Identifier: Apache-2.0
// Opening and closing, and the way of a read. An engine with group commit writes through its one writer (writer.c),
// another on a connection for each transaction (pooled.c).
#include "store/internal.h"

#include "base/clock.h"

#include <stdlib.h>

static const struct driver *driver_for(const char *url, struct err *err)
{
    if (!url || strcmp(url, "sqlite") == 0)
        return &driver_sqlite;
    struct str text = str_from(url); // what follows may hold a password
    ptrdiff_t end = str_find(text, STR(":"));
    err_set(err, ERR_INVALID, "no store \"" STR_FMT "\" in this program",
            STR_ARG(((struct str){url, end < 0 ? text.n : (size_t)end})));
    return NULL;
}

static void store_free(struct store *store)
{
    writer_free(store->writer);
    pooled_free(store->pooled);
    conns_free(store->readers);
    dir_unlock(store->lock);
    dir_unlock(store->share);
    pthread_mutex_destroy(&store->listen_lock);
    free((char *)store->options.url);
    free((char *)store->options.data_dir);
    free(store);
}

// The directory's lock as the options ask for it. *ret_may_change: migrations may run.
static int take_directory(struct store *store, bool *ret_may_change, struct err *err)
{
    const struct store_options *options = &store->options;
    *ret_may_change = !options->read_only;
    if (!(store->driver->caps & DRIVER_ONE_PROCESS) || options->read_only)
        return 0;
    int rc = dir_make(options->data_dir, err);
    if (rc)
        return rc;
    if (options->shared && (store->share = dir_share(options->data_dir, true, err)) < 0)
        return store->share;
    rc = dir_lock(options->data_dir, &store->lock, err);
    if (rc == ERR_CONFLICT && options->shared) { // a server is running: its tables are not ours to change
        *ret_may_change = false;
        return 0;
    }
    return rc;
}

static int open_engine(struct store *store, bool may_change, bool *ret_fresh, struct err *err)
{
    const struct driver *driver = store->driver;
    const struct store_options *options = &store->options;
    struct driver_conn *conn;
    int rc = driver->connect(options, !options->read_only, &conn, err);
    if (rc)
        return rc;
    rc = migrate(driver, conn, options, may_change, ret_fresh, err);
    if (rc) {
        driver->disconnect(conn);
        return rc;
    }
    store->readers = conns_new(driver, options, options->readers, false);
    atomic_store(&store->writable, !options->read_only);
    if (!options->read_only && (driver->caps & DRIVER_GROUP_COMMIT)) {
        store->writer = writer_new(store, conn);
        if (store->writer)
            return 0;
        rc = err_set(err, ERR_UNAVAILABLE, "cannot start the store's thread");
    } else if (!options->read_only) {
        store->pooled = pooled_new(store);
    }
    driver->disconnect(conn);
    return rc;
}

int store_open(const struct store_options *options, struct store **ret, bool *ret_fresh, struct err *err)
{
    const struct driver *driver = driver_for(options->url, err);
    return driver ? store_open_driver(driver, options, ret, ret_fresh, err) : ERR_INVALID;
}

int store_open_driver(const struct driver *driver, const struct store_options *options, struct store **ret,
                      bool *ret_fresh, struct err *err)
{
    if ((driver->caps & DRIVER_ONE_PROCESS) && (!options->data_dir || !*options->data_dir))
        return err_set(err, ERR_INVALID, "the store needs a data directory");
    struct store *store = mem_zalloc(sizeof *store);
    *store = (struct store){.driver = driver,
                            .options = *options,
                            .lock = -1,
                            .share = -1,
                            .wait_ms = STORE_WAIT_MS,
                            .start_ms = STORE_START_MS};
    store->options.url = options->url ? mem_strdup(options->url) : NULL;
    store->options.data_dir = options->data_dir ? mem_strdup(options->data_dir) : NULL;
    if (store->options.readers == 0)
        store->options.readers = STORE_READERS;
    atomic_init(&store->probed_ms, -STORE_PROBE_MS);
    pthread_mutex_init(&store->listen_lock, NULL);
    bool may_change = false, fresh = false;
    int rc = take_directory(store, &may_change, err);
    if (rc == 0)
        rc = open_engine(store, may_change, &fresh, err);
    if (rc) {
        store_free(store);
        return rc;
    }
    if (options->shared) { // a command holds the directory only while it migrates
        dir_unlock(store->lock);
        store->lock = -1;
    }
    *ret = store;
    if (ret_fresh)
        *ret_fresh = fresh;
    return 0;
}

void store_close(struct store *store)
{
    if (store)
        store_free(store);
}

const char *store_engine(const struct store *store)
{
    return store->driver->name;
}

bool store_shared(const struct store *store)
{
    return store->options.shared;
}

bool store_alone(const struct store *store)
{
    int lock = store->options.data_dir ? dir_share(store->options.data_dir, false, &(struct err){0}) : ERR_CONFLICT;
    dir_unlock(lock);
    return lock >= 0 || lock == ERR_NOT_FOUND;
}

int store_import_lock(struct store *store, int64_t wait_ms, int *ret, struct err *err)
{
    *ret = -1;
    return store->options.data_dir ? dir_lock_imports(store->options.data_dir, wait_ms, ret, err) : 0;
}

void store_import_unlock(int lock)
{
    dir_unlock(lock);
}

bool store_writable(const struct store *store)
{
    if (atomic_load(&store->writable) || store->options.read_only)
        return atomic_load(&store->writable);
    // Whoever asks before writing would never write again: his question is what starts the look.
    struct store *own = (struct store *)store;
    long long now = clock_mono_ms(), last = atomic_load(&own->probed_ms);
    if (now - last >= STORE_PROBE_MS && atomic_compare_exchange_strong(&own->probed_ms, &last, now))
        own->writer ? writer_probe(own->writer) : pooled_probe(own->pooled);
    return false;
}

void store_listen(struct store *store, void (*fn)(void *arg, const struct change *changes, size_t n), void *arg)
{
    pthread_mutex_lock(&store->listen_lock);
    store->listener = fn;
    store->listener_arg = arg;
    pthread_mutex_unlock(&store->listen_lock);
}

static int read_within(struct store *store, int64_t wait_ms, const struct scope *scope, store_fn fn, void *arg,
                       struct err *err)
{
    struct driver_conn *conn;
    int rc = conns_take(store->readers, wait_ms, &conn, err);
    if (rc)
        return rc;
    rc = store->driver->begin(conn, false, err);
    bool lost = rc != 0;
    if (rc == 0) {
        rc = tx_run(store, conn, NULL, scope, fn, arg, &lost, err);
        if (rc || store->driver->commit(conn, NULL) != 0)
            store->driver->rollback(conn);
    }
    conns_put(store->readers, conn, !lost);
    if (rc == DRIVER_REPEAT)
        return err_set(err, ERR_UNAVAILABLE, "the engine could not read in one snapshot");
    return rc;
}

int store_read(struct store *store, const struct scope *scope, store_fn fn, void *arg, struct err *err)
{
    return read_within(store, store->wait_ms, scope, fn, arg, err);
}

STORE_SQL_ALL(store_row_ping, "SELECT MAX(number) FROM schema_migrations");

static int ping(struct tx *tx, void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    (void)arg;
    return tx_query_one(tx, &store_row_ping, NO_VALUES, &rows, err);
}

int store_ping(struct store *store, int wait_ms, struct err *err)
{
    struct scope scope = scope_installation(STR("health"));
    return read_within(store, wait_ms, &scope, ping, NULL, err);
}

void store_sizes(const struct store *store, int64_t *ret_database, int64_t *ret_log)
{
    *ret_database = *ret_log = -1;
    if (store->driver->sizes)
        store->driver->sizes(&store->options, ret_database, ret_log);
}

int store_write(struct store *store, const struct scope *scope, store_fn fn, void *arg, struct err *err)
{
    if (store->writer)
        return writer_run(store->writer, scope, fn, arg, err);
    if (store->pooled)
        return pooled_run(store->pooled, scope, fn, arg, err);
    return err_set(err, ERR_INTERNAL, "the store was opened for reading");
}

void store_write_async(struct store *store, const struct scope *scope, store_fn fn, void *arg,
                       void (*done)(void *arg, int rc, const struct err *err))
{
    struct err err;
    if (store->writer)
        writer_post(store->writer, scope, fn, arg, done, false);
    else if (store->pooled)
        pooled_post(store->pooled, scope, fn, arg, done);
    else
        done(arg, err_set(&err, ERR_INTERNAL, "the store was opened for reading"), &err);
}

void store_write_here(struct store *store, const struct scope *scope, store_fn fn, void *arg,
                      void (*done)(void *arg, int rc, const struct err *err))
{
    if (store->writer)
        writer_post(store->writer, scope, fn, arg, done, true);
    else
        store_write_async(store, scope, fn, arg, done);
}
