// SPDX-License-Identifier: Apache-2.0
// The write-ahead log of SQLite's writer. SQLite writes each page of a commit in two pieces; here the pieces of one
// commit go to the file together, before the log is synced. Used by the thread that uses the connection.
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

struct sqlite_log {
    sqlite3_io_methods methods; // first: a file finds its log by them
    const sqlite3_io_methods *real;
    char *bytes; // not yet written, for `at`
    size_t n;
    sqlite3_int64 at;
    bool gathers;
};

// Takes the place of the log's own methods until the connection is closed; then comes sqlite_log_done. Without a log
// file nothing happens.
void sqlite_log_init(struct sqlite_log *log, sqlite3 *db);
void sqlite_log_done(struct sqlite_log *log);
// Around the statement that commits. Outside of it every write goes through: a page that SQLite writes earlier, because
// its cache is full, may belong to a transaction that is never committed, and its place then is anybody's.
void sqlite_log_begin(struct sqlite_log *log);
void sqlite_log_end(struct sqlite_log *log);
