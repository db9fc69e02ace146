// SPDX-License-Identifier: Apache-2.0
#include "store/product.h"

#include "base/clock.h"
#include "base/id.h"
#include "model/text.h"
#include "store/crud.h"
#include "store/place.h"

STORE_SQL(product_room, "SELECT products, last_position + 1 FROM brand_totals WHERE brand_id = $1");
STORE_SQL(product_counted, "UPDATE brand_totals SET products = products + 1, last_position = last_position + 1 WHERE brand_id = $1");
STORE_SQL(product_uncounted, "UPDATE brand_totals SET products = products - 1 WHERE brand_id = $1");
STORE_SQL(product_recounted, "UPDATE brand_totals SET products = (SELECT COUNT(*) FROM products WHERE brand_id = $1) WHERE brand_id = $1");
STORE_SQL(product_sample_vectors_remove, "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('product', 'product_window') AND document_id IN "
                                         "(SELECT id FROM products WHERE brand_id = $1 AND sample = 1)");
STORE_SQL(product_sample_places_remove, "DELETE FROM places WHERE brand_id = $1 AND kind = 'product' AND name IN "
                                        "(SELECT document_id FROM products WHERE brand_id = $1 AND sample = 1)");
STORE_SQL(product_vectors_remove, "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('product', 'product_window') AND document_id = $2");
STORE_SQL(product_samples_remove, "DELETE FROM products WHERE brand_id = $1 AND sample = 1");

static uint64_t bit(const char *field)
{
    return UINT64_C(1) << model_field_index(&product_model, field);
}

static void set_fold(struct tx *tx, struct product *product)
{
    product->category_fold = text_fold_case(tx_arena(tx), product->category);
    product->set |= bit("category_fold");
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
    product->position = rows_int(rows, 1);
    char *document = arena_alloc(tx_arena(tx), ID_SIZE);
    id_v7(document);
    product->document_id = str_from(document);
    product->created_at = clock_wall_ms();
    product->set |= bit("position") | bit("document_id") | bit("created_at") | bit("sample");
    set_fold(tx, product);
    tx_changed(tx, CHANGE_PRODUCT, product->id);
    rc = tx_exec(tx, &product_counted, NO_VALUES, NULL, err);
    rc = rc ? rc : place_add(tx, "product", product->document_id, product->document_id, err);
    return rc ? rc : crud_insert(tx, &product_model, product, err);
}

int product_replace(struct tx *tx, struct product *product, struct err *err)
{
    struct product before;
    int rc = product_get(tx, tx_arena(tx), product->id, &before, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Product not found");
    product->position = before.position;
    product->document_id = before.document_id;
    product->created_at = before.created_at;
    product->updated_at = clock_wall_ms();
    product->sample = false;
    product->set |= bit("position") | bit("document_id") | bit("created_at") | bit("updated_at") | bit("sample");
    set_fold(tx, product);
    tx_changed(tx, CHANGE_PRODUCT, product->id);
    rc = tx_exec(tx, &product_vectors_remove, VALUES(v_str(product->id)), NULL, err);
    return rc ? rc : crud_update(tx, &product_model, product, err);
}

int product_remove(struct tx *tx, struct str id, struct err *err)
{
    struct product key = {.set = 1, .id = id}, before;
    int rc = product_get(tx, tx_arena(tx), id, &before, err);
    if (rc == 1)
        rc = place_remove(tx, "product", before.document_id, err);
    if (rc < 0)
        return rc;
    rc = crud_remove(tx, &product_model, &key, err);
    if (rc == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "Product not found");
    tx_changed(tx, CHANGE_PRODUCT, id);
    rc = rc ? rc : tx_exec(tx, &product_uncounted, NO_VALUES, NULL, err);
    return rc ? rc : tx_exec(tx, &product_vectors_remove, VALUES(v_str(id)), NULL, err);
}

int product_get(struct tx *tx, struct arena *arena, struct str id, struct product *ret, struct err *err)
{
    struct product key = {.set = 1, .id = id};
    return crud_get(tx, &product_model, arena, &key, ret, err);
}

int product_remove_samples(struct tx *tx, struct err *err)
{
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    int rc = tx_exec(tx, &product_sample_places_remove, NO_VALUES, NULL, err);
    rc = rc ? rc : tx_exec(tx, &product_sample_vectors_remove, NO_VALUES, NULL, err);
    rc = rc ? rc : tx_exec(tx, &product_samples_remove, NO_VALUES, NULL, err);
    return rc ? rc : tx_exec(tx, &product_recounted, NO_VALUES, NULL, err);
}
