// SPDX-License-Identifier: Apache-2.0
// Chat over HTTP: a turn whose whole answer is one reply; history; clearing. The request is kept while the turn runs,
// no thread waits for it; a client that goes away cancels its turn.
#include "api/call.h"
#include "api/chat.h"
#include "api/present.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "engine/conversation_event.h"
#include "store/audit.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { WAIT_MS = 30000, HISTORY_MOST = 1000 };

const char CHAT_PREFIX[] = "brand:";

bool chat_message_fits(struct app *app, struct faults *faults, const struct chat_request *chat, const struct loc *root)
{
    int64_t most = settings_int(app->settings, SET_LIMITS_MESSAGE_CHARS);
    struct loc at = {root, STR("message"), 0};
    if ((int64_t)utf8_count(chat->message) <= most)
        return true;
    fault_add(faults, FAULT_LONG, &at, NULL, (double)most, NULL)->input_text = chat->message;
    return false;
}

void chat_turn_input(struct brand_ref *brand, struct arena *arena, const struct chat_request *chat, struct str channel,
                     const struct scope *scope, struct turn_input *ret)
{
    *ret = (struct turn_input){
        .chatbot = &brand->chatbot,
        .only_issued = str_eq(brand->row.config.chat_settings.conversation_ids, STR("issued")),
        .prefix = str_from(CHAT_PREFIX),
        .channel = channel,
        .user_label = chat->user_id.n ? chat->user_id : STR_NULL,
        .message = chat->message,
        .voice = chat->voice,
        .actor = scope->actor,
        .address = scope->address,
        .actor_kind = scope->actor_kind,
    };
    if (chat->conversation_id.n)
        ret->session = arena_strf(arena, "%s" STR_FMT, CHAT_PREFIX, STR_ARG(chat->conversation_id));
}

// ---- one turn ------------------------------------------------------------------------------------------------------

struct kept { // between a request and its turn; freed with the turn
    struct http_req *req;
    void (*answer)(struct http_req *req, const struct turn_outcome *outcome);
    _Atomic(struct turn *) turn;
    _Atomic bool gone, answered;
};

static yyjson_mut_val *whole_reply(yyjson_mut_doc *doc, struct arena *arena, const struct turn_outcome *outcome)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_str(doc, root, "response", outcome->content);
    json_add_str(doc, root, "conversation_id", outcome->conversation_id);
    json_add(doc, root, "suggested_products", present_products(doc, outcome->products, outcome->n_products));
    present_confidence(doc, root, outcome->has_confidence, outcome->confidence);
    json_add(doc, root, "metadata", present_metadata(doc, arena, outcome->metadata));
    return root;
}

static void answer(struct http_req *req, const struct turn_outcome *outcome)
{
    const struct endpoint *e = http_route_row(req);
    if (outcome->model_failed) {
        call_unavailable(req, e->surface, "The assistant is temporarily unavailable");
    } else if (outcome->code == ERR_LIMIT) {
        http_header(req, "Retry-After", "1");
        e->surface->error(req, 429, NULL, "Rate limit exceeded. Try again in 1 seconds.");
    } else if (outcome->code == ERR_NOT_FOUND) { // deleted since the request came
        e->surface->error(req, 404, NULL, "Brand not found");
    } else if (outcome->code) {
        call_unavailable(req, e->surface, "Service temporarily unavailable");
    } else {
        yyjson_mut_doc *doc = json_doc(http_arena(req));
        struct str text = json_write(http_arena(req), whole_reply(doc, http_arena(req), outcome));
        http_reply_static(req, 200, "application/json; charset=utf-8", text);
    }
}

static void on_turn(struct turn *turn, void *arg)
{
    struct kept *kept = arg;
    if (turn_ended(turn) && !atomic_exchange(&kept->answered, true))
        kept->answer(kept->req, turn_outcome(turn));
}

// Only called while the request is not answered, so while its turn is there.
static void on_gone(struct http_req *req, void *arg)
{
    struct kept *kept = arg;
    (void)req;
    atomic_store(&kept->gone, true);
    struct turn *turn = atomic_load(&kept->turn);
    if (turn)
        turn_cancel(turn);
}

void call_turn(struct call *call, const struct turn_input *input,
               void (*reply)(struct http_req *, const struct turn_outcome *))
{
    struct kept *kept = mem_zalloc(sizeof *kept);
    kept->req = call->req;
    kept->answer = reply;
    http_keep(call->req, on_gone, kept);
    struct turn_input whole = *input;
    whole.whole = true;
    struct turn *turn = turn_start(call->app->engine, &whole, on_turn, kept, free);
    atomic_store(&kept->turn, turn);
    if (atomic_load(&kept->gone))
        turn_cancel(turn);
    turn_unref(turn);
}

static void chat(struct call *call)
{
    const struct chat_request *body = call->body;
    static const struct loc root = {NULL, STR("body"), 0};
    struct turn_input input;
    if (!chat_message_fits(call->app, call->faults, body, &root)) {
        call_faults(call);
        return;
    }
    struct str channel = http_header_in(call->req, "origin").p ? STR("web_embed") : STR("api");
    chat_turn_input(call->brand, call->arena, body, channel, &call->scope, &input);
    input.wait_ms = WAIT_MS;
    call_turn(call, &input, answer);
}

// ---- history and clearing ------------------------------------------------------------------------------------------

struct ask {
    struct call *call;
    int64_t limit;
    bool any; // an admin finds every conversation of the brand
    struct conversation conversation;
    struct stored_message *messages;
    size_t n;
};

