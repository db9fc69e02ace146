// SPDX-License-Identifier: Apache-2.0
// A request: made from a head on the loop, routed, run by its handler, read through the accessors of http.h.
#include "http/server.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "http/multipart.h"

#include <stdlib.h>

static struct str header(const struct http_req *req, struct str name)
{
    size_t pos = 0;
    struct str value = STR_NULL;
    head_next(req->text, req->fields, req->n_fields, name, &pos, &value);
    return value;
}

// Splits origin-form and absolute-form (RFC 9112 3.2); path stays empty for anything else.
static void split_target(struct http_req *req)
{
    struct str rest = req->target;
    req->host = str_trim(header(req, STR("Host")));
    size_t scheme = str_starts(rest, STR("http://")) ? 7 : str_starts(rest, STR("https://")) ? 8 : 0;
    if (scheme) {
        const char *slash = memchr(rest.p + scheme, '/', rest.n - scheme);
        size_t end = slash ? (size_t)(slash - rest.p) : rest.n;
        req->host = (struct str){rest.p + scheme, end - scheme};
        rest = slash ? (struct str){slash, rest.n - end} : STR("/");
    }
    req->path = str_split(&rest, '?');
    req->query = rest;
}

struct http_req *req_new(struct conn *conn, const struct head *head)
{
    struct http_server *server = conn->loop->server;
    size_t fields = head->n_fields * sizeof *head->fields, text = head->text.n;
    // One block: the request, its fields, their text, and room for the decoded path.
    struct http_req *req = mem_alloc(sizeof *req + fields + text + head->target_n + 2);
    memset(req, 0, sizeof *req);
    char *at = (char *)(req + 1);
    req->fields = (struct head_field *)(void *)at;
    req->n_fields = head->n_fields;
    if (fields)
        memcpy(at, head->fields, fields);
    req->text = at += fields;
    if (text)
        memcpy(at, head->text.p, text);
    req->scratch = at + text;
    req->server = server;
    req->loop = conn->loop;
    req->conn = conn;
    req->peer = conn->peer;
    address_text(&req->peer, req->peer_text);
    req->answer_msg.run = answer_msg;
    req->method = head->method;
    req->method_name = head->method_name ? head->method_name : "";
    req->http10 = head->http10;
    req->upgrade = head->upgrade;
    req->has_body = head->has_body;
    req->chunked = head->chunked;
    req->content_length = head->content_length;
    req->target = (struct str){req->text, head->target_n};
    req->started_us = clock_mono_us();
    id_v7(req->id);
    req->path = req->host = (struct str){"", 0};
    if (head->done || head->n_fields > 0)
        split_target(req);
    server_ref(server);
    atomic_fetch_add(&server->requests, 1);
    return req;
}

static void free_form(void *arg)
{
    struct http_req *req = arg;
    struct http_server *server = req->server;
    multipart_free(req->form);
    req->form = NULL;
    req_free(req);
    server_task_end(server);
}

void req_free(struct http_req *req)
{
    struct http_server *server = req->server;
    if (req->feeding) { // a worker writes into it: feed_done comes back here
        req->conn = NULL;
        return;
    }
    if (req->form && !req->loop->ended) { // its files are removed where the disk may be waited for
        server_task_begin(server);
        pool_must_run(server->options.workers, free_form, req);
        return;
    }
    multipart_free(req->form);
    arena_free(req->arena);
    buf_done(&req->body);
    buf_done(&req->feed);
    buf_done(&req->fields_out);
    buf_done(&req->reply_copy);
    free(req->content_type);
    if (req->waker)
        http_waker_free(req->waker);
    free(req);
    atomic_fetch_sub(&server->requests, 1);
    server_unref(server);
}

// The method that a preflight asks about; 0 = none that is known.
static unsigned method_asked(const struct http_req *req)
{
    static const struct {
        struct str name;
        unsigned method;
    } methods[] = {{STR("GET"), HTTP_GET}, {STR("HEAD"), HTTP_GET},    {STR("POST"), HTTP_POST},
                   {STR("PUT"), HTTP_PUT}, {STR("PATCH"), HTTP_PATCH}, {STR("DELETE"), HTTP_DELETE}};
    struct str asked = str_trim(header(req, STR("access-control-request-method")));
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (str_eq(asked, methods[i].name))
            return methods[i].method;
    return 0;
}

