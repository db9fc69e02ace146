// SPDX-License-Identifier: Apache-2.0
#include "store/idempotency.h"

STORE_SQL_ALL(idempotency_find, "SELECT fingerprint, status, headers, reply, created_at FROM idempotency "
                                "WHERE caller = $1 AND key = $2 AND created_at > $3");
STORE_SQL_ALL(idempotency_insert,
              "INSERT INTO idempotency (caller, key, fingerprint, created_at) VALUES ($1, $2, $3, $4) "
              "ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = NULL, "
              "headers = NULL, reply = NULL, created_at = excluded.created_at WHERE idempotency.created_at <= $5");
STORE_SQL_ALL(idempotency_put,
              "INSERT INTO idempotency (caller, key, fingerprint, status, headers, reply, created_at) "
              "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (caller, key) DO UPDATE SET "
              "fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, "
              "reply = excluded.reply, created_at = excluded.created_at");
STORE_SQL_ALL(idempotency_sweep, "DELETE FROM idempotency WHERE created_at <= $1");

int idempotency_get(struct tx *tx, struct arena *arena, struct str caller, struct str key, int64_t now,
                    struct idempotency *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &idempotency_find, VALUES(v_str(caller), v_str(key), v_int(now - IDEMPOTENCY_KEPT_MS)),
                          &rows, err);
    if (rc == 1)
        *ret = (struct idempotency){
            .caller = caller,
            .key = key,
            .fingerprint = arena_str(arena, rows_str(rows, 0)),
            .replied = !rows_is_null(rows, 1),
            .status = rows_is_null(rows, 1) ? 0 : rows_int(rows, 1),
            .headers = arena_str(arena, rows_str(rows, 2)),
            .reply = arena_str(arena, rows_str(rows, 3)),
            .created_at = rows_int(rows, 4),
        };
    return rc;
}

int idempotency_begin(struct tx *tx, const struct idempotency *row, struct err *err)
{
    int64_t changed = 0;
    int rc = tx_exec(tx, &idempotency_insert,
                     VALUES(v_str(row->caller), v_str(row->key), v_str(row->fingerprint), v_int(row->created_at),
                            v_int(row->created_at - IDEMPOTENCY_KEPT_MS)),
                     &changed, err);
    return rc ? rc : changed ? 0 : err_set(err, ERR_CONFLICT, "a request with this Idempotency-Key is under way");
}

int idempotency_keep(struct tx *tx, const struct idempotency *row, struct err *err)
{
    return tx_exec(tx, &idempotency_put,
                   VALUES(v_str(row->caller), v_str(row->key), v_str(row->fingerprint), v_int(row->status),
                          v_str(row->headers), v_blob(row->reply), v_int(row->created_at)),
                   NULL, err);
}

int idempotency_expire(struct tx *tx, int64_t now, struct err *err)
{
    return tx_exec(tx, &idempotency_sweep, VALUES(v_int(now - IDEMPOTENCY_KEPT_MS)), NULL, err);
}
