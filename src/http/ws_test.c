// SPDX-License-Identifier: Apache-2.0
// WebSockets over real sockets.
#include "http/test_client.h"

#include "http/ws_codec.h"

#define HANDSHAKE(path)                                                                                                \
    "GET " path " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"                    \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static struct http_ws *socket_now; // a reference
static sem_t opened, closed, entered, leave;
static atomic_int close_code;
static struct http_ws_options options;
static atomic_int to_pull, pulled;

static void on_open(struct http_ws *ws, void *arg)
{
    assert_ptr_equal(arg, &options);
    socket_now = http_ws_ref(ws);
    sem_post(&opened);
}

static void on_message(struct http_ws *ws, void *arg, struct str text)
{
    (void)arg;
    if (str_eq(text, STR("wait"))) {
        sem_post(&entered);
        await(&leave);
    } else if (str_eq(text, STR("bye"))) {
        http_ws_send(ws, STR("last words"));
        http_ws_close(ws, 4404, "no such brand");
        http_ws_send(ws, STR("never sent"));
        return;
    } else if (str_eq(text, STR("busy"))) {
        http_ws_set_busy(ws, true);
    } else if (str_eq(text, STR("idle"))) {
        http_ws_set_busy(ws, false);
    }
    http_ws_send(ws, text);
}

static void on_pull(struct http_ws *ws, void *arg)
{
    (void)arg;
    char text[1000];
    memset(text, 'p', sizeof text);
    while (atomic_load(&pulled) < atomic_load(&to_pull) && http_ws_put(ws, (struct str){text, sizeof text}))
        atomic_fetch_add(&pulled, 1);
}

static void on_close(struct http_ws *ws, void *arg, uint16_t code)
{
    (void)ws;
    (void)arg;
    atomic_store(&close_code, code);
    sem_post(&closed);
}

static void accept_socket(struct http_req *req)
{
    static const struct http_ws_handler handler = {on_open, on_message, on_pull, on_close, NULL};
    int status = http_ws_check(req);
    if (status) {
        http_reply(req, status, "text/plain", STR("no"));
        return;
    }
    http_header(req, "X-More", "yes");
    http_ws_send(http_accept_ws(req, "parley.v1", &options, &handler, &options), STR("welcome"));
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .path = "/ws", .handler = accept_socket, .kind = HTTP_WEBSOCKET}};

static void begin(struct fixture *f, struct http_options server)
{
    sem_init(&opened, 0, 0);
    sem_init(&closed, 0, 0);
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    atomic_store(&close_code, 0);
    atomic_store(&pulled, 0);
    atomic_store(&to_pull, 0);
    start(f, server, routes, 1);
}

static void end(struct fixture *f)
{
    if (socket_now)
        http_ws_unref(socket_now);
    socket_now = NULL;
    options = (struct http_ws_options){0};
    stop(f);
}

// Opens a socket and reads the welcome.
static int open_socket(struct fixture *f, struct buf *in)
{
    int fd = dial(f);
    puts_to(fd, HANDSHAKE("/ws"));
    get_until(fd, in, "101 Switching Protocols\r\n");
    get_until(fd, in, "\r\n\r\n");
    get_until(fd, in, "\x81\x07welcome");
    await(&opened);
    return fd;
}

static void send_frame(int fd, unsigned first, const void *payload, size_t n)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    uint8_t head[WS_HEAD_MAX];
    size_t head_n = ws_frame_head(head, first & 0x0f, n);
    head[0] = (uint8_t)first;
    head[1] |= 0x80;
    buf_add(&out, head, head_n);
    buf_add(&out, "\0\0\0\0", 4); // a mask that changes nothing
    buf_add(&out, payload, n);
    put(fd, out.p, out.n);
}

static void send_text(int fd, const char *text)
{
    send_frame(fd, 0x81, text, strlen(text));
}

