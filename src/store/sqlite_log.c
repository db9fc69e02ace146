// SPDX-License-Identifier: Apache-2.0
// What is gathered is written when it is synced, read, measured or cut, or when something else is written than what
// follows it. With synchronous=FULL SQLite syncs the log before it tells readers of the new pages, so none of them ever
// looks for what is still here. What a failed commit leaves is dropped: nobody was told of it.
#include "store/sqlite_log.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { GATHERED_MOST = 120 << 10 }; // touched as far as a commit needs it; SQLite's files take no 128 KiB at once

static struct sqlite_log *log_of(sqlite3_file *file)
{
    return (struct sqlite_log *)(uintptr_t)file->pMethods;
}

static int flush(struct sqlite_log *log, sqlite3_file *file)
{
    int n = (int)log->n;
    log->n = 0;
    return n ? log->real->xWrite(file, log->bytes, n, log->at) : SQLITE_OK;
}

static int log_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    struct sqlite_log *log = log_of(file);
    bool follows = at == log->at + (sqlite3_int64)log->n && log->n + (size_t)n <= GATHERED_MOST;
    int rc = follows ? SQLITE_OK : flush(log, file);
    if (rc != SQLITE_OK)
        return rc;
    if (!log->gathers || n > GATHERED_MOST)
        return log->real->xWrite(file, bytes, n, at);
    if (log->n == 0)
        log->at = at;
    memcpy(log->bytes + log->n, bytes, (size_t)n);
    log->n += (size_t)n;
    return SQLITE_OK;
}

static int log_sync(sqlite3_file *file, int flags)
{
    int rc = flush(log_of(file), file);
    return rc == SQLITE_OK ? log_of(file)->real->xSync(file, flags) : rc;
}

static int log_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
    int rc = flush(log_of(file), file);
    return rc == SQLITE_OK ? log_of(file)->real->xRead(file, bytes, n, at) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = flush(log_of(file), file);
    return rc == SQLITE_OK ? log_of(file)->real->xTruncate(file, size) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    int rc = flush(log_of(file), file);
    return rc == SQLITE_OK ? log_of(file)->real->xFileSize(file, ret) : rc;
}

void sqlite_log_init(struct sqlite_log *log, sqlite3 *db)
{
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK || !file || !file->pMethods)
        return;
    *log = (struct sqlite_log){.methods = *file->pMethods, .real = file->pMethods, .bytes = mem_alloc(GATHERED_MOST)};
    log->methods.xWrite = log_write;
    log->methods.xSync = log_sync;
    log->methods.xRead = log_read;
    log->methods.xTruncate = log_truncate;
    log->methods.xFileSize = log_size;
    file->pMethods = &log->methods;
}

void sqlite_log_done(struct sqlite_log *log)
{
    free(log->bytes);
}

void sqlite_log_begin(struct sqlite_log *log)
{
    log->gathers = log->bytes != NULL;
}

void sqlite_log_end(struct sqlite_log *log)
{
    log->gathers = false;
    log->n = 0;
}
