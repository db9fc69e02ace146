// SPDX-License-Identifier: Apache-2.0
// Pulled bodies. A step asks the source for as much as the connection may still take and writes it as one chunk; it
// goes on until the source has nothing, the reader is behind by `unsent_high`, or it had its turn (other connections
// want theirs). An idle stream holds no buffer.
#include "http/server.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM_MAX = 64 * 1024, TURN = 16 };

struct http_waker {
    struct msg msg;
    atomic_uint refs;
    atomic_bool posted;
    struct http_server *server;
    struct loop *loop;
    struct http_req *req; // loop thread; NULL before the stream and after it
};

static struct http_req *of_work(struct msg *msg)
{
    return (struct http_req *)(void *)((char *)msg - offsetof(struct http_req, work_msg));
}

// ---- wakers ---------------------------------------------------------------------------------------------------------

void http_waker_free(struct http_waker *waker)
{
    if (!waker || atomic_fetch_sub(&waker->refs, 1) != 1)
        return;
    struct http_server *server = waker->server;
    free(waker);
    server_unref(server);
}

static void wake_msg(struct msg *msg)
{
    struct http_waker *waker = (struct http_waker *)(void *)msg;
    atomic_store(&waker->posted, false);
    if (waker->req)
        source_step(waker->req);
    http_waker_free(waker);
}

struct http_waker *http_waker(struct http_req *req)
{
    if (!req->waker) {
        struct http_waker *waker = req->waker = mem_zalloc(sizeof *waker);
        waker->msg.run = wake_msg;
        atomic_init(&waker->refs, 1);
        waker->server = req->server;
        waker->loop = req->loop;
        server_ref(req->server);
    }
    atomic_fetch_add(&req->waker->refs, 1);
    return req->waker;
}

void http_wake(struct http_waker *waker)
{
    if (atomic_exchange(&waker->posted, true))
        return;
    atomic_fetch_add(&waker->refs, 1);
    loop_post(waker->loop, &waker->msg);
}

// ---- the stream -----------------------------------------------------------------------------------------------------

static void close_task(void *arg)
{
    struct http_req *req = arg;
    struct http_server *server = req->server;
    req->source.close(req->source_arg, req->source_ended);
    req_free(req);
    server_task_end(server);
}

void source_finish(struct http_req *req, bool completed)
{
    if (req->counted)
        atomic_fetch_sub(&req->server->streams, 1);
    req->counted = req->streaming = false;
    req->source_ended = completed;
    if (req->waker)
        req->waker->req = NULL;
    if (req->source.blocking && req->source.close && !req->loop->ended) {
        server_task_begin(req->server);
        pool_must_run(req->server->options.workers, close_task, req);
        return;
    }
    if (req->source.close)
        req->source.close(req->source_arg, completed);
    req_free(req);
}

static void complete(struct http_req *req)
{
    struct conn *conn = req->conn;
    conn->req = NULL;
    req->conn = NULL;
    req_done(req);
    source_finish(req, true);
    conn_next(conn);
}

static bool send_chunk(struct http_req *req, const struct buf *data, bool last)
{
    char size[24];
    uv_buf_t bufs[4];
    unsigned n = 0;
    if (data->n == 0 && !last)
        return true;
    if (req->reply_copy.n > 0) // the head goes out with the first bytes
        bufs[n++] = uv_buf_init(req->reply_copy.p, (unsigned)req->reply_copy.n);
    const char *tail = last ? "\r\n0\r\n\r\n" : "\r\n";
    if (data->n > 0) {
        int digits = snprintf(size, sizeof size, "%zx\r\n", data->n);
        if (!req->http10)
            bufs[n++] = uv_buf_init(size, (unsigned)digits);
        bufs[n++] = uv_buf_init(data->p, (unsigned)data->n);
    } else {
        tail += 2;
    }
    if (!req->http10)
        bufs[n++] = uv_buf_init((char *)(uintptr_t)tail, (unsigned)strlen(tail));
    req->sent += data->n;
    bool sent = n == 0 || conn_send(req->conn, bufs, n, n);
    buf_done(&req->reply_copy);
    return sent;
}