// The server must end the socket with this code; its handler is told `told`.
static void expect_close(int fd, struct buf *in, unsigned code, int told)
{
    char frame[4] = {(char)0x88, 2, (char)(code >> 8), (char)code};
    get_all(fd, in);
    if (!memmem(in->p, in->n, frame + 2, 2) || !memchr(in->p, 0x88, in->n))
        fail_msg("no close frame with %u", code);
    await(&closed);
    assert_int_equal(atomic_load(&close_code), told);
    close(fd);
    buf_clear(in);
}

TEST(ws_handshake)
{
    struct fixture f;
    begin(&f, (struct http_options){0});
#define START "GET /ws HTTP/1.1\r\nHost: a\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    expect_reply(&f, START "\r\n", " 426 Upgrade Required\r\n", "Upgrade: websocket\r\n");
    expect_reply(&f, START "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 13\r\n\r\n", " 426 ");
    expect_reply(&f, START "Upgrade: websocket\r\n" KEY "Sec-WebSocket-Version: 13\r\n\r\n", " 426 ");
    expect_reply(&f, START "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 8\r\n\r\n",
                 " 426 ", "Sec-WebSocket-Version: 13\r\n");
    expect_reply(&f, START "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY "\r\n", " 426 ",
                 "Sec-WebSocket-Version: 13\r\n");
    expect_reply(&f, START "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n", " 400 ");
    expect_reply(&f,
                 START "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: short\r\n\r\n",
                 " 400 ");
    AUTO_BUF struct buf in = BUF_INIT(10000);
    int fd = dial(&f); // the first frame comes with the handshake: nothing is lost
    puts_to(fd, HANDSHAKE("/ws"));
    send_text(fd, "early");
    get_until(fd, &in, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    get_until(fd, &in, "Sec-WebSocket-Protocol: parley.v1\r\n");
    get_until(fd, &in, "X-More: yes\r\n\r\n");
    get_until(fd, &in, "\x81\x07welcome");
    get_until(fd, &in,
              "\x81\x05"
              "early");
    close(fd);
    await(&closed);
    assert_int_equal(atomic_load(&close_code), 1006);
    end(&f);
}

TEST(ws_messages_come_in_order_and_pings_are_answered_meanwhile)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    size_t requests, sockets;
    begin(&f, (struct http_options){.loops = 2});
    int fd = open_socket(&f, &in);
    http_server_busy(f.server, &requests, &sockets);
    assert_int_equal(requests, 0);
    assert_int_equal(sockets, 1);
    send_text(fd, "wait");
    for (int i = 0; i < 200; i++) { // more than may be in flight: reading stops and goes on
        char text[16];
        (void)snprintf(text, sizeof text, "m%03d", i);
        send_text(fd, text);
    }
    await(&entered);
    sem_post(&leave);
    get_until(fd, &in, "\x81\x04wait");
    for (int i = 0; i < 200; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "\x81\x04m%03d", i);
        get_until(fd, &in, text);
    }
    send_text(fd, "wait");
    send_frame(fd, 0x89, "hi", 2);
    await(&entered);
    get_until(fd, &in, "\x8a\x02hi");
    assert_int_equal(in.n, 0);
    sem_post(&leave);
    get_until(fd, &in, "\x81\x04wait");
    send_frame(fd, 0x01, "frag", 4);
    send_frame(fd, 0x89, "", 0);
    send_frame(fd, 0x80, "ment", 4);
    get_until(fd, &in, "\x8a");
    get_until(fd, &in,
              "\x81\x08"
              "fragment");
    send_frame(fd, 0x88, "\x0f\xa1x", 3); // 4001: echoed with its code
    expect_close(fd, &in, 4001, 4001);
    end(&f);
}

