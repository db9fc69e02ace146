// SPDX-License-Identifier: Apache-2.0
// A chatbot's conversations (003-platform 4): asking, reading, ending, rating. Which conversation is meant, and whether
// the caller may reach it, is one question for all of them (find_named).
#include "api/conversation.h"

#include "api/access.h"
#include "api/chat.h"
#include "api/envelope.h"
#include "api/idempotency.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"
#include "engine/conversation_event.h"
#include "engine/personality.h"
#include "model/conversation.h"
#include "store/audit.h"
#include "store/crud.h"
#include "store/feedback.h"

enum { WAIT_MS = 30000, HISTORY_MOST = 1000, HISTORY_USUAL = 200 };

// ---- which conversation --------------------------------------------------------------------------------------------

struct named {
    struct call *call;
    struct str conversation_id, session_id; // as given; STR_NULL: not
    bool found, differ;                     // differ: they name two
    struct conversation conversation;
};

// Who sees a chatbot without being able to change it reaches only what they began; sessions of other channels are for
// those who may change it.
static bool may_reach(struct call *call, const struct conversation *conversation)
{
    if (access_changes(call))
        return true;
    if (session_id_reserved(conversation->session_id))
        return false;
    return call->caller.kind == CALLER_CHATBOT_KEY || str_eq(conversation->begun_by, call->caller.user.id);
}

static int find_named(struct tx *tx, struct named *n, struct err *err)
{
    struct call *call = n->call;
    struct conversation other;
    int rc = 0;
    n->found = n->differ = false;
    if (n->conversation_id.p && id_valid(n->conversation_id))
        rc = conversation_get(tx, call->arena, call->chatbot->id, arena_lower(call->arena, n->conversation_id),
                              &n->conversation, err);
    else if (!n->conversation_id.p && n->session_id.p)
        rc = conversation_find(tx, call->arena, call->chatbot->id, n->session_id, &n->conversation, err);
    n->found = rc == 1 && may_reach(call, &n->conversation);
    if (n->found && n->conversation_id.p && n->session_id.p) {
        rc = conversation_find(tx, call->arena, call->chatbot->id, n->session_id, &other, err);
        n->differ = rc == 0 || (rc == 1 && !str_eq(other.id, n->conversation.id));
    }
    return rc < 0 ? rc : 0;
}

static bool field_fault(struct call *call, const char *field, enum fault_code code, const char *text)
{
    static const struct loc body = {NULL, STR("body"), 0};
    struct loc at = {&body, str_from(field), 0};
    fault_add(call->faults, code, &at, NULL, 0, text);
    return false;
}

// Answers unless exactly one conversation was found.
static bool settle_named(const struct named *n)
{
    if (!n->conversation_id.p && !n->session_id.p)
        call_error(n->call, 400, "Either sessionId or conversationId is required");
    else if (!n->found)
        call_error(n->call, 404, "Not found");
    else if (n->differ) {
        (void)field_fault(n->call, "sessionId", FAULT_FORM, "that of the conversation");
        call_faults(n->call);
    } else
        return true;
    return false;
}

// ---- asking --------------------------------------------------------------------------------------------------------

struct str conversation_channel(struct call *call)
{
    return http_header_in(call->req, "origin").p ? STR("web_embed") : STR("api");
}

bool conversation_open(struct call *call)
{
    const struct chatbot *chatbot = call->chatbot;
    if (!call->brand->row.brand.is_active || str_eq(chatbot->status, STR("inactive"))) {
        call->endpoint->surface->error(call->req, 403, "CHATBOT_INACTIVE", "The chatbot is inactive");
        return false;
    }
    if (chatbot_channel_on(chatbot, arena_cstr(call->arena, conversation_channel(call))))
        return true;
    call->endpoint->surface->error(call->req, 403, "CHANNEL_DISABLED", "This channel is switched off");
    return false;
}

