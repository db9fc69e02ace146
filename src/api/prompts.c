// SPDX-License-Identifier: Apache-2.0
// The system prompt of a chatbot and its versions (000-management 3.1). Every change is a new version; none is ever
// changed or taken away. The texts are in the history, audit rows have numbers and lengths alone.
#include "api/chatbots.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/chatbot_prompt.h"
#include "store/prompt.h"

struct prompt_request {
    uint64_t set;
    struct str prompt, description;
    int64_t expected_version;
};
#define AT(member) FIELD_AT(struct prompt_request, member)
static const struct field prompt_fields[] = {
    {"prompt", NULL, FIELD_STRING, FIELD_REQUIRED, AT(prompt), 1, 10000, .alias = "promptText",
     .help = "Goes to the model word for word"},
    {"description", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(description), 0, 500},
    {"expectedVersion", NULL, FIELD_INT, FIELD_NULL, AT(expected_version), 0, 1e9,
     .help = "409 unless this is the current one"},
};
static const struct model prompt_model = {"PromptChange", NULL, sizeof(struct prompt_request),
                                          MODEL_FIELDS(prompt_fields)};
#undef AT

struct rollback_request {
    uint64_t set;
    int64_t version;
    struct str reason;
};
#define AT(member) FIELD_AT(struct rollback_request, member)
static const struct field rollback_fields[] = {
    {"version", NULL, FIELD_INT, FIELD_REQUIRED, AT(version), 1, 1e9},
    {"reason", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(reason), 0, 500},
};
static const struct field rollback_to_fields[] = {
    {"reason", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(reason), 0, 500},
};
#undef AT
static const struct model rollback_model = {"PromptRollback", NULL, sizeof(struct rollback_request),
                                            MODEL_FIELDS(rollback_fields)};
static const struct model rollback_to_model = {"PromptRollbackReason", NULL, sizeof(struct rollback_request),
                                               MODEL_FIELDS(rollback_to_fields)};

struct prompt_work {
    struct chatbot_work work;
    struct prompt_version version; // the current one, or that of the path
    int64_t wanted, stale;         // stale: the current version, where another was expected
    struct str reason;
    struct prompt_version *list;
    size_t n;
    struct page page;
};

static struct str or_null(const struct model *model, const void *row, const char *field, struct str value)
{
    return model_has(model, row, field) && value.n ? value : STR_NULL;
}

// ---- replies -------------------------------------------------------------------------------------------------------

static void add_version(yyjson_mut_doc *doc, yyjson_mut_val *data, const struct prompt_version *v)
{
    json_add_str(doc, data, "prompt", v->prompt);
    json_add_int(doc, data, "version", v->version);
    json_add_str(doc, data, "generationMethod", v->method);
    json_add_str(doc, data, "description", v->description);
    json_add(doc, data, "createdBy", chatbot_creator_json(doc, &v->creator, v->by_user));
    json_add_time(doc, data, "createdAt", v->created_at);
    json_add_int(doc, data, "length", (int64_t)utf8_count(v->prompt.p ? v->prompt : STR("")));
}

static yyjson_mut_val *version_json(yyjson_mut_doc *doc, const struct prompt_version *v, int64_t current)
{
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "id", v->id);
    add_version(doc, data, v);
    json_add(doc, data, "generationMetadata", json_new_raw(doc, v->metadata.p ? v->metadata : STR("null")));
    json_add_bool(doc, data, "isCurrent", v->version == current);
    return data;
}

// As the next turn sends it.
static int effective(struct call *call, struct str *ret)
{
    AUTO_BRAND struct brand_ref *brand = NULL;
    AUTO_CHATBOT struct chatbot_ref *chatbot = NULL;
    int rc = brands_get(call->app->brands, call->scope.brand, &brand, &call->err);
    rc = rc == 1 ? brands_chatbot(call->app->brands, brand, call->chatbot->id, &chatbot, &call->err) : rc;
    if (rc != 1)
        return rc < 0 ? rc : err_set(&call->err, ERR_NOT_FOUND, "Not found");
    *ret = chatbot_prompt_text(call->arena, chatbot, &(struct chatbot_prompt){0});
    return 0;
}

static void reply_prompt(struct call *call, const struct prompt_version *current)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    struct str text;
    if (call_failed(call, effective(call, &text)))
        return;
    add_version(doc, data, current);
    json_add_str(doc, data, "effectivePrompt", text);
    call_data(call, 200, NULL, doc, data);
}

