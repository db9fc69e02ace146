// SPDX-License-Identifier: Apache-2.0
// Frames from the client: what they are, and whether they are taken. Runs on workers, one message of a socket at a
// time. Whatever is answered goes through the socket's queue, so that answers come in the order of the frames; only
// `pong` and `cancel` act at once.
#include "api/chat.h"
#include "api/frames.h"
#include "api/socket_items.h"
#include "base/clock.h"
#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>

enum { BAD_FRAMES_MOST = 10, REFUSED_MOST = 10, MINUTE_MS = 60000 };
enum { CLOSE_POLICY = 1008, CLOSE_TOO_MUCH = 4429 };

static const struct loc data_root = {NULL, STR("data"), 0};

static void put(struct socket *socket, struct item *item)
{
    if (socket_queue(socket, item)) {
        socket_advance(socket);
        return;
    }
    item_free(item);
    http_ws_close(socket->ws, CLOSE_TOO_MUCH, "too many frames are waiting");
}

static void refuse(struct socket *socket, enum item_kind kind, const char *code, const char *message,
                   struct str conversation, int64_t retry_after_s)
{
    struct item *item = item_new(kind);
    item->code = code;
    item->message = arena_cstr(item->arena, str_from(message));
    item->conversation = arena_str(item->arena, conversation);
    item->retry_after_s = retry_after_s;
    put(socket, item);
}

static void bad_frame(struct socket *socket, const char *code, const char *message)
{
    int64_t now = clock_mono_ms();
    if (now - socket->bad_since > MINUTE_MS) {
        socket->bad_since = now;
        socket->bad_frames = 0;
    }
    refuse(socket, ITEM_ERROR, code, message, STR_NULL, 0);
    if (++socket->bad_frames >= BAD_FRAMES_MOST)
        http_ws_close(socket->ws, CLOSE_POLICY, "too many frames that are not understood");
}

// "Message is too long (at most 2000 characters)" and the like.
static void invalid(struct socket *socket, const struct faults *faults, struct str conversation)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const struct fault *fault = &faults->at[0];
    const char *message;
    if (fault->code == FAULT_LONG && str_eq(fault->loc->name, STR("message")))
        message = arena_printf(arena, "Message is too long (" STR_FMT ")", STR_ARG(fault->plain));
    else
        message = arena_printf(arena, STR_FMT ": " STR_FMT, STR_ARG(fault_loc_text(arena, fault->loc)),
                               STR_ARG(fault->message));
    refuse(socket, ITEM_REFUSED, "validation_error", message, conversation, 0);
}

// An id that may be shown back: of the right form.
static struct str usable_id(struct arena *arena, yyjson_val *data)
{
    struct resume_request probe = {0};
    struct faults *faults = faults_new(arena);
    int rc = model_decode_at(&resume_model, MODEL_LENIENT | MODEL_PATCH, data, &data_root, &probe, faults);
    return rc == 0 || model_has(&resume_model, &probe, "conversation_id") ? probe.conversation_id : STR_NULL;
}

static bool within_rate(struct socket *socket, struct arena *arena, struct str conversation)
{
    AUTO_BRAND struct brand_ref *brand = NULL;
    struct err err;
    struct str key = arena_strf(arena, "%llu", (unsigned long long)socket->number);
    int64_t limit = 30;
    if (brands_get(socket->app->brands, socket->scope.brand, &brand, &err) == 1)
        limit = brand->row.config.chat_settings.messages_per_minute;
    struct limit_state state = limiter_take(socket->app->limiter, "socket", key, limit, MINUTE_MS);
    if (state.allowed) {
        socket->refused_in_row = 0;
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, METRIC_AT(metric_label(LABEL_CLASS, STR("socket"))), 1);
    const char *text =
        arena_printf(arena, "Rate limit exceeded. Try again in %lld seconds.", (long long)state.retry_after_s);
    refuse(socket, ITEM_REFUSED, "rate_limited", text, conversation, state.retry_after_s);
    if (++socket->refused_in_row >= REFUSED_MOST)
        http_ws_close(socket->ws, CLOSE_TOO_MUCH, "too many messages");
    return false;
}

static void take_chat(struct socket *socket, struct arena *arena, yyjson_val *data)
{
    struct item *item = item_new(ITEM_CHAT);
    struct faults *faults = faults_new(item->arena);
    struct str id = usable_id(arena, data);
    bool good = model_decode_at(&chat_frame_model, MODEL_LENIENT, data, &data_root, &item->chat, faults) == 0 &&
                chat_message_fits(socket->app, faults, &item->chat, &data_root);
    if (!good)
        invalid(socket, faults, id);
    if (!good || !within_rate(socket, arena, id)) {
        item_free(item);
        return;
    }
    put(socket, item);
}

static void take_resume(struct socket *socket, struct arena *arena, yyjson_val *data)
{
    struct item *item = item_new(ITEM_RESUME);
    struct faults *faults = faults_new(item->arena);
    if (model_decode_at(&resume_model, MODEL_LENIENT, data, &data_root, &item->resume, faults) == 0) {
        put(socket, item);
        return;
    }
    invalid(socket, faults, usable_id(arena, data));
    item_free(item);
}

static void take_cancel(struct socket *socket)
{
    pthread_mutex_lock(&socket->lock);
    struct item *item = socket->item && socket->item->phase != PHASE_DONE ? socket->item : NULL;
    struct turn *turn = item && item->turn ? turn_ref(item->turn) : NULL;
    // A cancel right behind its question: that has not begun yet, but the client cannot know.
    socket->cancel = !item && (socket->starting || socket->first);
    pthread_mutex_unlock(&socket->lock);
    if (!turn)
        return;
    turn_cancel(turn);
    turn_unref(turn);
}

void socket_message(struct http_ws *ws, void *arg, struct str text)
{
    struct socket *socket = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *frame;
    if (json_parse(arena, text, JSON_RAW_NUMBERS, &frame, NULL) != 0) {
        bad_frame(socket, "invalid_json", "The frame is not valid JSON");
        return;
    }
    struct str type = json_get_str(frame, "type");
    if (!yyjson_is_obj(frame) || !type.p) {
        bad_frame(socket, "invalid_message", "A frame is an object whose type is a string");
        return;
    }
    yyjson_val *data = json_get(frame, "data");
    bool asks = str_eq(type, STR("chat")) || str_eq(type, STR("resume"));
    if (str_eq(type, STR("ping")))
        http_ws_send(ws, frame_pong(arena));
    else if (str_eq(type, STR("cancel")))
        take_cancel(socket);
    else if (asks && !yyjson_is_obj(data))
        refuse(socket, ITEM_REFUSED, "validation_error", "data must be an object", STR_NULL, 0);
    else if (str_eq(type, STR("chat")))
        take_chat(socket, arena, data);
    else if (str_eq(type, STR("resume")))
        take_resume(socket, arena, data);
}