struct str conversation_new_session(struct arena *arena)
{
    char id[ID_SIZE], *out = arena_zalloc(arena, sizeof "sess_" + 32), *at = out + 5;
    id_v4(id);
    memcpy(out, "sess_", 5);
    for (size_t i = 0; id[i]; i++)
        if (id[i] != '-')
            *at++ = id[i];
    return str_from(out);
}

struct asking {
    struct named named;
    struct str personality_id;
    struct personality personality;
    bool has_personality;
};

static int look_up(struct tx *tx, void *arg, struct err *err)
{
    struct asking *a = arg;
    struct personality key = {.id = a->personality_id};
    int rc = a->named.conversation_id.p ? find_named(tx, &a->named, err) : 0;
    if (rc || !key.id.p)
        return rc;
    model_mark(&personality_model, &key, "id", true);
    rc = crud_get(tx, &personality_model, a->named.call->arena, &key, &a->personality, err);
    a->has_personality = rc == 1 && str_eq(a->personality.chatbot_id, a->named.call->chatbot->id);
    return rc < 0 ? rc : 0;
}

// What the body names of stored things. False: answered.
static bool prepare(struct call *call, struct asking *a)
{
    const struct conversation_request *body = call->body;
    *a = (struct asking){.named = {call, body->conversation_id, body->session_id},
                         .personality_id = body->personality_id};
    if (!body->conversation_id.p && !body->personality_id.p)
        return true;
    if (call_failed(call, call_store_read(call, look_up, a)))
        return false;
    if (body->conversation_id.p && !settle_named(&a->named))
        return false;
    if (!body->personality_id.p || a->has_personality)
        return true;
    (void)field_fault(call, "personalityId", FAULT_REFERENCE, "a personality of this chatbot");
    call_faults(call);
    return false;
}

static void answer(struct http_req *req, const struct turn_outcome *outcome)
{
    conversation_answer(req, 200, conversation_reply, outcome);
}

bool conversation_turn(struct call *call, struct chatbot_ref **ret_chatbot, struct turn_input *ret)
{
    int rc = brands_chatbot(call->app->brands, call->brand, call->chatbot->id, ret_chatbot, &call->err);
    if (call_failed(call, rc == 0 ? err_set(&call->err, ERR_NOT_FOUND, "Not found") : rc))
        return false;
    *ret = (struct turn_input){
        .chatbot = *ret_chatbot,
        .prefix = STR(""),
        .channel = conversation_channel(call),
        .begun_by = call->caller.kind == CALLER_USER ? call->caller.user.id : STR_NULL,
        .one_user = true,
        .idle_ms = (*ret_chatbot)->row.configuration.session_timeout_minutes * 60000,
        .owns_up = true,
        .wait_ms = WAIT_MS,
        .first = idempotency_take,
        .first_arg = call->first,
        .actor = call->scope.actor,
        .address = call->scope.address,
        .actor_kind = call->scope.actor_kind,
    };
    return true;
}

static void converse(struct call *call)
{
    const struct conversation_request *body = call->body;
    AUTO_CHATBOT struct chatbot_ref *chatbot = NULL;
    struct turn_input input;
    struct asking a;
    if (!prepare(call, &a) || !conversation_turn(call, &chatbot, &input))
        return;
    input.session = a.named.found        ? a.named.conversation.session_id
                    : body->session_id.p ? body->session_id
                                         : conversation_new_session(call->arena);
    input.user_label = body->user_id;
    input.message = body->message;
    input.metadata = body->metadata;
    input.context = body->context;
    input.only_of = access_changes(call) ? STR_NULL : input.begun_by;
    if (a.has_personality) {
        input.personality = personality_prompt(call->arena, &a.personality);
        input.personality_id = a.personality.id;
    }
    if (body->stream)
        call_stream(call, &input);
    else
        call_turn(call, &input, answer);
}

// ---- history -------------------------------------------------------------------------------------------------------

struct reading {
    struct named named;
    int64_t limit;
    struct str before;
    struct stored_message *messages;
    size_t n;
};

