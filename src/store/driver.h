// SPDX-License-Identifier: Apache-2.0
// What an engine must provide behind store.h. A second engine is a second file with one of these rows.
#pragma once

#include "store/store.h"

enum {
    DRIVER_GROUP_COMMIT = 1, // one writer thread runs closures together
    DRIVER_BACKUP = 2, // can copy itself while running
    DRIVER_SKIP_LOCKED = 4, // several workers may claim jobs side by side
    DRIVER_ONE_PROCESS = 8, // the data directory belongs to one process
};

struct driver_conn; // one connection: used by one thread at a time
struct driver_stmt; // one prepared statement of a connection

struct driver {
    const char *name;
    unsigned caps;
    int (*connect)(const struct store_options *options, bool writer, struct driver_conn **ret, struct err *err);
    void (*disconnect)(struct driver_conn *conn);
    int (*script)(struct driver_conn *conn, const char *sql, struct err *err); // several statements, no parameters
    // Prepared statements are kept by the connection, keyed by the address of `sql`.
    int (*prepare)(struct driver_conn *conn, const struct store_sql *sql, struct driver_stmt **ret, struct err *err);
    int (*bind)(struct driver_stmt *stmt, const struct value *args, size_t n, struct err *err); // args[0] is $1
    int (*step)(struct driver_stmt *stmt, struct err *err); // 1 row, 0 end, negative failed
    void (*reset)(struct driver_stmt *stmt);
    int64_t (*changed)(struct driver_conn *conn);
    size_t (*columns)(struct driver_stmt *stmt);
    enum value_type (*type)(struct driver_stmt *stmt, size_t column);
    int64_t (*get_int)(struct driver_stmt *stmt, size_t column);
    double (*get_real)(struct driver_stmt *stmt, size_t column);
    struct str (*get_str)(struct driver_stmt *stmt, size_t column);
    int (*begin)(struct driver_conn *conn, bool write, struct err *err);
    int (*commit)(struct driver_conn *conn, struct err *err);
    void (*rollback)(struct driver_conn *conn);
    int (*savepoint)(struct driver_conn *conn, struct err *err);
    int (*release)(struct driver_conn *conn, struct err *err);
    void (*rollback_to)(struct driver_conn *conn);
    int (*backup)(struct driver_conn *conn, const char *path, struct err *err); // NULL without DRIVER_BACKUP
};

extern const struct driver driver_sqlite;
