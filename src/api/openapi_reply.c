// SPDX-License-Identifier: Apache-2.0
// Replies in the OpenAPI document: schemas from models or from an endpoint's example, the envelope of /api/v1, and the
// errors of each surface as components, each with its code and an example.
#include "api/openapi_parts.h"

// What the server adds by itself is in replies alone: such a model has two components.
static bool differs(const struct model *model)
{
    for (size_t i = 0; i < model->n; i++)
        if (model->fields[i].flags & FIELD_READONLY)
            return true;
    return model->table != NULL;
}

static yyjson_mut_val *reference_to(struct document *d, const char *kind, const char *name)
{
    yyjson_mut_val *ref = yyjson_mut_obj(d->doc);
    json_add_cstr(d->doc, ref, "$ref", arena_printf(d->arena, "#/components/%s/%s", kind, name));
    return ref;
}

yyjson_mut_val *openapi_reference(struct document *d, const struct model *model, unsigned flags)
{
    const char *kind = flags & MODEL_REPLY ? "" : flags & MODEL_PATCH ? "Change" : differs(model) ? "Input" : "";
    const char *name = arena_printf(d->arena, "%s%s", model->name, kind);
    if (!yyjson_mut_obj_get(d->schemas, name))
        json_add(d->doc, d->schemas, name, model_schema(model, d->doc, flags));
    return reference_to(d, "schemas", name);
}

yyjson_mut_val *openapi_content(struct document *d, yyjson_mut_val *schema, yyjson_mut_val *example)
{
    yyjson_mut_val *content = yyjson_mut_obj(d->doc), *media = yyjson_mut_obj(d->doc);
    json_add(d->doc, media, "schema", schema);
    if (example)
        json_add(d->doc, media, "example", example);
    json_add(d->doc, content, "application/json", media);
    return content;
}

// ---- success -------------------------------------------------------------------------------------------------------

// The form of an example: enough to check replies against.
static yyjson_mut_val *schema_of(struct document *d, yyjson_val *example)
{
    yyjson_mut_val *schema = yyjson_mut_obj(d->doc);
    yyjson_val *key, *value;
    size_t i, max;
    if (yyjson_is_obj(example)) {
        yyjson_mut_val *properties = yyjson_mut_obj(d->doc), *required = yyjson_mut_arr(d->doc);
        yyjson_obj_foreach(example, i, max, key, value)
        {
            json_add(d->doc, properties, yyjson_get_str(key), schema_of(d, value));
            (void)yyjson_mut_arr_append(required, json_new_str(d->doc, json_str(key)));
        }
        json_add_cstr(d->doc, schema, "type", "object");
        json_add(d->doc, schema, "properties", properties);
        if (yyjson_mut_arr_size(required))
            json_add(d->doc, schema, "required", required);
    } else if (yyjson_is_arr(example)) {
        json_add_cstr(d->doc, schema, "type", "array");
        if (yyjson_arr_size(example))
            json_add(d->doc, schema, "items", schema_of(d, yyjson_arr_get_first(example)));
    } else {
        // A scalar may be null where the surface says so; an example cannot tell.
        const char *type = yyjson_is_str(example)    ? "string"
                           : yyjson_is_bool(example) ? "boolean"
                           : yyjson_is_num(example)  ? "number"
                                                     : NULL;
        if (type) {
            yyjson_mut_val *types = yyjson_mut_arr(d->doc);
            (void)yyjson_mut_arr_add_str(d->doc, types, type);
            (void)yyjson_mut_arr_add_str(d->doc, types, "null");
            json_add(d->doc, schema, "type", types);
        }
    }
    return schema;
}

