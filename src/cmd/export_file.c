// SPDX-License-Identifier: Apache-2.0
#include "cmd/export_file.h"

#include "base/vec.h"
#include "ingest/files.h"
#include "store/migrations.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PART = 1 << 20, HEAD_MOST = 1 << 20 };
const struct sealed_format export_format = {"parley-export", "export", EXPORT_VERSION};

// ---- writing --------------------------------------------------------------------------------------------------------

struct writer {
    struct tx *tx;
    struct sealed *sealed;
    const char *data;
    struct str brand;
    struct buf part;
    int n_parts;
    struct export_totals totals;
    VEC(struct str) files; // ids of documents that have one
    struct arena *arena;
};

struct walk { // of one table, below one parent
    struct writer *w;
    const struct tenant_table *table;
};

static int flush(struct writer *w, struct err *err)
{
    char path[40];
    if (!w->part.n)
        return 0;
    snprintf(path, sizeof path, EXPORT_ROWS "%06d.jsonl", ++w->n_parts);
    int rc = sealed_put_bytes(w->sealed, path, buf_str(&w->part), err);
    if (w->part.cap > 4 * PART) // one long row must not cost its room for the rest
        buf_done(&w->part);
    else
        buf_clear(&w->part);
    return rc;
}

static bool add_value(struct buf *out, const struct tenant_column *column, struct rows *rows, size_t i)
{
    if (rows_is_null(rows, i))
        return buf_addz(out, "null");
    if (column->flags & TENANT_INT)
        return buf_addf(out, "%lld", (long long)rows_int(rows, i));
    if (column->flags & TENANT_REAL)
        return buf_addf(out, "%.17g", rows_real(rows, i));
    return json_quote(out, rows_str(rows, i));
}

static int write_row(void *arg, struct rows *rows, struct err *err);

static int write_table(struct writer *w, const struct tenant_table *table, struct str parent, struct err *err)
{
    struct walk walk = {w, table};
    return tenant_each(w->tx, table, parent, write_row, &walk, err);
}

// The rows that belong to this one stand behind it.
static int write_children(struct writer *w, const struct tenant_table *table, struct str id, struct err *err)
{
    const struct tenant_table *all;
    size_t n = tenant_tables(&all);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++)
        if (all[i].parent && strcmp(all[i].parent, table->name) == 0)
            rc = write_table(w, &all[i], id, err);
    return rc;
}

static int write_row(void *arg, struct rows *rows, struct err *err)
{
    const struct walk *walk = arg;
    const struct tenant_table *t = walk->table;
    struct writer *w = walk->w;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str id = STR("");
    bool has_file = false;
    size_t at = 0;
    buf_addf(&w->part, "{\"table\":\"%s\",\"row\":", t->name);
    for (size_t i = 0; i < t->n; i++) {
        if (!tenant_in_file(t, i))
            continue;
        buf_addf(&w->part, "%s\"%s\":", at ? "," : "{", t->columns[i].name);
        add_value(&w->part, &t->columns[i], rows, at);
        if (strcmp(t->columns[i].name, "id") == 0)
            id = arena_str(arena, rows_str(rows, at));
        has_file |= strcmp(t->columns[i].name, "sha256") == 0 && !rows_is_null(rows, at);
        at++;
    }
    buf_addz(&w->part, "}}\n");
    if (w->part.overflow)
        return err_set(err, ERR_LIMIT, "a row of %s is longer than %d bytes", t->name, EXPORT_ROW_MOST);
    w->totals.rows++;
    if (has_file)
        vec_add(&w->files, arena_str(w->arena, id));
    int rc = w->part.n >= PART ? flush(w, err) : 0;
    return rc || !id.n || t->parent ? rc : write_children(w, t, id, err);
}

static void add_table(yyjson_mut_doc *doc, yyjson_mut_val *tables, yyjson_mut_val *absent, const struct tenant_table *t)
{
    yyjson_mut_val *one = yyjson_mut_obj(doc), *columns = yyjson_mut_arr(doc);
    json_add_cstr(doc, one, "name", t->name);
    json_add(doc, one, "columns", columns);
    for (size_t i = 0; i < t->n; i++) {
        if (tenant_in_file(t, i)) {
            yyjson_mut_arr_append(columns, json_new_str(doc, str_from(t->columns[i].name)));
            continue;
        }
        bool made = t->columns[i].flags & TENANT_MADE;
        yyjson_mut_val *out = yyjson_mut_obj(doc);
        json_add_cstr(doc, out, "table", t->name);
        json_add_cstr(doc, out, "column", t->columns[i].name);
        json_add_cstr(doc, out, "reason", made ? "made anew" : "begins anew");
        yyjson_mut_arr_append(absent, out);
    }
    yyjson_mut_arr_append(tables, one);
}

