// SPDX-License-Identifier: Apache-2.0
// The smallest server on http/: GET /hello answers a constant, / is a WebSocket that sends every text message
// back. It is what the conformance cases of tests/http and the floor of the benchmarks run against.
//
// usage: parley-echo [ADDRESS]      (default 127.0.0.1:0); prints `listening URL`, ends on SIGTERM or SIGINT
#include "base/crypto.h"
#include "base/log.h"
#include "http/http.h"

#include <signal.h>
#include <stdio.h>

static void hello(struct http_req *req)
{
    http_reply(req, 200, "text/plain", STR("hello\n"));
}

static void echo_message(struct http_ws *ws, void *arg, struct str text)
{
    (void)arg;
    http_ws_send(ws, text);
}

static void echo(struct http_req *req)
{
    static const struct http_ws_options options = {
        .max_message = 1 << 20,
        .ping_interval_ms = 600000,
        .pong_timeout_ms = 20000,
        .idle_timeout_ms = 600000,
        .max_lifetime_ms = 3600000,
        .max_frames_per_minute = 1000000,
        .close_timeout_ms = 2000,
    };
    static const struct http_ws_handler handler = {.message = echo_message};
    int status = http_ws_check(req);
    if (status != 0)
        http_reply(req, status, "text/plain", STR("refused\n"));
    else
        http_accept_ws(req, NULL, &options, &handler, NULL);
}

static void refuse(struct http_req *req, int status, const void *row)
{
    (void)row;
    http_reply(req, status, "text/plain", STR("refused\n"));
}

static void done(const struct http_req *req, int status, size_t body_bytes, int64_t us)
{
    (void)req, (void)status, (void)body_bytes, (void)us;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", HTTP_PLAIN, 0, hello, NULL},
    {HTTP_GET, "/", HTTP_WEBSOCKET, 0, echo, NULL},
};

int main(int argc, char **argv)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_WARN, false);
    if (crypto_init() != 0)
        return 1;

    const char *listen = argc > 1 ? argv[1] : "127.0.0.1:0";
    struct http_options options = {
        .listen = &listen,
        .n_listen = 1,
        .loops = 2,
        .workers = pool_new("echo", 4, 1024),
        .routes = routes,
        .n_routes = sizeof routes / sizeof *routes,
        .refuse = refuse,
        .done = done,
    };
    struct http_server *server = NULL;
    struct err err = {0};
    if (http_server_new(&options, &server, &err) < 0 || http_server_start(server, &err) < 0) {
        fprintf(stderr, "parley-echo: %s\n", err.text);
        return 1;
    }
    printf("listening %s\n", http_server_url(server, 0));
    fflush(stdout);
    int got = 0;
    sigwait(&stop, &got);
    http_server_drain(server);
    http_server_free(server);
    pool_free(options.workers);
    return 0;
}
