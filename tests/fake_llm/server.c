// SPDX-License-Identifier: Apache-2.0
// One loop, one struct per connection. A connection reads one request, then sends its reply while it goes on reading,
// so that it notices at once when the client leaves; bytes that come meanwhile wait for the next turn.
#include "server.h"

#include "fake.h"
#include "h2.h"
#include "route.h"
#include "tls.h"

#include <llhttp.h>
#include <stdio.h>
#include <uv.h>

#define MAX_BODY (32 << 20)
#define MAX_QUEUED (256 << 10)

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t term, interrupt;
    uv_pipe_t lifeline;
    bool ending;
    llhttp_settings_t settings;
    struct routes *routes;
    struct tls_server *tls;
    struct conn *first;
    int64_t connections;
};

struct conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct server *server;
    struct conn *next, **link;
    llhttp_t parser;
    struct tls *tls;
    struct h2 *h2; // where the client has chosen it
    int64_t number;
    int handles;
    bool busy, complete, closing, draining, in_value, header_sent, waited, fin;
    struct entry *entry;
    struct buf name, value, url, body, pending, wire;
    struct reply *reply;
    size_t piece;
    int64_t left; // of the delay under way
};

struct write {
    uv_write_t request;
    char bytes[];
};

static void advance(struct conn *conn);
static void consume(struct conn *conn, struct str data);

static void on_handle_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    if (--conn->handles > 0)
        return;
    tls_free(conn->tls);
    buf_done(&conn->name);
    buf_done(&conn->value);
    buf_done(&conn->url);
    buf_done(&conn->body);
    buf_done(&conn->pending);
    buf_done(&conn->wire);
    free(conn);
}

static void reply_free(struct conn *conn)
{
    if (!conn->reply)
        return;
    buf_done(&conn->reply->headers);
    vec_done(&conn->reply->pieces);
    arena_free(conn->reply->arena);
    conn->reply = NULL;
}

static void conn_close(struct conn *conn, bool reset)
{
    if (conn->closing)
        return;
    conn->closing = true;
    h2_free(conn->h2, !conn->fin);
    conn->h2 = NULL;
    if (conn->entry)
        log_end(conn->entry);
    conn->entry = NULL;
    reply_free(conn);
    *conn->link = conn->next;
    if (conn->next)
        conn->next->link = conn->link;
    uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
    if (!reset || uv_tcp_close_reset(&conn->tcp, on_handle_closed) != 0)
        if (!uv_is_closing((uv_handle_t *)&conn->tcp))
            uv_close((uv_handle_t *)&conn->tcp, on_handle_closed);
}

static void on_written(uv_write_t *request, int status)
{
    struct conn *conn = request->data;
    free(request);
    if (conn->closing)
        return;
    if (status < 0) {
        if (conn->busy && conn->entry->closed <= 0)
            conn->entry->closed = wall_ms();
        conn_close(conn, false);
    } else if (conn->draining && uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp) == 0) {
        conn->draining = false;
        advance(conn);
    }
}

static bool is_busy(const struct conn *conn)
{
    return conn->h2 ? h2_busy(conn->h2) : conn->busy;
}

static void send_raw(struct conn *conn, struct str bytes)
{
    if (bytes.n == 0 || conn->closing)
        return;
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.n);
    int done = uv_try_write((uv_stream_t *)&conn->tcp, &out, 1);
    if (done < 0)
        done = 0;
    if ((size_t)done == bytes.n)
        return;
    size_t n = bytes.n - (size_t)done;
    struct write *write = mem_alloc(sizeof *write + n);
    memcpy(write->bytes, bytes.p + done, n);
    write->request.data = conn;
    out = uv_buf_init(write->bytes, (unsigned)n);
    if (uv_write(&write->request, (uv_stream_t *)&conn->tcp, &out, 1, on_written) != 0)
        free(write);
}

static void send_bytes(struct conn *conn, struct str bytes)
{
    if (!conn->tls) {
        send_raw(conn, bytes);
        return;
    }
    buf_clear(&conn->wire);
    tls_write(conn->tls, bytes, &conn->wire);
    send_raw(conn, buf_str(&conn->wire));
}

static const char *status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

