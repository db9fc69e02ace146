// SPDX-License-Identifier: Apache-2.0
// Starts what stands first in a socket's queue: a turn, a resumed answer, or a refusal. Runs on workers, at most once
// at a time for a socket; the writer (socket_write.c) then follows the item to its end and asks for the next.
#include "api/chat.h"
#include "api/access.h"
#include "api/socket_items.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"
#include "store/conversation.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { RESUME_MS = 600000 };

static void fresh_id(struct item *item)
{
    char *id = arena_alloc(item->arena, ID_SIZE);
    id_v4(id);
    item->conversation = str_from(id);
}

static void fail(struct item *item, const char *code, const char *message)
{
    item->kind = ITEM_REFUSED;
    item->code = code;
    item->message = message;
    if (!item->conversation.p)
        fresh_id(item);
}

// ---- chat ----------------------------------------------------------------------------------------------------------

static void start_chat(struct socket *socket, struct item *item, struct brand_ref *brand)
{
    struct turn_input input;
    bool fresh = model_has(&chat_frame_model, &item->chat, "new_conversation") && item->chat.new_conversation;
    if (!item->chat.conversation_id.n && !fresh)
        item->chat.conversation_id = socket_conversation(socket, item->arena);
    item->chat.voice |= socket->voice;
    item->typing_frames = brand->row.config.chat_settings.typing_frames;
    chat_turn_input(brand, item->arena, &item->chat, socket->channel, &socket->scope, &input);
    item->turn = turn_start(socket->app->engine, &input, NULL, NULL, NULL);
}

// ---- resume --------------------------------------------------------------------------------------------------------

struct load {
    struct item *item;
    struct str chatbot, session;
    struct stored_message answer;
    int found;
};

static int load_answer(struct tx *tx, void *arg, struct err *err)
{
    struct load *l = arg;
    struct conversation conversation;
    l->found = conversation_find(tx, l->item->arena, l->chatbot, l->session, &conversation, err);
    if (l->found == 1)
        l->found = conversation_newest_answer(tx, l->item->arena, conversation.id, &l->answer, err);
    return l->found < 0 ? l->found : 0;
}

static void fill_outcome(struct socket *socket, struct item *item, struct brand_ref *brand,
                         const struct stored_message *answer)
{
    struct turn_outcome *outcome = &item->loaded;
    yyjson_val *metadata = NULL, *list, *value;
    struct err err;
    size_t i, max;
    outcome->content = answer->content;
    outcome->metadata = answer->metadata;
    outcome->finish_reason = "error"; // without metadata: a crash left it
    if (!answer->metadata.p || json_parse(item->arena, answer->metadata, 0, &metadata, NULL) != 0)
        return;
    list = json_get(metadata, "suggested");
    struct str *ids = arena_calloc(item->arena, yyjson_arr_size(list) + 1, sizeof *ids);
    yyjson_arr_foreach(list, i, max, value) ids[i] = json_str(value);
    if (catalogue_products(socket->app->catalogues, brand, item->arena, ids, yyjson_arr_size(list), &outcome->products,
                           &outcome->n_products, &err) != 0)
        outcome->n_products = 0;
    value = json_get(metadata, "confidence");
    outcome->has_confidence = value != NULL;
    outcome->confidence = value ? yyjson_get_num(value) : 0;
}

static void start_resume(struct socket *socket, struct item *item, struct brand_ref *brand)
{
    struct load l = {.item = item, .chatbot = brand->row.chatbot_id};
    struct err err = {0};
    item->conversation = item->resume.conversation_id;
    l.session = arena_strf(item->arena, "%s" STR_FMT, CHAT_PREFIX, STR_ARG(item->conversation));
    item->skip = item->resume.offset;
    item->turn = turn_find(socket->app->engine, socket->scope.brand, l.chatbot, l.session);
    if (item->turn)
        return;
    int rc = store_read(socket->app->store, &socket->scope, load_answer, &l, &err);
    bool recent = rc == 0 && l.found == 1 && clock_wall_ms() - l.answer.created_at <= RESUME_MS &&
                  !str_eq(l.answer.status, STR("running")) && !str_eq(l.answer.status, STR("failed"));
    if (!recent) {
        fail(item, "nothing_to_resume", "There is no recent answer in this conversation");
        return;
    }
    item->text = l.answer.content;
    fill_outcome(socket, item, brand, &l.answer);
}