TEST(ws_closes_what_breaks_the_rules) // 001-brands#24
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    AUTO_FREE char *large = mem_alloc(70000);
    memset(large, 'x', 70000);
    begin(&f, (struct http_options){0});
    int fd = open_socket(&f, &in);
    send_frame(fd, 0x81, large, 65537);
    expect_close(fd, &in, 1009, 1009);
    end(&f);
    begin(&f, (struct http_options){0});
    fd = open_socket(&f, &in);
    send_frame(fd, 0x82, "x", 1);
    expect_close(fd, &in, 1003, 1003);
    end(&f);
    begin(&f, (struct http_options){0});
    fd = open_socket(&f, &in);
    send_frame(fd, 0x81, "\xff\xfe", 2);
    expect_close(fd, &in, 1007, 1007);
    end(&f);
    begin(&f, (struct http_options){0});
    fd = open_socket(&f, &in);
    put(fd, "\x81\x01x", 3); // not masked
    expect_close(fd, &in, 1002, 1002);
    end(&f);
    options.max_frames_per_minute = 20;
    begin(&f, (struct http_options){0});
    fd = open_socket(&f, &in);
    for (int i = 0; i < 20; i++) {
        send_frame(fd, 0x89, "", 0);
        get_until(fd, &in, "\x8a");
    }
    send_frame(fd, 0x89, "", 0);
    expect_close(fd, &in, 4429, 4429);
    end(&f);
}

TEST(ws_server_closes_after_what_it_queued)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    begin(&f, (struct http_options){0});
    int fd = open_socket(&f, &in);
    send_text(fd, "bye");
    get_until(fd, &in, "\x81\x0alast words");
    get_until(fd, &in, "\x88\x0f\x11\x34no such brand");
    send_text(fd, "too late");
    send_frame(fd, 0x88, "\x11\x34", 2);
    get_all(fd, &in);
    assert_int_equal(in.n, 0);
    await(&closed);
    assert_int_equal(atomic_load(&close_code), 4404);
    http_ws_send(socket_now, STR("nobody")); // a handle that is kept does nothing
    http_ws_wake(socket_now);
    http_ws_close(socket_now, 1000, NULL);
    http_ws_set_busy(socket_now, false);
    close(fd);
    end(&f);
    begin(&f, (struct http_options){.loops = 2});
    fd = open_socket(&f, &in);
    http_server_close_sockets(f.server, 1001);
    get_until(fd, &in, "\x88\x02\x03\xe9");
    pass_time(&f, 2200); // no echo comes
    get_all(fd, &in);
    await(&closed);
    assert_int_equal(atomic_load(&close_code), 1001);
    close(fd);
    end(&f);
}

// Its time is over in 10 s at the latest: a turn that runs is waited for.
static void is_ended_once_idle(struct fixture *f, int fd, struct buf *in, const char *end)
{
    send_text(fd, "busy");
    get_until(fd, in,
              "\x81\x04"
              "busy");
    pass_time(f, 10200);
    send_text(fd, "still there");
    get_until(fd, in, "\x81\x0bstill there");
    send_text(fd, "idle");
    get_until(fd, in, "\x81\x04idle");
    pass_time(f, 1200);
    get_until(fd, in, end);
    close(fd);
    await(&closed);
}

TEST(ws_time_outs)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    options.idle_timeout_ms = 60000;
    options.max_lifetime_ms = 200000;
    begin(&f, (struct http_options){0});
    int fd = open_socket(&f, &in);
    send_text(fd, "busy");
    get_until(fd, &in,
              "\x81\x04"
              "busy");
    for (int i = 0; i < 4; i++) { // 120 s, kept alive by pongs, busy: not idle
        pass_time(&f, 30200);
        get_until(fd, &in, "\x89");
        in.n = 0;
        send_frame(fd, 0x8a, "", 0);
        send_frame(fd, 0x89, "s", 1); // the pong has been read when this is answered
        get_until(fd, &in, "\x8a\x01s");
    }
    send_text(fd, "idle");
    get_until(fd, &in, "\x81\x04idle");
    pass_time(&f, 60200);
    get_until(fd, &in, "\x88\x02\x11\x38"); // 4408
    close(fd);
    await(&closed);
    assert_int_equal(atomic_load(&close_code), 4408);
    end(&f);

    begin(&f, (struct http_options){0});
    fd = open_socket(&f, &in);
    pass_time(&f, 30200);
    get_until(fd, &in, "\x89");
    pass_time(&f, 20200);
    get_until(fd, &in, "\x88\x02\x03\xf3"); // 1011
    close(fd);
    await(&closed);
    end(&f);

    options.max_lifetime_ms = 10000;
    begin(&f, (struct http_options){0});
    fd = open_socket(&f, &in);
    is_ended_once_idle(&f, fd, &in, "\x88\x02\x03\xe9"); // 1001
    end(&f);
}

