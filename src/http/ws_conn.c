// SPDX-License-Identifier: Apache-2.0
// A WebSocket on its connection. The loop reads frames, hands whole messages to workers one after the other (`serial`),
// and writes. Other threads leave their frames in `out` under the loop's lock and post the socket once.
//
// An idle socket is this struct, its connection and its serial: what the handshake needed ends with the handshake.
//
// How it ends: a close frame is sent (and the peer's is awaited, a while) or the connection is lost; then the
// connection forgets the socket and `close` is queued behind the last message; after it the handle is released.
#include "http/server.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/ws_codec.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_QUEUED = 1 << 20, IN_FLIGHT = 32, RESUME_AT = 16, PONGS_MAX = 64 * 1024, BUCKETS = 6, BUCKET_MS = 10000 };

enum ws_state { WS_OPEN, WS_CLOSE_SENT };

struct http_ws {
    struct msg msg;
    struct loop *loop;
    const struct http_ws_handler *handler;
    void *arg;
    struct serial *serial;
    struct http_ws_options options;
    // Under the loop's lock.
    struct buf out;
    char *reason;
    uint16_t close_wanted;
    bool posted, wake, drop, ended; // drop: it must go at once
    // Any thread.
    atomic_bool busy;
    atomic_uint refs;
    atomic_uint in_flight; // messages with workers
    atomic_size_t unsent;
    atomic_llong active_ms; // last message, or end of the last turn
    atomic_llong ends_ms;   // 0: only by its age
    atomic_uint_least16_t ends_code;
    // The loop's.
    struct conn *conn;
    struct ws_codec codec;
    int64_t opened_ms, pinged_ms, close_sent_ms, progress_ms, bucket_ms;
    size_t unsent_seen;
    uint16_t buckets[BUCKETS];
    uint16_t close_code; // what `close` is told
    uint8_t state;
    bool pong_due, pull_wanted;
};

struct ws_task {
    struct http_ws *ws;
    size_t n;
    bool binary;
    char *text;
};

// ---- references -----------------------------------------------------------------------------------------------------

struct http_ws *http_ws_ref(struct http_ws *ws)
{
    atomic_fetch_add(&ws->refs, 1);
    return ws;
}

void http_ws_unref(struct http_ws *ws)
{
    if (!ws || atomic_fetch_sub(&ws->refs, 1) != 1)
        return;
    struct http_server *server = ws->loop->server;
    buf_done(&ws->out);
    ws_codec_done(&ws->codec);
    free(ws->reason);
    free(ws);
    server_unref(server);
}

// ---- from other threads ---------------------------------------------------------------------------------------------

static void socket_msg(struct msg *msg);

// Call with the lock held; returns whether the caller must post.
static bool mark_posted(struct http_ws *ws)
{
    bool post = !ws->posted && !ws->ended;
    if (post) {
        ws->posted = true;
        atomic_fetch_add(&ws->refs, 1);
    }
    return post;
}

static void send_frame(struct http_ws *ws, unsigned opcode, struct str payload)
{
    pthread_mutex_lock(&ws->loop->lock);
    if (!ws->ended && !ws->close_wanted && !ws->drop) {
        size_t before = ws->out.n;
        if (atomic_load(&ws->unsent) + payload.n > MAX_QUEUED || !ws_frame_add(&ws->out, opcode, payload))
            ws->drop = true;
        atomic_fetch_add(&ws->unsent, ws->out.n - before);
    }
    bool post = mark_posted(ws);
    pthread_mutex_unlock(&ws->loop->lock);
    if (post)
        loop_post(ws->loop, &ws->msg);
}

void http_ws_send(struct http_ws *ws, struct str text)
{
    send_frame(ws, WS_OPCODE_TEXT, text);
}

void http_ws_send_binary(struct http_ws *ws, struct str bytes)
{
    send_frame(ws, WS_OPCODE_BINARY, bytes);
}

