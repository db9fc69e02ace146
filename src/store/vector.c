// SPDX-License-Identifier: Apache-2.0
// A vector belongs to a text and a model (`text_vectors`); passages point to it by the hash of both (`vectors`). What
// no passage points to any more stays for a while: a text that comes back finds it.
#include "store/knowledge.h"

STORE_SQL(vector_upsert, "INSERT INTO vectors (brand_id, kind, document_id, ordinal, model, text_hash) "
                         "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (brand_id, kind, document_id, ordinal, model) "
                         "DO UPDATE SET text_hash = excluded.text_hash");
STORE_SQL(text_vector_insert, "INSERT INTO text_vectors (brand_id, model, text_hash, vector, made_at) "
                              "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (brand_id, model, text_hash) DO NOTHING");
STORE_SQL(text_vector_there, "SELECT 1 FROM text_vectors WHERE brand_id = $1 AND model = $2 AND text_hash = $3");
#define VECTOR_JOINED                                                                                                  \
    "SELECT v.kind, v.document_id, v.ordinal, v.text_hash, t.vector FROM vectors v JOIN text_vectors t "               \
    "ON t.brand_id = v.brand_id AND t.model = v.model AND t.text_hash = v.text_hash "                                  \
    "WHERE v.brand_id = $1 AND v.model = $2"
// Those of the texts before are left out where products are covered by new ones (store/staging.h).
STORE_SQL(vector_all,
          VECTOR_JOINED " AND NOT (v.kind IN ('product', 'product_window') AND EXISTS (SELECT 1 FROM stagings g "
                        "CROSS JOIN staged_products s WHERE s.brand_id = g.brand_id AND s.staging_id = g.id AND "
                        "g.brand_id = v.brand_id AND g.state = 2 AND s.id = v.document_id))");
STORE_SQL(vector_of_one, VECTOR_JOINED " AND v.kind = $3 AND v.document_id = $4");
STORE_SQL(vector_mark_all,
          "SELECT kind, document_id, ordinal, text_hash FROM vectors WHERE brand_id = $1 AND model = $2");

STORE_SQL(vector_count, "SELECT COUNT(*) FROM vectors WHERE brand_id = $1 AND kind = 'document' AND model = $2 "
                        "AND document_id = $3");
STORE_SQL(vector_job_states, "SELECT SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), "
                             "SUM(CASE WHEN state <> 'failed' THEN 1 ELSE 0 END) FROM jobs "
                             "WHERE brand_id = $1 AND kind = 'embed' AND created_at >= $2");

STORE_SQL(vector_index_row,
          "SELECT model, dims, next_model, next_dims, refused_dims FROM vector_indexes WHERE brand_id = $1");
STORE_SQL(vector_index_upsert,
          "INSERT INTO vector_indexes (brand_id, model, dims, next_model, next_dims, refused_dims) "
          "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (brand_id) DO UPDATE SET model = excluded.model, "
          "dims = excluded.dims, next_model = excluded.next_model, next_dims = excluded.next_dims, "
          "refused_dims = excluded.refused_dims");
STORE_SQL(vector_remove_others, "DELETE FROM vectors WHERE brand_id = $1 AND model <> $2");
STORE_SQL(text_vector_remove_others, "DELETE FROM text_vectors WHERE brand_id = $1 AND model <> $2");
STORE_SQL(text_vector_sweep,
          "DELETE FROM text_vectors WHERE brand_id = $1 AND made_at < $2 AND NOT EXISTS (SELECT 1 FROM vectors v WHERE "
          "v.brand_id = text_vectors.brand_id AND v.model = text_vectors.model AND "
          "v.text_hash = text_vectors.text_hash)");

int vector_put(struct tx *tx, struct str model, const struct vector_row *row, int64_t now, struct err *err)
{
    struct str bytes = {(const char *)row->vector, row->dims * sizeof(float)};
    // What is searched of the document has changed.
    tx_changed(tx, str_starts(row->kind, STR("product")) ? CHANGE_PRODUCT : CHANGE_DOCUMENT, row->document_id);
    int rc = row->vector ? tx_exec(tx, &text_vector_insert,
                                   VALUES(v_str(model), v_str(row->text_hash), v_blob(bytes), v_int(now)), NULL, err)
                         : 0;
    return rc ? rc
              : tx_exec(tx, &vector_upsert,
                        VALUES(v_str(row->kind), v_str(row->document_id), v_int(row->ordinal), v_str(model),
                               v_str(row->text_hash)),
                        NULL, err);
}

int vector_of_text(struct tx *tx, struct str model, struct str text_hash, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    return tx_query_one(tx, &text_vector_there, VALUES(v_str(model), v_str(text_hash)), &rows, err);
}

static int each_vector(struct rows *rows, bool marks, int (*each)(void *arg, const struct vector_row *row), void *arg,
                       struct err *err)
{
    int rc;
    while ((rc = rows_next(rows, err)) == 1) {
        struct str bytes = marks ? STR_NULL : rows_str(rows, 4);
        AUTO_FREE float *vector = bytes.n ? mem_alloc(bytes.n) : NULL; // the row's bytes may be unaligned
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
    return rc ? rc : each_vector(rows, false, each, arg, err);
}

int vector_list_of(struct tx *tx, struct str model, struct str kind, struct str document_id,
                   int (*each)(void *arg, const struct vector_row *row), void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &vector_of_one, VALUES(v_str(model), v_str(kind), v_str(document_id)), &rows, err);
    return rc ? rc : each_vector(rows, false, each, arg, err);
}

int vector_marks(struct tx *tx, struct str model, int (*each)(void *arg, const struct vector_row *row), void *arg,
                 struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &vector_mark_all, VALUES(v_str(model)), &rows, err);
    return rc ? rc : each_vector(rows, true, each, arg, err);
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

// ---- which are searched --------------------------------------------------------------------------------------------

int vector_index_get(struct tx *tx, struct arena *arena, struct vector_index *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    *ret = (struct vector_index){0};
    int rc = tx_query_one(tx, &vector_index_row, NO_VALUES, &rows, err);
    if (rc == 1)
        *ret = (struct vector_index){arena_str(arena, rows_str(rows, 0)), (size_t)rows_int(rows, 1),
                                     arena_str(arena, rows_str(rows, 2)), (size_t)rows_int(rows, 3),
                                     (size_t)rows_int(rows, 4)};
    return rc;
}

int vector_index_set(struct tx *tx, const struct vector_index *index, struct err *err)
{
    return tx_exec(tx, &vector_index_upsert,
                   VALUES(v_str(index->model), v_int((int64_t)index->dims), v_str(index->next_model),
                          v_int((int64_t)index->next_dims), v_int((int64_t)index->refused_dims)),
                   NULL, err);
}

int vector_index_only(struct tx *tx, struct str model, struct err *err)
{
    int rc = tx_exec(tx, &vector_remove_others, VALUES(v_str(model)), NULL, err);
    return rc ? rc : tx_exec(tx, &text_vector_remove_others, VALUES(v_str(model)), NULL, err);
}

int vector_texts_sweep(struct tx *tx, int64_t before, struct err *err)
{
    return tx_exec(tx, &text_vector_sweep, VALUES(v_int(before)), NULL, err);
}
