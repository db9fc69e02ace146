// SPDX-License-Identifier: Apache-2.0
// What people did in a brand, listed and counted (000-management 6.2). An admin sees all of it, others what they did
// themselves.
#include "api/envelope.h"

#include "base/clock.h"
#include "base/id.h"
#include "store/activity.h"

enum { FILTER_MOST = 2000, TEXT_MOST = 100, DAYS_USUAL = 30, DAYS_MOST = 366 };
#define DAY_MS INT64_C(86400000)

static const struct {
    const char *type, *description;
} kinds[] = {
    {"user_login", "Signed in"},
    {"chatbot_created", "Made a chatbot"},
    {"chatbot_message", "A turn of a conversation ended"},
    {"prompt_generated", "A prompt was composed"},
    {"document_upload", "Uploaded a document"},
    {"document_delete", "Deleted a document"},
    {"ocr_processing", "Text of a picture was read"},
    {"embedding_generation", "Vectors of a document were made"},
    {"vector_indexing", "A document was indexed"},
    {"similarity_search", "Searched the knowledge"},
    {"setting_update", "Changed a setting"},
};
#define TYPES                                                                                                          \
    "user_login|chatbot_created|chatbot_message|prompt_generated|document_upload|document_delete|ocr_processing|"      \
    "embedding_generation|vector_indexing|similarity_search|setting_update"
#define FILTER_PART "(activityType:(" TYPES ")|(userId|entityType|entityId):[^,\\s]+)"
#define FILTER_PATTERN "^(" FILTER_PART "(," FILTER_PART ")*)?$"

struct asking {
    struct call *call;
    struct activity_query query;
    struct page page;
    struct activity_entry *at;
    size_t n;
    struct activity_stats stats;
};

// ---- what is asked -------------------------------------------------------------------------------------------------

static void fault_of(struct call *call, const char *name, enum fault_code code, struct str input, const char *text)
{
    static const struct loc query = {NULL, STR("query"), 0};
    struct loc at = {&query, str_from(name), 0};
    fault_add(call->faults, code, &at, NULL, 0, text)->input_text = input;
}

// filter=activityType:user_login,userId:… ; what has a parameter of its own goes before it.
static void read_filter(struct call *call, struct activity_query *q)
{
    struct str rest = call_query_text(call, "filter");
    while (rest.n) {
        struct str value = str_trim(str_split(&rest, ',')), name = str_split(&value, ':');
        struct str *into = str_eq(name, STR("activityType")) ? &q->type
                           : str_eq(name, STR("userId"))     ? &q->user_id
                           : str_eq(name, STR("entityType")) ? &q->entity_type
                           : str_eq(name, STR("entityId"))   ? &q->entity_id
                                                             : NULL;
        if (!into || !value.n)
            fault_of(call, "filter", FAULT_FORM, name, "pairs of activityType, userId, entityType or entityId");
        else if (into == &q->type && !str_is_choice(TYPES, value))
            fault_of(call, "filter", FAULT_ENUM, value, TYPES);
        else if (!into->p)
            *into = value;
    }
}

// An id that is used again does not show what a brand before it left; who is no admin sees what is their own.
static void narrow(struct call *call, struct activity_query *q)
{
    int64_t born = call->brand->row.brand.created_at;
    bool others = q->user_id.p && !str_eq(q->user_id, call->caller.user.id);
    q->from = q->from > born ? q->from : born;
    if (call->role >= ROLE_ADMIN)
        return;
    q->user_id = call->caller.user.id;
    q->to = others ? 0 : q->to;
}

static struct str some_text(struct call *call, const char *name)
{
    struct str text = call_query_text(call, name);
    return text.n ? text : STR_NULL;
}

static bool read_list(struct call *call, struct asking *a)
{
    a->query = (struct activity_query){
        .type = call_query_text(call, "activityType"),
        .user_id = some_text(call, "userId"),
        .entity_type = some_text(call, "entityType"),
        .entity_id = some_text(call, "entityId"),
        .from = call_query_time(call, "from", 0),
        .to = call_query_time(call, "to", INT64_MAX),
    };
    read_filter(call, &a->query);
    if (call->faults->n) {
        call_faults(call);
        return false;
    }
    narrow(call, &a->query);
    a->page = call_page(call, 20);
    a->query.limit = a->page.limit;
    a->query.offset = page_offset(&a->page);
    return true;
}

// Whole days of UTC: without times the last 30, today among them.
static bool read_span(struct call *call, struct asking *a)
{
    int64_t to = call_query_time(call, "to", clock_wall_ms() + 1), day = (to - 1) / DAY_MS * DAY_MS;
    int64_t from = call_query_time(call, "from", day - (DAYS_USUAL - 1) * DAY_MS);
    if (from >= to)
        fault_of(call, "from", FAULT_FORM, http_query(call->req, "from"), "a time before `to`");
    else if (to - from > DAYS_MOST * DAY_MS)
        fault_of(call, "from", FAULT_FORM, http_query(call->req, "from"), "within 366 days before `to`");
    if (call->faults->n) {
        call_faults(call);
        return false;
    }
    a->query = (struct activity_query){.from = from, .to = to};
    return true;
}

// ---- what is shown -------------------------------------------------------------------------------------------------

static const char *description(struct str type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq(type, str_from(kinds[i].type)))
            return kinds[i].description;
    return "";
}

