// SPDX-License-Identifier: Apache-2.0
#include "store/staging.h"

#include "base/clock.h"
#include "base/vec.h"
#include "store/crud.h"
#include "store/ids.h"
#include "store/place.h"
#include "store/product.h"

#define COLUMNS                                                                                                        \
    "document_id, name, description, category, category_fold, price, features, specifications, availability, url, "    \
    "image_url, sample, created_at, updated_at"
#define RANGE "brand_id = $1 AND staging_id = $2 AND id >= $3 AND id <= $4"

STORE_SQL(staging_insert,
          "INSERT INTO stagings (brand_id, id, owner, replaces, touched_at) VALUES ($1, $2, $3, $4, $5)");
STORE_SQL(staging_space, "SELECT COALESCE((SELECT t.products FROM brand_totals t WHERE t.brand_id = $1), 0) + "
                         "COALESCE((SELECT SUM(g.fresh) FROM stagings g WHERE g.brand_id = $1 AND g.state < 2), 0)");
STORE_SQL(staging_grown, "UPDATE stagings SET fresh = fresh + $3, last_ordinal = $4, touched_at = $5 "
                         "WHERE brand_id = $1 AND id = $2 AND state = 0");
STORE_SQL(staging_turn, "UPDATE stagings SET state = 1, touched_at = $3 WHERE brand_id = $1 AND id = $2 AND state = 0 "
                        "AND NOT EXISTS (SELECT 1 FROM stagings o WHERE o.brand_id = $1 AND o.state IN (1, 2))");
STORE_SQL(staging_counted, "SELECT state, fresh, passed FROM stagings WHERE brand_id = $1 AND id = $2");
STORE_SQL(staging_shown, "UPDATE stagings SET state = 2, touched_at = $3, first_position = (SELECT t.last_position "
                         "FROM brand_totals t WHERE t.brand_id = $1) WHERE brand_id = $1 AND id = $2 AND state = 1");
STORE_SQL(staging_totals,
          "UPDATE brand_totals SET products = products + (SELECT g.fresh FROM stagings g WHERE g.brand_id = $1 AND "
          "g.id = $2), last_position = last_position + (SELECT g.last_ordinal FROM stagings g WHERE g.brand_id = $1 "
          "AND g.id = $2) WHERE brand_id = $1");

// The one that $3 others come before; else the last of all.
STORE_SQL(staging_bound, "SELECT COALESCE((SELECT id FROM staged_products WHERE brand_id = $1 AND staging_id = $2 "
                         "ORDER BY id LIMIT 1 OFFSET $3), (SELECT MAX(id) FROM staged_products WHERE brand_id = $1 "
                         "AND staging_id = $2))");
STORE_SQL(staging_rows_move,
          "INSERT INTO products (brand_id, id, position, " COLUMNS ") SELECT brand_id, id, CASE WHEN fresh = 1 THEN "
          "(SELECT g.first_position FROM stagings g WHERE g.brand_id = $1 AND g.id = $2) + ordinal ELSE position "
          "END, " COLUMNS " FROM staged_products WHERE " RANGE " ON CONFLICT (brand_id, id) DO UPDATE SET "
          "position = excluded.position, document_id = excluded.document_id, name = excluded.name, "
          "description = excluded.description, category = excluded.category, "
          "category_fold = excluded.category_fold, price = excluded.price, features = excluded.features, "
          "specifications = excluded.specifications, availability = excluded.availability, url = excluded.url, "
          "image_url = excluded.image_url, sample = excluded.sample, created_at = excluded.created_at, "
          "updated_at = excluded.updated_at");
STORE_SQL(staging_vectors,
          "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('product', 'product_window') AND document_id IN "
          "(SELECT id FROM staged_products WHERE " RANGE " AND fresh = 0)");
// COALESCE: not by the index of the brand, which names all of its places.
STORE_SQL(staging_places, "DELETE FROM places WHERE COALESCE(brand_id, '') = $1 AND kind = 'product' AND name IN "
                          "(SELECT document_id FROM staged_products WHERE " RANGE " AND fresh = 1)");
