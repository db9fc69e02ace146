// SPDX-License-Identifier: Apache-2.0
// What becomes of a delivery: claimed, tried, recorded. The rules of the rows are in webhook.h.
#include "store/webhook.h"

#include "base/clock.h"
#include "base/vec.h"
#include "store/audit.h"
#include "store/crud.h"
#include "store/ids.h"
#include "store/job.h"

#include <stdlib.h>

enum { LOOKED_AT = 64, CANCELLED_AT_ONCE = 1000 };

STORE_SQL_ALL(webhooks_waiting, "SELECT brand_id, id, due_at FROM webhooks WHERE active = 1 AND due_at IS NOT NULL "
                                "ORDER BY due_at LIMIT $1");
// Locks the row and says whether it may deliver.
STORE_SQL(webhook_take, "UPDATE webhooks SET due_at = NULL WHERE brand_id = $1 AND id = $2 AND active = 1 "
                        "AND hold_until <= $3");
STORE_SQL(webhook_lock, "UPDATE webhooks SET due_at = NULL WHERE brand_id = $1 AND id = $2");
STORE_SQL(webhook_rearm,
          "UPDATE webhooks SET due_at = (SELECT CASE WHEN d.next_at < webhooks.hold_until THEN webhooks.hold_until "
          "ELSE d.next_at END FROM deliveries d WHERE d.brand_id = $1 AND d.webhook_id = $2 AND d.status = 'pending' "
          "AND d.next_at IS NOT NULL ORDER BY d.next_at LIMIT 1) WHERE brand_id = $1 AND id = $2");
STORE_SQL(deliveries_ready,
          "SELECT id, event_brand_id, event_id, event, chatbot_id, sequence, tries FROM deliveries WHERE brand_id = $1 "
          "AND webhook_id = $2 AND status = 'pending' AND next_at IS NOT NULL AND next_at <= $3 "
          "ORDER BY next_at, id LIMIT $4");
STORE_SQL_ALL(delivery_event, "SELECT data, created_at FROM events WHERE brand_id = $1 AND id = $2");
STORE_SQL_ALL(delivery_chatbot, "SELECT id FROM chatbots WHERE brand_id = $1 AND id = $2 AND deleted_at IS NULL");
STORE_SQL(delivery_lease, "UPDATE deliveries SET next_at = $3, claimed = 1 WHERE brand_id = $1 AND id = $2");
STORE_SQL(delivery_again, "UPDATE deliveries SET next_at = $3, claimed = 0, tries = tries + 1 WHERE brand_id = $1 "
                          "AND id = $2 AND status = 'pending'");
STORE_SQL(delivery_end, "UPDATE deliveries SET status = $3, next_at = NULL, claimed = 0, tries = tries + $4 "
                        "WHERE brand_id = $1 AND id = $2 AND status = 'pending'");
STORE_SQL(delivery_line, "SELECT line FROM deliveries WHERE brand_id = $1 AND id = $2");
STORE_SQL(delivery_step_up,
          "UPDATE deliveries SET next_at = $4 WHERE brand_id = $1 AND next_at IS NULL AND id = "
          "(SELECT id FROM deliveries WHERE brand_id = $1 AND webhook_id = $2 AND line = $3 AND status = 'pending' "
          "AND line IS NOT NULL ORDER BY sequence, id LIMIT 1)");