static int find(struct tx *tx, struct ask *a, struct err *err)
{
    struct call *call = a->call;
    struct str id = http_param(call->req, "conversation_id");
    struct str session = arena_strf(call->arena, "%s" STR_FMT, CHAT_PREFIX, STR_ARG(id));
    int rc = conversation_find(tx, call->arena, call->brand->row.chatbot_id, session, &a->conversation, err);
    return rc == 0 && a->any ? conversation_find_any(tx, call->arena, id, str_from(CHAT_PREFIX), &a->conversation, err)
                             : rc;
}

static int load_history(struct tx *tx, void *arg, struct err *err)
{
    struct ask *a = arg;
    int rc = find(tx, a, err);
    if (rc != 1 || a->conversation.ended)
        return rc < 0 ? rc : 0;
    return conversation_messages(tx, a->call->arena, a->conversation.id, INT64_MAX, a->limit, &a->messages, &a->n, err);
}

static bool is_admin(struct call *call)
{
    enum role role = ROLE_NONE;
    struct err err;
    return accounts_role(call->app->accounts, &call->caller, call->scope.brand, &role, &err) == 0 && role >= ROLE_ADMIN;
}

static void history(struct call *call)
{
    struct ask a = {.call = call, .limit = call_query_int(call, "limit", HISTORY_MOST), .any = is_admin(call)};
    if (call->faults->n) {
        call_faults(call);
        return;
    }
    if (call_failed(call, call_store_read(call, load_history, &a)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < a.n; i++) {
        const struct stored_message *m = &a.messages[i];
        struct message message = {
            .set = 15, .role = m->role, .content = m->content, .timestamp = m->created_at, .message_id = m->id};
        (void)yyjson_mut_arr_append(list, model_encode(&message_model, doc, &message));
    }
    json_add_str(doc, root, "conversation_id", http_param(call->req, "conversation_id"));
    json_add_str(doc, root, "brand_id", call->scope.brand);
    json_add(doc, root, "messages", list);
    call_json(call, 200, root);
}

static int clear(struct tx *tx, void *arg, struct err *err)
{
    struct ask *a = arg;
    int rc = find(tx, a, err);
    if (rc != 1 || a->conversation.ended)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Conversation not found");
    int64_t now = clock_wall_ms();
    rc = conversation_clear(tx, a->conversation.id, now, err);
    rc = rc ? rc : audit_write(tx, "conversation.clear", a->conversation.id, STR(""), err);
    if (rc)
        return rc;
    return conversation_event_ended(tx, &a->conversation, "cleared", now, err);
}

static void clear_conversation(struct call *call)
{
    struct ask a = {.call = call, .any = is_admin(call)};
    if (!call_failed(call, call_store_write(call, clear, &a)))
        call_message(call, "Conversation cleared successfully");
}

static const struct parameter history_query[] = {{"limit", "integer", "The newest so many", 1, HISTORY_MOST}};
#define CHAT_REPLY                                                                                                     \
    "{\"response\":\"The Skarv 2 sleeps "                                                                              \
    "two.\",\"conversation_id\":\"6f0d2c0e-8a53-4b63-9a0f-1f6f3f9f2b11\",\"suggested_products\":[],\"confidence_"      \
    "score\":null,"                                                                                                    \
    "\"metadata\":{\"message_id\":\"019cae2f-6b1e-7c50-9a41-52b0c1d7e6aa\",\"mode\":\"model\",\"model\":\"gpt-4\","    \
    "\"voice\":false,\"finish_reason\":\"stop\","                                                                      \
    "\"sources\":[],\"usage\":null,\"response_time_ms\":905,\"degraded\":false,\"reason\":null,\"price_corrections\":" \
    "[]}}"
#define HISTORY_REPLY                                                                                                  \
    "{\"conversation_id\":\"c-7\",\"brand_id\":\"nordvik\",\"messages\":[{\"role\":\"user\",\"content\":\"Which tent " \
    "for two?\","                                                                                                      \
    "\"timestamp\":\"2026-03-02T09:31:00.004Z\",\"message_id\":\"019cae2f-6452-7a01-b3c9-0e5d8a7f4c11\"}]}"
#define ROWS(prefix, group)                                                                                            \
    {HTTP_POST,                                                                                                        \
     prefix,                                                                                                           \
     &surface_brands,                                                                                                  \
     group,                                                                                                            \
     "Ask a question",                                                                                                 \
     WHO_PUBLIC,                                                                                                       \
     &LIMIT_CHAT,                                                                                                      \
     &chat_request_model,                                                                                              \
     .reply_example = CHAT_REPLY,                                                                                      \
     .run = chat},                                                                                                     \
        {HTTP_GET,                                                                                                     \
         prefix "/history/{conversation_id}",                                                                          \
         &surface_brands,                                                                                              \
         group,                                                                                                        \
         "Messages of a conversation, oldest first",                                                                   \
         WHO_PUBLIC,                                                                                                   \
         &LIMIT_READ,                                                                                                  \
         .query = history_query,                                                                                       \
         .n_query = 1,                                                                                                 \
         .reply_example = HISTORY_REPLY,                                                                               \
         .run = history},                                                                                              \
    {                                                                                                                  \
        HTTP_DELETE, prefix "/{conversation_id}", &surface_brands, group, "Erase a conversation", WHO_PUBLIC,          \
            &LIMIT_READ, .reply_example = "{\"message\":\"Conversation cleared successfully\"}",                       \
                         .run = clear_conversation                                                                     \
    }
static const struct endpoint rows[] = {ROWS("/chat/{brand_id}", "Chat"), ROWS("/chat", "Default brand")};

struct endpoints chat_endpoints(void)
{
    return ENDPOINTS(rows);
}
