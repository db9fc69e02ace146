// SPDX-License-Identifier: Apache-2.0
// Deliveries as their owner sees them, and sending them again.
#include "base/clock.h"
#include "base/vec.h"
#include "store/webhook.h"

#include <stdlib.h>

#define FILTERS                                                                                                        \
    "brand_id = $1 AND webhook_id = $2 AND (CAST($3 AS TEXT) IS NULL OR id = $3) AND (CAST($4 AS TEXT) IS NULL OR "    \
    "status = $4) AND (CAST($5 AS TEXT) IS NULL OR event = $5) AND created_at >= $6 AND created_at < $7"
STORE_SQL(delivery_rows, "SELECT id, event_id, event, status, next_at, created_at, event_brand_id, sequence "
                         "FROM deliveries WHERE " FILTERS " ORDER BY id DESC LIMIT $8 OFFSET $9");
STORE_SQL(delivery_count, "SELECT COUNT(*) FROM deliveries WHERE " FILTERS);
STORE_SQL(delivery_attempts, "SELECT id, at, status_code, duration, error, excerpt FROM attempts WHERE brand_id = $1 "
                             "AND delivery_id = $2 ORDER BY at, id LIMIT 1000");
STORE_SQL_ALL(delivery_payload, "SELECT data, created_at FROM events WHERE brand_id = $1 AND id = $2");
STORE_SQL(delivery_ended,
          "SELECT id FROM deliveries WHERE " FILTERS " AND (status = 'failed' OR (CAST($8 AS BIGINT) = 0 AND "
          "status IN ('delivered', 'cancelled'))) ORDER BY id LIMIT $9");
STORE_SQL(webhook_arm, "UPDATE webhooks SET due_at = $3 WHERE brand_id = $1 AND id = $2");
STORE_SQL(delivery_rewind, "UPDATE deliveries SET status = 'pending', tries = 0, line = NULL, next_at = $5 "
                           "WHERE brand_id = $1 AND webhook_id = $2 AND id = $3 AND status = $4");
STORE_SQL(webhook_rewound, "UPDATE webhooks SET failed = failed - $3, succeeded = succeeded - $4, "
                           "cancelled = cancelled - $5 WHERE brand_id = $1 AND id = $2");

static int load_attempts(struct tx *tx, struct arena *arena, struct delivery *delivery, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct attempt) found = {0};
    int rc = tx_query(tx, &delivery_attempts, VALUES(v_str(delivery->id)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct attempt a = {.id = arena_str(arena, rows_str(rows, 0)),
                            .at = rows_int(rows, 1),
                            .duration = rows_int(rows, 3),
                            .error = arena_str(arena, rows_str(rows, 4)),
                            .excerpt = arena_str(arena, rows_str(rows, 5))};
        a.status_code = rows_is_null(rows, 2) ? 0 : rows_int(rows, 2);
        for (size_t i = 0; i < 6; i++)
            a.set |= (uint64_t)!rows_is_null(rows, i) << i;
        vec_add(&found, a);
        rc = 0;
    }
    delivery->attempts = (struct objects){arena_calloc(arena, found.n + 1, sizeof *found.at), found.n};
    if (found.n)
        memcpy(delivery->attempts.at, found.at, found.n * sizeof *found.at);
    vec_done(&found);
    return rc;
}

// Without payload when the event is gone.
static int load_payload(struct tx *tx, struct arena *arena, struct str brand, int64_t sequence,
                        struct delivery *delivery, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &delivery_payload, VALUES(v_str(brand), v_str(delivery->event_id)), &rows, err);
    if (rc != 1)
        return rc;
    struct event event = {.id = delivery->event_id,
                          .name = delivery->event,
                          .sequence = sequence,
                          .at = rows_int(rows, 1),
                          .data = rows_str(rows, 0)};
    delivery->payload = webhook_payload(arena, brand, &event);
    model_mark(&delivery_model, delivery, "payload", true);
    return 0;
}

