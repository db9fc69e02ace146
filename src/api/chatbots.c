// SPDX-License-Identifier: Apache-2.0
// Chatbots (000-management 2.1, 2.2; 003-platform 3): list, make, read, change, delete, restore. One object with one
// handler for all surfaces; a brand's default one is also what surface 001 configures.
#include "api/chatbots.h"

#include "base/clock.h"
#include "base/id.h"
#include "model/text.h"
#include "store/activity.h"
#include "store/audit.h"
#include "store/chatbot_key.h"
#include "store/job.h"
#include "store/knowledge_filters.h"

#include <stdlib.h>

#define DAY_MS INT64_C(86400000)
enum { FILTER_MOST = 1000 };

static const struct loc body_root = {NULL, STR("body"), 0};

// ---- what several endpoints share ----------------------------------------------------------------------------------

static int gone(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "Not found");
}

int chatbot_work_load(struct tx *tx, struct chatbot_work *work, struct err *err)
{
    struct call *call = work->call;
    call->faults->n = 0;
    int rc = chatbot_get(tx, call->arena, call->chatbot->id, &work->old, err);
    if (rc < 0)
        return rc;
    if (rc == 0 || model_has(&chatbot_model, &work->old, "deletedAt"))
        return gone(err);
    work->row = work->old;
    return 0;
}

int chatbot_audit(struct tx *tx, const char *action, struct str chatbot_id, struct str old_value, struct str new_value,
                  struct err *err)
{
    struct audit_change change = {action, chatbot_id, chatbot_id, old_value, new_value};
    return audit_change(tx, &change, err);
}

yyjson_mut_val *chatbot_json(yyjson_mut_doc *doc, const struct chatbot *chatbot)
{
    struct chatbot shown = *chatbot;
    shown.status = chatbot_status_shown(chatbot);
    shown.configuration.welcome_message = chatbot->welcome_message;
    model_mark(&chatbot_configuration_model, &shown.configuration, "welcomeMessage", true);
    return model_encode(&chatbot_model, doc, &shown);
}

void chatbot_reply(struct call *call, int status, const char *message, const struct chatbot_work *work)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = chatbot_json(doc, &work->row);
    if (work->key)
        json_add_cstr(doc, data, "apiKey", work->key);
    call_data(call, status, message, doc, data);
}

yyjson_mut_val *chatbot_creator_json(yyjson_mut_doc *doc, const struct chatbot_creator *creator, bool there)
{
    return there ? model_encode(&chatbot_creator_model, doc, creator) : yyjson_mut_null(doc);
}

struct str chatbot_with_creator(struct arena *arena, struct str object, const struct chatbot *chatbot)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *copy = json_new_raw(doc, object);
    bool there = model_has(&chatbot_model, chatbot, "createdBy");
    json_add_str(doc, copy, "createdBy", there ? chatbot->created_by : STR_NULL);
    return json_write(arena, copy);
}

void chatbot_settle_welcome(struct call *call, const struct loc *at, yyjson_val *object, struct chatbot *row)
{
    struct chatbot_configuration *inner = &row->configuration;
    struct loc configuration = {at, STR("configuration"), 0}, welcome = {&configuration, STR("welcomeMessage"), 0};
    if (!model_has(&chatbot_configuration_model, inner, "welcomeMessage"))
        return;
    if (json_get(object, "welcomeMessage") && !str_eq(row->welcome_message, inner->welcome_message))
        fault_add(call->faults, FAULT_FORM, &welcome, NULL, 0, "the same as welcomeMessage");
    row->welcome_message = inner->welcome_message;
    model_mark(&chatbot_configuration_model, inner, "welcomeMessage", false);
}

int chatbot_check_filters(struct tx *tx, struct call *call, struct chatbot *row, const struct loc *at, struct err *err)
{
    struct knowledge_filters filters;
    int rc = knowledge_filters_check(tx, row->id, row->knowledge_filters, call->faults, at, err);
    if (rc)
        return rc;
    knowledge_filters_load(call->arena, row->knowledge_filters, &filters); // what is null is no filter, and not kept
    row->knowledge_filters = json_write(call->arena, model_encode(&knowledge_filters_model, call_doc(call), &filters));
    return 0;
}

// ---- list ----------------------------------------------------------------------------------------------------------

