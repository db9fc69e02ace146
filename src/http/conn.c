// SPDX-License-Identifier: Apache-2.0
// One connection: reading, the states of http/server.h, writing, deadlines.
//
// Reading goes on while a request is with its handler: a stopped read would hide that the client has left. What comes
// too early waits in `pending` (bounded; beyond it reading does stop). Memory of an idle connection is this struct
// alone: the parser and the request exist only while there is a request, read buffers are the loop's.
#include "http/server.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

struct write {
    uv_write_t req;
    struct conn *conn;
    char copied[];
};

static void set_deadline(struct conn *conn, int64_t in_ms)
{
    loop_deadline(conn->loop, &conn->timer, clock_mono_ms() + in_ms);
}

static void no_deadline(struct conn *conn)
{
    wheel_remove(&conn->loop->wheel, &conn->timer);
}

// ---- life -----------------------------------------------------------------------------------------------------------

static void drop_head(struct conn *conn)
{
    struct loop *loop = conn->loop;
    if (conn->head && loop->n_spare < SPARE_HEADS)
        loop->spare[loop->n_spare++] = conn->head;
    else
        head_free(conn->head);
    conn->head = NULL;
}

static void take_head(struct conn *conn)
{
    struct loop *loop = conn->loop;
    const struct http_options *options = &loop->server->options;
    conn->head = loop->n_spare ? loop->spare[--loop->n_spare] : head_new(options->max_head, options->max_fields);
    head_reset(conn->head);
    conn->head->body = body_add;
    conn->head->body_arg = conn;
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = (struct conn *)(void *)handle;
    if (conn->req) // its memory was still being written
        req_lost(conn->req);
    buf_done(&conn->pending);
    atomic_fetch_sub(&conn->loop->server->connections, 1);
    free(conn);
}

void conn_close(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    no_deadline(conn);
    *conn->link = conn->next;
    if (conn->next)
        conn->next->link = conn->link;
    drop_head(conn);
    if (conn->ws)
        ws_lost(conn);
    if (conn->req && conn->state != CONN_REPLY) {
        struct http_req *req = conn->req;
        conn->req = NULL;
        req_lost(req);
    }
    uv_close(&conn->handle, on_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status;
    free(req);
}

void conn_linger(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->state = CONN_LINGER;
    buf_done(&conn->pending);
    if (conn->eof && conn_unsent(conn) == 0) {
        conn_close(conn);
        return;
    }
    uv_shutdown_t *req = mem_alloc(sizeof *req);
    if (uv_shutdown(req, &conn->stream, on_shutdown) != 0) {
        free(req);
        conn_close(conn);
        return;
    }
    if (!conn->eof)
        conn_read_start(conn);
    set_deadline(conn, LINGER_MS);
}

bool conn_may_live(const struct conn *conn)
{
    return conn->keep_alive && !conn->eof && !conn->loop->draining;
}

// ---- writing --------------------------------------------------------------------------------------------------------

size_t conn_unsent(const struct conn *conn)
{
    return uv_stream_get_write_queue_size(&conn->stream);
}

void conn_watch_write(struct conn *conn)
{
    conn->unsent_seen = conn_unsent(conn);
    if (conn->unsent_seen > 0)
        set_deadline(conn, conn->loop->server->options.write_timeout_ms);
    else
        no_deadline(conn);
}

static void on_written(uv_write_t *req, int status)
{
    struct write *write = (struct write *)(void *)req;
    struct conn *conn = write->conn;
    free(write);
    if (conn->closing)
        return;
    if (status < 0)
        conn_close(conn);
    else if (conn->state == CONN_REPLY)
        reply_written(conn);
    else if (conn->state == CONN_SOCKET)
        ws_written(conn);
    else if (conn->state == CONN_LINGER && conn->eof && conn_unsent(conn) == 0)
        conn_close(conn);
}

bool conn_send(struct conn *conn, const uv_buf_t *given, unsigned n, unsigned n_copied)
{
    uv_buf_t bufs[4];
    size_t gone = 0, copied = 0;
    if (conn->closing)
        return false;
    if (conn_unsent(conn) == 0) {
        int rc = uv_try_write(&conn->stream, given, n);
        if (rc < 0 && rc != UV_EAGAIN) {
            conn_close(conn);
            return false;
        }
        gone = rc > 0 ? (size_t)rc : 0;
    }
    unsigned left = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t skip = gone < given[i].len ? gone : given[i].len;
        gone -= skip;
        if (given[i].len == skip)
            continue;
        bufs[left++] = uv_buf_init(given[i].base + skip, (unsigned)(given[i].len - skip));
        if (i < n_copied)
            copied += given[i].len - skip;
    }
    if (left == 0)
        return true;
    struct write *write = mem_alloc(sizeof *write + copied);
    write->conn = conn;
    for (size_t i = 0, at = 0; i < left && at < copied; i++) {
        memcpy(write->copied + at, bufs[i].base, bufs[i].len);
        bufs[i].base = write->copied + at;
        at += bufs[i].len;
    }
    if (uv_write(&write->req, &conn->stream, bufs, left, on_written) != 0) {
        free(write);
        conn_close(conn);
        return false;
    }
    return true;
}

