// SPDX-License-Identifier: Apache-2.0
// Migrations: numbered, forward only, one transaction each together with its row in schema_migrations. Before the first
// change of a database that holds something a copy is made beside it, and only the newest such copy is kept. An empty
// database gets what they make together in one step, for SQLite reads its whole schema again at every change of a
// table: 60 ms of a start.
#include "store/internal.h"

#include "base/clock.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SNAPSHOT "parley.db.before-"

static const char create_table[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                   "number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";
static const struct store_sql sql_newest = {"migration_newest",
                                            "SELECT coalesce(max(number), 0), count(*) FROM schema_migrations", true};
static const struct store_sql sql_add = {
    "migration_add", "INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, $3)", true};

static int newest(const struct driver *driver, struct driver_conn *conn, int *ret, struct err *err)
{
    struct driver_stmt *stmt;
    int rc = driver->prepare(conn, &sql_newest, &stmt, err);
    if (rc)
        return rc;
    rc = driver->step(stmt, err);
    if (rc > 0)
        *ret = (int)driver->get_int(stmt, 0);
    driver->reset(stmt);
    return rc < 0 ? rc : 0;
}

static int record(const struct driver *driver, struct driver_conn *conn, const struct migration *migration,
                  struct err *err)
{
    struct driver_stmt *stmt;
    int rc = driver->prepare(conn, &sql_add, &stmt, err);
    if (rc)
        return rc;
    const struct value args[] = {v_int(migration->number), v_cstr(migration->name), v_int(clock_wall_ms())};
    rc = driver->bind(stmt, args, 3, false, err);
    rc = rc ? rc : driver->step(stmt, err);
    driver->reset(stmt);
    return rc < 0 ? rc : 0;
}

// n migrations in one transaction, by their own SQL or by `schema`, unless another process was first.
static int apply(const struct driver *driver, struct driver_conn *conn, const struct migration *migrations, size_t n,
                 const char *schema, struct err *err)
{
    struct err cause = {0};
    int at = 0, rc = driver->begin_schema(conn, &cause);
    rc = rc ? rc : newest(driver, conn, &at, &cause);
    if (rc == 0 && at >= migrations->number)
        return driver->commit_schema(conn, err);
    if (rc == 0 && schema)
        rc = driver->script(conn, schema, &cause);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = schema ? 0 : driver->script(conn, migrations[i].sql, &cause);
        rc = rc ? rc : record(driver, conn, &migrations[i], &cause);
    }
    rc = rc ? rc : driver->commit_schema(conn, &cause);
    if (rc == 0)
        return 0;
    driver->rollback(conn);
    if (schema)
        return err_set(err, rc, "an empty database: %s", cause.text);
    return err_set(err, rc, "migration %04d_%s: %s", migrations->number, migrations->name, cause.text);
}

static void remove_other_snapshots(const char *folder, const char *keep)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, SNAPSHOT, sizeof SNAPSHOT - 1) == 0 && strcmp(entry->d_name, keep) != 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static int snapshot(const struct driver *driver, struct driver_conn *conn, const char *folder, int number,
                    struct err *err)
{
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, SNAPSHOT "%04d", number);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    unlink(path); // of an attempt that did not get through: the database is still what it was then
    int rc = backup_write(driver, conn, path, err);
    if (rc == 0)
        remove_other_snapshots(folder, name);
    return rc;
}

int migrate(const struct driver *driver, struct driver_conn *conn, const struct store_options *options, bool may_change,
            bool *ret_fresh, struct err *err)
{
    int last = options->n_migrations ? options->migrations[options->n_migrations - 1].number : 0;
    int at = 0, rc = 0;
    if (may_change) {
        rc = driver->script(conn, create_table, err);
        if (rc == 0)
            rc = newest(driver, conn, &at, err);
    } else if (newest(driver, conn, &at, NULL) != 0) {
        at = 0; // no such table yet
    }
    if (rc)
        return rc;
    if (at > last)
        return err_set(err, ERR_CONFLICT, "the database is at migration %d, this program knows only up to %d", at,
                       last);
    if (at < last && !may_change)
        return err_set(err, ERR_CONFLICT,
                       "the database is at migration %d, this program needs %d: start the server of "
                       "this version first",
                       at, last);
    *ret_fresh = at == 0;
    size_t first = 0;
    while (first < options->n_migrations && options->migrations[first].number <= at)
        first++;
    if (at > 0 && at < last && driver->backup)
        rc = snapshot(driver, conn, options->data_dir, options->migrations[first].number, err);
    if (at == 0 && options->schema && last > 0)
        return apply(driver, conn, options->migrations, options->n_migrations, options->schema, err);
    for (size_t i = first; i < options->n_migrations && rc == 0; i++)
        rc = apply(driver, conn, options->migrations + i, 1, NULL, err);
    return rc;
}
