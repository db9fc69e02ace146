// SPDX-License-Identifier: Apache-2.0
// What the files of store/ share with each other and with their tests; nobody else includes this.
#pragma once

#include "base/vec.h"
#include "store/driver.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    STORE_QUEUE_MAX = 4096, // writes that may wait
    STORE_READERS = 8,
    STORE_WAIT_MS = 5000,   // for a reader connection
    STORE_START_MS = 30000, // for a write to begin
    STORE_PROBE_MS = 1000,
};

// ---- what a commit tells others -------------------------------------------------------------------------------------

struct effect {
    void (*fn)(void *arg);
    void *arg;
};

struct effects { // of all closures of one commit
    VEC(struct change) changes;
    VEC(struct effect) after;
    struct arena *arena; // bytes of the changes, made at the first
    bool loud;           // of some closure somebody else may see something
};

void effects_tell(struct effects *effects, struct store *store); // listener, then the callbacks
void effects_clear(struct effects *effects);
void effects_done(struct effects *effects);

// ---- one closure's transaction --------------------------------------------------------------------------------------

struct tx {
    struct store *store;
    const struct scope *scope;
    struct driver_conn *conn;
    struct effects *effects;         // NULL in a read
    size_t changes_mark, after_mark; // effects before this closure
    struct arena *arena;             // made at first use
    struct rows *open;               // not yet done
    bool quiet;
    int failed;                      // code of the first statement that failed: nothing more runs in this transaction
    struct err first;
};

// Runs the closure alone: no begin, no commit. Its effects are dropped when it fails. *ret_lost: the engine lost the
// transaction around it (ERR_UNAVAILABLE, DRIVER_REPEAT).
int tx_run(struct store *store, struct driver_conn *conn, struct effects *effects, const struct scope *scope,
           store_fn fn, void *arg, bool *ret_lost, struct err *err);
int tx_fail(struct tx *tx, int rc, const struct err *cause, struct err *err); // marks it failed, returns rc
void tx_close_rows(struct tx *tx);

struct rows {
    struct tx *tx;
    int64_t began_us; // 0: not timed
    struct driver_stmt *stmt;
    struct rows *next;
    bool ended;
};

// Every 13th statement of a thread is timed: 0 for the others.
int64_t query_begins(void);
void query_ended(int64_t began_us);

struct rows *rows_new(struct tx *tx, struct driver_stmt *stmt);

// ---- connections ----------------------------------------------------------------------------------------------------

struct conns; // a bounded pool, opened lazily, the one used last is taken first
struct conns *conns_new(const struct driver *driver, const struct store_options *options, size_t max, bool writer);
void conns_free(struct conns *conns);
int conns_take(struct conns *conns, int64_t wait_ms, struct driver_conn **ret, struct err *err);
void conns_put(struct conns *conns, struct driver_conn *conn, bool keep); // keep false: it is closed

// ---- the writer -----------------------------------------------------------------------------------------------------

struct writer;
struct writer *writer_new(struct store *store, struct driver_conn *conn); // owns the connection; NULL: no thread
void writer_free(struct writer *writer);                                  // finishes what is queued
int writer_run(struct writer *writer, const struct scope *scope, store_fn fn, void *arg, struct err *err);
// here: where nobody leads the caller does, and waits for the commit.
void writer_post(struct writer *writer, const struct scope *scope, store_fn fn, void *arg,
                 void (*done)(void *arg, int rc, const struct err *err), bool here);
void writer_probe(struct writer *writer); // soon, without waiting

// Many transactions at once, for an engine without group commit; otherwise like the writer.
struct pooled;
struct pooled *pooled_new(struct store *store);
void pooled_free(struct pooled *pooled);
int pooled_run(struct pooled *pooled, const struct scope *scope, store_fn fn, void *arg, struct err *err);
void pooled_post(struct pooled *pooled, const struct scope *scope, store_fn fn, void *arg,
                 void (*done)(void *arg, int rc, const struct err *err));
void pooled_probe(struct pooled *pooled);

// A scope with its strings copied to `to`, which has room for scope_bytes.
size_t scope_bytes(const struct scope *scope);
struct scope scope_copy(const struct scope *scope, char *to);

// ---- the store ------------------------------------------------------------------------------------------------------

struct store {
    const struct driver *driver;
    struct store_options options; // strings are its own
    struct conns *readers;
    struct writer *writer; // one of these two, none when opened for reading
    struct pooled *pooled;
    int lock, share; // descriptors of the directory's locks, or -1
    atomic_bool writable;
    atomic_llong probed_ms;
    int64_t wait_ms, start_ms;
    pthread_mutex_t listen_lock;
    void (*listener)(void *arg, const struct change *changes, size_t n);
    void *listener_arg;
};

// store_open after the engine has been chosen.
int store_open_driver(const struct driver *driver, const struct store_options *options, struct store **ret,
                      bool *ret_fresh, struct err *err);

int dir_make(const char *path, struct err *err); // with its parents, mode 0700; an existing one is left alone
// The lock of a data directory; ERR_CONFLICT names the process that has it. Released by closing or by death.
int dir_lock(const char *path, int *ret, struct err *err);
void dir_unlock(int lock);
// Of whoever imports; waits for it. ERR_CONFLICT: held by another one all the time.
int dir_lock_imports(const char *path, int64_t wait_ms, int *ret, struct err *err);
// A descriptor: held by every command that shares the directory (waits for the owner's look), or, not shared, by its
// owner while no such command runs (ERR_CONFLICT: one does, ERR_NOT_FOUND: there never was one).
int dir_share(const char *path, bool shared, struct err *err);

// Brings the database to the newest migration. Without `may_change` it only checks and an older one is ERR_CONFLICT.
int migrate(const struct driver *driver, struct driver_conn *conn, const struct store_options *options, bool may_change,
            bool *ret_fresh, struct err *err);

// Copies into a new file at `path` (ERR_CONFLICT if there is one); whole on the disk when it returns 0.
int backup_write(const struct driver *driver, struct driver_conn *conn, const char *path, struct err *err);
