// SPDX-License-Identifier: Apache-2.0
// Deliveries as their owner sees them, and sending them again.
#include "base/clock.h"
#include "base/vec.h"
#include "store/ids.h"
#include "store/webhook.h"

#include <stdlib.h>

// $5, $6: ids between which all rows of the times $3 to $4 are.
#define TIMED                                                                                                          \
    " FROM deliveries WHERE brand_id = $1 AND webhook_id = $2 AND created_at >= $3 AND created_at < $4 AND id >= $5 "  \
    "AND id < $6 AND (CAST($7 AS TEXT) IS NULL OR event = $7)"
#define ROWS "SELECT d.id, d.event_id, d.event, d.status, d.next_at, d.created_at, d.event_brand_id, d.sequence FROM "
#define PAGE(filters, limit, offset)                                                                                   \
    ROWS "(SELECT id" filters " ORDER BY id DESC LIMIT " limit " OFFSET " offset                                       \
         ") AS p JOIN deliveries d ON d.brand_id = $1 AND d.id = p.id ORDER BY d.id DESC"
STORE_SQL(delivery_rows, PAGE(TIMED, "$8", "$9"));
STORE_SQL(delivery_rows_in, PAGE(TIMED " AND status = $8", "$9", "$10"));
STORE_SQL(delivery_row, ROWS "deliveries d WHERE d.brand_id = $1 AND d.webhook_id = $2 AND d.id = $3");
STORE_SQL(delivery_count, "SELECT COUNT(*)" TIMED);
STORE_SQL(delivery_count_in, "SELECT COUNT(*)" TIMED " AND status = $8");
STORE_SQL(delivery_counts_sum,
          "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM delivery_counts WHERE brand_id = $1 AND "
          "webhook_id = $2 AND (CAST($3 AS TEXT) IS NULL OR event = $3) AND "
          "(CAST($4 AS TEXT) IS NULL OR status = $4)");
STORE_SQL(delivery_attempts, "SELECT id, at, status_code, duration, error, excerpt FROM attempts WHERE brand_id = $1 "
                             "AND delivery_id = $2 ORDER BY at, id LIMIT 1000");
STORE_SQL_ALL(delivery_payload, "SELECT data, created_at FROM events WHERE brand_id = $1 AND id = $2");
#define ENDED " AND (status = 'failed' OR (CAST($8 AS BIGINT) = 0 AND status IN ('delivered', 'cancelled')))"
STORE_SQL(delivery_ended, "SELECT id" TIMED ENDED " ORDER BY id LIMIT $9");
STORE_SQL(delivery_ended_one, "SELECT id FROM deliveries WHERE brand_id = $1 AND webhook_id = $2 AND id = $3 AND "
                              "status IN ('failed', 'delivered', 'cancelled')");
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

enum { ARGS = 6, NEAR_MS = 900000 };

// An id is made with its row, created_at with its event: not long apart.
static void args_of(struct arena *arena, struct str webhook_id, const struct delivery_filter *f,
                    struct value ret[ARGS + 4])
{
    bool first = f->from > NEAR_MS, last = f->to < INT64_MAX - NEAR_MS;
    ret[0] = v_str(webhook_id);
    ret[1] = v_int(f->from);
    ret[2] = v_int(f->to);
    ret[3] = v_str(first ? id_bound(arena, f->from - NEAR_MS) : STR(""));
    ret[4] = v_str(last ? id_bound(arena, f->to > 0 ? f->to + NEAR_MS : 0) : STR("g"));
    ret[5] = v_str(f->event);
}

static int complete(struct tx *tx, struct arena *arena, struct rows *rows, struct delivery *d, struct err *err)
{
    struct str brand = arena_str(arena, rows_str(rows, 6));
    int rc = load_payload(tx, arena, brand, rows_int(rows, 7), d, err);
    rc = rc ? rc : load_attempts(tx, arena, d, err);
    d->event_id = webhook_message_id(arena, d->event_id);
    return rc;
}

static int total_of(struct tx *tx, const struct delivery_filter *f, const struct value *args, int64_t *ret,
                    struct err *err)
{
    bool timed = f->from > 0 || f->to < INT64_MAX;
    if (!timed)
        return count_query(tx, &delivery_counts_sum, VALUES(args[0], v_str(f->event), v_str(f->status)), ret, err);
    return count_query(tx, f->status.p ? &delivery_count_in : &delivery_count, args, ARGS + (f->status.p ? 1 : 0), ret,
                       err);
}

static int page_of(struct tx *tx, struct arena *arena, struct str webhook_id, const struct delivery_filter *f,
                   int64_t limit, int64_t offset, struct rows **ret, int64_t *ret_total, struct err *err)
{
    struct value args[ARGS + 4];
    size_t n = ARGS;
    if (f->id.p)
        return tx_query(tx, &delivery_row, VALUES(v_str(webhook_id), v_str(f->id)), ret, err);
    args_of(arena, webhook_id, f, args);
    if (f->status.p)
        args[n++] = v_str(f->status);
    int rc = total_of(tx, f, args, ret_total, err);
    if (rc || offset >= *ret_total)
        return rc;
    args[n++] = v_int(limit);
    args[n++] = v_int(offset);
    return tx_query(tx, f->status.p ? &delivery_rows_in : &delivery_rows, args, n, ret, err);
}

int delivery_list(struct tx *tx, struct arena *arena, struct str webhook_id, const struct delivery_filter *filter,
                  int64_t limit, int64_t offset, struct delivery **ret, size_t *ret_n, int64_t *ret_total,
                  struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    *ret = arena_calloc(arena, (size_t)limit + 1, sizeof **ret);
    *ret_n = 0;
    int rc = page_of(tx, arena, webhook_id, filter, limit, offset, &rows, ret_total, err);
    while (!rc && rows && (rc = rows_next(rows, err)) == 1) {
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
    struct value args[ARGS + 4];
    *ret = (struct strings){arena_calloc(arena, REPLAY_MOST, sizeof *ret->at), 0};
    args_of(arena, webhook_id, filter, args);
    args[ARGS] = v_int(failed_only);
    args[ARGS + 1] = v_int(REPLAY_MOST);
    int rc = filter->id.p ? tx_query(tx, &delivery_ended_one, VALUES(v_str(webhook_id), v_str(filter->id)), &rows, err)
                          : tx_query(tx, &delivery_ended, args, ARGS + 2, &rows, err);
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
            if (!rc && changed)
                rc = delivery_moved(tx, ids->at[i], ended[k], "pending", err);
        }
    }
    *ret = counts[0] + counts[1] + counts[2];
    tx_changed(tx, CHANGE_WEBHOOK, webhook_id);
    return rc ? rc
              : tx_exec(tx, &webhook_rewound,
                        VALUES(v_str(webhook_id), v_int(counts[0]), v_int(counts[1]), v_int(counts[2])), NULL, err);
}
