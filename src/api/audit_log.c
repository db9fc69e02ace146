// SPDX-License-Identifier: Apache-2.0
// Who changed what (000-management 15.1): the audit rows of a chatbot, also of one that is gone, and of the whole
// brand. What surface 001 writes under names of its own is shown here under the names of this one.
#include "api/envelope.h"

#include "base/id.h"
#include "store/audit.h"

enum { NAME_MOST = 100 };

struct audit_page {
    struct call *call;
    struct audit_query query;
    struct page page;
    struct audit_entry *entries;
    size_t n;
};

static const struct {
    const char *written, *shown;
} names[] = {
    {"brand.create", "brand_created"},
    {"brand.update", "brand_updated"},
    {"brand.delete", "brand_deleted"},
    {"config.update", "config_updated"},
    {"prompt.update", "prompt_updated"},
    {"product.create", "product_created"},
    {"product.update", "product_updated"},
    {"product.delete", "product_deleted"},
    {"product.bulk", "product_bulk_added"},
    {"product.upload", "product_uploaded"},
    {"conversation.clear", "conversation_cleared"},
};

static struct str shown_name(struct str action)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(action, str_from(names[i].written)))
            return str_from(names[i].shown);
    return action;
}

static struct str written_name(struct str action)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(action, str_from(names[i].shown)))
            return str_from(names[i].written);
    return action;
}

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct audit_page *p = arg;
    return audit_list(tx, p->call->arena, &p->query, &p->entries, &p->n, &p->page.total, err);
}

// Rows of surface 001 know the names of the changed fields alone.
static yyjson_mut_val *new_value(yyjson_mut_doc *doc, const struct audit_entry *e)
{
    if (e->new_value.p || e->old_value.p || !e->fields.n)
        return json_new_raw(doc, e->new_value.p ? e->new_value : STR("null"));
    yyjson_mut_val *value = yyjson_mut_obj(doc), *fields = yyjson_mut_arr(doc);
    struct str rest = e->fields;
    while (rest.p)
        (void)yyjson_mut_arr_append(fields, json_new_str(doc, str_split(&rest, ',')));
    json_add(doc, value, "fields", fields);
    return value;
}

static yyjson_mut_val *entry_json(yyjson_mut_doc *doc, const struct audit_entry *e)
{
    yyjson_mut_val *one = yyjson_mut_obj(doc);
    bool user = id_valid(e->actor);
    json_add_str(doc, one, "id", e->id);
    json_add_str(doc, one, "chatbotId", e->chatbot_id);
    json_add_str(doc, one, "userId", user ? e->actor : STR_NULL);
    json_add_str(doc, one, "userName", user ? e->user_name : e->actor);
    json_add_str(doc, one, "action", shown_name(e->action));
    json_add_str(doc, one, "target", e->target);
    json_add(doc, one, "oldValue", json_new_raw(doc, e->old_value.p ? e->old_value : STR("null")));
    json_add(doc, one, "newValue", new_value(doc, e));
    json_add_str(doc, one, "ipAddress", e->address);
    json_add_str(doc, one, "userAgent", e->user_agent);
    json_add_time(doc, one, "createdAt", e->at);
    return one;
}

static void list_rows(struct call *call, struct str chatbot_id)
{
    struct str action = call_query_text(call, "action");
    struct str user = call_query_text(call, "userId");
    struct audit_page p = {.call = call, .page = call_page(call, 20)};
    p.query = (struct audit_query){
        .chatbot_id = chatbot_id,
        .actor = user.n ? user : STR_NULL,
        .action = action.n ? action : STR_NULL,
        .or_action = action.n ? written_name(action) : STR_NULL,
        .from = call_query_time(call, "from", 0),
        .to = call_query_time(call, "to", INT64_MAX),
    };
    // An id that is used again does not show what a brand before it left.
    int64_t born = call->brand->row.brand.created_at;
    p.query.from = p.query.from > born ? p.query.from : born;
    p.query.limit = p.page.limit;
    p.query.offset = page_offset(&p.page);
    if (call_failed(call, call_store_read(call, load, &p)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < p.n; i++)
        (void)yyjson_mut_arr_append(list, entry_json(doc, &p.entries[i]));
    call_list(call, doc, list, &p.page);
}

static void chatbot_log(struct call *call)
{
    struct str id = arena_lower(call->arena, http_param(call->req, "chatbotId")); // of one that is erased
    list_rows(call, call->chatbot ? call->chatbot->id : id);
}

static void brand_log(struct call *call)
{
    list_rows(call, STR_NULL);
}

static const struct parameter query[] = {
    {"action", "string", "One kind of change", .high = NAME_MOST},
    {"userId", "string", "Changes of one user", .high = NAME_MOST},
    {"from", "time", "Not before it"},
    {"to", "time", "Before it"},
};
#define LOG                                                                                                            \
    .surface = &surface_platform, .tag = "Audit", .who = WHO_BRAND_ADMIN, .limit = &LIMIT_MANAGEMENT,                  \
    .family = "chatbots", .query = query, .n_query = sizeof query / sizeof *query, .reply_example = EXAMPLE
#define EXAMPLE                                                                                                        \
    "{\"status\":\"success\",\"success\":true,\"count\":1,\"data\":[{\"id\":\"0198c0e0-0009-7000-8000-000000000001\"," \
    "\"chatbotId\":\"0198c0e0-0001-7000-8000-000000000001\",\"userId\":\"0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4\","      \
    "\"userName\":\"Mira Okafor\",\"action\":\"restore\",\"target\":\"0198c0e0-0001-7000-8000-000000000001\","         \
    "\"oldValue\":null,\"newValue\":null,\"ipAddress\":\"192.0.2.7\",\"userAgent\":\"curl/8.5\","                      \
    "\"createdAt\":\"2026-11-20T09:15:02.113Z\"}],\"pagination\":{\"total\":1,\"pages\":1,\"page\":1,\"limit\":20}}"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/audit-log", LOG, .summary = "Changes of a chatbot, newest first",
     .flags = ENDPOINT_PAGED | ENDPOINT_DELETED | ENDPOINT_ERASED, .run = chatbot_log},
    {HTTP_GET, "/api/v1/audit-log", LOG, .summary = "Changes in the brand, newest first", .flags = ENDPOINT_PAGED,
     .run = brand_log},
};

struct endpoints audit_log_endpoints(void)
{
    return ENDPOINTS(rows);
}