// ---- reading --------------------------------------------------------------------------------------------------------

// The rest of the request is not read, so nothing can follow it.
static void refuse(struct conn *conn, int status)
{
    if (!conn->req)
        conn->req = req_new(conn, conn->head);
    conn->keep_alive = false;
    drop_head(conn);
    no_deadline(conn);
    req_refuse(conn, status);
}

// The head is there: is there a route, and may the body come?
static void head_done(struct conn *conn)
{
    struct head *head = conn->head;
    struct http_req *req = conn->req = req_new(conn, head);
    int status = 0;
    conn->keep_alive = head->keep_alive;
    conn->state = CONN_BODY;
    if (req_route(req, &status) == 0 && status == 0 && !body_begin(req))
        status = 413;
    if (conn->closing)
        return;
    if (status && (head->has_body || head->upgrade)) {
        refuse(conn, status);
    } else if (status) {
        drop_head(conn);
        no_deadline(conn);
        req_refuse(conn, status);
    } else if (head->has_body) {
        set_deadline(conn, conn->loop->server->options.body_timeout_ms);
    }
}

static void request_end(struct conn *conn)
{
    drop_head(conn);
    no_deadline(conn);
    conn->state = CONN_HANDLING;
    if (conn->req->match.route && conn->req->match.route->kind == HTTP_WEBSOCKET)
        conn->keep_alive = false; // what follows may be frames
    if (body_ready(conn->req))
        req_run(conn->req);
}

static size_t parse_some(struct conn *conn, const char *bytes, size_t n)
{
    size_t used = 0;
    if (!conn->head) {
        take_head(conn);
        conn->state = CONN_HEAD;
        conn->begun_ms = clock_mono_ms();
        set_deadline(conn, conn->loop->server->options.head_timeout_ms);
    }
    switch (head_feed(conn->head, bytes, n, &used)) {
    case HEAD_DONE:
        head_done(conn);
        break;
    case HEAD_END:
        request_end(conn);
        break;
    case HEAD_BAD:
        refuse(conn, conn->head->status);
        break;
    case HEAD_MORE:
        if (conn->state == CONN_BODY)
            set_deadline(conn, conn->loop->server->options.body_timeout_ms);
        break;
    }
    return used;
}

static bool wants_bytes(const struct conn *conn)
{
    return !conn->closing && (conn->state == CONN_HEAD || conn->state == CONN_BODY);
}

static void keep_pending(struct conn *conn, const char *bytes, size_t n)
{
    if (n == 0 || conn->closing || conn->state == CONN_LINGER)
        return;
    conn->pending.max = READ_SIZE + PENDING_MAX;
    if (!buf_add(&conn->pending, bytes, n)) {
        conn_close(conn);
        return;
    }
    if (conn->pending.n >= PENDING_MAX)
        conn_read_stop(conn);
}

void conn_read(struct conn *conn, char *bytes, size_t n)
{
    if (conn->state == CONN_SOCKET) {
        ws_read(conn, bytes, n);
        return;
    }
    conn->parsing = true;
    bool more = true; // a request without body ends without further bytes
    while (wants_bytes(conn) && (n > 0 || more)) {
        enum conn_state before = (enum conn_state)conn->state;
        size_t used = parse_some(conn, bytes, n);
        bytes += used;
        n -= used;
        more = !conn->closing && before == CONN_HEAD && conn->state == CONN_BODY;
    }
    conn->parsing = false;
    keep_pending(conn, bytes, n);
}