static void send_head(struct conn *conn)
{
    struct reply *reply = conn->reply;
    size_t length = 0;
    for (size_t i = 0; i < reply->pieces.n; i++)
        length += reply->pieces.at[i].bytes.n;
    struct buf head = BUF_INIT(64 << 10);
    buf_addf(&head, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n", reply->status, status_text(reply->status),
             reply->content_type);
    buf_adds(&head, buf_str(&reply->headers));
    if (reply->streaming)
        buf_addz(&head, "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    else
        buf_addf(&head, "Content-Length: %zu\r\n\r\n", length);
    send_bytes(conn, buf_str(&head));
    buf_done(&head);
    conn->entry->status = reply->status;
}

static void send_piece(struct conn *conn, struct str bytes)
{
    int64_t split = conn->reply->knobs.split;
    char framed[64];
    struct buf chunk = BUF_INIT(64 << 20);
    while (bytes.n > 0 && !conn->closing) {
        size_t n = split > 0 && (size_t)split < bytes.n ? (size_t)split : bytes.n;
        buf_clear(&chunk);
        if (conn->reply->streaming) {
            snprintf(framed, sizeof framed, "%zx\r\n", n);
            buf_addz(&chunk, framed);
        }
        buf_add(&chunk, bytes.p, n);
        if (conn->reply->streaming)
            buf_addz(&chunk, "\r\n");
        send_bytes(conn, buf_str(&chunk));
        conn->entry->bytes += (int64_t)n;
        bytes.p += n;
        bytes.n -= n;
    }
    buf_done(&chunk);
}

static void on_timer(uv_timer_t *timer)
{
    struct conn *conn = timer->data;
    if (conn->fin) {
        conn_close(conn, conn->reply && conn->reply->ending == END_RST);
        return;
    }
    if (conn->left > 0)
        send_piece(conn, STR(": PROCESSING\n\n"));
    advance(conn);
}

// False: the delay is over (or there is none); else the timer calls advance again.
static bool wait_ms(struct conn *conn, int64_t delay)
{
    if (conn->waited && conn->left <= 0) {
        conn->waited = false;
        return false;
    }
    if (!conn->waited)
        conn->left = delay;
    if (conn->left <= 0)
        return false;
    int64_t comment = conn->header_sent && conn->reply->streaming ? conn->reply->knobs.comment_ms : 0;
    int64_t step = comment > 0 && comment < conn->left ? comment : conn->left;
    conn->left -= step;
    conn->waited = true;
    uv_update_time(&conn->server->loop);
    uv_timer_start(&conn->timer, on_timer, (uint64_t)step, 0);
    return true;
}

static void close_soon(struct conn *conn)
{
    conn->fin = true;
    uv_update_time(&conn->server->loop);
    uv_timer_start(&conn->timer, on_timer, 5, 0);
}

static void finish(struct conn *conn)
{
    struct reply *reply = conn->reply;
    if (reply->ending == END_HANG)
        return;
    if (reply->ending != END_KEEP) {
        log_end(conn->entry);
        conn->entry = NULL;
        conn->busy = false;
        close_soon(conn);
        return;
    }
    if (reply->streaming)
        send_bytes(conn, STR("0\r\n\r\n"));
    log_end(conn->entry);
    conn->entry = NULL;
    conn->busy = false;
    bool close_idle = reply->knobs.close_idle;
    reply_free(conn);
    if (close_idle) {
        close_soon(conn);
        return;
    }
    if (conn->pending.n > 0) {
        struct buf pending = conn->pending;
        conn->pending = BUF_INIT(MAX_BODY);
        consume(conn, buf_str(&pending));
        buf_done(&pending);
    }
}

static void advance(struct conn *conn)
{
    struct reply *reply = conn->reply;
    if (conn->closing || !conn->busy || conn->fin)
        return;
    if (reply->none) {
        finish(conn);
        return;
    }
    if (!conn->header_sent) {
        if (wait_ms(conn, reply->knobs.header_delay))
            return;
        send_head(conn);
        conn->header_sent = true;
    }
    while (!conn->closing && conn->piece < reply->pieces.n) {
        if (uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp) > MAX_QUEUED) {
            conn->draining = true;
            return;
        }
        const struct piece *piece = &reply->pieces.at[conn->piece];
        if (wait_ms(conn, piece->delay))
            return;
        send_piece(conn, piece->bytes);
        conn->piece++;
    }
    if (!conn->closing)
        finish(conn);
}

