// SPDX-License-Identifier: Apache-2.0
// The external API family (003-platform 15), for integrations written for an older client: chatbots, conversations and
// turns under /api/external/v1 and, as the newest version, /api/external. Callers reach what they began themselves: a
// user their own conversations, a chatbot's key those that were begun here with a key of it.
#include "api/access.h"
#include "api/chat.h"
#include "api/conversation.h"
#include "api/envelope.h"
#include "api/knowledge.h"
#include "base/clock.h"
#include "base/id.h"
#include "engine/conversation_event.h"
#include "engine/personality.h"
#include "model/conversation.h"
#include "store/audit.h"
#include "store/chatbot.h"
#include "store/crud.h"
#include "store/knowledge.h"

enum { CHATBOTS_USUAL = 100, CONVERSATIONS_USUAL = 20, MESSAGES_USUAL = 50, MESSAGES_MOST = 100, FOUND_MOST = 10 };
enum { QUERY_MOST = 4000, NAME_MOST = 64 };

// ---- replies -------------------------------------------------------------------------------------------------------

static yyjson_mut_val *success(yyjson_mut_doc *doc)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_bool(doc, root, "success", true);
    return root;
}

static void reply(struct call *call, int status, yyjson_mut_doc *doc, yyjson_mut_val *data)
{
    yyjson_mut_val *root = success(doc);
    json_add(doc, root, "data", data);
    envelope_send(call, status, root);
}

// `page` NULL: the list has none.
static void reply_list(struct call *call, yyjson_mut_doc *doc, yyjson_mut_val *list, const struct page *page)
{
    yyjson_mut_val *root = success(doc);
    json_add_int(doc, root, "count", (int64_t)yyjson_mut_arr_size(list));
    if (page) {
        json_add_int(doc, root, "total", page->total);
        json_add_int(doc, root, "page", page->page);
        json_add_int(doc, root, "pages", (page->total + page->limit - 1) / page->limit);
    }
    json_add(doc, root, "data", list);
    envelope_send(call, 200, root);
}

static yyjson_mut_val *object_or_empty(yyjson_mut_doc *doc, struct str json)
{
    return json.n ? json_new_raw(doc, json) : yyjson_mut_obj(doc);
}

static void versions(struct call *call)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc), *one = yyjson_mut_arr_add_obj(doc, list);
    const char *set = settings_str(call->app->settings, SET_PUBLIC_URL);
    struct str base = set ? str_from(set) : http_base_url(call->req);
    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    json_add_cstr(doc, one, "version", "v1");
    json_add_cstr(doc, one, "status", "stable");
    json_add_str(doc, one, "url", arena_strf(call->arena, STR_FMT "/api/external/v1", STR_ARG(base)));
    json_add(doc, root, "versions", list);
    json_add_cstr(doc, root, "latest", "v1");
    json_add_cstr(doc, root, "current", "v1");
    envelope_send(call, 200, root);
}

// ---- chatbots ------------------------------------------------------------------------------------------------------

static yyjson_mut_val *chatbot_shown(yyjson_mut_doc *doc, const struct chatbot *chatbot)
{
    yyjson_mut_val *one = yyjson_mut_obj(doc);
    json_add_str(doc, one, "id", chatbot->id);
    json_add_str(doc, one, "name", chatbot->name);
    json_add_str(doc, one, "description", chatbot->description);
    json_add_null(doc, one, "avatar");
    json_add_bool(doc, one, "isPublic", chatbot->is_public);
    json_add_time(doc, one, "createdAt", chatbot->created_at);
    json_add_time(doc, one, "updatedAt", chatbot->updated_at);
    return one;
}

struct chatbots {
    struct call *call;
    struct chatbot_query query;
    struct page page;
    struct chatbot *rows;
    size_t n;
};

static int load_chatbots(struct tx *tx, void *arg, struct err *err)
{
    struct chatbots *l = arg;
    return chatbot_list(tx, l->call->arena, &l->query, &l->rows, &l->n, &l->page.total, err);
}

