// SPDX-License-Identifier: Apache-2.0
// The request's body: gathered in memory up to the route's limit, or, for forms, handed to a worker in pieces of about
// 64 KiB that writes the files. While a piece is being written the connection is not read, so a fast sender waits for
// the disk and not the other way round.
#include "http/server.h"

#include "base/mem.h"
#include "http/multipart.h"

#include <stdlib.h>

enum { PIECE = 64 * 1024, OTHER_MAX = 1 << 20 };

bool body_begin(struct http_req *req)
{
    const struct http_route *route = req->match.route;
    req->max_body = route ? route->max_body : 0;
    struct str type = http_header_in(req, "Content-Type");
    if (route && route->kind == HTTP_MULTIPART) {
        req->is_form = type.n >= 19 && str_eq_nocase((struct str){type.p, 19}, STR("multipart/form-data"));
        if (!req->is_form && req->max_body > OTHER_MAX)
            req->max_body = OTHER_MAX;
    }
    if (req->has_body && (req->max_body == 0 || req->content_length > req->max_body))
        return false;
    if (req->is_form)
        (void)multipart_new(type, req->server->options.temp_dir, req->max_body, &req->form, &req->form_err);
    req->body = BUF_INIT(req->is_form ? 2 * (READ_SIZE + PENDING_MAX) : req->max_body);
    req->feed = BUF_INIT(req->body.max);
    if (req->content_length > 0 && !req->is_form)
        buf_reserve(&req->body, req->content_length < PIECE ? req->content_length : PIECE);
    if (req->expect_continue) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)go_on, sizeof go_on - 1);
        return conn_send(req->conn, &buf, 1, 0);
    }
    return true;
}

static void feed_done(struct msg *msg);

static void feed_task(void *arg)
{
    struct http_req *req = arg;
    struct http_server *server = req->server;
    (void)multipart_feed(req->form, req->feed.p, req->feed.n, &req->form_err);
    req->work_msg.run = feed_done;
    loop_post(req->loop, &req->work_msg);
    server_task_end(server);
}

static void feed_start(struct http_req *req)
{
    struct buf full = req->body;
    req->body = req->feed;
    req->feed = full;
    req->feeding = true;
    conn_read_stop(req->conn);
    server_task_begin(req->server);
    pool_must_run(req->server->options.workers, feed_task, req);
}

static void form_end(struct http_req *req)
{
    if (!req->form_err.code)
        (void)multipart_finish(req->form, &req->form_err);
}

static void feed_done(struct msg *msg)
{
    struct http_req *req = (struct http_req *)(void *)((char *)msg - offsetof(struct http_req, work_msg));
    req->feeding = false;
    if (!req->conn) {
        req_free(req);
        return;
    }
    buf_clear(&req->feed);
    if (req->form_err.code)
        buf_clear(&req->body);
    if (req->body.n >= PIECE || (req->body_ended && req->body.n > 0)) {
        feed_start(req);
    } else if (req->body_ended) {
        form_end(req);
        conn_read_start(req->conn);
        req_run(req);
    } else {
        conn_read_start(req->conn);
    }
}

bool body_add(void *arg, const char *bytes, size_t n)
{
    struct http_req *req = ((struct conn *)arg)->req;
    req->received += n;
    if (req->received > req->max_body)
        return false;
    if (req->form_err.code)
        return true; // read to the end, so that the handler can answer
    if (!buf_add(&req->body, bytes, n))
        return false;
    if (req->is_form && req->body.n >= PIECE && !req->feeding)
        feed_start(req);
    return true;
}

bool body_ready(struct http_req *req)
{
    req->body_ended = true;
    if (!req->is_form)
        return true;
    if (!req->feeding && req->body.n > 0)
        feed_start(req);
    if (req->feeding)
        return false;
    form_end(req);
    return true;
}