void http_ws_wake(struct http_ws *ws)
{
    pthread_mutex_lock(&ws->loop->lock);
    ws->wake = true;
    bool post = mark_posted(ws);
    pthread_mutex_unlock(&ws->loop->lock);
    if (post)
        loop_post(ws->loop, &ws->msg);
}

void http_ws_close(struct http_ws *ws, uint16_t code, const char *reason)
{
    pthread_mutex_lock(&ws->loop->lock);
    if (!ws->close_wanted && !ws->ended) {
        ws->close_wanted = code;
        ws->reason = reason && *reason ? mem_strndup(reason, strnlen(reason, 200)) : NULL;
    }
    bool post = mark_posted(ws);
    pthread_mutex_unlock(&ws->loop->lock);
    if (post)
        loop_post(ws->loop, &ws->msg);
}

void http_ws_set_busy(struct http_ws *ws, bool busy)
{
    atomic_store(&ws->active_ms, clock_mono_ms());
    atomic_store(&ws->busy, busy);
    if (!busy)
        http_ws_wake(ws); // a close for its age may have waited
}

void http_ws_end_at(struct http_ws *ws, int64_t mono_ms, uint16_t code)
{
    atomic_store(&ws->ends_code, code);
    atomic_store(&ws->ends_ms, mono_ms);
    http_ws_wake(ws); // its deadline is another
}

size_t http_ws_unsent(const struct http_ws *ws)
{
    return atomic_load(&ws->unsent);
}

// ---- to the workers -------------------------------------------------------------------------------------------------

static void run_serial(struct http_ws *ws, void (*task)(void *), void *arg)
{
    server_task_begin(ws->loop->server);
    if (!serial_run(ws->serial, task, arg))
        abort(); // its queue holds all that IN_FLIGHT lets in
}

static void open_task(void *arg)
{
    struct http_ws *ws = arg;
    struct http_server *server = ws->loop->server;
    ws->handler->open(ws, ws->arg);
    server_task_end(server);
}

static void message_task(void *arg)
{
    struct ws_task *task = arg;
    struct http_ws *ws = task->ws;
    struct http_server *server = ws->loop->server;
    struct str text = {task->text, task->n};
    void (*message)(struct http_ws *, void *, struct str) = task->binary ? ws->handler->binary : ws->handler->message;
    if (message)
        message(ws, ws->arg, text);
    free(task->text);
    free(task);
    if (atomic_fetch_sub(&ws->in_flight, 1) == RESUME_AT)
        http_ws_wake(ws); // reading may have stopped
    server_task_end(server);
}

static void close_task(void *arg)
{
    struct http_ws *ws = arg;
    struct http_server *server = ws->loop->server;
    if (ws->handler->close)
        ws->handler->close(ws, ws->arg, ws->close_code);
    serial_free(ws->serial);
    atomic_fetch_sub(&server->sockets, 1);
    http_ws_unref(ws);
    server_task_end(server);
}

// The socket is over; `close` comes after the messages already handed out.
static void finish(struct http_ws *ws)
{
    struct conn *conn = ws->conn;
    conn->ws = NULL;
    ws->conn = NULL;
    pthread_mutex_lock(&ws->loop->lock);
    ws->ended = true;
    buf_done(&ws->out);
    pthread_mutex_unlock(&ws->loop->lock);
    ws_codec_done(&ws->codec);
    run_serial(ws, close_task, ws);
}

// ---- deadlines ------------------------------------------------------------------------------------------------------

// When it is over by its age, or by what somebody set, and with which code.
static int64_t end_of(const struct http_ws *ws, uint16_t *ret_code)
{
    int64_t old = ws->opened_ms + ws->options.max_lifetime_ms, set = atomic_load(&ws->ends_ms);
    bool sooner = set && set < old;
    *ret_code = sooner ? atomic_load(&ws->ends_code) : 1001;
    return sooner ? set : old;
}