static struct delivery row_of(struct rows *rows, struct arena *arena, struct str webhook_id)
{
    struct delivery d = {
        .set = (UINT64_C(1) << delivery_model.n) - 1,
        .id = arena_str(arena, rows_str(rows, 0)),
        .webhook_id = webhook_id,
        .event_id = arena_str(arena, rows_str(rows, 1)),
        .event = arena_str(arena, rows_str(rows, 2)),
        .status = arena_str(arena, rows_str(rows, 3)),
        .next_at = rows_is_null(rows, 4) ? 0 : rows_int(rows, 4),
        .created_at = rows_int(rows, 5),
    };
    model_mark(&delivery_model, &d, "nextAttemptAt", d.next_at);
    model_mark(&delivery_model, &d, "payload", false);
    return d;
}

#define FILTER_VALUES(f)                                                                                               \
    v_str(webhook_id), v_str((f)->id), v_str((f)->status), v_str((f)->event), v_int((f)->from), v_int((f)->to)

static int complete(struct tx *tx, struct arena *arena, struct rows *rows, struct delivery *d, struct err *err)
{
    struct str brand = arena_str(arena, rows_str(rows, 6));
    int rc = load_payload(tx, arena, brand, rows_int(rows, 7), d, err);
    rc = rc ? rc : load_attempts(tx, arena, d, err);
    d->event_id = webhook_message_id(arena, d->event_id);
    return rc;
}

int delivery_list(struct tx *tx, struct arena *arena, struct str webhook_id, const struct delivery_filter *filter,
                  int64_t limit, int64_t offset, struct delivery **ret, size_t *ret_n, int64_t *ret_total,
                  struct err *err)
{
    AUTO_ROWS struct rows *total = NULL, *rows = NULL;
    *ret = arena_calloc(arena, (size_t)limit + 1, sizeof **ret);
    *ret_n = 0;
    int rc = tx_query_one(tx, &delivery_count, VALUES(FILTER_VALUES(filter)), &total, err);
    if (rc < 0)
        return rc;
    *ret_total = rows_int(total, 0);
    rc = tx_query(tx, &delivery_rows, VALUES(FILTER_VALUES(filter), v_int(limit), v_int(offset)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct delivery *d = &(*ret)[(*ret_n)++];
        *d = row_of(rows, arena, webhook_id);
        rc = complete(tx, arena, rows, d, err);
    }
    return rc;
}

int delivery_ended_list(struct tx *tx, struct arena *arena, struct str webhook_id, const struct delivery_filter *filter,
                        bool failed_only, struct strings *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    *ret = (struct strings){arena_calloc(arena, REPLAY_MOST, sizeof *ret->at), 0};
    int rc = tx_query(tx, &delivery_ended, VALUES(FILTER_VALUES(filter), v_int(failed_only), v_int(REPLAY_MOST)), &rows,
                      err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        ret->at[ret->n++] = arena_str(arena, rows_str(rows, 0));
        rc = 0;
    }
    return rc;
}

int delivery_replay(struct tx *tx, struct str webhook_id, const struct strings *ids, bool failed_only, int64_t now,
                    int64_t *ret, struct err *err)
{
    static const char *const ended[] = {"failed", "delivered", "cancelled"};
    int64_t counts[3] = {0}, changed;
    int rc = tx_exec(tx, &webhook_arm, VALUES(v_str(webhook_id), v_int(now)), NULL, err);
    for (size_t i = 0; i < ids->n && !rc; i++) {
        changed = 0;
        for (size_t k = 0; k < (failed_only ? 1 : 3) && !rc && !changed; k++) {
            rc = tx_exec(tx, &delivery_rewind,
                         VALUES(v_str(webhook_id), v_str(ids->at[i]), v_cstr(ended[k]), v_int(now)), &changed, err);
            counts[k] += rc ? 0 : changed;
        }
    }
    *ret = counts[0] + counts[1] + counts[2];
    tx_changed(tx, CHANGE_WEBHOOK, webhook_id);
    return rc ? rc
              : tx_exec(tx, &webhook_rewound,
                        VALUES(v_str(webhook_id), v_int(counts[0]), v_int(counts[1]), v_int(counts[2])), NULL, err);
}
