// SPDX-License-Identifier: Apache-2.0
// For the tests of this room: a server on a free port, a blocking client that gives up after some seconds, and a way to
// let time pass.
#pragma once

#include "base/test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    struct pool *pool;
    struct http_server *server;
    struct http_options options;
};

static const char *const test_listen = "127.0.0.1:0";

static inline void test_done(const struct http_req *req, int status, size_t bytes, int64_t us)
{
    (void)req;
    (void)status;
    (void)bytes;
    (void)us;
}

// `options` may have anything set but listen, workers and routes.
static inline void start(struct fixture *f, struct http_options options, const struct http_route *routes, size_t n)
{
    struct err err = {0};
    f->pool = pool_new("test", 4, 64);
    options.listen = options.listen ? options.listen : &test_listen;
    options.n_listen = 1;
    options.workers = f->pool;
    options.routes = routes;
    options.n_routes = n;
    options.done = options.done ? options.done : test_done;
    f->options = options;
    if (http_server_new(&options, &f->server, &err) < 0 || http_server_start(f->server, &err) < 0)
        fail_msg("%s", err.text);
}

static inline void stop(struct fixture *f)
{
    http_server_free(f->server);
    pool_free(f->pool);
}

static inline void reach(struct loop *loop, intptr_t sem)
{
    (void)loop;
    sem_post((sem_t *)sem);
}

// Until every loop has gone round: what its sockets and messages had for it before is done.
static inline void go_round(struct fixture *f)
{
    for (size_t i = 0; i < 2 * f->server->n_loops; i++) {
        sem_t here;
        sem_init(&here, 0, 0);
        loop_call(&f->server->loops[i / 2], reach, (intptr_t)&here);
        while (sem_wait(&here) != 0)
            continue;
        sem_destroy(&here);
    }
}

static inline void pass_time(struct fixture *f, int64_t ms)
{
    clock_advance(ms);
    for (size_t i = 0; i < f->server->n_loops; i++)
        loop_call(&f->server->loops[i], loop_tick, 0);
    go_round(f);
}

// Until the client's and the kernel's buffers are full: nothing more is pulled though every loop went round.
static inline void pull_to_the_brim(struct fixture *f, const atomic_int *pulls)
{
    for (int before = -1; before != atomic_load(pulls);) {
        before = atomic_load(pulls);
        struct timespec nap = {.tv_nsec = 20000000};
        nanosleep(&nap, NULL);
        go_round(f);
    }
}

static inline int try_dial(struct fixture *f)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int64_t port = 0;
    str_to_int(str_from(strrchr(http_server_url(f->server, 0), ':') + 1), 1, 65535, &port);
    sa.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline int dial(struct fixture *f)
{
    int fd = try_dial(f);
    assert_true(fd >= 0);
    return fd;
}

static inline void put(int fd, const void *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; // the server has closed: what it answered is to be read
        bytes = (const char *)bytes + sent;
        n -= (size_t)sent;
    }
}

static inline void puts_to(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

static inline ssize_t get_some(int fd, struct buf *in)
{
    char bytes[16384];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno != ECONNRESET)
        fail_msg("nothing came: %s; so far: %s", strerror(errno), in->p ? in->p : "");
    if (n > 0)
        assert_true(buf_add(in, bytes, (size_t)n));
    return n;
}

// Until the server closes.
static inline void get_all(int fd, struct buf *in)
{
    buf_addz(in, "");
    while (get_some(fd, in) > 0)
        ;
}

// Until `wanted` has come; drops everything up to its end.
static inline void get_until(int fd, struct buf *in, const char *wanted)
{
    buf_addz(in, "");
    for (;;) {
        const char *at = in->n ? memmem(in->p, in->n, wanted, strlen(wanted)) : NULL;
        if (at) {
            buf_consume(in, (size_t)(at - in->p) + strlen(wanted));
            return;
        }
        if (get_some(fd, in) <= 0)
            fail_msg("closed before '%s' came: %s", wanted, in->p);
    }
}

// Sends one request on a new connection (which asks to be closed) and returns all that came; free it.
static inline char *exchange(struct fixture *f, const char *request)
{
    struct buf in = BUF_INIT(64 << 20);
    int fd = dial(f);
    puts_to(fd, request);
    get_all(fd, &in);
    close(fd);
    return in.p;
}

static inline void contains(const char *text, const char *wanted)
{
    if (!text || !strstr(text, wanted))
        fail_msg("'%s' is not in: %s", wanted, text ? text : "nothing");
}

static inline void lacks(const char *text, const char *unwanted)
{
    if (strstr(text, unwanted))
        fail_msg("'%s' is in: %s", unwanted, text);
}

#define expect_reply(f, request, ...)                                                                                  \
    do {                                                                                                               \
        AUTO_FREE char *got_ = exchange((f), (request));                                                               \
        const char *wanted_[] = {__VA_ARGS__};                                                                         \
        for (size_t i_ = 0; i_ < sizeof wanted_ / sizeof wanted_[0]; i_++)                                             \
            contains(got_, wanted_[i_]);                                                                               \
    } while (0)

// Waits for an event that another thread posts.
static inline void await(sem_t *sem)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    while (sem_timedwait(sem, &until) != 0)
        if (errno != EINTR)
            fail_msg("an event did not come");
}
