// SPDX-License-Identifier: Apache-2.0
// Files of products (001-brands 12) and what came of them (14.7, 14.8). The file goes from its form's temporary file
// through the confined reader into a product_file, and from there into the catalogue, all at once for who looks. Where
// a model is asked to read a text, the request is kept meanwhile and holds no thread.
#include "api/uploads.h"

#include "api/envelope.h"
#include "api/product_read.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"
#include "engine/product_ask.h"
#include "ingest/files.h"
#include "store/audit.h"
#include "store/job.h"
#include "store/upload.h"
#include "store/usage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_MOST = 255 };
#define DAY_MS INT64_C(86400000)

// ---- forms ---------------------------------------------------------------------------------------------------------

const struct multipart *upload_form(struct call *call, bool *ret_other)
{
    struct err err = {0};
    const struct multipart *form = http_multipart(call->req, &err);
    *ret_other = !form && !err.code;
    if (!form && err.code == ERR_LIMIT)
        call_error(call, 413, "Request body too large");
    else if (!form && err.code == ERR_IO)
        call_unavailable(call->req, call->endpoint->surface, "Service temporarily unavailable");
    else if (!form && err.code)
        call_error(call, 400, "There was an error parsing the body");
    return form;
}

const struct multipart_part *upload_part(const struct multipart *form, const char *name)
{
    for (size_t i = 0; form && i < multipart_count(form); i++)
        if (str_eq(multipart_at(form, i)->name, str_from(name)))
            return multipart_at(form, i);
    return NULL;
}

struct str upload_filename(struct call *call, struct str sent)
{
    for (size_t i = sent.n; i > 0; i--)
        if (sent.p[i - 1] == '/' || sent.p[i - 1] == '\\') {
            sent = (struct str){sent.p + i, sent.n - i};
            break;
        }
    struct buf out = BUF_INIT(4 * NAME_MOST + 8);
    size_t n = 0;
    for (size_t pos = 0; pos < sent.n && n < NAME_MOST;) {
        uint32_t rune = utf8_next(sent, &pos);
        if (rune < 32 || (rune >= 127 && rune < 160))
            continue;
        buf_add_rune(&out, rune);
        n++;
    }
    struct str name = arena_str(call->arena, utf8_trim(buf_str(&out)));
    buf_done(&out);
    return name;
}

// ---- one upload ----------------------------------------------------------------------------------------------------

struct upload_call {
    struct call *call;
    struct call own; // the call, while a model is asked
    struct product_ask *ask;
    struct product_usage used;
    int64_t until; // monotonic
    const struct multipart_part *part;
    struct str filename;
    enum format_id format;
    struct product_file *file;
    char id[ID_SIZE];
    int64_t now;
    bool kept;
};

static bool layout_of(struct str filename, enum format_id *ret_format, enum product_layout *ret)
{
    static const char endings[] = "json|csv|pdf|txt|md|docx|xml|xlsx";
    struct str rest = filename, ending = STR_NULL;
    while (rest.p)
        ending = str_split(&rest, '.');
    char lower[8];
    if (ending.n >= sizeof lower || ending.n == filename.n)
        return false;
    for (size_t i = 0; i < ending.n; i++)
        lower[i] = (char)(ending.p[i] >= 'A' && ending.p[i] <= 'Z' ? ending.p[i] + 32 : ending.p[i]);
    if (!ending.n || !str_is_choice(endings, (struct str){lower, ending.n}))
        return false;
    *ret_format = format_by_name(filename);
    return product_read_layout(*ret_format, ret);
}

// False: answered.
static bool read_file(struct upload_call *u, enum product_layout layout)
{
    const struct settings *s = u->call->app->settings;
    const char *refusal = NULL;
    struct product_read read = {
        .fd = open(u->part->path, O_RDONLY | O_CLOEXEC),
        .filename = u->filename,
        .format = u->format,
        .layout = layout,
        .timeout_ms = u->until - clock_mono_ms(),
        .most_bytes = UINT64_C(8) * (uint64_t)settings_int(s, SET_UPLOADS_MAX_BYTES) + (UINT64_C(256) << 20),
        .arena = u->call->arena,
    };
    int rc = read.fd < 0 ? ERR_IO : product_read(&read, u->file, &refusal);
    if (read.fd >= 0)
        close(read.fd);
    if (rc == ERR_IO)
        call_unavailable(u->call->req, u->call->endpoint->surface, "Service temporarily unavailable");
    else if (refusal)
        call_error(u->call, 400, refusal);
    return rc == 0 && !refusal;
}