STORE_SQL(staging_rows_remove, "DELETE FROM staged_products WHERE " RANGE);
STORE_SQL(staging_remove, "DELETE FROM stagings WHERE brand_id = $1 AND id = $2");
STORE_SQL(staging_touch, "UPDATE stagings SET touched_at = $3 WHERE brand_id = $1 AND id = $2 AND state = 2");
STORE_SQL(staging_give_up,
          "UPDATE stagings SET state = 3, touched_at = $3 WHERE brand_id = $1 AND id = $2 AND state <> 2");
// New products of one that others are bringing too.
STORE_SQL(staging_met,
          "SELECT s.id FROM staged_products s WHERE s.brand_id = $1 AND s.staging_id = $2 AND s.id >= $3 "
          "AND s.id <= $4 AND s.fresh = 1 AND EXISTS (SELECT 1 FROM stagings g CROSS JOIN staged_products o "
          "WHERE o.brand_id = g.brand_id AND o.staging_id = g.id AND g.brand_id = $1 AND g.state < 2 AND "
          "o.id = s.id)");

STORE_SQL(staging_covering,
          "SELECT g.id FROM stagings g CROSS JOIN staged_products s "
          "WHERE s.brand_id = g.brand_id AND s.staging_id = g.id AND g.brand_id = $1 AND g.state = 2 AND s.id = $2");
STORE_SQL(staging_bringing,
          "SELECT g.id, g.replaces, s.fresh, s.document_id FROM stagings g CROSS JOIN staged_products s "
          "WHERE s.brand_id = g.brand_id AND s.staging_id = g.id AND g.brand_id = $1 AND g.state < 2 AND s.id = $2");
STORE_SQL(staging_row_known, "UPDATE staged_products SET fresh = 0, position = $4, document_id = $5, created_at = $6, "
                             "updated_at = $7 WHERE brand_id = $1 AND staging_id = $2 AND id = $3");
STORE_SQL(staging_row_fresh,
          "UPDATE staged_products SET fresh = 1 WHERE brand_id = $1 AND staging_id = $2 AND id = $3");
STORE_SQL(staging_recount,
          "UPDATE stagings SET fresh = fresh + $3, passed = passed + $4 WHERE brand_id = $1 AND id = $2");

STORE_SQL_ALL(staging_left, "SELECT brand_id, id, state FROM stagings WHERE (owner = 'server' AND touched_at < $1) OR "
                            "(owner <> 'server' AND touched_at < $2) OR (state = 2 AND touched_at < $3) "
                            "ORDER BY touched_at, id LIMIT 1");

static int gone(struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "the products that came were given up");
}

// ---- they come ------------------------------------------------------------------------------------------------------

int staging_begin(struct tx *tx, struct str id, bool replaces, int64_t now, struct err *err)
{
    const char *owner = store_shared(tx_store(tx)) ? "command" : "server";
    return tx_exec(tx, &staging_insert, VALUES(v_str(id), v_cstr(owner), v_bool(replaces), v_int(now)), NULL, err);
}

int staging_room(struct tx *tx, int64_t most, int64_t *ret, struct err *err)
{
    int64_t taken = 0;
    int rc = count_query(tx, &staging_space, NO_VALUES, &taken, err);
    *ret = most - taken;
    return rc;
}

static void mark(struct product *product, const char *field, bool there)
{
    model_mark(&staged_product_model, product, field, there);
}

int staging_add(struct tx *tx, struct str id, struct product *product, int64_t ordinal, const struct product *there,
                struct err *err)
{
    struct product row = *product;
    row.staging_id = id;
    row.ordinal = ordinal;
    row.fresh = !there;
    row.sample = false;
    product_prepare(tx, &row, there);
    mark(&row, "staging_id", true);
    mark(&row, "ordinal", true);
    mark(&row, "fresh", true);
    int rc = there ? 0 : place_add(tx, "product", row.document_id, row.document_id, err);
    return rc ? rc : crud_insert(tx, &staged_product_model, &row, err);
}

