// SPDX-License-Identifier: Apache-2.0
// The catalogue: list, one, add, replace, remove, many at once.
#include "api/call.h"
#include "api/present.h"
#include "base/clock.h"
#include "model/text.h"
#include "store/audit.h"
#include "store/crud.h"
#include "store/job.h"
#include "store/product.h"

#include <stdlib.h>

enum { BULK_BODY = 10 << 20, ERRORS_LISTED = 100, PAGE_ROWS = 200, PAGE_MOST = 64 << 20 };

static void reply_done(struct call *call, const char *text, struct str id)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "message", text);
    json_add_str(doc, root, "product_id", id);
    json_add_str(doc, root, "brand_id", call->scope.brand);
    call_json(call, 200, root);
}

// Vectors follow by a job, written with the change, where anybody makes them.
static int changed(struct tx *tx, struct call *call, const char *action, struct str target, struct str fields,
                   struct err *err)
{
    int rc = audit_write(tx, action, target, fields, err);
    return rc || !call->app->embeds(call->app) ? rc : job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err);
}

// ---- list ----------------------------------------------------------------------------------------------------------

struct list { // a stream of pages: a catalogue of 100,000 is sent as it is read
    struct app *app;
    struct brand_ref *brand;
    struct product filter;
    int64_t left, offset, total;
    bool begun, read_all;
    struct buf page; // read, not sent yet
    size_t sent;
};

static int append(void *arg, void *row)
{
    struct list *l = arg;
    struct product *p = row;
    AUTO_ARENA struct arena *arena = arena_new(0);
    product_set_brand(p, l->brand->row.brand.id);
    buf_addc(&l->page, l->begun ? ',' : '[');
    l->begun = true;
    l->left--;
    l->offset = 0; // from here on behind the last row: what is removed meanwhile shifts nothing
    l->filter.position = p->position;
    l->filter.set |= UINT64_C(1) << model_field_index(&product_model, "position");
    return json_write_buf(&l->page, model_encode(&product_model, json_doc(arena), p)) ? 0 : ERR_LIMIT;
}

static int read_page(struct tx *tx, void *arg, struct err *err)
{
    struct list *l = arg;
    struct product row;
    int64_t rows = l->left < PAGE_ROWS ? l->left : PAGE_ROWS;
    return crud_list(tx, &product_model, &l->filter, rows, l->offset, &row, append, l, err);
}

static int next_page(struct list *l)
{
    struct scope scope = scope_brand(l->brand->row.brand.id, STR("list"));
    struct err err;
    int64_t before = l->left;
    buf_clear(&l->page);
    l->sent = 0;
    if (l->left > 0 && store_read(l->app->store, &scope, read_page, l, &err) != 0)
        return -1;
    l->read_all = l->left <= 0 || l->left == before;
    if (l->read_all)
        buf_addz(&l->page, l->begun ? "]" : "[]");
    return 0;
}

static int pull(void *arg, struct buf *out, size_t room)
{
    struct list *l = arg;
    if (l->sent == l->page.n && next_page(l) != 0)
        return -1;
    size_t n = l->page.n - l->sent < room ? l->page.n - l->sent : room;
    buf_add(out, l->page.p + l->sent, n);
    l->sent += n;
    return l->read_all && l->sent == l->page.n ? 0 : 1;
}

static void close_list(void *arg, bool completed)
{
    struct list *l = arg;
    (void)completed;
    brand_ref_drop(l->brand);
    buf_done(&l->page);
    free((char *)(uintptr_t)l->filter.category_fold.p);
    free(l);
}

static int count_products(struct tx *tx, void *arg, struct err *err)
{
    struct list *l = arg;
    return crud_count(tx, &product_model, &l->filter, &l->total, err);
}

static void read_filter(struct call *call, struct list *l)
{
    struct str category = http_query(call->req, "category");
    if (category.n) {
        struct str fold = text_fold_case(call->arena, str_trim(category));
        l->filter.category_fold = (struct str){mem_strndup(fold.p, fold.n), fold.n};
        l->filter.set |= UINT64_C(1) << model_field_index(&product_model, "category_fold");
    }
    if (call_query_bool(call, "available", &l->filter.availability))
        l->filter.set |= UINT64_C(1) << model_field_index(&product_model, "availability");
}

