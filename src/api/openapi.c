// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document, made from the endpoint rows: what a row says is what is documented.
#include "api/openapi.h"

#include "api/openapi_parts.h"
#include "base/id.h"
#include "model/product.h"

// Sections of the document, in this order.
static const struct {
    const char *name, *description;
} tags[] = {
    {"Server", "The server about itself: health, metrics, this document."},
    {"Accounts", "Signing up, in and out; one's own profile and keys."},
    {"Users", "Users of a brand and of the installation, for administrators."},
    {"Brands", "Tenants: each has its own chatbots, catalogue, knowledge and conversations."},
    {"Default brand", "The same for the brand of the setting `default_brand`, without naming it."},
    {"Configuration", "How a brand's chatbot speaks and who may speak with it."},
    {"Catalogue", "Products of a brand, their search and recommendations."},
    {"Chat", "Conversations of visitors with a brand, over HTTP and WebSocket."},
    {"Statistics", "Numbers of brands."},
    {"Chatbots", "Chatbots, their keys, status and files."},
    {"System prompt", "Versions of a chatbot's system prompt."},
    {"Conversations", "Turns, history, ends and ratings under /api/v1."},
    {"Feedback", "What visitors and staff think of answers."},
    {"Personalities", "How a chatbot sounds."},
    {"Knowledge bases", "What a chatbot knows: bases, items, search."},
    {"Knowledge", "Documents and what is found in them."},
    {"Documents", "Files and pages that a chatbot answers from."},
    {"Knowledge sources", "Which documents and categories a chatbot answers from."},
    {"Suppliers and products", "Suppliers, and the products that documents tell of."},
    {"Models", "Model servers, for the operator."},
    {"Plugins", "Tools and hooks that a turn may use."},
    {"Training", "Datasets, sessions and intents."},
    {"Analytics", "What happened in conversations, in numbers."},
    {"Learning", "What a chatbot could learn from its conversations."},
    {"Context", "What is remembered of a user: variables, topics, entities, references."},
    {"Webhooks", "Events sent to other servers, and their deliveries."},
    {"Audit", "Who changed what."},
    {"Activities", "What people do in a brand, and how much of it."},
    {"Uploads", "Catalogue files and their reports."},
    {"Widget", "The chat window for other sites."},
    {"Site", "The backend of the site widget."},
    {"External", "The API of older integrations."},
    {"Pages", "Pages for browsers."},
};

static const struct {
    const char *name, *description;
} path_names[] = {
    {"chatbotId", "Id or slug of a chatbot"},
    {"brand_id", "Id of a brand"},
    {"product_id", "Id of a product"},
    {"conversation_id", "Id of a conversation, as the client or the server named it"},
    {"conversationId", "Id of a conversation"},
    {"sessionId", "Id of a session"},
    {"userId", "Id of a user, percent-encoded"},
    {"itemId", "Id of an item"},
    {"version", "Number of a version"},
    {"type", "Kind of it"},
    {"filename", "Name of a file"},
    {"key", "Its key"},
};

static const char *method_name(unsigned method)
{
    return method == HTTP_GET      ? "get"
           : method == HTTP_POST   ? "post"
           : method == HTTP_PUT    ? "put"
           : method == HTTP_DELETE ? "delete"
                                   : "patch";
}

// ---- parameters ----------------------------------------------------------------------------------------------------

static const char *parameter_help(struct document *d, const struct endpoint *e, struct str name)
{
    for (size_t i = 0; i < sizeof path_names / sizeof *path_names; i++)
        if (str_eq(name, str_from(path_names[i].name)))
            return path_names[i].description;
    return e->tag ? arena_printf(d->arena, "Which one of %s", e->tag) : "Which one";
}

static void add_text_rules(struct document *d, const struct parameter *p, yyjson_mut_val *schema)
{
    const char *pattern = p->pattern ? p->pattern : p->required ? "\\S" : NULL;
    if (p->many)
        pattern = arena_printf(d->arena, "^(%s)(,(%s))*$", p->choices, p->choices);
    if (p->low)
        json_add_int(d->doc, schema, "minLength", p->low);
    if (p->high)
        json_add_int(d->doc, schema, "maxLength", p->high);
    if (pattern)
        json_add_cstr(d->doc, schema, "pattern", pattern);
    if (!p->choices || p->many)
        return;
    yyjson_mut_val *values = yyjson_mut_arr(d->doc);
    struct str rest = str_from(p->choices);
    while (rest.p)
        (void)yyjson_mut_arr_append(values, json_new_str(d->doc, str_split(&rest, '|')));
    json_add(d->doc, schema, "enum", values);
}

