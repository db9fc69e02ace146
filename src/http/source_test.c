// SPDX-License-Identifier: Apache-2.0
// Pulled answers and answers that come later.
#include "http/test_client.h"

#define END "Host: a\r\nConnection: close\r\n\r\n"

// A source of numbered lines. `total` < 0: it gives what `offered` allows and waits for more.
struct lines {
    sem_t closed, pulled;
    struct http_waker *waker;
    atomic_int offered;
    int next, total;
    atomic_int pulls;
    bool completed;
};

static struct lines lines;
static bool blocking; // this and fail_at are set before the server starts
static int fail_at;

static int lines_pull(void *arg, struct buf *out, size_t room)
{
    struct lines *l = arg;
    int limit = l->total < 0 ? atomic_load(&l->offered) : l->total;
    atomic_fetch_add(&l->pulls, 1);
    while (l->next < limit && room - out->n >= 16) {
        if (fail_at && l->next == fail_at)
            return -1;
        buf_addf(out, "%07d\n", l->next++);
    }
    if (l->total < 0)
        sem_post(&l->pulled);
    return l->next == l->total ? 0 : 1;
}

static void lines_close(void *arg, bool completed)
{
    struct lines *l = arg;
    l->completed = completed;
    sem_post(&l->closed);
}

static void stream(struct http_req *req)
{
    struct http_source source = {lines_pull, lines_close, blocking};
    lines.waker = http_waker(req);
    http_reply_source(req, 200, "text/plain", &source, &lines);
}

static struct http_req *kept;
static sem_t was_kept, gone;

static void on_gone(struct http_req *req, void *arg)
{
    assert_true(http_gone(req));
    sem_post((sem_t *)arg);
}

static void keep(struct http_req *req)
{
    kept = req;
    http_keep(req, on_gone, &gone);
    sem_post(&was_kept);
}

static void keep_unwatched(struct http_req *req)
{
    kept = req;
    http_keep(req, NULL, NULL);
    sem_post(&was_kept);
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .path = "/stream", .handler = stream},
    {.method = HTTP_GET, .path = "/keep", .handler = keep},
    {.method = HTTP_GET, .path = "/keep-unwatched", .handler = keep_unwatched},
    {.method = HTTP_GET, .path = "/keep-on-loop", .handler = keep, .flags = HTTP_ROUTE_ON_LOOP},
};

static void begin(struct fixture *f, struct http_options options, int total)
{
    memset(&lines, 0, sizeof lines);
    lines.total = total;
    sem_init(&lines.closed, 0, 0);
    sem_init(&lines.pulled, 0, 0);
    sem_init(&was_kept, 0, 0);
    sem_init(&gone, 0, 0);
    start(f, options, routes, sizeof routes / sizeof routes[0]);
}

static void end(struct fixture *f)
{
    stop(f);
    http_waker_free(lines.waker);
    blocking = false;
    fail_at = 0;
}

// Checks and joins the chunks of a reply; returns the number of lines.
static int unchunk(const char *text, bool ended)
{
    const char *at = strstr(text, "\r\n\r\n");
    int next = 0;
    contains(text, "Transfer-Encoding: chunked\r\n");
    assert_non_null(at);
    at += 4;
    while (*at) {
        char *data;
        size_t n = strtoul(at, &data, 16);
        assert_memory_equal(data, "\r\n", 2);
        data += 2;
        if (n == 0) {
            assert_string_equal(data, "\r\n");
            return next;
        }
        assert_int_equal(n % 8, 0);
        for (size_t i = 0; i < n; i += 8)
            assert_int_equal(atoi(data + i), next++);
        assert_memory_equal(data + n, "\r\n", 2);
        at = data + n + 2;
    }
    assert_false(ended);
    return next;
}

TEST(source_is_sent_whole)
{
    for (int round = 0; round < 2; round++) {
        struct fixture f;
        blocking = round == 1;
        begin(&f, (struct http_options){.unsent_high = 20000}, 500000);
        AUTO_FREE char *got = exchange(&f, "GET /stream HTTP/1.1\r\n" END);
        assert_int_equal(unchunk(got, true), 500000);
        await(&lines.closed);
        assert_true(lines.completed);
        end(&f);
    }
}

TEST(source_of_nothing_head_and_old_clients)
{
    struct fixture f;
    begin(&f, (struct http_options){0}, 0);
    AUTO_FREE char *none = exchange(&f, "GET /stream HTTP/1.1\r\n" END);
    assert_int_equal(unchunk(none, true), 0);
    await(&lines.closed);
    assert_true(lines.completed);
    end(&f);
    begin(&f, (struct http_options){0}, 5);
    AUTO_FREE char *head = exchange(&f, "HEAD /stream HTTP/1.1\r\n" END);
    assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
    await(&lines.closed);
    assert_int_equal(lines.next, 0);
    end(&f);
    begin(&f, (struct http_options){0}, 2);
    AUTO_FREE char *old = exchange(&f, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    lacks(old, "chunked");
    contains(old, "Connection: close\r\n");
    assert_string_equal(strstr(old, "\r\n\r\n") + 4, "0000000\n0000001\n");
    end(&f);
}

TEST(source_that_is_woken)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000);
    begin(&f, (struct http_options){0}, -1);
    int fd = dial(&f);
    puts_to(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    get_until(fd, &in, "\r\n\r\n"); // the head comes before there is anything
    await(&lines.pulled);
    for (int i = 1; i <= 3; i++) {
        char line[16];
        atomic_store(&lines.offered, i);
        http_wake(lines.waker);
        (void)snprintf(line, sizeof line, "8\r\n%07d\n\r\n", i - 1);
        get_until(fd, &in, line);
    }
    close(fd); // the client leaves
    await(&lines.closed);
    assert_false(lines.completed);
    http_wake(lines.waker); // does nothing any more
    end(&f);
}