// A preflight finds the row that will answer the request behind it: its parameters too.
static void match_preflight(struct http_req *req)
{
    unsigned asked = method_asked(req);
    struct route_match match;
    if (!asked)
        return;
    router_match(req->server->router, asked, req->path, req->scratch, &match);
    if (!match.route)
        return;
    req->match = match;
    req->match.other = match.route;
    req->match.route = NULL;
}

int req_route(struct http_req *req, int *ret_status)
{
    const struct http_server *server = req->server;
    if (req->path.n == 0 || req->path.p[0] != '/') {
        *ret_status = req->method == HTTP_OPTIONS && str_eq(req->path, STR("*")) ? 204 : 400;
        return ERR_INVALID;
    }
    router_match(server->router, req->method, req->path, req->scratch, &req->match);
    if (req->method == HTTP_OPTIONS && !req->match.route)
        match_preflight(req);
    struct str expect = header(req, STR("Expect"));
    if (!req->match.allow)
        *ret_status = 404;
    else if (!req->match.route && req->method != HTTP_OPTIONS)
        *ret_status = 405;
    else if (expect.p && !req->http10 && !str_eq_nocase(str_trim(expect), STR("100-continue")))
        *ret_status = 417;
    req->expect_continue = expect.p && !req->http10 && req->has_body;
    return 0;
}

static void add_allow(struct http_req *req)
{
    char allow[64];
    route_methods(req->match.allow | HTTP_OPTIONS, allow);
    http_header(req, "Allow", allow);
}

static void handle(struct http_req *req)
{
    if (req->match.route) {
        req->match.route->handler(req);
    } else if (req->server->options.preflight) {
        req->server->options.preflight(req);
    } else {
        add_allow(req);
        http_reply(req, 204, NULL, STR_NULL);
    }
}

static void no_answer(struct http_req *req)
{
    log_error("http.no_answer", "request=%s path=" STR_FMT, req->id, STR_ARG(req->path));
    reply_default(req, 500);
}

// Whoever comes last of "handler returned" and "answered" hands the request back to the loop; after the exchange the
// request may be gone. A socket needs no more of its handshake: freed here and not later on the loop, the memory serves
// the next handshake of this thread instead of staying a hole among long-lived sockets.
static void returned(struct http_req *req)
{
    if (req->ws && !req->kept) {
        arena_free(req->arena);
        req->arena = NULL;
    }
    if (atomic_fetch_or(&req->phase, PHASE_RETURNED) & PHASE_ANSWERED)
        loop_post(req->loop, &req->answer_msg);
}

static void handle_task(void *arg)
{
    struct http_req *req = arg;
    struct http_server *server = req->server;
    handle(req);
    if (!req->kept && !(atomic_load(&req->phase) & (PHASE_ANSWERED | PHASE_HELD)))
        no_answer(req);
    returned(req);
    server_task_end(server);
}

void req_run(struct http_req *req)
{
    struct conn *conn = req->conn;
    const struct http_route *route = req->match.route;
    req->running = true;
    if (route && (route->flags & HTTP_ROUTE_ON_LOOP)) {
        handle(req);
        if (req->kept) { // its keep_msg is on the way: the answer must come behind it
            returned(req);
            return;
        }
        if (!(atomic_load(&req->phase) & PHASE_ANSWERED))
            no_answer(req);
        atomic_fetch_or(&req->phase, PHASE_RETURNED);
        answer_msg(&req->answer_msg);
        return;
    }
    server_task_begin(req->server);
    if (pool_run(req->server->options.workers, handle_task, req))
        return;
    server_task_end(req->server);
    req_refuse(conn, 503);
}