static void set_deadline(struct http_ws *ws)
{
    const struct http_ws_options *options = &ws->options;
    int64_t now = clock_mono_ms(), due;
    uint16_t code;
    if (ws->state == WS_CLOSE_SENT) {
        due = ws->close_sent_ms + options->close_timeout_ms;
    } else {
        due = ws->pinged_ms + (ws->pong_due ? options->pong_timeout_ms : options->ping_interval_ms);
        int64_t idle = atomic_load(&ws->busy) ? now + options->idle_timeout_ms
                                              : atomic_load(&ws->active_ms) + options->idle_timeout_ms;
        int64_t old = end_of(ws, &code);
        due = idle < due ? idle : due;
        if (old < due)
            due = old > now ? old : now + 1000;
    }
    if (conn_unsent(ws->conn) > 0) {
        int64_t stuck = ws->progress_ms + ws->loop->server->options.write_timeout_ms;
        due = stuck < due ? stuck : due;
    }
    loop_deadline(ws->loop, &ws->conn->timer, due);
}

static void count_unsent(struct http_ws *ws)
{
    size_t now = conn_unsent(ws->conn);
    if (now < ws->unsent_seen || ws->unsent_seen == 0)
        ws->progress_ms = clock_mono_ms();
    ws->unsent_seen = now;
    pthread_mutex_lock(&ws->loop->lock);
    atomic_store(&ws->unsent, now + ws->out.n);
    pthread_mutex_unlock(&ws->loop->lock);
}

// ---- writing --------------------------------------------------------------------------------------------------------

static bool write_bytes(struct http_ws *ws, const struct buf *bytes)
{
    uv_buf_t buf = uv_buf_init(bytes->p, (unsigned)bytes->n);
    return bytes->n == 0 || conn_send(ws->conn, &buf, 1, 1);
}

static bool write_control(struct http_ws *ws, unsigned opcode, struct str payload)
{
    struct buf *out = &ws->loop->out;
    buf_clear(out);
    ws_frame_add(out, opcode, payload);
    return write_bytes(ws, out);
}

// Sends the close frame. After the peer's own (or a fault of the peer) nothing more is awaited.
static void send_close(struct http_ws *ws, uint16_t code, struct str reason, bool final)
{
    struct conn *conn = ws->conn;
    struct buf *out = &ws->loop->out;
    if (ws->close_code == 0)
        ws->close_code = code;
    pthread_mutex_lock(&ws->loop->lock);
    ws->close_wanted = code; // nothing is queued any more
    pthread_mutex_unlock(&ws->loop->lock);
    buf_clear(out);
    ws_frame_close(out, code, reason);
    if (!write_bytes(ws, out))
        return; // conn_close has finished the socket
    ws->state = WS_CLOSE_SENT;
    ws->close_sent_ms = clock_mono_ms();
    if (final) {
        finish(ws);
        conn_linger(conn);
    } else {
        set_deadline(ws);
    }
}

static void fail(struct http_ws *ws, uint16_t code)
{
    if (ws->state == WS_OPEN) {
        send_close(ws, code, STR_NULL, true);
        return;
    }
    struct conn *conn = ws->conn;
    finish(ws);
    conn_linger(conn);
}

bool http_ws_put(struct http_ws *ws, struct str text)
{
    struct buf *out = &ws->loop->out;
    size_t high = ws->loop->server->options.unsent_high, there = conn_unsent(ws->conn) + out->n;
    if (there > 0 && there + text.n > high) {
        ws->pull_wanted = true;
        return false;
    }
    ws_frame_add(out, WS_OPCODE_TEXT, text);
    return true;
}

static bool pull(struct http_ws *ws)
{
    while (ws->pull_wanted && ws->handler->pull && conn_unsent(ws->conn) < ws->loop->server->options.unsent_high) {
        buf_clear(&ws->loop->out);
        ws->pull_wanted = false; // set again by a put that found no room
        ws->handler->pull(ws, ws->arg);
        if (ws->loop->out.overflow) {
            conn_close(ws->conn);
            return false;
        }
        if (ws->loop->out.n == 0)
            break; // no room for even one: goes on in ws_written
        if (!write_bytes(ws, &ws->loop->out))
            return false;
    }
    return true;
}

