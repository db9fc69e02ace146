// SPDX-License-Identifier: Apache-2.0
// How each surface shapes what goes wrong.
#include "api/envelope.h"

static void send_json(struct http_req *req, int status, yyjson_mut_val *root)
{
    http_reply_static(req, status, "application/json; charset=utf-8", json_write(http_arena(req), root));
}

static yyjson_mut_val *fault_input(yyjson_mut_doc *doc, const struct fault *fault)
{
    if (fault->input)
        return yyjson_val_mut_copy(doc, fault->input);
    return fault->input_text.p ? json_new_str(doc, fault->input_text) : yyjson_mut_null(doc);
}

// ---- 001: {"detail": …} --------------------------------------------------------------------------------------------

static yyjson_mut_val *brands_body(yyjson_mut_doc *doc, const char *request_id, int status, const char *code,
                                   const char *text)
{
    (void)request_id;
    (void)status;
    (void)code;
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "detail", text);
    return root;
}

static void brands_error(struct http_req *req, int status, const char *code, const char *text)
{
    send_json(req, status, brands_body(json_doc(http_arena(req)), http_request_id(req), status, code, text));
}

static void brands_faults(struct http_req *req, const struct faults *faults)
{
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < faults->n; i++) {
        const struct fault *fault = &faults->at[i];
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        json_add_cstr(doc, one, "type", fault_kinds[fault->code].type);
        json_add(doc, one, "loc", fault_loc_json(doc, fault->loc));
        json_add_str(doc, one, "msg", fault->message);
        json_add(doc, one, "input", fault_input(doc, fault));
    }
    json_add(doc, root, "detail", list);
    send_json(req, 422, root);
}

const struct surface surface_brands = {
    .name = "brands",
    .prefix = "",
    .shape = "Error",
    .faults_status = 422,
    .demo = true,
    .lenient = true,
    .body = brands_body,
    .error = brands_error,
    .faults = brands_faults,
};

// ---- /api/v1: envelope ---------------------------------------------------------------------------------------------

static const struct {
    int status;
    const char *code;
} codes[] = {{400, "VALIDATION_ERROR"},  {401, "UNAUTHORIZED"},           {403, "FORBIDDEN"},
             {404, "NOT_FOUND"},         {405, "METHOD_NOT_ALLOWED"},     {409, "CONFLICT"},
             {413, "PAYLOAD_TOO_LARGE"}, {415, "UNSUPPORTED_MEDIA_TYPE"}, {429, "RATE_LIMIT_EXCEEDED"},
             {503, "UNAVAILABLE"}};

static const char *code_of(int status)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "BAD_REQUEST";
}

static yyjson_mut_val *platform_body(yyjson_mut_doc *doc, const char *request_id, int status, const char *code,
                                     const char *text)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "status", "error");
    json_add_bool(doc, root, "success", false);
    json_add_cstr(doc, root, "message", text);
    json_add_cstr(doc, root, "code", code ? code : code_of(status));
    json_add_cstr(doc, root, "requestId", request_id);
    return root;
}

static yyjson_mut_val *envelope(struct http_req *req, yyjson_mut_doc *doc, const char *code, const char *text)
{
    return platform_body(doc, http_request_id(req), 0, code, text);
}

static void platform_error(struct http_req *req, int status, const char *code, const char *text)
{
    http_header(req, "Cache-Control", "no-store");
    send_json(req, status, platform_body(json_doc(http_arena(req)), http_request_id(req), status, code, text));
}

void call_error_details(struct call *call, int status, const char *text, yyjson_mut_doc *doc, yyjson_mut_val *details)
{
    call_error_named(call, status, code_of(status), text, doc, details);
}

void call_error_named(struct call *call, int status, const char *code, const char *text, yyjson_mut_doc *doc,
                      yyjson_mut_val *details)
{
    yyjson_mut_val *root = envelope(call->req, doc, code, text);
    json_add(doc, root, "details", details);
    http_header(call->req, "Cache-Control", "no-store");
    send_json(call->req, status, root);
}