static int write_all(struct tx *tx, void *arg, struct err *err)
{
    struct upload_call *u = arg;
    struct call *call = u->call;
    struct product_counts n;
    int rc = product_file_write(tx, u->file, err);
    if (rc)
        return rc;
    product_file_counts(u->file, &n);
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    struct upload row = {.id = str_from(u->id),
                         .filename = u->filename,
                         .status = str_from(n.status),
                         .size = (int64_t)u->part->size,
                         .added = n.added,
                         .updated = n.updated,
                         .skipped = n.skipped,
                         .failed = n.failed,
                         .created_at = u->now,
                         .errors = json_write(tx_arena(tx), product_file_errors(u->file, doc))};
    rc = upload_insert(tx, &row, err);
    rc = rc ? rc : audit_write(tx, "product.upload", str_from(u->id), STR(""), err);
    if (!rc && u->kept)
        rc = job_insert(tx, "upload.erase", arena_strf(tx_arena(tx), "{\"id\":\"%s\"}", u->id),
                        u->now + settings_int(call->app->settings, SET_UPLOADS_KEEP_DAYS) * DAY_MS, err);
    return rc || !call->app->embeds(call->app) ? rc : job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err);
}

static void reply_upload(struct upload_call *u)
{
    struct call *call = u->call;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct product_counts n;
    product_file_counts(u->file, &n);
    json_add_str(doc, root, "message",
                 arena_strf(call->arena, "Successfully uploaded " STR_FMT " and added %lld products to " STR_FMT,
                            STR_ARG(u->filename), (long long)n.added, STR_ARG(call->scope.brand)));
    json_add_str(doc, root, "filename", u->filename);
    json_add_int(doc, root, "products_added", n.added);
    json_add_cstr(doc, root, "upload_id", u->id);
    json_add_cstr(doc, root, "status", n.status);
    json_add_str(doc, root, "brand_id", call->scope.brand);
    json_add_int(doc, root, "rows_total", n.total);
    json_add_int(doc, root, "products_updated", n.updated);
    json_add_int(doc, root, "products_skipped", n.skipped);
    json_add_int(doc, root, "products_failed", n.failed);
    json_add_int(doc, root, "errors_total", n.errors);
    json_add(doc, root, "errors", product_file_errors(u->file, doc));
    json_add(doc, root, "warnings", product_file_warnings(u->file, doc));
    call_json(call, 200, root);
}

static void write_file(struct upload_call *u)
{
    struct call *call = u->call;
    const char *data = settings_str(call->app->settings, SET_DATA);
    u->kept = settings_int(call->app->settings, SET_UPLOADS_KEEP_DAYS) > 0;
    id_v4(u->id);
    u->now = clock_wall_ms();
    int rc = u->kept ? files_keep(data, call->scope.brand, "uploads", str_from(u->id), u->part->path, &call->err) : 0;
    bool wrote = !rc;
    rc = rc ? rc : product_file_stage(call->app->store, &call->scope, u->file, &call->err);
    rc = rc ? rc : call_store_write(call, write_all, u);
    product_file_settle(call->app->store, &call->scope, u->file);
    if (rc && wrote && u->kept)
        (void)files_remove(data, call->scope.brand, "uploads", str_from(u->id), &(struct err){0});
    if (!call_failed(call, rc))
        reply_upload(u);
}

static void end_upload(struct upload_call *u)
{
    product_ask_free(u->ask);
    brand_ref_drop(u->own.brand);
    product_file_free(u->file);
    free(u);
}

// ---- a model reads a text ------------------------------------------------------------------------------------------

static int write_usage(struct tx *tx, void *arg, struct err *err)
{
    const struct upload_call *u = arg;
    const struct product_usage *used = &u->used;
    return usage_write(tx, u->call->brand->row.chatbot_id, str_from(used->model), used->prompt, used->completion,
                       used->estimated, used->cost, err);
}

static void listed(void *arg)
{
    struct upload_call *u = arg;
    struct call *call = u->call;
    product_ask_take(u->ask, &u->used);
    // Of its own: what was used was used, whatever becomes of the products.
    int rc = u->used.prompt || u->used.completion ? call_store_write(call, write_usage, u) : 0;
    product_file_end(u->file);
    if (http_gone(call->req))
        call_unavailable(call->req, call->endpoint->surface, "Service temporarily unavailable"); // nobody reads it
    else if (!call_failed(call, rc))
        write_file(u);
    end_upload(u);
}

static void on_listed(void *arg)
{
    struct upload_call *u = arg;
    pool_must_run(u->call->app->workers, listed, u);
}

static void on_gone(struct http_req *req, void *arg)
{
    (void)req;
    product_ask_cancel(arg);
}

