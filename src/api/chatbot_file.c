// SPDX-License-Identifier: Apache-2.0
// A chatbot as a file, and back (000-management 2.2). Nothing in it is a secret or an id of this installation:
// suppliers go by their codes, and filters by other ids come out empty, so that a copy never finds more than its
// original.
#include "api/chatbots.h"

#include "base/clock.h"
#include "base/vec.h"
#include "model/knowledge.h"
#include "store/knowledge_filters.h"
#include "store/prompt.h"

#include <stdlib.h>

enum { FILE_MOST = 5 << 20, PROMPTS_MOST = 10000, SUPPLIERS_MOST = 500, MESSAGE_MOST = 2000 };

struct file_prompt {
    uint64_t set;
    int64_t version, created_at; // as they were; a copy counts anew
    struct str prompt, description, method;
};
#define AT(member) FIELD_AT(struct file_prompt, member)
static const struct field prompt_fields[] = {
    {"version", NULL, FIELD_INT, FIELD_NULL, AT(version), 1, 1e9},
    {"prompt", NULL, FIELD_STRING, FIELD_REQUIRED, AT(prompt), 1, 10000},
    {"description", NULL, FIELD_STRING, FIELD_NULL, AT(description), 0, 500},
    {"generationMethod", NULL, FIELD_STRING, 0, AT(method), .choices = "manual|ai_generated", .fallback = "\"manual\""},
    {"createdAt", NULL, FIELD_TIME, FIELD_NULL, AT(created_at)},
};
static const struct model prompt_model = {"ChatbotFilePrompt", NULL, sizeof(struct file_prompt),
                                          MODEL_FIELDS(prompt_fields)};
#undef AT

struct file {
    uint64_t set;
    struct str format;
    int64_t version;
    struct chatbot chatbot;
    struct objects prompts;                            // oldest first
    struct str widget, site, translations, moderation; // JSON
    struct strings suppliers;
};
#define AT(member) FIELD_AT(struct file, member)
#define PART(name, member)                                                                                             \
    {                                                                                                                  \
        name, NULL, FIELD_JSON, FIELD_NULL, AT(member), 0, 1000, .item_high = 255, .bytes = 1 << 20, .help = "Not yet" \
    }
static const struct field file_fields[] = {
    {"format", NULL, FIELD_STRING, FIELD_REQUIRED, AT(format), .choices = "parley.chatbot"},
    {"version", NULL, FIELD_INT, FIELD_REQUIRED, AT(version), 1, 1},
    {"chatbot", NULL, FIELD_OBJECT, FIELD_REQUIRED, AT(chatbot), .model = &chatbot_model},
    {"prompts", NULL, FIELD_OBJECTS, 0, AT(prompts), 0, PROMPTS_MOST, .fallback = "[]", .model = &prompt_model},
    PART("widget", widget),
    PART("site", site),
    PART("translations", translations),
    PART("moderation", moderation),
    {"suppliers", NULL, FIELD_STRINGS, FIELD_TRIM, AT(suppliers), 0, SUPPLIERS_MOST, 100, .fallback = "[]",
     .help = "Codes of the suppliers that the filters name"},
};
static const struct model file_model = {"ChatbotFile", NULL, sizeof(struct file), MODEL_FIELDS(file_fields)};
#undef AT

// ---- export --------------------------------------------------------------------------------------------------------

struct export
{
    struct chatbot_work work;
    struct prompt_version *prompts;
    size_t n;
    struct strings codes;
};

static int load_codes(struct tx *tx, struct export *x, struct err *err)
{
    struct arena *arena = x->work.call->arena;
    struct knowledge_filters filters;
    knowledge_filters_load(arena, x->work.row.knowledge_filters, &filters);
    x->codes = (struct strings){arena_calloc(arena, filters.supplier_ids.n + 1, sizeof(struct str)), 0};
    for (size_t i = 0; i < filters.supplier_ids.n; i++) {
        int rc = chatbot_supplier_code(tx, arena, filters.supplier_ids.at[i], &x->codes.at[x->codes.n], err);
        if (rc < 0)
            return rc;
        x->codes.n += rc == 1;
    }
    return 0;
}