TEST(ws_ends_at_a_moment_that_was_set)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    options.max_lifetime_ms = 100000;
    begin(&f, (struct http_options){0});
    int fd = open_socket(&f, &in);
    http_ws_end_at(socket_now, clock_mono_ms() + 5000, 4401);
    http_ws_end_at(socket_now, clock_mono_ms() + 20000, 4401); // the later word counts
    pass_time(&f, 10200);
    is_ended_once_idle(&f, fd, &in, "\x88\x02\x11\x31"); // 4401
    assert_int_equal(atomic_load(&close_code), 4401);
    end(&f);
}

TEST(ws_is_pulled_as_the_reader_reads)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(64 << 20);
    begin(&f, (struct http_options){.unsent_high = 50000});
    int fd = open_socket(&f, &in);
    atomic_store(&to_pull, 30000); // 30 MB
    http_ws_wake(socket_now);
    pull_to_the_brim(&f, &pulled);
    assert_true(atomic_load(&pulled) < 30000);
    assert_true(http_ws_unsent(socket_now) <= 60000);
    http_ws_close(socket_now, 1000, NULL); // after all of it
    size_t total = in.n;
    in.n = 0;
    while (get_some(fd, &in) > 0) {
        total += in.n;
        if (total >= 30000 * 1004u + 4)
            break;
        in.n = 0;
    }
    assert_memory_equal(in.p + in.n - 4, "\x88\x02\x03\xe8", 4);
    assert_int_equal(total, 30000 * 1004u + 4);
    close(fd);
    await(&closed);
    end(&f);
}

TEST(ws_reader_that_does_not_read_is_dropped)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(64 << 20);
    AUTO_FREE char *large = mem_alloc(100000);
    memset(large, 'x', 100000);
    begin(&f, (struct http_options){0});
    int fd = open_socket(&f, &in);
    while (sem_trywait(&closed) != 0) // until more than a megabyte waits
        http_ws_send(socket_now, (struct str){large, 100000});
    assert_int_equal(atomic_load(&close_code), 1006);
    close(fd);
    end(&f);
    begin(&f, (struct http_options){.unsent_high = 50000}); // without progress for 30 s
    fd = open_socket(&f, &in);
    atomic_store(&to_pull, 30000);
    http_ws_wake(socket_now);
    pull_to_the_brim(&f, &pulled);
    for (int i = 0; i < 3; i++)
        pass_time(&f, 30200); // what went into the kernel's buffers last counts as progress
    await(&closed);
    assert_int_equal(atomic_load(&close_code), 1006);
    close(fd);
    end(&f);
}

TEST(ws_ends_with_the_server)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    begin(&f, (struct http_options){.loops = 2});
    int fd = open_socket(&f, &in);
    send_text(fd, "wait");
    await(&entered);
    sem_post(&leave);
    struct http_ws *ws = http_ws_ref(socket_now);
    end(&f);
    await(&closed);
    assert_int_equal(atomic_load(&close_code), 1006);
    http_ws_send(ws, STR("too late"));
    http_ws_unref(ws);
    close(fd);
}
