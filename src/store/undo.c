// SPDX-License-Identifier: Apache-2.0
#include "store/undo.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/vec.h"
#include "store/brand.h"
#include "store/place.h"
#include "store/staging.h"

#include <stdlib.h>
#include <string.h>

enum kind { ADDED, KEPT, CHILDREN };

STORE_SQL(import_insert, "INSERT INTO imports (brand_id, id, makes_brand, began_at) VALUES ($1, $2, $3, $4)");
STORE_SQL(import_under_way,
          "SELECT 1 FROM imports i WHERE i.brand_id = $1 AND i.id = $2 AND i.state = 0 AND (i.makes_brand = 1 OR "
          "EXISTS (SELECT 1 FROM brands b WHERE b.id = $1 AND b.deleted_at IS NULL))");
STORE_SQL(import_done, "UPDATE imports SET state = 1 WHERE brand_id = $1 AND id = $2 AND state = 0");
STORE_SQL(import_remove, "DELETE FROM imports WHERE brand_id = $1 AND id = $2");
STORE_SQL_ALL(imports_left, "SELECT brand_id, id, makes_brand, state FROM imports ORDER BY brand_id, id LIMIT 1");
STORE_SQL(undo_insert, "INSERT INTO import_undo (brand_id, import_id, ordinal, kind, name, content) VALUES "
                       "($1, $2, $3, $4, $5, $6)");
STORE_SQL(undo_newest, "SELECT ordinal, kind, name, content FROM import_undo WHERE brand_id = $1 AND import_id = $2 "
                       "ORDER BY ordinal DESC LIMIT $3");
STORE_SQL(undo_cut, "DELETE FROM import_undo WHERE brand_id = $1 AND import_id = $2 AND ordinal >= $3");
STORE_SQL(undo_forget_some,
          "DELETE FROM import_undo WHERE (brand_id, import_id, ordinal) IN (SELECT brand_id, import_id, ordinal FROM "
          "import_undo WHERE brand_id = $1 AND import_id = $2 LIMIT $3)");
STORE_SQL(undo_chatbot_places, "DELETE FROM places WHERE brand_id = $1 AND object_id = $2 AND kind IN ('slug', "
                               "'publishable')");
STORE_SQL(undo_vectors,
          "DELETE FROM vectors WHERE brand_id = $1 AND kind IN ('document', 'window', 'title', 'product', "
          "'product_window') AND document_id = $2");

// ---- notes ----------------------------------------------------------------------------------------------------------

static yyjson_mut_val *json_of(yyjson_mut_doc *doc, const struct value *value)
{
    switch (value->type) {
    case VALUE_INT:
        return yyjson_mut_sint(doc, value->i);
    case VALUE_REAL:
        return yyjson_mut_real(doc, value->r);
    case VALUE_TEXT:
        return json_new_str(doc, value->s);
    case VALUE_NULL:
    case VALUE_BLOB: // of no tenant's column that leaves
        break;
    }
    return yyjson_mut_null(doc);
}

static struct value value_of(const struct tenant_column *column, yyjson_val *from)
{
    if (!from || yyjson_is_null(from))
        return v_null();
    if (column->flags & TENANT_INT)
        return v_int(yyjson_get_sint(from));
    return column->flags & TENANT_REAL ? v_real(yyjson_get_num(from)) : v_str(json_str(from));
}

// `wanted`: flags of which a column needs one; 0: all.
static int note(struct tx *tx, struct undo *undo, enum kind kind, const struct tenant_table *t,
                const struct value *values, unsigned wanted, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    if (undo->makes_brand)
        return 0;
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < t->n; i++)
        (void)yyjson_mut_arr_append(list, !wanted || t->columns[i].flags & wanted ? json_of(doc, &values[i])
                                                                                  : yyjson_mut_null(doc));
    return tx_exec(
        tx, &undo_insert,
        VALUES(v_str(undo->id), v_int(++undo->n), v_int(kind), v_cstr(t->name), v_str(json_write(arena, list))), NULL,
        err);
}

int undo_begin(struct tx *tx, const struct undo *undo, int64_t now, struct err *err)
{
    return tx_exec(tx, &import_insert, VALUES(v_str(undo->id), v_bool(undo->makes_brand), v_int(now)), NULL, err);
}

