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

static void brands_error(struct http_req *req, int status, const char *code, const char *text)
{
    (void)code;
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "detail", text);
    send_json(req, status, root);
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

const struct surface surface_brands = {"brands", true, true, brands_error, brands_faults, NULL};

// ---- /api/v1: envelope ---------------------------------------------------------------------------------------------

static const struct {
    int status;
    const char *code;
} codes[] = {{400, "VALIDATION_ERROR"},  {401, "UNAUTHORIZED"},           {403, "FORBIDDEN"},
             {404, "NOT_FOUND"},         {405, "METHOD_NOT_ALLOWED"},     {409, "CONFLICT"},
             {413, "PAYLOAD_TOO_LARGE"}, {415, "UNSUPPORTED_MEDIA_TYPE"}, {429, "RATE_LIMIT_EXCEEDED"},
             {503, "UNAVAILABLE"}};

static yyjson_mut_val *envelope(struct http_req *req, yyjson_mut_doc *doc, const char *code, const char *text)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "status", "error");
    json_add_bool(doc, root, "success", false);
    json_add_cstr(doc, root, "message", text);
    json_add_cstr(doc, root, "code", code);
    json_add_cstr(doc, root, "requestId", http_request_id(req));
    return root;
}

static const char *code_of(int status)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "BAD_REQUEST";
}

static void platform_error(struct http_req *req, int status, const char *code, const char *text)
{
    http_header(req, "Cache-Control", "no-store");
    send_json(req, status, envelope(req, json_doc(http_arena(req)), code ? code : code_of(status), text));
}

void call_error_details(struct call *call, int status, const char *text, yyjson_mut_doc *doc, yyjson_mut_val *details)
{
    yyjson_mut_val *root = envelope(call->req, doc, code_of(status), text);
    json_add(doc, root, "details", details);
    http_header(call->req, "Cache-Control", "no-store");
    send_json(call->req, status, root);
}

static void platform_faults(struct http_req *req, const struct faults *faults)
{
    struct arena *arena = http_arena(req);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    const char *first = "the request is not valid";
    for (size_t i = 0; i < faults->n; i++) {
        const struct fault *fault = &faults->at[i];
        struct str field = fault_loc_text(arena, fault->loc);
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        json_add_str(doc, one, "field", field);
        json_add_str(doc, one, "message", fault->plain);
        json_add_cstr(doc, one, "code", fault_kinds[fault->code].code);
        if (i == 0)
            first = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(field.n ? field : STR("body")), " ",
                                 STR_ARG(fault->plain));
    }
    yyjson_mut_val *root = envelope(req, doc, "VALIDATION_ERROR", first);
    json_add(doc, root, "details", list);
    http_header(req, "Cache-Control", "no-store");
    send_json(req, 400, root);
}

static void platform_quota(struct http_req *req, const char *text)
{
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    yyjson_mut_val *root = envelope(req, doc, "CONFLICT", text), *list = yyjson_mut_arr(doc);
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
    json_add_cstr(doc, one, "field", "");
    json_add_cstr(doc, one, "message", text);
    json_add_cstr(doc, one, "code", fault_kinds[FAULT_QUOTA].code);
    json_add(doc, root, "details", list);
    http_header(req, "Cache-Control", "no-store");
    send_json(req, 409, root);
}

const struct surface surface_platform = {"platform",      false,          false, platform_error,
                                         platform_faults, platform_quota};