static yyjson_mut_val *entry_json(yyjson_mut_doc *doc, const struct activity_entry *e)
{
    yyjson_mut_val *one = yyjson_mut_obj(doc);
    json_add_str(doc, one, "id", e->id);
    json_add_str(doc, one, "userId", e->user_id);
    json_add_str(doc, one, "userName", e->user_name);
    json_add_str(doc, one, "activityType", e->type);
    json_add_str(doc, one, "entityType", e->entity_type);
    json_add_str(doc, one, "entityId", e->entity_id);
    json_add_cstr(doc, one, "description", description(e->type));
    json_add(doc, one, "metadata", json_new_raw(doc, e->metadata));
    json_add_str(doc, one, "ipAddress", e->address);
    json_add_str(doc, one, "userAgent", e->user_agent);
    json_add_time(doc, one, "createdAt", e->at);
    return one;
}

static int load_list(struct tx *tx, void *arg, struct err *err)
{
    struct asking *a = arg;
    return activity_list(tx, a->call->arena, &a->query, &a->at, &a->n, &a->page.total, err);
}

static void list_activities(struct call *call)
{
    struct asking a = {.call = call};
    if (!read_list(call, &a) || call_failed(call, call_store_read(call, load_list, &a)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < a.n; i++)
        (void)yyjson_mut_arr_append(list, entry_json(doc, &a.at[i]));
    call_list(call, doc, list, &a.page);
}

// Days without any are shown too.
static yyjson_mut_val *days_json(yyjson_mut_doc *doc, int64_t from, int64_t to, const struct activity_counts *days)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    char text[CLOCK_RFC3339_SIZE];
    size_t next = 0;
    for (int64_t day = from / DAY_MS; day <= (to - 1) / DAY_MS; day++) {
        while (next < days->n && days->at[next].day < day)
            next++;
        bool any = next < days->n && days->at[next].day == day;
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        clock_rfc3339(day * DAY_MS, text);
        json_add_str(doc, one, "date", (struct str){text, sizeof "2026-11-20" - 1});
        json_add_int(doc, one, "count", any ? days->at[next].count : 0);
    }
    return list;
}

static int load_stats(struct tx *tx, void *arg, struct err *err)
{
    struct asking *a = arg;
    return activity_stats(tx, a->call->arena, &a->query, &a->stats, err);
}

static void show_stats(struct call *call)
{
    struct asking a = {.call = call};
    if (!read_span(call, &a))
        return;
    int64_t from = a.query.from, to = a.query.to, total = 0;
    narrow(call, &a.query);
    if (call_failed(call, call_store_read(call, load_stats, &a)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc), *types = yyjson_mut_obj(doc), *users = yyjson_mut_arr(doc);
    for (size_t i = 0; i < a.stats.types.n; i++) {
        json_add_int(doc, types, arena_cstr(call->arena, a.stats.types.at[i].what), a.stats.types.at[i].count);
        total += a.stats.types.at[i].count;
    }
    for (size_t i = 0; i < a.stats.users.n; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, users);
        json_add_str(doc, one, "userId", a.stats.users.at[i].what);
        json_add_str(doc, one, "name", a.stats.users.at[i].name);
        json_add_int(doc, one, "count", a.stats.users.at[i].count);
    }
    json_add_int(doc, data, "total", total);
    json_add(doc, data, "byType", types);
    json_add(doc, data, "daily", days_json(doc, from, to, &a.stats.days));
    json_add(doc, data, "topUsers", users);
    call_data(call, 200, NULL, doc, data);
}

static const struct parameter list_query[] = {
    {"activityType", "string", "One type", .choices = TYPES},
    {"userId", "string", "Of one user", 0, TEXT_MOST},
    {"entityType", "string", "About one kind of object", 0, TEXT_MOST},
    {"entityId", "string", "About one object", 0, TEXT_MOST},
    {"from", "time", "Not before it"},
    {"to", "time", "Before it"},
    {"filter", "string", "The same as pairs: activityType:user_login,userId:…", 0, FILTER_MOST,
     .pattern = FILTER_PATTERN},
};
static const struct parameter stats_query[] = {
    {"from", "time", "Not before it; by default the last 30 days"},
    {"to", "time", "Before it; at most 366 days behind `from`"},
};

#define ACTIVITIES                                                                                                     \
    .surface = &surface_platform, .tag = "Activities", .who = WHO_MEMBER, .limit = &LIMIT_MANAGEMENT,                  \
    .family = "activities"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/activities", ACTIVITIES,
     .summary = "What was done in the brand, newest first; one's own alone "
                "for all but admins",
     .flags = ENDPOINT_PAGED, .query = list_query, .n_query = sizeof list_query / sizeof *list_query,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"count\":1,\"data\":[{\"id\":"
                      "\"0198c0e0-0009-7000-8000-000000000001\",\"userId\":null,\"userName\":null,"
                      "\"activityType\":\"chatbot_message\",\"entityType\":\"chatbot_conversation\","
                      "\"entityId\":\"5b0d7c1e-1111-4aaa-8bbb-000000000001\",\"description\":"
                      "\"A turn of a conversation ended\",\"metadata\":{},\"ipAddress\":null,"
                      "\"userAgent\":null,\"createdAt\":\"2026-11-20T09:15:02.113Z\"}],"
                      "\"pagination\":{\"total\":1,\"pages\":1,\"page\":1,\"limit\":20}}",
     .run = list_activities},
    {HTTP_GET, "/api/v1/activities/stats", ACTIVITIES, .summary = "How much was done, by type, day and user",
     .query = stats_query, .n_query = sizeof stats_query / sizeof *stats_query,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":{\"total\":41,\"byType\":"
                      "{},\"daily\":[{\"date\":\"2026-11-20\",\"count\":41}],\"topUsers\":"
                      "[{\"userId\":\"0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4\",\"name\":\"Mira Okafor\","
                      "\"count\":2}]}}",
     .run = show_stats},
};

struct endpoints activities_endpoints(void)
{
    return ENDPOINTS(rows);
}
