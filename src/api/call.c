// SPDX-License-Identifier: Apache-2.0
#include "api/call.h"

#include "api/access.h"
#include "api/idempotency.h"
#include "api/resource.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_MOST = 1 << 20, QUERY_MOST = 64 };

const struct limit_class LIMIT_CHAT = {"chat", SET_LIMITS_CHAT, BY_BRAND_AND_ADDRESS};
const struct limit_class LIMIT_READ = {"read", SET_LIMITS_READ, BY_ADDRESS};
const struct limit_class LIMIT_MANAGE = {"manage", SET_LIMITS_MANAGE, BY_USER};
const struct limit_class LIMIT_CONNECT = {"connect", SET_LIMITS_CONNECT, BY_ADDRESS};
const struct limit_class LIMIT_REGISTER = {"register", SET_LIMITS_REGISTER, BY_ADDRESS};
const struct limit_class LIMIT_UPLOAD = {"upload", SET_LIMITS_UPLOAD, BY_USER};
const struct limit_class LIMIT_RESET = {"reset", SET_LIMITS_RESET, BY_ADDRESS_AND_FAMILY};
const struct limit_class LIMIT_LOGIN = {"login", SET_LIMITS_LOGIN, BY_ADDRESS};
const struct limit_class LIMIT_REFRESH = {"refresh", SET_LIMITS_REFRESH, BY_ADDRESS};
const struct limit_class LIMIT_LOGOUT = {"logout", SET_LIMITS_LOGOUT, BY_ADDRESS};
const struct limit_class LIMIT_MANAGEMENT = {"management", SET_LIMITS_MANAGEMENT, BY_USER_AND_FAMILY};
const struct limit_class LIMIT_EXTERNAL = {"external", SET_LIMITS_EXTERNAL, BY_KEY};
const struct limit_class LIMIT_CONVERSATION = {"conversation", SET_LIMITS_CONVERSATION, BY_CALLER_AND_CHATBOT};

// ---- answers -------------------------------------------------------------------------------------------------------

yyjson_mut_doc *call_doc(struct call *call)
{
    return json_doc(call->arena);
}

void call_json(struct call *call, int status, yyjson_mut_val *root)
{
    http_reply_static(call->req, status, "application/json; charset=utf-8", json_write(call->arena, root));
}

void call_reply(struct call *call, const struct model *model, const void *row)
{
    call_json(call, 200, model_encode(model, call_doc(call), row));
}

void call_no_content(struct call *call)
{
    http_header(call->req, "Cache-Control", "no-store");
    http_reply_static(call->req, 204, NULL, STR(""));
}

void call_message(struct call *call, const char *text)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "message", text);
    call_json(call, 200, root);
}

void call_error(struct call *call, int status, const char *text)
{
    call->endpoint->surface->error(call->req, status, NULL, text);
}

void call_faults(struct call *call)
{
    call->endpoint->surface->faults(call->req, call->faults);
}

void call_unavailable(struct http_req *req, const struct surface *surface, const char *text)
{
    http_header(req, "Retry-After", "5");
    surface->error(req, 503, NULL, text);
}

bool call_failed(struct call *call, int rc)
{
    if (rc >= 0)
        return false;
    if (rc == ERR_INVALID && call->faults->n) {
        call_faults(call);
        return true;
    }
    if (rc == ERR_LIMIT && call->endpoint->surface->quota) {
        call->endpoint->surface->quota(call->req, call->err.text);
        return true;
    }
    switch (rc) {
    case ERR_NOT_FOUND:
        call_error(call, 404, call->err.text);
        return true;
    case ERR_CONFLICT:
    case ERR_LIMIT:
        call_error(call, 409, call->err.text);
        return true;
    case ERR_DENIED:
        call_error(call, 403, call->err.text);
        return true;
    case ERR_INVALID:
        call_error(call, 400, call->err.text);
        return true;
    default:
        log_warn("store", "request=%s error=%s text=\"%s\"", http_request_id(call->req), err_name(rc), call->err.text);
        call_unavailable(call->req, call->endpoint->surface, "Service temporarily unavailable");
        return true;
    }
}

