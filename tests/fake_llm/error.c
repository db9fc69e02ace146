// SPDX-License-Identifier: Apache-2.0
// Refusals and error bodies in the shapes that servers really send (upstream-llm 4, 5.1).
#include "fake.h"

#include <stdio.h>
#include <strings.h>

static const char *const page =
    "<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

static const char *header_of(const struct entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->headers.n; i++)
        if (strcasecmp(entry->headers.at[i].name, name) == 0)
            return entry->headers.at[i].value;
    return NULL;
}

struct str error_json(struct reply *reply, const struct error_text *error)
{
    const char *dialect = reply->knobs.dialect;
    yyjson_mut_doc *doc = json_doc(reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *inner = yyjson_mut_obj(doc);
    bool numeric = knobs_is(dialect, "llamacpp") || knobs_is(dialect, "llamacpp-old") || knobs_is(dialect, "vllm") ||
                   knobs_is(dialect, "vllm-flat") || knobs_is(dialect, "sglang");
    if (knobs_is(dialect, "ollama") || knobs_is(dialect, "lmstudio")) {
        json_add_cstr(doc, root, "error", error->message);
        return json_write(reply->arena, root);
    }
    bool flat = knobs_is(dialect, "vllm-flat");
    if (flat)
        json_add_cstr(doc, root, "object", "error");
    yyjson_mut_val *into = flat ? root : inner;
    json_add_cstr(doc, into, "message", error->message);
    json_add_cstr(doc, into, "type", error->type);
    json_add_cstr(doc, into, "param", error->param);
    if (numeric)
        json_add_int(doc, into, "code", error->status);
    else
        json_add_cstr(doc, into, "code", error->code);
    if (error->ctx && numeric) {
        json_add_int(doc, into, "n_prompt_tokens", error->prompt);
        json_add_int(doc, into, "n_ctx", error->ctx);
    }
    if (!flat)
        json_add(doc, root, "error", inner);
    return json_write(reply->arena, root);
}

void error_reply(struct reply *reply, const struct error_text *error)
{
    reply_text(reply, error->status, "application/json", error_json(reply, error));
}

static void by_status(struct reply *reply)
{
    const struct knobs *knobs = &reply->knobs;
    int status = (int)knobs->status;
    if (knobs->error_body) {
        bool html = knobs_is(knobs->error_body, "html");
        struct str body = str_from(html ? page : knobs->error_body);
        reply_text(reply, status, body.n && body.p[0] == '<' ? "text/html; charset=utf-8" : "application/json", body);
        return;
    }
    struct error_text error = {.status = status, .message = "The server had an error", .type = "server_error"};
    if (status == 401)
        error = (struct error_text){status, "Incorrect API key provided", "invalid_request_error", "invalid_api_key"};
    else if (status == 404)
        error = (struct error_text){status, "The model does not exist", "invalid_request_error", "model_not_found"};
    else if (status == 429)
        error = (struct error_text){status, "Rate limit reached", "requests", "rate_limit_exceeded"};
    else if (status == 503 && (knobs_is(knobs->dialect, "llamacpp") || knobs_is(knobs->dialect, "llamacpp-old")))
        error = (struct error_text){status, "Loading model", "unavailable_error", NULL};
    else if (status < 500)
        error = (struct error_text){status, "The request is not acceptable", "invalid_request_error", NULL};
    error_reply(reply, &error);
}

static bool refused_auth(struct reply *reply)
{
    const char *wanted = reply->knobs.auth;
    if (!wanted)
        return false;
    const char *bearer = header_of(reply->entry, "authorization"), *bare = header_of(reply->entry, "api-key");
    if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
        bare = bearer + 7;
    if (bare && (strcmp(bare, wanted) == 0 || strcmp(wanted, "1") == 0))
        return false;
    // Real servers echo the key.
    error_reply(reply, &(struct error_text){401,
                                            arena_printf(reply->arena, "Incorrect API key provided: %s. Bearer %s",
                                                         bare ? bare : "(none)", bare ? bare : "(none)"),
                                            "invalid_request_error", "invalid_api_key"});
    return true;
}

static bool has_role_fault(yyjson_val *request, bool alternate)
{
    size_t i, max;
    yyjson_val *message;
    struct str before = STR_NULL;
    yyjson_arr_foreach(json_get(request, "messages"), i, max, message)
    {
        struct str role = json_get_str(message, "role");
        if (!alternate && str_eq(role, STR("system")))
            return true;
        if (alternate && str_eq(role, before))
            return true;
        before = role;
    }
    return false;
}

static bool ends_with_answer(yyjson_val *request)
{
    yyjson_val *last = yyjson_arr_get_last(json_get(request, "messages"));
    return str_eq(json_get_str(last, "role"), STR("assistant"));
}

static bool refused_parameter(struct reply *reply)
{
    struct str rest = str_from(reply->knobs.refuse);
    while (rest.p) {
        const char *name = arena_cstr(reply->arena, str_trim(str_split(&rest, ',')));
        if (*name == '\0')
            continue;
        struct error_text error = {400, NULL, "invalid_request_error", "unsupported_parameter", name};
        if (strcmp(name, "system") == 0 && has_role_fault(reply->request, false)) {
            error = (struct error_text){400, "System role not supported", "invalid_request_error"};
        } else if (strcmp(name, "alternate") == 0 && has_role_fault(reply->request, true)) {
            error = (struct error_text){400, "Conversation roles must alternate user/assistant/user/assistant",
                                        "BadRequestError"};
        } else if (strcmp(name, "prefill") == 0 && ends_with_answer(reply->request)) {
            error = (struct error_text){400, "Assistant response prefill is incompatible with enable_thinking.",
                                        "invalid_request_error"};
        } else if (json_get(reply->request, name)) {
            error.message =
                arena_printf(reply->arena, "Unsupported parameter: '%s' is not supported with this model.", name);
        } else {
            continue;
        }
        error_reply(reply, &error);
        return true;
    }
    return false;
}

bool error_gate(struct reply *reply, int64_t served)
{
    const struct knobs *knobs = &reply->knobs;
    if (knobs->retry_after)
        buf_addf(&reply->headers, "Retry-After: %s\r\n", knobs->retry_after);
    if (knobs->retry_after_ms >= 0)
        buf_addf(&reply->headers, "retry-after-ms: %lld\r\n", (long long)knobs->retry_after_ms);
    if (knobs->should_retry)
        buf_addf(&reply->headers, "x-should-retry: %s\r\n", knobs->should_retry);
    if (knobs->location)
        buf_addf(&reply->headers, "Location: %s\r\n", knobs->location);
    if (refused_auth(reply))
        return true;
    if (knobs->quota >= 0 && served > knobs->quota) {
        error_reply(reply, &(struct error_text){429,
                                                "You exceeded your current quota, please check your plan and "
                                                "billing details.",
                                                "insufficient_quota", "insufficient_quota"});
        return true;
    }
    if (knobs->status != 200) {
        by_status(reply);
        return true;
    }
    if (knobs->html) {
        reply_text(reply, 200, "text/html; charset=utf-8", str_from(page));
        return true;
    }
    return refused_parameter(reply);
}