// Takes `u`.
static void ask_model(struct upload_call *u)
{
    struct app *app = u->call->app;
    u->own = *u->call;
    u->call = &u->own;
    (void)brand_ref_take(u->own.brand);
    struct product_ask_options options = {.llm = app->llm,
                                          .budgets = app->budgets,
                                          .brand = u->own.brand->row.brand.id,
                                          .model = u->own.brand->chatbot.row.configuration.model,
                                          .until = u->until,
                                          .done = on_listed,
                                          .arg = u};
    u->ask = product_ask_new(u->file, &options);
    http_watch(u->own.req, on_gone, u->ask);
    product_ask_run(u->ask);
}

// ---- the endpoint --------------------------------------------------------------------------------------------------

// Takes `u`, whose file is there.
static void take_file(struct upload_call *u, enum product_layout layout)
{
    u->until = clock_mono_ms() + (int64_t)(settings_number(u->call->app->settings, SET_UPLOADS_TIMEOUT) * 1000);
    if (read_file(u, layout)) {
        if (product_file_wants_model(u->file)) {
            ask_model(u);
            return;
        }
        product_file_end(u->file);
        write_file(u);
    }
    end_upload(u);
}

static void begin_upload(const struct upload_call *found, enum product_layout layout, struct str on_conflict)
{
    struct app *app = found->call->app;
    struct product_file_options options = {.layout = layout,
                                           .most_rows = settings_int(app->settings, SET_UPLOADS_MAX_ROWS),
                                           .most_products = settings_int(app->settings, SET_LIMITS_PRODUCTS),
                                           .on_conflict = product_conflict_of(on_conflict),
                                           .temp_dir = app->temp_dir,
                                           .keep_text = llm_has_model(app->llm)};
    struct product_file *file = product_file_new(&options);
    if (!file) {
        call_unavailable(found->call->req, found->call->endpoint->surface, "Service temporarily unavailable");
        return;
    }
    struct upload_call *u = mem_zalloc(sizeof *u);
    *u = *found;
    u->file = file;
    take_file(u, layout);
}

static void upload_products(struct call *call)
{
    static const struct loc body = {NULL, STR("body"), 0}, file = {&body, STR("file"), 0};
    struct upload_call u = {.call = call};
    enum product_layout layout;
    bool other;
    const struct multipart *form = upload_form(call, &other);
    if (!form && !other)
        return;
    struct str on_conflict = call_query_text(call, "on_conflict");
    u.part = upload_part(form, "file");
    if (!u.part || !u.part->filename.p || !u.part->path)
        fault_add(call->faults, FAULT_MISSING, &file, NULL, 0, NULL);
    if (call->faults->n) {
        call_faults(call);
        return;
    }
    u.filename = upload_filename(call, u.part->filename);
    if (!layout_of(u.filename, &u.format, &layout))
        call_error(call, 400,
                   "Unsupported file type. Supported formats: .json, .csv, .pdf, .txt, .md, .docx, .xml, .xlsx");
    else if (u.part->size == 0)
        call_error(call, 400, "File is empty");
    else if (u.part->size > (uint64_t)settings_int(call->app->settings, SET_UPLOADS_MAX_BYTES))
        call_error(call, 413, "Request body too large");
    else
        begin_upload(&u, layout, on_conflict);
}

// ---- what was uploaded ---------------------------------------------------------------------------------------------

struct uploads {
    struct call *call;
    struct str admin, name; // admin STR_NULL: sees all
    int64_t limit, offset;
    struct upload *rows;
    size_t n;
    struct upload one;
    int found;
};

static int load_list(struct tx *tx, void *arg, struct err *err)
{
    struct uploads *u = arg;
    return upload_list(tx, u->call->arena, u->admin, u->limit, u->offset, &u->rows, &u->n, err);
}

static int load_one(struct tx *tx, void *arg, struct err *err)
{
    struct uploads *u = arg;
    u->found = upload_get(tx, u->call->arena, u->admin, u->name, &u->one, err);
    return u->found < 0 ? u->found : 0;
}

static struct uploads uploads_of(struct call *call)
{
    struct uploads u = {.call = call};
    if (call->caller.kind != CALLER_DEMO && !call->caller.user.super_admin)
        u.admin = call->caller.user.id;
    return u;
}

static int ask(struct call *call, store_fn fn, struct uploads *u)
{
    struct scope all = scope_installation(call->scope.actor);
    return store_read(call->app->store, &all, fn, u, &call->err);
}

static void add_upload(yyjson_mut_doc *doc, yyjson_mut_val *one, const struct upload *u)
{
    json_add_str(doc, one, "filename", u->filename);
    json_add_time(doc, one, "upload_time", u->created_at);
    json_add_int(doc, one, "file_size", u->size);
    json_add_int(doc, one, "products_added", u->added);
    json_add_str(doc, one, "status", u->status);
    json_add_str(doc, one, "upload_id", u->id);
    json_add_str(doc, one, "brand_id", u->brand);
    json_add_int(doc, one, "products_updated", u->updated);
    json_add_int(doc, one, "products_skipped", u->skipped);
    json_add_int(doc, one, "products_failed", u->failed);
}