static int load_export(struct tx *tx, void *arg, struct err *err)
{
    struct export *x = arg;
    int64_t total;
    int rc = chatbot_work_load(tx, &x->work, err);
    rc = rc ? rc : prompt_list(tx, x->work.call->arena, x->work.row.id, -1, 0, &x->prompts, &x->n, &total, err);
    rc = rc ? rc : load_codes(tx, x, err);
    return rc ? rc : chatbot_audit(tx, "export", x->work.row.id, STR_NULL, STR_NULL, err);
}

// Filters by ids stay filters, that match nothing.
static yyjson_mut_val *filters_json(yyjson_mut_doc *doc, struct arena *arena, struct str stored)
{
    struct knowledge_filters filters;
    knowledge_filters_load(arena, stored, &filters);
    filters.supplier_ids.n = filters.document_ids.n = filters.knowledge_base_ids.n = 0;
    return model_encode(&knowledge_filters_model, doc, &filters);
}

static yyjson_mut_val *exported_chatbot(struct call *call, yyjson_mut_doc *doc, const struct chatbot *row)
{
    static const char *const names[] = {
        "slug", "name", "description", "welcomeMessage", "configuration", "engine", "engineConfig", "isPublic", "tags"};
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        model_encode_field(&chatbot_model, &chatbot_model.fields[model_field_index(&chatbot_model, names[i])], doc,
                           object, row);
    json_add(doc, object, "knowledgeSourceFilters", filters_json(doc, call->arena, row->knowledge_filters));
    return object;
}

static yyjson_mut_val *exported_prompts(yyjson_mut_doc *doc, const struct export *x)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = x->n; i-- > 0;) {
        const struct prompt_version *v = &x->prompts[i];
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        json_add_int(doc, one, "version", v->version);
        json_add_str(doc, one, "prompt", v->prompt);
        json_add_str(doc, one, "description", v->description);
        json_add_str(doc, one, "generationMethod", v->method);
        json_add_time(doc, one, "createdAt", v->created_at);
    }
    return list;
}

