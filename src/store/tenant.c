// SPDX-License-Identifier: Apache-2.0
// Statements are made of the tables' rows when they are first needed and kept for the life of the process; drivers key
// their prepared ones by address.
#include "store/tenant.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum op { EACH, ONE, INSERT, UPDATE, HAS, TWIN, CLEAR, REMOVE, OPS };

struct made {
    const struct tenant_table *table;
    enum op op;
    uint64_t present;
    struct store_sql sql;
    struct made *next;
};

static struct made *made;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

STORE_SQL(tenant_count_suppliers,
          "UPDATE suppliers SET product_count = (SELECT COUNT(*) FROM ingredients i WHERE i.brand_id = "
          "suppliers.brand_id AND i.supplier_id = suppliers.id) WHERE brand_id = $1");
STORE_SQL(tenant_count_ingredients,
          "UPDATE ingredients SET document_count = (SELECT COUNT(*) FROM documents d WHERE d.brand_id = "
          "ingredients.brand_id AND d.product_id = ingredients.id AND d.type <> 'product' AND d.deleted_at IS NULL) "
          "WHERE brand_id = $1");
STORE_SQL(tenant_count_bases,
          "UPDATE knowledge_bases SET item_count = (SELECT COUNT(*) FROM documents d WHERE d.brand_id = "
          "knowledge_bases.brand_id AND d.base_id = knowledge_bases.id) WHERE brand_id = $1");
STORE_SQL(tenant_count_totals,
          "UPDATE brand_totals SET products = (SELECT COUNT(*) FROM visible_products p WHERE p.brand_id = $1), "
          "last_position = (SELECT COALESCE(MAX(p.position), 0) FROM visible_products p WHERE p.brand_id = $1) "
          "WHERE brand_id = $1");
STORE_SQL(tenant_add_totals,
          "UPDATE brand_totals SET conversations = conversations + $2, messages = messages + $3, products = products + "
          "$4, last_position = CASE WHEN last_position < $5 THEN $5 ELSE last_position END WHERE brand_id = $1");
STORE_SQL(tenant_settled, "UPDATE brands SET pristine = 0 WHERE id = $1");
STORE_SQL(tenant_position, "SELECT COALESCE(MAX(position), 0) FROM visible_products WHERE brand_id = $1");

// ---- the statements -------------------------------------------------------------------------------------------------

static const char *brand_column(const struct tenant_table *table)
{
    return strcmp(table->name, "brands") == 0 ? "id" : "brand_id";
}

static bool written(const struct tenant_table *t, uint64_t present, size_t i)
{
    return t->columns[i].flags & TENANT_MADE || (tenant_in_file(t, i) && present >> i & 1);
}

static bool replaced(const struct tenant_table *t, uint64_t present, size_t i)
{
    return tenant_in_file(t, i) && present >> i & 1 && !(t->columns[i].flags & (TENANT_KEY | TENANT_FIRST));
}

static void where_key(struct buf *sql, const struct tenant_table *t, size_t parameter)
{
    buf_addf(sql, " WHERE %s = $1", brand_column(t));
    for (size_t i = 0; i < t->n; i++)
        if (t->columns[i].flags & TENANT_KEY)
            buf_addf(sql, " AND %s = $%zu", t->columns[i].name, parameter++);
}

static void select_columns(struct buf *sql, const struct tenant_table *t)
{
    const char *glue = "SELECT ";
    for (size_t i = 0; i < t->n; i++)
        if (tenant_in_file(t, i)) {
            buf_addf(sql, "%s%s", glue, t->columns[i].name);
            glue = ", ";
        }
}

static void sql_each(struct buf *sql, const struct tenant_table *t)
{
    select_columns(sql, t);
    buf_addf(sql, " FROM %s WHERE %s = $1", t->view ? t->view : t->name, brand_column(t));
    if (t->parent)
        buf_addf(sql, " AND %s = $2", t->parent_column);
    if (t->where)
        buf_addf(sql, " AND %s", t->where);
    const char *glue = " ORDER BY ";
    for (size_t i = 0; i < t->n; i++)
        if (t->columns[i].flags & TENANT_KEY) {
            buf_addf(sql, "%s%s", glue, t->columns[i].name);
            glue = ", ";
        }
}