struct listing {
    struct call *call;
    struct chatbot_query query;
    struct page page;
    struct chatbot *rows;
    size_t n;
};

static int load_list(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    int rc = chatbot_list(tx, l->call->arena, &l->query, &l->rows, &l->n, &l->page.total, err);
    for (size_t i = 0; i < l->n && rc >= 0; i++)
        rc = chatbot_extras_load(tx, l->call->arena, &l->rows[i], err);
    return rc < 0 ? rc : 0;
}

static struct str filter_text(struct call *call, const char *name)
{
    struct str text = call_query_text(call, name);
    return text.n ? text : STR_NULL;
}

// `createdAt`, `updatedAt` and `lastActivity` begin with the newest.
static void read_list_query(struct listing *l)
{
    static const enum chatbot_order orders[] = {CHATBOTS_BY_CREATION, CHATBOTS_BY_NAME, CHATBOTS_BY_CHANGE,
                                                CHATBOTS_BY_ACTIVITY};
    struct call *call = l->call;
    struct str words = filter_text(call, "q");
    (void)call_query_bool(call, "deleted", &l->query.deleted);
    l->query.tag = filter_text(call, "tag");
    l->query.status = call_query_text(call, "status");
    l->query.order = orders[call_sort(call, 13, &l->query.descending)];
    l->query.words = words.p ? text_fold_case(call->arena, words) : STR_NULL;
    l->page = call_page(call, 20);
    l->query.limit = l->page.limit;
    l->query.offset = page_offset(&l->page);
}

