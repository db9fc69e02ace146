// SPDX-License-Identifier: Apache-2.0
#include "api/openapi.h"

#include "api/call.h"
#include "model/product.h"

struct document {
    struct arena *arena;
    yyjson_mut_doc *doc;
    yyjson_mut_val *schemas;
};

static const char *method_name(unsigned method)
{
    return method == HTTP_GET      ? "get"
           : method == HTTP_POST   ? "post"
           : method == HTTP_PUT    ? "put"
           : method == HTTP_DELETE ? "delete"
                                   : "patch";
}

// What the server adds by itself is in replies alone: such a model has two components.
static bool differs(const struct model *model)
{
    for (size_t i = 0; i < model->n; i++)
        if (model->fields[i].flags & FIELD_READONLY)
            return true;
    return model->table != NULL;
}

static yyjson_mut_val *reference(struct document *d, const struct model *model, bool input)
{
    const char *name = arena_printf(d->arena, "%s%s", model->name, input && differs(model) ? "Input" : "");
    if (!yyjson_mut_obj_get(d->schemas, name))
        json_add(d->doc, d->schemas, name, model_schema(model, d->doc, input));
    yyjson_mut_val *ref = yyjson_mut_obj(d->doc);
    json_add_cstr(d->doc, ref, "$ref", arena_printf(d->arena, "#/components/schemas/%s", name));
    return ref;
}

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

static yyjson_mut_val *json_content(struct document *d, yyjson_mut_val *schema, const char *example)
{
    yyjson_mut_val *content = yyjson_mut_obj(d->doc), *media = yyjson_mut_obj(d->doc);
    json_add(d->doc, media, "schema", schema);
    if (example)
        json_add(d->doc, media, "example", json_new_raw(d->doc, str_from(example)));
    json_add(d->doc, content, "application/json", media);
    return content;
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
    yyjson_mut_val *schema = yyjson_mut_obj(d->doc), *data = reference(d, e->reply, false), *required;
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

static yyjson_mut_val *success(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *reply = yyjson_mut_obj(d->doc), *schema;
    json_add_cstr(d->doc, reply, "description", "Done");
    if (e->media) {
        struct str rest = str_from(e->media);
        const char *media = arena_cstr(d->arena, str_split(&rest, ';'));
        json_add(d->doc, reply, "content",
                 json_new_raw(d->doc, arena_strf(d->arena, "{\"%s\":{\"schema\":{\"type\":\"string\"}}}", media)));
        return reply;
    }
    if (e->reply && e->surface == &surface_platform) {
        schema = enveloped(d, e);
    } else if (e->reply && e->flags & ENDPOINT_LIST) {
        schema = yyjson_mut_obj(d->doc);
        json_add_cstr(d->doc, schema, "type", "array");
        json_add(d->doc, schema, "items", reference(d, e->reply, false));
    } else if (e->reply) {
        schema = reference(d, e->reply, false);
    } else {
        yyjson_val *example = NULL;
        bool known = e->reply_example && json_parse(d->arena, str_from(e->reply_example), 0, &example, NULL) == 0;
        schema = known ? schema_of(d, example) : yyjson_mut_obj(d->doc);
    }
    json_add(d->doc, reply, "content", json_content(d, schema, e->reply ? NULL : e->reply_example));
    return reply;
}

static yyjson_mut_val *error_reply(struct document *d, const char *description, const char *component)
{
    yyjson_mut_val *reply = yyjson_mut_obj(d->doc), *schema = yyjson_mut_obj(d->doc);
    json_add_cstr(d->doc, reply, "description", description);
    json_add_cstr(d->doc, schema, "$ref", arena_printf(d->arena, "#/components/schemas/%s", component));
    json_add(d->doc, reply, "content", json_content(d, schema, NULL));
    return reply;
}

static void add_errors(struct document *d, const struct endpoint *e, yyjson_mut_val *replies)
{
    static const struct {
        const char *status, *description;
        bool body, access;
    } rows[] = {
        {"400", "A rule of the endpoint is broken", false, false},
        {"401", "No credential, or one that does not hold", false, false},
        {"403", "Not allowed to this caller or origin", false, true},
        {"404", "Not found", false, false},
        {"409", "It exists, or cannot change now", false, true},
        {"413", "The body is too large, or none is expected", false, false},
        {"415", "The body is of another type", true, false},
        {"429", "Too many requests", false, false},
        {"503", "Not available now", false, false},
    };
    bool reads = e->body || e->raw_body;
    const char *shape = e->surface == &surface_brands ? "Error" : "PlatformError";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((rows[i].body && !reads) || (rows[i].access && e->who == WHO_ANYBODY))
            continue;
        json_add(d->doc, replies, rows[i].status, error_reply(d, rows[i].description, shape));
    }
    if (e->surface == &surface_brands && (reads || e->n_query))
        json_add(d->doc, replies, "422", error_reply(d, "The input is not valid", "Faults"));
    if (e->kind == HTTP_WEBSOCKET)
        json_add(d->doc, replies, "426", error_reply(d, "A WebSocket handshake is needed", shape));
}

