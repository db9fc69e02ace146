// SPDX-License-Identifier: Apache-2.0
// A spooled product is its length, whether its id was made from its name, its row and line, then its JSON.
#include "engine/product_file_internal.h"

#include "base/utf8.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAMED_MOST = 2000, WARNINGS_MOST = 100000, COLUMNS_NAMED = 50 };

const char product_conflicts[] = "error|update|skip";

enum product_conflict product_conflict_of(struct str name)
{
    return str_eq(name, STR("error"))  ? PRODUCT_CONFLICT_ERROR
           : str_eq(name, STR("skip")) ? PRODUCT_CONFLICT_SKIP
                                       : PRODUCT_CONFLICT_UPDATE;
}

struct product_file *product_file_new(const struct product_file_options *options)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/products-XXXXXX", options->temp_dir) >= (int)sizeof path)
        return NULL;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return NULL;
    (void)unlink(path);
    struct product_file *file = mem_zalloc(sizeof *file);
    file->options = *options;
    file->spool = fdopen(fd, "w+");
    file->arena = arena_new(0);
    file->errors.arena = file->written.arena = file->arena;
    file->errors.most = file->written.most = options->errors_kept ? options->errors_kept : ERRORS_KEPT;
    file->specs = BUF_INIT(NAMED_MOST);
    file->other_sheets = BUF_INIT(NAMED_MOST);
    file->warnings = BUF_INIT(WARNINGS_MOST);
    if (options->keep_text && options->layout == PRODUCTS_IN_TEXT)
        file->pieces = product_pieces_new();
    return file;
}

void product_file_free(struct product_file *file)
{
    if (!file)
        return;
    (void)fclose(file->spool);
    vec_done(&file->errors.at);
    vec_done(&file->written.at);
    buf_done(&file->specs);
    buf_done(&file->other_sheets);
    buf_done(&file->warnings);
    product_pieces_free(file->pieces);
    arena_free(file->block);
    arena_free(file->arena);
    free(file);
}

// ---- errors, warnings ----------------------------------------------------------------------------------------------

void product_errors_add(struct product_errors *errors, const struct product_error *error)
{
    errors->total++;
    errors->rows += error->row > 0;
    if (errors->at.n >= errors->most)
        return;
    struct product_error copy = *error;
    copy.sheet = arena_str(errors->arena, error->sheet);
    copy.id = arena_str(errors->arena, error->id);
    copy.field = error->field ? arena_printf(errors->arena, "%s", error->field) : NULL;
    copy.code = arena_printf(errors->arena, "%s", error->code);
    copy.detail = arena_printf(errors->arena, "%s", error->detail);
    vec_add(&errors->at, copy);
}

void product_file_error(struct product_file *file, const char *code, const char *detail)
{
    product_errors_add(&file->errors, &(struct product_error){.code = code, .detail = detail});
}

void product_file_warn(struct product_file *file, const char *code, const char *detail)
{
    if (file->warnings.n)
        buf_addc(&file->warnings, ',');
    buf_addf(&file->warnings, "{\"code\":\"%s\",\"detail\":", code);
    json_quote(&file->warnings, str_from(detail));
    buf_addc(&file->warnings, '}');
}

// ---- records -------------------------------------------------------------------------------------------------------

int product_file_count(struct product_file *file)
{
    if (file->rows < file->options.most_rows) {
        file->rows++;
        return 0;
    }
    char detail[80];
    (void)snprintf(detail, sizeof detail, "Only the first %lld rows are read", (long long)file->rows);
    product_file_error(file, "too_many_rows", detail);
    return ERR_LIMIT;
}

static bool spool(struct product_file *file, const struct product_place *at, const struct draft_result *result)
{
    int64_t head[4] = {(int64_t)result->json.n, result->made_id, file->rows, at->line};
    return fwrite(head, sizeof head, 1, file->spool) == 1 &&
           fwrite(result->json.p, 1, result->json.n, file->spool) == result->json.n;
}