TEST(source_waits_for_a_slow_reader)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100 << 20);
    begin(&f, (struct http_options){.unsent_high = 50000}, 4000000); // 32 MB: more than the kernel buffers
    int fd = dial(&f);
    puts_to(fd, "GET /stream HTTP/1.1\r\n" END);
    get_until(fd, &in, "\r\n\r\n");
    pull_to_the_brim(&f, &lines.pulls);
    assert_true(atomic_load(&lines.pulls) < 2000);
    assert_true(http_server_connections(f.server) == 1);
    get_all(fd, &in);
    contains(in.p + in.n - 30, "3999999\n\r\n0\r\n\r\n");
    close(fd);
    await(&lines.closed);
    assert_true(lines.completed);
    end(&f);
}

TEST(source_reader_without_progress_is_cut_off)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100 << 20);
    begin(&f, (struct http_options){0}, 100000000);
    int fd = dial(&f);
    puts_to(fd, "GET /stream HTTP/1.1\r\n" END);
    get_until(fd, &in, "\r\n\r\n");
    pull_to_the_brim(&f, &lines.pulls);
    for (int i = 0; i < 3; i++)
        pass_time(&f, 30200); // what went into the kernel's buffers last counts as progress
    await(&lines.closed);
    go_round(&f);
    assert_int_equal(http_server_connections(f.server), 0);
    assert_false(lines.completed);
    close(fd);
    end(&f);
}

TEST(source_that_fails_cuts_the_connection)
{
    struct fixture f;
    fail_at = 50;
    begin(&f, (struct http_options){0}, 100);
    AUTO_FREE char *got = exchange(&f, "GET /stream HTTP/1.1\r\n" END);
    lacks(got, "\r\n0\r\n\r\n");
    await(&lines.closed);
    assert_false(lines.completed);
    end(&f);
}

TEST(source_ends_with_the_server)
{
    for (int round = 0; round < 2; round++) {
        struct fixture f;
        blocking = round == 1;
        begin(&f, (struct http_options){0}, -1);
        int fd = dial(&f);
        puts_to(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        await(&lines.pulled);
        stop(&f);
        await(&lines.closed);
        assert_false(lines.completed);
        http_wake(lines.waker);
        http_waker_free(lines.waker);
        blocking = false;
        close(fd);
    }
}

TEST(kept_request_is_answered_later)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000);
    begin(&f, (struct http_options){0}, 0);
    int fd = dial(&f);
    const char *requests[] = {"GET /keep HTTP/1.1\r\nHost: a\r\n\r\n", "GET /keep-on-loop HTTP/1.1\r\nHost: a\r\n\r\n"};
    for (int i = 0; i < 2; i++) {
        puts_to(fd, requests[i]);
        await(&was_kept);
        assert_false(http_gone(kept));
        http_reply(kept, 200, NULL, STR("later"));
        get_until(fd, &in, "\r\n\r\nlater");
    }
    close(fd);
    stop(&f);
    assert_int_equal(sem_trywait(&gone), -1);
}

TEST(kept_request_learns_that_the_client_left)
{
    struct fixture f;
    begin(&f, (struct http_options){0}, 0);
    for (int i = 0; i < 3; i++) {
        int fd = dial(&f);
        puts_to(fd, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
        if (i == 0)
            shutdown(fd, SHUT_WR); // perhaps before it is kept
        await(&was_kept);
        if (i == 1)
            shutdown(fd, SHUT_WR);
        struct linger reset = {1, 0};
        if (i == 2) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            close(fd);
        }
        await(&gone);
        assert_true(http_gone(kept));
        http_reply(kept, 200, NULL, STR("nobody reads this"));
        if (i < 2)
            close(fd);
    }
    stop(&f);
}

TEST(kept_request_is_watched_later)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000);
    begin(&f, (struct http_options){0}, 0);
    for (int i = 0; i < 3; i++) {
        int fd = dial(&f);
        puts_to(fd, "GET /keep-unwatched HTTP/1.1\r\nHost: a\r\n\r\n");
        await(&was_kept);
        if (i == 0)
            shutdown(fd, SHUT_WR); // before it is watched, or at the same time
        http_watch(kept, on_gone, &gone);
        if (i == 1)
            shutdown(fd, SHUT_WR);
        if (i < 2)
            await(&gone);
        http_reply(kept, 200, NULL, STR("whole"));
        if (i == 2)
            get_until(fd, &in, "\r\n\r\nwhole");
        close(fd);
    }
    stop(&f);
    assert_int_equal(sem_trywait(&gone), -1);
}

TEST(kept_request_outlives_the_server)
{
    struct fixture f;
    begin(&f, (struct http_options){0}, 0);
    int fd = dial(&f);
    puts_to(fd, "GET /keep HTTP/1.1\r\nHost: a\r\n\r\n");
    await(&was_kept);
    stop(&f);
    await(&gone);
    http_reply(kept, 200, NULL, STR("too late"));
    close(fd);
}