// Sends what other threads queued, then what is pulled, then the close frame if one is wanted.
static void flush(struct http_ws *ws)
{
    pthread_mutex_lock(&ws->loop->lock);
    struct buf out = ws->out;
    ws->out = BUF_INIT(out.max);
    ws->pull_wanted |= ws->wake;
    ws->wake = false;
    bool drop = ws->drop;
    uint16_t code = ws->close_wanted;
    pthread_mutex_unlock(&ws->loop->lock);
    struct conn *conn = ws->conn;
    bool alive = !drop && (ws->state != WS_OPEN || write_bytes(ws, &out));
    buf_done(&out);
    if (drop)
        conn_close(conn);
    if (!alive || (ws->state == WS_OPEN && !pull(ws)))
        return;
    count_unsent(ws);
    if (code && ws->state == WS_OPEN && !(ws->pull_wanted && ws->handler->pull))
        send_close(ws, code, str_from(ws->reason), false);
    else
        set_deadline(ws);
}

static void resume_reading(struct http_ws *ws)
{
    struct conn *conn = ws->conn;
    if ((conn->reading && conn->pending.n == 0) || atomic_load(&ws->in_flight) >= RESUME_AT)
        return;
    struct buf pending = conn->pending;
    conn->pending = BUF_INIT(READ_SIZE + PENDING_MAX);
    if (pending.n > 0)
        ws_read(conn, pending.p, pending.n);
    buf_done(&pending);
    if (!conn->closing && conn->ws && conn->pending.n == 0)
        conn_read_start(conn);
}

static void socket_msg(struct msg *msg)
{
    struct http_ws *ws = (struct http_ws *)(void *)msg;
    pthread_mutex_lock(&ws->loop->lock);
    ws->posted = false;
    pthread_mutex_unlock(&ws->loop->lock);
    if (ws->conn)
        flush(ws);
    if (ws->conn)
        resume_reading(ws);
    http_ws_unref(ws);
}

void ws_written(struct conn *conn)
{
    if (conn->ws)
        flush(conn->ws);
}

// ---- reading --------------------------------------------------------------------------------------------------------

// Six buckets of ten seconds: never refuses who kept the limit within any 60 s.
static bool too_many_frames(struct http_ws *ws, size_t frames)
{
    int64_t now = clock_mono_ms();
    if (now - ws->bucket_ms >= BUCKETS * BUCKET_MS) {
        memset(ws->buckets, 0, sizeof ws->buckets);
        ws->bucket_ms = now;
    }
    while (now - ws->bucket_ms >= BUCKET_MS) {
        memmove(ws->buckets + 1, ws->buckets, sizeof ws->buckets - sizeof ws->buckets[0]);
        ws->buckets[0] = 0;
        ws->bucket_ms += BUCKET_MS;
    }
    size_t sum = ws->buckets[0] + frames;
    ws->buckets[0] = (uint16_t)(sum < UINT16_MAX ? sum : UINT16_MAX);
    for (size_t i = 1; i < BUCKETS; i++)
        sum += ws->buckets[i];
    return sum > ws->options.max_frames_per_minute;
}

static void message(struct http_ws *ws, bool binary)
{
    struct ws_task *task = mem_alloc(sizeof *task);
    *task = (struct ws_task){.ws = ws, .binary = binary};
    task->text = ws_codec_take(&ws->codec, &task->n);
    pthread_mutex_lock(&ws->loop->lock);
    bool wanted = ws->state == WS_OPEN && !ws->close_wanted;
    pthread_mutex_unlock(&ws->loop->lock);
    if (!wanted) {
        free(task->text);
        free(task);
        return;
    }
    atomic_store(&ws->active_ms, clock_mono_ms());
    atomic_fetch_add(&ws->in_flight, 1);
    run_serial(ws, message_task, task);
}