int call_store_read(struct call *call, store_fn fn, void *arg)
{
    return store_read(call->app->store, &call->scope, fn, arg, &call->err);
}

struct call_write {
    const struct call *call;
    store_fn fn;
    void *arg;
};

// The brand was there when the request came; it may have been deleted, and its id be another's, since.
static int write_in_call(struct tx *tx, void *arg, struct err *err)
{
    const struct call_write *w = arg;
    int rc = w->call->brand ? brand_check_there(tx, err) : 0;
    rc = rc ? rc : idempotency_take(tx, w->call->first, err);
    return rc ? rc : w->fn(tx, w->arg, err);
}

int call_store_write(struct call *call, store_fn fn, void *arg)
{
    struct call_write write = {call, fn, arg};
    int rc = store_write(call->app->store, &call->scope, write_in_call, &write, &call->err);
    idempotency_taken(call->first, rc);
    return rc;
}

// ---- input ---------------------------------------------------------------------------------------------------------

static bool is_json_type(struct str type)
{
    struct str rest = type;
    struct str media = str_trim(str_split(&rest, ';'));
    return !media.p || media.n == 0 || str_eq_nocase(media, STR("application/json")) ||
           (media.n > 5 && str_eq_nocase((struct str){media.p + media.n - 5, 5}, STR("+json")));
}

static bool body_fault(struct call *call, size_t offset)
{
    static const struct loc body = {NULL, STR("body"), 0};
    struct loc at = {&body, STR_NULL, (int64_t)offset};
    fault_add(call->faults, FAULT_JSON, &at, NULL, 0, NULL);
    call_faults(call);
    return false;
}

// 003-platform 1.1: half a surrogate pair is U+FFFD in a cleaned text. Elsewhere it is read as NUL, which each field
// refuses by its name.
static int read_halves(struct call *call, struct str body)
{
    const struct model *model = call->endpoint->body;
    struct str whole = json_repair(call->arena, body), bad = arena_str(call->arena, body);
    yyjson_val *mended = NULL;
    if (!model || !call->endpoint->surface->rights || whole.p == body.p || whole.n != body.n)
        return ERR_FORMAT;
    for (size_t i = 0; i + 6 <= body.n; i++)
        if (memcmp(whole.p + i, "\\ufffd", 6) == 0 && memcmp(body.p + i, whole.p + i, 6) != 0)
            memcpy((char *)(uintptr_t)bad.p + i, "\\u0000", 6);
    if (json_parse(call->arena, whole, JSON_RAW_NUMBERS, &mended, NULL) != 0 ||
        json_parse(call->arena, bad, JSON_RAW_NUMBERS, &call->json, NULL) != 0)
        return ERR_FORMAT;
    for (size_t i = 0; i < model->n; i++) {
        struct str text = json_get_str(mended, model->fields[i].name);
        if (model->fields[i].flags & FIELD_CLEAN && text.p)
            (void)yyjson_set_strn(json_get(call->json, model->fields[i].name), text.p, text.n);
    }
    return 0;
}

// 0; ERR_INVALID: it is of another type; ERR_FORMAT: it is no JSON that is taken, for what stands at *ret_offset.
static int parse_json(struct call *call, size_t *ret_offset)
{
    struct str body = http_body(call->req);
    size_t offset = 0;
    *ret_offset = 0;
    if (body.n == 0)
        return 0;
    if (!is_json_type(http_header_in(call->req, "content-type")))
        return ERR_INVALID;
    if (!utf8_valid(body))
        return ERR_FORMAT;
    if (json_parse(call->arena, body, JSON_RAW_NUMBERS, &call->json, &offset) != 0 && read_halves(call, body) != 0) {
        *ret_offset = offset;
        return ERR_FORMAT;
    }
    return !call->endpoint->surface->lenient && json_repeats(call->json) ? ERR_FORMAT : 0;
}

// The right that hangs on the body comes before what is wrong with the body.
static bool read_json(struct call *call)
{
    size_t offset;
    int rc = parse_json(call, &offset);
    struct str chatbot = json_get_str(call->json, "chatbotId");
    if (call->endpoint->flags & ENDPOINT_CHATBOT_BODY && !access_named(call, chatbot.n ? utf8_trim(chatbot) : STR_NULL))
        return false;
    if (rc == ERR_INVALID)
        call_error(call, 415, "Unsupported media type");
    return rc == 0 || (rc == ERR_FORMAT && body_fault(call, offset));
}