int undo_check(struct tx *tx, const struct undo *undo, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &import_under_way, VALUES(v_str(undo->id)), &rows, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "the brand was deleted meanwhile") : rc < 0 ? rc : 0;
}

int undo_added(struct tx *tx, struct undo *undo, const struct tenant_table *table, const struct value *values,
               struct err *err)
{
    return note(tx, undo, ADDED, table, values, TENANT_KEY, err);
}

int undo_kept(struct tx *tx, struct undo *undo, const struct tenant_table *table, const struct value *was,
              struct err *err)
{
    return note(tx, undo, KEPT, table, was, 0, err);
}

struct keeping {
    struct tx *tx;
    struct undo *undo;
    const struct tenant_table *table;
};

static int keep_row(void *arg, struct rows *rows, struct err *err)
{
    const struct keeping *k = arg;
    struct value values[TENANT_COLUMNS];
    tenant_values(k->table, rows, NULL, values);
    return undo_kept(k->tx, k->undo, k->table, values, err);
}

// The note that they were others comes last, so that it is the first to be taken back: what stands there then goes.
int undo_children(struct tx *tx, struct undo *undo, const struct tenant_table *parent, struct str id, struct err *err)
{
    const struct tenant_table *all;
    size_t n = undo->makes_brand ? 0 : tenant_tables(&all);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        struct keeping k = {tx, undo, &all[i]};
        struct value values[TENANT_COLUMNS] = {{0}};
        if (!all[i].parent || strcmp(all[i].parent, parent->name) != 0)
            continue;
        rc = tenant_each(tx, &all[i], id, keep_row, &k, err);
        values[0] = v_str(id);
        rc = rc ? rc : note(tx, undo, CHILDREN, &all[i], values, 0, err);
    }
    return rc;
}

int undo_keep(struct tx *tx, struct undo *undo, const struct tenant_table *table, struct str id, struct err *err)
{
    struct value values[TENANT_COLUMNS] = {{0}};
    values[tenant_column(table, STR("id"))] = v_str(id);
    int rc = undo->makes_brand ? 0 : tenant_get(tx, table, values, tx_arena(tx), values, err);
    if (rc != 1)
        return rc;
    rc = undo_kept(tx, undo, table, values, err);
    return rc ? rc : undo_children(tx, undo, table, id, err);
}

int undo_done(struct tx *tx, const struct undo *undo, struct err *err)
{
    int rc = undo_check(tx, undo, err);
    rc = rc ? rc : tx_exec(tx, &import_done, VALUES(v_str(undo->id)), NULL, err);
    return rc || !undo->makes_brand ? rc : brand_show(tx, err);
}

// ---- back -----------------------------------------------------------------------------------------------------------

int undo_next(struct tx *tx, struct arena *arena, struct undo_left *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &imports_left, NO_VALUES, &rows, err);
    if (rc == 1)
        *ret = (struct undo_left){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                                  rows_bool(rows, 2), rows_int(rows, 3) == 1};
    return rc;
}

struct entry {
    int64_t ordinal;
    enum kind kind;
    const struct tenant_table *table;
    struct str content;
};

static int load(struct tx *tx, struct str id, int64_t most, struct entry *entries, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &undo_newest, VALUES(v_str(id), v_int(most)), &rows, err);
    *ret_n = 0;
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        entries[(*ret_n)++] =
            (struct entry){rows_int(rows, 0), (enum kind)rows_int(rows, 1), tenant_find(rows_str(rows, 2)),
                           arena_str(tx_arena(tx), rows_str(rows, 3))};
        rc = 0;
    }
    return rc;
}

static bool is(const struct tenant_table *t, const char *name)
{
    return strcmp(t->name, name) == 0;
}

static struct str column(const struct tenant_table *t, const struct value *values, const char *name)
{
    size_t i = name ? tenant_column(t, str_from(name)) : t->n;
    return i < t->n && values[i].type == VALUE_TEXT ? values[i].s : STR_NULL;
}

static int clear_children(struct tx *tx, const struct tenant_table *parent, struct str id, struct err *err)
{
    const struct tenant_table *all;
    size_t n = tenant_tables(&all);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++)
        if (all[i].parent && is(parent, all[i].parent))
            rc = tenant_clear(tx, &all[i], id, NULL, err);
    return rc;
}