static void sql_insert(struct buf *sql, const struct tenant_table *t, uint64_t present)
{
    size_t parameter = 2;
    buf_addf(sql, "INSERT INTO %s (%s", t->name, brand_column(t));
    for (size_t i = 0; i < t->n; i++)
        if (written(t, present, i))
            buf_addf(sql, ", %s", t->columns[i].name);
    buf_addz(sql, ") VALUES ($1");
    for (size_t i = 0; i < t->n; i++)
        if (written(t, present, i))
            buf_addf(sql, ", $%zu", parameter++);
    buf_addz(sql, ") ON CONFLICT DO NOTHING");
}

// Only where something differs: a row that is what it was was not changed.
static void sql_update(struct buf *sql, const struct tenant_table *t, uint64_t present)
{
    size_t parameter = 2, first = parameter;
    const char *glue = " SET ";
    buf_addf(sql, "UPDATE %s", t->name);
    for (size_t i = 0; i < t->n; i++)
        if (replaced(t, present, i)) {
            buf_addf(sql, "%s%s = $%zu", glue, t->columns[i].name, parameter++);
            glue = ", ";
        }
    where_key(sql, t, parameter);
    glue = " AND (";
    for (size_t i = 0; i < t->n; i++)
        if (replaced(t, present, i)) {
            buf_addf(sql, "%s%s IS DISTINCT FROM $%zu", glue, t->columns[i].name, first++);
            glue = " OR ";
        }
    buf_addz(sql, ")");
}

static void sql_twin(struct buf *sql, const struct tenant_table *t)
{
    struct str rest = str_from(t->natural ? t->natural : "id");
    size_t parameter = 2;
    buf_addf(sql, "SELECT id FROM %s WHERE brand_id = $1", t->name);
    while (rest.p) {
        struct str column = str_split(&rest, ' ');
        buf_addf(sql, " AND " STR_FMT " = $%zu", STR_ARG(column), parameter++);
    }
}

static char *make_sql(const struct tenant_table *t, enum op op, uint64_t present)
{
    struct buf sql = BUF_INIT(16384);
    switch (op) {
    case EACH:
        sql_each(&sql, t);
        break;
    case ONE:
        select_columns(&sql, t);
        buf_addf(&sql, " FROM %s", t->name);
        where_key(&sql, t, 2);
        break;
    case INSERT:
        sql_insert(&sql, t, present);
        break;
    case UPDATE:
        sql_update(&sql, t, present);
        break;
    case HAS:
        buf_addf(&sql, "SELECT 1 FROM %s", t->name);
        where_key(&sql, t, 2);
        break;
    case TWIN:
        sql_twin(&sql, t);
        break;
    case REMOVE:
        buf_addf(&sql, "DELETE FROM %s", t->name);
        where_key(&sql, t, 2);
        break;
    case CLEAR:
    case OPS:
        buf_addf(&sql, "DELETE FROM %s WHERE brand_id = $1 AND %s = $2", t->name,
                 t->parent_column ? t->parent_column : "id");
        break;
    }
    return sql.p; // of the process from here on
}

static bool any_replaced(const struct tenant_table *t, uint64_t present)
{
    bool any = false;
    for (size_t i = 0; i < t->n; i++)
        any |= replaced(t, present, i);
    return any;
}

static const struct store_sql *statement(const struct tenant_table *t, enum op op, uint64_t present)
{
    static const char *const names[OPS] = {"each", "one", "insert", "update", "has", "twin", "clear", "remove"};
    pthread_mutex_lock(&making);
    struct made *one = made;
    while (one && (one->table != t || one->op != op || one->present != present))
        one = one->next;
    if (!one) {
        char name[80];
        one = mem_zalloc(sizeof *one);
        snprintf(name, sizeof name, "tenant_%s_%s", t->name, names[op]);
        *one = (struct made){t, op, present, {mem_strdup(name), make_sql(t, op, present), false}, made};
        made = one;
    }
    pthread_mutex_unlock(&making);
    return &one->sql;
}

