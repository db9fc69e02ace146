// SPDX-License-Identifier: Apache-2.0
#include "store/job.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/vec.h"

#include <stdlib.h>

STORE_SQL(job_row_insert, "INSERT INTO jobs (brand_id, id, kind, payload, state, run_at, created_at) VALUES ($1, $2, "
                          "$3, $4, 'waiting', $5, $6)");
STORE_SQL(job_row_ensure,
          "INSERT INTO jobs (brand_id, id, kind, payload, state, run_at, created_at) SELECT $1, $2, $3, $4, 'waiting', "
          "$5, $6 "
          "WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE brand_id = $1 AND kind = $3 AND state = 'waiting')");
#define CHOSEN(list, others) "CASE WHEN " list " LIKE '%|' || kind || '|%' THEN 0 ELSE 1 END = " others
// A job whose lease ran out waits again: its worker died.
STORE_SQL_ALL(job_due,
              "SELECT brand_id, id, kind, payload, attempts FROM jobs WHERE (state = 'waiting' AND run_at <= $1 OR "
              "state = 'running' AND lease_until <= $1) AND " CHOSEN("$2", "$3") " ORDER BY run_at, id LIMIT 1");
STORE_SQL(job_row_renew, "UPDATE jobs SET lease_until = $3 WHERE brand_id = $1 AND id = $2 AND state = 'running'");
STORE_SQL_ALL(job_row_claim, "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_until = $3 "
                             "WHERE brand_id = $1 AND id = $2 AND (state = 'waiting' OR lease_until <= $4)");
STORE_SQL_ALL(job_orphans, "UPDATE jobs SET lease_until = $1 WHERE state = 'running'");
STORE_SQL(job_failed_remove, "DELETE FROM jobs WHERE brand_id = $1 AND kind = $2 AND state = 'failed'");
STORE_SQL(job_row_remove, "DELETE FROM jobs WHERE brand_id = $1 AND id = $2");
STORE_SQL(job_row_fail,
          "UPDATE jobs SET state = $3, error = $4, run_at = $5, lease_until = NULL WHERE brand_id = $1 AND id = $2");
STORE_SQL(
    job_row_release,
    "UPDATE jobs SET state = 'waiting', attempts = attempts - 1, lease_until = NULL WHERE brand_id = $1 AND id = $2");
STORE_SQL_ALL(job_soonest, "SELECT MIN(CASE WHEN state = 'running' THEN lease_until ELSE run_at END) FROM jobs WHERE "
                           "state IN ('waiting', 'running') AND " CHOSEN("$1", "$2"));

STORE_SQL_ALL(job_by_kind, "SELECT kind, state, COUNT(*), SUM(CASE WHEN created_at >= $1 THEN 1 ELSE 0 END) FROM jobs "
                           "GROUP BY kind, state ORDER BY kind, state");

int job_insert(struct tx *tx, const char *kind, struct str payload, int64_t run_at, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    tx_changed(tx, CHANGE_JOB, STR_NULL);
    return tx_exec(tx, &job_row_insert,
                   VALUES(v_cstr(id), v_cstr(kind), v_str(payload), v_int(run_at), v_int(clock_wall_ms())), NULL, err);
}

int job_ensure(struct tx *tx, const char *kind, struct str payload, int64_t run_at, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    tx_changed(tx, CHANGE_JOB, STR_NULL);
    return tx_exec(tx, &job_row_ensure,
                   VALUES(v_cstr(id), v_cstr(kind), v_str(payload), v_int(run_at), v_int(clock_wall_ms())), NULL, err);
}

int job_claim(struct tx *tx, struct arena *arena, struct job_choice of, int64_t now, int64_t lease_ms, struct job *ret,
              struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &job_due, VALUES(v_int(now), v_cstr(of.kinds), v_bool(of.others)), &rows, err);
    if (rc != 1)
        return rc;
    *ret =
        (struct job){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                     arena_str(arena, rows_str(rows, 2)), arena_str(arena, rows_str(rows, 3)), rows_int(rows, 4) + 1};
    int64_t changed = 0; // none: another server was quicker
    rc = tx_exec(tx, &job_row_claim, VALUES(v_str(ret->brand), v_str(ret->id), v_int(now + lease_ms), v_int(now)),
                 &changed, err);
    return rc ? rc : changed > 0;
}

int job_renew(struct tx *tx, struct str id, int64_t until, struct err *err)
{
    return tx_exec(tx, &job_row_renew, VALUES(v_str(id), v_int(until)), NULL, err);
}

int job_done(struct tx *tx, struct str id, struct err *err)
{
    return tx_exec(tx, &job_row_remove, VALUES(v_str(id)), NULL, err);
}

int job_failed(struct tx *tx, struct str id, struct str error, int64_t run_at, struct err *err)
{
    return tx_exec(
        tx, &job_row_fail,
        VALUES(v_str(id), v_cstr(run_at < 0 ? "failed" : "waiting"), v_str(error), v_int(run_at < 0 ? 0 : run_at)),
        NULL, err);
}

int jobs_forget_failed(struct tx *tx, const char *kind, struct err *err)
{
    return tx_exec(tx, &job_failed_remove, VALUES(v_cstr(kind)), NULL, err);
}

int job_released(struct tx *tx, struct str id, struct err *err)
{
    return tx_exec(tx, &job_row_release, VALUES(v_str(id)), NULL, err);
}

int job_next_due(struct tx *tx, struct job_choice of, int64_t *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &job_soonest, VALUES(v_cstr(of.kinds), v_bool(of.others)), &rows, err);
    if (rc == 1 && rows_is_null(rows, 0))
        return 0;
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc;
}

int job_counts(struct tx *tx, struct arena *arena, int64_t since, struct job_count **ret, size_t *ret_n,
               struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct job_count) counts = {0};
    int rc = tx_query(tx, &job_by_kind, VALUES(v_int(since)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) > 0) {
        vec_push(&counts, arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)), rows_int(rows, 2),
                 rows_int(rows, 3));
        rc = 0;
    }
    *ret = arena_calloc(arena, counts.n + 1, sizeof **ret);
    if (counts.n)
        memcpy(*ret, counts.at, counts.n * sizeof **ret);
    *ret_n = counts.n;
    vec_done(&counts);
    return rc;
}

int jobs_orphaned(struct tx *tx, int64_t now, struct err *err)
{
    return tx_exec(tx, &job_orphans, VALUES(v_int(now)), NULL, err);
}