int product_file_take(struct product_file *file, const struct product_place *at, struct product_draft *draft)
{
    struct draft_result result;
    int rc = product_file_count(file);
    if (rc)
        return rc;
    if (!draft_finish(draft, &result)) {
        struct product_error error = {file->rows,   at->line,    at->sheet,    draft_id(draft),
                                      result.field, result.code, result.detail};
        product_errors_add(&file->errors, &error);
        return 0;
    }
    file->uncategorised += result.no_category;
    file->bad_urls += result.bad_url;
    if (spool(file, at, &result))
        return 0;
    file->spool_full = true;
    return ERR_LIMIT;
}

static void note_spec(struct product_file *file, const struct product_column *column)
{
    if (column->field != PRODUCT_SPEC || column->named || !column->key.n || file->n_specs >= COLUMNS_NAMED)
        return;
    // Each once: a comma before and behind makes whole names comparable.
    char needle[300];
    int n = snprintf(needle, sizeof needle, ", " STR_FMT ",", (int)(column->key.n < 200 ? column->key.n : 200),
                     column->key.p);
    if (n <= 0 || str_find(buf_str(&file->specs), (struct str){needle, (size_t)n}) >= 0)
        return;
    if (!file->specs.n)
        buf_addz(&file->specs, ", ");
    buf_add(&file->specs, needle + 2, (size_t)n - 2);
    buf_addc(&file->specs, ' ');
    file->n_specs++;
}

int product_file_object(struct product_file *file, const struct product_place *at, yyjson_val *object)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct product_draft draft;
    size_t i, max;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(object)) {
        int rc = product_file_count(file);
        struct product_error error = {
            file->rows, at->line, at->sheet, STR_NULL, NULL, "not_an_object", "The record is no object"};
        if (!rc)
            product_errors_add(&file->errors, &error);
        return rc;
    }
    draft_begin(&draft, arena, false);
    yyjson_obj_foreach(object, i, max, key, value)
    {
        struct product_column column = product_column_of(arena, json_str(key));
        if (!yyjson_is_null(value))
            note_spec(file, &column);
        draft_set_value(&draft, &column, value);
    }
    return product_file_take(file, at, &draft);
}

int product_file_bad(struct product_file *file, const struct product_place *at)
{
    int rc = product_file_count(file);
    struct product_error error = {file->rows, at->line, at->sheet, STR_NULL, NULL, "bad_row", "The row is too large"};
    if (!rc)
        product_errors_add(&file->errors, &error);
    return rc;
}

// ---- tables --------------------------------------------------------------------------------------------------------

static bool read_heading(struct product_file *file, yyjson_val *cells)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    bool seen[PRODUCT_FIELDS] = {false};
    size_t i, max;
    yyjson_val *cell;
    file->n_columns = 0;
    yyjson_arr_foreach(cells, i, max, cell)
    {
        if (file->n_columns == COLUMNS_MOST)
            break;
        struct product_column column = product_column_of(arena, json_str(cell));
        if (column.field != PRODUCT_SPEC && seen[column.field]) // a second column of a field is a specification
            column = (struct product_column){PRODUCT_SPEC, json_str(cell), false};
        seen[column.field] = true;
        column.key = arena_str(file->arena, utf8_trim(column.key));
        file->columns[file->n_columns++] = column;
    }
    return seen[PRODUCT_NAME] && seen[PRODUCT_PRICE];
}

static void note_sheet(struct product_file *file, struct str sheet)
{
    if (file->other_sheets.n)
        buf_addz(&file->other_sheets, ", ");
    buf_adds(&file->other_sheets, sheet);
}

