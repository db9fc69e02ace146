// SPDX-License-Identifier: Apache-2.0
// Providers of models, for the operator (upstream-llm 1.2). What is shown is what holds: a row of the database over the
// settings of the same id. A key comes in as a value and goes out as its last characters; one that comes back as it was
// shown stays.
#include "api/envelope.h"

#include "base/clock.h"
#include "engine/models.h"
#include "engine/models_try.h"
#include "store/audit.h"
#include "store/crud.h"

enum { MOST = 100 };

static struct models_source source_of(const struct call *call)
{
    return (struct models_source){call->app->store, call->app->settings, call->app->keys};
}

static struct scope own_scope(const struct call *call)
{
    struct scope scope = call->scope;
    scope.brand = SCOPE_OWN;
    return scope;
}

// ---- what holds ----------------------------------------------------------------------------------------------------

struct work {
    struct call *call;
    struct str id;
    bool stored; // there is a row
    struct provider old, row;
    struct llm_provider was; // what held
    bool known;              // by a row or by the settings
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    struct arena *arena = w->call->arena;
    struct models_source source = source_of(w->call);
    struct provider key = {.id = w->id};
    struct err why;
    model_mark(&provider_model, &key, "id", true);
    w->old = key;
    int rc = crud_get(tx, &provider_model, arena, &key, &w->old, err);
    if (rc < 0)
        return rc;
    w->stored = rc == 1;
    if (!w->stored)
        w->old = key;
    rc = models_merge(&source, arena, &w->old, &w->was, &why);
    w->known = w->stored || rc == 0;
    return 0;
}

static int load_known(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    int rc = load(tx, w, err);
    return rc || w->known ? rc : err_set(err, ERR_NOT_FOUND, "Provider not found");
}

static yyjson_mut_val *shown(struct call *call, yyjson_mut_doc *doc, const struct llm_provider *provider,
                             const struct provider *stored)
{
    struct provider row;
    models_show(call->arena, provider, &row);
    row.source = stored ? STR("database") : STR("settings");
    model_mark(&provider_model, &row, "source", true);
    if (stored) {
        row.created_at = stored->created_at;
        row.updated_at = stored->updated_at;
        model_mark(&provider_model, &row, "createdAt", true);
        model_mark(&provider_model, &row, "updatedAt", true);
    }
    return model_encode(&provider_model, doc, &row);
}

static void reply(struct call *call, int status, const struct provider *stored, const struct llm_provider *provider)
{
    yyjson_mut_doc *doc = call_doc(call);
    call_data(call, status, NULL, doc, shown(call, doc, provider, stored));
}

// ---- reading -------------------------------------------------------------------------------------------------------

struct listing {
    struct call *call;
    struct provider *rows;
    size_t n;
};

static int load_rows(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    void *rows = NULL;
    int rc = crud_rows(tx, &provider_model, l->call->arena, NULL, -1, 0, &rows, &l->n, err);
    l->rows = rows;
    return rc;
}

static const struct provider *row_of(const struct listing *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->rows[i].id, str_from(id)))
            return &l->rows[i];
    return NULL;
}

static int by_order(const void *a, const void *b)
{
    const struct llm_provider *one = a, *other = b;
    if (one->order != other->order)
        return one->order < other->order ? -1 : 1;
    return strcmp(one->id, other->id);
}

static void list(struct call *call)
{
    struct listing l = {.call = call};
    struct models_source source = source_of(call);
    struct scope scope = own_scope(call);
    struct llm_provider *all;
    struct page page = call_page(call, 100);
    size_t n;
    int rc = store_read(call->app->store, &scope, load_rows, &l, &call->err);
    if (call_failed(call, rc ? rc : models_load(&source, call->arena, &all, &n, &call->err)))
        return;
    if (n)
        qsort(all, n, sizeof *all, by_order);
    page.total = (int64_t)n;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *out = yyjson_mut_arr(doc);
    for (int64_t i = page_offset(&page); i < (int64_t)n && i < page_offset(&page) + page.limit; i++)
        (void)yyjson_mut_arr_append(out, shown(call, doc, &all[i], row_of(&l, all[i].id)));
    call_list(call, doc, out, &page);
}

static bool find(struct call *call, struct work *w)
{
    struct scope scope = own_scope(call);
    *w = (struct work){.call = call, .id = http_param(call->req, "id")};
    return !call_failed(call, store_read(call->app->store, &scope, load_known, w, &call->err));
}

// Before the body is read.
static bool is_there(struct call *call)
{
    struct work w;
    return find(call, &w);
}

static void read_one(struct call *call)
{
    struct work w;
    if (find(call, &w))
        reply(call, 200, w.stored ? &w.old : NULL, &w.was);
}

