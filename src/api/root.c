// SPDX-License-Identifier: Apache-2.0
// The server about itself: greeting, the OpenAPI document and its page, the demo page.
#include "api/brands.h"
#include "api/openapi.h"
#include "base/clock.h"
#include "http/asset.h"

#define SURFACE_VERSION "2.0.0"

struct greeting {
    struct call *call;
    struct brand *brands;
    size_t n;
    int64_t total;
};

static int load_all(struct tx *tx, void *arg, struct err *err)
{
    struct greeting *g = arg;
    return brand_list(tx, g->call->arena, STR_NULL, true, -1, 0, &g->brands, &g->n, &g->total, err);
}

// A brand that is listed, or that the caller administers.
static bool shows(struct call *call, const struct brand *brand)
{
    AUTO_BRAND struct brand_ref *ref = NULL;
    enum role role = ROLE_NONE;
    if (brands_get(call->app->brands, brand->id, &ref, &call->err) != 1)
        return false;
    return ref->row.config.chat_settings.listed ||
           (accounts_role(call->app->accounts, &call->caller, brand->id, &role, &call->err) == 0 && role >= ROLE_ADMIN);
}

static void greet(struct call *call)
{
    struct greeting g = {.call = call};
    if (call_failed(call, call_store_read(call, load_all, &g)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < g.n; i++) {
        if (!shows(call, &g.brands[i]))
            continue;
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        json_add_str(doc, one, "id", g.brands[i].id);
        json_add_str(doc, one, "name", g.brands[i].name);
    }
    json_add_cstr(doc, root, "message", "Parley multi-brand chat");
    json_add_cstr(doc, root, "status", "running");
    json_add_cstr(doc, root, "version", SURFACE_VERSION);
    json_add_cstr(doc, root, "server", PARLEY_VERSION);
    json_add_time(doc, root, "timestamp", clock_wall_ms());
    json_add_int(doc, root, "active_brands", (int64_t)yyjson_mut_arr_size(list));
    json_add(doc, root, "brands", list);
    call_json(call, 200, root);
}

static void send_openapi(struct call *call)
{
    http_reply_static(call->req, 200, "application/json; charset=utf-8",
                      openapi_text(call->arena, http_base_url(call->req)));
}

static void send_asset(struct call *call, const char *path, const char *policy)
{
    const struct asset *asset = asset_find(path);
    if (!asset) {
        call_error(call, 404, "Not Found");
        return;
    }
    http_header(call->req, "Content-Security-Policy", policy);
    http_header(call->req, "X-Content-Type-Options", "nosniff");
    http_header(call->req, "Referrer-Policy", "no-referrer");
    asset_reply(call->req, asset, "no-cache");
}

#define OWN_FILES                                                                                                      \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri "     \
    "'none'; form-action 'none'; frame-ancestors 'none'"
#define DEMO_PAGE                                                                                                      \
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:; img-src " \
    "https: http: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static void docs_page(struct call *call)
{
    send_asset(call, "docs/index.html", OWN_FILES);
}

static void docs_script(struct call *call)
{
    send_asset(call, "docs/docs.js", OWN_FILES);
}

static void docs_style(struct call *call)
{
    send_asset(call, "docs/docs.css", OWN_FILES);
}

static void brand_asset(struct call *call)
{
    send_asset(call, arena_printf(call->arena, "assets/" STR_FMT, STR_ARG(http_param(call->req, "name"))), OWN_FILES);
}

static void demo_page(struct call *call)
{
    if (call->app->demo)
        send_asset(call, "browser.html", DEMO_PAGE);
    else
        call_error(call, 404, "Not Found");
}

#define OPEN .surface = &surface_brands, .tag = "Server", .who = WHO_ANYBODY
static const struct endpoint rows[] = {
    {HTTP_GET, "/", OPEN, .summary = "What this server is, and the brands that may be seen",
     .reply_example =
         "{\"message\":\"Parley multi-brand "
         "chat\",\"status\":\"running\",\"version\":\"2.0.0\",\"server\":\"0.1.0\",\"timestamp\":\"2026-03-02T09:15:04."
         "120Z\",\"active_brands\":1,\"brands\":[{\"id\":\"techpro\",\"name\":\"TechPro\"}]}",
     .run = greet},
    {HTTP_GET, "/openapi.json", OPEN, .summary = "This document", .reply_example = "{\"openapi\":\"3.1.0\"}",
     .run = send_openapi},
    {HTTP_GET, "/docs", OPEN, .summary = "This document as a page", .media = "text/html", .run = docs_page},
    {HTTP_GET, "/docs/docs.js", OPEN, .flags = ENDPOINT_HIDDEN, .run = docs_script},
    {HTTP_GET, "/docs/docs.css", OPEN, .flags = ENDPOINT_HIDDEN, .run = docs_style},
    {HTTP_GET, "/assets/{name}", OPEN, .flags = ENDPOINT_HIDDEN, .run = brand_asset},
    {HTTP_GET, "/demo", OPEN, .flags = ENDPOINT_HIDDEN, .run = demo_page},
};

struct endpoints root_endpoints(void)
{
    return ENDPOINTS(rows);
}