// True: this row belongs to no products (it is a heading, or stands where none are).
static bool is_no_record(struct product_file *file, const struct product_place *at, yyjson_val *cells)
{
    bool sheets = file->options.layout == PRODUCTS_IN_SHEETS;
    if (at->table != file->table) {
        file->table = at->table;
        file->seen_in_table = 0;
        file->has_columns = false;
        if (sheets && file->found_columns)
            note_sheet(file, at->sheet);
    }
    if (file->has_columns)
        return false;
    int64_t within = sheets ? HEADING_WITHIN : 1;
    if (file->seen_in_table++ >= within || (sheets && file->found_columns))
        return true;
    file->has_columns = read_heading(file, cells);
    if (file->has_columns) {
        file->found_columns = true;
        file->sheet = arena_str(file->arena, at->sheet);
    } else if (sheets && file->seen_in_table == 1) {
        note_sheet(file, at->sheet);
    }
    return true;
}

static bool is_empty(yyjson_val *cells)
{
    size_t i, max;
    yyjson_val *cell;
    yyjson_arr_foreach(cells, i, max, cell) if (utf8_trim(json_str(cell)).n) return false;
    return true;
}

// Rows of a table that is none of products are text like any other.
static void keep_cells(struct product_file *file, const struct product_place *at, yyjson_val *cells)
{
    AUTO_BUF struct buf line = BUF_INIT(PIECES_CHARS_MOST);
    size_t i, max;
    yyjson_val *cell;
    if (!file->pieces)
        return;
    yyjson_arr_foreach(cells, i, max, cell)
    {
        buf_addz(&line, i ? " | " : "");
        buf_adds(&line, json_str(cell));
    }
    product_pieces_add(file->pieces, buf_str(&line), at->line);
}

int product_file_row(struct product_file *file, const struct product_place *at, yyjson_val *cells)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct product_draft draft;
    size_t i, max;
    yyjson_val *cell;
    bool extra = false;
    if (is_no_record(file, at, cells)) {
        keep_cells(file, at, cells);
        return file->options.layout == PRODUCTS_IN_ONE_TABLE && !file->found_columns ? ERR_LIMIT : 0;
    }
    if (is_empty(cells))
        return 0;
    draft_begin(&draft, arena, file->options.layout == PRODUCTS_IN_TEXT);
    yyjson_arr_foreach(cells, i, max, cell)
    {
        struct str text = utf8_trim(json_str(cell));
        if (i >= file->n_columns) {
            extra |= text.n > 0;
            continue;
        }
        if (text.n)
            note_spec(file, &file->columns[i]);
        draft_set_text(&draft, &file->columns[i], text);
    }
    if (!extra || file->options.layout == PRODUCTS_IN_SHEETS)
        return product_file_take(file, at, &draft);
    int rc = product_file_count(file);
    struct product_error error = {file->rows,
                                  at->line,
                                  at->sheet,
                                  draft_id(&draft),
                                  NULL,
                                  "bad_row",
                                  "The row has more cells than there are headings"};
    if (!rc)
        product_errors_add(&file->errors, &error);
    return rc;
}

// ---- the end -------------------------------------------------------------------------------------------------------

bool product_file_wants_model(struct product_file *file)
{
    (void)product_text_end_block(file);
    return file->pieces && !file->rows && !file->found_columns && !file->errors.total &&
           product_pieces_any(file->pieces);
}

bool product_file_has_products(const struct product_file *file)
{
    return file->rows > file->errors.rows;
}

bool product_file_has_columns(const struct product_file *file)
{
    return file->found_columns;
}