static int read_history(struct tx *tx, void *arg, struct err *err)
{
    struct reading *r = arg;
    int rc = find_named(tx, &r->named, err);
    if (rc || !r->named.found)
        return rc;
    // One more than asked for tells whether there are more.
    return conversation_shown(tx, r->named.call->arena, r->named.conversation.id, r->before, STR_NULL, r->limit + 1,
                              &r->messages, &r->n, err);
}

static const char *rating_name(struct str type)
{
    static const char *const names[][2] = {
        {"helpful", "positive"}, {"neutral", "neutral"}, {"not_helpful", "negative"}, {"inappropriate", "negative"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(type, str_from(names[i][0])))
            return names[i][1];
    return NULL;
}

static void add_message(struct call *call, yyjson_mut_doc *doc, yyjson_mut_val *list, const struct stored_message *m)
{
    bool bot = str_eq(m->role, STR("assistant"));
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
    json_add_str(doc, one, "id", m->id);
    json_add_str(doc, one, "text", m->content);
    json_add_str(doc, one, "content", m->content);
    json_add_str(doc, one, "role", m->role);
    json_add_cstr(doc, one, "sender", bot ? "bot" : "user");
    json_add_time(doc, one, "timestamp", m->created_at);
    json_add(doc, one, "metadata",
             bot             ? conversation_metadata(doc, call->arena, m->metadata)
             : m->metadata.p ? json_new_raw(doc, m->metadata)
                             : yyjson_mut_obj(doc));
    json_add_cstr(doc, one, "rating", rating_name(m->rating));
}

static void history(struct call *call)
{
    struct str conversation_id = http_query(call->req, "conversationId"),
               session_id = http_query(call->req, "sessionId");
    struct reading r = {
        .named = {call, conversation_id.n ? conversation_id : STR_NULL, session_id.n ? session_id : STR_NULL},
        .limit = call_query_int(call, "limit", HISTORY_USUAL),
        .before = http_query(call->req, "before").n ? http_query(call->req, "before") : STR_NULL,
    };
    bool texts = (!session_id.p || utf8_valid(session_id)) && (!r.before.n || id_valid(r.before));
    if (texts && call_failed(call, call_store_read(call, read_history, &r)))
        return;
    if (!settle_named(&r.named))
        return;
    const struct conversation *c = &r.named.conversation;
    size_t skip = r.n > (size_t)r.limit ? r.n - (size_t)r.limit : 0;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = skip; i < r.n; i++)
        add_message(call, doc, list, &r.messages[i]);
    json_add_str(doc, data, "id", c->id);
    json_add_str(doc, data, "chatbotId", c->chatbot_id);
    json_add_str(doc, data, "sessionId", c->session_id);
    json_add_str(doc, data, "userId", conversation_user(c));
    json_add(doc, data, "messages", list);
    json_add(doc, data, "context", json_new_raw(doc, c->context));
    json_add_time(doc, data, "startedAt", c->started_at);
    json_add_time(doc, data, "lastMessageAt", c->last_message_at);
    json_add_time(doc, data, "endedAt", c->ended_at);
    json_add_bool(doc, data, "hasMore", skip > 0);
    call_data(call, 200, NULL, doc, data);
}

// ---- ending --------------------------------------------------------------------------------------------------------

static int end_named(struct tx *tx, void *arg, struct err *err)
{
    struct named *n = arg;
    bool ended = false;
    int64_t now = clock_wall_ms();
    int rc = find_named(tx, n, err);
    if (rc || !n->found || n->differ)
        return rc;
    rc = conversation_close(tx, n->conversation.id, false, now, &ended, err);
    if (rc || !ended)
        return rc;
    n->conversation.ended_at = now;
    rc = conversation_event_ended(tx, &n->conversation, "explicit", now, err);
    struct audit_change change = {
        .action = "conversation_ended", .chatbot_id = n->conversation.chatbot_id, .target = n->conversation.id};
    return rc ? rc : audit_change(tx, &change, err);
}