// ---- writing -------------------------------------------------------------------------------------------------------

// "field: must be this" of the client's check as a fault of the body.
static int refuse(struct call *call, const struct err *why)
{
    static const struct loc body = {NULL, STR("body"), 0};
    struct str rule = str_from(arena_cstr(call->arena, str_from(why->text)));
    struct str field = str_split(&rule, ':');
    rule = rule.p ? str_trim(rule) : field;
    if (str_starts(rule, STR("must be ")))
        rule = (struct str){rule.p + 8, rule.n - 8};
    struct loc at = {&body, field, 0};
    fault_add(call->faults, FAULT_FORM, &at, NULL, 0, arena_cstr(call->arena, rule));
    return ERR_INVALID;
}

// A map of texts: extra headers, names of models.
static int check_texts(struct call *call, const char *field, struct str json)
{
    yyjson_val *root, *key, *value;
    size_t i, max;
    struct err why;
    if (!json.p || json_parse(call->arena, json, 0, &root, NULL) != 0)
        return 0;
    yyjson_obj_foreach(root, i, max, key, value) if (!yyjson_is_str(value))
    {
        (void)err_set(&why, ERR_INVALID, "%s: must be an object of strings", field);
        return refuse(call, &why);
    }
    return 0;
}

static void keep_secret(struct work *w, const char *field, struct str was_shown)
{
    struct call *call = w->call;
    if (!json_get(call->input.body, field) || !model_has(&provider_model, &w->row, field))
        return;
    struct str *value = model_at(&provider_model, &w->row, field);
    if (was_shown.p && str_eq(*value, was_shown)) {
        *value = *(struct str *)model_at(&provider_model, &w->old, field);
        model_mark(&provider_model, &w->row, field, model_has(&provider_model, &w->old, field));
        return;
    }
    *value = models_seal(call->app->keys, call->arena, w->id, field, *value);
}

// The body over the row: secrets sealed, and the whole checked as the client will.
static int take_body(struct work *w)
{
    struct call *call = w->call;
    struct models_source source = source_of(call);
    struct provider shown_row = {0};
    struct llm_provider merged;
    struct err why = {0};
    call->faults->n = 0;
    w->row = w->old;
    int rc = model_decode(&provider_model, MODEL_PATCH, &call->input, &w->row, call->faults);
    if (rc)
        return rc;
    if (!str_eq(w->row.id, w->id)) {
        (void)err_set(&why, ERR_INVALID, "id: must be that of the path");
        return refuse(call, &why);
    }
    if (w->known)
        models_show(call->arena, &w->was, &shown_row);
    keep_secret(w, "apiKey", shown_row.api_key);
    keep_secret(w, "embeddingApiKey", shown_row.embedding_api_key);
    keep_secret(w, "proxy", shown_row.proxy);
    rc = check_texts(call, "extraHeaders", w->row.extra_headers);
    rc = rc ? rc : check_texts(call, "models", w->row.models);
    if (!rc && models_merge(&source, call->arena, &w->row, &merged, &why) != 0)
        rc = refuse(call, &why);
    return rc;
}

// Names alone: values are addresses and secrets.
static int write_audit(struct tx *tx, struct work *w, const char *action, struct err *err)
{
    return audit_write(tx, action, w->id,
                       w->call->body ? model_set_names(&provider_model, tx_arena(tx), w->call->body) : STR(""), err);
}

static int create(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    int64_t n = 0;
    int rc = load(tx, w, err);
    if (!rc && w->known)
        return err_set(err, ERR_CONFLICT, "There is a provider with this id");
    rc = rc ? rc : crud_count(tx, &provider_model, NULL, &n, err);
    if (!rc && n >= MOST)
        return err_set(err, ERR_LIMIT, "At most %d of these are possible", MOST);
    rc = rc ? rc : take_body(w);
    w->row.created_at = w->row.updated_at = clock_wall_ms();
    model_mark(&provider_model, &w->row, "createdAt", true);
    model_mark(&provider_model, &w->row, "updatedAt", true);
    rc = rc ? rc : crud_insert(tx, &provider_model, &w->row, err);
    return rc ? rc : write_audit(tx, w, "provider_created", err);
}

static int update(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    int rc = load_known(tx, w, err);
    rc = rc ? rc : take_body(w);
    w->row.updated_at = clock_wall_ms();
    model_mark(&provider_model, &w->row, "updatedAt", true);
    if (!rc && w->stored) {
        rc = crud_update(tx, &provider_model, &w->row, err);
    } else if (!rc) {
        w->row.created_at = w->row.updated_at;
        model_mark(&provider_model, &w->row, "createdAt", true);
        rc = crud_insert(tx, &provider_model, &w->row, err);
    }
    return rc ? rc : write_audit(tx, w, "provider_updated", err);
}