STORE_SQL(attempt_insert, "INSERT INTO attempts (brand_id, delivery_id, id, at, status_code, duration, error, excerpt) "
                          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
STORE_SQL(webhook_tried,
          "UPDATE webhooks SET last_attempt_at = $3, succeeded = succeeded + $4, failed = failed + $5, "
          "last_success_at = CASE WHEN $4 = 1 THEN $3 ELSE last_success_at END, "
          "last_failure_at = CASE WHEN $4 = 1 THEN last_failure_at ELSE $3 END, "
          "given_up = CASE WHEN $4 = 1 THEN 0 ELSE given_up + $5 END, "
          "hold_until = CASE WHEN hold_until > $6 THEN hold_until ELSE $6 END WHERE brand_id = $1 AND id = $2");
STORE_SQL(webhook_count_cancelled, "UPDATE webhooks SET cancelled = cancelled + $3 WHERE brand_id = $1 AND id = $2");
STORE_SQL(webhook_count_test, "UPDATE webhooks SET total = total + 1 WHERE brand_id = $1 AND id = $2");
STORE_SQL(webhook_gone, "UPDATE webhooks SET active = 0, disabled_reason = 'gone', updated_at = $3 "
                        "WHERE brand_id = $1 AND id = $2 AND active = 1");
STORE_SQL(webhook_fails, "UPDATE webhooks SET active = 0, disabled_reason = 'failing', updated_at = $4 "
                         "WHERE brand_id = $1 AND id = $2 AND active = 1 AND given_up > 0 AND active_since <= $3 "
                         "AND COALESCE(last_success_at, 0) <= $3");
STORE_SQL_ALL(webhooks_failing,
              "SELECT brand_id, id FROM webhooks WHERE active = 1 AND given_up > 0 AND active_since <= $1 "
              "AND COALESCE(last_success_at, 0) <= $1 LIMIT 1000");
STORE_SQL(delivery_walk_on, "SELECT id FROM deliveries WHERE brand_id = $1 AND webhook_id = $2 AND id > $3 "
                            "AND (CAST($4 AS TEXT) IS NULL OR id <= $4) ORDER BY id LIMIT $5");
STORE_SQL(delivery_newest,
          "SELECT id FROM deliveries WHERE brand_id = $1 AND webhook_id = $2 ORDER BY id DESC LIMIT 1");
STORE_SQL(delivery_counted,
          "INSERT INTO delivery_counts (brand_id, webhook_id, event, status, n) SELECT $1, d.webhook_id, d.event, "
          "COALESCE(CAST($3 AS TEXT), d.status), CAST($4 AS BIGINT) FROM deliveries d WHERE d.brand_id = $1 AND "
          "d.id = $2 ON CONFLICT (brand_id, webhook_id, event, status) DO UPDATE SET "
          "n = delivery_counts.n + excluded.n");
STORE_SQL(delivery_counts_drop, "DELETE FROM delivery_counts WHERE brand_id = $1 AND webhook_id = $2 AND n = 0");
STORE_SQL(delivery_drop, "DELETE FROM deliveries WHERE brand_id = $1 AND id = $2");
STORE_SQL(delivery_attempts_drop, "DELETE FROM attempts WHERE brand_id = $1 AND delivery_id = $2");
STORE_SQL(
    delivery_tested,
    "INSERT INTO deliveries (brand_id, id, webhook_id, event_brand_id, event_id, event, status, tries, created_at) "
    "VALUES ($1, $2, $3, $1, $4, $5, $6, 1, $7)");
STORE_SQL_ALL(webhooks_mend, "UPDATE webhooks SET due_at = $1 WHERE active = 1 AND EXISTS (SELECT 1 FROM deliveries d "
                             "WHERE d.claimed = 1 AND d.brand_id = webhooks.brand_id AND d.webhook_id = webhooks.id)");
STORE_SQL_ALL(deliveries_mend, "UPDATE deliveries SET next_at = $1, claimed = 0 WHERE claimed = 1");
STORE_SQL_ALL(retention_brand,
              "SELECT MIN(brand_id) FROM (SELECT MIN(brand_id) AS brand_id FROM events WHERE brand_id > $1 UNION ALL "
              "SELECT MIN(brand_id) AS brand_id FROM deliveries WHERE brand_id > $1) AS brands");
STORE_SQL_ALL(retention_due, "SELECT CASE WHEN EXISTS (SELECT 1 FROM events WHERE brand_id = $1 AND id < $2) OR EXISTS "
                             "(SELECT 1 FROM deliveries WHERE brand_id = $1 AND id < $2) THEN 1 ELSE 0 END");
STORE_SQL(events_expire, "DELETE FROM events WHERE brand_id = $1 AND id IN (SELECT id FROM events WHERE brand_id = $1 "
                         "AND id < $2 ORDER BY id LIMIT $3)");
STORE_SQL(deliveries_expired, "SELECT id, webhook_id, status FROM deliveries WHERE brand_id = $1 AND id < $2 "
                              "ORDER BY id LIMIT $3");
STORE_SQL_ALL(deliveries_backlog, "SELECT COUNT(*), MIN(due_at) FROM webhooks WHERE active = 1 AND due_at <= $1");
STORE_SQL_ALL(webhooks_disabled, "SELECT COUNT(*) FROM webhooks WHERE active = 0 AND disabled_reason IS NOT NULL");

// ---- claiming ------------------------------------------------------------------------------------------------------

static int due_rows(struct tx *tx, struct arena *arena, const struct store_sql *sql, int64_t argument,
                    struct webhook_due **ret, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct webhook_due) found = {0};
    int rc = tx_query(tx, sql, VALUES(v_int(argument)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct webhook_due one = {arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                                  rows_columns(rows) > 2 ? rows_int(rows, 2) : 0};
        vec_add(&found, one);
        rc = 0;
    }
    *ret = arena_calloc(arena, found.n + 1, sizeof **ret);
    if (found.n)
        memcpy(*ret, found.at, found.n * sizeof **ret);
    *ret_n = found.n;
    vec_done(&found);
    return rc;
}

int webhook_due_list(struct tx *tx, struct arena *arena, int64_t limit, struct webhook_due **ret, size_t *ret_n,
                     struct err *err)
{
    return due_rows(tx, arena, &webhooks_waiting, limit, ret, ret_n, err);
}

static int load_event(struct tx *tx, struct arena *arena, struct delivery_job *job, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &delivery_event, VALUES(v_str(job->event_brand), v_str(job->event.id)), &rows, err);
    if (rc == 1) {
        job->event.data = arena_str(arena, rows_str(rows, 0));
        job->event.at = rows_int(rows, 1);
    }
    return rc;
}