static void list_products(struct call *call)
{
    static const struct http_source source = {pull, close_list, true};
    struct list *l = mem_zalloc(sizeof *l);
    l->left = call_query_int(call, "limit", INT64_MAX);
    l->offset = call_query_int(call, "offset", 0);
    l->page = BUF_INIT(PAGE_MOST);
    l->app = call->app;
    l->brand = brand_ref_take(call->brand);
    read_filter(call, l);
    if (call->faults->n)
        call_faults(call);
    if (call->faults->n || call_failed(call, call_store_read(call, count_products, l))) {
        close_list(l, false);
        return;
    }
    http_headerf(call->req, "X-Total-Count", "%lld", (long long)l->total);
    http_reply_source(call->req, 200, "application/json; charset=utf-8", &source, l);
}

// ---- one -----------------------------------------------------------------------------------------------------------

struct one {
    struct call *call;
    struct product product;
};

static int get_one(struct tx *tx, void *arg, struct err *err)
{
    struct one *o = arg;
    int rc = product_get(tx, o->call->arena, http_param(o->call->req, "product_id"), &o->product, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "Product not found") : rc < 0 ? rc : 0;
}

static void read_product(struct call *call)
{
    struct one o = {.call = call};
    if (call_failed(call, call_store_read(call, get_one, &o)))
        return;
    product_set_brand(&o.product, call->scope.brand);
    call_reply(call, &product_model, &o.product);
}

static int add_one(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct product product = *(const struct product *)call->body;
    int rc = product_insert(tx, &product, settings_int(call->app->settings, SET_LIMITS_PRODUCTS), err);
    return rc ? rc
              : changed(tx, call, "product.create", product.id,
                        model_set_names(&product_model, call->arena, call->body), err);
}

static void add_product(struct call *call)
{
    if (!call_failed(call, call_store_write(call, add_one, call)))
        reply_done(call, "Product added successfully", ((const struct product *)call->body)->id);
}

static int replace_one(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct product product = *(const struct product *)call->body;
    int rc = product_replace(tx, &product, err);
    return rc ? rc
              : changed(tx, call, "product.update", product.id,
                        model_set_names(&product_model, call->arena, call->body), err);
}

// The id may be left out of the body; there it must be that of the path.
static void replace_product(struct call *call)
{
    struct str id = http_param(call->req, "product_id");
    struct str sent = json_get_str(call->json, "id");
    struct query_pair pair = {STR("id"), id};
    struct product *product = ARENA_NEW(call->arena, struct product);
    static const struct loc body = {NULL, STR("body"), 0};
    if (!call->json) {
        fault_add(call->faults, FAULT_MISSING, &body, NULL, 0, NULL);
        call_faults(call);
        return;
    }
    call->input = (struct model_input){call->json, &pair, 1};
    if (model_decode(&product_model, MODEL_LENIENT, &call->input, product, call->faults) != 0) {
        call_faults(call);
        return;
    }
    if (sent.p && !str_eq(product->id, id)) {
        call_error(call, 400, "Product ID mismatch");
        return;
    }
    call->body = product;
    product->id = id;
    if (!call_failed(call, call_store_write(call, replace_one, call)))
        reply_done(call, "Product updated successfully", id);
}

static int remove_one(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct str id = http_param(call->req, "product_id");
    int rc = product_remove(tx, id, err);
    return rc ? rc : changed(tx, call, "product.delete", id, STR(""), err);
}

static void remove_product(struct call *call)
{
    if (!call_failed(call, call_store_write(call, remove_one, call)))
        call_message(call, "Product deleted successfully");
}

// ---- bulk ----------------------------------------------------------------------------------------------------------

enum conflict { CONFLICT_ERROR, CONFLICT_UPDATE, CONFLICT_SKIP };

struct bulk_row {
    struct product product;
    struct str id;
    bool good;
    const char *code, *detail; // of its error
};

struct bulk {
    struct call *call;
    enum conflict on_conflict;
    struct bulk_row *rows;
    size_t n;
    int64_t created, updated, skipped;
};

// missing_<field>, invalid_<field> or too_long, by the row's first fault.
static void set_fault(struct arena *arena, struct bulk_row *row, const struct fault *fault)
{
    const struct loc *at = fault->loc;
    while (at->outer && at->outer->outer && at->outer->outer->outer)
        at = at->outer;
    bool missing = fault->code == FAULT_MISSING, longer = fault->code == FAULT_LONG || fault->code == FAULT_MANY;
    row->good = false;
    row->code = !at->name.p || !at->outer || !at->outer->outer ? "not_an_object"
                : longer                                       ? "too_long"
                         : arena_printf(arena, "%s_" STR_FMT, missing ? "missing" : "invalid", STR_ARG(at->name));
    row->detail =
        arena_printf(arena, STR_FMT ": " STR_FMT, STR_ARG(fault_loc_text(arena, at)), STR_ARG(fault->message));
}

static bool seen_before(const struct bulk *b, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (b->rows[k].good && str_eq(b->rows[k].product.id, b->rows[i].product.id))
            return true;
    return false;
}