static int write_head(struct writer *w, struct str name, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *brand = yyjson_mut_obj(doc), *tables = yyjson_mut_arr(doc),
                   *absent = yyjson_mut_arr(doc);
    const struct tenant_table *all;
    size_t n = tenant_tables(&all);
    json_add_cstr(doc, root, "format", export_format.name);
    json_add_int(doc, root, "version", EXPORT_VERSION);
    json_add_cstr(doc, root, "program", PARLEY_VERSION);
    json_add_int(doc, root, "migration", store_migrations[store_migrations_n - 1].number);
    json_add(doc, root, "brand", brand);
    json_add_str(doc, brand, "id", w->brand);
    json_add_str(doc, brand, "name", name);
    json_add(doc, root, "tables", tables);
    json_add(doc, root, "leftOut", absent);
    for (size_t i = 0; i < n; i++)
        add_table(doc, tables, absent, &all[i]);
    for (const struct tenant_absent *a = tenant_absent; a->table; a++) {
        yyjson_mut_val *out = yyjson_mut_obj(doc);
        json_add_cstr(doc, out, "table", a->table);
        json_add_cstr(doc, out, "reason", a->reason);
        yyjson_mut_arr_append(absent, out);
    }
    return sealed_put_bytes(w->sealed, EXPORT_HEAD, json_write(arena, root), err);
}

// A file that was erased since its row was read had been deleted for good by somebody.
static int write_file(struct writer *w, struct str id, struct err *err)
{
    char path[SEALED_PATH_MOST];
    int fd = files_open(w->data, w->brand, "documents", id, err);
    if (fd == ERR_NOT_FOUND)
        w->totals.absent++;
    if (fd < 0)
        return fd == ERR_NOT_FOUND ? 0 : fd;
    snprintf(path, sizeof path, EXPORT_DOCUMENTS STR_FMT, STR_ARG(id));
    int rc = sealed_put_fd(w->sealed, fd, path, err);
    close(fd);
    return rc;
}

