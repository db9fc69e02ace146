// SPDX-License-Identifier: Apache-2.0
// Answers: recorded by the handler on its thread, written by the loop.
#include "http/server.h"

#include "base/log.h"
#include "base/mem.h"

#include <sched.h>
#include <stdlib.h>

enum { MAX_FIELDS = 64 * 1024 };

static const char *reason(int status)
{
    switch (status) {
#define ROW(code, text)                                                                                                \
    case code:                                                                                                         \
        return text
        ROW(101, "Switching Protocols");
        ROW(200, "OK");
        ROW(201, "Created");
        ROW(202, "Accepted");
        ROW(204, "No Content");
        ROW(206, "Partial Content");
        ROW(301, "Moved Permanently");
        ROW(302, "Found");
        ROW(303, "See Other");
        ROW(304, "Not Modified");
        ROW(307, "Temporary Redirect");
        ROW(308, "Permanent Redirect");
        ROW(400, "Bad Request");
        ROW(401, "Unauthorized");
        ROW(402, "Payment Required");
        ROW(403, "Forbidden");
        ROW(404, "Not Found");
        ROW(405, "Method Not Allowed");
        ROW(406, "Not Acceptable");
        ROW(408, "Request Timeout");
        ROW(409, "Conflict");
        ROW(410, "Gone");
        ROW(411, "Length Required");
        ROW(412, "Precondition Failed");
        ROW(413, "Content Too Large");
        ROW(414, "URI Too Long");
        ROW(415, "Unsupported Media Type");
        ROW(416, "Range Not Satisfiable");
        ROW(417, "Expectation Failed");
        ROW(421, "Misdirected Request");
        ROW(422, "Unprocessable Content");
        ROW(425, "Too Early");
        ROW(426, "Upgrade Required");
        ROW(428, "Precondition Required");
        ROW(429, "Too Many Requests");
        ROW(431, "Request Header Fields Too Large");
        ROW(500, "Internal Server Error");
        ROW(501, "Not Implemented");
        ROW(502, "Bad Gateway");
        ROW(503, "Service Unavailable");
        ROW(504, "Gateway Timeout");
        ROW(505, "HTTP Version Not Supported");
        ROW(507, "Insufficient Storage");
#undef ROW
    default:
        return "Unknown";
    }
}

// ---- on the handler's thread ----------------------------------------------------------------------------------------

void http_header(struct http_req *req, const char *name, const char *value)
{
    size_t n = strlen(value), before = req->fields_out.n;
    req->fields_out.max = MAX_FIELDS;
    if (!buf_reserve(&req->fields_out, strlen(name) + n + 4))
        return;
    buf_addz(&req->fields_out, name);
    buf_add(&req->fields_out, ": ", 2);
    for (size_t i = 0; i < n; i++)
        if (value[i] != '\r' && value[i] != '\n')
            buf_addc(&req->fields_out, value[i]);
    buf_add(&req->fields_out, "\r\n", 2);
    if (req->fields_out.overflow)
        req->fields_out.n = before;
}

void http_headerf(struct http_req *req, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    http_header(req, name, arena_vprintf(http_arena(req), format, args));
    va_end(args);
}

static bool may_answer(struct http_req *req)
{
    if (!(atomic_load(&req->phase) & PHASE_ANSWERED))
        return true;
    log_error("http.two_answers", "request=%s", req->id);
    return false;
}

// on_gone runs on the loop right now: what it was given must live until it has returned.
static void await_gone(struct http_req *req, unsigned before)
{
    while ((before & PHASE_GONE) && !(atomic_load(&req->phase) & PHASE_GONE_DONE) && !loop_is_current(req->loop))
        sched_yield();
}

static void answered(struct http_req *req, enum answer_kind kind, int status, const char *content_type)
{
    req->kind = kind;
    req->status = status;
    req->content_type = content_type ? mem_strdup(content_type) : NULL;
    unsigned before = atomic_fetch_or(&req->phase, PHASE_ANSWERED);
    await_gone(req, before);
    if (before & PHASE_RETURNED)
        loop_post(req->loop, &req->answer_msg);
}

void http_hold(struct http_req *req,
               bool (*fn)(struct http_req *req, int status, const char *content_type, struct str body, void *arg),
               void *arg)
{
    req->hold = fn;
    req->hold_arg = arg;
}

static bool held(struct http_req *req, int status, const char *content_type, struct str body)
{
    if (!req->hold)
        return false;
    bool (*fn)(struct http_req *, int, const char *, struct str, void *) = req->hold;
    req->hold = NULL;
    await_gone(req, atomic_fetch_or(&req->phase, PHASE_HELD));
    return fn(req, status, content_type, body, req->hold_arg);
}