static size_t room_of(const struct conn *conn)
{
    size_t high = conn->loop->server->options.unsent_high, unsent = conn_unsent(conn);
    size_t room = unsent < high ? high - unsent : 0;
    return room < ROOM_MAX ? room : ROOM_MAX;
}

static bool send_head(struct http_req *req)
{
    uv_buf_t buf = uv_buf_init(req->reply_copy.p, (unsigned)req->reply_copy.n);
    bool sent = req->reply_copy.n == 0 || conn_send(req->conn, &buf, 1, 1);
    buf_done(&req->reply_copy);
    return sent;
}

// Takes what a pull gave. False: the stream has nothing more to do now (it may even be gone).
static bool took(struct http_req *req, struct buf *data, int rc)
{
    struct conn *conn = req->conn;
    bool got = data->n > 0;
    if (rc < 0 || data->overflow) {
        conn_close(conn);
        return false;
    }
    req->source_ended = rc == 0;
    if (!send_chunk(req, data, rc == 0))
        return false;
    return got || rc == 0;
}

static void worked(struct msg *msg);

static void pull_task(void *arg)
{
    struct http_req *req = arg;
    struct http_server *server = req->server;
    req->pull_rc = req->source.pull(req->source_arg, &req->feed, req->feed.max);
    loop_post(req->loop, &req->work_msg);
    server_task_end(server);
}

static void pull_on_worker(struct http_req *req, size_t room)
{
    req->pulling = true;
    req->pull_again = false;
    buf_clear(&req->feed);
    req->feed.max = room;
    req->work_msg.run = worked;
    server_task_begin(req->server);
    pool_must_run(req->server->options.workers, pull_task, req);
}

static void worked(struct msg *msg)
{
    struct http_req *req = of_work(msg);
    req->pulling = false;
    if (!req->conn) {
        source_finish(req, false);
    } else if (req->conn->closing) {
        return; // on_closed finishes it
    } else if (took(req, &req->feed, req->pull_rc) || req->pull_again) {
        source_step(req);
    }
}

static void turn_again(struct msg *msg)
{
    struct http_req *req = of_work(msg);
    req->pulling = false;
    if (!req->conn)
        source_finish(req, false);
    else
        source_step(req);
}

void source_step(struct http_req *req)
{
    struct conn *conn = req->conn;
    struct loop *loop = req->loop;
    if (!conn || conn->closing || !req->streaming)
        return;
    if (req->pulling) {
        req->pull_again = true;
        return;
    }
    for (int turn = 0; !req->source_ended; turn++) {
        size_t room = room_of(conn);
        if (room == 0)
            break; // goes on in reply_written
        if (req->source.blocking) {
            pull_on_worker(req, room);
            break;
        }
        if (turn == TURN) {
            req->pulling = true;
            req->work_msg.run = turn_again;
            loop_post(loop, &req->work_msg);
            break;
        }
        buf_clear(&loop->pulled);
        loop->pulled.max = room;
        int rc = req->source.pull(req->source_arg, &loop->pulled, room);
        if (!took(req, &loop->pulled, rc))
            break;
    }
    if (conn->closing || !send_head(req))
        return;
    if (req->source_ended && conn_unsent(conn) == 0)
        complete(req);
    else
        conn_watch_write(conn);
}

void source_start(struct http_req *req)
{
    struct conn *conn = req->conn;
    if (req->http10)
        conn->keep_alive = false; // the end of the body is the end of the connection
    req->reply_copy = BUF_INIT(1 << 20);
    reply_head(req, &req->reply_copy, -1);
    req->streaming = true;
    req->counted = req->content_type && str_starts(str_from(req->content_type), STR("text/event-stream"));
    if (req->counted)
        atomic_fetch_add(&req->server->streams, 1);
    if (req->method == HTTP_HEAD)
        req->source_ended = true;
    if (req->waker)
        req->waker->req = req;
    source_step(req);
}