static int chatbot_there(struct tx *tx, struct str brand, struct str id, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    return id.p ? tx_query_one(tx, &delivery_chatbot, VALUES(v_str(brand), v_str(id)), &rows, err) : 1;
}

static int step_up(struct tx *tx, struct str webhook_id, struct str delivery_id, int64_t now, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &delivery_line, VALUES(v_str(delivery_id)), &rows, err);
    if (rc != 1 || rows_is_null(rows, 0))
        return rc < 0 ? rc : 0;
    struct str line = arena_str(tx_arena(tx), rows_str(rows, 0));
    return tx_exec(tx, &delivery_step_up, VALUES(v_str(webhook_id), v_str(line), v_int(now)), NULL, err);
}

// `status` NULL: the one that it has.
static int count_in(struct tx *tx, struct str id, const char *status, int64_t by, struct err *err)
{
    return tx_exec(tx, &delivery_counted, VALUES(v_str(id), status ? v_cstr(status) : v_null(), v_int(by)), NULL, err);
}

int delivery_moved(struct tx *tx, struct str id, const char *from, const char *to, struct err *err)
{
    int rc = count_in(tx, id, from, -1, err);
    return rc ? rc : count_in(tx, id, to, 1, err);
}

// *ret_changed: 0 when it was not pending any more.
static int end(struct tx *tx, struct str webhook_id, struct str id, const char *status, int64_t tries, int64_t now,
               int64_t *ret_changed, struct err *err)
{
    int rc = tx_exec(tx, &delivery_end, VALUES(v_str(id), v_cstr(status), v_int(tries)), ret_changed, err);
    if (rc || !*ret_changed)
        return rc;
    rc = delivery_moved(tx, id, "pending", status, err);
    return rc ? rc : step_up(tx, webhook_id, id, now, err);
}

static int cancel(struct tx *tx, struct str webhook_id, struct str id, int64_t now, struct err *err)
{
    int64_t changed = 0;
    int rc = end(tx, webhook_id, id, "cancelled", 0, now, &changed, err);
    return rc ? rc : tx_exec(tx, &webhook_count_cancelled, VALUES(v_str(webhook_id), v_int(changed)), NULL, err);
}

struct ready {
    struct delivery_job job;
    struct str chatbot_id;
};

static int list_ready(struct tx *tx, struct arena *arena, struct str id, int64_t now, struct ready *ret, size_t *ret_n,
                      struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &deliveries_ready, VALUES(v_str(id), v_int(now), v_int(LOOKED_AT)), &rows, err);
    for (*ret_n = 0; !rc && (rc = rows_next(rows, err)) == 1; ++*ret_n) {
        struct ready *one = &ret[*ret_n];
        *one = (struct ready){0};
        one->job.id = arena_str(arena, rows_str(rows, 0));
        one->job.event_brand = arena_str(arena, rows_str(rows, 1));
        one->job.event.id = arena_str(arena, rows_str(rows, 2));
        one->job.event.name = arena_str(arena, rows_str(rows, 3));
        one->chatbot_id = arena_str(arena, rows_str(rows, 4));
        one->job.event.sequence = rows_int(rows, 5);
        one->job.tries = rows_int(rows, 6);
        rc = 0;
    }
    return rc;
}