// {"status","success","data"} around the resource, or the list of them with its pagination.
static yyjson_mut_val *enveloped(struct document *d, const struct endpoint *e)
{
    static const char one[] = "{\"status\":{\"const\":\"success\"},\"success\":{\"const\":true},\"message\":{\"type\":"
                              "\"string\"}}";
    static const char pages[] = "{\"type\":\"object\",\"required\":[\"total\",\"pages\",\"page\",\"limit\"],"
                                "\"properties\":{\"total\":{\"type\":\"integer\"},\"pages\":{\"type\":\"integer\"},"
                                "\"page\":{\"type\":\"integer\"},\"limit\":{\"type\":\"integer\"}}}";
    bool paged = e->flags & ENDPOINT_PAGED;
    yyjson_val *members = NULL;
    yyjson_mut_val *schema = yyjson_mut_obj(d->doc), *data = openapi_reference(d, e->reply, MODEL_REPLY), *required;
    if (json_parse(d->arena, str_from(one), 0, &members, NULL) != 0)
        return schema;
    yyjson_mut_val *properties = yyjson_val_mut_copy(d->doc, members);
    if (paged) {
        yyjson_mut_val *list = yyjson_mut_obj(d->doc);
        json_add_cstr(d->doc, list, "type", "array");
        json_add(d->doc, list, "items", data);
        data = list;
        json_add(d->doc, properties, "count", json_new_raw(d->doc, STR("{\"type\":\"integer\"}")));
        json_add(d->doc, properties, "pagination", json_new_raw(d->doc, str_from(pages)));
    }
    json_add(d->doc, properties, "data", data);
    json_add_cstr(d->doc, schema, "type", "object");
    required = json_new_raw(d->doc, paged ? STR("[\"status\",\"success\",\"count\",\"data\",\"pagination\"]")
                                          : STR("[\"status\",\"success\",\"data\"]"));
    json_add(d->doc, schema, "required", required);
    json_add(d->doc, schema, "properties", properties);
    return schema;
}

static yyjson_mut_val *listed(struct document *d, yyjson_mut_val *one)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    (void)yyjson_mut_arr_append(list, one);
    return list;
}

static yyjson_mut_val *example_reply(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *data = openapi_example(d, e->reply, MODEL_REPLY);
    if (e->surface != &surface_platform)
        return e->flags & ENDPOINT_LIST ? listed(d, data) : data;
    yyjson_mut_val *root = yyjson_mut_obj(d->doc);
    bool paged = e->flags & ENDPOINT_PAGED;
    json_add_cstr(d->doc, root, "status", "success");
    json_add_bool(d->doc, root, "success", true);
    if (paged)
        json_add_int(d->doc, root, "count", 1);
    json_add(d->doc, root, "data", paged ? listed(d, data) : data);
    if (paged)
        json_add(d->doc, root, "pagination",
                 json_new_raw(d->doc, STR("{\"total\":1,\"pages\":1,\"page\":1,\"limit\":100}")));
    return root;
}

static void add_media(struct document *d, const struct endpoint *e, yyjson_mut_val *content)
{
    struct str rest = str_from(e->media);
    bool events = e->media && str_starts(rest, STR("text/event-stream")); // each is JSON of its own form
    if (e->media)
        json_add(d->doc, content, arena_cstr(d->arena, str_split(&rest, ';')),
                 json_new_raw(d->doc, events ? STR("{\"schema\":{}}") : STR("{\"schema\":{\"type\":\"string\"}}")));
}

static yyjson_mut_val *success(struct document *d, const struct endpoint *e, const char *description)
{
    yyjson_mut_val *reply = yyjson_mut_obj(d->doc), *schema;
    json_add_cstr(d->doc, reply, "description", description);
    if (e->media && !e->reply && !e->reply_example) {
        yyjson_mut_val *only = yyjson_mut_obj(d->doc);
        add_media(d, e, only);
        json_add(d->doc, reply, "content", only);
        return reply;
    }
    if (e->reply && e->surface == &surface_platform) {
        schema = enveloped(d, e);
    } else if (e->reply && e->flags & ENDPOINT_LIST) {
        schema = yyjson_mut_obj(d->doc);
        json_add_cstr(d->doc, schema, "type", "array");
        json_add(d->doc, schema, "items", openapi_reference(d, e->reply, MODEL_REPLY));
    } else if (e->reply) {
        schema = openapi_reference(d, e->reply, MODEL_REPLY);
    } else {
        yyjson_val *example = NULL;
        bool known = e->reply_example && json_parse(d->arena, str_from(e->reply_example), 0, &example, NULL) == 0;
        schema = known ? schema_of(d, example) : yyjson_mut_obj(d->doc);
    }
    yyjson_mut_val *example = e->reply           ? example_reply(d, e)
                              : e->reply_example ? json_new_raw(d->doc, str_from(e->reply_example))
                                                 : NULL;
    yyjson_mut_val *content = openapi_content(d, schema, example);
    add_media(d, e, content);
    json_add(d->doc, reply, "content", content);
    return reply;
}