void req_refuse(struct conn *conn, int status)
{
    struct http_req *req = conn->req;
    const struct http_options *options = &req->server->options;
    const struct http_route *row = req->match.route ? req->match.route : req->match.other;
    if (status == 405)
        add_allow(req);
    conn->state = CONN_HANDLING;
    if (status == 204)
        http_reply(req, 204, NULL, STR_NULL);
    else if (options->refuse)
        options->refuse(req, status, row ? row->row : NULL);
    if (!(atomic_load(&req->phase) & PHASE_ANSWERED))
        reply_default(req, status);
    atomic_fetch_or(&req->phase, PHASE_RETURNED);
    answer_msg(&req->answer_msg);
}

void req_gone(struct http_req *req)
{
    atomic_store(&req->gone, true);
    if (!req->kept_on_loop || !req->on_gone)
        return;
    if (!(atomic_fetch_or(&req->phase, PHASE_GONE) & (PHASE_GONE | PHASE_ANSWERED | PHASE_HELD)))
        req->on_gone(req, req->on_gone_arg);
    atomic_fetch_or(&req->phase, PHASE_GONE_DONE);
}

void req_lost(struct http_req *req)
{
    req->conn = NULL;
    req_gone(req);
    if (req->streaming) {
        if (!req->pulling)
            source_finish(req, false);
    } else if (req->replying) {
        req_done(req);
        req_free(req);
    } else if (!req->running) {
        req_free(req); // no handler has it
    }
}

void req_done(struct http_req *req)
{
    const struct http_options *options = &req->server->options;
    int64_t us = clock_mono_us() - req->started_us;
    if (options->done)
        options->done(req, req->status, req->sent, us);
    else
        log_info("request", "id=%s peer=" STR_FMT " method=%s path=" STR_FMT " status=%d bytes=%zu us=%lld", req->id,
                 STR_ARG(http_peer(req)), req->method_name, STR_ARG(req->path), req->status, req->sent, (long long)us);
}

// ---- accessors ------------------------------------------------------------------------------------------------------

void *http_app(const struct http_req *req)
{
    return req->server->options.app;
}

const void *http_route_row(const struct http_req *req)
{
    return req->match.route ? req->match.route->row : NULL;
}

const void *http_preflight_row(const struct http_req *req)
{
    return req->match.other ? req->match.other->row : NULL;
}

const struct http_route *http_req_route(const struct http_req *req)
{
    return req->match.route;
}

struct arena *http_arena(struct http_req *req)
{
    if (!req->arena)
        req->arena = arena_new(2048);
    return req->arena;
}

const char *http_method(const struct http_req *req)
{
    return req->method_name;
}

struct str http_path(const struct http_req *req)
{
    return req->path;
}

struct str http_param(const struct http_req *req, const char *name)
{
    return route_param(&req->match, str_from(name));
}

struct str http_header_in(const struct http_req *req, const char *name)
{
    return header(req, str_from(name));
}

bool http_header_next(const struct http_req *req, const char *name, size_t *pos, struct str *ret)
{
    return head_next(req->text, req->fields, req->n_fields, str_from(name), pos, ret);
}

struct str http_form_decode(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.n + 1);
    ptrdiff_t n = percent_decode(text, true, out);
    if (n < 0) { // broken escapes stay as they are
        memcpy(out, text.p, text.n);
        n = (ptrdiff_t)text.n;
    }
    out[n] = '\0';
    return (struct str){out, (size_t)n};
}

bool http_query_next(struct http_req *req, size_t *pos, struct str *ret_name, struct str *ret_value)
{
    while (*pos < req->query.n) {
        struct str rest = {req->query.p + *pos, req->query.n - *pos};
        struct str value = str_split(&rest, '&');
        *pos = rest.p ? (size_t)(rest.p - req->query.p) : req->query.n;
        if (value.n == 0)
            continue;
        struct str name = str_split(&value, '=');
        *ret_name = http_form_decode(http_arena(req), name);
        *ret_value = value.p ? http_form_decode(http_arena(req), value) : STR("");
        return true;
    }
    return false;
}

struct str http_query(struct http_req *req, const char *name)
{
    size_t pos = 0;
    struct str found, value;
    while (http_query_next(req, &pos, &found, &value))
        if (str_eq(found, str_from(name)))
            return value;
    return STR_NULL;
}