int export_file_write(struct tx *tx, int fd, const char *data, struct str brand, struct str name,
                      struct progress *progress, struct export_totals *ret, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct writer w = {.tx = tx, .data = data, .brand = brand, .part = BUF_INIT(EXPORT_ROW_MOST), .arena = arena};
    const struct tenant_table *all;
    size_t n = tenant_tables(&all);
    progress_stage(progress, "writing", PROGRESS_BYTES, 0);
    int rc = sealed_create(fd, &export_format, progress, &w.sealed, err);
    rc = rc ? rc : write_head(&w, name, err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = all[i].parent ? 0 : write_table(&w, &all[i], STR_NULL, err);
    rc = rc ? rc : flush(&w, err);
    for (size_t i = 0; i < w.files.n && !rc; i++)
        rc = write_file(&w, w.files.at[i], err);
    rc = rc ? rc : sealed_finish(w.sealed, &w.totals.sealed, err);
    *ret = w.totals;
    sealed_free(w.sealed);
    buf_done(&w.part);
    vec_done(&w.files);
    return rc;
}

// ---- reading --------------------------------------------------------------------------------------------------------

struct reading {
    struct sealed *sealed;
    const struct export_reader *to;
    struct export_head *head;
    struct buf text;
    int64_t lines;
};

static int broken(const struct reading *r, struct err *err)
{
    char why[80];
    snprintf(why, sizeof why, "its row %lld is not of a form that this program knows", (long long)r->lines);
    return sealed_damaged(r->sealed, err, why);
}

static int read_part(struct reading *r, size_t most, struct err *err)
{
    struct str bytes = STR("");
    int rc;
    r->text.max = most;
    buf_clear(&r->text);
    while ((rc = sealed_read(r->sealed, &bytes, err)) == 0 && bytes.n)
        if (!buf_adds(&r->text, bytes))
            return sealed_damaged(r->sealed, err, "a part of it is too long");
    return rc;
}

static int read_columns(struct reading *r, yyjson_val *one, struct err *err)
{
    const struct tenant_table *table = tenant_find(json_get_str(one, "name"));
    yyjson_val *columns = json_get(one, "columns"), *column;
    size_t i, n;
    if (!table)
        return sealed_damaged(r->sealed, err, "it has a table that this program does not know");
    yyjson_arr_foreach(columns, i, n, column)
    {
        size_t at = tenant_column(table, json_str(column));
        if (at == table->n || !tenant_in_file(table, at))
            return sealed_damaged(r->sealed, err, "it has a column that this program does not know");
        r->head->present[table->index] |= UINT64_C(1) << at;
    }
    return 0;
}

static int read_head(struct reading *r, struct arena *arena, struct err *err)
{
    yyjson_val *root, *one;
    size_t i, n;
    int newest = store_migrations[store_migrations_n - 1].number;
    int rc = read_part(r, HEAD_MOST, err);
    if (rc)
        return rc;
    if (json_parse(arena, buf_str(&r->text), 0, &root, NULL) != 0 ||
        !str_eq(json_get_str(root, "format"), str_from(export_format.name)))
        return sealed_damaged(r->sealed, err, "its head cannot be read");
    r->head->migration = json_get_int(root, "migration", 0);
    r->head->brand = arena_str(arena, json_get_str(json_get(root, "brand"), "id"));
    r->head->name = arena_str(arena, json_get_str(json_get(root, "brand"), "name"));
    if (r->head->migration > newest)
        return err_set(err, ERR_FORMAT, "the export is of a newer version of the program (migration %lld)",
                       (long long)r->head->migration);
    if (!r->head->brand.n)
        return sealed_damaged(r->sealed, err, "its head names no brand");
    yyjson_val *tables = json_get(root, "tables");
    yyjson_arr_foreach(tables, i, n, one)
    {
        if ((rc = read_columns(r, one, err)) != 0)
            return rc;
    }
    return 0;
}

static bool take_value(const struct tenant_column *column, yyjson_val *from, struct value *ret)
{
    *ret = v_null();
    if (!from || yyjson_is_null(from))
        return from != NULL;
    if (column->flags & TENANT_INT) {
        *ret = v_int(yyjson_get_sint(from));
        return yyjson_is_int(from) && !(yyjson_is_uint(from) && yyjson_get_uint(from) > INT64_MAX);
    }
    if (column->flags & TENANT_REAL) {
        *ret = v_real(yyjson_get_num(from));
        return yyjson_is_num(from);
    }
    struct str text = json_str(from);
    *ret = v_str(text);
    return text.p && !memchr(text.p, 0, text.n);
}

static int read_line(struct reading *r, struct str line, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct value values[TENANT_COLUMNS];
    yyjson_val *root;
    r->lines++;
    if (json_parse(arena, line, 0, &root, NULL) != 0)
        return broken(r, err);
    const struct tenant_table *table = tenant_find(json_get_str(root, "table"));
    yyjson_val *row = json_get(root, "row");
    size_t given = 0;
    if (!table || !r->head->present[table->index] || !yyjson_is_obj(row))
        return broken(r, err);
    for (size_t i = 0; i < table->n; i++) {
        bool present = r->head->present[table->index] >> i & 1;
        yyjson_val *value = present ? json_get(row, table->columns[i].name) : NULL;
        values[i] = v_null();
        if (present && !take_value(&table->columns[i], value, &values[i]))
            return broken(r, err);
        if (table->columns[i].flags & TENANT_KEY && values[i].type == VALUE_NULL)
            return broken(r, err);
        given += present;
    }
    if (yyjson_obj_size(row) != given)
        return broken(r, err);
    return r->to->row(r->to->arg, table, values, arena, err);
}

static int read_rows(struct reading *r, struct err *err)
{
    int rc = read_part(r, EXPORT_ROW_MOST, err);
    struct str rest = buf_str(&r->text);
    while (!rc && rest.n) {
        const char *end = memchr(rest.p, '\n', rest.n);
        if (!end)
            return broken(r, err);
        struct str line = {rest.p, (size_t)(end - rest.p)};
        rest = (struct str){end + 1, rest.n - line.n - 1};
        rc = read_line(r, line, err);
    }
    if (r->text.cap > 4 * PART)
        buf_done(&r->text);
    return rc;
}

int export_file_read(int fd, const struct export_reader *reader, struct progress *progress, struct arena *arena,
                     struct export_head *ret_head, struct err *err)
{
    struct reading r = {.to = reader, .head = ret_head, .text = BUF_INIT(EXPORT_ROW_MOST)};
    const char *path;
    bool begun = false;
    *ret_head = (struct export_head){0};
    int rc = sealed_open(fd, &export_format, progress, &r.sealed, err);
    while (!rc && (rc = sealed_next(r.sealed, &path, err)) == 1) {
        struct str name = str_from(path);
        bool head = strcmp(path, EXPORT_HEAD) == 0;
        if (head == begun)
            rc = sealed_damaged(r.sealed, err, "its head is not where it belongs");
        else if (head)
            rc = read_head(&r, arena, err);
        else if (str_starts(name, STR(EXPORT_ROWS)))
            rc = read_rows(&r, err);
        else if (!str_starts(name, STR(EXPORT_DOCUMENTS)))
            rc = sealed_damaged(r.sealed, err, "it names a path that is not ours");
        else if (reader->file)
            rc = reader->file(reader->arg,
                              (struct str){name.p + strlen(EXPORT_DOCUMENTS), name.n - strlen(EXPORT_DOCUMENTS)},
                              r.sealed, err);
        else
            rc = 0;
        begun = true;
    }
    if (!rc && !begun)
        rc = sealed_damaged(r.sealed, err, "it is empty");
    sealed_free(r.sealed);
    buf_done(&r.text);
    return rc;
}