void http_reply_static(struct http_req *req, int status, const char *content_type, struct str body)
{
    if (!may_answer(req) || held(req, status, content_type, body))
        return;
    req->reply = body;
    answered(req, ANSWER_BODY, status, content_type);
}

void http_reply(struct http_req *req, int status, const char *content_type, struct str body)
{
    if (!may_answer(req))
        return;
    if (body.n > 0) {
        req->reply_copy = BUF_INIT(body.n);
        buf_adds(&req->reply_copy, body);
        body = buf_str(&req->reply_copy);
    }
    http_reply_static(req, status, content_type, body);
}

void http_reply_source(struct http_req *req, int status, const char *content_type, const struct http_source *source,
                       void *arg)
{
    if (!may_answer(req))
        return;
    req->source = *source;
    req->source_arg = arg;
    answered(req, ANSWER_SOURCE, status, content_type);
}

void req_answer_ws(struct http_req *req)
{
    answered(req, ANSWER_WS, 101, NULL);
}

void reply_default(struct http_req *req, int status)
{
    const char *text = reason(status);
    http_reply_static(req, status, "text/plain; charset=utf-8", str_from(text));
}

// ---- on the loop ----------------------------------------------------------------------------------------------------

static void add_number(struct buf *out, size_t n)
{
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    buf_add(out, at, (size_t)(digits + sizeof digits - at));
}

// Written by hand: formatting was a tenth of the time of a small answer.
void reply_head(struct http_req *req, struct buf *out, ptrdiff_t length)
{
    buf_reserve(out, 512 + req->fields_out.n);
    buf_adds(out, STR("HTTP/1.1 "));
    add_number(out, (size_t)req->status);
    buf_addc(out, ' ');
    buf_addz(out, reason(req->status));
    buf_adds(out, STR("\r\nDate: "));
    buf_addz(out, loop_date(req->loop));
    buf_adds(out, STR("\r\nX-Request-Id: "));
    buf_add(out, req->id, sizeof req->id - 1);
    if (req->content_type) {
        buf_adds(out, STR("\r\nContent-Type: "));
        buf_addz(out, req->content_type);
    }
    if (length >= 0 && req->status != 204 && req->status != 304) {
        buf_adds(out, STR("\r\nContent-Length: "));
        add_number(out, (size_t)length);
    } else if (length < 0 && !req->http10) {
        buf_adds(out, STR("\r\nTransfer-Encoding: chunked"));
    }
    if (!conn_may_live(req->conn))
        buf_adds(out, STR("\r\nConnection: close"));
    else if (req->http10)
        buf_adds(out, STR("\r\nConnection: keep-alive"));
    buf_adds(out, STR("\r\n"));
    buf_adds(out, buf_str(&req->fields_out));
    buf_adds(out, STR("\r\n"));
}

static void finished(struct conn *conn)
{
    struct http_req *req = conn->req;
    conn->req = NULL;
    req->conn = NULL;
    req_done(req);
    req_free(req);
    conn_next(conn);
}

void reply_written(struct conn *conn)
{
    if (conn->req->streaming)
        source_step(conn->req);
    else if (conn_unsent(conn) == 0)
        finished(conn);
    else
        conn_watch_write(conn);
}

static void write_body(struct http_req *req)
{
    struct conn *conn = req->conn;
    struct buf *out = &req->loop->out;
    bool bare = req->method == HTTP_HEAD || req->status == 204 || req->status == 304;
    buf_clear(out);
    reply_head(req, out, (ptrdiff_t)req->reply.n);
    uv_buf_t bufs[2] = {uv_buf_init(out->p, (unsigned)out->n),
                        uv_buf_init((char *)(uintptr_t)req->reply.p, (unsigned)req->reply.n)};
    req->sent = bare ? 0 : req->reply.n;
    if (conn_send(conn, bufs, req->sent > 0 ? 2 : 1, 1))
        reply_written(conn);
}

// The connection went away before the answer came.
static void abandon(struct http_req *req)
{
    if (req->kind == ANSWER_SOURCE) {
        source_finish(req, false);
        return;
    }
    if (req->kind == ANSWER_WS)
        ws_abandon(req);
    if (!req->loop->ended)
        req_done(req);
    req_free(req);
}

void answer_msg(struct msg *msg)
{
    struct http_req *req = (struct http_req *)(void *)((char *)msg - offsetof(struct http_req, answer_msg));
    struct conn *conn = req->conn;
    if (conn && conn->eof && req->kind != ANSWER_BODY) {
        conn->req = NULL;
        req->conn = NULL;
        conn_close(conn);
        conn = NULL;
    }
    if (!conn) {
        abandon(req);
        return;
    }
    req->replying = true;
    conn->state = CONN_REPLY;
    if (req->kind == ANSWER_BODY)
        write_body(req);
    else if (req->kind == ANSWER_SOURCE)
        source_start(req);
    else
        ws_attach(req);
}