static void list_chatbots(struct call *call)
{
    struct listing l = {.call = call};
    read_list_query(&l);
    bool all = call->role >= ROLE_ADMIN;
    l.query.seen_by = all ? STR_NULL : call->caller.user.id;
    if (l.query.deleted && !all) {
        call_error(call, 403, "You are not allowed to do this");
        return;
    }
    if (call_failed(call, call_store_read(call, load_list, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < l.n; i++)
        (void)yyjson_mut_arr_append(list, chatbot_json(doc, &l.rows[i]));
    call_list(call, doc, list, &l.page);
}

// ---- make ----------------------------------------------------------------------------------------------------------

static int check_quota(struct tx *tx, struct call *call, struct err *err)
{
    int64_t n = 0, most = settings_int(call->app->settings, SET_LIMITS_CHATBOTS);
    int rc = chatbot_count(tx, &n, err);
    if (!rc && n >= most)
        return err_set(err, ERR_LIMIT, "A brand has at most %lld chatbots", (long long)most);
    return rc;
}

static int tell_created(struct tx *tx, const struct chatbot *row, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "chatbotId", row->id);
    json_add_str(doc, data, "name", row->name);
    json_add_str(doc, data, "status", row->status);
    json_add_str(doc, data, "createdBy", row->created_by);
    json_add_time(doc, data, "createdAt", row->created_at);
    return event_write(tx, "chatbot.created", STR_NULL, json_write(arena, data), err);
}

static int note_activity(struct tx *tx, const struct chatbot *row, struct err *err)
{
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *metadata = yyjson_mut_obj(doc);
    json_add_str(doc, metadata, "name", row->name);
    struct activity activity = {"chatbot_created", "chatbot_instance", row->id, json_write(tx_arena(tx), metadata)};
    return activity_write(tx, &activity, err);
}

static int add_key(struct tx *tx, struct chatbot_work *work, struct err *err)
{
    char hash[CRYPTO_HEX_SIZE];
    work->key = arena_alloc(work->call->arena, CHATBOT_KEY_SIZE);
    chatbot_key_make(work->key);
    crypto_sha256_hex(str_from(work->key), hash);
    return chatbot_key_insert(tx, work->row.id, STR("primary"), true, hash, chatbot_key_hint(str_from(work->key)),
                              clock_wall_ms(), err);
}

int chatbot_make(struct tx *tx, struct chatbot_work *work, struct err *err)
{
    struct chatbot *row = &work->row;
    struct call *call = work->call;
    struct str old_value, new_value;
    char *id = arena_alloc(call->arena, ID_SIZE);
    id_v7(id);
    row->id = str_from(id);
    row->created_by = call->caller.user.id;
    row->created_at = row->updated_at = clock_wall_ms();
    static const char *const made[] = {"id", "createdAt", "updatedAt", "createdBy"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        model_mark(&chatbot_model, row, made[i], true);
    int rc = check_quota(tx, call, err);
    rc = rc ? rc : chatbot_insert(tx, call->arena, row, err);
    rc = rc ? rc : add_key(tx, work, err);
    if (rc)
        return rc;
    model_diff(&chatbot_model, tx_arena(tx), NULL, row, &old_value, &new_value);
    rc = chatbot_audit(tx, "create_chatbot_instance", row->id, old_value,
                       chatbot_with_creator(tx_arena(tx), new_value, row), err);
    rc = rc ? rc : tell_created(tx, row, err);
    rc = rc ? rc : note_activity(tx, row, err);
    return rc ? rc : chatbot_extras_load(tx, call->arena, row, err);
}

// What names objects that a chatbot cannot have yet.
static int check_new(struct tx *tx, struct call *call, struct chatbot *row, struct err *err)
{
    struct loc personality = {&body_root, STR("defaultPersonalityId"), 0};
    struct loc filters = {&body_root, STR("knowledgeSourceFilters"), 0};
    if (model_has(&chatbot_model, row, "defaultPersonalityId"))
        fault_add(call->faults, FAULT_REFERENCE, &personality, NULL, 0, "a personality of the chatbot");
    chatbot_settle_welcome(call, &body_root, call->json, row);
    int rc = chatbot_check_filters(tx, call, row, &filters, err);
    return rc ? rc : call->faults->n ? ERR_INVALID : 0;
}

static int create(struct tx *tx, void *arg, struct err *err)
{
    struct chatbot_work *work = arg;
    work->call->faults->n = 0;
    work->row = *(const struct chatbot *)work->call->body;
    int rc = check_new(tx, work->call, &work->row, err);
    return rc ? rc : chatbot_make(tx, work, err);
}

static void create_chatbot(struct call *call)
{
    struct chatbot_work work = {.call = call};
    if (!call_failed(call, call_store_write(call, create, &work)))
        chatbot_reply(call, 201, "Chatbot created", &work);
}

// ---- read ----------------------------------------------------------------------------------------------------------

static int load_extras(struct tx *tx, void *arg, struct err *err)
{
    struct chatbot_work *work = arg;
    work->row = *work->call->chatbot;
    return chatbot_extras_load(tx, work->call->arena, &work->row, err);
}

static void read_chatbot(struct call *call)
{
    struct chatbot_work work = {.call = call};
    if (!call_failed(call, call_store_read(call, load_extras, &work)))
        chatbot_reply(call, 200, NULL, &work);
}

// ---- delete and restore --------------------------------------------------------------------------------------------

static int64_t restorable_until(const struct call *call, const struct chatbot *row)
{
    return row->deleted_at + settings_int(call->app->settings, SET_RETENTION_DELETED) * DAY_MS;
}

static void put_deleted(struct chatbot *row, int64_t at)
{
    row->deleted_at = at;
    model_mark(&chatbot_model, row, "deletedAt", at != 0);
}

static int remove_one(struct tx *tx, void *arg, struct err *err)
{
    struct chatbot_work *work = arg;
    struct chatbot *row = &work->row;
    int rc = chatbot_work_load(tx, work, err);
    if (!rc && row->is_default)
        return err_set(err, ERR_CONFLICT, "A brand's default chatbot cannot be deleted");
    if (rc)
        return rc;
    put_deleted(row, clock_wall_ms());
    struct str erase = arena_strf(tx_arena(tx), "{\"chatbotId\":\"" STR_FMT "\",\"deletedAt\":%lld}", STR_ARG(row->id),
                                  (long long)row->deleted_at);
    rc = chatbot_save(tx, row, STR_NULL, err);
    rc = rc ? rc : job_insert(tx, "chatbot.erase", erase, restorable_until(work->call, row), err);
    return rc ? rc : chatbot_audit(tx, "delete", row->id, STR_NULL, STR_NULL, err);
}

static void delete_chatbot(struct call *call)
{
    struct chatbot_work work = {.call = call};
    if (call_failed(call, call_store_write(call, remove_one, &work)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "id", work.row.id);
    json_add_time(doc, data, "deletedAt", work.row.deleted_at);
    json_add_time(doc, data, "restorableUntil", restorable_until(call, &work.row));
    call_data(call, 200, "Chatbot deleted", doc, data);
}

static int restore(struct tx *tx, void *arg, struct err *err)
{
    struct chatbot_work *work = arg;
    struct call *call = work->call;
    struct chatbot *row = &work->row;
    int64_t now = clock_wall_ms();
    int rc = call->chatbot ? chatbot_get(tx, call->arena, call->chatbot->id, row, err) : 0;
    if (rc < 0)
        return rc;
    if (rc == 0 || !model_has(&chatbot_model, row, "deletedAt") || restorable_until(call, row) <= now)
        return gone(err);
    rc = check_quota(tx, call, err);
    if (rc)
        return rc;
    put_deleted(row, 0);
    row->status = STR("inactive");
    row->updated_at = now;
    rc = chatbot_save(tx, row, STR_NULL, err);
    rc = rc ? rc : chatbot_audit(tx, "restore", row->id, STR_NULL, STR("{\"status\":\"inactive\"}"), err);
    return rc ? rc : chatbot_extras_load(tx, call->arena, row, err);
}

static void restore_chatbot(struct call *call)
{
    struct chatbot_work work = {.call = call};
    if (!call_failed(call, call_store_write(call, restore, &work)))
        chatbot_reply(call, 200, "Chatbot restored", &work);
}

static const struct parameter list_query[] = {
    {"status", "string", "As shown", .choices = "testing|active|inactive|training|error"},
    {"q", "string", "Words in name or description", .high = FILTER_MOST},
    {"tag", "string", "One of its tags", .high = FILTER_MOST},
    {"deleted", "boolean", "Only deleted ones (admins)"},
    {"sort", "string", "Order of the list", .choices = "createdAt|name|updatedAt|lastActivity"},
    {"order", "string", "Its direction; newest first, names from A", .choices = "asc|desc"},
};

#define CHATBOTS .surface = &surface_platform, .tag = "Chatbots", .limit = &LIMIT_MANAGEMENT, .family = "chatbots"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/chatbots", CHATBOTS, .who = WHO_MEMBER, .summary = "Chatbots that the caller may see",
     .flags = ENDPOINT_PAGED, .query = list_query, .n_query = sizeof list_query / sizeof *list_query,
     .reply = &chatbot_model, .run = list_chatbots},
    {HTTP_POST, "/api/v1/chatbots", CHATBOTS, .who = WHO_BRAND_ADMIN,
     .summary = "Make a chatbot; its key is shown this once", .body = &chatbot_model, .flags = ENDPOINT_CREATED,
     .reply = &chatbot_model, .run = create_chatbot},
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}", CHATBOTS, .who = WHO_SEE, .summary = "One chatbot, by id or slug",
     .reply = &chatbot_model, .run = read_chatbot},
    {HTTP_PUT, "/api/v1/chatbots/{chatbotId}", CHATBOTS, .who = WHO_CHANGE,
     .summary = "Change a chatbot; what is not given stays", .raw_body = true, .raw_model = &chatbot_model,
     .flags = ENDPOINT_PATCH | ENDPOINT_NO_BODY_NEEDED, .reply = &chatbot_model, .run = chatbot_update},
    {HTTP_DELETE, "/api/v1/chatbots/{chatbotId}", CHATBOTS, .who = WHO_CHANGE,
     .summary = "Delete a chatbot; it can be restored for a time",
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Chatbot deleted\",\"data\":{\"id\":"
                      "\"0198c0e0-0001-7000-8000-000000000001\",\"deletedAt\":\"2026-11-20T09:15:02.113Z\","
                      "\"restorableUntil\":\"2026-12-20T09:15:02.113Z\"}}",
     .run = delete_chatbot},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/restore", CHATBOTS, .who = WHO_BRAND_ADMIN,
     .summary = "Bring a deleted chatbot back; it is inactive", .flags = ENDPOINT_DELETED | ENDPOINT_NO_BODY_NEEDED,
     .body = &empty_body_model, .reply = &chatbot_model, .run = restore_chatbot},
};

struct endpoints chatbots_endpoints(void)
{
    return ENDPOINTS(rows);
}