const struct store_sql *tenant_sql(size_t i)
{
    const struct tenant_table *all;
    size_t n = tenant_tables(&all);
    for (size_t t = 0; t < n; t++)
        for (enum op op = EACH; op < OPS; op++) {
            bool fits = op == CLEAR  ? all[t].parent != NULL
                        : op == TWIN ? all[t].natural != NULL
                                     : op != UPDATE || any_replaced(&all[t], UINT64_MAX);
            if (fits && i-- == 0)
                return statement(&all[t], op, UINT64_MAX);
        }
    return NULL;
}

// ---- going out ------------------------------------------------------------------------------------------------------

int tenant_each(struct tx *tx, const struct tenant_table *table, struct str parent,
                int (*each)(void *arg, struct rows *rows, struct err *err), void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct value args[] = {v_str(parent)};
    int rc = tx_query(tx, statement(table, EACH, UINT64_MAX), args, table->parent ? 1 : 0, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1)
        rc = each(arg, rows, err);
    return rc;
}

// ---- coming in ------------------------------------------------------------------------------------------------------

static size_t gather(const struct tenant_table *t, uint64_t present, const struct value *values, struct value *out,
                     bool (*wanted)(const struct tenant_table *t, uint64_t present, size_t i))
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (wanted(t, present, i))
            out[n++] = values[i];
    return n;
}

static bool is_key(const struct tenant_table *t, uint64_t present, size_t i)
{
    (void)present;
    return t->columns[i].flags & TENANT_KEY;
}

int tenant_put(struct tx *tx, const struct tenant_table *t, uint64_t present, const struct value *values, bool replace,
               enum tenant_outcome *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct value args[2 * TENANT_COLUMNS];
    int64_t changed = 0;
    size_t n = gather(t, present, values, args, written);
    int rc = tx_exec(tx, statement(t, INSERT, present), args, n, &changed, err);
    if (rc || changed) {
        *ret = TENANT_ADDED;
        return rc;
    }
    n = gather(t, 0, values, args, is_key);
    rc = tx_query_one(tx, statement(t, HAS, UINT64_MAX), args, n, &rows, err);
    if (rc < 0)
        return rc;
    *ret = rc ? TENANT_KEPT : TENANT_OTHER;
    if (!rc || !replace || !any_replaced(t, present))
        return 0;
    n = gather(t, present, values, args, replaced);
    n += gather(t, 0, values, args + n, is_key);
    rc = tx_exec(tx, statement(t, UPDATE, present), args, n, &changed, err);
    *ret = changed ? TENANT_UPDATED : TENANT_SAME;
    return rc;
}

// ---- single rows ----------------------------------------------------------------------------------------------------

void tenant_values(const struct tenant_table *t, struct rows *rows, struct arena *arena, struct value *ret)
{
    size_t column = 0;
    for (size_t i = 0; i < t->n; i++) {
        ret[i] = v_null();
        if (!tenant_in_file(t, i))
            continue;
        if (rows_is_null(rows, column))
            ;
        else if (t->columns[i].flags & TENANT_INT)
            ret[i] = v_int(rows_int(rows, column));
        else if (t->columns[i].flags & TENANT_REAL)
            ret[i] = v_real(rows_real(rows, column));
        else
            ret[i] = v_str(arena ? arena_str(arena, rows_str(rows, column)) : rows_str(rows, column));
        column++;
    }
}

int tenant_get(struct tx *tx, const struct tenant_table *t, const struct value *key, struct arena *arena,
               struct value *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct value args[TENANT_COLUMNS];
    size_t n = gather(t, 0, key, args, is_key);
    int rc = tx_query_one(tx, statement(t, ONE, UINT64_MAX), args, n, &rows, err);
    if (rc == 1)
        tenant_values(t, rows, arena, ret);
    return rc;
}