// False: the socket is over.
static bool event(struct http_ws *ws, enum ws_event event)
{
    struct str control = {ws->codec.control ? (const char *)ws->codec.control : "", ws->codec.control_n};
    switch (event) {
    case WS_MORE:
        return true;
    case WS_TEXT:
    case WS_BINARY:
        message(ws, event == WS_BINARY);
        return true;
    case WS_PING:
        if (ws->state == WS_OPEN && conn_unsent(ws->conn) < PONGS_MAX)
            return write_control(ws, WS_OPCODE_PONG, control);
        return true;
    case WS_PONG:
        ws->pong_due = false;
        return true;
    case WS_CLOSED:
        if (ws->state == WS_OPEN) {
            send_close(ws, ws->codec.code, STR_NULL, true);
        } else {
            struct conn *conn = ws->conn;
            finish(ws);
            conn_linger(conn);
        }
        return false;
    case WS_FAILED:
        fail(ws, ws->codec.code);
        return false;
    }
    return true;
}

void ws_read(struct conn *conn, char *bytes, size_t n)
{
    struct http_ws *ws = conn->ws;
    while (n > 0) {
        size_t used = 0;
        uint32_t frames = ws->codec.frames;
        enum ws_event what = ws_codec_read(&ws->codec, (uint8_t *)bytes, n, &used);
        bytes += used;
        n -= used;
        frames = ws->codec.frames - frames;
        if (frames && ws->state == WS_OPEN && too_many_frames(ws, frames)) {
            fail(ws, 4429);
            return;
        }
        if (!event(ws, what))
            return;
        if (n > 0 && atomic_load(&ws->in_flight) >= IN_FLIGHT) {
            conn->pending.max = READ_SIZE + PENDING_MAX;
            buf_add(&conn->pending, bytes, n);
            break;
        }
    }
    if (atomic_load(&ws->in_flight) >= IN_FLIGHT) {
        conn_read_stop(conn);
        if (atomic_load(&ws->in_flight) < RESUME_AT)
            http_ws_wake(ws); // they were done before reading had stopped
    }
    count_unsent(ws);
    set_deadline(ws);
}

// ---- beginning, end, time -------------------------------------------------------------------------------------------

int http_ws_check(struct http_req *req)
{
    struct str upgrade = http_header_in(req, "Upgrade"), version = http_header_in(req, "Sec-WebSocket-Version");
    char accept[29];
    bool wanted = false;
    while (upgrade.p)
        wanted |= str_eq_nocase(str_trim(str_split(&upgrade, ',')), STR("websocket"));
    if (!wanted || !req->upgrade || req->http10 || req->method != HTTP_GET) {
        http_header(req, "Upgrade", "websocket");
        return 426;
    }
    if (!str_eq(str_trim(version), STR("13"))) {
        http_header(req, "Upgrade", "websocket");
        http_header(req, "Sec-WebSocket-Version", "13");
        return 426;
    }
    return ws_accept_key(http_header_in(req, "Sec-WebSocket-Key"), accept) ? 0 : 400;
}

static void set_defaults(struct http_ws_options *options)
{
#define DEFAULT(field, value) options->field = options->field ? options->field : (value)
    DEFAULT(max_message, 65536);
    DEFAULT(ping_interval_ms, 30000);
    DEFAULT(pong_timeout_ms, 20000);
    DEFAULT(idle_timeout_ms, 300000);
    DEFAULT(max_lifetime_ms, 86400000);
    DEFAULT(max_frames_per_minute, 600);
    DEFAULT(close_timeout_ms, 2000);
#undef DEFAULT
}

struct http_ws *http_accept_ws(struct http_req *req, const char *subprotocol, const struct http_ws_options *options,
                               const struct http_ws_handler *handler, void *arg)
{
    struct http_ws *ws = mem_zalloc(sizeof *ws);
    ws->msg.run = socket_msg;
    atomic_init(&ws->refs, 1);
    ws->loop = req->loop;
    ws->handler = handler;
    ws->arg = arg;
    ws->options = *options;
    set_defaults(&ws->options);
    ws->serial = serial_new(req->server->options.workers, IN_FLIGHT + 2);
    ws->out = BUF_INIT(MAX_QUEUED + WS_HEAD_MAX);
    req->subprotocol = subprotocol;
    ws_codec_init(&ws->codec, ws->options.max_message, handler->binary != NULL);
    atomic_store(&ws->active_ms, clock_mono_ms());
    server_ref(req->server);
    atomic_fetch_add(&req->server->sockets, 1);
    req->ws = ws;
    req_answer_ws(req);
    return ws;
}