static void on_eof(struct conn *conn)
{
    conn->eof = true;
    conn_read_stop(conn);
    struct http_req *req = conn->req;
    if (conn->state == CONN_HANDLING && !req->kept_on_loop) {
        req_gone(req); // a quick handler may still answer into the half-open connection
        if (req->is_form && !req->body_ended)
            conn_close(conn);
    } else if (conn->state != CONN_REPLY || req->streaming) {
        conn_close(conn);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct conn *conn = (struct conn *)(void *)handle;
    *buf = uv_buf_init(conn->loop->read_buf, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *conn = (struct conn *)(void *)stream;
    if (n == UV_EOF)
        on_eof(conn);
    else if (n < 0)
        conn_close(conn);
    else if (n > 0 && conn->state != CONN_LINGER)
        conn_read(conn, buf->base, (size_t)n);
}

void conn_read_start(struct conn *conn)
{
    if (!conn->reading && !conn->eof && !conn->closing && uv_read_start(&conn->stream, on_alloc, on_read) == 0)
        conn->reading = true;
}

void conn_read_stop(struct conn *conn)
{
    if (conn->reading)
        uv_read_stop(&conn->stream);
    conn->reading = false;
}

void conn_next(struct conn *conn)
{
    if (conn->closing)
        return;
    if (!conn_may_live(conn)) {
        conn_linger(conn);
        return;
    }
    conn->state = CONN_HEAD;
    set_deadline(conn, conn->loop->server->options.idle_timeout_ms);
    if (conn->parsing)
        return; // the loop in conn_read goes on with what follows
    struct buf pending = conn->pending;
    conn->pending = BUF_INIT(0);
    if (pending.n > 0)
        conn_read(conn, pending.p, pending.n);
    buf_done(&pending);
    if (!conn->closing && conn->pending.n < PENDING_MAX && conn->state != CONN_LINGER)
        conn_read_start(conn);
}

// ---- deadlines and accepting ----------------------------------------------------------------------------------------

void conn_due(struct wheel_entry *entry, void *arg)
{
    (void)arg;
    struct conn *conn = (struct conn *)(void *)((char *)entry - offsetof(struct conn, timer));
    switch ((enum conn_state)conn->state) {
    case CONN_HEAD:
        if (conn->head && conn->head->begun)
            refuse(conn, 408);
        else
            conn_close(conn);
        break;
    case CONN_BODY:
        if (conn->req->feeding) // it waits for our disk, not for the client
            set_deadline(conn, conn->loop->server->options.body_timeout_ms);
        else
            refuse(conn, 408);
        break;
    case CONN_REPLY:
        if (conn_unsent(conn) >= conn->unsent_seen)
            conn_close(conn);
        else
            conn_watch_write(conn);
        break;
    case CONN_SOCKET:
        ws_due(conn);
        break;
    case CONN_HANDLING:
        break;
    case CONN_LINGER:
        conn_close(conn);
        break;
    }
}

static void drop_new(uv_handle_t *handle)
{
    free(handle);
}

void conn_accept(struct loop *loop, uv_stream_t *listener, bool unix_socket)
{
    struct http_server *server = loop->server;
    struct conn *conn = mem_zalloc(sizeof *conn);
    int rc = unix_socket ? uv_pipe_init(&loop->uv, &conn->pipe, 0) : uv_tcp_init(&loop->uv, &conn->tcp);
    if (rc != 0) {
        free(conn);
        return;
    }
    if (uv_accept(listener, &conn->stream) != 0 ||
        atomic_load(&server->connections) >= server->options.max_connections) {
        uv_close(&conn->handle, drop_new);
        return;
    }
    atomic_fetch_add(&server->connections, 1);
    conn->loop = loop;
    conn->next = loop->conns;
    conn->link = &loop->conns;
    if (conn->next)
        conn->next->link = &conn->next;
    loop->conns = conn;
    conn->peer.kind = ADDRESS_UNIX;
    if (!unix_socket) {
        struct sockaddr_storage sa = {0};
        int n = sizeof sa;
        uv_tcp_nodelay(&conn->tcp, 1);
        uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&sa, &n);
        address_from((const struct sockaddr *)&sa, &conn->peer);
    }
    conn->state = CONN_HEAD;
    set_deadline(conn, server->options.head_timeout_ms);
    conn_read_start(conn);
    if (!conn->reading)
        conn_close(conn);
}