static void end(struct call *call)
{
    const struct conversation_name *body = call->body;
    struct named n = {call, body->conversation_id, body->session_id};
    if (call_failed(call, call_store_write(call, end_named, &n)) || !settle_named(&n))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "conversationId", n.conversation.id);
    json_add_time(doc, data, "endedAt", n.conversation.ended_at);
    json_add_cstr(doc, data, "reason", "explicit");
    call_data(call, 200, NULL, doc, data);
}

// ---- rating --------------------------------------------------------------------------------------------------------

struct rating {
    struct named named;
    const struct rating_request *body;
    struct stored_message message;
    bool there; // the message
    struct feedback row;
};

static int tell_rated(struct tx *tx, const struct rating *r, struct err *err)
{
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "id", r->row.id);
    json_add_str(doc, data, "chatbotId", r->row.chatbot_id);
    json_add_str(doc, data, "conversationId", r->row.conversation_id);
    json_add_str(doc, data, "messageId", r->row.message_id);
    json_add_str(doc, data, "rating", r->body->rating);
    json_add_str(doc, data, "comment", r->row.comment);
    return event_write(tx, "response.rated", r->row.conversation_id, json_write(tx_arena(tx), data), err);
}

static struct str type_of(struct str rating)
{
    return str_eq(rating, STR("positive"))  ? STR("helpful")
           : str_eq(rating, STR("neutral")) ? STR("neutral")
                                            : STR("not_helpful");
}

static int rate_named(struct tx *tx, void *arg, struct err *err)
{
    struct rating *r = arg;
    struct call *call = r->named.call;
    const struct rating_request *body = r->body;
    const struct conversation *c = &r->named.conversation;
    r->there = false;
    int rc = find_named(tx, &r->named, err);
    if (rc || !r->named.found || r->named.differ)
        return rc;
    rc = body->message_id.p ? conversation_message(tx, call->arena, c->id, body->message_id, &r->message, err)
                            : conversation_newest_answer(tx, call->arena, c->id, &r->message, err);
    r->there = rc == 1 && str_eq(r->message.role, STR("assistant"));
    if (rc < 0 || !r->there)
        return rc < 0 ? rc : 0;
    r->row = (struct feedback){
        .chatbot_id = c->chatbot_id,
        .conversation_id = c->id,
        .message_id = r->message.id,
        .user_label = body->user_id.p ? body->user_id : conversation_user(c),
        .type = type_of(body->rating),
        .comment = body->comment,
        .source = "platform",
        .reported_query = body->query,
        .reported_response = body->response,
        .updated_at = clock_wall_ms(),
    };
    rc = feedback_put(tx, call->arena, &r->row, err);
    return rc ? rc : tell_rated(tx, r, err);
}

static void rate(struct call *call)
{
    const struct rating_request *body = call->body;
    struct rating r = {.named = {call, body->conversation_id, body->session_id}, .body = body};
    if (call_failed(call, call_store_write(call, rate_named, &r)) || !settle_named(&r.named))
        return;
    if (!r.there) {
        (void)field_fault(call, "messageId", FAULT_REFERENCE, "an answer of this conversation");
        call_faults(call);
        return;
    }
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "id", r.row.id);
    json_add_str(doc, data, "messageId", r.row.message_id);
    json_add_str(doc, data, "rating", body->rating);
    json_add_str(doc, data, "comment", r.row.comment);
    json_add_time(doc, data, "createdAt", r.row.created_at);
    call_data(call, 200, "Rating saved", doc, data);
}

