// SPDX-License-Identifier: Apache-2.0
#include "store/knowledge.h"

STORE_SQL(vector_upsert,
          "INSERT INTO vectors (brand_id, kind, document_id, ordinal, model, text_hash, vector) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (brand_id, kind, document_id, ordinal) DO UPDATE SET "
          "model = excluded.model, text_hash = excluded.text_hash, vector = excluded.vector");
STORE_SQL(vector_all,
          "SELECT kind, document_id, ordinal, text_hash, vector FROM vectors WHERE brand_id = $1 AND model = $2");
STORE_SQL(vector_of_one, "SELECT kind, document_id, ordinal, text_hash, vector FROM vectors "
                         "WHERE brand_id = $1 AND model = $2 AND kind = $3 AND document_id = $4");

STORE_SQL(vector_count, "SELECT COUNT(*) FROM vectors WHERE brand_id = $1 AND kind = 'document' AND model = $2 "
                        "AND document_id = $3");
STORE_SQL(vector_job_states, "SELECT SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), "
                             "SUM(CASE WHEN state <> 'failed' THEN 1 ELSE 0 END) FROM jobs "
                             "WHERE brand_id = $1 AND kind = 'embed' AND created_at >= $2");

int vector_put(struct tx *tx, struct str model, const struct vector_row *row, struct err *err)
{
    struct str bytes = {(const char *)row->vector, row->dims * sizeof(float)};
    // What is searched of the document has changed.
    tx_changed(tx, str_eq(row->kind, STR("product")) ? CHANGE_PRODUCT : CHANGE_DOCUMENT, row->document_id);
    return tx_exec(tx, &vector_upsert,
                   VALUES(v_str(row->kind), v_str(row->document_id), v_int(row->ordinal), v_str(model),
                          v_str(row->text_hash), v_blob(bytes)),
                   NULL, err);
}

static int each_vector(struct rows *rows, int (*each)(void *arg, const struct vector_row *row), void *arg,
                       struct err *err)
{
    int rc;
    while ((rc = rows_next(rows, err)) == 1) {
        struct str bytes = rows_str(rows, 4);
        AUTO_FREE float *vector = mem_alloc(bytes.n); // the row's bytes may be unaligned
        if (bytes.n)
            memcpy(vector, bytes.p, bytes.n);
        struct vector_row row = {
            rows_str(rows, 0),      rows_str(rows, 1), rows_int(rows, 2), rows_str(rows, 3), vector,
            bytes.n / sizeof(float)};
        if ((rc = each(arg, &row)) != 0)
            break;
    }
    return rc;
}

int vector_list(struct tx *tx, struct str model, int (*each)(void *arg, const struct vector_row *row), void *arg,
                struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &vector_all, VALUES(v_str(model)), &rows, err);
    return rc ? rc : each_vector(rows, each, arg, err);
}

int vector_list_of(struct tx *tx, struct str model, struct str kind, struct str document_id,
                   int (*each)(void *arg, const struct vector_row *row), void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &vector_of_one, VALUES(v_str(model), v_str(kind), v_str(document_id)), &rows, err);
    return rc ? rc : each_vector(rows, each, arg, err);
}

int vector_status(struct tx *tx, struct str model, struct str document_id, int64_t chunk_count, int64_t updated_at,
                  const char **ret, struct err *err)
{
    AUTO_ROWS struct rows *vectors = NULL, *jobs = NULL;
    *ret = "none";
    if (!model.n)
        return 0;
    int rc = tx_query_one(tx, &vector_count, VALUES(v_str(model), v_str(document_id)), &vectors, err);
    *ret = rc == 1 && rows_int(vectors, 0) >= chunk_count ? "ready" : "pending";
    if (rc < 0 || str_eq(str_from(*ret), STR("ready")))
        return rc < 0 ? rc : 0;
    rc = tx_query_one(tx, &vector_job_states, VALUES(v_int(updated_at)), &jobs, err);
    if (rc == 1 && rows_int(jobs, 0) > 0 && rows_int(jobs, 1) == 0)
        *ret = "failed";
    return rc < 0 ? rc : 0;
}
