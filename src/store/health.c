// SPDX-License-Identifier: Apache-2.0
#include "store/health.h"

#include "store/knowledge.h"

STORE_SQL_ALL(health_beat, "INSERT INTO heartbeats (name, beat_at) VALUES ('health', $1) ON CONFLICT (name) DO UPDATE "
                           "SET beat_at = excluded.beat_at");
#define OF_LIVE "brand_id NOT IN (SELECT b.id FROM brands b WHERE b.deleted_at IS NOT NULL)"
STORE_SQL_ALL(health_passages,
              "SELECT COALESCE((SELECT SUM(d.chunk_count) FROM documents d WHERE d.deleted_at IS NULL AND " OF_LIVE
              "), 0) + (SELECT COUNT(*) FROM visible_products WHERE " OF_LIVE ")");
STORE_SQL_ALL(health_vectors,
              "SELECT COUNT(*) FROM vectors WHERE model = $1 AND kind IN ('document', 'product') AND " OF_LIVE);
STORE_SQL_ALL(health_reindex, "SELECT COALESCE(SUM(CASE WHEN next_model IS NOT NULL THEN 1 ELSE 0 END), 0), "
                              "COALESCE(SUM(CASE WHEN refused_dims > 0 THEN 1 ELSE 0 END), 0) FROM vector_indexes");
STORE_SQL_ALL(health_oldest_job,
              "SELECT MIN(created_at) FROM jobs WHERE kind = 'embed' AND state IN ('waiting', 'running')");
STORE_SQL_ALL(health_due,
              "SELECT COUNT(*), MIN(d.next_at) FROM deliveries d JOIN webhooks w ON w.brand_id = d.brand_id "
              "AND w.id = d.webhook_id WHERE w.active = 1 AND d.status = 'pending' AND d.next_at <= $1");
STORE_SQL_ALL(health_webhook_count,
              "SELECT COUNT(*), COALESCE(SUM(CASE WHEN active = 0 AND disabled_reason IS NOT NULL "
              "THEN 1 ELSE 0 END), 0) FROM webhooks");
STORE_SQL(health_product_count, "SELECT COUNT(*) FROM visible_products WHERE brand_id = $1");

int health_write(struct tx *tx, int64_t now, struct err *err)
{
    return tx_exec(tx, &health_beat, VALUES(v_int(now)), NULL, err);
}

static int number(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, int64_t *ret,
                  struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql, args, n, &rows, err);
    if (rc == 1)
        *ret = rows_is_null(rows, 0) ? 0 : rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}

int health_index_read(struct tx *tx, struct str model, struct health_index *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    *ret = (struct health_index){0};
    int rc = tx_query_one(tx, &health_reindex, NO_VALUES, &rows, err);
    if (rc == 1) {
        ret->changing = rows_int(rows, 0);
        ret->refused = rows_int(rows, 1);
    }
    rc = rc < 0 ? rc : number(tx, &health_passages, NO_VALUES, &ret->passages, err);
    if (!rc && model.n)
        rc = number(tx, &health_vectors, VALUES(v_str(model)), &ret->vectors, err);
    return rc ? rc : number(tx, &health_oldest_job, NO_VALUES, &ret->oldest_job, err);
}

int health_products(struct tx *tx, int64_t *ret, struct err *err)
{
    return number(tx, &health_product_count, NO_VALUES, ret, err);
}

int health_documents(struct tx *tx, struct str chatbot_id, int64_t *ret, struct err *err)
{
    return knowledge_count(tx, chatbot_id, ret, err);
}

int health_webhooks_read(struct tx *tx, int64_t now, struct health_webhooks *ret, struct err *err)
{
    AUTO_ROWS struct rows *due = NULL, *all = NULL;
    *ret = (struct health_webhooks){0};
    int rc = tx_query_one(tx, &health_due, VALUES(v_int(now)), &due, err);
    if (rc == 1) {
        ret->due = rows_int(due, 0);
        ret->oldest_due = rows_is_null(due, 1) ? 0 : rows_int(due, 1);
        rc = tx_query_one(tx, &health_webhook_count, NO_VALUES, &all, err);
    }
    if (rc == 1) {
        ret->all = rows_int(all, 0);
        ret->disabled = rows_int(all, 1);
    }
    return rc < 0 ? rc : 0;
}
