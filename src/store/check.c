// SPDX-License-Identifier: Apache-2.0
// Checks of the declared statements. Quoted texts and comments are skipped, so that a "$1" inside them does not count.
#include "store/check.h"

#include "store/internal.h"

// Behind a quoted text or comment that begins at `at`, or `at` itself.
static const char *skip(const char *at)
{
    if (*at == '\'' || *at == '"') {
        const char *end = strchr(at + 1, *at); // a doubled quote begins the next one
        return end ? end + 1 : at + strlen(at);
    }
    if (at[0] == '-' && at[1] == '-') {
        const char *end = strchr(at, '\n');
        return end ? end + 1 : at + strlen(at);
    }
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    return at;
}

int store_sql_check(const struct store_sql *sql, struct err *err)
{
    bool seen[128] = {false};
    size_t most = 0;
    for (const char *at = sql->text; *at;) {
        const char *behind = skip(at);
        if (behind != at) {
            at = behind;
            continue;
        }
        if (*at++ != '$')
            continue;
        size_t number = 0, digits = strspn(at, "0123456789");
        for (size_t i = 0; i < digits && number < sizeof seen; i++)
            number = number * 10 + (size_t)(at[i] - '0');
        at += digits;
        if (number == 0 || number >= sizeof seen)
            return err_set(err, ERR_INVALID, "%s: a parameter is $ and a number", sql->name);
        seen[number] = true;
        most = number > most ? number : most;
    }
    for (size_t i = 1; i <= most; i++)
        if (!seen[i])
            return err_set(err, ERR_INVALID, "%s: $%zu is not mentioned", sql->name, i);
    if (!sql->installation && most == 0)
        return err_set(err, ERR_INVALID, "%s: $1, the brand, is not mentioned", sql->name);
    return 0;
}

static int prepare_all(struct tx *tx, void *arg __attribute__((unused)), struct err *err)
{
    const struct driver *driver = tx->store->driver;
    const struct store_sql *sql;
    for (size_t pos = 0; (sql = store_sql_next(&pos));) {
        struct driver_stmt *stmt;
        int rc = store_sql_check(sql, err);
        if (rc == 0)
            rc = driver->prepare(tx->conn, sql, &stmt, err);
        if (rc)
            return rc;
        driver->reset(stmt);
    }
    return 0;
}

int store_prepare_all(struct store *store, struct err *err)
{
    struct scope scope = scope_installation(STR("check"));
    return store_read(store, &scope, prepare_all, NULL, err);
}
