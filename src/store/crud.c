// SPDX-License-Identifier: Apache-2.0
// Statements are made once a model and kept for the life of the process; drivers key their prepared ones by address.
#include "store/crud.h"

#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

enum op { INSERT, GET, UPDATE, REMOVE, LIST, PICK, COUNT, OPS };

struct crud {
    const struct model *model;
    struct store_sql sql[OPS];
    struct crud *next;
};

static struct crud *made;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static bool is_key(const struct field *f)
{
    return f->column && (f->flags & FIELD_KEY);
}

static bool is_filter(const struct field *f)
{
    return f->column && (f->flags & (FIELD_FILTER | FIELD_CURSOR));
}

// Appends "a, b, c" for all columns.
static void columns(struct buf *sql, const struct model *m)
{
    bool first = true;
    for (size_t i = 0; i < m->n; i++) {
        if (!m->fields[i].column)
            continue;
        buf_addf(sql, "%s%s", first ? "" : ", ", m->fields[i].column);
        first = false;
    }
}

static const char *source(const struct model *m)
{
    return m->view ? m->view : m->table;
}

// $1 is the brand for a tenant's table; an installation's table has no such parameter.
static size_t first_parameter(const struct model *m)
{
    return m->installation ? 1 : 2;
}

static void where_key(struct buf *sql, const struct model *m, size_t parameter)
{
    const char *glue = " WHERE ";
    if (!m->installation) {
        buf_addz(sql, " WHERE brand_id = $1");
        glue = " AND ";
    }
    for (size_t i = 0; i < m->n; i++)
        if (is_key(&m->fields[i])) {
            buf_addf(sql, "%s%s = $%zu", glue, m->fields[i].column, parameter++);
            glue = " AND ";
        }
}

static size_t where_filter(struct buf *sql, const struct model *m)
{
    size_t parameter = first_parameter(m);
    buf_addz(sql, m->installation ? " WHERE 1 = 1" : " WHERE brand_id = $1");
    for (size_t i = 0; i < m->n; i++) {
        const struct field *f = &m->fields[i];
        if (!is_filter(f))
            continue;
        const char *type = f->type == FIELD_STRING ? "TEXT" : "BIGINT";
        if (f->flags & FIELD_CURSOR) // as one comparison, so that an index serves it
            buf_addf(sql, " AND %s > COALESCE(CAST($%zu AS BIGINT), -1)", f->column, parameter);
        else
            buf_addf(sql, " AND (CAST($%zu AS %s) IS NULL OR %s = $%zu)", parameter, type, f->column, parameter);
        parameter++;
    }
    return parameter;
}

static void sql_insert(struct buf *sql, const struct model *m)
{
    size_t n = first_parameter(m) - 1;
    buf_addf(sql, "INSERT INTO %s (%s", m->table, m->installation ? "" : "brand_id, ");
    columns(sql, m);
    buf_addf(sql, ") VALUES (%s", m->installation ? "" : "$1");
    for (size_t i = 0; i < m->n; i++)
        if (m->fields[i].column) {
            n++;
            buf_addf(sql, "%s$%zu", n > 1 ? ", " : "", n);
        }
    buf_addz(sql, ")");
}

static void sql_update(struct buf *sql, const struct model *m)
{
    size_t parameter = first_parameter(m);
    const char *glue = "";
    buf_addf(sql, "UPDATE %s SET ", m->table);
    for (size_t i = 0; i < m->n; i++)
        if (m->fields[i].column && !is_key(&m->fields[i])) {
            buf_addf(sql, "%s%s = $%zu", glue, m->fields[i].column, parameter++);
            glue = ", ";
        }
    where_key(sql, m, parameter);
}

static void sql_list(struct buf *sql, const struct model *m)
{
    buf_addz(sql, "SELECT ");
    columns(sql, m);
    buf_addf(sql, " FROM %s", source(m));
    size_t parameter = where_filter(sql, m);
    // A limit below 0 means all to SQLite and nothing to PostgreSQL: callers send the highest number instead.
    buf_addf(sql, " ORDER BY %s LIMIT $%zu OFFSET $%zu", m->order ? m->order : "id", parameter, parameter + 1);
}

// So many parameters that one statement does for every number of ids: what is left over is NULL and finds nothing.
static void sql_pick(struct buf *sql, const struct model *m)
{
    size_t parameter = first_parameter(m), id = model_field_index(m, "id");
    if (id == m->n) // nothing to pick by
        return sql_list(sql, m);
    buf_addz(sql, "SELECT ");
    columns(sql, m);
    buf_addf(sql, " FROM %s WHERE %s%s IN (", source(m), m->installation ? "" : "brand_id = $1 AND ",
             m->fields[id].column);
    for (size_t i = 0; i < CRUD_PICK_MOST; i++)
        buf_addf(sql, "%s$%zu", i ? ", " : "", parameter++);
    buf_addz(sql, ")");
}