static void take_header(struct conn *conn)
{
    struct entry *entry = conn->entry;
    if (conn->name.n > 0)
        vec_push(&entry->headers, arena_cstr(entry->arena, buf_str(&conn->name)),
                 arena_cstr(entry->arena, buf_str(&conn->value)));
    buf_clear(&conn->name);
    buf_clear(&conn->value);
    conn->in_value = false;
}

static int on_begin(llhttp_t *parser)
{
    struct conn *conn = parser->data;
    conn->entry = routes_log(conn->server->routes);
    conn->entry->connection = conn->number;
    conn->entry->alpn = conn->tls ? tls_alpn(conn->tls) : "";
    buf_clear(&conn->url);
    buf_clear(&conn->body);
    conn->complete = false;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
    struct conn *conn = parser->data;
    return buf_add(&conn->url, at, n) ? 0 : -1;
}

static int on_name(llhttp_t *parser, const char *at, size_t n)
{
    struct conn *conn = parser->data;
    if (conn->in_value)
        take_header(conn);
    return buf_add(&conn->name, at, n) ? 0 : -1;
}

static int on_value(llhttp_t *parser, const char *at, size_t n)
{
    struct conn *conn = parser->data;
    conn->in_value = true;
    return buf_add(&conn->value, at, n) ? 0 : -1;
}

static int on_headers(llhttp_t *parser)
{
    struct conn *conn = parser->data;
    take_header(conn);
    for (size_t i = 0; i < conn->entry->headers.n; i++)
        if (str_eq_nocase(str_from(conn->entry->headers.at[i].name), STR("expect")))
            send_bytes(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t n)
{
    struct conn *conn = parser->data;
    return buf_add(&conn->body, at, n) ? 0 : -1;
}

static int on_complete(llhttp_t *parser)
{
    struct conn *conn = parser->data;
    conn->complete = true;
    return HPE_PAUSED;
}

static void close_idle_others(struct conn *self)
{
    struct conn *next;
    for (struct conn *conn = self->server->first; conn; conn = next) {
        next = conn->next;
        if (conn == self || is_busy(conn))
            continue;
        conn->fin = true;
        conn_close(conn, false);
    }
}

static void handle(struct conn *conn)
{
    struct entry *entry = conn->entry;
    entry->method = arena_str(entry->arena, str_from(llhttp_method_name(llhttp_get_method(&conn->parser))));
    entry->path = arena_str(entry->arena, buf_str(&conn->url));
    entry->body = arena_str(entry->arena, buf_str(&conn->body));
    conn->busy = true;
    conn->piece = 0;
    conn->header_sent = conn->waited = false;
    conn->left = 0;
    conn->reply = routes_reply(conn->server->routes, entry);
    if (routes_take_close_idle(conn->server->routes))
        close_idle_others(conn);
    advance(conn);
}

static void h2_send(void *arg, struct str bytes)
{
    send_bytes(arg, bytes);
}

static void h2_close(void *arg)
{
    close_soon(arg);
}

static bool begin_h2(struct conn *conn)
{
    if (conn->h2 || !conn->tls || strcmp(tls_alpn(conn->tls), "h2") != 0)
        return conn->h2 != NULL;
    conn->h2 =
        h2_new(&(struct h2_link){&conn->server->loop, conn->server->routes, conn->number, h2_send, h2_close, conn});
    return true;
}

static void consume(struct conn *conn, struct str data)
{
    if (begin_h2(conn)) {
        if (!conn->fin && !h2_read(conn->h2, data))
            conn_close(conn, false);
        else if (routes_take_close_idle(conn->server->routes))
            close_idle_others(conn);
        return;
    }
    if (conn->busy) {
        if (!buf_adds(&conn->pending, data))
            conn_close(conn, true);
        return;
    }
    llhttp_errno_t error = llhttp_execute(&conn->parser, data.p, data.n);
    if (error == HPE_PAUSED && conn->complete) {
        const char *end = llhttp_get_error_pos(&conn->parser);
        llhttp_resume(&conn->parser);
        conn->complete = false;
        struct str rest = {end, (size_t)(data.p + data.n - end)};
        if (rest.n > 0)
            buf_adds(&conn->pending, rest);
        handle(conn);
    } else if (error != HPE_OK) {
        conn_close(conn, false);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static char shared[64 << 10];
    (void)handle;
    (void)suggested;
    *out = uv_buf_init(shared, sizeof shared);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
    struct conn *conn = stream->data;
    if (n == 0 || conn->closing)
        return;
    if (n < 0) {
        if (conn->busy)
            conn->entry->closed = wall_ms();
        conn_close(conn, false);
        return;
    }
    struct str data = {in->base, (size_t)n};
    if (!conn->tls) {
        consume(conn, data);
        return;
    }
    struct buf plain = BUF_INIT(MAX_BODY);
    buf_clear(&conn->wire);
    bool ended = !tls_read(conn->tls, data, &plain, &conn->wire);
    send_raw(conn, buf_str(&conn->wire));
    if (plain.n > 0)
        consume(conn, buf_str(&plain));
    if (ended && !conn->closing) {
        if (conn->busy)
            conn->entry->closed = wall_ms();
        conn_close(conn, false);
    }
    buf_done(&plain);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    if (status < 0)
        return;
    struct conn *conn = mem_zalloc(sizeof *conn);
    conn->server = server;
    conn->number = ++server->connections;
    conn->name = conn->value = conn->url = BUF_INIT(64 << 10);
    conn->body = conn->pending = conn->wire = BUF_INIT(MAX_BODY);
    uv_tcp_init(&server->loop, &conn->tcp);
    uv_timer_init(&server->loop, &conn->timer);
    conn->tcp.data = conn->timer.data = conn;
    conn->handles = 2;
    conn->next = server->first;
    conn->link = &server->first;
    if (conn->next)
        conn->next->link = &conn->next;
    server->first = conn;
    llhttp_init(&conn->parser, HTTP_REQUEST, &server->settings);
    conn->parser.data = conn;
    if (server->tls)
        conn->tls = tls_new(server->tls);
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) != 0) {
        conn_close(conn, false);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

static void end(struct server *server)
{
    if (server->ending)
        return;
    server->ending = true;
    while (server->first)
        conn_close(server->first, false);
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)&server->term, NULL);
    uv_close((uv_handle_t *)&server->interrupt, NULL);
    uv_close((uv_handle_t *)&server->lifeline, NULL);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    end(signal->data);
}