static void list_uploads(struct call *call)
{
    struct uploads u = uploads_of(call);
    u.limit = call_query_int(call, "limit", 100);
    u.offset = call_query_int(call, "offset", 0);
    if (call->faults->n) {
        call_faults(call);
        return;
    }
    if (call_failed(call, ask(call, load_list, &u)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < u.n; i++)
        add_upload(doc, yyjson_mut_arr_add_obj(doc, list), &u.rows[i]);
    call_json(call, 200, list);
}

static void read_upload(struct call *call)
{
    struct uploads u = uploads_of(call);
    u.name = http_param(call->req, "upload");
    if (call_failed(call, ask(call, load_one, &u)))
        return;
    if (!u.found) {
        call_error(call, 404, "File not found");
        return;
    }
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *one = yyjson_mut_obj(doc);
    add_upload(doc, one, &u.one);
    json_add(doc, one, "errors", json_new_raw(doc, u.one.errors));
    call_json(call, 200, one);
}

static const struct parameter upload_query[] = {
    {"on_conflict", "string", "What happens to products that are there already", .choices = product_conflicts},
};
static const struct parameter list_query[] = {
    {"limit", "integer", "At most so many", 1, 1000},
    {"offset", "integer", "So many are passed over", 0, INT32_MAX},
};
static const struct form_part form[] = {{"file", "The file: JSON, CSV, PDF, TXT, MD, DOCX, XML or XLSX", true}};
#define ONE_UPLOAD                                                                                                     \
    "\"filename\":\"spring.csv\",\"upload_time\":\"2026-03-02T09:40:00.000Z\",\"file_size\":1843,"                     \
    "\"products_added\":8,\"status\":\"partial\",\"upload_id\":\"0b7c4a52-4f0e-4b0e-8f0c-9d3c1e5a7712\","              \
    "\"brand_id\":\"nordvik\",\"products_updated\":2,\"products_skipped\":0,\"products_failed\":1"
#define ONE_ERROR                                                                                                      \
    "{\"row\":4,\"line\":5,\"id\":\"pack-09\",\"field\":\"price\",\"code\":\"invalid_price\","                         \
    "\"detail\":\"Price 'ask us' is not a number\"}"
#define UPLOADED                                                                                                       \
    "{\"message\":\"Successfully uploaded spring.csv and added 8 products to nordvik\",\"filename\":\"spring.csv\","   \
    "\"products_added\":8,\"upload_id\":\"0b7c4a52-4f0e-4b0e-8f0c-9d3c1e5a7712\",\"status\":\"partial\","              \
    "\"brand_id\":\"nordvik\",\"rows_total\":11,\"products_updated\":2,\"products_skipped\":0,\"products_failed\":1,"  \
    "\"errors_total\":1,\"errors\":[" ONE_ERROR "],\"warnings\":[{\"code\":\"column_as_specification\","               \
    "\"detail\":\"Columns kept as specifications: colour\"}]}"
#define UPLOAD(prefix, group)                                                                                          \
    {                                                                                                                  \
        HTTP_POST, prefix "/upload/products", &surface_brands, group, "Add or update products from a file", WHO_ADMIN, \
            &LIMIT_UPLOAD, .flags = ENDPOINT_READS_FILES, .kind = HTTP_MULTIPART, .form = form, .n_form = 1,           \
                           .most_form = SET_UPLOADS_MAX_BYTES, .query = upload_query, .n_query = 1,                    \
                           .reply_example = UPLOADED, .run = upload_products                                           \
    }
static const struct endpoint rows[] = {
    UPLOAD("/brands/{brand_id}", "Catalogue"),
    UPLOAD("", "Default brand"),
    {HTTP_GET, "/uploads", &surface_brands, "Catalogue", "Uploads to the brands that the caller administers", WHO_USER,
     &LIMIT_MANAGE, .query = list_query, .n_query = 2, .reply_example = "[{" ONE_UPLOAD "}]", .run = list_uploads},
    {HTTP_GET, "/uploads/{upload}", &surface_brands, "Catalogue", "An upload by its id, or the newest of a file name",
     WHO_USER, &LIMIT_MANAGE, .reply_example = "{" ONE_UPLOAD ",\"errors\":[" ONE_ERROR "]}", .run = read_upload},
};

struct endpoints uploads_endpoints(void)
{
    return ENDPOINTS(rows);
}
