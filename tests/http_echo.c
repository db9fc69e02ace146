// SPDX-License-Identifier: Apache-2.0
// An echo WebSocket and a tiny HTTP server on the http room alone: for protocol conformance runs, load and fuzzing by
// hand. Runs until it is told to stop by a signal or its standard input ends ("--stdin").
//
// GET /hello   a short text, made on the loop        GET /worker   the same from a worker
// GET /stream?n=N  N lines, pulled                   POST /body    the body back
// POST /form   names and sizes of the form's parts   any other path with an upgrade: the echo socket
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http.h"
#include "http/multipart.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void hello(struct http_req *req)
{
    http_reply_static(req, 200, "text/plain", STR("Hello from the loop.\n"));
}

static void body(struct http_req *req)
{
    http_reply(req, 200, "application/octet-stream", http_body(req));
}

static void form(struct http_req *req)
{
    struct err err = {0};
    const struct multipart *parts = http_multipart(req, &err);
    if (!parts) {
        http_reply(req, 400, "text/plain", str_from(err.code ? err.text : "no form"));
        return;
    }
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    for (size_t i = 0; i < multipart_count(parts); i++) {
        const struct multipart_part *part = multipart_at(parts, i);
        buf_addf(&out, STR_FMT " %llu\n", STR_ARG(part->name), (unsigned long long)part->size);
    }
    http_reply(req, 200, "text/plain", buf_str(&out));
}

struct lines {
    int64_t left;
};

static int lines_pull(void *arg, struct buf *out, size_t room)
{
    struct lines *lines = arg;
    while (lines->left > 0 && room - out->n > 32)
        buf_addf(out, "line %lld\n", (long long)lines->left--);
    return lines->left > 0;
}

static void lines_close(void *arg, bool completed)
{
    (void)completed;
    free(arg);
}

static void stream(struct http_req *req)
{
    static const struct http_source source = {.pull = lines_pull, .close = lines_close};
    struct lines *lines = mem_zalloc(sizeof *lines);
    lines->left = 10;
    str_to_int(http_query(req, "n"), 0, 100000000, &lines->left);
    http_reply_source(req, 200, "text/plain", &source, lines);
}

static void echo_text(struct http_ws *ws, void *arg, struct str text)
{
    (void)arg;
    http_ws_send(ws, text);
}

static void echo_binary(struct http_ws *ws, void *arg, struct str bytes)
{
    (void)arg;
    http_ws_send_binary(ws, bytes);
}

static void echo(struct http_req *req)
{
    static const struct http_ws_handler handler = {.message = echo_text, .binary = echo_binary};
    static const struct http_ws_options options = {.max_message = 1 << 20, .max_frames_per_minute = 1 << 20};
    int status = http_ws_check(req);
    if (status)
        http_reply(req, status, "text/plain", STR("This is an echo WebSocket.\n"));
    else
        http_accept_ws(req, NULL, &options, &handler, NULL);
}

static void quiet(const struct http_req *req, int status, size_t body_bytes, int64_t us)
{
    (void)req;
    (void)status;
    (void)body_bytes;
    (void)us;
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .path = "/hello", .handler = hello, .flags = HTTP_ROUTE_ON_LOOP},
    {.method = HTTP_GET, .path = "/worker", .handler = hello},
    {.method = HTTP_GET, .path = "/stream", .handler = stream},
    {.method = HTTP_POST, .path = "/body", .handler = body, .max_body = 1 << 20},
    {.method = HTTP_POST, .path = "/form", .handler = form, .max_body = 64 << 20, .kind = HTTP_MULTIPART},
    {.method = HTTP_GET, .path = "/", .handler = echo, .kind = HTTP_WEBSOCKET},
    {.method = HTTP_GET, .path = "/{any}", .handler = echo, .kind = HTTP_WEBSOCKET},
};

int main(int argc, char **argv)
{
    const char *listen = argc > 1 && argv[1][0] != '-' ? argv[1] : "127.0.0.1:0";
    bool until_stdin_ends = argc > 1 && strcmp(argv[argc - 1], "--stdin") == 0;
    if (crypto_init() != 0)
        return 1;
    log_setup(LOG_INFO, false);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    struct pool *workers = pool_new("worker", 4, 4096);
    struct http_options options = {
        .listen = &listen,
        .n_listen = 1,
        .loops = 2,
        .workers = workers,
        .routes = routes,
        .n_routes = sizeof routes / sizeof routes[0],
        .done = quiet,
    };
    struct http_server *server;
    struct err err = {0};
    if (http_server_new(&options, &server, &err) < 0 || http_server_start(server, &err) < 0) {
        (void)fprintf(stderr, "http_echo: %s\n", err.text);
        return 1;
    }
    printf("listening %s\n", http_server_url(server, 0));
    (void)fflush(stdout);
    int signal_number = 0;
    if (until_stdin_ends)
        while (getchar() != EOF)
            ;
    else
        sigwait(&stop, &signal_number);
    http_server_free(server);
    pool_free(workers);
    return 0;
}
