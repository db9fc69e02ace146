// SPDX-License-Identifier: Apache-2.0
#include "store/document.h"

#include "base/vec.h"
#include "model/text.h"
#include "store/activity.h"
#include "store/crud.h"
#include "store/ids.h"
#include "store/knowledge.h"

#include <stdlib.h>

// A list is ",a,b,": its parts are found between commas.
#define ONE_OF(column, parameter)                                                                                      \
    "(CAST(" parameter " AS TEXT) IS NULL OR " parameter " LIKE '%,' || " column " || ',%')"
#define WANTED                                                                                                         \
    "FROM documents d LEFT JOIN ingredients p ON p.brand_id = d.brand_id AND p.id = d.product_id "                     \
    "WHERE d.brand_id = $1 AND " ONE_OF("d.type", "$2") " AND " ONE_OF("d.category", "$3") " AND " ONE_OF(             \
        "d.status", "$4") " AND (CAST($5 AS TEXT) IS NULL OR d.product_id = $5) AND (CAST($6 AS TEXT) IS NULL OR "     \
                          "p.supplier_id = $6) AND (CAST($7 AS TEXT) IS NULL OR d.chatbot_id = $7) AND "               \
                          "(CAST($8 AS TEXT) IS NULL OR d.uploaded_by = $8) AND (CAST($9 AS TEXT) IS NULL OR "         \
                          "d.title_fold LIKE $9 ESCAPE '!' OR LOWER(d.filename) LIKE $9 ESCAPE '!') AND "              \
                          "($10 = 0 OR d.chatbot_id IS NULL) AND ((d.deleted_at IS NULL) = ($11 = 0)) AND "            \
                          "(CAST($12 AS TEXT) IS NULL OR d.chatbot_id IS NULL OR EXISTS (SELECT 1 FROM chatbots c "    \
                          "WHERE c.brand_id = d.brand_id AND c.id = d.chatbot_id AND c.created_by = $12))"
STORE_SQL(document_ids, "SELECT d.id " WANTED " ORDER BY d.created_at DESC, d.id DESC LIMIT $13 OFFSET $14");
STORE_SQL(document_total, "SELECT COUNT(*) " WANTED);
STORE_SQL(document_twin, "SELECT id FROM documents WHERE brand_id = $1 AND sha256 = $2 AND deleted_at IS NULL AND "
                         "COALESCE(product_id, '') = COALESCE(CAST($3 AS TEXT), '') AND "
                         "COALESCE(chatbot_id, '') = COALESCE(CAST($4 AS TEXT), '') ORDER BY created_at, id LIMIT 1");
STORE_SQL(document_uploads, "SELECT COUNT(*) FROM documents WHERE brand_id = $1 AND sha256 IS NOT NULL AND "
                            "deleted_at IS NULL");
STORE_SQL(document_set_progress, "UPDATE documents SET status = $3, stage = $4, percent = $5, processing_error = $6 "
                                 "WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_set_content,
          "UPDATE documents SET content = $3, chunk_count = $4, pages = $5, updated_at = $6, status = 'completed', "
          "stage = 'done', percent = 100, processing_error = NULL, embedding_completed_at = NULL "
          "WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_forget_vectors,
          "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('document', 'window', 'title') AND document_id = $2");
STORE_SQL(document_forget_chunks, "DELETE FROM document_chunks WHERE brand_id = $1 AND document_id = $2");
STORE_SQL(document_add_chunk,
          "INSERT INTO document_chunks (brand_id, document_id, ordinal, page, heading, start_at, end_at, created_at) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
STORE_SQL(document_text, "SELECT content FROM documents WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_chunk_list, "SELECT page, heading, start_at, end_at FROM document_chunks WHERE brand_id = $1 AND "
                               "document_id = $2 ORDER BY ordinal LIMIT $3 OFFSET $4");
STORE_SQL(document_mark_deleted,
          "UPDATE documents SET deleted_at = $3, updated_at = $4 WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_vectors,
          "SELECT COUNT(*) FROM vectors WHERE brand_id = $1 AND kind = 'document' AND document_id = $2 "
          "AND model = $3");
STORE_SQL(document_vector_ordinals,
          "SELECT ordinal FROM vectors WHERE brand_id = $1 AND kind = 'document' AND document_id = $2 AND model = $3 "
          "AND ordinal >= $4 AND ordinal < $5");
STORE_SQL(documents_embedded_now,
          "UPDATE documents SET embedding_completed_at = $3 WHERE brand_id = $1 AND embedding_completed_at IS NULL AND "
          "sha256 IS NOT NULL AND chunk_count > 0 AND chunk_count <= (SELECT COUNT(*) FROM vectors v WHERE "
          "v.brand_id = documents.brand_id AND v.kind = 'document' AND v.document_id = documents.id AND v.model = $2)");
STORE_SQL(documents_embedded_at, "SELECT id FROM documents WHERE brand_id = $1 AND embedding_completed_at = $2 AND "
                                 "sha256 IS NOT NULL");

int document_get(struct tx *tx, struct arena *arena, struct str id, struct document *ret, struct err *err)
{
    struct document key = {.id = id};
    model_mark(&document_model, &key, "id", true);
    return crud_get(tx, &document_model, arena, &key, ret, err);
}

static struct value list_value(struct arena *arena, struct str list)
{
    return list.p ? v_str(arena_strf(arena, "," STR_FMT ",", STR_ARG(list))) : v_null();
}

int document_find(struct tx *tx, struct arena *arena, const struct document_query *q, struct strings *ret_ids,
                  int64_t *ret_total, struct err *err)
{
    struct arena *own = tx_arena(tx);
    struct value all[] = {
        list_value(own, q->typed ? q->types : STR("inci,formulation,general")),
        list_value(own, q->categories),
        list_value(own, q->states),
        v_str(q->product_id),
        v_str(q->supplier_id),
        v_str(q->chatbot_id),
        v_str(q->uploader),
        v_str(text_like_pattern(own, q->q)),
        v_bool(q->brand_wide),
        v_bool(q->deleted),
        v_str(q->viewer),
        v_int(q->limit),
        v_int(q->offset),
    };
    int rc = count_query(tx, &document_total, all, sizeof all / sizeof *all - 2, ret_total, err);
    return rc ? rc : ids_query(tx, arena, &document_ids, all, sizeof all / sizeof *all, ret_ids, err);
}

int document_same(struct tx *tx, struct arena *arena, const struct document *d, struct str *ret_id, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &document_twin, VALUES(v_str(d->sha256), v_str(d->product_id), v_str(d->chatbot_id)),
                          &rows, err);
    if (rc == 1)
        *ret_id = arena_str(arena, rows_str(rows, 0));
    return rc;
}

