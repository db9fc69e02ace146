// SPDX-License-Identifier: Apache-2.0
// A turn as server-sent events. The request is kept until the turn's conversation is known: what goes wrong before is
// an ordinary reply. From then on the loop pulls: the text from the turn itself, by offset, and at the end the whole
// reply, which the turn's last thread has made ready. What an event needs beyond the room of one pull waits in
// `pending`.
#include "api/conversation.h"

#include "api/idempotency.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { PENDING_MOST = 16 << 20, DELTA_MOST = 8192, KEEP_ALIVE_MS = 14000 }; // looked at every 5 s: at 15 s

struct stream {
    struct http_req *req; // until it is answered
    struct http_waker *_Atomic waker;
    struct turn *_Atomic turn;
    _Atomic bool gone, answered, ending, ended;
    _Atomic int refs;          // the turn's and the answer's
    struct first_reply *first; // NULL: none is kept
    struct buf last;           // complete or error, as an event; made before `ended`
    // The loop's:
    struct buf pending;
    size_t sent;   // of pending
    size_t offset; // of the turn's text
    size_t tools;  // events of tools told
    int64_t id, wrote_ms;
    bool begun, done;
};

static void release(void *arg)
{
    struct stream *s = arg;
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    http_waker_free(atomic_load(&s->waker));
    buf_done(&s->last);
    buf_done(&s->pending);
    free(s);
}

static void add_event(struct buf *out, int64_t id, const char *name, yyjson_mut_val *data)
{
    buf_addf(out, "id: %lld\nevent: %s\ndata: ", (long long)id, name);
    (void)json_write_buf(out, data);
    buf_addz(out, "\n\n");
}

static void add_start(struct buf *out, int64_t id, const struct turn_outcome *outcome)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "conversationId", outcome->row_id);
    json_add_str(doc, data, "sessionId", outcome->session_id);
    json_add_str(doc, data, "userMessageId", outcome->user_message_id);
    json_add_str(doc, data, "messageId", outcome->answer_id);
    add_event(out, id, "start", data);
}

static void add_delta(struct buf *out, int64_t id, struct str text)
{
    buf_addf(out, "id: %lld\nevent: delta\ndata: {\"text\":", (long long)id);
    (void)json_quote(out, text);
    buf_addz(out, "}\n\n");
}

// ---- on the loop ---------------------------------------------------------------------------------------------------

static void on_turn(struct turn *turn, void *arg);

static void add_tool(struct buf *out, int64_t id, const struct turn_tool_event *event)
{
    buf_addf(out, "id: %lld\nevent: tool\ndata: {\"name\":\"%s\",\"status\":\"%s\"}\n\n", (long long)id, event->name,
             event->status);
}

// The next piece of text, or what a tool has done before it.
static bool next_delta(struct stream *s)
{
    AUTO_BUF struct buf text = BUF_INIT(DELTA_MOST);
    struct turn *turn = atomic_load(&s->turn);
    struct turn_tool_event event;
    bool tool = turn_tool_event(turn, s->tools, &event);
    if (tool && event.offset <= s->offset) {
        s->tools++;
        add_tool(&s->pending, ++s->id, &event);
        return true;
    }
    size_t room = tool && event.offset - s->offset < DELTA_MOST ? event.offset - s->offset : DELTA_MOST;
    (void)turn_text(turn, s->offset, room, &text);
    if (text.n == 0)
        return false;
    s->offset += text.n;
    turn_read_to(turn, on_turn, s, s->offset);
    add_delta(&s->pending, ++s->id, buf_str(&text));
    return true;
}

// Makes the next event; false: there is none now.
static bool next_event(struct stream *s)
{
    s->pending.n = s->sent = 0;
    bool ended = atomic_load(&s->ended); // before the text: no text comes behind the end
    if (!s->begun) {
        s->begun = true;
        add_start(&s->pending, ++s->id, turn_outcome(atomic_load(&s->turn)));
        return true;
    }
    if (s->done)
        return false;
    if (next_delta(s))
        return true;
    if (ended) {
        s->done = true;
        buf_addf(&s->pending, "id: %lld\n", (long long)++s->id);
        buf_adds(&s->pending, buf_str(&s->last));
        return true;
    }
    if (clock_mono_ms() - s->wrote_ms < KEEP_ALIVE_MS)
        return false;
    buf_addz(&s->pending, ": keep-alive\n\n");
    return true;
}