static void read_query(struct call *call)
{
    struct query_pair *pairs = arena_calloc(call->arena, QUERY_MOST, sizeof *pairs);
    size_t n = 0, pos = 0;
    while (n < QUERY_MOST && http_query_next(call->req, &pos, &pairs[n].name, &pairs[n].value))
        n++;
    call->input.query = pairs;
    call->input.n_query = n;
}

// The fields of an HTML form are decoded like those of a query; what is wrong with them is shown beside the form.
static bool read_form(struct call *call)
{
    struct str body = http_body(call->req), rest = http_header_in(call->req, "content-type");
    struct str type = rest.p ? str_trim(str_split(&rest, ';')) : STR_NULL;
    struct query_pair *pairs = arena_calloc(call->arena, QUERY_MOST, sizeof *pairs);
    if (body.n && !str_eq_nocase(type, STR("application/x-www-form-urlencoded"))) {
        call_error(call, 415, "Unsupported media type");
        return false;
    }
    for (rest = body; rest.n && call->input.n_query < QUERY_MOST;) {
        struct str value = str_split(&rest, '&');
        struct query_pair *pair = &pairs[call->input.n_query++];
        pair->name = http_form_decode(call->arena, str_split(&value, '='));
        pair->value = value.p ? http_form_decode(call->arena, value) : STR("");
    }
    call->input.query = pairs;
    call->body = arena_zalloc(call->arena, call->endpoint->body->size);
    (void)!model_decode(call->endpoint->body, MODEL_LENIENT, &call->input, call->body, call->faults);
    return true;
}

static bool read_body(struct call *call)
{
    const struct endpoint *e = call->endpoint;
    if (!e->body && !e->raw_body)
        return true;
    if (e->flags & ENDPOINT_FORM)
        return read_form(call);
    if (!read_json(call))
        return false;
    if (e->raw_body)
        return true;
    static const struct loc body = {NULL, STR("body"), 0};
    bool optional = e->flags & (ENDPOINT_QUERY_FIELDS | ENDPOINT_NO_BODY_NEEDED);
    if (!call->json && !optional && e->surface->lenient) {
        fault_add(call->faults, FAULT_MISSING, &body, NULL, 0, NULL);
        call_faults(call);
        return false;
    }
    call->input.body = call->json;
    if (e->flags & ENDPOINT_QUERY_FIELDS)
        read_query(call);
    call->body = arena_zalloc(call->arena, e->body->size);
    unsigned flags = (e->surface->lenient ? MODEL_LENIENT : 0) | (e->flags & ENDPOINT_PATCH ? MODEL_PATCH : 0);
    if (model_decode(e->body, flags, &call->input, call->body, call->faults) == 0)
        return true;
    call_faults(call);
    return false;
}

// ---- the order of checks -------------------------------------------------------------------------------------------

// Whose requests are counted together: all credentials of a user are one, a key is one, the rest go by address.
static struct str limit_key(struct call *call, const struct limit_class *class)
{
    struct str key = http_client_key(call->req);
    if (class->by == BY_ADDRESS)
        return key;
    if (class->by == BY_ADDRESS_AND_FAMILY)
        return arena_strf(call->arena, "%s|" STR_FMT, call->endpoint->family, STR_ARG(key));
    if (class->by == BY_BRAND_AND_ADDRESS)
        return arena_strf(call->arena, "%s|" STR_FMT, access_brand_fold(call), STR_ARG(key));
    bool by_key = class->by == BY_KEY && call->caller.key_id.p;
    if (call->caller.kind == CALLER_USER && !by_key)
        key = call->caller.user.id;
    else if (call->caller.kind == CALLER_USER || call->caller.kind == CALLER_CHATBOT_KEY)
        key = call->caller.key_id;
    if (class->by == BY_USER_AND_FAMILY)
        return arena_strf(call->arena, "%s|" STR_FMT, call->endpoint->family, STR_ARG(key));
    if (class->by == BY_CALLER_AND_CHATBOT)
        return arena_strf(call->arena, STR_FMT "|" STR_FMT, STR_ARG(access_chatbot_key(call)), STR_ARG(key));
    return key;
}