static int claim_ready(struct tx *tx, struct arena *arena, struct str id, size_t most, int64_t now, int64_t lease_until,
                       struct delivery_claim *ret, struct err *err)
{
    struct ready *ready = arena_calloc(arena, LOOKED_AT, sizeof *ready);
    size_t n = 0;
    int rc = list_ready(tx, arena, id, now, ready, &n, err);
    for (size_t i = 0; i < n && ret->n < most && rc >= 0; i++) {
        struct delivery_job *job = &ready[i].job;
        rc = chatbot_there(tx, job->event_brand, ready[i].chatbot_id, err);
        rc = rc == 1 ? load_event(tx, arena, job, err) : rc;
        if (rc == 1) {
            ret->jobs[ret->n++] = *job;
            rc = tx_exec(tx, &delivery_lease, VALUES(v_str(job->id), v_int(lease_until)), NULL, err);
        } else if (rc == 0) {
            rc = cancel(tx, id, job->id, now, err);
        }
    }
    return rc < 0 ? rc : 0;
}

int webhook_claim(struct tx *tx, struct arena *arena, struct str id, size_t most, int64_t now, int64_t lease_until,
                  struct delivery_claim *ret, struct err *err)
{
    struct webhook key = {.set = 1, .id = id};
    int64_t changed = 0;
    *ret = (struct delivery_claim){.jobs = arena_calloc(arena, most + 1, sizeof *ret->jobs)};
    int rc = tx_exec(tx, &webhook_take, VALUES(v_str(id), v_int(now)), &changed, err);
    if (!rc && changed) {
        rc = crud_get(tx, &webhook_model, arena, &key, &ret->webhook, err);
        rc = rc == 1 ? claim_ready(tx, arena, id, most, now, lease_until, ret, err) : rc;
    }
    return rc < 0 ? rc : tx_exec(tx, &webhook_rearm, VALUES(v_str(id)), NULL, err);
}

// ---- recording -----------------------------------------------------------------------------------------------------

static int add_attempt(struct tx *tx, const struct delivery_result *result, struct err *err)
{
    const struct attempt *a = &result->attempt;
    return tx_exec(tx, &attempt_insert,
                   VALUES(v_str(result->delivery_id), v_str(a->id), v_int(a->at),
                          a->status_code ? v_int(a->status_code) : v_null(), v_int(a->duration), v_str(a->error),
                          v_str(a->excerpt)),
                   NULL, err);
}

static int count_attempt(struct tx *tx, const struct delivery_result *result, struct err *err)
{
    bool done = result->outcome == DELIVERY_DONE, again = result->outcome == DELIVERY_AGAIN;
    return tx_exec(tx, &webhook_tried,
                   VALUES(v_str(result->webhook_id), v_int(result->now), v_int(done), v_int(!done && !again),
                          v_int(result->hold_until)),
                   NULL, err);
}

static int audit_disabled(struct tx *tx, struct str id, struct err *err)
{
    return audit_write(tx, "webhook_disabled", id, STR("active,disabledReason"), err);
}

// What waits is cancelled: the first part here, the rest by a job, so that no transaction is long.
static int disable_gone(struct tx *tx, struct str id, int64_t now, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    AUTO_ROWS struct rows *rows = NULL;
    struct delivery_walk walk = {.webhook_id = id, .most = CANCELLED_AT_ONCE};
    struct str last = STR_NULL;
    int64_t changed = 0;
    int rc = tx_exec(tx, &webhook_gone, VALUES(v_str(id), v_int(now)), &changed, err);
    if (rc || !changed)
        return rc;
    rc = tx_query_one(tx, &delivery_newest, VALUES(v_str(id)), &rows, err);
    if (rc == 1)
        walk.upto = arena_str(arena, rows_str(rows, 0));
    rc = rc < 0 ? rc : delivery_cancel_step(tx, arena, &walk, &last, err);
    if (!rc && last.p) {
        struct str payload =
            arena_strf(arena, "{\"webhookId\":\"" STR_FMT "\",\"after\":\"" STR_FMT "\",\"upto\":\"" STR_FMT "\"}",
                       STR_ARG(id), STR_ARG(last), STR_ARG(walk.upto));
        rc = job_insert(tx, "webhook.cancel", payload, now, err);
    }
    return rc ? rc : audit_disabled(tx, id, err);
}