static void list_chatbots(struct call *call)
{
    struct chatbots l = {.call = call, .page = call_page(call, CHATBOTS_USUAL)};
    l.query = (struct chatbot_query){.seen_by = call->role >= ROLE_ADMIN ? STR_NULL : call->caller.user.id,
                                     .order = CHATBOTS_BY_CREATION,
                                     .descending = true,
                                     .limit = l.page.limit,
                                     .offset = page_offset(&l.page)};
    if (call->chatbot) {
        l.rows = call->chatbot;
        l.page.total = 1;
        l.n = l.page.page == 1;
    } else if (call_failed(call, call_store_read(call, load_chatbots, &l))) {
        return;
    }
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < l.n; i++)
        (void)yyjson_mut_arr_append(list, chatbot_shown(doc, &l.rows[i]));
    reply_list(call, doc, list, &l.page);
}

struct its_personality {
    struct call *call;
    struct personality row;
    bool there;
};

static int load_personality(struct tx *tx, void *arg, struct err *err)
{
    struct its_personality *p = arg;
    struct personality key = {.id = p->call->chatbot->default_personality_id};
    model_mark(&personality_model, &key, "id", true);
    int rc = crud_get(tx, &personality_model, p->call->arena, &key, &p->row, err);
    p->there = rc == 1;
    return rc < 0 ? rc : 0;
}