static const struct parameter history_query[] = {
    {"sessionId", "string", "One of the two is needed"},
    {"conversationId", "string", NULL},
    {"limit", "integer", "The newest so many", 1, HISTORY_MOST},
    {"before", "string", "Id of a message: only older ones"},
};
#define ID_A "\"5b0d7c1e-1111-4aaa-8bbb-000000000001\""
#define METADATA_EXAMPLE                                                                                               \
    "{\"mode\":\"quoted\",\"reason\":\"no_model\",\"degraded\":false,\"answered\":true,\"finishReason\":\"stop\","     \
    "\"intent\":null,\"sentiment\":null,\"language\":\"en\",\"resolvedMessage\":null,\"references\":[],\"topic\":"     \
    "null,"                                                                                                            \
    "\"personalityId\":null,\"tools\":[],\"sources\":[],\"usage\":{\"promptTokens\":0,\"completionTokens\":0,"         \
    "\"totalTokens\":0,\"estimated\":false},\"responseTime\":2}"
#define REPLY_EXAMPLE                                                                                                  \
    "{\"status\":\"success\",\"success\":true,\"conversationId\":" ID_A ",\"sessionId\":\"sess_3f0c\",\"message\":"    \
    "\"How long is the warranty?\",\"response\":\"The Aurora X2 has a two-year warranty.\",\"timestamp\":"             \
    "\"2026-11-20T09:20:11.480Z\",\"metadata\":" METADATA_EXAMPLE ",\"data\":{\"conversationId\":" ID_A                \
    ",\"sessionId\":\"sess_3f0c\",\"userMessageId\":" ID_A ",\"messageId\":" ID_A ",\"message\":"                      \
    "\"How long is the warranty?\",\"response\":\"The Aurora X2 has a two-year warranty.\",\"timestamp\":"             \
    "\"2026-11-20T09:20:11.480Z\",\"metadata\":" METADATA_EXAMPLE "}}"
#define HISTORY_EXAMPLE                                                                                                \
    "{\"status\":\"success\",\"success\":true,\"data\":{\"id\":" ID_A ",\"chatbotId\":" ID_A                           \
    ",\"sessionId\":\"web-42\",\"userId\":\"web-42\",\"messages\":[{\"id\":" ID_A ",\"text\":\"Hi\",\"content\":"      \
    "\"Hi\",\"role\":\"user\",\"sender\":\"user\",\"timestamp\":\"2026-11-20T09:20:11.480Z\",\"metadata\":{},"         \
    "\"rating\":null}],\"context\":{},\"startedAt\":\"2026-11-20T09:20:11.480Z\",\"lastMessageAt\":"                   \
    "\"2026-11-20T09:20:11.480Z\",\"endedAt\":null,\"hasMore\":false}}"
#define CONVERSATION .surface = &surface_platform, .tag = "Conversations", .who = WHO_TALK, .limit = &LIMIT_CONVERSATION
#define PATH "/api/v1/chatbots/{chatbotId}/"
static const struct endpoint rows[] = {
    {HTTP_POST, PATH "conversation", CONVERSATION, .summary = "Ask a question; with `stream`, answered by events",
     .body = &conversation_request_model, .before_body = conversation_open, .reply_example = REPLY_EXAMPLE,
     .media = STREAM_MEDIA, .run = converse},
    {HTTP_GET, PATH "conversation/history", CONVERSATION, .summary = "Messages of a conversation, oldest first",
     .query = history_query, .n_query = 4, .reply_example = HISTORY_EXAMPLE, .run = history},
    {HTTP_POST, PATH "conversation/end", CONVERSATION, .summary = "End a conversation",
     .body = &conversation_name_model,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":{\"conversationId\":" ID_A
                      ",\"endedAt\":\"2026-11-20T09:20:11.480Z\",\"reason\":\"explicit\"}}",
     .run = end},
    {HTTP_POST, PATH "response-rating", CONVERSATION, .summary = "Rate an answer; again: another rating",
     .body = &rating_request_model,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Rating saved\",\"data\":{\"id\":" ID_A
                      ",\"messageId\":" ID_A ",\"rating\":\"positive\",\"comment\":null,\"createdAt\":"
                      "\"2026-11-20T09:20:11.480Z\"}}",
     .run = rate},
};

struct endpoints conversation_endpoints(void)
{
    return ENDPOINTS(rows);
}