static yyjson_mut_val *parameter_schema(struct document *d, const struct parameter *p)
{
    static const struct {
        const char *type, *shown, *format, *pattern;
    } forms[] = {{"time", "string", "date-time", NULL}, {"uuid", "string", NULL, "^$|" ID_PATTERN}};
    yyjson_mut_val *schema = yyjson_mut_obj(d->doc);
    const char *type = p->type;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].type, p->type) == 0) {
            type = forms[i].shown;
            if (forms[i].format)
                json_add_cstr(d->doc, schema, "format", forms[i].format);
            if (forms[i].pattern)
                json_add_cstr(d->doc, schema, "pattern", forms[i].pattern);
        }
    json_add_cstr(d->doc, schema, "type", type);
    if (strcmp(p->type, "string") == 0) {
        add_text_rules(d, p, schema);
    } else if (p->low || p->high) {
        json_add_int(d->doc, schema, "minimum", p->low);
        json_add_int(d->doc, schema, "maximum", p->high);
    }
    return schema;
}

static void add_parameter(struct document *d, yyjson_mut_val *list, const char *in, const struct parameter *p,
                          const char *help)
{
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(d->doc, list);
    json_add_cstr(d->doc, one, "name", p->name);
    json_add_cstr(d->doc, one, "in", in);
    json_add_bool(d->doc, one, "required", p->required);
    json_add_cstr(d->doc, one, "description", help);
    json_add(d->doc, one, "schema", parameter_schema(d, p));
}

static bool is_parameter(struct str part)
{
    return part.n > 2 && part.p[0] == '{';
}

// `path` is the document's: its names may be those of another row of the same form.
static yyjson_mut_val *parameters(struct document *d, const struct endpoint *e, const char *path)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    struct str rest = str_from(path), own = str_from(e->path);
    while (rest.p) {
        struct str shown = str_split(&rest, '/'), part = str_split(&own, '/');
        if (!is_parameter(part))
            continue;
        struct parameter p = {.name = arena_cstr(d->arena, (struct str){shown.p + 1, shown.n - 2}),
                              .type = "string",
                              .pattern = "^[^/]+$",
                              .required = true};
        add_parameter(d, list, "path", &p, parameter_help(d, e, (struct str){part.p + 1, part.n - 2}));
    }
    const struct parameter *p;
    for (size_t i = 0; (p = endpoint_parameter(e, i)); i++)
        add_parameter(d, list, "query", p, p->help ? p->help : parameter_help(d, e, str_from(p->name)));
    return list;
}

// ---- operations ----------------------------------------------------------------------------------------------------

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

// Who may, in the letters of docs/rights.md; whether a user's key does; what it is limited by.
static void add_rights(struct document *d, const struct endpoint *e, yyjson_mut_val *operation)
{
    const struct right *right = &rights[e->who];
    AUTO_BUF struct buf text = BUF_INIT(1000);
    buf_addf(&text, "May be called by %s.", right->text);
    if (e->flags & ENDPOINT_TOKEN)
        buf_addz(&text, " A user's key does not do: an access token is needed.");
    if (e->limit)
        buf_addf(&text, " Limit: `%s`%s%s.", e->limit->name, e->family ? ", family " : "", e->family ? e->family : "");
    json_add_str(d->doc, operation, "description", arena_str(d->arena, buf_str(&text)));
    json_add_cstr(d->doc, operation, "x-parley-right", right->letter);
    if (e->flags & ENDPOINT_TOKEN)
        json_add_bool(d->doc, operation, "x-parley-token", true);
    if (!e->limit)
        return;
    json_add_cstr(d->doc, operation, "x-parley-limit", e->limit->name);
    if (e->family)
        json_add_cstr(d->doc, operation, "x-parley-family", e->family);
}

// An absent body is an empty object, but on the lenient surfaces.
static bool needs_body(const struct endpoint *e, const struct model *model)
{
    bool patch = e->flags & ENDPOINT_PATCH;
    bool some = e->surface->lenient || e->flags & ENDPOINT_BODY_LIST || (model->shape && !patch);
    for (size_t i = 0; i < model->n && !patch; i++)
        some |= model->fields[i].flags & FIELD_REQUIRED;
    return some && !(e->flags & ENDPOINT_QUERY_FIELDS) && !(e->surface->lenient && e->flags & ENDPOINT_NO_BODY_NEEDED);
}