static char *make_sql(const struct model *m, enum op op)
{
    struct buf sql = BUF_INIT(16384);
    switch (op) {
    case INSERT:
        sql_insert(&sql, m);
        break;
    case GET:
        buf_addz(&sql, "SELECT ");
        columns(&sql, m);
        buf_addf(&sql, " FROM %s", source(m));
        where_key(&sql, m, first_parameter(m));
        break;
    case UPDATE:
        sql_update(&sql, m);
        break;
    case REMOVE:
        buf_addf(&sql, "DELETE FROM %s", m->table);
        where_key(&sql, m, first_parameter(m));
        break;
    case LIST:
        sql_list(&sql, m);
        break;
    case PICK:
        sql_pick(&sql, m);
        break;
    case COUNT:
    case OPS:
        buf_addf(&sql, "SELECT COUNT(*) FROM %s", source(m));
        where_filter(&sql, m);
    }
    return sql.p;
}

static const struct store_sql *sql_of(const struct model *model, enum op op)
{
    pthread_mutex_lock(&making);
    struct crud *crud = made;
    while (crud && crud->model != model)
        crud = crud->next;
    if (!crud) {
        crud = mem_zalloc(sizeof *crud);
        crud->model = model;
        for (enum op i = 0; i < OPS; i++)
            crud->sql[i] = (struct store_sql){model->name, make_sql(model, i), model->installation};
        crud->next = made;
        made = crud;
    }
    pthread_mutex_unlock(&making);
    return &crud->sql[op];
}

const struct store_sql *crud_sql(const struct model *model, size_t i)
{
    return i < OPS ? sql_of(model, (enum op)i) : NULL;
}

static struct value column_value(const struct model *m, size_t i, const void *row, struct arena *arena)
{
    const struct field *f = &m->fields[i];
    const void *at = (const char *)row + f->offset;
    if (!(*(const uint64_t *)row >> i & 1))
        return v_null();
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_JSON:
        return v_str(*(const struct str *)at);
    case FIELD_INT:
    case FIELD_TIME:
    case FIELD_PRICE:
        return v_int(*(const int64_t *)at);
    case FIELD_NUMBER:
        return v_real(*(const double *)at);
    case FIELD_BOOL:
        return v_bool(*(const bool *)at);
    case FIELD_STRINGS:
        return v_str(json_write(arena, strings_json(json_doc(arena), at)));
    case FIELD_OBJECT:
        return v_str(json_write(arena, model_encode(f->model, json_doc(arena), at)));
    case FIELD_OBJECTS:
        return v_str(json_write(arena, objects_json(f->model, json_doc(arena), at)));
    case FIELD_RANGE:
        break;
    }
    return v_null();
}

static void load_column(const struct field *f, struct rows *rows, size_t column, struct arena *arena, void *at)
{
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_JSON:
        *(struct str *)at = arena_str(arena, rows_str(rows, column));
        break;
    case FIELD_INT:
    case FIELD_TIME:
    case FIELD_PRICE:
        *(int64_t *)at = rows_int(rows, column);
        break;
    case FIELD_NUMBER:
        *(double *)at = rows_real(rows, column);
        break;
    case FIELD_BOOL:
        *(bool *)at = rows_bool(rows, column);
        break;
    case FIELD_STRINGS:
        strings_load(arena, rows_str(rows, column), at);
        break;
    case FIELD_OBJECT:
        model_load_json(f->model, arena, rows_str(rows, column), at);
        break;
    case FIELD_OBJECTS:
        objects_load(f->model, arena, rows_str(rows, column), at);
        break;
    case FIELD_RANGE:
        break;
    }
}

static void load_row(const struct model *m, struct rows *rows, struct arena *arena, void *row)
{
    size_t column = 0;
    uint64_t set = 0;
    memset(row, 0, m->size);
    for (size_t i = 0; i < m->n; i++) {
        if (!m->fields[i].column)
            continue;
        if (!rows_is_null(rows, column)) {
            load_column(&m->fields[i], rows, column, arena, (char *)row + m->fields[i].offset);
            set |= UINT64_C(1) << i;
        }
        column++;
    }
    *(uint64_t *)row = set;
}

typedef bool (*chooser)(const struct field *);

static bool is_column(const struct field *f)
{
    return f->column;
}

static bool is_plain(const struct field *f)
{
    return f->column && !(f->flags & FIELD_KEY);
}

static size_t put_values(struct tx *tx, const struct model *m, const void *row, chooser choose, struct value *out)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (choose(&m->fields[i]))
            out[n++] = row ? column_value(m, i, row, tx_arena(tx)) : v_null();
    return n;
}

int crud_insert(struct tx *tx, const struct model *model, const void *row, struct err *err)
{
    struct value values[64];
    size_t n = put_values(tx, model, row, is_column, values);
    return tx_exec(tx, sql_of(model, INSERT), values, n, NULL, err);
}

