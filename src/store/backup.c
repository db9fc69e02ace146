// SPDX-License-Identifier: Apache-2.0
// Copies of a database. A copy is written beside its place, synced, and only then given its name, so that a file of
// that name is always whole; the name is given by link(2), which never replaces another file.
#include "store/backup.h"

#include "base/err_file.h"
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COPY_BLOCK = 1 << 18 };

static int sync_path(const char *path, int flags, struct err *err)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return err_file(err, "open", path);
    int rc = fsync(fd) == 0 ? 0 : err_file(err, "sync", path);
    close(fd);
    return rc;
}

static int sync_folder_of(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *folder = !slash ? mem_strdup(".") : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    return sync_path(folder, O_RDONLY | O_DIRECTORY, err);
}

static int partial_name(const char *path, char out[PATH_MAX], struct err *err)
{
    if ((size_t)snprintf(out, PATH_MAX, "%s.partial-%d", path, (int)getpid()) >= PATH_MAX)
        return err_set(err, ERR_INVALID, "path of the copy is too long");
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_CONFLICT, "%s is there already", path);
    if (unlink(out) != 0 && errno != ENOENT)
        return err_file(err, "remove", out);
    return 0;
}

static int publish(const char *partial, const char *path, struct err *err)
{
    int rc = sync_path(partial, O_RDWR, err);
    if (rc == 0 && link(partial, path) != 0)
        rc = errno == EEXIST ? err_set(err, ERR_CONFLICT, "%s is there already", path) : err_file(err, "make", path);
    unlink(partial);
    return rc ? rc : sync_folder_of(path, err);
}

int backup_write(const struct driver *driver, struct driver_conn *conn, const char *path, struct err *err)
{
    char partial[PATH_MAX];
    int rc = partial_name(path, partial, err);
    if (rc)
        return rc;
    int fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); // an empty file is what the engine accepts
    if (fd < 0)
        return err_file(err, "make", partial);
    close(fd);
    rc = driver->backup(conn, partial, err);
    if (rc == 0)
        return publish(partial, path, err);
    unlink(partial);
    return rc;
}

int store_backup(struct store *store, const char *path, struct err *err)
{
    if (!store->driver->backup)
        return err_set(err, ERR_INVALID, "a %s store is copied with its own tools", store->driver->name);
    struct driver_conn *conn;
    int rc = store->driver->connect(&store->options, false, &conn, err); // its own: a copy may take minutes
    if (rc)
        return rc;
    rc = backup_write(store->driver, conn, path, err);
    store->driver->disconnect(conn);
    return rc;
}

static int copy_bytes(int from, const char *partial, struct err *err)
{
    int to = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return err_file(err, "make", partial);
    AUTO_FREE char *block = mem_alloc(COPY_BLOCK);
    int rc = 0;
    for (ssize_t n; rc == 0 && (n = read(from, block, COPY_BLOCK)) != 0;) {
        for (ssize_t done = 0, wrote = 0; rc == 0 && done < n; done += wrote) {
            wrote = write(to, block + done, (size_t)(n - done));
            if (wrote < 0)
                rc = err_file(err, "write", partial);
        }
        if (n < 0)
            rc = err_set(err, ERR_IO, "cannot read the copy: %m");
    }
    close(to);
    return rc;
}

int store_copy_check(const char *path, int *ret_migration, struct err *err)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db,
                                "SELECT (SELECT application_id FROM pragma_application_id) = 1347570777"
                                " AND (SELECT quick_check FROM pragma_quick_check) = 'ok',"
                                " (SELECT coalesce(max(number), 0) FROM schema_migrations)",
                                -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    bool good = rc == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 1;
    if (good && ret_migration)
        *ret_migration = sqlite3_column_int(stmt, 1);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return good ? 0 : err_set(err, ERR_FORMAT, "the file is not a whole copy of a store");
}

int store_restore(const char *path, const char *data_dir, struct err *err)
{
    char target[PATH_MAX], partial[PATH_MAX];
    if ((size_t)snprintf(target, sizeof target, "%s/parley.db", data_dir) >= sizeof target)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %m", path);
    int lock = -1, rc = dir_make(data_dir, err);
    if (rc == 0)
        rc = dir_lock(data_dir, &lock, err);
    if (rc == 0)
        rc = partial_name(target, partial, err);
    if (rc == 0) {
        rc = copy_bytes(from, partial, err);
        if (rc == 0) // where it will stand, so that what was checked is what is used
            rc = store_copy_check(partial, NULL, err);
        if (rc == 0)
            rc = publish(partial, target, err);
        else
            unlink(partial);
    }
    close(from);
    dir_unlock(lock);
    return rc;
}
