// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include "base/mem.h"

#include <stdlib.h>

static void set_defaults(struct http_options *options)
{
#define DEFAULT(field, value) options->field = options->field ? options->field : (value)
    DEFAULT(loops, 1);
    DEFAULT(max_head, 16 * 1024);
    DEFAULT(max_fields, 100);
    DEFAULT(max_connections, 20000);
    DEFAULT(head_timeout_ms, 10000);
    DEFAULT(body_timeout_ms, 30000);
    DEFAULT(idle_timeout_ms, 75000);
    DEFAULT(write_timeout_ms, 30000);
    DEFAULT(unsent_high, 256 * 1024);
    const char *temp = getenv("TMPDIR");
    DEFAULT(temp_dir, temp && *temp ? temp : "/tmp");
#undef DEFAULT
}

void server_ref(struct http_server *server)
{
    atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
}

void server_unref(struct http_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    for (size_t i = 0; server->loops && i < server->n_loops; i++)
        loop_done(&server->loops[i]);
    free(server->loops);
    listeners_close(server);
    router_free(server->router);
    networks_free(server->trusted);
    pthread_rwlock_destroy(&server->trusted_lock);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->idle);
    free(server);
}

void server_task_begin(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->tasks++;
    pthread_mutex_unlock(&server->lock);
}

void server_task_end(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    if (--server->tasks == 0)
        pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

int http_set_trusted(struct http_server *server, const struct str *trusted, size_t n, struct err *err)
{
    struct networks *networks;
    int rc = networks_new(trusted, n, &networks, err);
    if (rc < 0)
        return rc;
    pthread_rwlock_wrlock(&server->trusted_lock);
    struct networks *old = server->trusted;
    server->trusted = networks;
    pthread_rwlock_unlock(&server->trusted_lock);
    networks_free(old);
    return 0;
}

int http_server_new(const struct http_options *options, struct http_server **ret, struct err *err)
{
    struct http_server *server = mem_zalloc(sizeof *server);
    server->options = *options;
    set_defaults(&server->options);
    server->n_loops = server->options.loops;
    atomic_init(&server->refs, 1);
    pthread_rwlock_init(&server->trusted_lock, NULL);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->idle, NULL);
    int rc = router_new(options->routes, options->n_routes, &server->router, err);
    if (rc == 0)
        rc = http_set_trusted(server, options->trusted_proxies, options->n_trusted, err);
    if (rc == 0)
        rc = listeners_open(server, err);
    if (rc < 0) {
        server_unref(server);
        return rc;
    }
    *ret = server;
    return 0;
}

const char *http_server_url(const struct http_server *server, size_t i)
{
    return i < server->n_listeners ? server->listeners[i * server->n_loops].url : NULL;
}

bool http_server_loopback_only(const struct http_server *server)
{
    for (size_t i = 0; i < server->n_listeners; i++)
        if (!address_is_loopback(&server->listeners[i * server->n_loops].address))
            return false;
    return true;
}

int http_server_start(struct http_server *server, struct err *err)
{
    server->loops = mem_calloc(server->n_loops, sizeof *server->loops);
    for (size_t i = 0; i < server->n_loops; i++)
        if (loop_init(&server->loops[i], server, i) < 0)
            return err_set(err, ERR_IO, "cannot set up event loop %zu", i);
    for (size_t i = 0; i < server->n_loops; i++)
        if (loop_start(&server->loops[i]) < 0)
            return err_set(err, ERR_IO, "cannot start the thread of event loop %zu", i);
    server->started = true;
    return 0;
}

static void each_loop(struct http_server *server, void (*run)(struct loop *loop, intptr_t arg), intptr_t arg)
{
    for (size_t i = 0; server->started && i < server->n_loops; i++)
        loop_call(&server->loops[i], run, arg);
}

void http_server_drain(struct http_server *server)
{
    each_loop(server, loop_drain, 0);
}

void http_server_close_sockets(struct http_server *server, uint16_t code)
{
    each_loop(server, ws_close_all, code);
}

void http_server_busy(const struct http_server *server, size_t *ret_requests, size_t *ret_sockets)
{
    *ret_requests = atomic_load(&server->requests);
    *ret_sockets = atomic_load(&server->sockets);
}

size_t http_server_streams(const struct http_server *server)
{
    return atomic_load(&server->streams);
}

size_t http_server_connections(const struct http_server *server)
{
    return atomic_load(&server->connections);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    each_loop(server, loop_stop, 0);
    for (size_t i = 0; server->started && i < server->n_loops; i++) {
        pthread_join(server->loops[i].thread, NULL);
        uv_loop_close(&server->loops[i].uv);
    }
    pthread_mutex_lock(&server->lock);
    while (server->tasks > 0)
        pthread_cond_wait(&server->idle, &server->lock);
    pthread_mutex_unlock(&server->lock);
    listeners_unlink(server);
    server_unref(server);
}