static void add_parameter(struct document *d, yyjson_mut_val *list, const char *name, const char *in, const char *type,
                          const char *help, const struct parameter *row)
{
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(d->doc, list), *schema = yyjson_mut_obj(d->doc);
    json_add_cstr(d->doc, one, "name", name);
    json_add_cstr(d->doc, one, "in", in);
    json_add_bool(d->doc, one, "required", strcmp(in, "path") == 0);
    if (help)
        json_add_cstr(d->doc, one, "description", help);
    json_add_cstr(d->doc, schema, "type", type);
    if (row && strcmp(type, "integer") == 0) {
        json_add_int(d->doc, schema, "minimum", row->low);
        json_add_int(d->doc, schema, "maximum", row->high);
    }
    if (row && row->choices) {
        yyjson_mut_val *values = yyjson_mut_arr(d->doc);
        struct str rest = str_from(row->choices);
        while (rest.p)
            (void)yyjson_mut_arr_append(values, json_new_str(d->doc, str_split(&rest, '|')));
        json_add(d->doc, schema, "enum", values);
    }
    json_add(d->doc, one, "schema", schema);
}

static yyjson_mut_val *parameters(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    struct str rest = str_from(e->path);
    while (rest.p) {
        struct str part = str_split(&rest, '/');
        if (part.n > 2 && part.p[0] == '{')
            add_parameter(d, list, arena_cstr(d->arena, (struct str){part.p + 1, part.n - 2}), "path", "string", NULL,
                          NULL);
    }
    static const struct parameter paging[] = {{"page", "integer", "Which page", 1, INT32_MAX},
                                              {"limit", "integer", "Objects of a page", 1, 100}};
    for (size_t i = 0; i < 2 && e->flags & ENDPOINT_PAGED; i++)
        add_parameter(d, list, paging[i].name, "query", paging[i].type, paging[i].help, &paging[i]);
    for (size_t i = 0; i < e->n_query; i++)
        add_parameter(d, list, e->query[i].name, "query", e->query[i].type, e->query[i].help, &e->query[i]);
    return list;
}

static void add_security(struct document *d, const struct endpoint *e, yyjson_mut_val *operation)
{
    static const char *const schemes[] = {"bearer", "apiKey"};
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    if (e->who == WHO_PUBLIC || e->who == WHO_ANYBODY)
        (void)yyjson_mut_arr_add_obj(d->doc, list);
    for (size_t i = 0; i < 2 && e->who != WHO_ANYBODY; i++)
        (void)yyjson_mut_obj_add_arr(d->doc, yyjson_mut_arr_add_obj(d->doc, list), schemes[i]);
    json_add(d->doc, operation, "security", list);
}

static yyjson_mut_val *request_body(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *body = yyjson_mut_obj(d->doc), *schema = reference(d, e->body ? e->body : e->raw_model, true);
    if (e->flags & ENDPOINT_BODY_LIST) {
        yyjson_mut_val *list = yyjson_mut_obj(d->doc);
        json_add_cstr(d->doc, list, "type", "array");
        json_add(d->doc, list, "items", yyjson_mut_obj(d->doc)); // a bad row is reported in the reply, not refused
        json_add_cstr(d->doc, list, "description",
                      arena_printf(d->arena, "Rows as in %s; bad ones are named in the reply", e->raw_model->name));
        json_add_int(d->doc, list, "minItems", 1);
        json_add_int(d->doc, list, "maxItems", PRODUCTS_PER_BULK);
        schema = list;
    }
    json_add_bool(d->doc, body, "required", !(e->flags & (ENDPOINT_QUERY_FIELDS | ENDPOINT_NO_BODY_NEEDED)));
    json_add(d->doc, body, "content", json_content(d, schema, NULL));
    return body;
}