int tenant_remove(struct tx *tx, const struct tenant_table *t, const struct value *key, struct err *err)
{
    struct value args[TENANT_COLUMNS];
    size_t n = gather(t, 0, key, args, is_key);
    return tx_exec(tx, statement(t, REMOVE, UINT64_MAX), args, n, NULL, err);
}

static bool is_made(const struct tenant_table *t)
{
    bool made_anew = false;
    for (size_t i = 0; i < t->n; i++)
        made_anew |= (t->columns[i].flags & TENANT_MADE) != 0;
    return made_anew;
}

int tenant_restore(struct tx *tx, const struct tenant_table *t, const struct value *values, bool *ret_added,
                   struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct value args[2 * TENANT_COLUMNS];
    size_t n = gather(t, 0, values, args, is_key);
    int rc = tx_query_one(tx, statement(t, HAS, UINT64_MAX), args, n, &rows, err);
    *ret_added = rc == 0 && !is_made(t);
    if (rc < 0 || (rc == 0 && !*ret_added) || (rc == 1 && !any_replaced(t, UINT64_MAX)))
        return rc < 0 ? rc : 0;
    if (rc == 0)
        return tx_exec(tx, statement(t, INSERT, UINT64_MAX), args, gather(t, UINT64_MAX, values, args, written), NULL,
                       err);
    n = gather(t, UINT64_MAX, values, args, replaced);
    n += gather(t, 0, values, args + n, is_key);
    return tx_exec(tx, statement(t, UPDATE, UINT64_MAX), args, n, NULL, err);
}

int tenant_twin(struct tx *tx, const struct tenant_table *t, const struct value *values, struct arena *arena,
                struct str *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct value args[TENANT_COLUMNS];
    struct str rest = str_from(t->natural);
    size_t n = 0;
    while (rest.p)
        args[n++] = values[tenant_column(t, str_split(&rest, ' '))];
    int rc = tx_query_one(tx, statement(t, TWIN, UINT64_MAX), args, n, &rows, err);
    if (rc == 1)
        *ret = arena_str(arena, rows_str(rows, 0));
    return rc;
}

int tenant_clear(struct tx *tx, const struct tenant_table *child, struct str parent, int64_t *ret, struct err *err)
{
    return tx_exec(tx, statement(child, CLEAR, UINT64_MAX), VALUES(v_str(parent)), ret, err);
}

int tenant_has(struct tx *tx, const struct tenant_table *t, struct str id, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    return tx_query_one(tx, statement(t, HAS, UINT64_MAX), VALUES(v_str(id)), &rows, err);
}

static int count_objects(struct tx *tx, struct err *err)
{
    int rc = tx_exec(tx, &tenant_count_suppliers, NO_VALUES, NULL, err);
    rc = rc ? rc : tx_exec(tx, &tenant_count_ingredients, NO_VALUES, NULL, err);
    return rc ? rc : tx_exec(tx, &tenant_count_bases, NO_VALUES, NULL, err);
}

int tenant_recount(struct tx *tx, struct err *err)
{
    int rc = count_objects(tx, err);
    return rc ? rc : tx_exec(tx, &tenant_count_totals, NO_VALUES, NULL, err);
}

int tenant_came_in(struct tx *tx, const struct tenant_counts *counts, struct err *err)
{
    int rc = count_objects(tx, err);
    rc = rc ? rc : tx_exec(tx, &tenant_settled, NO_VALUES, NULL, err);
    return rc ? rc
              : tx_exec(tx, &tenant_add_totals,
                        VALUES(v_int(counts->conversations), v_int(counts->messages), v_int(counts->products),
                               v_int(counts->last_position)),
                        NULL, err);
}

int tenant_last_position(struct tx *tx, int64_t *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &tenant_position, NO_VALUES, &rows, err);
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}
