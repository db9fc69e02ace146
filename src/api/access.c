// SPDX-License-Identifier: Apache-2.0
#include "api/access.h"

#include "base/utf8.h"
#include "http/origin.h"

enum { USER_AGENT_MOST = 256 };

static struct str bearer_token(struct str field)
{
    struct str rest = str_trim(field);
    bool scheme = rest.n >= 7 && str_eq_nocase((struct str){rest.p, 7}, STR("bearer "));
    return scheme ? str_trim((struct str){rest.p + 7, rest.n - 7}) : rest;
}

struct str call_credential(struct http_req *req, bool query_too, bool *ret_two)
{
    struct str key = str_trim(http_header_in(req, "x-api-key")), field = http_header_in(req, "authorization");
    struct str token = field.p ? bearer_token(field) : STR_NULL;
    *ret_two = key.p && token.p && !str_eq(key, token);
    if (key.p || token.p)
        return key.p ? key : token;
    return query_too ? http_query(req, "api_key") : STR_NULL;
}

static bool is_local(struct str value)
{
    char host[256];
    return origin_host(value, host) && origin_is_localhost(str_from(host));
}

bool access_demo(struct app *app, struct http_req *req)
{
    static const char *const proxied[] = {"forwarded", "x-forwarded-for", "x-real-ip", "via"};
    struct str origin = http_header_in(req, "origin"), site = http_header_in(req, "sec-fetch-site");
    if (!app->demo || !http_peer_loopback(req) || !is_local(http_header_in(req, "host")))
        return false;
    for (size_t i = 0; i < sizeof proxied / sizeof *proxied; i++)
        if (http_header_in(req, proxied[i]).p)
            return false;
    if (origin.p)
        return is_local(origin);
    return !str_eq_nocase(site, STR("cross-site"));
}

void access_unauthorised(struct call *call, bool sent)
{
    http_header(call->req, "WWW-Authenticate",
                sent && call->endpoint->surface->rights ? "Bearer error=\"invalid_token\"" : "Bearer");
    call_error(call, 401, sent ? "Could not validate credentials" : "Not authenticated");
}

static bool unauthorised(struct call *call, bool sent)
{
    access_unauthorised(call, sent);
    return false;
}

// As much of it as an audit row takes; whole code points where it is UTF-8 at all.
static struct str user_agent(struct http_req *req)
{
    struct str text = http_header_in(req, "user-agent");
    if (!text.p || !utf8_valid(text))
        return STR_NULL;
    text.n = text.n < USER_AGENT_MOST ? text.n : USER_AGENT_MOST;
    text.n = utf8_whole(text);
    return text;
}

static bool is_operator(struct call *call, struct str credential)
{
    struct str token = str_from(settings_str(call->app->settings, SET_METRICS_TOKEN));
    return rights[call->endpoint->who].token && token.n && credential.n == token.n &&
           crypto_equal(credential.p, token.p, token.n);
}

bool access_identify(struct call *call)
{
    const struct endpoint *e = call->endpoint;
    bool two;
    struct str credential = call_credential(call->req, e->kind == HTTP_WEBSOCKET, &two);
    call->scope = (struct scope){
        .actor_kind = ACTOR_ANONYMOUS,
        .actor = STR("anonymous"),
        .address = http_client_address(call->req),
        .user_agent = user_agent(call->req),
    };
    if (!credential.p) {
        bool open = e->who == WHO_ANYBODY || e->who == WHO_PUBLIC;
        if (e->surface->demo && access_demo(call->app, call->req) && !open) {
            call->caller.kind = CALLER_DEMO;
            call->scope.actor = STR("demo");
            return true;
        }
        return open || unauthorised(call, false);
    }
    if (!two && is_operator(call, credential)) {
        call->operator= true;
        call->scope.actor = STR("metrics.token");
        return true;
    }
    int rc =
        two ? ERR_DENIED : accounts_identify(call->app->accounts, call->arena, credential, &call->caller, &call->err);
    if (rc == ERR_DENIED)
        return unauthorised(call, true);
    if (call_failed(call, rc))
        return false;
    bool user = call->caller.kind == CALLER_USER;
    call->scope.actor_kind = user ? ACTOR_USER : ACTOR_KEY;
    call->scope.actor = user ? call->caller.user.id : call->caller.chatbot_id;
    return true;
}

struct str access_brand_name(struct call *call)
{
    struct str name = http_param(call->req, "brand_id");
    return name.p ? name : str_from(settings_str(call->app->settings, SET_DEFAULT_BRAND));
}

const char *access_brand_fold(struct call *call)
{
    char *fold = arena_zalloc(call->arena, BRAND_ID_SIZE);
    return brand_id_fold(access_brand_name(call), fold) ? fold : "";
}

