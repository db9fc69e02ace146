// SPDX-License-Identifier: Apache-2.0
#include "store/knowledge.h"

#include "base/id.h"
#include "model/text.h"
#include "store/crud.h"
#include "store/ids.h"
#include "store/place.h"

#define DOCUMENT_COLUMNS                                                                                               \
    "d.id, d.chatbot_id, d.base_id, d.category, d.product_id, d.type, d.title, d.content, d.chunk_count, "             \
    "p.supplier_id, d.citable, d.created_at, s.name, p.inci_name"
#define DOCUMENT_TABLES                                                                                                \
    "documents d LEFT JOIN ingredients p ON p.brand_id = d.brand_id AND p.id = d.product_id "                          \
    "LEFT JOIN suppliers s ON s.brand_id = p.brand_id AND s.id = p.supplier_id "
#define DOCUMENT_SEARCHED                                                                                              \
    "d.deleted_at IS NULL AND d.chunk_count > 0 AND COALESCE(p.is_active, 1) = 1 AND COALESCE(s.is_active, 1) = 1"

STORE_SQL(document_insert,
          "INSERT INTO documents (brand_id, id, chatbot_id, base_id, category, product_id, type, title, title_fold, "
          "content, chunk_count, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
          "$12)");
STORE_SQL(document_rewrite, "UPDATE documents SET title = $3, title_fold = $4, content = $5, chunk_count = $6, "
                            "updated_at = $7 WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_erase, "DELETE FROM documents WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_list, "SELECT " DOCUMENT_COLUMNS " FROM " DOCUMENT_TABLES
                         "WHERE d.brand_id = $1 AND (d.chatbot_id IS NULL OR d.chatbot_id = $2) AND " DOCUMENT_SEARCHED
                         " ORDER BY d.created_at, d.id");
STORE_SQL(document_count, "SELECT COUNT(*) FROM " DOCUMENT_TABLES
                          "WHERE d.brand_id = $1 AND (d.chatbot_id IS NULL OR d.chatbot_id = $2) "
                          "AND " DOCUMENT_SEARCHED);
STORE_SQL(document_list_all, "SELECT " DOCUMENT_COLUMNS " FROM " DOCUMENT_TABLES
                             "WHERE d.brand_id = $1 AND " DOCUMENT_SEARCHED " ORDER BY d.created_at, d.id");
STORE_SQL(document_get, "SELECT " DOCUMENT_COLUMNS " FROM " DOCUMENT_TABLES
                        "WHERE d.brand_id = $1 AND d.id = $2 AND " DOCUMENT_SEARCHED);
STORE_SQL(document_vectors_remove,
          "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('document', 'window', 'title') AND document_id = $2");

STORE_SQL(base_insert, "INSERT INTO knowledge_bases (brand_id, id, chatbot_id, name, kind, created_at, updated_at) "
                       "VALUES ($1, $2, $3, $4, $5, $6, $6)");
STORE_SQL(base_counted, "UPDATE knowledge_bases SET item_count = item_count + $3 WHERE brand_id = $1 AND id = $2");
STORE_SQL(base_full, "SELECT 1 FROM knowledge_bases WHERE brand_id = $1 AND id = $2 AND item_count >= $3");
STORE_SQL(base_learned, "SELECT id FROM knowledge_bases WHERE brand_id = $1 AND chatbot_id = $2 AND kind = 'learned' "
                        "ORDER BY created_at, id LIMIT 1");
#define ITEMS_OF_BASE "(SELECT id FROM documents WHERE brand_id = $1 AND base_id = $2)"
STORE_SQL(base_item_ids, "SELECT id FROM documents WHERE brand_id = $1 AND base_id = $2 LIMIT $3");
STORE_SQL(base_vectors_remove, "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('document', 'window', 'title') "
                               "AND document_id IN " ITEMS_OF_BASE);
STORE_SQL(base_tags_remove, "DELETE FROM document_tags WHERE brand_id = $1 AND document_id IN " ITEMS_OF_BASE);
STORE_SQL(base_places_remove,
          "DELETE FROM places WHERE brand_id = $1 AND kind = 'document' AND name IN " ITEMS_OF_BASE);
STORE_SQL(base_items_remove, "DELETE FROM documents WHERE brand_id = $1 AND base_id = $2");

STORE_SQL(tag_insert, "INSERT INTO document_tags (brand_id, document_id, tag) VALUES ($1, $2, $3) "
                      "ON CONFLICT (brand_id, document_id, tag) DO NOTHING");