void ws_abandon(struct http_req *req)
{
    struct http_ws *ws = req->ws;
    ws->close_code = 1006;
    pthread_mutex_lock(&ws->loop->lock);
    ws->ended = true;
    pthread_mutex_unlock(&ws->loop->lock);
    if (ws->loop->ended) {
        server_task_begin(ws->loop->server);
        close_task(ws);
    } else {
        run_serial(ws, close_task, ws);
    }
}

void ws_attach(struct http_req *req)
{
    struct conn *conn = req->conn;
    struct http_ws *ws = req->ws;
    struct loop *loop = req->loop;
    char accept[29] = "";
    ws_accept_key(http_header_in(req, "Sec-WebSocket-Key"), accept);
    struct buf *out = &loop->out;
    buf_clear(out);
    buf_addf(out,
             "HTTP/1.1 101 Switching Protocols\r\nDate: %s\r\nX-Request-Id: %s\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
             loop_date(loop), req->id, accept);
    if (req->subprotocol)
        buf_addf(out, "Sec-WebSocket-Protocol: %s\r\n", req->subprotocol);
    buf_adds(out, buf_str(&req->fields_out));
    buf_add(out, "\r\n", 2);
    conn->req = NULL;
    req->conn = NULL;
    req->status = 101;
    req_done(req);
    req_free(req);
    conn->state = CONN_SOCKET;
    conn->ws = ws;
    ws->conn = conn;
    ws->opened_ms = ws->pinged_ms = ws->bucket_ms = ws->progress_ms = clock_mono_ms();
    if (ws->handler->open)
        run_serial(ws, open_task, ws);
    http_ws_ref(ws);
    if (write_bytes(ws, out)) {
        if (loop->close_code)
            http_ws_close(ws, loop->close_code, NULL);
        flush(ws);
    }
    if (ws->conn)
        resume_reading(ws);
    http_ws_unref(ws);
}

void ws_lost(struct conn *conn)
{
    struct http_ws *ws = conn->ws;
    if (ws->close_code == 0)
        ws->close_code = 1006;
    finish(ws);
}

void ws_due(struct conn *conn)
{
    struct http_ws *ws = conn->ws;
    const struct http_ws_options *options = &ws->options;
    int64_t now = clock_mono_ms();
    uint16_t code;
    count_unsent(ws);
    if (conn_unsent(conn) > 0 && now - ws->progress_ms >= ws->loop->server->options.write_timeout_ms) {
        conn_close(conn);
    } else if (ws->state == WS_CLOSE_SENT) {
        if (now - ws->close_sent_ms >= options->close_timeout_ms)
            conn_close(conn);
        else
            set_deadline(ws);
    } else if (!atomic_load(&ws->busy) && now >= end_of(ws, &code)) {
        send_close(ws, code, STR_NULL, false);
    } else if (!atomic_load(&ws->busy) && now - atomic_load(&ws->active_ms) >= options->idle_timeout_ms) {
        send_close(ws, 4408, STR_NULL, false);
    } else if (ws->pong_due && conn->reading && now - ws->pinged_ms >= options->pong_timeout_ms) {
        send_close(ws, 1011, STR_NULL, false);
    } else {
        if (now - ws->pinged_ms >= options->ping_interval_ms) {
            ws->pinged_ms = now;
            ws->pong_due = true;
            if (!write_control(ws, WS_OPCODE_PING, STR("")))
                return;
            count_unsent(ws);
        }
        set_deadline(ws);
    }
}

void ws_close_all(struct loop *loop, intptr_t code)
{
    loop->close_code = (uint16_t)code;
    for (struct conn *conn = loop->conns; conn; conn = conn->next)
        if (conn->ws)
            http_ws_close(conn->ws, (uint16_t)code, NULL);
}