const char *access_gone_text(struct arena *arena, struct str name)
{
    AUTO_BUF struct buf clean = BUF_INIT(512);
    size_t count = 0;
    for (size_t pos = 0; pos < name.n && count < 64;) {
        uint32_t rune = utf8_next(name, &pos);
        if (rune < 32 || (rune >= 127 && rune < 160))
            continue;
        buf_add_rune(&clean, rune);
        count++;
    }
    return arena_printf(arena, "Brand '" STR_FMT "' not found or inactive", STR_ARG(buf_str(&clean)));
}

void call_brand_gone(struct call *call)
{
    bool public = call->endpoint->who == WHO_PUBLIC;
    call_error(call, 404, public ? access_gone_text(call->arena, access_brand_name(call)) : "Brand not found");
}

bool access_public(struct app *app, const struct caller *caller, const struct brand_ref *brand, struct err *err)
{
    enum role role = ROLE_NONE;
    if (brand->row.config.chat_settings.public_access)
        return true;
    if (caller->kind == CALLER_CHATBOT_KEY)
        return str_eq(caller->brand, brand->row.brand.id);
    return accounts_role(app->accounts, caller, brand->row.brand.id, &role, err) == 0 && role != ROLE_NONE;
}

static bool may_administer(struct call *call)
{
    int rc = accounts_role(call->app->accounts, &call->caller, call->brand->row.brand.id, &call->role, &call->err);
    if (call_failed(call, rc))
        return false;
    if (call->role >= ROLE_ADMIN)
        return true;
    bool inside = call->role != ROLE_NONE ||
                  (call->caller.kind == CALLER_CHATBOT_KEY && str_eq(call->caller.brand, call->brand->row.brand.id));
    if (inside)
        call_error(call, 403, "Not enough permissions");
    else
        call_brand_gone(call);
    return false;
}

static bool may_make(struct call *call)
{
    bool admin = false;
    if (call->caller.kind == CALLER_CHATBOT_KEY) {
        call_error(call, 403, "Not enough permissions");
        return false;
    }
    bool super = call->caller.kind == CALLER_DEMO || call->caller.user.super_admin;
    const char *rule = settings_str(call->app->settings, SET_BRANDS_CREATE);
    int rc = accounts_admin_anywhere(call->app->accounts, &call->caller, &admin, &call->err);
    if (call_failed(call, rc))
        return false;
    if (super || (admin && strcmp(rule, "admin") == 0))
        return true;
    call_error(call, 403, "Not enough permissions");
    return false;
}

bool access_brand(struct call *call)
{
    const struct endpoint *e = call->endpoint;
    if (e->surface->rights)
        return access_rights(call);
    if (e->who == WHO_MAKER)
        return may_make(call);
    if (e->who == WHO_USER && call->caller.kind == CALLER_CHATBOT_KEY) {
        call_error(call, 403, "Not enough permissions");
        return false;
    }
    if (e->who != WHO_PUBLIC && e->who != WHO_ADMIN)
        return true;
    int rc = brands_get(call->app->brands, access_brand_name(call), &call->brand, &call->err);
    if (call_failed(call, rc))
        return false;
    if (rc == 1) {
        call->scope.brand = call->brand->row.brand.id;
        if (e->who == WHO_ADMIN)
            return may_administer(call);
        // A socket tells of a brand that is not there in a frame, after the upgrade.
        if (e->kind == HTTP_WEBSOCKET)
            return true;
        if (call->brand->answers && access_public(call->app, &call->caller, call->brand, &call->err))
            return true;
    } else if (e->kind == HTTP_WEBSOCKET) {
        return true;
    }
    call_brand_gone(call);
    return false;
}

// ---- origin and CORS -----------------------------------------------------------------------------------------------

// `domains` NULL: there is no list.
static bool in_domains(struct http_req *req, struct app *app, const struct strings *domains, bool localhost)
{
    const char *set = settings_str(app->settings, SET_PUBLIC_URL);
    static const struct str none[1] = {{"", 0}};
    return origin_allowed(http_header_in(req, "origin"), set ? str_from(set) : http_base_url(req),
                          localhost ? ORIGIN_LOCALHOST_ALWAYS : ORIGIN_LOCALHOST_LIST,
                          !domains     ? NULL
                          : domains->n ? domains->at
                                       : none,
                          domains ? domains->n : 0);
}

bool access_origin_allowed(struct http_req *req, struct app *app, const struct brand_ref *brand)
{
    const struct chat_settings *chat = &brand->row.config.chat_settings;
    bool listed = model_has(&chat_settings_model, chat, "allowed_domains");
    return in_domains(req, app, listed ? &chat->allowed_domains : NULL, brand->row.allow_localhost);
}

// Of endpoints that a chatbot's keys open.
static bool chatbot_origin_allowed(struct call *call)
{
    const struct chatbot *chatbot = call->chatbot;
    bool listed = model_has(&chatbot_model, chatbot, "allowedDomains");
    return in_domains(call->req, call->app, listed ? &chatbot->allowed_domains : NULL,
                      str_eq(chatbot->allow_localhost, STR("always")));
}