void product_file_end(struct product_file *file)
{
    char text[NAMED_MOST + 100];
    (void)product_text_end_block(file);
    if (file->n_specs) {
        struct str names = {file->specs.p + 2, file->specs.n - 4};
        (void)snprintf(text, sizeof text, "Columns kept as specifications: " STR_FMT, STR_ARG(names));
        product_file_warn(file, "column_as_specification", text);
    }
    if (file->uncategorised) {
        (void)snprintf(text, sizeof text, "%lld products without a category are in General",
                       (long long)file->uncategorised);
        product_file_warn(file, "default_category", text);
    }
    if (file->bad_urls) {
        (void)snprintf(text, sizeof text, "%lld addresses that are not http(s) were left out",
                       (long long)file->bad_urls);
        product_file_warn(file, "invalid_url", text);
    }
    if (file->listed)
        product_file_warn(file, "listed_by_model", "A model has read the products out of the text: look them over");
    if (file->left_out) {
        (void)snprintf(text, sizeof text, "%lld values that do not stand in the text were left out",
                       (long long)file->left_out);
        product_file_warn(file, "not_in_text", text);
    }
    if (file->other_sheets.n && file->found_columns) {
        (void)snprintf(text, sizeof text, "Sheets not read: " STR_FMT, STR_ARG(buf_str(&file->other_sheets)));
        product_file_warn(file, "other_sheets", text);
    }
    if (file->spool_full)
        product_file_error(file, "too_many_rows", "There is no room for more rows");
    if (!file->rows && !file->errors.total && !file->options.may_be_empty)
        product_file_error(file, "no_products", "No products were found in the file");
}

void product_file_counts(const struct product_file *file, struct product_counts *ret)
{
    int64_t taken = file->added + file->updated + file->skipped;
    *ret = (struct product_counts){file->rows,
                                   file->added,
                                   file->updated,
                                   file->skipped,
                                   file->errors.rows + file->written.rows,
                                   file->errors.total + file->written.total,
                                   NULL};
    ret->status = !taken ? "failed" : ret->errors ? "partial" : "success";
}

static int by_row(const void *a, const void *b)
{
    const struct product_error *x = a, *y = b;
    int64_t left = x->row ? x->row : INT64_MAX, right = y->row ? y->row : INT64_MAX; // of the whole file: last
    return left < right ? -1 : left > right;
}

void product_file_each_error(const struct product_file *file, void (*each)(void *arg, const struct product_error *),
                             void *arg)
{
    VEC(struct product_error) all = {0};
    vec_reserve(&all, file->errors.at.n + file->written.at.n + 1);
    for (size_t i = 0; i < file->errors.at.n; i++)
        vec_add(&all, file->errors.at.at[i]);
    for (size_t i = 0; i < file->written.at.n; i++)
        vec_add(&all, file->written.at.at[i]);
    qsort(all.at, all.n, sizeof *all.at, by_row);
    for (size_t i = 0; i < all.n; i++)
        each(arg, &all.at[i]);
    vec_done(&all);
}

struct listing {
    yyjson_mut_doc *doc;
    yyjson_mut_val *list;
};

static void list_error(void *arg, const struct product_error *e)
{
    struct listing *l = arg;
    yyjson_mut_doc *doc = l->doc;
    if (yyjson_mut_arr_size(l->list) >= ERRORS_KEPT)
        return;
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, l->list);
    if (e->row)
        json_add_int(doc, one, "row", e->row);
    else
        json_add_null(doc, one, "row");
    if (e->line)
        json_add_int(doc, one, "line", e->line);
    else
        json_add_null(doc, one, "line");
    if (e->sheet.n)
        json_add_str(doc, one, "sheet", e->sheet);
    json_add_str(doc, one, "id", e->id);
    json_add_cstr(doc, one, "field", e->field);
    json_add_cstr(doc, one, "code", e->code);
    json_add_cstr(doc, one, "detail", e->detail);
}

yyjson_mut_val *product_file_errors(const struct product_file *file, yyjson_mut_doc *doc)
{
    struct listing l = {doc, yyjson_mut_arr(doc)};
    product_file_each_error(file, list_error, &l);
    return l.list;
}

yyjson_mut_val *product_file_warnings(const struct product_file *file, yyjson_mut_doc *doc)
{
    AUTO_BUF struct buf all = BUF_INIT(WARNINGS_MOST + 8);
    buf_addc(&all, '[');
    buf_adds(&all, buf_str(&file->warnings));
    buf_addc(&all, ']');
    return json_new_raw(doc, buf_str(&all));
}