int staging_added(struct tx *tx, struct str id, int64_t fresh, int64_t last_ordinal, int64_t now, struct err *err)
{
    int64_t changed = 0;
    int rc =
        tx_exec(tx, &staging_grown, VALUES(v_str(id), v_int(fresh), v_int(last_ordinal), v_int(now)), &changed, err);
    return rc || changed ? rc : gone(err);
}

// ---- they are seen --------------------------------------------------------------------------------------------------

static int counted(struct tx *tx, struct str id, int64_t *ret_state, struct staging_counts *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &staging_counted, VALUES(v_str(id)), &rows, err);
    if (rc != 1)
        return rc < 0 ? rc : gone(err);
    *ret_state = rows_int(rows, 0);
    *ret = (struct staging_counts){rows_int(rows, 1), rows_int(rows, 2)};
    return 0;
}

int staging_take_turn(struct tx *tx, struct str id, int64_t now, struct err *err)
{
    struct staging_counts counts;
    int64_t changed = 0, state = 0;
    int rc = tx_exec(tx, &staging_turn, VALUES(v_str(id), v_int(now)), &changed, err);
    if (rc || changed)
        return rc ? rc : 1;
    rc = counted(tx, id, &state, &counts, err);
    return rc ? rc : state == 0 ? 0 : gone(err);
}

int staging_show(struct tx *tx, struct str id, int64_t now, struct staging_counts *ret, struct err *err)
{
    int64_t changed = 0, state;
    int rc = tx_exec(tx, &staging_shown, VALUES(v_str(id), v_int(now)), &changed, err);
    if (rc || !changed)
        return rc ? rc : gone(err);
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    rc = tx_exec(tx, &staging_totals, VALUES(v_str(id)), NULL, err);
    return rc ? rc : counted(tx, id, &state, ret, err);
}

// ---- they are moved, or given up ------------------------------------------------------------------------------------

// 1 with the id up to which the next ones reach, 0: there are none.
static int bound(struct tx *tx, struct str id, int64_t most, struct str *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &staging_bound, VALUES(v_str(id), v_int(most - 1)), &rows, err);
    if (rc != 1 || rows_is_null(rows, 0))
        return rc < 0 ? rc : 0;
    *ret = arena_str(tx_arena(tx), rows_str(rows, 0));
    return 1;
}

static int list_met(struct tx *tx, const struct value *range, struct strings *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct str) met = {0};
    int rc = tx_query(tx, &staging_met, range, 3, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        vec_add(&met, arena_str(tx_arena(tx), rows_str(rows, 0)));
        rc = 0;
    }
    vec_give(&met, tx_arena(tx), &ret->at, &ret->n);
    return rc;
}

static int move(struct tx *tx, struct str id, struct str low, struct str high, struct err *err)
{
    const struct value range[] = {v_str(id), v_str(low), v_str(high)};
    struct strings met = {0};
    struct product product;
    int rc = list_met(tx, range, &met, err);
    rc = rc ? rc : tx_exec(tx, &staging_rows_move, range, 3, NULL, err);
    rc = rc ? rc : tx_exec(tx, &staging_vectors, range, 3, NULL, err);
    rc = rc ? rc : tx_exec(tx, &staging_rows_remove, range, 3, NULL, err);
    for (size_t i = 0; i < met.n && !rc; i++) {
        rc = product_get(tx, tx_arena(tx), met.at[i], &product, err);
        rc = rc == 1 ? staging_meet(tx, met.at[i], &product, err) : rc;
    }
    return rc;
}

int staging_move(struct tx *tx, struct str id, int64_t most, int64_t now, bool *ret_more, struct err *err)
{
    struct str high;
    int64_t changed = 0;
    *ret_more = false;
    int rc = tx_exec(tx, &staging_touch, VALUES(v_str(id), v_int(now)), &changed, err);
    if (rc || !changed) // somebody else was quicker
        return rc;
    rc = bound(tx, id, most, &high, err);
    *ret_more = rc == 1;
    if (rc != 0)
        return rc < 0 ? rc : move(tx, id, STR(""), high, err);
    return tx_exec(tx, &staging_remove, VALUES(v_str(id)), NULL, err);
}

