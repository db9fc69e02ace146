// SPDX-License-Identifier: Apache-2.0
// The rows of one query. A transaction knows its open ones and ends those that its closure forgot.
#include "store/internal.h"

#include "base/clock.h"
#include "base/metrics.h"

enum { TIMED_OF = 13 }; // no period of a handler's few statements

int64_t query_begins(void)
{
    static _Thread_local unsigned n;
    return n++ % TIMED_OF == 0 ? clock_mono_us() : 0;
}

void query_ended(int64_t began_us)
{
    if (began_us)
        metric_time(METRIC_DB_QUERY, METRIC_AT(0), clock_mono_us() - began_us);
}

struct rows *rows_new(struct tx *tx, struct driver_stmt *stmt)
{
    struct rows *rows = ARENA_NEW(tx_arena(tx), struct rows);
    rows->tx = tx;
    rows->stmt = stmt;
    rows->next = tx->open;
    tx->open = rows;
    return rows;
}

int rows_next(struct rows *rows, struct err *err)
{
    struct tx *tx = rows->tx;
    if (tx->failed)
        return tx_fail(tx, tx->failed, &tx->first, err);
    if (rows->ended)
        return 0;
    struct err cause = {0};
    int rc = tx->store->driver->step(rows->stmt, &cause);
    if (rc <= 0)
        rows->ended = true;
    return rc < 0 ? tx_fail(tx, rc, &cause, err) : rc;
}

void rows_done(struct rows *rows)
{
    if (!rows)
        return;
    struct tx *tx = rows->tx;
    for (struct rows **at = &tx->open; *at; at = &(*at)->next)
        if (*at == rows) {
            *at = rows->next;
            tx->store->driver->reset(rows->stmt);
            query_ended(rows->began_us);
            return;
        }
}

void rows_done_slot(struct rows **rows)
{
    rows_done(*rows);
}

size_t rows_columns(const struct rows *rows)
{
    return rows->tx->store->driver->columns(rows->stmt);
}

bool rows_is_null(struct rows *rows, size_t column)
{
    return rows->tx->store->driver->type(rows->stmt, column) == VALUE_NULL;
}

int64_t rows_int(struct rows *rows, size_t column)
{
    return rows->tx->store->driver->get_int(rows->stmt, column);
}

double rows_real(struct rows *rows, size_t column)
{
    return rows->tx->store->driver->get_real(rows->stmt, column);
}

bool rows_bool(struct rows *rows, size_t column)
{
    return rows_int(rows, column) != 0;
}

struct str rows_str(struct rows *rows, size_t column)
{
    return rows->tx->store->driver->get_str(rows->stmt, column);
}