static void decode_rows(struct bulk *b)
{
    static const struct loc root = {NULL, STR("body"), 0};
    struct call *call = b->call;
    size_t i, max;
    yyjson_val *item;
    yyjson_arr_foreach(call->json, i, max, item)
    {
        struct bulk_row *row = &b->rows[i];
        struct loc at = {&root, STR_NULL, (int64_t)i};
        struct faults *faults = faults_new(call->arena);
        row->good = model_decode_at(&product_model, MODEL_LENIENT, item, &at, &row->product, faults) == 0;
        row->id = row->good ? row->product.id : json_get_str(item, "id");
        if (!row->good)
            set_fault(call->arena, row, &faults->at[0]);
        else if (seen_before(b, i)) {
            row->good = false;
            row->code = "duplicate_id";
            row->detail = arena_printf(call->arena, "ID '" STR_FMT "' occurs twice in the request", STR_ARG(row->id));
        }
    }
}

static int write_row(struct tx *tx, struct bulk *b, struct bulk_row *row, struct err *err)
{
    struct product product = row->product, before;
    int there = product_get(tx, tx_arena(tx), product.id, &before, err);
    if (there < 0)
        return there;
    if (there == 1 && b->on_conflict == CONFLICT_SKIP) {
        b->skipped++;
        return 0;
    }
    if (there == 1 && b->on_conflict == CONFLICT_UPDATE) {
        b->updated++;
        return product_replace(tx, &product, err);
    }
    struct err cause = {0};
    int rc = product_insert(tx, &product, settings_int(b->call->app->settings, SET_LIMITS_PRODUCTS), &cause);
    if (rc == ERR_CONFLICT || rc == ERR_LIMIT) {
        row->good = false;
        row->code = rc == ERR_CONFLICT ? "duplicate_id" : "catalogue_full";
        row->detail = arena_printf(b->call->arena, "%s", cause.text);
        return 0;
    }
    b->created += rc == 0;
    if (rc)
        *err = cause;
    return rc;
}

static int write_rows(struct tx *tx, void *arg, struct err *err)
{
    struct bulk *b = arg;
    int rc = 0;
    b->created = b->updated = b->skipped = 0;
    for (size_t i = 0; i < b->n && !rc; i++)
        if (b->rows[i].good)
            rc = write_row(tx, b, &b->rows[i], err);
    return rc ? rc : changed(tx, b->call, "product.bulk", b->call->scope.brand, STR(""), err);
}

static void reply_bulk(struct bulk *b)
{
    struct call *call = b->call;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *errors = yyjson_mut_arr(doc);
    int64_t good = b->created + b->updated + b->skipped, bad = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->rows[i].good || bad++ >= ERRORS_LISTED)
            continue;
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, errors);
        json_add_int(doc, one, "index", (int64_t)i);
        json_add_str(doc, one, "id", b->rows[i].id);
        json_add_cstr(doc, one, "code", b->rows[i].code);
        json_add_cstr(doc, one, "detail", b->rows[i].detail);
    }
    json_add_cstr(doc, root, "message",
                  arena_printf(call->arena, "Successfully added %lld/%zu products to " STR_FMT, (long long)good, b->n,
                               STR_ARG(call->scope.brand)));
    json_add_int(doc, root, "success_count", good);
    json_add_int(doc, root, "total_count", (int64_t)b->n);
    json_add_str(doc, root, "brand_id", call->scope.brand);
    json_add_int(doc, root, "created_count", b->created);
    json_add_int(doc, root, "updated_count", b->updated);
    json_add_int(doc, root, "skipped_count", b->skipped);
    json_add_int(doc, root, "errors_total", bad);
    json_add(doc, root, "errors", errors);
    call_json(call, 200, root);
}

static bool read_conflict(struct call *call, enum conflict *ret)
{
    static const char *const words[] = {"error", "update", "skip"};
    static const struct loc query = {NULL, STR("query"), 0};
    struct loc at = {&query, STR("on_conflict"), 0};
    struct str text = http_query(call->req, "on_conflict");
    *ret = CONFLICT_ERROR;
    for (size_t i = 0; text.p && i < 3; i++)
        if (str_eq(text, str_from(words[i]))) {
            *ret = (enum conflict)i;
            return true;
        }
    if (text.p)
        fault_add(call->faults, FAULT_ENUM, &at, NULL, 0, "error, update, skip")->input_text = text;
    return !text.p;
}

