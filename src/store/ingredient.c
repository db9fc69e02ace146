// SPDX-License-Identifier: Apache-2.0
#include "store/ingredient.h"

#include "model/text.h"
#include "store/crud.h"
#include "store/ids.h"
#include "store/knowledge.h"

STORE_SQL(ingredient_other, "SELECT 1 FROM ingredients WHERE brand_id = $1 AND supplier_id = $3 AND inci_fold = $4 "
                            "AND (CAST($2 AS TEXT) IS NULL OR id <> $2)");
#define PRODUCT_WANTED                                                                                                 \
    "FROM all_products WHERE brand_id = $1 AND (CAST($2 AS TEXT) IS NULL OR kind = $2) AND "                           \
    "(CAST($3 AS TEXT) IS NULL OR supplier_id = $3) AND (CAST($4 AS TEXT) IS NULL OR search_fold LIKE $4 ESCAPE '!') " \
    "AND (CAST($5 AS BIGINT) IS NULL OR is_active = $5)"
STORE_SQL(product_ids, "SELECT id " PRODUCT_WANTED " ORDER BY COALESCE(inci_fold, search_fold), id LIMIT $6 OFFSET $7");
STORE_SQL(product_total, "SELECT COUNT(*) " PRODUCT_WANTED);
STORE_SQL(ingredient_recount,
          "UPDATE ingredients SET document_count = (SELECT COUNT(*) FROM documents d WHERE d.brand_id = $1 AND "
          "d.product_id = $2 AND d.type <> 'product' AND d.deleted_at IS NULL) WHERE brand_id = $1 AND id = $2");
STORE_SQL(ingredient_document_ids, "SELECT id FROM documents WHERE brand_id = $1 AND product_id = $2 LIMIT $3");
STORE_SQL(ingredient_inci_delete, "UPDATE documents SET deleted_at = $3, updated_at = $3 WHERE brand_id = $1 AND "
                                  "product_id = $2 AND type = 'inci' AND deleted_at IS NULL");
STORE_SQL(ingredient_linked, "SELECT COUNT(*) FROM documents WHERE brand_id = $1 AND product_id = $2 AND "
                             "type NOT IN ('inci', 'product') AND deleted_at IS NULL");
STORE_SQL(ingredient_unlink, "UPDATE documents SET product_id = NULL, updated_at = $3 WHERE brand_id = $1 AND "
                             "product_id = $2 AND type NOT IN ('inci', 'product')");

int ingredient_get(struct tx *tx, struct arena *arena, struct str id, struct ingredient *ret, struct err *err)
{
    struct ingredient key = {.id = id};
    model_mark(&ingredient_model, &key, "id", true);
    return crud_get(tx, &ingredient_model, arena, &key, ret, err);
}

int ingredient_named(struct tx *tx, struct str id, struct str supplier_id, struct str inci_fold, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    return tx_query_one(tx, &ingredient_other, VALUES(v_str(id), v_str(supplier_id), v_str(inci_fold)), &rows, err);
}

int ingredient_find(struct tx *tx, struct arena *arena, const struct ingredient_query *query, struct strings *ret_ids,
                    int64_t *ret_total, struct err *err)
{
    struct value kind = v_str(query->kind), supplier = v_str(query->supplier_id),
                 part = v_str(text_like_pattern(tx_arena(tx), query->q)),
                 state = query->active < 0 ? v_null() : v_int(query->active);
    int rc = count_query(tx, &product_total, VALUES(kind, supplier, part, state), ret_total, err);
    return rc ? rc
              : ids_query(tx, arena, &product_ids,
                          VALUES(kind, supplier, part, state, v_int(query->limit), v_int(query->offset)), ret_ids, err);
}

int ingredient_count_documents(struct tx *tx, struct str id, struct err *err)
{
    return tx_exec(tx, &ingredient_recount, VALUES(v_str(id)), NULL, err);
}

int ingredient_documents_changed(struct tx *tx, struct str id, struct err *err)
{
    return ids_changed(tx, CHANGE_DOCUMENT, &ingredient_document_ids, id, err);
}

int ingredient_leave_documents(struct tx *tx, struct str id, int64_t now, int64_t *ret_deleted, int64_t *ret_unlinked,
                               struct err *err)
{
    int rc = ingredient_documents_changed(tx, id, err);
    rc = rc ? rc : knowledge_document_erase(tx, id, err);
    rc = rc ? rc : tx_exec(tx, &ingredient_inci_delete, VALUES(v_str(id), v_int(now)), ret_deleted, err);
    rc = rc ? rc : count_query(tx, &ingredient_linked, VALUES(v_str(id)), ret_unlinked, err);
    return rc ? rc : tx_exec(tx, &ingredient_unlink, VALUES(v_str(id), v_int(now)), NULL, err);
}