static void get_chatbot(struct call *call)
{
    struct its_personality p = {.call = call};
    if (call->chatbot->default_personality_id.p && call_failed(call, call_store_read(call, load_personality, &p)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = chatbot_shown(doc, call->chatbot), *can = yyjson_mut_arr(doc);
    yyjson_mut_val *personality = p.there ? yyjson_mut_obj(doc) : yyjson_mut_null(doc);
    if (p.there) {
        json_add_str(doc, personality, "id", p.row.id);
        json_add_str(doc, personality, "name", p.row.name);
        json_add_str(doc, personality, "description", p.row.description);
    }
    json_add(doc, data, "personality", personality);
    (void)yyjson_mut_arr_add_str(doc, can, "text");
    (void)yyjson_mut_arr_add_str(doc, can, "knowledge");
    json_add(doc, data, "capabilities", can);
    reply(call, 200, doc, data);
}

// ---- conversations -------------------------------------------------------------------------------------------------

static struct str own_user(const struct call *call)
{
    return call->caller.kind == CALLER_USER ? call->caller.user.id : STR_NULL;
}

static void add_message(yyjson_mut_doc *doc, yyjson_mut_val *to, bool bot, struct str content)
{
    json_add_cstr(doc, to, "sender", bot ? "bot" : "user");
    json_add_str(doc, to, "content", content);
}

static yyjson_mut_val *conversation_shown_here(yyjson_mut_doc *doc, const struct conversation_summary *c, bool last)
{
    yyjson_mut_val *one = yyjson_mut_obj(doc), *message = c->last_role.p ? yyjson_mut_obj(doc) : yyjson_mut_null(doc);
    json_add_str(doc, one, "id", c->id);
    json_add_str(doc, one, "chatbotId", c->chatbot_id);
    json_add_str(doc, one, "title", c->title);
    if (last && c->last_role.p) {
        add_message(doc, message, str_eq(c->last_role, STR("assistant")), c->last_content);
        json_add_time(doc, message, "timestamp", c->last_at);
    }
    if (last)
        json_add(doc, one, "lastMessage", message);
    json_add_time(doc, one, "createdAt", c->started_at);
    json_add_time(doc, one, "updatedAt", c->last_at > c->last_message_at ? c->last_at : c->last_message_at);
    return one;
}

struct conversations {
    struct call *call;
    struct conversations_own query;
    struct page page;
    struct conversation_summary *rows;
    size_t n;
};

static int load_conversations(struct tx *tx, void *arg, struct err *err)
{
    struct conversations *l = arg;
    return conversations_own(tx, l->call->arena, &l->query, &l->rows, &l->n, &l->page.total, err);
}

static void list_conversations(struct call *call)
{
    struct conversations l = {.call = call, .page = call_page(call, CONVERSATIONS_USUAL)};
    l.query = (struct conversations_own){.user = own_user(call),
                                         .chatbot_id = call->chatbot ? call->chatbot->id : STR_NULL,
                                         .all_chatbots = call->role >= ROLE_ADMIN,
                                         .limit = l.page.limit,
                                         .offset = page_offset(&l.page)};
    if (call_failed(call, call_store_read(call, load_conversations, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < l.n; i++)
        (void)yyjson_mut_arr_append(list, conversation_shown_here(doc, &l.rows[i], true));
    reply_list(call, doc, list, &l.page);
}

struct beginning {
    struct call *call;
    struct conversation row;
};

static int begin(struct tx *tx, void *arg, struct err *err)
{
    struct beginning *b = arg;
    struct call *call = b->call;
    const struct external_conversation *body = call->body;
    int64_t now = clock_wall_ms();
    b->row = (struct conversation){.chatbot_id = call->chatbot->id,
                                   .session_id = conversation_new_session(call->arena),
                                   .channel = conversation_channel(call),
                                   .begun_by = own_user(call)};
    int rc = conversation_make(tx, call->arena, &b->row, body->metadata.p ? body->metadata : STR("{}"),
                               call->chatbot->configuration.session_timeout_minutes * 60000, now, err);
    return rc ? rc : conversation_event_started(tx, &b->row, false, b->row.event_count, now, err);
}

static void begin_conversation(struct call *call)
{
    static const struct loc root = {NULL, STR("body"), 0};
    struct beginning b = {.call = call};
    if (!call->chatbot) {
        struct loc at = {&root, STR("chatbotId"), 0};
        fault_add(call->faults, FAULT_MISSING, &at, NULL, 0, NULL);
        call_faults(call);
        return;
    }
    if (!conversation_open(call) || call_failed(call, call_store_write(call, begin, &b)))
        return;
    struct conversation_summary made = {.id = b.row.id,
                                        .chatbot_id = b.row.chatbot_id,
                                        .started_at = b.row.started_at,
                                        .last_message_at = b.row.last_message_at};
    yyjson_mut_doc *doc = call_doc(call);
    reply(call, 201, doc, conversation_shown_here(doc, &made, false));
}

// ---- one conversation ----------------------------------------------------------------------------------------------

struct search {
    struct call *call;
    struct str id, chatbot_id;
    struct conversation_summary *row;
    bool there;
};

static int search_begun(struct tx *tx, void *arg, struct err *err)
{
    struct search *s = arg;
    int rc = conversation_begun(tx, s->call->arena, own_user(s->call), s->id, &s->chatbot_id, err);
    return rc < 0 ? rc : 0;
}

static int load_own(struct tx *tx, void *arg, struct err *err)
{
    struct search *s = arg;
    int rc = conversation_own(tx, s->call->arena, own_user(s->call), s->call->chatbot->id, s->id, s->row, err);
    s->there = rc == 1;
    return rc < 0 ? rc : 0;
}

// Before the body is read. call->object: the summary of the conversation that the path names, one of the caller's.
static bool find_own(struct call *call)
{
    struct str name = http_param(call->req, "conversationId");
    struct search s = {.call = call, .row = ARENA_NEW(call->arena, struct conversation_summary)};
    struct scope everywhere = scope_installation(call->scope.actor);
    bool user = call->caller.kind == CALLER_USER;
    if (id_valid(name)) {
        s.id = arena_lower(call->arena, name);
        if (user && call_failed(call, store_read(call->app->store, &everywhere, search_begun, &s, &call->err)))
            return false;
        if (s.chatbot_id.p && !access_named(call, s.chatbot_id))
            return false;
        if (call->chatbot && call_failed(call, call_store_read(call, load_own, &s)))
            return false;
    }
    call->object = s.there ? s.row : NULL;
    if (!s.there)
        call_error(call, 404, "Not found");
    return s.there;
}

static void get_conversation(struct call *call)
{
    const struct conversation_summary *c = call->object;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = conversation_shown_here(doc, c, true);
    json_add_str(doc, data, "chatbotName", c->chatbot_name);
    json_add_null(doc, data, "chatbotAvatar");
    json_add(doc, data, "metadata", object_or_empty(doc, c->metadata));
    reply(call, 200, doc, data);
}

static yyjson_mut_val *message_shown(yyjson_mut_doc *doc, struct arena *arena, const struct stored_message *m)
{
    bool bot = str_eq(m->role, STR("assistant"));
    yyjson_mut_val *one = yyjson_mut_obj(doc);
    json_add_str(doc, one, "id", m->id);
    add_message(doc, one, bot, m->content);
    json_add_cstr(doc, one, "type", "text");
    json_add(doc, one, "metadata",
             bot ? conversation_metadata(doc, arena, m->metadata) : object_or_empty(doc, m->metadata));
    json_add_time(doc, one, "createdAt", m->created_at);
    return one;
}

struct messages {
    struct call *call;
    struct str before, after;
    int64_t limit;
    struct stored_message *rows;
    size_t n;
};

static int load_messages(struct tx *tx, void *arg, struct err *err)
{
    struct messages *l = arg;
    const struct conversation_summary *c = l->call->object;
    return conversation_shown(tx, l->call->arena, c->id, l->before, l->after, l->limit, &l->rows, &l->n, err);
}

static struct str query_id(struct call *call, const char *name)
{
    struct str id = http_query(call->req, name);
    return id.n ? arena_lower(call->arena, id) : STR_NULL;
}

static void list_messages(struct call *call)
{
    struct messages l = {.call = call,
                         .before = query_id(call, "before"),
                         .after = query_id(call, "after"),
                         .limit = call_query_int(call, "limit", MESSAGES_USUAL)};
    if (call_failed(call, call_store_read(call, load_messages, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < l.n; i++)
        (void)yyjson_mut_arr_append(list, message_shown(doc, call->arena, &l.rows[i]));
    reply_list(call, doc, list, NULL);
}

// ---- a turn --------------------------------------------------------------------------------------------------------

static yyjson_mut_val *turn_shown(yyjson_mut_doc *doc, struct arena *arena, const struct turn_outcome *outcome)
{
    struct stored_message asked = {.id = outcome->user_message_id,
                                   .role = STR("user"),
                                   .content = outcome->message,
                                   .metadata = outcome->message_metadata,
                                   .created_at = outcome->asked_at};
    struct stored_message answered = {.id = outcome->answer_id,
                                      .role = STR("assistant"),
                                      .content = outcome->content,
                                      .metadata = outcome->metadata,
                                      .created_at = outcome->answered_at};
    yyjson_mut_val *root = success(doc), *data = yyjson_mut_obj(doc);
    json_add(doc, data, "userMessage", message_shown(doc, arena, &asked));
    json_add(doc, data, "botMessage", message_shown(doc, arena, &answered));
    json_add(doc, root, "data", data);
    return root;
}

static void answer(struct http_req *req, const struct turn_outcome *outcome)
{
    conversation_answer(req, 201, turn_shown, outcome);
}

static bool find_and_open(struct call *call)
{
    return find_own(call) && conversation_open(call);
}

static void post_message(struct call *call)
{
    const struct external_message *body = call->body;
    const struct conversation_summary *c = call->object;
    AUTO_CHATBOT struct chatbot_ref *chatbot = NULL;
    struct turn_input input;
    if (!conversation_turn(call, &chatbot, &input))
        return;
    input.session = c->session_id;
    input.message = body->content;
    input.metadata = body->metadata;
    input.only_of = input.begun_by;
    call_turn(call, &input, answer);
}

// ---- knowledge -----------------------------------------------------------------------------------------------------

struct bases {
    struct call *call;
    struct knowledge_base *rows;
    size_t n;
};

static int load_bases(struct tx *tx, void *arg, struct err *err)
{
    struct bases *b = arg;
    return knowledge_bases(tx, b->call->arena, b->call->chatbot->id, &b->rows, &b->n, err);
}

// As turns ask, but in bases alone.
static bool in_bases(struct call *call, struct knowledge_query *query)
{
    struct bases b = {.call = call};
    struct knowledge_filters *filters = ARENA_NEW(call->arena, struct knowledge_filters);
    if (query->filters)
        *filters = *query->filters;
    query->filters = filters;
    query->limit = FOUND_MOST;
    if (model_has(&knowledge_filters_model, filters, "knowledgeBaseIds"))
        return true;
    if (call_failed(call, call_store_read(call, load_bases, &b)))
        return false;
    struct str *ids = arena_calloc(call->arena, b.n + 1, sizeof *ids);
    for (size_t i = 0; i < b.n; i++)
        ids[i] = b.rows[i].id;
    filters->knowledge_base_ids = (struct strings){ids, b.n};
    model_mark(&knowledge_filters_model, filters, "knowledgeBaseIds", true);
    return true;
}

struct results {
    struct call *call;
    const struct knowledge_found *found;
    yyjson_mut_doc *doc;
    yyjson_mut_val *list;
};

static int load_results(struct tx *tx, void *arg, struct err *err)
{
    struct results *r = arg;
    int rc = 0;
    r->list = yyjson_mut_arr(r->doc);
    for (size_t i = 0; i < r->found->n && rc >= 0; i++) {
        const struct passage *p = &r->found->passages[i];
        struct knowledge_item item;
        rc = p->base_id.p ? knowledge_item_get(tx, r->call->arena, p->base_id, p->document_id, &item, err) : 0;
        if (rc != 1)
            continue;
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(r->doc, r->list);
        json_add_str(r->doc, one, "id", p->document_id);
        json_add_str(r->doc, one, "title", p->title);
        json_add_str(r->doc, one, "content", p->text);
        json_add_str(r->doc, one, "source", item.source);
        json_add_str(r->doc, one, "type", p->type);
        json_add(r->doc, one, "metadata", object_or_empty(r->doc, item.metadata));
        json_add_decimal(r->doc, one, "relevanceScore", (double)p->relevance, 4);
    }
    return rc < 0 ? rc : 0;
}

static void search_knowledge(struct call *call)
{
    AUTO_CHATBOT struct chatbot_ref *chatbot = NULL;
    struct knowledge_query query;
    struct knowledge_found found;
    int rc = brands_chatbot(call->app->brands, call->brand, call->chatbot->id, &chatbot, &call->err);
    if (call_failed(call, rc == 0 ? err_set(&call->err, ERR_NOT_FOUND, "Not found") : rc))
        return;
    knowledge_query_of(call->arena, chatbot, call_query_text(call, "query"), &query);
    if (!in_bases(call, &query))
        return;
    rc = knowledge_retrieve(call->app->catalogues, call->brand, call->arena, &query, &found, &call->err);
    struct results r = {.call = call, .found = &found, .doc = call_doc(call)};
    if (call_failed(call, rc) || call_failed(call, call_store_read(call, load_results, &r)))
        return;
    reply_list(call, r.doc, r.list, NULL);
}

// ---- the table -----------------------------------------------------------------------------------------------------

#define ID_A "\"5b0d7c1e-1111-4aaa-8bbb-000000000001\""
#define TIME_A "\"2026-11-20T09:20:11.480Z\""
#define CHATBOT_A                                                                                                      \
    "\"id\":" ID_A ",\"name\":\"Ingredient guide\",\"description\":\"\",\"avatar\":null,\"isPublic\":true,"            \
    "\"createdAt\":" TIME_A ",\"updatedAt\":" TIME_A
#define BEGUN_A "\"id\":" ID_A ",\"chatbotId\":" ID_A ",\"title\":null"
#define CHANGED_A ",\"createdAt\":" TIME_A ",\"updatedAt\":" TIME_A
#define LAST_A ",\"lastMessage\":null"
#define USER_A                                                                                                         \
    "{\"id\":" ID_A ",\"sender\":\"user\",\"content\":\"Hi\",\"type\":\"text\",\"metadata\":{},\"createdAt\":" TIME_A  \
    "}"
#define BOT_A                                                                                                          \
    "{\"id\":" ID_A                                                                                                    \
    ",\"sender\":\"bot\",\"content\":\"Hello!\",\"type\":\"text\",\"metadata\":{},\"createdAt\":" TIME_A "}"
#define ONE(members) "{\"success\":true,\"data\":{" members "}}"
#define LIST(one) "{\"success\":true,\"count\":1,\"data\":[" one "]}"
#define PAGE(members) "{\"success\":true,\"count\":1,\"total\":1,\"page\":1,\"pages\":1,\"data\":[{" members "}]}"

static const struct parameter paging[] = {
    {"page", "integer", "Which page", 1, INT32_MAX},
    {"limit", "integer", "Objects of a page", 1, 100},
    {"chatbotId", "string", "Only those with this chatbot: its id or slug", 0, NAME_MOST},
};
static const struct parameter message_query[] = {
    {"limit", "integer", "The newest so many, or the oldest behind `after`", 1, MESSAGES_MOST},
    {"before", "uuid", "Id of a message: only older ones"},
    {"after", "uuid", "Id of a message: only newer ones"},
};
static const struct parameter knowledge_params[] = {
    {"query", "string", "What is looked for", 1, QUERY_MOST, .required = true}};

#define EXTERNAL .surface = &surface_external, .tag = "External", .limit = &LIMIT_EXTERNAL
// Each under its version and as the newest one.
#define BOTH(method, path, ...)                                                                                        \
    {(method), "/api/external/v1/" path, EXTERNAL, __VA_ARGS__},                                                       \
    {                                                                                                                  \
        (method), "/api/external/" path, EXTERNAL, __VA_ARGS__                                                         \
    }
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/external", EXTERNAL, .summary = "Versions of this API", .who = WHO_ANYBODY,
     .reply_example = "{\"versions\":[{\"version\":\"v1\",\"status\":\"stable\",\"url\":"
                      "\"https://chat.example.com/api/external/v1\"}],\"latest\":\"v1\",\"current\":\"v1\"}",
     .run = versions},
    BOTH(HTTP_GET, "chatbots", .summary = "Chatbots that the caller may talk with", .who = WHO_MEMBER_TALK,
         .query = paging, .n_query = 2, .reply_example = PAGE(CHATBOT_A), .run = list_chatbots),
    BOTH(HTTP_GET, "chatbots/{chatbotId}", .summary = "One chatbot", .who = WHO_TALK,
         .reply_example = ONE(CHATBOT_A ",\"personality\":null,\"capabilities\":[\"text\",\"knowledge\"]"),
         .run = get_chatbot),
    BOTH(HTTP_GET, "chatbots/{chatbotId}/knowledge", .summary = "Search its active knowledge bases", .who = WHO_TALK,
         .query = knowledge_params, .n_query = 1,
         .reply_example = LIST("{\"id\":" ID_A ",\"title\":\"Warranty\",\"content\":\"Two years.\",\"source\":"
                               "\"manual\",\"type\":\"item\",\"metadata\":{},\"relevanceScore\":0.91}"),
         .run = search_knowledge),
    BOTH(HTTP_GET, "conversations", .summary = "Conversations that the caller began, the newest activity first",
         .who = WHO_MEMBER_TALK, .flags = ENDPOINT_CHATBOT_QUERY, .query = paging, .n_query = 3,
         .reply_example = PAGE(BEGUN_A LAST_A CHANGED_A), .run = list_conversations),
    BOTH(HTTP_POST, "conversations", .summary = "Begin a conversation", .who = WHO_MEMBER_TALK,
         .body = &external_conversation_model,
         .flags = ENDPOINT_CREATED | ENDPOINT_NO_BODY_NEEDED | ENDPOINT_CHATBOT_BODY,
         .reply_example = ONE(BEGUN_A CHANGED_A), .run = begin_conversation),
    BOTH(HTTP_GET, "conversations/{conversationId}", .summary = "One conversation that the caller began",
         .who = WHO_KEY, .before_body = find_own,
         .reply_example = ONE(BEGUN_A LAST_A CHANGED_A
                              ",\"chatbotName\":\"Ingredient guide\",\"chatbotAvatar\":null,\"metadata\":{}"),
         .run = get_conversation),
    BOTH(HTTP_GET, "conversations/{conversationId}/messages", .summary = "Its messages, oldest first", .who = WHO_KEY,
         .before_body = find_own, .query = message_query, .n_query = 3, .reply_example = LIST(USER_A),
         .run = list_messages),
    BOTH(HTTP_POST, "conversations/{conversationId}/messages", .summary = "Ask; the reply has the answer",
         .who = WHO_KEY, .before_body = find_and_open, .body = &external_message_model, .flags = ENDPOINT_CREATED,
         .reply_example = ONE("\"userMessage\":" USER_A ",\"botMessage\":" BOT_A), .run = post_message),
};

struct endpoints external_endpoints(void)
{
    return ENDPOINTS(rows);
}