static const char CHATBOT_EXPOSED[] = "X-Session-Token, X-Conversation-Id, X-Config-Version, X-Request-Id, ETag, "
                                      "Retry-After, RateLimit, RateLimit-Policy, Idempotency-Replayed";

static bool chatbot_origin(struct call *call)
{
    struct str origin = http_header_in(call->req, "origin");
    if (!chatbot_origin_allowed(call)) {
        call_error(call, 403, "Origin not allowed");
        return false;
    }
    http_header(call->req, "Vary", "Origin");
    if (origin.p) {
        http_headerf(call->req, "Access-Control-Allow-Origin", STR_FMT, STR_ARG(origin));
        http_header(call->req, "Access-Control-Allow-Credentials", "true");
        http_header(call->req, "Access-Control-Expose-Headers", CHATBOT_EXPOSED);
    }
    return true;
}

// A preflight carries no key: whatever the origin, the request behind it is looked at.
static void chatbot_preflight(struct http_req *req)
{
    struct str origin = http_header_in(req, "origin");
    if (origin.p)
        http_headerf(req, "Access-Control-Allow-Origin", STR_FMT, STR_ARG(origin));
    http_header(req, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    http_header(req, "Access-Control-Allow-Headers",
                "Authorization, Content-Type, X-API-Key, X-Session-Token, Idempotency-Key, If-None-Match");
    http_header(req, "Access-Control-Allow-Credentials", "true");
    http_header(req, "Access-Control-Max-Age", "7200");
    http_header(req, "Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    http_reply(req, 204, NULL, STR(""));
}

static bool is_cors_origin(struct app *app, struct str origin)
{
    size_t n;
    const struct str *list = settings_list(app->settings, SET_CORS_ORIGINS, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(list[i], origin))
            return true;
    return false;
}

// Public paths: * while the brand has no list, else the origin when it is allowed; management: cors.origins alone.
// Under /api/v1 nothing is for every origin: signing in is management too. `e` NULL: no endpoint.
static void cors_headers(struct http_req *req, struct app *app, const struct endpoint *e, const struct brand_ref *brand)
{
    struct str origin = http_header_in(req, "origin");
    bool open = !e || e->who == WHO_PUBLIC || e->who == WHO_ANYBODY;
    bool public = open && !(e && e->surface == &surface_platform);
    bool listed = brand && model_has(&chat_settings_model, &brand->row.config.chat_settings, "allowed_domains");
    if (public && !listed) {
        http_header(req, "Access-Control-Allow-Origin", "*");
        return;
    }
    bool allowed = public ? access_origin_allowed(req, app, brand) : is_cors_origin(app, origin);
    if (public || origin.p)
        http_header(req, "Vary", "Origin");
    if (allowed && origin.p)
        http_headerf(req, "Access-Control-Allow-Origin", STR_FMT, STR_ARG(origin));
}

void access_cors(struct call *call)
{
    const struct endpoint *e = call->endpoint;
    if (e->surface == &surface_platform && !rights[e->who].key)
        cors_headers(call->req, call->app, e, NULL);
}

bool access_origin(struct call *call)
{
    const struct endpoint *e = call->endpoint;
    if (e->kind == HTTP_WEBSOCKET)
        return true;
    if (rights[e->who].key && call->chatbot)
        return chatbot_origin(call);
    if (e->surface == &surface_platform)
        return true; // access_cors has said it
    cors_headers(call->req, call->app, e, call->brand);
    bool guarded = e->who == WHO_PUBLIC && (e->method == HTTP_POST || e->method == HTTP_DELETE);
    if (!guarded || access_origin_allowed(call->req, call->app, call->brand))
        return true;
    call_error(call, 403, "Origin not allowed");
    return false;
}

void call_preflight(struct http_req *req)
{
    struct app *app = http_app(req);
    const struct endpoint *e = http_preflight_row(req);
    if (e && rights[e->who].key) {
        chatbot_preflight(req);
        return;
    }
    struct str name = http_param(req, "brand_id");
    AUTO_BRAND struct brand_ref *brand = NULL;
    struct err err;
    if (!name.p)
        name = str_from(settings_str(app->settings, SET_DEFAULT_BRAND));
    (void)brands_get(app->brands, name, &brand, &err);
    cors_headers(req, app, e, brand);
    bool platform = e && e->surface == &surface_platform;
    http_header(req, "Access-Control-Allow-Methods",
                platform ? "GET, POST, PUT, DELETE, OPTIONS" : "GET, POST, DELETE, OPTIONS");
    http_header(req, "Access-Control-Allow-Headers",
                platform ? "authorization, content-type, x-api-key, x-brand-id, idempotency-key"
                         : "authorization, content-type, x-api-key");
    http_header(req, "Access-Control-Max-Age", "600");
    http_reply(req, 204, NULL, STR(""));
}
