// SPDX-License-Identifier: Apache-2.0
#include "store/knowledge_filters.h"

STORE_SQL(supplier_there, "SELECT 1 FROM suppliers WHERE brand_id = $1 AND id = $2");
STORE_SQL(document_there, "SELECT 1 FROM documents WHERE brand_id = $1 AND id = $2 AND deleted_at IS NULL "
                          "AND (chatbot_id IS NULL OR chatbot_id = $3)");
STORE_SQL(base_there, "SELECT 1 FROM knowledge_bases WHERE brand_id = $1 AND id = $2 AND chatbot_id = $3");

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