static yyjson_mut_val *request_body(struct document *d, const struct endpoint *e)
{
    const struct model *model = e->body ? e->body : e->raw_model;
    unsigned flags = (e->surface->lenient ? MODEL_LENIENT : 0) | (e->flags & ENDPOINT_PATCH ? MODEL_PATCH : 0);
    yyjson_mut_val *body = yyjson_mut_obj(d->doc), *schema = openapi_reference(d, model, flags);
    yyjson_mut_val *example = openapi_example(d, model, flags);
    if (e->flags & ENDPOINT_BODY_LIST) {
        yyjson_mut_val *list = yyjson_mut_obj(d->doc), *one = example;
        json_add_cstr(d->doc, list, "type", "array");
        json_add(d->doc, list, "items", yyjson_mut_obj(d->doc)); // a bad row is reported in the reply, not refused
        json_add_cstr(d->doc, list, "description",
                      arena_printf(d->arena, "Rows as in %s; bad ones are named in the reply", model->name));
        json_add_int(d->doc, list, "minItems", 1);
        json_add_int(d->doc, list, "maxItems", PRODUCTS_PER_BULK);
        schema = list;
        example = yyjson_mut_arr(d->doc);
        (void)yyjson_mut_arr_append(example, one);
    }
    json_add_bool(d->doc, body, "required", needs_body(e, model));
    json_add(d->doc, body, "content", openapi_content(d, schema, example));
    return body;
}

// Files, and with a model the other parts.
static yyjson_mut_val *form_schema(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *schema = yyjson_mut_obj(d->doc), *parts = yyjson_mut_obj(d->doc),
                   *required = yyjson_mut_arr(d->doc);
    if (e->raw_model) {
        schema = model_schema(e->raw_model, d->doc, e->surface->lenient ? MODEL_LENIENT : 0);
        parts = yyjson_mut_obj_get(schema, "properties");
        required = yyjson_mut_obj_get(schema, "required");
    } else {
        json_add_cstr(d->doc, schema, "type", "object");
        json_add(d->doc, schema, "properties", parts);
        json_add(d->doc, schema, "required", required);
    }
    for (size_t i = 0; i < e->n_form; i++) {
        yyjson_mut_val *part = yyjson_mut_obj(d->doc);
        json_add_cstr(d->doc, part, "type", "string");
        json_add_cstr(d->doc, part, "contentMediaType", "application/octet-stream");
        json_add_cstr(d->doc, part, "description", e->form[i].help);
        json_add(d->doc, parts, e->form[i].name, part);
        if (e->form[i].required)
            (void)yyjson_mut_arr_append(required, json_new_str(d->doc, str_from(e->form[i].name)));
    }
    return schema;
}

static yyjson_mut_val *form_body(struct document *d, const struct endpoint *e)
{
    yyjson_mut_val *body = yyjson_mut_obj(d->doc), *content = yyjson_mut_obj(d->doc), *media = yyjson_mut_obj(d->doc);
    json_add(d->doc, media, "schema", form_schema(d, e));
    json_add(d->doc, content, "multipart/form-data", media);
    json_add_bool(d->doc, body, "required", true);
    json_add(d->doc, body, "content", content);
    return body;
}

static yyjson_mut_val *operation(struct document *d, const struct endpoint *e, const char *path)
{
    yyjson_mut_val *op = yyjson_mut_obj(d->doc), *its_tags = yyjson_mut_arr(d->doc);
    AUTO_BUF struct buf id = BUF_INIT(256);
    buf_addz(&id, method_name(e->method));
    for (const char *c = e->path; *c; c++)
        buf_addc(&id, strchr("/{}.-", *c) ? '_' : *c);
    (void)yyjson_mut_arr_add_str(d->doc, its_tags, e->tag);
    json_add_str(d->doc, op, "operationId", arena_str(d->arena, buf_str(&id)));
    json_add_cstr(d->doc, op, "summary", e->summary);
    add_rights(d, e, op);
    json_add(d->doc, op, "tags", its_tags);
    json_add(d->doc, op, "parameters", parameters(d, e, path));
    if (e->body || e->raw_model || e->form)
        json_add(d->doc, op, "requestBody", e->form ? form_body(d, e) : request_body(d, e));
    json_add(d->doc, op, "responses", openapi_replies(d, e));
    add_security(d, e, op);
    return op;
}

