// SPDX-License-Identifier: Apache-2.0
#include "store/supplier.h"

#include "model/text.h"
#include "store/crud.h"
#include "store/ids.h"

STORE_SQL(supplier_other, "SELECT 1 FROM suppliers WHERE brand_id = $1 AND (name_fold = $3 OR code_fold = "
                          "CAST($4 AS TEXT)) AND (CAST($2 AS TEXT) IS NULL OR id <> $2)");
#define SUPPLIER_WANTED                                                                                                \
    "FROM suppliers WHERE brand_id = $1 AND (CAST($2 AS TEXT) IS NULL OR name_fold LIKE $2 ESCAPE '!' OR "             \
    "code_fold LIKE $2 ESCAPE '!') AND (CAST($3 AS BIGINT) IS NULL OR is_active = $3)"
STORE_SQL(supplier_ids, "SELECT id " SUPPLIER_WANTED " ORDER BY name_fold, id LIMIT $4 OFFSET $5");
STORE_SQL(supplier_total, "SELECT COUNT(*) " SUPPLIER_WANTED);
STORE_SQL(supplier_recount, "UPDATE suppliers SET product_count = (SELECT COUNT(*) FROM ingredients i WHERE "
                            "i.brand_id = $1 AND i.supplier_id = $2) WHERE brand_id = $1 AND id = $2");
STORE_SQL(supplier_document_ids, "SELECT d.id FROM documents d JOIN ingredients i ON i.brand_id = d.brand_id AND "
                                 "i.id = d.product_id WHERE d.brand_id = $1 AND i.supplier_id = $2 LIMIT $3");
STORE_SQL(supplier_product_ids, "SELECT id FROM ingredients WHERE brand_id = $1 AND supplier_id = $2 ORDER BY id");

int supplier_get(struct tx *tx, struct arena *arena, struct str id, struct supplier *ret, struct err *err)
{
    struct supplier key = {.id = id};
    model_mark(&supplier_model, &key, "id", true);
    return crud_get(tx, &supplier_model, arena, &key, ret, err);
}

int supplier_named(struct tx *tx, struct str id, struct str name_fold, struct str code_fold, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    return tx_query_one(tx, &supplier_other, VALUES(v_str(id), v_str(name_fold), v_str(code_fold)), &rows, err);
}

int supplier_find(struct tx *tx, struct arena *arena, struct str q, int active, int64_t limit, int64_t offset,
                  struct strings *ret_ids, int64_t *ret_total, struct err *err)
{
    struct value part = v_str(text_like_pattern(tx_arena(tx), q)), state = active < 0 ? v_null() : v_int(active);
    int rc = count_query(tx, &supplier_total, VALUES(part, state), ret_total, err);
    return rc ? rc
              : ids_query(tx, arena, &supplier_ids, VALUES(part, state, v_int(limit), v_int(offset)), ret_ids, err);
}

int supplier_count_products(struct tx *tx, struct str id, struct err *err)
{
    return tx_exec(tx, &supplier_recount, VALUES(v_str(id)), NULL, err);
}

int supplier_documents_changed(struct tx *tx, struct str id, struct err *err)
{
    return ids_changed(tx, CHANGE_DOCUMENT, &supplier_document_ids, id, err);
}

int supplier_products(struct tx *tx, struct arena *arena, struct str id, struct strings *ret, struct err *err)
{
    return ids_query(tx, arena, &supplier_product_ids, VALUES(v_str(id)), ret, err);
}