// The list of `details`, and the first of them as a sentence.
static yyjson_mut_val *fault_list(struct arena *arena, yyjson_mut_doc *doc, const struct faults *faults,
                                  const char **ret_first)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    *ret_first = "the request is not valid";
    for (size_t i = 0; i < faults->n; i++) {
        const struct fault *fault = &faults->at[i];
        struct str field = fault_loc_text(arena, fault->loc);
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        json_add_str(doc, one, "field", field);
        json_add_str(doc, one, "message", fault->plain);
        json_add_cstr(doc, one, "code", fault_kinds[fault->code].code);
        if (i == 0)
            *ret_first = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(field.n ? field : STR("body")), " ",
                                      STR_ARG(fault->plain));
    }
    return list;
}

static yyjson_mut_val *quota_list(yyjson_mut_doc *doc, const char *text)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc), *one = yyjson_mut_arr_add_obj(doc, list);
    json_add_cstr(doc, one, "field", "");
    json_add_cstr(doc, one, "message", text);
    json_add_cstr(doc, one, "code", fault_kinds[FAULT_QUOTA].code);
    return list;
}

static void platform_faults(struct http_req *req, const struct faults *faults)
{
    const char *first;
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    yyjson_mut_val *list = fault_list(http_arena(req), doc, faults, &first);
    yyjson_mut_val *root = envelope(req, doc, "VALIDATION_ERROR", first);
    json_add(doc, root, "details", list);
    http_header(req, "Cache-Control", "no-store");
    send_json(req, 400, root);
}

static void platform_quota(struct http_req *req, const char *text)
{
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    yyjson_mut_val *root = envelope(req, doc, "CONFLICT", text);
    json_add(doc, root, "details", quota_list(doc, text));
    http_header(req, "Cache-Control", "no-store");
    send_json(req, 409, root);
}

const struct surface surface_platform = {
    .name = "platform",
    .prefix = "/api/v1/",
    .shape = "PlatformError",
    .faults_status = 400,
    .rights = true,
    .body = platform_body,
    .error = platform_error,
    .faults = platform_faults,
    .quota = platform_quota,
};

// ---- /api/external: {"success": false, "error": …} -----------------------------------------------------------------

static yyjson_mut_val *external_new(yyjson_mut_doc *doc, const char *code, const char *text, yyjson_mut_val *details)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *error = yyjson_mut_obj(doc);
    json_add_bool(doc, root, "success", false);
    json_add_cstr(doc, error, "code", code);
    json_add_cstr(doc, error, "message", text);
    json_add(doc, error, "details", details);
    json_add(doc, root, "error", error);
    return root;
}

static yyjson_mut_val *external_body(yyjson_mut_doc *doc, const char *request_id, int status, const char *code,
                                     const char *text)
{
    (void)request_id;
    return external_new(doc, code ? code : code_of(status), text, yyjson_mut_null(doc));
}

static void external_error(struct http_req *req, int status, const char *code, const char *text)
{
    http_header(req, "Cache-Control", "no-store");
    send_json(req, status, external_body(json_doc(http_arena(req)), NULL, status, code, text));
}

static void external_faults(struct http_req *req, const struct faults *faults)
{
    const char *first;
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    yyjson_mut_val *list = fault_list(http_arena(req), doc, faults, &first);
    http_header(req, "Cache-Control", "no-store");
    send_json(req, 400, external_new(doc, "VALIDATION_ERROR", first, list));
}

static void external_quota(struct http_req *req, const char *text)
{
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    http_header(req, "Cache-Control", "no-store");
    send_json(req, 409, external_new(doc, "CONFLICT", text, quota_list(doc, text)));
}

const struct surface surface_external = {
    .name = "external",
    .prefix = "/api/external/",
    .shape = "ExternalError",
    .faults_status = 400,
    .rights = true,
    .lenient = true,
    .body = external_body,
    .error = external_error,
    .faults = external_faults,
    .quota = external_quota,
};

const struct surface *surface_of_path(struct str path)
{
    static const struct surface *const all[] = {&surface_platform, &surface_external, &surface_brands};
    size_t i = 0;
    while (!str_starts(path, str_from(all[i]->prefix)))
        i++;
    return all[i];
}