// ---- errors --------------------------------------------------------------------------------------------------------

static const struct error_row {
    int status;
    const char *name, *description, *text; // name: of the component; text: of its example
    bool body, access;                     // only where a body is read, where somebody is asked
} error_rows[] = {
    {400, "BadRequest", "A rule of the endpoint is broken", "name must not be empty", false, false},
    {401, "Unauthorized", "No credential, or one that does not hold", "Not authenticated", false, false},
    {403, "Forbidden", "Not allowed to this caller or origin", "You are not allowed to do this", false, true},
    {404, "NotFound", "Not there, or not for this caller", "Not found", false, false},
    {409, "Conflict", "It exists, or cannot change now", "It exists already", false, true},
    {413, "TooLarge", "The body is too large, or none is expected", "Request body too large", false, false},
    {415, "MediaType", "The body is of another type", "Unsupported media type", true, false},
    {429, "TooMany", "Too many requests", "Rate limit exceeded. Try again in 12 seconds.", false, false},
    {503, "Unavailable", "Not available now", "Service temporarily unavailable", false, false},
    {426, "Upgrade", "A WebSocket handshake is needed", "WebSocket upgrade required", false, false},
};

static void add_headers(struct document *d, yyjson_mut_val *reply, int status)
{
    static const char after[] =
        "{\"Retry-After\":{\"description\":\"Seconds to wait\",\"schema\":{\"type\":\"integer\","
        "\"minimum\":1}}}";
    static const char scheme[] = "{\"WWW-Authenticate\":{\"description\":\"Bearer; error=\\\"invalid_token\\\" when a "
                                 "credential came\",\"schema\":{\"type\":\"string\"}}}";
    if (status == 429 || status == 503)
        json_add(d->doc, reply, "headers", json_new_raw(d->doc, str_from(after)));
    if (status == 401)
        json_add(d->doc, reply, "headers", json_new_raw(d->doc, str_from(scheme)));
}

static yyjson_mut_val *error_reply(struct document *d, const struct surface *surface, const struct error_row *row)
{
    static const char request_id[] = "0198c0de-77aa-7d10-9c55-0a1b2c3d4e5f";
    const char *name = arena_printf(d->arena, "%s%s", surface->shape, row->name);
    if (yyjson_mut_obj_get(d->responses, name))
        return reference_to(d, "responses", name);
    yyjson_mut_val *reply = yyjson_mut_obj(d->doc);
    yyjson_mut_val *example = surface->body(d->doc, request_id, row->status, NULL, row->text);
    json_add_cstr(d->doc, reply, "description", row->description);
    add_headers(d, reply, row->status);
    json_add(d->doc, reply, "content", openapi_content(d, reference_to(d, "schemas", surface->shape), example));
    json_add(d->doc, d->responses, name, reply);
    return reference_to(d, "responses", name);
}

static yyjson_mut_val *faults_reply(struct document *d)
{
    yyjson_mut_val *reply = yyjson_mut_obj(d->doc);
    if (!yyjson_mut_obj_get(d->responses, "Faults")) {
        json_add_cstr(d->doc, reply, "description", "The input is not valid");
        json_add(d->doc, reply, "content",
                 openapi_content(d, reference_to(d, "schemas", "Faults"),
                                 json_new_raw(d->doc, STR("{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\","
                                                          "\"message\"],\"msg\":\"Field required\",\"input\":{}}]}"))));
        json_add(d->doc, d->responses, "Faults", reply);
    }
    return reference_to(d, "responses", "Faults");
}

static void add_errors(struct document *d, const struct endpoint *e, yyjson_mut_val *replies)
{
    bool reads = e->body || e->raw_body || e->form, open = e->who == WHO_ANYBODY && !(reads && e->surface->rights);
    for (size_t i = 0; i < sizeof error_rows / sizeof *error_rows; i++) {
        const struct error_row *row = &error_rows[i];
        if ((row->body && !reads) || (row->access && open) || (row->status == 426 && e->kind != HTTP_WEBSOCKET))
            continue;
        json_add(d->doc, replies, arena_printf(d->arena, "%d", row->status), error_reply(d, e->surface, row));
    }
    if (e->surface->faults_status == 422 && (reads || e->n_query))
        json_add(d->doc, replies, "422", faults_reply(d));
}