// With what belongs to it, and what leads to it. `values`: its key.
static int remove_added(struct tx *tx, const struct tenant_table *t, struct value *values, struct err *err)
{
    struct str id = column(t, values, "id");
    int rc = is(t, "products") ? staging_bring(tx, id, err) : 0;
    rc = rc < 0 ? rc : tenant_get(tx, t, values, tx_arena(tx), values, err);
    if (rc != 1)
        return rc;
    struct str place = column(t, values, t->place_column);
    rc = id.p && !t->parent ? clear_children(tx, t, id, err) : 0;
    rc = rc ? rc : tenant_remove(tx, t, values, err);
    if (!rc && place.p)
        rc = place_remove(tx, t->place, place, err);
    if (!rc && is(t, "chatbots"))
        rc = tx_exec(tx, &undo_chatbot_places, VALUES(v_str(id)), NULL, err);
    if (!rc && (is(t, "documents") || is(t, "products")))
        rc = tx_exec(tx, &undo_vectors, VALUES(v_str(is(t, "products") ? id : place)), NULL, err);
    return rc || !is(t, "products") ? rc : staging_meet(tx, id, NULL, err);
}

static int restore(struct tx *tx, const struct tenant_table *t, const struct value *values, struct err *err)
{
    struct str id = column(t, values, "id"), place = column(t, values, t->place_column);
    bool added = false;
    int rc = is(t, "products") ? staging_bring(tx, id, err) : 0;
    rc = rc < 0 ? rc : tenant_restore(tx, t, values, &added, err);
    return rc || !added || !place.p ? rc : place_add(tx, t->place, place, place, err);
}

static int take_back(struct tx *tx, const struct entry *e, struct arena *arena, struct strings *documents,
                     struct err *err)
{
    const struct tenant_table *t = e->table;
    struct value values[TENANT_COLUMNS] = {{0}};
    yyjson_val *root = NULL;
    if (!t || json_parse(tx_arena(tx), e->content, 0, &root, NULL) != 0)
        return err_set(err, ERR_INTERNAL, "a note of an import cannot be read");
    if (e->kind == CHILDREN)
        return tenant_clear(tx, t, json_str(yyjson_arr_get(root, 0)), NULL, err);
    for (size_t i = 0; i < t->n; i++)
        values[i] = value_of(&t->columns[i], yyjson_arr_get(root, i));
    if (e->kind == KEPT)
        return restore(tx, t, values, err);
    if (is(t, "documents"))
        documents->at[documents->n++] = arena_str(arena, column(t, values, "id"));
    return remove_added(tx, t, values, err);
}

int undo_back(struct tx *tx, struct str id, int64_t most, struct arena *arena, struct strings *ret_documents,
              bool *ret_more, struct err *err)
{
    struct entry *entries = arena_calloc(tx_arena(tx), (size_t)most, sizeof *entries);
    struct err gone;
    size_t n = 0;
    *ret_documents = (struct strings){.at = arena_calloc(arena, (size_t)most + 1, sizeof *ret_documents->at)};
    int rc = brand_check_there(tx, &gone);
    if (rc == ERR_NOT_FOUND) // all of it goes with the brand
        return undo_forget(tx, id, most, ret_more, err);
    rc = rc ? (*err = gone, rc) : load(tx, id, most, entries, &n, err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = take_back(tx, &entries[i], arena, ret_documents, err);
    *ret_more = n == (size_t)most;
    return rc || !n ? rc : tx_exec(tx, &undo_cut, VALUES(v_str(id), v_int(entries[n - 1].ordinal)), NULL, err);
}

int undo_forget(struct tx *tx, struct str id, int64_t most, bool *ret_more, struct err *err)
{
    int64_t changed = 0;
    int rc = tx_exec(tx, &undo_forget_some, VALUES(v_str(id), v_int(most)), &changed, err);
    *ret_more = changed >= most;
    return rc;
}

int undo_end(struct tx *tx, struct str id, bool back, struct err *err)
{
    int rc = back ? tenant_recount(tx, err) : 0;
    if (back) {
        tx_changed(tx, CHANGE_BRAND, STR_NULL);
        tx_changed(tx, CHANGE_CHATBOT, STR_NULL);
        tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
        tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    }
    return rc ? rc : tx_exec(tx, &import_remove, VALUES(v_str(id)), NULL, err);
}