static void tell_limit(struct call *call, const struct limit_class *class, const struct limit_state *state)
{
    long long limit = state->limit, left = state->remaining, reset = state->reset_wall_s;
    if (!limit)
        return;
    http_headerf(call->req, "X-RateLimit-Limit", "%lld", limit);
    http_headerf(call->req, "X-RateLimit-Remaining", "%lld", left);
    http_headerf(call->req, "X-RateLimit-Reset", "%lld", reset);
    if (!call->endpoint->surface->rights)
        return;
    long long wait = reset - clock_wall_ms() / 1000;
    http_headerf(call->req, "RateLimit-Policy", "\"%s\";q=%lld;w=60", class->name, limit);
    http_headerf(call->req, "RateLimit", "\"%s\";r=%lld;t=%lld", class->name, left, wait > 0 ? wait : 0);
}

static bool within_limit(struct call *call, bool after_credentials)
{
    const struct limit_class *class = call->endpoint->limit;
    bool by_caller =
        class && class->by != BY_ADDRESS && class->by != BY_ADDRESS_AND_FAMILY && class->by != BY_BRAND_AND_ADDRESS;
    if (!class || by_caller != after_credentials)
        return true;
    struct limit_state state = limiter_take(call->app->limiter, class->name, limit_key(call, class),
                                            settings_int(call->app->settings, class->setting), 60000);
    tell_limit(call, class, &state);
    if (state.allowed)
        return true;
    metric_add(METRIC_RATE_LIMITED, METRIC_AT(metric_label(LABEL_CLASS, str_from(class->name))), 1);
    if (class == &LIMIT_CONNECT) {
        http_header(call->req, "Retry-After", "5");
        call_error(call, 429, "Too many connections");
        return false;
    }
    http_headerf(call->req, "Retry-After", "%lld", (long long)state.retry_after_s);
    call_error(
        call, 429,
        arena_printf(call->arena, "Rate limit exceeded. Try again in %lld seconds.", (long long)state.retry_after_s));
    return false;
}

static bool pass_checks(struct call *call)
{
    access_cors(call);
    return within_limit(call, false) && access_identify(call) && access_locate(call) && within_limit(call, true) &&
           access_brand(call) && access_origin(call) &&
           (!call->endpoint->before_body || call->endpoint->before_body(call)) && read_body(call) &&
           call_query_check(call);
}

static void handle(void *arg)
{
    struct http_req *req = arg;
    struct call call = {
        .req = req,
        .app = http_app(req),
        .endpoint = http_route_row(req),
        .arena = http_arena(req),
        .faults = faults_new(http_arena(req)),
    };
    if (pass_checks(&call) && idempotency_enter(&call))
        call.endpoint->run(&call);
    brand_ref_drop(call.brand);
}

void call_handle(struct http_req *req)
{
    struct app *app = http_app(req);
    const struct endpoint *endpoint = http_route_row(req);
    bool files = endpoint->flags & ENDPOINT_READS_FILES;
    if (!files && !(endpoint->flags & ENDPOINT_HASHES)) {
        handle(req);
        return;
    }
    http_keep(req, NULL, NULL);
    if (!pool_run(files ? app->readers : app->hashers, handle, req))
        call_unavailable(req, endpoint->surface, files ? "Too many files at once" : "Too many sign-ins at once");
}

void call_refuse(struct http_req *req, int status, const void *row)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Request body too large"},
        {414, "URI Too Long"},
        {415, "Unsupported media type"},
        {417, "Expectation Failed"},
        {426, "WebSocket upgrade required"},
        {429, "Too many connections"},
        {431, "Request Header Fields Too Large"},
        {503, "Service temporarily unavailable"},
    };
    const struct endpoint *endpoint = row;
    const struct surface *surface = endpoint ? endpoint->surface : surface_of_path(http_path(req));
    const char *text = "Bad Request";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status)
            text = texts[i].text;
    if (status == 503)
        http_header(req, "Retry-After", "5");
    surface->error(req, status, NULL, text);
}