int webhook_disable_failing(struct tx *tx, struct str id, int64_t failing_since, int64_t now, bool *ret_disabled,
                            struct err *err)
{
    int64_t changed = 0;
    int rc = tx_exec(tx, &webhook_fails, VALUES(v_str(id), v_int(failing_since), v_int(now)), &changed, err);
    *ret_disabled = !rc && changed;
    return *ret_disabled ? audit_disabled(tx, id, err) : rc;
}

int delivery_record(struct tx *tx, struct delivery_result *result, struct err *err)
{
    struct str webhook = result->webhook_id, id = result->delivery_id;
    int64_t changed = 0;
    result->failing = false;
    int rc = tx_exec(tx, &webhook_lock, VALUES(v_str(webhook)), &changed, err);
    if (rc || !changed)
        return rc;
    if (result->outcome == DELIVERY_AGAIN)
        rc = tx_exec(tx, &delivery_again, VALUES(v_str(id), v_int(result->next_at)), &changed, err);
    else
        rc = end(tx, webhook, id, result->outcome == DELIVERY_DONE ? "delivered" : "failed", 1, result->now, &changed,
                 err);
    if (!rc && changed) {
        rc = add_attempt(tx, result, err);
        rc = rc ? rc : count_attempt(tx, result, err);
    }
    if (!rc && result->outcome == DELIVERY_GONE)
        rc = disable_gone(tx, webhook, result->now, err);
    if (!rc && result->outcome == DELIVERY_FAILED)
        rc = webhook_disable_failing(tx, webhook, result->failing_since, result->now, &result->failing, err);
    return rc ? rc : tx_exec(tx, &webhook_rearm, VALUES(v_str(webhook)), NULL, err);
}

int delivery_record_test(struct tx *tx, const struct delivery_result *result, const struct event *sent, struct err *err)
{
    struct str webhook = result->webhook_id;
    bool done = result->outcome == DELIVERY_DONE;
    int64_t changed = 0;
    int rc = tx_exec(tx, &webhook_count_test, VALUES(v_str(webhook)), &changed, err);
    if (rc || !changed)
        return rc;
    rc = event_put(tx, sent, err);
    rc = rc ? rc
            : tx_exec(tx, &delivery_tested,
                      VALUES(v_str(result->delivery_id), v_str(webhook), v_str(sent->id), v_str(sent->name),
                             v_cstr(done ? "delivered" : "failed"), v_int(sent->at)),
                      NULL, err);
    rc = rc ? rc : count_in(tx, result->delivery_id, NULL, 1, err);
    rc = rc ? rc : add_attempt(tx, result, err);
    // A test says nothing of how well the webhook does.
    return rc ? rc
              : tx_exec(tx, &webhook_tried,
                        VALUES(v_str(webhook), v_int(result->now), v_int(done), v_int(!done), v_int(0)), NULL, err);
}

int webhook_failing_list(struct tx *tx, struct arena *arena, int64_t failing_since, struct webhook_due **ret,
                         size_t *ret_n, struct err *err)
{
    return due_rows(tx, arena, &webhooks_failing, failing_since, ret, ret_n, err);
}

int delivery_mend(struct tx *tx, int64_t now, struct err *err)
{
    int rc = tx_exec(tx, &webhooks_mend, VALUES(v_int(now)), NULL, err);
    return rc ? rc : tx_exec(tx, &deliveries_mend, VALUES(v_int(now)), NULL, err);
}

// ---- in steps ------------------------------------------------------------------------------------------------------

typedef int (*step_fn)(struct tx *tx, struct str webhook_id, struct str id, int64_t now, struct err *err);

static int walk_on(struct tx *tx, struct arena *arena, const struct delivery_walk *walk, step_fn step,
                   struct str *ret_last, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct str) ids = {0};
    int64_t now = clock_wall_ms();
    struct str after = walk->after.p ? walk->after : STR("");
    int rc = tx_query(tx, &delivery_walk_on,
                      VALUES(v_str(walk->webhook_id), v_str(after), v_str(walk->upto), v_int(walk->most)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        vec_add(&ids, arena_str(arena, rows_str(rows, 0)));
        rc = 0;
    }
    for (size_t i = 0; i < ids.n && !rc; i++)
        rc = step(tx, walk->webhook_id, ids.at[i], now, err);
    *ret_last = (int64_t)ids.n == walk->most ? ids.at[ids.n - 1] : STR_NULL;
    vec_done(&ids);
    return rc;
}