static int erase(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    int rc = load_known(tx, w, err);
    if (!rc && !w->stored)
        return err_set(err, ERR_CONFLICT, "This provider stands in the settings");
    rc = rc ? rc : crud_remove(tx, &provider_model, &w->old, err);
    return rc ? rc : write_audit(tx, w, "provider_deleted", err);
}

static bool write_one(struct call *call, struct work *w, store_fn fn)
{
    struct scope scope = own_scope(call);
    int rc = store_write(call->app->store, &scope, fn, w, &call->err);
    return !call_failed(call, rc ? rc : call->app->models_changed(call->app, &call->err));
}

static void saved(struct call *call, struct work *w, int status)
{
    struct models_source source = source_of(call);
    struct llm_provider now;
    if (!call_failed(call, models_merge(&source, call->arena, &w->row, &now, &call->err)))
        reply(call, status, &w->row, &now);
}

static void post_one(struct call *call)
{
    struct work w = {.call = call, .id = ((const struct provider *)call->body)->id};
    if (write_one(call, &w, create))
        saved(call, &w, 201);
}

static void put_one(struct call *call)
{
    struct work w = {.call = call, .id = http_param(call->req, "id")};
    if (write_one(call, &w, update))
        saved(call, &w, 200);
}

static void remove_one(struct call *call)
{
    struct work w = {.call = call, .id = http_param(call->req, "id")};
    if (write_one(call, &w, erase))
        call_done(call, "Provider deleted");
}

// ---- trying --------------------------------------------------------------------------------------------------------

struct test_request {
    uint64_t set;
    struct str model;
};
static const struct field test_fields[] = {
    {"model", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, FIELD_AT(struct test_request, model), 1, 100,
     .help = "A chatbot's model name; by default the provider's own choice"},
};
static const struct model test_model = {"ProviderTest", NULL, sizeof(struct test_request), MODEL_FIELDS(test_fields)};

static void test_one(struct call *call)
{
    const struct test_request *body = call->body;
    struct models_trial trial;
    struct work w;
    if (!find(call, &w))
        return;
    struct str model = model_has(&test_model, body, "model") ? body->model : STR("");
    if (call_failed(call, models_try(&w.was, model, call->arena, &trial, &call->err)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_bool(doc, data, "ok", trial.ok);
    json_add_int(doc, data, "firstTokenMs", trial.first_token_ms);
    json_add_int(doc, data, "totalMs", trial.total_ms);
    json_add_str(doc, data, "model", trial.model);
    if (trial.dimensions)
        json_add_int(doc, data, "dimensions", (int64_t)trial.dimensions);
    else
        json_add_null(doc, data, "dimensions");
    json_add_str(doc, data, "error", trial.error);
    call_data(call, 200, NULL, doc, data);
}

#define MODELS                                                                                                         \
    .surface = &surface_platform, .tag = "Models", .who = WHO_SUPER, .limit = &LIMIT_MANAGEMENT, .family = "models"
#define DONE "{\"status\":\"success\",\"success\":true,"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/admin/llm/providers", MODELS, .summary = "Providers of models, in the order they are asked",
     .reply = &provider_model, .flags = ENDPOINT_PAGED, .run = list},
    {HTTP_POST, "/api/v1/admin/llm/providers", MODELS, .summary = "Add a provider", .body = &provider_model,
     .reply = &provider_model, .flags = ENDPOINT_CREATED, .run = post_one},
    {HTTP_GET, "/api/v1/admin/llm/providers/{id}", MODELS, .summary = "One provider", .reply = &provider_model,
     .run = read_one},
    {HTTP_PUT, "/api/v1/admin/llm/providers/{id}", MODELS,
     .summary = "Change a provider, also one of the settings; what is not given stays", .body = &provider_model,
     .flags = ENDPOINT_PATCH, .before_body = is_there, .reply = &provider_model, .run = put_one},
    {HTTP_DELETE, "/api/v1/admin/llm/providers/{id}", MODELS,
     .summary = "Delete a provider, or what was changed of one of the settings",
     .reply_example = DONE "\"message\":\"Provider deleted\"}", .run = remove_one},
    {HTTP_POST, "/api/v1/admin/llm/providers/{id}/test", MODELS,
     .summary = "Ask it for a few tokens, and for one embedding", .body = &test_model, .flags = ENDPOINT_NO_BODY_NEEDED,
     .before_body = is_there,
     .reply_example = DONE "\"data\":{\"ok\":true,\"firstTokenMs\":310,\"totalMs\":420,\"model\":\"gpt-4o-mini\","
                           "\"dimensions\":null,\"error\":null}}",
     .run = test_one},
};

struct endpoints models_endpoints(void)
{
    return ENDPOINTS(rows);
}
