// SPDX-License-Identifier: Apache-2.0
#include "store/product.h"

#include "base/clock.h"
#include "base/id.h"
#include "model/text.h"
#include "store/crud.h"
#include "store/ids.h"
#include "store/place.h"
#include "store/staging.h"

// What stagings will bring has its room already.
STORE_SQL(product_room, "SELECT products + COALESCE((SELECT SUM(g.fresh) FROM stagings g WHERE g.brand_id = $1 AND "
                        "g.state < 2), 0), last_position + 1 FROM brand_totals WHERE brand_id = $1");
STORE_SQL(product_counted,
          "UPDATE brand_totals SET products = products + 1, last_position = last_position + 1 WHERE brand_id = $1");
STORE_SQL(product_uncounted, "UPDATE brand_totals SET products = products - 1 WHERE brand_id = $1");
STORE_SQL(product_sample_ids, "SELECT id FROM visible_products WHERE brand_id = $1 AND sample = 1 LIMIT $2");
STORE_SQL(product_vectors_remove,
          "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('product', 'product_window') AND "
          "document_id = $2");

enum { SAMPLES_MOST = 1000 };

static uint64_t bit(const char *field)
{
    return UINT64_C(1) << model_field_index(&product_model, field);
}

void product_prepare(struct tx *tx, struct product *product, const struct product *there)
{
    int64_t now = clock_wall_ms();
    char *document = arena_alloc(tx_arena(tx), ID_SIZE);
    if (!there)
        id_v7(document);
    product->position = there ? there->position : 0;
    product->document_id = there ? there->document_id : str_from(document);
    product->created_at = there ? there->created_at : now;
    product->set |= bit("position") | bit("document_id") | bit("created_at") | bit("sample") | bit("category_fold");
    if (there) {
        product->updated_at = now;
        product->sample = false;
        product->set |= bit("updated_at");
    }
    product->category_fold = text_fold_case(tx_arena(tx), product->category);
}

int product_insert(struct tx *tx, struct product *product, int64_t most, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct product before;
    int rc = product_get(tx, tx_arena(tx), product->id, &before, err);
    if (rc < 0)
        return rc;
    if (rc == 1)
        return err_set(err, ERR_CONFLICT, "Product '" STR_FMT "' already exists", STR_ARG(product->id));
    rc = tx_query_one(tx, &product_room, NO_VALUES, &rows, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_INTERNAL, "the brand has no totals");
    if (rows_int(rows, 0) >= most)
        return err_set(err, ERR_LIMIT, "Catalogue is full");
    product_prepare(tx, product, NULL);
    product->position = rows_int(rows, 1);
    tx_changed(tx, CHANGE_PRODUCT, product->id);
    rc = tx_exec(tx, &product_counted, NO_VALUES, NULL, err);
    rc = rc ? rc : place_add(tx, "product", product->document_id, product->document_id, err);
    rc = rc ? rc : crud_insert(tx, &product_model, product, err);
    return rc ? rc : staging_meet(tx, product->id, product, err);
}

int product_replace(struct tx *tx, struct product *product, struct err *err)
{
    struct product before;
    int rc = staging_bring(tx, product->id, err);
    rc = rc ? rc : product_get(tx, tx_arena(tx), product->id, &before, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Product not found");
    product_prepare(tx, product, &before);
    tx_changed(tx, CHANGE_PRODUCT, product->id);
    rc = tx_exec(tx, &product_vectors_remove, VALUES(v_str(product->id)), NULL, err);
    return rc ? rc : crud_update(tx, &product_model, product, err);
}

int product_remove(struct tx *tx, struct str id, struct err *err)
{
    struct product key = {.set = 1, .id = id}, before;
    int rc = staging_bring(tx, id, err);
    rc = rc ? rc : product_get(tx, tx_arena(tx), id, &before, err);
    if (rc == 1)
        rc = place_remove(tx, "product", before.document_id, err);
    if (rc < 0)
        return rc;
    rc = crud_remove(tx, &product_model, &key, err);
    if (rc == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "Product not found");
    tx_changed(tx, CHANGE_PRODUCT, id);
    rc = rc ? rc : tx_exec(tx, &product_uncounted, NO_VALUES, NULL, err);
    rc = rc ? rc : tx_exec(tx, &product_vectors_remove, VALUES(v_str(id)), NULL, err);
    return rc ? rc : staging_meet(tx, id, NULL, err);
}

int product_get(struct tx *tx, struct arena *arena, struct str id, struct product *ret, struct err *err)
{
    struct product key = {.set = 1, .id = id};
    return crud_get(tx, &product_model, arena, &key, ret, err);
}

int product_samples(struct tx *tx, struct strings *ret, struct err *err)
{
    return ids_query(tx, tx_arena(tx), &product_sample_ids, VALUES(v_int(SAMPLES_MOST)), ret, err);
}

int product_remove_samples(struct tx *tx, struct err *err)
{
    struct strings ids = {0};
    int rc = product_samples(tx, &ids, err);
    for (size_t i = 0; i < ids.n && !rc; i++)
        rc = product_remove(tx, ids.at[i], err);
    return rc;
}