static int pull(void *arg, struct buf *out, size_t room)
{
    struct stream *s = arg;
    while (room > 0) {
        if (s->sent == s->pending.n && !next_event(s))
            return !s->done;
        size_t left = s->pending.n - s->sent, n = left < room ? left : room;
        buf_add(out, s->pending.p + s->sent, n);
        s->sent += n;
        room -= n;
        s->wrote_ms = clock_mono_ms();
    }
    return 1;
}

static void closed(void *arg, bool completed)
{
    struct stream *s = arg;
    struct turn *turn = atomic_load(&s->turn);
    if (!completed)
        turn_cancel(turn);
    turn_unref(turn);
    release(s);
}

// ---- on the turn's threads -----------------------------------------------------------------------------------------

static void answer(struct stream *s, struct turn *turn)
{
    static const struct http_source source = {pull, closed, false};
    atomic_fetch_add(&s->refs, 1);
    atomic_store(&s->turn, turn_ref(turn));
    s->wrote_ms = clock_mono_ms();
    turn_read_to(turn, on_turn, s, 0);
    http_header(s->req, "Cache-Control", "no-store");
    http_header(s->req, "X-Accel-Buffering", "no");
    atomic_store(&s->waker, http_waker(s->req));
    http_reply_source(s->req, 200, STREAM_MEDIA, &source, s);
}

// The stream as it is sent again: its text in one piece.
static void keep_reply(struct stream *s, const struct turn_outcome *outcome)
{
    AUTO_BUF struct buf all = BUF_INIT(PENDING_MOST);
    int64_t id = 0;
    add_start(&all, ++id, outcome);
    if (outcome->content.n)
        add_delta(&all, ++id, outcome->content);
    buf_addf(&all, "id: %lld\n", (long long)++id);
    buf_adds(&all, buf_str(&s->last));
    first_reply_keep(s->first, 200, STREAM_MEDIA, buf_str(&all));
}

static void make_last(struct stream *s, const struct turn_outcome *outcome)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    if (outcome->code) {
        json_add_cstr(doc, data, "code", "UNAVAILABLE");
        json_add_cstr(doc, data, "message", "The answer could not be stored");
    } else {
        data = conversation_reply(doc, arena, outcome);
    }
    buf_addf(&s->last, "event: %s\ndata: ", outcome->code ? "error" : "complete");
    (void)json_write_buf(&s->last, data);
    buf_addz(&s->last, "\n\n");
    if (s->first && outcome->code)
        first_reply_drop(s->first);
    else if (s->first)
        keep_reply(s, outcome);
}

static void on_turn(struct turn *turn, void *arg)
{
    struct stream *s = arg;
    bool ended = turn_ended(turn), known = turn_conversation(turn).p;
    if (ended && !atomic_exchange(&s->ending, true)) {
        make_last(s, turn_outcome(turn));
        atomic_store(&s->ended, true);
    }
    if ((known || ended) && !atomic_exchange(&s->answered, true)) {
        if (known)
            answer(s, turn);
        else
            conversation_refuse(s->req, turn_outcome(turn));
        return;
    }
    struct http_waker *waker = atomic_load(&s->waker);
    if (waker) // else the first pull is still to come
        http_wake(waker);
}

static void on_gone(struct http_req *req, void *arg)
{
    struct stream *s = arg;
    (void)req;
    atomic_store(&s->gone, true);
    struct turn *turn = atomic_load(&s->turn);
    if (turn)
        turn_cancel(turn);
}

void call_stream(struct call *call, const struct turn_input *input)
{
    struct stream *s = mem_zalloc(sizeof *s);
    struct turn_input own = *input;
    s->req = call->req;
    s->first = first_reply_detach(call);
    s->last = BUF_INIT(PENDING_MOST);
    s->pending = BUF_INIT(PENDING_MOST);
    atomic_init(&s->refs, 1);
    http_keep(call->req, on_gone, s);
    own.lively = true;
    struct turn *turn = turn_start(call->app->engine, &own, on_turn, s, release), *none = NULL;
    (void)atomic_compare_exchange_strong(&s->turn, &none, turn);
    if (atomic_load(&s->gone))
        turn_cancel(turn);
    turn_unref(turn);
}