static int cancel_one(struct tx *tx, struct str webhook_id, struct str id, int64_t now, struct err *err)
{
    int64_t changed = 0;
    (void)now; // those behind it in the line are cancelled too
    int rc = tx_exec(tx, &delivery_end, VALUES(v_str(id), v_cstr("cancelled"), v_int(0)), &changed, err);
    if (rc || !changed)
        return rc;
    rc = delivery_moved(tx, id, "pending", "cancelled", err);
    return rc ? rc : tx_exec(tx, &webhook_count_cancelled, VALUES(v_str(webhook_id), v_int(changed)), NULL, err);
}

static int erase_one(struct tx *tx, struct str webhook_id, struct str id, int64_t now, struct err *err)
{
    (void)now;
    int rc = tx_exec(tx, &delivery_attempts_drop, VALUES(v_str(id)), NULL, err);
    rc = rc ? rc : count_in(tx, id, NULL, -1, err);
    rc = rc ? rc : tx_exec(tx, &delivery_counts_drop, VALUES(v_str(webhook_id)), NULL, err);
    return rc ? rc : tx_exec(tx, &delivery_drop, VALUES(v_str(id)), NULL, err);
}

int delivery_cancel_step(struct tx *tx, struct arena *arena, const struct delivery_walk *walk, struct str *ret_last,
                         struct err *err)
{
    return walk_on(tx, arena, walk, cancel_one, ret_last, err);
}

int delivery_erase_step(struct tx *tx, struct arena *arena, const struct delivery_walk *walk, struct str *ret_last,
                        struct err *err)
{
    return walk_on(tx, arena, walk, erase_one, ret_last, err);
}

// ---- what has become old -------------------------------------------------------------------------------------------

static int next_brand(struct tx *tx, struct arena *arena, struct str *brand, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &retention_brand, VALUES(v_str(*brand)), &rows, err);
    *brand = rc == 1 ? arena_str(arena, rows_str(rows, 0)) : STR_NULL;
    return rc < 0 ? rc : 0;
}

int retention_find(struct tx *tx, struct arena *arena, struct str after, int64_t before, struct str *ret_brand,
                   struct err *err)
{
    struct str brand = after, bound = id_bound(arena, before);
    for (;;) {
        AUTO_ROWS struct rows *rows = NULL;
        int rc = next_brand(tx, arena, &brand, err);
        if (!rc && brand.p)
            rc = tx_query_one(tx, &retention_due, VALUES(v_str(brand), v_str(bound)), &rows, err);
        if (rc < 0)
            return rc;
        if (!brand.p || rows_bool(rows, 0)) {
            *ret_brand = brand;
            return 0;
        }
    }
}

int retention_step(struct tx *tx, int64_t before, int64_t most, int64_t *ret_deleted, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct webhook_due) old = {0}; // brand: its status
    int64_t events = 0, now = clock_wall_ms();
    struct str bound = id_bound(arena, before);
    int rc = tx_exec(tx, &events_expire, VALUES(v_str(bound), v_int(most)), &events, err);
    rc = rc ? rc : tx_query(tx, &deliveries_expired, VALUES(v_str(bound), v_int(most)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct webhook_due one = {arena_str(arena, rows_str(rows, 1)), arena_str(arena, rows_str(rows, 0)), 0};
        vec_add(&old, one);
        rc = 0;
    }
    for (size_t i = 0; i < old.n && !rc; i++) {
        rc = cancel(tx, old.at[i].brand, old.at[i].id, now, err);
        rc = rc ? rc : erase_one(tx, old.at[i].brand, old.at[i].id, now, err);
    }
    *ret_deleted = events > (int64_t)old.n ? events : (int64_t)old.n;
    vec_done(&old);
    return rc;
}

int webhook_backlog_get(struct tx *tx, int64_t now, struct webhook_backlog *ret, struct err *err)
{
    AUTO_ROWS struct rows *due = NULL, *disabled = NULL;
    int rc = tx_query_one(tx, &deliveries_backlog, VALUES(v_int(now)), &due, err);
    rc = rc < 0 ? rc : tx_query_one(tx, &webhooks_disabled, NO_VALUES, &disabled, err);
    if (rc < 0)
        return rc;
    *ret =
        (struct webhook_backlog){rows_int(due, 0), rows_is_null(due, 1) ? 0 : rows_int(due, 1), rows_int(disabled, 0)};
    return 0;
}
