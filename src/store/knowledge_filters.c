// SPDX-License-Identifier: Apache-2.0
#include "store/knowledge_filters.h"

#include <stdlib.h>

STORE_SQL(supplier_there, "SELECT 1 FROM suppliers WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_there, "SELECT 1 FROM documents WHERE brand_id = $1 AND id = $2 AND deleted_at IS NULL "
                          "AND (chatbot_id IS NULL OR chatbot_id = $3)");
STORE_SQL(base_there, "SELECT 1 FROM knowledge_bases WHERE brand_id = $1 AND id = $2 AND chatbot_id = $3");

STORE_SQL(document_matches,
          "SELECT d.id, d.title, d.type, d.category, d.status, p.supplier_id, s.name, p.inci_name, d.chunk_count, "
          "d.base_id FROM documents d LEFT JOIN ingredients p ON p.brand_id = d.brand_id AND p.id = d.product_id "
          "LEFT JOIN suppliers s ON s.brand_id = p.brand_id AND s.id = p.supplier_id WHERE d.brand_id = $1 AND "
          "(d.chatbot_id IS NULL OR d.chatbot_id = $2) AND d.deleted_at IS NULL AND COALESCE(p.is_active, 1) = 1 AND "
          "COALESCE(s.is_active, 1) = 1 ORDER BY d.created_at DESC, d.id DESC");

struct reference {
    const struct store_sql *sql;
    const char *field, *what;
    const struct strings *ids;
    bool of_chatbot; // its chatbot is asked for too
};

static int check_ids(struct tx *tx, struct str chatbot_id, const struct reference *r, struct faults *faults,
                     const struct loc *at, struct err *err)
{
    struct loc list = {at, str_from(r->field), 0};
    for (size_t i = 0; i < r->ids->n; i++) {
        AUTO_ROWS struct rows *rows = NULL;
        struct loc place = {&list, STR_NULL, (int64_t)i};
        struct str id = arena_lower(tx_arena(tx), r->ids->at[i]);
        int rc = tx_query_one(tx, r->sql, (const struct value[]){v_str(id), v_str(chatbot_id)}, r->of_chatbot ? 2 : 1,
                              &rows, err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            fault_add(faults, FAULT_REFERENCE, &place, NULL, 0, r->what)->input_text = r->ids->at[i];
    }
    return 0;
}

int knowledge_filters_check(struct tx *tx, struct str chatbot_id, struct str filters_json, struct faults *faults,
                            const struct loc *at, struct err *err)
{
    struct knowledge_filters filters = {0};
    yyjson_val *object = NULL;
    size_t before = faults->n;
    if (!filters_json.n)
        return 0;
    if (json_parse(faults->arena, filters_json, JSON_RAW_NUMBERS, &object, NULL) != 0)
        return err_set(err, ERR_INVALID, "the filters are no JSON object");
    if (model_decode_at(&knowledge_filters_model, 0, object, at, &filters, faults) != 0)
        return err_set(err, ERR_INVALID, "the filters are not valid");
    const struct reference all[] = {
        {&supplier_there, "supplierIds", "a supplier of the brand", &filters.supplier_ids, false},
        {&document_there, "documentIds", "a document of the brand", &filters.document_ids, true},
        {&base_there, "knowledgeBaseIds", "a knowledge base of the chatbot", &filters.knowledge_base_ids, true},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int rc = check_ids(tx, chatbot_id, &all[i], faults, at, err);
        if (rc)
            return rc;
    }
    return faults->n == before ? 0 : err_set(err, ERR_INVALID, "the filters are not valid");
}

void knowledge_filters_load(struct arena *arena, struct str filters_json, struct knowledge_filters *ret)
{
    *ret = (struct knowledge_filters){0};
    model_load_json(&knowledge_filters_model, arena, filters_json, ret);
}

// ---- what they let through ------------------------------------------------------------------------------------------

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct wanted {
    bool given;
    struct str *at; // sorted
    size_t n;
};

static struct wanted read_wanted(struct arena *arena, const struct knowledge_filters *filters, const char *field,
                                 const struct strings *list)
{
    struct wanted w = {model_has(&knowledge_filters_model, filters, field),
                       arena_calloc(arena, list->n + 1, sizeof(struct str)), list->n};
    for (size_t i = 0; i < list->n; i++)
        w.at[i] = arena_lower(arena, list->at[i]);
    if (w.n)
        qsort(w.at, w.n, sizeof *w.at, by_bytes);
    return w;
}

static bool lets_through(const struct wanted *w, struct str value)
{
    return !w->given || (value.p && w->n && bsearch(&value, w->at, w->n, sizeof *w->at, by_bytes));
}

int knowledge_matching(struct tx *tx, struct str chatbot_id, const struct knowledge_filters *filters,
                       int (*each)(void *arg, const struct knowledge_match *match), void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct arena *arena = tx_arena(tx);
    struct wanted types = read_wanted(arena, filters, "documentTypes", &filters->document_types),
                  categories = read_wanted(arena, filters, "categories", &filters->categories),
                  suppliers = read_wanted(arena, filters, "supplierIds", &filters->supplier_ids),
                  documents = read_wanted(arena, filters, "documentIds", &filters->document_ids),
                  bases = read_wanted(arena, filters, "knowledgeBaseIds", &filters->knowledge_base_ids);
    int rc = tx_query(tx, &document_matches, VALUES(v_str(chatbot_id)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct knowledge_match m = {
            rows_str(rows, 0), rows_str(rows, 1), rows_str(rows, 2), rows_str(rows, 3), rows_str(rows, 4),
            rows_str(rows, 5), rows_str(rows, 6), rows_str(rows, 7), rows_int(rows, 8),
        };
        bool through = lets_through(&types, m.type) && lets_through(&categories, m.category) &&
                       lets_through(&suppliers, m.supplier_id) && lets_through(&documents, m.id) &&
                       lets_through(&bases, rows_str(rows, 9));
        rc = through ? each(arg, &m) : 0;
    }
    return rc;
}