yyjson_mut_val *openapi_replies(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *replies = yyjson_mut_obj(d->doc);
    if (e->kind == HTTP_WEBSOCKET) {
        json_add(d->doc, replies, "101", success(d, e, "The socket is open"));
    } else if (e->flags & ENDPOINT_CREATED) {
        json_add(d->doc, replies, "201", success(d, e, "Made"));
        if (e->flags & ENDPOINT_EXISTS)
            json_add(d->doc, replies, "200", success(d, e, "It was there already"));
    } else if (e->flags & ENDPOINT_ACCEPTED) {
        json_add(d->doc, replies, "202", success(d, e, "It will be done"));
    } else if (e->flags & ENDPOINT_NO_CONTENT) {
        json_add(d->doc, replies, "204", json_new_raw(d->doc, STR("{\"description\":\"Done\"}")));
    } else {
        json_add(d->doc, replies, "200", success(d, e, "Done"));
    }
    add_errors(d, e, replies);
    return replies;
}

#define DETAILS                                                                                                        \
    "{\"description\":\"400 and 409: a list of faults or quotas; else an object where the endpoint names one\","       \
    "\"anyOf\":[{\"type\":\"array\",\"maxItems\":50,\"items\":{\"type\":\"object\",\"required\":[\"field\","           \
    "\"message\",\"code\"],\"properties\":{\"field\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"         \
    "\"code\":{\"type\":\"string\",\"examples\":[\"required\",\"too_long\",\"unknown_field\",\"limit_reached\"]}}}},"  \
    "{\"type\":[\"object\",\"null\"]}]}"
#define CODE                                                                                                           \
    "{\"type\":\"string\",\"pattern\":\"^[A-Z][A-Z_]*$\",\"examples\":[\"VALIDATION_ERROR\",\"UNAUTHORIZED\","         \
    "\"INVALID_CREDENTIALS\",\"INVALID_TOKEN\",\"FORBIDDEN\",\"CHATBOT_INACTIVE\",\"CHANNEL_DISABLED\","               \
    "\"NOT_FOUND\",\"METHOD_NOT_ALLOWED\",\"CONFLICT\",\"PAYLOAD_TOO_LARGE\",\"UNSUPPORTED_MEDIA_TYPE\","              \
    "\"RATE_LIMIT_EXCEEDED\",\"UNAVAILABLE\"]}"

void openapi_shapes(struct document *d)
{
    static const struct {
        const char *name, *schema;
    } shapes[] = {
        {"Error", "{\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{\"detail\":{\"type\":\"string\"}}}"},
        {"Faults", "{\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{\"detail\":{\"type\":\"array\","
                   "\"maxItems\":50,\"items\":{\"type\":\"object\",\"required\":[\"type\",\"loc\",\"msg\",\"input\"],"
                   "\"properties\":{\"type\":{\"type\":\"string\"},\"loc\":{\"type\":\"array\",\"items\":{\"type\":["
                   "\"string\",\"integer\"]}},\"msg\":{\"type\":\"string\"},\"input\":{}}}}}}"},
        {"PlatformError",
         "{\"type\":\"object\",\"required\":[\"status\",\"success\",\"message\",\"code\",\"requestId\"],"
         "\"properties\":{\"status\":{\"const\":\"error\"},\"success\":{\"const\":false},\"message\":{\"type\":"
         "\"string\"},\"code\":" CODE ",\"details\":" DETAILS ",\"requestId\":{\"type\":\"string\","
         "\"description\":\"Also in X-Request-Id\"}}}"},
        {"ExternalError",
         "{\"type\":\"object\",\"required\":[\"success\",\"error\"],\"properties\":{\"success\":{\"const\":false},"
         "\"error\":{\"type\":\"object\",\"required\":[\"code\",\"message\",\"details\"],\"properties\":{"
         "\"code\":" CODE ",\"message\":{\"type\":\"string\"},\"details\":" DETAILS "}}}}"},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        json_add(d->doc, d->schemas, shapes[i].name, json_new_raw(d->doc, str_from(shapes[i].schema)));
}