static yyjson_mut_val *operation(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *op = yyjson_mut_obj(d->doc), *tags = yyjson_mut_arr(d->doc), *replies = yyjson_mut_obj(d->doc);
    AUTO_BUF struct buf id = BUF_INIT(256);
    buf_addz(&id, method_name(e->method));
    for (const char *c = e->path; *c; c++)
        buf_addc(&id, strchr("/{}.-", *c) ? '_' : *c);
    (void)yyjson_mut_arr_add_str(d->doc, tags, e->tag);
    json_add_str(d->doc, op, "operationId", arena_str(d->arena, buf_str(&id)));
    json_add_cstr(d->doc, op, "summary", e->summary);
    json_add(d->doc, op, "tags", tags);
    json_add(d->doc, op, "parameters", parameters(d, e));
    if (e->body || e->raw_model)
        json_add(d->doc, op, "requestBody", request_body(d, e));
    const char *done = e->kind == HTTP_WEBSOCKET ? "101" : e->flags & ENDPOINT_CREATED ? "201" : "200";
    json_add(d->doc, replies, done, success(d, e));
    if (e->flags & ENDPOINT_EXISTS)
        json_add(d->doc, replies, "200", success(d, e));
    add_errors(d, e, replies);
    json_add(d->doc, op, "responses", replies);
    add_security(d, e, op);
    return op;
}

static void add_shapes(struct document *d)
{
    json_add(
        d->doc, d->schemas, "Error",
        json_new_raw(
            d->doc,
            STR("{\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{\"detail\":{\"type\":\"string\"}}}")));
    json_add(d->doc, d->schemas, "Faults",
             json_new_raw(d->doc, STR("{\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{\"detail\":{"
                                      "\"type\":\"array\",\"maxItems\":50,\"items\":"
                                      "{\"type\":\"object\",\"required\":[\"type\",\"loc\",\"msg\",\"input\"],"
                                      "\"properties\":{\"type\":{\"type\":\"string\"},"
                                      "\"loc\":{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"integer\"]}},"
                                      "\"msg\":{\"type\":\"string\"},\"input\":{}}}}}}")));
    json_add(d->doc, d->schemas, "PlatformError",
             json_new_raw(
                 d->doc,
                 STR("{\"type\":\"object\",\"required\":[\"status\",\"success\",\"message\",\"code\",\"requestId\"],"
                     "\"properties\":{"
                     "\"status\":{\"const\":\"error\"},\"success\":{\"const\":false},\"message\":{\"type\":\"string\"},"
                     "\"code\":{\"type\":\"string\"},\"details\":{},\"requestId\":{\"type\":\"string\"}}}")));
}

struct str openapi_text(struct arena *arena, struct str server_url)
{
    struct document d = {arena, json_doc(arena), NULL};
    yyjson_mut_val *root = yyjson_mut_obj(d.doc), *paths = yyjson_mut_obj(d.doc), *components = yyjson_mut_obj(d.doc);
    yyjson_mut_val *info = yyjson_mut_obj(d.doc), *servers = yyjson_mut_arr(d.doc);
    d.schemas = yyjson_mut_obj(d.doc);
    add_shapes(&d);
    for (size_t i = 0; endpoint_at(i); i++) {
        const struct endpoint *e = endpoint_at(i);
        if (e->flags & ENDPOINT_HIDDEN)
            continue;
        yyjson_mut_val *path = yyjson_mut_obj_get(paths, e->path);
        if (!path) {
            path = yyjson_mut_obj(d.doc);
            json_add(d.doc, paths, e->path, path);
        }
        json_add(d.doc, path, method_name(e->method), operation(&d, e));
    }
    json_add_cstr(d.doc, root, "openapi", "3.1.0");
    json_add_cstr(d.doc, info, "title", "Parley");
    json_add_cstr(d.doc, info, "version", PARLEY_VERSION);
    json_add_cstr(d.doc, info, "description", "Chat, catalogue and management of many brands on one server.");
    json_add(d.doc, root, "info", info);
    json_add_str(d.doc, yyjson_mut_arr_add_obj(d.doc, servers), "url", server_url.p ? server_url : STR("/"));
    json_add(d.doc, root, "servers", servers);
    json_add(d.doc, root, "paths", paths);
    json_add(d.doc, components, "schemas", d.schemas);
    json_add(d.doc, components, "securitySchemes",
             json_new_raw(d.doc, STR("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"apiKey\":{\"type\":"
                                     "\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}}")));
    json_add(d.doc, root, "components", components);
    return json_write(arena, root);
}