STORE_SQL(tags_remove, "DELETE FROM document_tags WHERE brand_id = $1 AND document_id = $2");
#define ITEM_WANTED                                                                                                    \
    "FROM documents d WHERE d.brand_id = $1 AND d.base_id = $2 AND (CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 "     \
    "FROM document_tags t WHERE t.brand_id = d.brand_id AND t.document_id = d.id AND t.tag = $3)) AND "                \
    "(CAST($4 AS TEXT) IS NULL OR d.title_fold LIKE $4 ESCAPE '!' OR LOWER(d.content) LIKE $4 ESCAPE '!')"
STORE_SQL(item_ids, "SELECT d.id " ITEM_WANTED " ORDER BY d.created_at, d.id LIMIT $5 OFFSET $6");
STORE_SQL(item_count, "SELECT COUNT(*) " ITEM_WANTED);
STORE_SQL(items_tagged, "SELECT t.document_id FROM document_tags t JOIN documents d ON d.brand_id = t.brand_id "
                        "AND d.id = t.document_id WHERE t.brand_id = $1 AND d.base_id = $2 AND t.tag = $3");

int knowledge_count(struct tx *tx, struct str chatbot_id, int64_t *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &document_count, VALUES(v_str(chatbot_id)), &rows, err);
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}

// ---- documents ------------------------------------------------------------------------------------------------------

int knowledge_document_insert(struct tx *tx, const struct knowledge_document *d, int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_DOCUMENT, d->id);
    int rc =
        tx_exec(tx, &document_insert,
                VALUES(v_str(d->id), v_str(d->chatbot_id), v_str(d->base_id), v_str(d->category), v_str(d->product_id),
                       v_str(d->type), v_str(d->title), v_str(text_fold_case(tx_arena(tx), d->title)),
                       v_str(d->content), v_int(d->chunk_count), v_int(now)),
                NULL, err);
    if (!rc && d->base_id.p)
        rc = tx_exec(tx, &base_counted, VALUES(v_str(d->base_id), v_int(1)), NULL, err);
    return rc ? rc : place_add(tx, "document", d->id, d->id, err);
}

int knowledge_document_rewrite(struct tx *tx, const struct knowledge_document *d, int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_DOCUMENT, d->id);
    int rc = tx_exec(tx, &document_vectors_remove, VALUES(v_str(d->id)), NULL, err);
    return rc ? rc
              : tx_exec(tx, &document_rewrite,
                        VALUES(v_str(d->id), v_str(d->title), v_str(text_fold_case(tx_arena(tx), d->title)),
                               v_str(d->content), v_int(d->chunk_count), v_int(now)),
                        NULL, err);
}

int knowledge_document_erase(struct tx *tx, struct str id, struct err *err)
{
    tx_changed(tx, CHANGE_DOCUMENT, id);
    int rc = tx_exec(tx, &document_vectors_remove, VALUES(v_str(id)), NULL, err);
    rc = rc ? rc : tx_exec(tx, &tags_remove, VALUES(v_str(id)), NULL, err);
    rc = rc ? rc : tx_exec(tx, &document_erase, VALUES(v_str(id)), NULL, err);
    return rc ? rc : place_remove(tx, "document", id, err);
}

static struct knowledge_document load_document(struct rows *rows)
{
    return (struct knowledge_document){
        .id = rows_str(rows, 0),
        .chatbot_id = rows_str(rows, 1),
        .base_id = rows_str(rows, 2),
        .category = rows_str(rows, 3),
        .product_id = rows_str(rows, 4),
        .type = rows_str(rows, 5),
        .title = rows_str(rows, 6),
        .content = rows_str(rows, 7),
        .chunk_count = rows_int(rows, 8),
        .supplier_id = rows_str(rows, 9),
        .citable = rows_bool(rows, 10),
        .created_at = rows_int(rows, 11),
        .supplier_name = rows_str(rows, 12),
        .product_name = rows_str(rows, 13),
    };
}

int knowledge_get(struct tx *tx, struct arena *arena, struct str id, struct knowledge_document *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &document_get, VALUES(v_str(id)), &rows, err);
    if (rc != 1)
        return rc;
    *ret = load_document(rows);
    struct str *const texts[] = {&ret->id,          &ret->chatbot_id,    &ret->base_id,     &ret->category,
                                 &ret->product_id,  &ret->type,          &ret->title,       &ret->content,
                                 &ret->supplier_id, &ret->supplier_name, &ret->product_name};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    return 1;
}

