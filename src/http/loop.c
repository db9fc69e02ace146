// SPDX-License-Identifier: Apache-2.0
// One event loop: a thread, its listeners, its connections, one timer over a wheel, and a queue of messages from other
// threads. An idle loop sleeps: the timer is set to the next used slot of the wheel and not at all without connections.
#include "http/server.h"

#include "base/clock.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct accepter {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct accepter *next;
    bool unix_socket;
};

static void run_queue(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct msg *msg = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);
    while (msg) {
        struct msg *next = msg->next;
        msg->run(msg);
        msg = next;
    }
}

static void on_async(uv_async_t *async)
{
    run_queue(async->data);
}

void loop_post(struct loop *loop, struct msg *msg)
{
    msg->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool ended = loop->ended;
    if (!ended) {
        bool first = !loop->first;
        *loop->last = msg;
        loop->last = &msg->next;
        if (first && !loop->deaf)
            uv_async_send(&loop->async);
    }
    pthread_mutex_unlock(&loop->lock);
    if (ended)
        msg->run(msg);
}

struct call {
    struct msg msg;
    struct loop *loop;
    void (*run)(struct loop *loop, intptr_t arg);
    intptr_t arg;
};

static void run_call(struct msg *msg)
{
    struct call *call = (struct call *)(void *)msg;
    if (!call->loop->ended)
        call->run(call->loop, call->arg);
    free(call);
}

void loop_call(struct loop *loop, void (*run)(struct loop *loop, intptr_t arg), intptr_t arg)
{
    struct call *call = mem_alloc(sizeof *call);
    *call = (struct call){.msg.run = run_call, .loop = loop, .run = run, .arg = arg};
    loop_post(loop, &call->msg);
}

static void on_timer(uv_timer_t *timer)
{
    loop_tick(timer->data, 0);
}

static void set_timer(struct loop *loop, int64_t at)
{
    if (loop->stopping || at < 0 || (loop->timer_at && loop->timer_at <= at))
        return; // a timer that is too early finds nothing and sets itself anew
    int64_t now = clock_mono_ms();
    loop->timer_at = at;
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->timer, on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

void loop_tick(struct loop *loop, intptr_t unused)
{
    (void)unused;
    loop->timer_at = 0;
    wheel_run(&loop->wheel, clock_mono_ms(), conn_due, loop);
    set_timer(loop, wheel_next_ms(&loop->wheel));
}

void loop_deadline(struct loop *loop, struct wheel_entry *entry, int64_t deadline_ms)
{
    if (loop->wheel.count == 0)
        wheel_init(&loop->wheel, clock_mono_ms());
    bool moved = !entry->link || deadline_ms < entry->deadline_ms;
    wheel_set(&loop->wheel, entry, deadline_ms);
    if (moved)
        set_timer(loop, entry->tick * WHEEL_TICK_MS);
}

const char *loop_date(struct loop *loop)
{
    int64_t now = clock_wall_ms() / 1000;
    if (now != loop->date_s) {
        loop->date_s = now;
        clock_http(now * 1000, loop->date);
    }
    return loop->date;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct accepter *accepter = (struct accepter *)(void *)stream;
    if (status == 0)
        conn_accept(stream->data, stream, accepter->unix_socket);
}

static void free_accepter(uv_handle_t *handle)
{
    free(handle);
}

static void close_accepters(struct loop *loop)
{
    while (loop->accepters) {
        struct accepter *accepter = loop->accepters;
        loop->accepters = accepter->next;
        uv_close(&accepter->handle, free_accepter);
    }
}

void loop_drain(struct loop *loop, intptr_t unused)
{
    (void)unused;
    loop->draining = true;
    close_accepters(loop);
    for (struct conn *conn = loop->conns, *next; conn; conn = next) {
        next = conn->next;
        if (conn->state == CONN_HEAD && !conn->head)
            conn_close(conn);
    }
}

void loop_stop(struct loop *loop, intptr_t unused)
{
    (void)unused;
    loop->draining = loop->stopping = true;
    close_accepters(loop);
    for (struct conn *conn = loop->conns, *next; conn; conn = next) {
        next = conn->next;
        conn_close(conn);
    }
    pthread_mutex_lock(&loop->lock);
    loop->deaf = true;
    pthread_mutex_unlock(&loop->lock);
    uv_close((uv_handle_t *)&loop->async, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
}

static int take_listener(struct loop *loop, const struct listener *listener)
{
    struct accepter *accepter = mem_zalloc(sizeof *accepter);
    accepter->unix_socket = listener->unix_socket;
    int rc =
        listener->unix_socket ? uv_pipe_init(&loop->uv, &accepter->pipe, 0) : uv_tcp_init(&loop->uv, &accepter->tcp);
    if (rc == 0)
        rc = listener->unix_socket ? uv_pipe_open(&accepter->pipe, listener->fd)
                                   : uv_tcp_open(&accepter->tcp, listener->fd);
    if (rc == 0) {
        accepter->stream.data = loop;
        rc = uv_listen(&accepter->stream, 1024, on_connection);
    }
    accepter->next = loop->accepters;
    loop->accepters = accepter;
    return rc;
}

int loop_init(struct loop *loop, struct http_server *server, size_t index)
{
    loop->server = server;
    loop->last = &loop->first;
    pthread_mutex_init(&loop->lock, NULL);
    wheel_init(&loop->wheel, clock_mono_ms());
    loop->read_buf = mem_alloc(READ_SIZE);
    loop->out = BUF_INIT(4 << 20);
    loop->pulled = BUF_INIT(server->options.unsent_high);
    if (uv_loop_init(&loop->uv) != 0)
        return ERR_IO;
    loop->uv.data = loop;
    loop->async.data = loop->timer.data = loop;
    if (uv_async_init(&loop->uv, &loop->async, on_async) != 0 || uv_timer_init(&loop->uv, &loop->timer) != 0)
        return ERR_IO;
    for (size_t i = 0; i < server->n_listeners; i++) {
        struct listener *listener = &server->listeners[i * server->n_loops + index];
        if (take_listener(loop, listener) != 0)
            return ERR_IO;
        listener->fd = -1; // the loop's now
    }
    return 0;
}

static _Thread_local struct loop *current;

bool loop_is_current(const struct loop *loop)
{
    return current == loop;
}

static void *loop_main(void *arg)
{
    struct loop *loop = current = arg;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    // Nothing wakes this loop any more. What was posted meanwhile runs here, what comes later on its sender's thread.
    pthread_mutex_lock(&loop->lock);
    loop->ended = true;
    pthread_mutex_unlock(&loop->lock);
    run_queue(loop);
    return NULL;
}

int loop_start(struct loop *loop)
{
    sigset_t all, before;
    sigfillset(&all); // signals are the main thread's; a broken pipe is an error code here
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&loop->thread, NULL, loop_main, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return ERR_IO;
    pthread_setname_np(loop->thread, "http-loop");
    return 0;
}

void loop_done(struct loop *loop)
{
    for (size_t i = 0; i < loop->n_spare; i++)
        head_free(loop->spare[i]);
    free(loop->read_buf);
    buf_done(&loop->out);
    buf_done(&loop->pulled);
    pthread_mutex_destroy(&loop->lock);
}