static void on_lifeline(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
    (void)in;
    if (n < 0)
        end(stream->data);
}

static int listen_on(struct server *server, int port)
{
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_init(&server->loop, &server->listener);
    server->listener.data = server;
    int error = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&server->listener, 4096, on_connection);
    if (error != 0) {
        fprintf(stderr, "parley-fake-llm: cannot listen: %s\n", uv_strerror(error));
        return 1;
    }
    int n = sizeof address;
    uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &n);
    printf("listening 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return 0;
}

int server_run(const struct server_options *options)
{
    struct server server = {.routes = routes_new(options->seed)};
    if (options->tls) {
        server.tls = tls_server_new(options->cert_host, options->cert_out, options->h2);
        if (!server.tls) {
            fprintf(stderr, "parley-fake-llm: cannot make a certificate\n");
            return 1;
        }
    }
    llhttp_settings_init(&server.settings);
    server.settings.on_message_begin = on_begin;
    server.settings.on_url = on_url;
    server.settings.on_header_field = on_name;
    server.settings.on_header_value = on_value;
    server.settings.on_headers_complete = on_headers;
    server.settings.on_body = on_body;
    server.settings.on_message_complete = on_complete;
    uv_loop_init(&server.loop);
    if (listen_on(&server, options->port) != 0)
        return 1;
    uv_signal_init(&server.loop, &server.term);
    uv_signal_init(&server.loop, &server.interrupt);
    server.term.data = server.interrupt.data = &server;
    uv_signal_start(&server.term, on_signal, SIGTERM);
    uv_signal_start(&server.interrupt, on_signal, SIGINT);
    uv_pipe_init(&server.loop, &server.lifeline, 0);
    server.lifeline.data = &server;
    if (options->until_eof && uv_pipe_open(&server.lifeline, 0) == 0)
        uv_read_start((uv_stream_t *)&server.lifeline, on_alloc, on_lifeline);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    uv_loop_close(&server.loop);
    tls_server_free(server.tls);
    routes_free(server.routes);
    return 0;
}