int knowledge_list(struct tx *tx, struct str chatbot_id,
                   int (*each)(void *arg, const struct knowledge_document *document), void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = chatbot_id.p ? tx_query(tx, &document_list, VALUES(v_str(chatbot_id)), &rows, err)
                          : tx_query(tx, &document_list_all, NO_VALUES, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct knowledge_document document = load_document(rows);
        rc = each(arg, &document);
    }
    return rc;
}

// ---- bases ----------------------------------------------------------------------------------------------------------

static int insert_base(struct tx *tx, struct str id, struct str chatbot_id, struct str name, const char *kind,
                       int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_DOCUMENT, id);
    int rc = tx_exec(tx, &base_insert, VALUES(v_str(id), v_str(chatbot_id), v_str(name), v_cstr(kind), v_int(now)),
                     NULL, err);
    return rc ? rc : place_add(tx, "knowledge_base", id, id, err);
}

int knowledge_base_insert(struct tx *tx, struct str id, struct str chatbot_id, struct str name, int64_t now,
                          struct err *err)
{
    return insert_base(tx, id, chatbot_id, name, "manual", now, err);
}

int knowledge_bases(struct tx *tx, struct arena *arena, struct str chatbot_id, struct knowledge_base **ret,
                    size_t *ret_n, struct err *err)
{
    struct knowledge_base filter = {.chatbot_id = chatbot_id};
    void *rows;
    model_mark(&knowledge_base_model, &filter, "chatbotId", true);
    int rc = crud_rows(tx, &knowledge_base_model, arena, &filter, -1, 0, &rows, ret_n, err);
    *ret = rows;
    return rc;
}

int knowledge_learned_base(struct tx *tx, struct arena *arena, struct str chatbot_id, int64_t now,
                           struct knowledge_base *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct knowledge_base key = {0};
    char *made = arena_alloc(arena, ID_SIZE);
    int rc = tx_query_one(tx, &base_learned, VALUES(v_str(chatbot_id)), &rows, err);
    if (rc < 0)
        return rc;
    key.id = rc == 1 ? arena_str(arena, rows_str(rows, 0)) : STR_NULL;
    if (!key.id.p) {
        id_v7(made);
        key.id = str_from(made);
        rc = insert_base(tx, key.id, chatbot_id, STR("Learned"), "learned", now, err);
        if (rc)
            return rc;
    }
    model_mark(&knowledge_base_model, &key, "id", true);
    rc = crud_get(tx, &knowledge_base_model, arena, &key, ret, err);
    return rc < 0 ? rc : 0;
}

int knowledge_base_empty(struct tx *tx, struct str base_id, struct err *err)
{
    static const struct store_sql *const parts[] = {&base_vectors_remove, &base_tags_remove, &base_places_remove,
                                                    &base_items_remove};
    int rc = ids_changed(tx, CHANGE_DOCUMENT, &base_item_ids, base_id, err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !rc; i++)
        rc = tx_exec(tx, parts[i], VALUES(v_str(base_id)), NULL, err);
    return rc;
}

// ---- items ----------------------------------------------------------------------------------------------------------

static int put_tags(struct tx *tx, struct knowledge_item *item, struct err *err)
{
    size_t n = 0;
    int rc = tx_exec(tx, &tags_remove, VALUES(v_str(item->id)), NULL, err);
    for (size_t i = 0; i < item->tags.n && !rc; i++) {
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again = again || str_eq(item->tags.at[k], item->tags.at[i]);
        if (again)
            continue;
        item->tags.at[n++] = item->tags.at[i];
        rc = tx_exec(tx, &tag_insert, VALUES(v_str(item->id), v_str(item->tags.at[i])), NULL, err);
    }
    item->tags.n = n;
    return rc;
}

static void set_times(struct arena *arena, struct knowledge_item *item, int64_t created, int64_t now)
{
    item->created_at = created;
    item->updated_at = now;
    model_mark(&knowledge_item_model, item, "createdAt", true);
    model_mark(&knowledge_item_model, item, "updatedAt", true);
    model_mark(&knowledge_item_model, item, "chunkCount", true);
    model_put_str(&knowledge_item_model, item, "titleFold", text_fold_case(arena, item->title));
}