// ---- the document --------------------------------------------------------------------------------------------------

static bool same_form(struct str a, struct str b)
{
    while (a.p && b.p) {
        struct str x = str_split(&a, '/'), y = str_split(&b, '/');
        if (!str_eq(x, y) && !(is_parameter(x) && is_parameter(y)))
            return false;
    }
    return !a.p && !b.p;
}

// Paths that differ in the names of parameters alone are one path in OpenAPI: the first of them.
static const char *path_of(const struct endpoint *e)
{
    for (size_t i = 0; endpoint_at(i); i++)
        if (!(endpoint_at(i)->flags & ENDPOINT_HIDDEN) && same_form(str_from(endpoint_at(i)->path), str_from(e->path)))
            return endpoint_at(i)->path;
    return e->path;
}

static void add_paths(struct document *d, yyjson_mut_val *paths)
{
    for (size_t i = 0; endpoint_at(i); i++) {
        const struct endpoint *e = endpoint_at(i);
        if (e->flags & ENDPOINT_HIDDEN)
            continue;
        const char *name = path_of(e);
        yyjson_mut_val *path = yyjson_mut_obj_get(paths, name);
        if (!path) {
            path = yyjson_mut_obj(d->doc);
            json_add(d->doc, paths, name, path);
        }
        json_add(d->doc, path, method_name(e->method), operation(d, e, name));
    }
}

static bool is_used(const char *tag)
{
    for (size_t i = 0; endpoint_at(i); i++)
        if (!(endpoint_at(i)->flags & ENDPOINT_HIDDEN) && strcmp(endpoint_at(i)->tag, tag) == 0)
            return true;
    return false;
}

static yyjson_mut_val *all_tags(struct document *d)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (!is_used(tags[i].name))
            continue;
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(d->doc, list);
        json_add_cstr(d->doc, one, "name", tags[i].name);
        json_add_cstr(d->doc, one, "description", tags[i].description);
    }
    return list;
}

static yyjson_mut_val *all_rights(struct document *d)
{
    yyjson_mut_val *object = yyjson_mut_obj(d->doc);
    for (int i = 0; i < WHO_RIGHTS; i++)
        if (rights[i].letter && !yyjson_mut_obj_get(object, rights[i].letter))
            json_add_cstr(d->doc, object, rights[i].letter, rights[i].text);
    return object;
}

static yyjson_mut_val *info(struct document *d)
{
    yyjson_mut_val *info = yyjson_mut_obj(d->doc);
    json_add_cstr(d->doc, info, "title", "Parley");
    json_add_cstr(d->doc, info, "version", PARLEY_VERSION);
    json_add_cstr(d->doc, info, "description", "Chat, catalogue and management of many brands on one server.");
    json_add(d->doc, info, "license",
             json_new_raw(d->doc, STR("{\"name\":\"Apache License 2.0\",\"identifier\":\"Apache-2.0\"}")));
    return info;
}

struct str openapi_text(struct arena *arena, struct str server_url)
{
    yyjson_mut_doc *doc = json_doc(arena);
    struct document d = {arena, doc, yyjson_mut_obj(doc), yyjson_mut_obj(doc)};
    yyjson_mut_val *root = yyjson_mut_obj(doc), *paths = yyjson_mut_obj(doc), *components = yyjson_mut_obj(doc);
    yyjson_mut_val *servers = yyjson_mut_arr(doc);
    openapi_shapes(&d);
    add_paths(&d, paths);
    json_add_cstr(doc, root, "openapi", "3.1.0");
    json_add(doc, root, "info", info(&d));
    json_add_str(doc, yyjson_mut_arr_add_obj(doc, servers), "url", server_url.p ? server_url : STR("/"));
    json_add(doc, root, "servers", servers);
    json_add(doc, root, "tags", all_tags(&d));
    json_add(doc, root, "x-parley-rights", all_rights(&d));
    json_add(doc, root, "paths", paths);
    json_add(doc, components, "schemas", d.schemas);
    json_add(doc, components, "responses", d.responses);
    json_add(doc, components, "securitySchemes",
             json_new_raw(doc, STR("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An access "
                                   "token, or a key\"},\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":"
                                   "\"X-API-Key\",\"description\":\"A user's or a chatbot's key\"}}")));
    json_add(doc, root, "components", components);
    return json_write(arena, root);
}