int crud_get(struct tx *tx, const struct model *model, struct arena *arena, const void *key, void *ret_row,
             struct err *err)
{
    struct value values[64];
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql_of(model, GET), values, put_values(tx, model, key, is_key, values), &rows, err);
    if (rc == 1)
        load_row(model, rows, arena, ret_row);
    return rc;
}

int crud_update(struct tx *tx, const struct model *model, const void *row, struct err *err)
{
    struct value values[64];
    int64_t changed;
    size_t n = put_values(tx, model, row, is_plain, values);
    n += put_values(tx, model, row, is_key, values + n);
    int rc = tx_exec(tx, sql_of(model, UPDATE), values, n, &changed, err);
    return rc ? rc : changed ? 0 : err_set(err, ERR_NOT_FOUND, "%s not found", model->name);
}

int crud_remove(struct tx *tx, const struct model *model, const void *key, struct err *err)
{
    struct value values[64];
    int64_t changed;
    int rc = tx_exec(tx, sql_of(model, REMOVE), values, put_values(tx, model, key, is_key, values), &changed, err);
    return rc ? rc : changed ? 0 : err_set(err, ERR_NOT_FOUND, "%s not found", model->name);
}

int crud_list(struct tx *tx, const struct model *model, const void *filter, int64_t limit, int64_t offset, void *row,
              int (*each)(void *arg, void *row), void *arg, struct err *err)
{
    struct value values[64];
    AUTO_ROWS struct rows *rows = NULL;
    size_t n = put_values(tx, model, filter, is_filter, values);
    values[n++] = v_int(limit < 0 ? INT64_MAX : limit);
    values[n++] = v_int(offset);
    int rc = tx_query(tx, sql_of(model, LIST), values, n, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        load_row(model, rows, arena, row);
        rc = each(arg, row);
    }
    return rc;
}

int crud_rows(struct tx *tx, const struct model *model, struct arena *arena, const void *filter, int64_t limit,
              int64_t offset, void **ret, size_t *ret_n, struct err *err)
{
    struct value values[64];
    AUTO_ROWS struct rows *rows = NULL;
    AUTO_BUF struct buf found = BUF_INIT(256 << 20);
    size_t n = put_values(tx, model, filter, is_filter, values);
    values[n++] = v_int(limit < 0 ? INT64_MAX : limit);
    values[n++] = v_int(offset);
    int rc = tx_query(tx, sql_of(model, LIST), values, n, &rows, err);
    for (*ret_n = 0; !rc && (rc = rows_next(rows, err)) == 1; ++*ret_n) {
        char *row = arena_zalloc(arena, model->size);
        load_row(model, rows, arena, row);
        buf_add(&found, row, model->size);
        rc = 0;
    }
    *ret = arena_zalloc(arena, found.n + 1);
    if (found.n)
        memcpy(*ret, found.p, found.n);
    return rc < 0 ? rc : 0;
}

static size_t place_of(const struct str *ids, size_t n, struct str id)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(ids[i], id))
            return i;
    return n;
}

int crud_pick(struct tx *tx, const struct model *model, struct arena *arena, const struct str *ids, size_t n,
              void **ret, size_t *ret_n, struct err *err)
{
    struct value values[CRUD_PICK_MOST];
    AUTO_ROWS struct rows *rows = NULL;
    size_t id = model_field_index(model, "id"), count = n < CRUD_PICK_MOST ? n : CRUD_PICK_MOST;
    char *found = arena_zalloc(arena, (count + 1) * model->size);
    for (size_t i = 0; i < CRUD_PICK_MOST; i++)
        values[i] = i < count ? v_str(ids[i]) : v_null();
    int rc = count ? tx_query(tx, sql_of(model, PICK), values, CRUD_PICK_MOST, &rows, err) : 0;
    char *row = arena_alloc(arena, model->size);
    while (!rc && count && (rc = rows_next(rows, err)) == 1) {
        load_row(model, rows, arena, row);
        size_t at = place_of(ids, count, *(const struct str *)(row + model->fields[id].offset));
        if (at < count)
            memcpy(found + at * model->size, row, model->size);
        rc = 0;
    }
    *ret_n = 0;
    *ret = found;
    for (size_t i = 0; i < count; i++) // what was not found leaves no gap
        if (*(const uint64_t *)(found + i * model->size))
            memmove(found + (*ret_n)++ * model->size, found + i * model->size, model->size);
    return rc < 0 ? rc : 0;
}

int crud_count(struct tx *tx, const struct model *model, const void *filter, int64_t *ret, struct err *err)
{
    struct value values[64];
    AUTO_ROWS struct rows *rows = NULL;
    int rc =
        tx_query_one(tx, sql_of(model, COUNT), values, put_values(tx, model, filter, is_filter, values), &rows, err);
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}