int knowledge_item_insert(struct tx *tx, struct arena *arena, const struct knowledge_base *base,
                          struct knowledge_item *item, int64_t now, struct err *err)
{
    AUTO_ROWS struct rows *full = NULL;
    char *id = arena_alloc(arena, ID_SIZE);
    int rc = tx_query_one(tx, &base_full, VALUES(v_str(base->id), v_int(KNOWLEDGE_ITEMS_MOST)), &full, err);
    if (rc)
        return rc < 0 ? rc : err_set(err, ERR_LIMIT, "A knowledge base has at most %d items", KNOWLEDGE_ITEMS_MOST);
    id_v7(id);
    model_put_str(&knowledge_item_model, item, "id", str_from(id));
    model_put_str(&knowledge_item_model, item, "chatbotId", base->chatbot_id);
    model_put_str(&knowledge_item_model, item, "knowledgeBaseId", base->id);
    model_put_str(&knowledge_item_model, item, "type", STR("item"));
    model_put_str(&knowledge_item_model, item, "source", item->source.p ? item->source : STR("manual"));
    set_times(arena, item, now, now);
    tx_changed(tx, CHANGE_DOCUMENT, item->id);
    rc = put_tags(tx, item, err);
    rc = rc ? rc : crud_insert(tx, &knowledge_item_model, item, err);
    rc = rc ? rc : tx_exec(tx, &base_counted, VALUES(v_str(base->id), v_int(1)), NULL, err);
    return rc ? rc : place_add(tx, "document", item->id, item->id, err);
}

int knowledge_item_save(struct tx *tx, struct arena *arena, const struct knowledge_item *old,
                        struct knowledge_item *item, int64_t now, struct err *err)
{
    bool text = !str_eq(old->title, item->title) || !str_eq(old->content, item->content);
    set_times(arena, item, old->created_at, now);
    tx_changed(tx, CHANGE_DOCUMENT, item->id);
    int rc = text ? tx_exec(tx, &document_vectors_remove, VALUES(v_str(item->id)), NULL, err) : 0;
    rc = rc ? rc : put_tags(tx, item, err);
    return rc ? rc : crud_update(tx, &knowledge_item_model, item, err);
}

int knowledge_item_remove(struct tx *tx, const struct knowledge_item *item, struct err *err)
{
    int rc = knowledge_document_erase(tx, item->id, err);
    return rc ? rc : tx_exec(tx, &base_counted, VALUES(v_str(item->base_id), v_int(-1)), NULL, err);
}

int knowledge_item_get(struct tx *tx, struct arena *arena, struct str base_id, struct str id,
                       struct knowledge_item *ret, struct err *err)
{
    struct knowledge_item key = {0};
    model_put_str(&knowledge_item_model, &key, "id", id);
    int rc = crud_get(tx, &knowledge_item_model, arena, &key, ret, err);
    return rc == 1 && !str_eq(ret->base_id, base_id) ? 0 : rc;
}

int knowledge_item_list(struct tx *tx, struct arena *arena, struct str base_id, struct str tag, struct str q,
                        int64_t limit, int64_t offset, struct knowledge_item **ret, size_t *ret_n, int64_t *ret_total,
                        struct err *err)
{
    struct value base = v_str(base_id), tagged = v_str(tag), part = v_str(text_like_pattern(tx_arena(tx), q));
    struct strings ids = {0};
    void *rows = NULL;
    *ret_n = 0;
    int rc = count_query(tx, &item_count, VALUES(base, tagged, part), ret_total, err);
    rc = rc ? rc : ids_query(tx, arena, &item_ids, VALUES(base, tagged, part, v_int(limit), v_int(offset)), &ids, err);
    rc = rc ? rc : crud_pick(tx, &knowledge_item_model, arena, ids.at, ids.n, &rows, ret_n, err);
    *ret = rows;
    return rc;
}

int knowledge_tagged(struct tx *tx, struct arena *arena, struct str base_id, const struct strings *tags,
                     struct strings *ret, struct err *err)
{
    int rc = 0;
    struct strings one;
    size_t room = 0;
    *ret = (struct strings){0};
    for (size_t i = 0; i < tags->n && !rc; i++) {
        rc = ids_query(tx, arena, &items_tagged, VALUES(v_str(base_id), v_str(tags->at[i])), &one, err);
        if (rc)
            break;
        room = ret->n + one.n;
        struct str *both = arena_calloc(arena, room + 1, sizeof *both);
        if (ret->n)
            memcpy(both, ret->at, ret->n * sizeof *both);
        if (one.n)
            memcpy(both + ret->n, one.at, one.n * sizeof *both);
        *ret = (struct strings){both, room};
    }
    return rc;
}