int staging_drop(struct tx *tx, struct str id, int64_t most, int64_t now, bool *ret_more, struct err *err)
{
    struct str high;
    int64_t changed = 0;
    *ret_more = false;
    int rc = tx_exec(tx, &staging_give_up, VALUES(v_str(id), v_int(now)), &changed, err);
    if (rc || !changed)
        return rc;
    rc = bound(tx, id, most, &high, err);
    *ret_more = rc == 1;
    if (rc < 0)
        return rc;
    if (rc == 0)
        return tx_exec(tx, &staging_remove, VALUES(v_str(id)), NULL, err);
    const struct value range[] = {v_str(id), v_str(STR("")), v_str(high)};
    rc = tx_exec(tx, &staging_places, range, 3, NULL, err);
    return rc ? rc : tx_exec(tx, &staging_rows_remove, range, 3, NULL, err);
}

// ---- somebody else changes a product --------------------------------------------------------------------------------

int staging_bring(struct tx *tx, struct str product_id, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &staging_covering, VALUES(v_str(product_id)), &rows, err);
    if (rc != 1)
        return rc;
    struct str id = arena_str(tx_arena(tx), rows_str(rows, 0));
    rows_done(rows);
    rows = NULL;
    return move(tx, id, product_id, product_id, err);
}

struct coming {
    struct str id, document_id;
    bool replaces, fresh;
};

static int meet_one(struct tx *tx, const struct coming *c, struct str product_id, const struct product *now,
                    struct err *err)
{
    const struct value row[] = {v_str(c->id), v_str(product_id), v_str(product_id)};
    if (!now == c->fresh)
        return 0;
    if (!now) { // it will be a new one
        int rc = tx_exec(tx, &staging_row_fresh, row, 2, NULL, err);
        rc = rc ? rc : place_add(tx, "product", c->document_id, c->document_id, err);
        return rc ? rc : tx_exec(tx, &staging_recount, VALUES(v_str(c->id), v_int(1), v_int(0)), NULL, err);
    }
    int rc = place_remove(tx, "product", c->document_id, err);
    rc = rc ? rc : tx_exec(tx, &staging_recount, VALUES(v_str(c->id), v_int(-1), v_int(!c->replaces)), NULL, err);
    if (rc || !c->replaces)
        return rc ? rc : tx_exec(tx, &staging_rows_remove, row, 3, NULL, err);
    return tx_exec(tx, &staging_row_known,
                   VALUES(v_str(c->id), v_str(product_id), v_int(now->position), v_str(now->document_id),
                          v_int(now->created_at), v_int(clock_wall_ms())),
                   NULL, err);
}

int staging_meet(struct tx *tx, struct str product_id, const struct product *now, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct coming) coming = {0};
    int rc = tx_query(tx, &staging_bringing, VALUES(v_str(product_id)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        vec_push(&coming, arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 3)), rows_bool(rows, 1),
                 rows_bool(rows, 2));
        rc = 0;
    }
    rows_done(rows);
    rows = NULL;
    for (size_t i = 0; i < coming.n && !rc; i++)
        rc = meet_one(tx, &coming.at[i], product_id, now, err);
    vec_done(&coming);
    return rc;
}

// ---- what is left over ----------------------------------------------------------------------------------------------

int staging_next(struct tx *tx, struct arena *arena, int64_t server_ms, int64_t command_ms, int64_t moved_ms,
                 struct staging_row *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &staging_left, VALUES(v_int(server_ms), v_int(command_ms), v_int(moved_ms)), &rows, err);
    if (rc == 1)
        *ret = (struct staging_row){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                                    rows_int(rows, 2) == 2};
    return rc;
}