struct str http_body(const struct http_req *req)
{
    return buf_str(&req->body);
}

const struct multipart *http_multipart(struct http_req *req, struct err *ret_err)
{
    *ret_err = req->form_err;
    return req->form_err.code ? NULL : req->form;
}

const char *http_request_id(const struct http_req *req)
{
    return req->id;
}

struct str http_peer(const struct http_req *req)
{
    return str_from(req->peer_text);
}

bool http_peer_loopback(const struct http_req *req)
{
    return address_is_loopback(&req->peer);
}

static struct address client(struct http_req *req)
{
    struct str value, joined = STR_NULL;
    size_t pos = 0;
    while (http_header_next(req, "X-Forwarded-For", &pos, &value))
        joined = joined.p ? arena_strf(http_arena(req), STR_FMT "," STR_FMT, STR_ARG(joined), STR_ARG(value)) : value;
    if (!joined.p)
        return req->peer;
    pthread_rwlock_rdlock(&req->server->trusted_lock);
    struct address address = address_client(req->server->trusted, req->peer, joined);
    pthread_rwlock_unlock(&req->server->trusted_lock);
    return address;
}

struct str http_client_address(struct http_req *req)
{
    struct address address = client(req);
    char *text = arena_alloc(http_arena(req), ADDRESS_TEXT);
    address_text(&address, text);
    return str_from(text);
}

struct str http_client_key(struct http_req *req)
{
    struct address address = client(req);
    char *text = arena_alloc(http_arena(req), ADDRESS_TEXT);
    address_key(&address, text);
    return str_from(text);
}

// The last value of a comma list: the one that the trusted neighbour wrote.
static struct str last_of(struct str value)
{
    const char *comma = value.p ? memrchr(value.p, ',', value.n) : NULL;
    return str_trim(comma ? (struct str){comma + 1, value.n - (size_t)(comma + 1 - value.p)} : value);
}

struct str http_base_url(struct http_req *req)
{
    pthread_rwlock_rdlock(&req->server->trusted_lock);
    bool trusted = networks_has(req->server->trusted, &req->peer);
    pthread_rwlock_unlock(&req->server->trusted_lock);
    const char *scheme = "http";
    struct str host = req->host;
    if (trusted) {
        struct str forwarded = last_of(http_header_in(req, "X-Forwarded-Host"));
        if (str_eq_nocase(last_of(http_header_in(req, "X-Forwarded-Proto")), STR("https")))
            scheme = "https";
        if (forwarded.n > 0)
            host = forwarded;
    }
    if (host.n == 0 || !req->server->listeners)
        return str_from(http_server_url(req->server, 0));
    return arena_strf(http_arena(req), "%s://" STR_FMT, scheme, STR_ARG(host));
}

bool http_gone(const struct http_req *req)
{
    return atomic_load(&req->gone);
}

static void kept(struct msg *msg)
{
    struct http_req *req = (struct http_req *)(void *)((char *)msg - offsetof(struct http_req, keep_msg));
    req->kept_on_loop = true;
    if (!req->conn)
        req_gone(req);
    else if (req->conn->eof)
        conn_close(req->conn);
}

void http_keep(struct http_req *req, void (*on_gone)(struct http_req *req, void *arg), void *arg)
{
    req->on_gone = on_gone;
    req->on_gone_arg = arg;
    req->keep_msg.run = kept;
    req->kept = true;
    loop_post(req->loop, &req->keep_msg);
}

static void watched(struct msg *msg)
{
    struct http_req *req = (struct http_req *)(void *)((char *)msg - offsetof(struct http_req, watch_msg));
    req->on_gone = req->watch;
    req->on_gone_arg = req->watch_arg;
    if (atomic_load(&req->gone))
        req_gone(req);
}

void http_watch(struct http_req *req, void (*on_gone)(struct http_req *req, void *arg), void *arg)
{
    req->watch = on_gone;
    req->watch_arg = arg;
    req->watch_msg.run = watched;
    loop_post(req->loop, &req->watch_msg);
}