// ---- the queue -----------------------------------------------------------------------------------------------------

static void start(struct socket *socket, struct item *item)
{
    AUTO_BRAND struct brand_ref *brand = NULL;
    struct err err = {0};
    bool asks = item->kind == ITEM_CHAT || item->kind == ITEM_RESUME;
    if (!item->conversation.p && item->kind == ITEM_REFUSED)
        item->conversation = socket_conversation(socket, item->arena);
    if (!item->conversation.p && item->kind == ITEM_REFUSED)
        fresh_id(item);
    if (!asks)
        return;
    int rc = brands_get(socket->app->brands, socket->scope.brand, &brand, &err);
    bool open = rc == 1 && socket_may_ask(socket, brand);
    if (!open) {
        fail(item, rc < 0 ? "model_error" : "brand_unavailable",
             rc < 0 ? "Service temporarily unavailable" : "The brand is not available");
        pthread_mutex_lock(&socket->lock);
        socket->closing |= rc >= 0;
        pthread_mutex_unlock(&socket->lock);
    } else if (item->kind == ITEM_CHAT) {
        start_chat(socket, item, brand);
    } else {
        start_resume(socket, item, brand);
    }
}

static struct item *take_first(struct socket *socket)
{
    struct item *item = socket->first;
    if (!item)
        return NULL;
    socket->first = item->next;
    if (!socket->first)
        socket->last = &socket->first;
    socket->queued--;
    return item;
}

static void run(void *arg)
{
    struct socket *socket = arg;
    struct item *done = NULL, *next = NULL;
    pthread_mutex_lock(&socket->lock);
    if (socket->item && (socket->item->phase == PHASE_DONE || socket->closed)) {
        done = socket->item;
        socket->item = NULL;
    }
    if (!socket->item && !socket->closed)
        next = take_first(socket);
    socket->starting = next != NULL;
    pthread_mutex_unlock(&socket->lock);
    if (done && done->turn)
        turn_unwatch(done->turn, socket_on_turn, socket);
    if (done)
        item_free(done);
    if (next)
        start(socket, next);
    // Before anybody else sees the item: its end may come, and take the watcher away, as soon as it is seen.
    if (next && next->turn) {
        turn_watch(next->turn, socket_on_turn, socket);
        turn_read_to(next->turn, socket_on_turn, socket, 0); // the model must not run away before the first frame
    }
    pthread_mutex_lock(&socket->lock);
    if (next)
        socket->item = next;
    struct turn *cancel = socket->cancel && next && next->turn ? turn_ref(next->turn) : NULL;
    socket->starting = socket->cancel = false;
    // What came meanwhile: an item that ended at once, a frame, the end of the socket.
    bool again = socket->item ? socket->closed || socket->item->phase == PHASE_DONE : socket->first && !socket->closed;
    socket->advancing = again;
    http_ws_set_busy(socket->ws, socket->item != NULL); // under the lock: the next to run must not be overtaken
    pthread_mutex_unlock(&socket->lock);
    if (cancel) {
        turn_cancel(cancel);
        turn_unref(cancel);
    }
    http_ws_wake(socket->ws);
    if (again)
        pool_must_run(socket->app->workers, run, socket_ref(socket));
    socket_unref(socket);
}

void socket_advance(struct socket *socket)
{
    pthread_mutex_lock(&socket->lock);
    bool go = !socket->advancing;
    socket->advancing = true;
    pthread_mutex_unlock(&socket->lock);
    if (go)
        pool_must_run(socket->app->workers, run, socket_ref(socket));
}