static void export_chatbot(struct call *call)
{
    static const char *const later[] = {"widget", "site", "translations", "moderation"};
    struct export x = {.work = {.call = call}};
    if (call_failed(call, call_store_write(call, load_export, &x)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "format", "parley.chatbot");
    json_add_int(doc, root, "version", 1);
    json_add(doc, root, "chatbot", exported_chatbot(call, doc, &x.work.row));
    json_add(doc, root, "prompts", exported_prompts(doc, &x));
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        json_add_null(doc, root, later[i]);
    json_add(doc, root, "suppliers", strings_json(doc, &x.codes));
    http_headerf(call->req, "Content-Disposition", "attachment; filename=\"" STR_FMT ".parley.json\"",
                 STR_ARG(x.work.row.slug));
    envelope_send(call, 200, root);
}

// ---- import --------------------------------------------------------------------------------------------------------

struct import {
    struct chatbot_work work;
    struct file *file;
    struct buf left_out;
};

static void leave_out(struct import *m, const char *what, struct str name)
{
    buf_addf(&m->left_out, "%s%s" STR_FMT, m->left_out.n ? ", " : "", what, STR_ARG(name));
}

// The suppliers of this brand that have the codes.
static int match_suppliers(struct tx *tx, struct import *m, struct err *err)
{
    struct arena *arena = m->work.call->arena;
    struct chatbot *row = &m->work.row;
    const struct strings *codes = &m->file->suppliers;
    struct knowledge_filters filters;
    knowledge_filters_load(arena, row->knowledge_filters, &filters);
    if (!codes->n)
        return 0;
    filters.supplier_ids = (struct strings){arena_calloc(arena, codes->n, sizeof(struct str)), 0};
    for (size_t i = 0; i < codes->n; i++) {
        int rc = chatbot_supplier_id(tx, arena, codes->at[i], &filters.supplier_ids.at[filters.supplier_ids.n], err);
        if (rc < 0)
            return rc;
        filters.supplier_ids.n += rc == 1;
        if (rc == 0)
            leave_out(m, "supplier ", codes->at[i]);
    }
    model_mark(&knowledge_filters_model, &filters, "supplierIds", true);
    row->knowledge_filters = json_write(arena, model_encode(&knowledge_filters_model, json_doc(arena), &filters));
    return 0;
}

static int write_prompts(struct tx *tx, struct import *m, struct err *err)
{
    const struct file_prompt *prompts = m->file->prompts.at;
    int rc = 0;
    for (size_t i = 0; i < m->file->prompts.n && !rc; i++) {
        bool described = model_has(&prompt_model, &prompts[i], "description");
        struct prompt_version version = {.prompt = prompts[i].prompt,
                                         .description = described ? prompts[i].description : STR_NULL,
                                         .method = prompts[i].method,
                                         .created_at = m->work.row.created_at};
        rc = prompt_write(tx, m->work.row.id, &version, err);
    }
    return rc;
}

static void note_unread(struct import *m)
{
    const struct {
        const char *name;
        struct str value;
    } parts[] = {{"widget", m->file->widget},
                 {"site", m->file->site},
                 {"translations", m->file->translations},
                 {"moderation", m->file->moderation}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (model_has(&file_model, m->file, parts[i].name))
            leave_out(m, parts[i].name, STR(""));
}

static int settle(struct tx *tx, struct import *m, struct err *err)
{
    static const struct loc body = {NULL, STR("body"), 0}, chatbot = {&body, STR("chatbot"), 0};
    struct loc filters = {&chatbot, STR("knowledgeSourceFilters"), 0};
    struct call *call = m->work.call;
    struct chatbot *row = &m->work.row;
    char base[CHATBOT_SLUG_SIZE];
    *row = m->file->chatbot;
    row->status = STR("testing");
    model_mark(&chatbot_model, row, "defaultPersonalityId", false);
    if (m->file->prompts.n)
        row->system_prompt = STR_NULL;
    chatbot_settle_welcome(call, &chatbot, json_get(call->json, "chatbot"), row);
    int rc = chatbot_check_filters(tx, call, row, &filters, err);
    if (rc || call->faults->n)
        return rc ? rc : ERR_INVALID;
    chatbot_slug_from_name(row->name, base);
    rc = match_suppliers(tx, m, err);
    return rc ? rc
              : chatbot_choose_slug(tx, call->arena, row, row->slug.n ? arena_cstr(call->arena, row->slug) : base, err);
}

static int import(struct tx *tx, void *arg, struct err *err)
{
    struct import *m = arg;
    struct call *call = m->work.call;
    call->faults->n = 0;
    m->left_out.n = 0;
    int rc = settle(tx, m, err);
    rc = rc ? rc : chatbot_make(tx, &m->work, err);
    rc = rc ? rc : write_prompts(tx, m, err);
    rc = rc ? rc : chatbot_get(tx, call->arena, m->work.row.id, &m->work.row, err);
    note_unread(m);
    return rc < 0 ? rc : chatbot_extras_load(tx, call->arena, &m->work.row, err);
}

static void import_chatbot(struct call *call)
{
    struct import m = {.work = {.call = call}, .file = call->body, .left_out = BUF_INIT(MESSAGE_MOST)};
    if (!call_failed(call, call_store_write(call, import, &m))) {
        const char *text = m.left_out.n ? arena_printf(call->arena, "Chatbot imported; left out: " STR_FMT,
                                                       STR_ARG(buf_str(&m.left_out)))
                                        : "Chatbot imported";
        chatbot_reply(call, 201, text, &m.work);
    }
    buf_done(&m.left_out);
}

#define FILES                                                                                                          \
    .surface = &surface_platform, .tag = "Chatbots", .who = WHO_BRAND_ADMIN, .limit = &LIMIT_MANAGEMENT,               \
    .family = "chatbots"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/export", FILES,
     .summary = "The chatbot as a file, without keys, documents and conversations",
     .reply_example = "{\"format\":\"parley.chatbot\",\"version\":1,\"chatbot\":{\"name\":\"Guide\"},\"prompts\":[],"
                      "\"widget\":null,\"site\":null,\"translations\":null,\"moderation\":null,\"suppliers\":[]}",
     .run = export_chatbot},
    {HTTP_POST, "/api/v1/chatbots/import", FILES, .summary = "Make a chatbot from such a file", .body = &file_model,
     .max_body = FILE_MOST, .flags = ENDPOINT_CREATED, .reply = &chatbot_model, .run = import_chatbot},
};

struct endpoints chatbot_file_endpoints(void)
{
    return ENDPOINTS(rows);
}