int document_count_uploaded(struct tx *tx, int64_t *ret, struct err *err)
{
    return count_query(tx, &document_uploads, NO_VALUES, ret, err);
}

int document_progress(struct tx *tx, struct str id, const char *status, const char *stage, int64_t percent,
                      struct str error, struct err *err)
{
    return tx_exec(tx, &document_set_progress,
                   VALUES(v_str(id), v_cstr(status), v_cstr(stage), v_int(percent), v_str(error)), NULL, err);
}

int document_complete(struct tx *tx, struct str id, struct str content, const struct document_place *places, size_t n,
                      int64_t pages, int64_t now, struct err *err)
{
    int64_t there = 0; // it may have been erased while it was read
    int rc = tx_exec(tx, &document_set_content,
                     VALUES(v_str(id), v_str(content), v_int((int64_t)n), v_int(pages), v_int(now)), &there, err);
    if (rc || !there)
        return rc;
    tx_changed(tx, CHANGE_DOCUMENT, id);
    rc = tx_exec(tx, &document_forget_vectors, VALUES(v_str(id)), NULL, err);
    rc = rc ? rc : tx_exec(tx, &document_forget_chunks, VALUES(v_str(id)), NULL, err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = tx_exec(tx, &document_add_chunk,
                     VALUES(v_str(id), v_int((int64_t)i), v_int(places[i].page), v_str(places[i].heading),
                            v_int(places[i].start), v_int(places[i].end), v_int(now)),
                     NULL, err);
    return rc;
}

int document_content(struct tx *tx, struct arena *arena, struct str id, struct str *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &document_text, VALUES(v_str(id)), &rows, err);
    if (rc == 1)
        *ret = arena_str(arena, rows_str(rows, 0));
    return rc;
}

int document_places(struct tx *tx, struct arena *arena, struct str id, int64_t limit, int64_t offset,
                    struct document_place **ret, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    *ret = arena_calloc(arena, (size_t)limit, sizeof **ret);
    *ret_n = 0;
    int rc = tx_query(tx, &document_chunk_list, VALUES(v_str(id), v_int(limit), v_int(offset)), &rows, err);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        (*ret)[(*ret_n)++] = (struct document_place){rows_int(rows, 0), rows_int(rows, 2), rows_int(rows, 3),
                                                     arena_str(arena, rows_str(rows, 1))};
        rc = 0;
    }
    return rc;
}

int document_set_deleted(struct tx *tx, struct str id, int64_t deleted_at, int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_DOCUMENT, id);
    return tx_exec(tx, &document_mark_deleted, VALUES(v_str(id), deleted_at ? v_int(deleted_at) : v_null(), v_int(now)),
                   NULL, err);
}

int document_erase_all(struct tx *tx, struct str id, struct err *err)
{
    int rc = tx_exec(tx, &document_forget_chunks, VALUES(v_str(id)), NULL, err);
    return rc ? rc : knowledge_document_erase(tx, id, err);
}

int document_embedded(struct tx *tx, struct str id, struct str model, int64_t *ret, struct err *err)
{
    return count_query(tx, &document_vectors, VALUES(v_str(id), v_str(model)), ret, err);
}

int document_embedded_of(struct tx *tx, struct str id, struct str model, int64_t from, bool *has, size_t n,
                         struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &document_vector_ordinals,
                      VALUES(v_str(id), v_str(model), v_int(from), v_int(from + (int64_t)n)), &rows, err);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        has[rows_int(rows, 0) - from] = true;
        rc = 0;
    }
    return rc;
}

int documents_note_embedded(struct tx *tx, struct str model, int64_t now, struct err *err)
{
    struct strings ids = {0};
    int64_t changed = 0;
    int rc = tx_exec(tx, &documents_embedded_now, VALUES(v_str(model), v_int(now)), &changed, err);
    if (!rc && changed)
        rc = ids_query(tx, tx_arena(tx), &documents_embedded_at, VALUES(v_int(now)), &ids, err);
    for (size_t i = 0; i < ids.n && !rc; i++)
        rc = activity_write(
            tx, &(struct activity){.type = "embedding_generation", .entity_type = "document", .entity_id = ids.at[i]},
            err);
    return rc;
}
