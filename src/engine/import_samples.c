// SPDX-License-Identifier: Apache-2.0
#include "engine/import_samples.h"

#include "store/crud.h"
#include "store/fact.h"
#include "store/knowledge.h"
#include "store/place.h"
#include "store/product.h"

STORE_SQL(
    sample_items_touched,
    "SELECT COUNT(*) FROM documents d JOIN knowledge_bases b ON b.brand_id = d.brand_id AND b.id = d.base_id "
    "WHERE d.brand_id = $1 AND d.base_id = $2 AND (d.updated_at <> d.created_at OR d.created_at <> b.created_at)");

int import_drop_sample_products(struct tx *tx, struct err *err)
{
    return product_remove_samples(tx, err);
}

int import_drop_sample_base(struct tx *tx, struct err *err)
{
    AUTO_ROWS struct rows *touched = NULL;
    struct knowledge_base key = {0}, base;
    struct arena *arena = tx_arena(tx);
    int rc = fact_get(tx, arena, FACT_SAMPLE_BASE, &key.id, err);
    model_mark(&knowledge_base_model, &key, "id", true);
    rc = rc == 1 ? crud_get(tx, &knowledge_base_model, arena, &key, &base, err) : rc;
    rc = rc == 1 ? tx_query_one(tx, &sample_items_touched, VALUES(v_str(base.id)), &touched, err) : rc;
    if (rc != 1 || rows_int(touched, 0) > 0)
        return rc < 0 ? rc : 0;
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    rc = knowledge_base_empty(tx, base.id, err);
    rc = rc ? rc : crud_remove(tx, &knowledge_base_model, &key, err);
    return rc ? rc : place_remove(tx, "knowledge_base", base.id, err);
}
