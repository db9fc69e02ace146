// SPDX-License-Identifier: Apache-2.0
// Frames to the client. Runs on the socket's loop whenever it can take more, and follows the running item: typing, its
// text as it comes, what went wrong, `complete`. A slow reader is asked less often, and its turn learns how far it is.
#include "api/access.h"
#include "api/frames.h"
#include "api/socket_items.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { CHUNK_MOST = 16384, TYPING_MS = 4900 };

void socket_on_turn(struct turn *turn, void *arg)
{
    struct socket *socket = arg;
    (void)turn;
    http_ws_wake(socket->ws);
}

static bool put_typing(struct socket *socket, struct item *item, bool typing)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    return !item->typing_frames || http_ws_put(socket->ws, frame_typing(arena, item->conversation, typing));
}

static const struct turn_outcome *outcome_of(const struct item *item)
{
    return item->turn ? turn_outcome(item->turn) : &item->loaded;
}

static bool has_ended(const struct item *item)
{
    return !item->turn || turn_ended(item->turn);
}

// The conversation's id comes with the commit of the visitor's message.
static bool know_conversation(struct socket *socket, struct item *item)
{
    if (item->conversation.p || !item->turn)
        return true;
    struct str id = turn_conversation(item->turn);
    if (!id.p) {
        if (!turn_ended(item->turn))
            return false;
        item->conversation = STR(""); // nothing was begun
        return true;
    }
    item->conversation = arena_str(item->arena, id);
    free(socket->conversation);
    socket->conversation = mem_strndup(id.p, id.n);
    return true;
}

static size_t whole_piece(const struct item *item, size_t room)
{
    struct str rest = {item->text.p + item->sent, item->text.n - item->sent};
    return rest.n > room ? utf8_whole((struct str){rest.p, room}) : rest.n;
}

// 1 = sent what there is, 0 = no room, -1 = all text was sent and the item has ended.
static int put_text(struct socket *socket, struct item *item)
{
    for (;;) {
        struct buf *text = &item->piece;
        buf_clear(text);
        bool ended = has_ended(item); // before the text is read: nothing comes after it
        size_t room = item->skip ? text->max : CHUNK_MOST;
        if (item->turn)
            (void)turn_text(item->turn, item->sent, room, text);
        else if (item->sent < item->text.n)
            buf_add(text, item->text.p + item->sent, whole_piece(item, room));
        struct str piece = buf_str(text);
        if (piece.n == 0)
            return ended ? -1 : 1;
        if (item->skip) {
            int64_t count = (int64_t)utf8_count(piece);
            item->sent += count < item->skip ? piece.n : utf8_offset(piece, (size_t)item->skip);
            item->skip -= count < item->skip ? count : item->skip;
            continue;
        }
        frame_chunk(&item->frame, item->conversation, piece);
        if (!http_ws_put(socket->ws, buf_str(&item->frame)))
            return 0;
        item->sent += piece.n;
    }
}

static void note_failure(struct item *item)
{
    const struct turn_outcome *outcome = outcome_of(item);
    if (item->code || !item->turn)
        return;
    bool cancelled = outcome->code == ERR_CANCELLED;
    if (outcome->broken || (outcome->code && !cancelled)) {
        item->code = "model_error";
        item->message = outcome->code && !outcome->model_failed ? "Service temporarily unavailable"
                                                                : "The assistant is temporarily unavailable";
    }
}

static bool put_error(struct socket *socket, struct item *item)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str conversation = item->conversation.n ? item->conversation : STR_NULL;
    return !item->code ||
           http_ws_put(socket->ws, frame_error(arena, item->code, item->message, conversation, item->retry_after_s));
}

static bool put_complete(struct socket *socket, struct item *item)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    bool began = item->kind != ITEM_REFUSED && outcome_of(item)->metadata.p;
    const char *error = began ? NULL : item->code;
    return http_ws_put(socket->ws, frame_complete(arena, item->conversation, outcome_of(item), error));
}

// Under the lock. True: the item has come to its end.
static bool write_item(struct socket *socket, struct item *item)
{
    bool refused = item->kind == ITEM_REFUSED || item->kind == ITEM_ERROR;
    int64_t now = clock_mono_ms();
    if (item->phase == PHASE_BEGIN) {
        if (!refused && !know_conversation(socket, item))
            return false;
        if (item->kind == ITEM_CHAT && !put_typing(socket, item, true))
            return false;
        item->typing_at = now;
        item->phase = refused ? PHASE_ERROR : PHASE_TEXT;
    }
    if (item->phase == PHASE_TEXT) {
        size_t before = item->sent;
        int rc = put_text(socket, item);
        if (item->turn && item->sent != before)
            turn_read_to(item->turn, socket_on_turn, socket, item->sent);
        if (rc > 0 && item->kind == ITEM_CHAT && item->sent == 0 && now - item->typing_at >= TYPING_MS &&
            put_typing(socket, item, true))
            item->typing_at = now;
        if (rc >= 0)
            return false;
        note_failure(item);
        item->phase = PHASE_ERROR;
    }
    if (item->phase == PHASE_ERROR) {
        if (!put_error(socket, item))
            return false;
        item->phase = item->kind == ITEM_ERROR ? PHASE_DONE : PHASE_QUIET;
    }
    if (item->phase == PHASE_QUIET) {
        if (item->kind == ITEM_CHAT && !put_typing(socket, item, false))
            return false;
        item->phase = PHASE_COMPLETE;
    }
    if (item->phase == PHASE_COMPLETE) {
        if (!put_complete(socket, item))
            return false;
        item->phase = PHASE_DONE;
    }
    return true;
}

static void say_goodbye(struct socket *socket)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *text = access_gone_text(arena, socket->scope.brand);
    socket->closing = false;
    (void)http_ws_put(socket->ws, frame_error(arena, "brand_unavailable", text, STR_NULL, 0));
    http_ws_close(socket->ws, CLOSE_NO_BRAND, "brand unavailable");
}

void socket_pull(struct http_ws *ws, void *arg)
{
    struct socket *socket = arg;
    (void)ws;
    pthread_mutex_lock(&socket->lock);
    struct item *item = socket->item;
    bool ended = item && item->phase != PHASE_DONE && write_item(socket, item);
    if (!item && !socket->first && socket->closing && !socket->closed)
        say_goodbye(socket);
    pthread_mutex_unlock(&socket->lock);
    if (ended)
        socket_advance(socket);
}