static void add_many(struct call *call)
{
    static const struct loc body = {NULL, STR("body"), 0};
    struct bulk b = {.call = call, .n = yyjson_arr_size(call->json)};
    (void)read_conflict(call, &b.on_conflict);
    if (!call->json)
        fault_add(call->faults, FAULT_MISSING, &body, NULL, 0, NULL);
    else if (!yyjson_is_arr(call->json))
        fault_add(call->faults, FAULT_LIST, &body, call->json, 0, NULL);
    else if (b.n == 0 || b.n > PRODUCTS_PER_BULK)
        fault_add(call->faults, b.n ? FAULT_MANY : FAULT_FEW, &body, NULL, b.n ? PRODUCTS_PER_BULK : 1, NULL);
    if (call->faults->n) {
        call_faults(call);
        return;
    }
    b.rows = arena_calloc(call->arena, b.n, sizeof *b.rows);
    decode_rows(&b);
    if (!call_failed(call, call_store_write(call, write_rows, &b)))
        reply_bulk(&b);
}

static const struct parameter list_query[] = {
    {"limit", "integer", "At most so many; all without it", 1, 1000},
    {"offset", "integer", "Leave out so many", 0, INT32_MAX},
    {"category", "string", "Only this category, whole name, ignoring case", 0, 0},
    {"available", "boolean", "Only with this availability", 0, 0},
};
static const struct parameter bulk_query[] = {
    {"on_conflict", "string", "error, update or skip where the id exists", 0, 0}};
#define DONE(text) "{\"message\":\"" text "\",\"product_id\":\"tent-03\",\"brand_id\":\"nordvik\"}"
#define BULK_REPLY                                                                                                     \
    "{\"message\":\"Successfully added 1/1 products to "                                                               \
    "nordvik\",\"success_count\":1,\"total_count\":1,\"brand_id\":\"nordvik\",\"created_count\":1,\"updated_count\":"  \
    "0,\"skipped_count\":0,\"errors_total\":0,\"errors\":[]}"
#define ROWS(prefix, group)                                                                                            \
    {HTTP_GET,                                                                                                         \
     prefix "/products",                                                                                               \
     &surface_brands,                                                                                                  \
     group,                                                                                                            \
     "Products in order of creation",                                                                                  \
     WHO_PUBLIC,                                                                                                       \
     &LIMIT_READ,                                                                                                      \
     .flags = ENDPOINT_LIST,                                                                                           \
     .query = list_query,                                                                                              \
     .n_query = 4,                                                                                                     \
     .reply = &product_model,                                                                                          \
     .run = list_products},                                                                                            \
        {HTTP_POST,                                                                                                    \
         prefix "/products",                                                                                           \
         &surface_brands,                                                                                              \
         group,                                                                                                        \
         "Add a product",                                                                                              \
         WHO_ADMIN,                                                                                                    \
         &LIMIT_MANAGE,                                                                                                \
         &product_model,                                                                                               \
         .reply_example = DONE("Product added successfully"),                                                          \
         .run = add_product},                                                                                          \
        {HTTP_GET,    prefix "/products/{product_id}", &surface_brands,    group, "One product", WHO_PUBLIC,           \
         &LIMIT_READ, .reply = &product_model,         .run = read_product},                                           \
        {HTTP_PUT,                                                                                                     \
         prefix "/products/{product_id}",                                                                              \
         &surface_brands,                                                                                              \
         group,                                                                                                        \
         "Replace a product",                                                                                          \
         WHO_ADMIN,                                                                                                    \
         &LIMIT_MANAGE,                                                                                                \
         .raw_model = &product_replace_model,                                                                          \
         .raw_body = true,                                                                                             \
         .reply_example = DONE("Product updated successfully"),                                                        \
         .run = replace_product},                                                                                      \
        {HTTP_DELETE,          prefix "/products/{product_id}",                                                        \
         &surface_brands,      group,                                                                                  \
         "Remove a product",   WHO_ADMIN,                                                                              \
         &LIMIT_MANAGE,        .reply_example = "{\"message\":\"Product deleted successfully\"}",                      \
         .run = remove_product},                                                                                       \
    {                                                                                                                  \
        HTTP_POST, prefix "/products/bulk", &surface_brands, group, "Add up to 1000 products", WHO_ADMIN,              \
            &LIMIT_MANAGE, .raw_model = &product_model, .flags = ENDPOINT_BODY_LIST, .raw_body = true,                 \
                           .max_body = BULK_BODY, .query = bulk_query, .n_query = 1, .reply_example = BULK_REPLY,      \
                           .run = add_many                                                                             \
    }
static const struct endpoint rows[] = {ROWS("/brands/{brand_id}", "Catalogue"), ROWS("", "Default brand")};

struct endpoints products_endpoints(void)
{
    return ENDPOINTS(rows);
}
