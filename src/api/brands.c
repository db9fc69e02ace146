// SPDX-License-Identifier: Apache-2.0
// Brands: list, create, read, change, delete; audit rows of one.
#include "api/brands.h"

#include "base/clock.h"
#include "base/id.h"
#include "engine/brand_make.h"
#include "store/audit.h"
#include "store/job.h"

#include <stdlib.h>

struct listing {
    struct call *call;
    struct str user;
    bool active_only;
    int64_t limit, offset, total;
    struct brand *brands;
    size_t n;
};

static int load_list(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    return brand_list(tx, l->call->arena, l->user, l->active_only, l->limit, l->offset, &l->brands, &l->n, &l->total,
                      err);
}

static bool sees_all(const struct call *call)
{
    return call->caller.kind == CALLER_DEMO || call->caller.user.super_admin;
}

int brands_administered(struct call *call, bool active_only, struct brand **ret, size_t *ret_n)
{
    struct listing l = {.call = call, .active_only = active_only, .limit = -1};
    if (!sees_all(call))
        l.user = call->caller.user.id;
    int rc = call_store_read(call, load_list, &l);
    *ret = l.brands;
    *ret_n = l.n;
    return rc;
}

static void list_brands(struct call *call, bool active_only)
{
    struct listing l = {.call = call, .active_only = active_only};
    l.limit = call_query_int(call, "limit", -1);
    l.offset = call_query_int(call, "offset", 0);
    if (call->faults->n) {
        call_faults(call);
        return;
    }
    if (!sees_all(call))
        l.user = call->caller.user.id;
    if (call_failed(call, call_store_read(call, load_list, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    http_headerf(call->req, "X-Total-Count", "%lld", (long long)l.total);
    call_json(call, 200, objects_json(&brand_model, doc, &(struct objects){l.brands, l.n}));
}

static void list_all(struct call *call)
{
    list_brands(call, false);
}

static void list_active(struct call *call)
{
    list_brands(call, true);
}

// ---- create --------------------------------------------------------------------------------------------------------

static void create(struct call *call)
{
    const struct brand_create *body = call->body;
    struct brand_make make = {
        .arena = call->arena,
        .name = body->name,
        .description = body->description,
        .given_id = model_has(&brand_create_model, body, "brand_id") && body->brand_id.n ? body->brand_id : STR_NULL,
        .owner = call->caller.kind == CALLER_USER ? call->caller.user.id : STR_NULL,
        .public_access = true,
        .most = sees_all(call) ? INT64_MAX : settings_int(call->app->settings, SET_LIMITS_BRANDS),
    };
    int rc = brand_make(call->app->store, &call->scope, &make, &call->err);
    if (rc == ERR_CONFLICT)
        call_error(call, 400, call->err.text);
    else if (!call_failed(call, rc))
        call_reply(call, &brand_model, &make.row.brand);
}

static void read_one(struct call *call)
{
    call_reply(call, &brand_model, &call->brand->row.brand);
}

// ---- change --------------------------------------------------------------------------------------------------------

struct change_brand {
    struct call *call;
    struct brand brand;
};

static int change(struct tx *tx, void *arg, struct err *err)
{
    struct change_brand *c = arg;
    struct call *call = c->call;
    const struct brand_patch *patch = call->body;
    struct brand_row row;
    int rc = brand_load(tx, call->arena, call->brand->row.fold_id, &row, err);
    if (rc != 1 || row.deleted)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Brand not found");
    c->brand = row.brand;
    if (patch->set == 0)
        return 0;
    if (model_has(&brand_patch_model, patch, "name"))
        c->brand.name = patch->name;
    if (model_has(&brand_patch_model, patch, "description"))
        c->brand.description = patch->description;
    if (model_has(&brand_patch_model, patch, "is_active"))
        c->brand.is_active = patch->is_active;
    bool same = str_eq(c->brand.name, row.brand.name) && str_eq(c->brand.description, row.brand.description) &&
                c->brand.is_active == row.brand.is_active;
    if (same)
        return 0;
    c->brand.updated_at = clock_wall_ms();
    c->brand.set |= UINT64_C(1) << model_field_index(&brand_model, "updated_at");
    rc = brand_save(tx, &c->brand, err);
    return rc ? rc
              : audit_write(tx, "brand.update", c->brand.id, model_set_names(&brand_patch_model, call->arena, patch),
                            err);
}

static void update(struct call *call)
{
    struct change_brand c = {.call = call};
    bool was_active = call->brand->row.brand.is_active;
    if (call_failed(call, call_store_write(call, change, &c)))
        return;
    if (was_active && !c.brand.is_active)
        brands_closed(call->app, c.brand.id);
    call_reply(call, &brand_model, &c.brand);
}

// ---- delete --------------------------------------------------------------------------------------------------------

static int mark_deleted(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    struct brand_row row;
    int rc = brand_load(tx, call->arena, call->brand->row.fold_id, &row, err);
    if (rc != 1 || row.deleted)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Brand not found");
    int64_t now = clock_wall_ms();
    rc = brand_mark_deleted(tx, now, err);
    rc = rc ? rc : audit_write(tx, "brand.delete", row.brand.id, STR(""), err);
    return rc ? rc : job_insert(tx, "brand.erase", STR("{}"), now, err);
}

static void remove_brand(struct call *call)
{
    struct str id = call->brand->row.brand.id;
    char fold[BRAND_ID_SIZE];
    bool is_default = brand_id_fold(str_from(settings_str(call->app->settings, SET_DEFAULT_BRAND)), fold) &&
                      strcmp(fold, call->brand->row.fold_id) == 0;
    if (is_default) {
        call_error(call, 409, "The default brand cannot be deleted");
        return;
    }
    if (call_failed(call, call_store_write(call, mark_deleted, call)))
        return;
    engine_cancel_brand(call->app->engine, id);
    brands_closed(call->app, id);
    call_message(call, "Brand deleted successfully");
}

// ---- audit ---------------------------------------------------------------------------------------------------------

struct audit_page {
    struct call *call;
    int64_t limit, offset, total;
    struct audit_entry *entries;
    size_t n;
};

static int load_audit(struct tx *tx, void *arg, struct err *err)
{
    struct audit_page *p = arg;
    // An id that is used again does not show what a brand before it left.
    struct audit_query query = {
        .from = p->call->brand->row.brand.created_at, .to = INT64_MAX, .limit = p->limit, .offset = p->offset};
    return audit_list(tx, p->call->arena, &query, &p->entries, &p->n, &p->total, err);
}

static void list_audit(struct call *call)
{
    struct audit_page p = {.call = call, .limit = call_query_int(call, "limit", 100)};
    p.offset = call_query_int(call, "offset", 0);
    if (call->faults->n) {
        call_faults(call);
        return;
    }
    if (call_failed(call, call_store_read(call, load_audit, &p)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < p.n; i++) {
        const struct audit_entry *e = &p.entries[i];
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list), *fields = yyjson_mut_arr(doc);
        struct str rest = e->fields.n ? e->fields : STR_NULL;
        while (rest.p)
            (void)yyjson_mut_arr_append(fields, json_new_str(doc, str_split(&rest, ',')));
        json_add_str(doc, one, "id", e->id);
        json_add_time(doc, one, "at", e->at);
        json_add_str(doc, one, "actor", e->actor);
        json_add_str(doc, one, "action", e->action);
        json_add_str(doc, one, "target", e->target);
        json_add(doc, one, "fields", fields);
        json_add_str(doc, one, "address", e->address);
    }
    json_add_str(doc, root, "brand_id", call->brand->row.brand.id);
    json_add_int(doc, root, "total", p.total);
    json_add(doc, root, "entries", list);
    call_json(call, 200, root);
}

static const struct parameter page[] = {{"limit", "integer", "At most so many", 1, 1000},
                                        {"offset", "integer", "Leave out so many", 0, INT32_MAX}};
static const struct parameter audit_query[] = {{"limit", "integer", "At most so many", 1, 500},
                                               {"offset", "integer", "Leave out so many", 0, INT32_MAX}};
#define PAGE .query = page, .n_query = 2
#define BRANDS .surface = &surface_brands, .tag = "Brands", .limit = &LIMIT_MANAGE
static const struct endpoint rows[] = {
    {HTTP_GET, "/brands", BRANDS, .summary = "Brands that the caller administers, oldest first", .who = WHO_USER,
     .reply = &brand_model, .flags = ENDPOINT_LIST, PAGE, .run = list_all},
    {HTTP_GET, "/brands/active", BRANDS, .summary = "The active ones of them", .who = WHO_USER, .reply = &brand_model,
     .flags = ENDPOINT_LIST, PAGE, .run = list_active},
    {HTTP_POST, "/brands", BRANDS, .summary = "Make a brand with its default chatbot", .who = WHO_MAKER,
     .body = &brand_create_model, .flags = ENDPOINT_QUERY_FIELDS, .reply = &brand_model, .run = create},
    {HTTP_GET, "/brands/{brand_id}", BRANDS, .summary = "One brand", .who = WHO_ADMIN, .reply = &brand_model,
     .run = read_one},
    {HTTP_PUT, "/brands/{brand_id}", BRANDS, .summary = "Change name, description or whether it is active",
     .who = WHO_ADMIN, .body = &brand_patch_model, .flags = ENDPOINT_QUERY_FIELDS | ENDPOINT_PATCH,
     .reply = &brand_model, .run = update},
    {HTTP_DELETE, "/brands/{brand_id}", BRANDS, .summary = "Delete a brand and everything of it", .who = WHO_ADMIN,
     .reply_example = "{\"message\":\"Brand deleted successfully\"}", .run = remove_brand},
    {HTTP_GET, "/brands/{brand_id}/audit", BRANDS, .summary = "What was changed, newest first", .who = WHO_ADMIN,
     .query = audit_query, .n_query = 2,
     .reply_example = "{\"brand_id\":\"nordvik\",\"total\":1,\"entries\":[{\"id\":\"019cae30-1c22-7d10-8f5a-"
                      "0d2b6c9e1a44\",\"at\":\"2026-03-02T09:20:11.006Z\",\"actor\":\"demo\",\"action\":\"config."
                      "update\",\"target\":\"nordvik\",\"fields\":[\"system_prompt\"],\"address\":\"192.0.2.7\"}]}",
     .run = list_audit},
};

struct endpoints brands_endpoints(void)
{
    return ENDPOINTS(rows);
}