// ---- reading -------------------------------------------------------------------------------------------------------

static int load_current(struct tx *tx, struct prompt_work *p, struct err *err)
{
    p->version = (struct prompt_version){0};
    if (!p->work.row.prompt_version)
        return 0;
    int rc = prompt_get(tx, p->work.call->arena, p->work.row.id, p->work.row.prompt_version, &p->version, err);
    return rc < 0 ? rc : 0;
}

static int load_prompt(struct tx *tx, void *arg, struct err *err)
{
    struct prompt_work *p = arg;
    int rc = chatbot_work_load(tx, &p->work, err);
    return rc ? rc : load_current(tx, p, err);
}

static void read_prompt(struct call *call)
{
    struct prompt_work p = {.work = {.call = call}};
    if (!call_failed(call, call_store_read(call, load_prompt, &p)))
        reply_prompt(call, &p.version);
}

static int load_history(struct tx *tx, void *arg, struct err *err)
{
    struct prompt_work *p = arg;
    int rc = chatbot_work_load(tx, &p->work, err);
    return rc ? rc
              : prompt_list(tx, p->work.call->arena, p->work.row.id, p->page.limit, page_offset(&p->page), &p->list,
                            &p->n, &p->page.total, err);
}

static void list_history(struct call *call)
{
    struct prompt_work p = {.work = {.call = call}, .page = call_page(call, 20)};
    if (call_failed(call, call_store_read(call, load_history, &p)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < p.n; i++)
        (void)yyjson_mut_arr_append(list, version_json(doc, &p.list[i], p.work.row.prompt_version));
    call_list(call, doc, list, &p.page);
}

static int load_version(struct tx *tx, struct prompt_work *p, struct err *err)
{
    int rc = chatbot_work_load(tx, &p->work, err);
    rc = rc ? rc : prompt_get(tx, p->work.call->arena, p->work.row.id, p->wanted, &p->version, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "Not found") : rc < 0 ? rc : 0;
}

static int load_one(struct tx *tx, void *arg, struct err *err)
{
    return load_version(tx, arg, err);
}

// False: no number, and 404 was answered.
static bool version_of_path(struct call *call, int64_t *ret)
{
    if (str_to_int(http_param(call->req, "version"), 1, INT32_MAX, ret))
        return true;
    call_error(call, 404, "Not found");
    return false;
}

static void read_version(struct call *call)
{
    struct prompt_work p = {.work = {.call = call}};
    if (!version_of_path(call, &p.wanted) || call_failed(call, call_store_read(call, load_one, &p)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    call_data(call, 200, NULL, doc, version_json(doc, &p.version, p.work.row.prompt_version));
}

// ---- writing -------------------------------------------------------------------------------------------------------

static struct str size_json(struct arena *arena, int64_t version, struct str text)
{
    return arena_strf(arena, "{\"version\":%lld,\"length\":%zu}", (long long)version,
                      utf8_count(text.p ? text : STR("")));
}

// Makes `next` the current version, unless its text is current already.
static int write_version(struct tx *tx, struct prompt_work *p, struct prompt_version *next, struct err *err)
{
    struct chatbot *row = &p->work.row;
    struct arena *arena = tx_arena(tx);
    if (row->prompt_version && str_eq(row->system_prompt, next->prompt))
        return load_current(tx, p, err);
    next->created_at = clock_wall_ms();
    int rc = prompt_write(tx, row->id, next, err);
    chatbot_changed(tx, row);
    struct str before = row->prompt_version ? size_json(arena, row->prompt_version, row->system_prompt) : STR("null");
    row->prompt_version++;
    rc = rc ? rc
            : chatbot_audit(tx, "prompt_updated", row->id, before, size_json(arena, row->prompt_version, next->prompt),
                            err);
    return rc ? rc : load_current(tx, p, err);
}

static int change(struct tx *tx, void *arg, struct err *err)
{
    struct prompt_work *p = arg;
    const struct prompt_request *asked = p->work.call->body;
    int rc = chatbot_work_load(tx, &p->work, err);
    if (rc)
        return rc;
    p->stale = -1;
    if (model_has(&prompt_model, asked, "expectedVersion") && asked->expected_version != p->work.row.prompt_version) {
        p->stale = p->work.row.prompt_version;
        return err_set(err, ERR_CONFLICT, "The current version is another one");
    }
    struct prompt_version next = {
        .prompt = asked->prompt,
        .description = or_null(&prompt_model, asked, "description", asked->description),
    };
    return write_version(tx, p, &next, err);
}

static void update_prompt(struct call *call)
{
    struct prompt_work p = {.work = {.call = call}, .stale = -1};
    int rc = call_store_write(call, change, &p);
    if (rc == ERR_CONFLICT && p.stale >= 0) {
        yyjson_mut_doc *doc = call_doc(call);
        yyjson_mut_val *details = yyjson_mut_obj(doc);
        json_add_int(doc, details, "currentVersion", p.stale);
        call_error_details(call, 409, call->err.text, doc, details);
        return;
    }
    if (!call_failed(call, rc))
        reply_prompt(call, &p.version);
}

static int roll_back(struct tx *tx, void *arg, struct err *err)
{
    struct prompt_work *p = arg;
    struct arena *arena = p->work.call->arena;
    int rc = load_version(tx, p, err);
    if (rc || p->wanted == p->work.row.prompt_version)
        return rc;
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *metadata = yyjson_mut_obj(doc);
    json_add_int(doc, metadata, "rollbackOf", p->wanted);
    json_add_str(doc, metadata, "reason", p->reason);
    struct prompt_version next = {
        .prompt = p->version.prompt, .description = p->version.description, .metadata = json_write(arena, metadata)};
    return write_version(tx, p, &next, err);
}

static void rollback_with(struct call *call, int64_t version, struct str reason)
{
    struct prompt_work p = {.work = {.call = call}, .wanted = version, .reason = reason};
    if (!call_failed(call, call_store_write(call, roll_back, &p)))
        reply_prompt(call, &p.version);
}

static void rollback(struct call *call)
{
    const struct rollback_request *asked = call->body;
    rollback_with(call, asked->version, or_null(&rollback_model, asked, "reason", asked->reason));
}

static void rollback_to(struct call *call)
{
    const struct rollback_request *asked = call->body;
    int64_t version;
    if (version_of_path(call, &version))
        rollback_with(call, version, or_null(&rollback_to_model, asked, "reason", asked->reason));
}

#define PROMPTS                                                                                                        \
    .surface = &surface_platform, .tag = "System prompt", .who = WHO_CHANGE, .limit = &LIMIT_MANAGEMENT,               \
    .family = "chatbots"
#define MEMBERS                                                                                                        \
    "\"prompt\":\"You advise hikers.\",\"version\":3,\"generationMethod\":\"manual\",\"description\":null,"            \
    "\"createdBy\":null,\"createdAt\":\"2026-11-20T09:15:02.113Z\",\"length\":18"
#define CURRENT                                                                                                        \
    "{\"status\":\"success\",\"success\":true,\"data\":{" MEMBERS ",\"effectivePrompt\":\"You advise hikers.\"}}"
#define VERSION                                                                                                        \
    "{\"id\":\"0198c0e0-000f-7000-8000-000000000001\"," MEMBERS ",\"generationMetadata\":null,\"isCurrent\":true}"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/prompt", PROMPTS, .summary = "The current system prompt",
     .reply_example = CURRENT, .run = read_prompt},
    {HTTP_PUT, "/api/v1/chatbots/{chatbotId}/prompt", PROMPTS, .summary = "Write a new version of it",
     .body = &prompt_model, .reply_example = CURRENT, .run = update_prompt},
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/prompt/history", PROMPTS, .summary = "Its versions, highest first",
     .flags = ENDPOINT_PAGED,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"count\":1,\"data\":[" VERSION
                      "],\"pagination\":{\"total\":1,\"pages\":1,\"page\":1,\"limit\":20}}",
     .run = list_history},
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/prompt/history/{version}", PROMPTS, .summary = "One version",
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":" VERSION "}", .run = read_version},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/prompt/rollback", PROMPTS,
     .summary = "A new version with the text of an old one", .body = &rollback_model, .reply_example = CURRENT,
     .run = rollback},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/prompt/rollback/{version}", PROMPTS,
     .summary = "A new version with the text of an old one", .body = &rollback_to_model,
     .flags = ENDPOINT_NO_BODY_NEEDED, .reply_example = CURRENT, .run = rollback_to},
};

struct endpoints prompts_endpoints(void)
{
    return ENDPOINTS(rows);
}
