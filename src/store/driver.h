// SPDX-License-Identifier: Apache-2.0
// What an engine must provide behind store.h. A second engine is a second file with one of these rows.
//
// Errors an engine gives: ERR_CONFLICT (unique, foreign key), ERR_INVALID (check, not null), ERR_UNAVAILABLE (disk
// full, engine away: the whole transaction is lost), ERR_LIMIT (too big), ERR_IO (damaged file), ERR_INTERNAL (SQL that
// does not fit the engine: a bug of ours).
#pragma once

#include "store/store.h"

enum {
    DRIVER_GROUP_COMMIT = 1, // one writer thread runs closures together
    DRIVER_BACKUP = 2, // can copy itself while running
    DRIVER_SKIP_LOCKED = 4, // several workers may claim jobs side by side
    DRIVER_ONE_PROCESS = 8, // the data directory belongs to one process
};

enum { DRIVER_REPEAT = -1000 }; // deadlock, serialisation: the same again may succeed; never leaves the store

enum driver_tidy { TIDY_NO, TIDY_IDLE, TIDY_NOW }; // not needed, when nothing else is to be done, before the next write

struct driver_conn; // one connection: used by one thread at a time
struct driver_stmt; // one prepared statement of a connection

struct driver {
    const char *name;
    unsigned caps;
    int (*connect)(const struct store_options *options, bool writer, struct driver_conn **ret, struct err *err);
    void (*disconnect)(struct driver_conn *conn);
    int (*script)(struct driver_conn *conn, const char *sql, struct err *err); // several statements, no parameters

    // Prepared statements are kept by the connection, keyed by the address of `sql`, which must stay what it is for as
    // long as the connection. A statement that is in use gives a second one, so that a query may nest in itself.
    int (*prepare)(struct driver_conn *conn, const struct store_sql *sql, struct driver_stmt **ret, struct err *err);
    // args[0] is $1. `copy` false: the bytes behind args stay until reset.
    int (*bind)(struct driver_stmt *stmt, const struct value *args, size_t n, bool copy, struct err *err);
    int (*step)(struct driver_stmt *stmt, struct err *err); // 1 row, 0 end, negative failed
    void (*reset)(struct driver_stmt *stmt); // ends the use that prepare began
    int64_t (*changed)(struct driver_stmt *stmt); // rows changed by its last step; 0 for a query
    size_t (*columns)(struct driver_stmt *stmt);
    enum value_type (*type)(struct driver_stmt *stmt, size_t column);
    int64_t (*get_int)(struct driver_stmt *stmt, size_t column);
    double (*get_real)(struct driver_stmt *stmt, size_t column);
    struct str (*get_str)(struct driver_stmt *stmt, size_t column);

    int (*begin)(struct driver_conn *conn, bool write, struct err *err); // a read is one snapshot
    int (*commit)(struct driver_conn *conn, struct err *err); // durable when it returns 0; else call rollback
    void (*rollback)(struct driver_conn *conn);
    int (*savepoint)(struct driver_conn *conn, struct err *err);
    int (*check)(struct driver_conn *conn, struct err *err); // deferred foreign keys, at the end of each closure
    int (*release)(struct driver_conn *conn, struct err *err);
    int (*rollback_to)(struct driver_conn *conn, struct err *err); // to the savepoint, which ends
    // A transaction that changes tables, locked against a second one: foreign keys are not enforced within (a table may
    // be rebuilt) and checked at its end. On failure call rollback and disconnect.
    int (*begin_schema)(struct driver_conn *conn, struct err *err);
    int (*commit_schema)(struct driver_conn *conn, struct err *err);

    int (*backup)(struct driver_conn *conn, const char *path, struct err *err); // NULL without DRIVER_BACKUP
    // A number that changes when another connection than this one, the writer's, has committed. May be NULL.
    // Commits that were noted as quiet do not count.
    int64_t (*outside)(struct driver_conn *conn);
    // Before the commit of a command beside the owner: what others keep in memory changed (loud), or not. May be NULL.
    void (*note)(struct driver_conn *conn, bool loud);
    // Housekeeping of the writer between two transactions; both may be NULL.
    enum driver_tidy (*untidy)(struct driver_conn *conn);
    void (*tidy)(struct driver_conn *conn);
    void (*sizes)(const struct store_options *options, int64_t *ret_database, int64_t *ret_log); // may be NULL
    int (*probe)(struct driver_conn *conn, struct err *err); // smallest durable write: is there room again?
};

extern const struct driver driver_sqlite;
