// SPDX-License-Identifier: Apache-2.0
#include "store/knowledge.h"

STORE_SQL(base_insert, "INSERT INTO knowledge_bases (brand_id, id, chatbot_id, name, kind, created_at) VALUES ($1, $2, "
                       "$3, $4, 'manual', $5)");
STORE_SQL(document_insert,
          "INSERT INTO documents (brand_id, id, chatbot_id, base_id, type, title, content, position, created_at) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
STORE_SQL(document_list,
          "SELECT d.id, d.base_id, d.type, d.title, d.content, d.position, b.threshold, b.kind FROM documents d "
          "JOIN knowledge_bases b ON b.brand_id = d.brand_id AND b.id = d.base_id "
          "WHERE d.brand_id = $1 AND d.chatbot_id = $2 AND b.is_active = 1 ORDER BY d.position, d.id");
STORE_SQL(document_get,
          "SELECT d.id, d.base_id, d.type, d.title, d.content, d.position, b.threshold, b.kind FROM documents d "
          "JOIN knowledge_bases b ON b.brand_id = d.brand_id AND b.id = d.base_id "
          "WHERE d.brand_id = $1 AND d.id = $2 AND b.is_active = 1");
STORE_SQL(vector_upsert,
          "INSERT INTO vectors (brand_id, kind, document_id, ordinal, model, text_hash, vector) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (brand_id, kind, document_id, ordinal) DO UPDATE SET "
          "model = excluded.model, text_hash = excluded.text_hash, vector = excluded.vector");
STORE_SQL(vector_all,
          "SELECT kind, document_id, ordinal, text_hash, vector FROM vectors WHERE brand_id = $1 AND model = $2");
STORE_SQL(vector_of_one, "SELECT kind, document_id, ordinal, text_hash, vector FROM vectors "
                         "WHERE brand_id = $1 AND model = $2 AND kind = $3 AND document_id = $4");

int knowledge_base_insert(struct tx *tx, struct str id, struct str chatbot_id, struct str name, int64_t now,
                          struct err *err)
{
    return tx_exec(tx, &base_insert, VALUES(v_str(id), v_str(chatbot_id), v_str(name), v_int(now)), NULL, err);
}

int knowledge_document_insert(struct tx *tx, struct str chatbot_id, const struct knowledge_document *document,
                              int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_DOCUMENT, document->id);
    return tx_exec(tx, &document_insert,
                   VALUES(v_str(document->id), v_str(chatbot_id), v_str(document->base_id), v_str(document->type),
                          v_str(document->title), v_str(document->content), v_int(document->position), v_int(now)),
                   NULL, err);
}

static struct knowledge_document load_document(struct rows *rows)
{
    return (struct knowledge_document){
        .id = rows_str(rows, 0),
        .base_id = rows_str(rows, 1),
        .type = rows_str(rows, 2),
        .title = rows_str(rows, 3),
        .content = rows_str(rows, 4),
        .position = rows_int(rows, 5),
        .threshold = rows_real(rows, 6),
        .learned = str_eq(rows_str(rows, 7), STR("learned")),
    };
}

int knowledge_get(struct tx *tx, struct arena *arena, struct str id, struct knowledge_document *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &document_get, VALUES(v_str(id)), &rows, err);
    if (rc != 1)
        return rc;
    *ret = load_document(rows);
    struct str *const texts[] = {&ret->id, &ret->base_id, &ret->type, &ret->title, &ret->content};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    return 1;
}

int knowledge_list(struct tx *tx, struct str chatbot_id,
                   int (*each)(void *arg, const struct knowledge_document *document), void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &document_list, VALUES(v_str(chatbot_id)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct knowledge_document document = load_document(rows);
        rc = each(arg, &document);
    }
    return rc;
}

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
