// SPDX-License-Identifier: Apache-2.0
// What servers without TLS send, byte by byte, and what becomes of their connections: against a server in this process
// that says what it is told. What the test double can say is in the other tests.
#include "llm/testing.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define EVENT "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define CHUNKS                                                                                                         \
    "33\r\n" EVENT "\r\n"                                                                                              \
    "e\r\n" DONE "\r\n0\r\n\r\n"

enum after { KEEPS, CLOSES };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of what both threads use

static struct {
    int listener;
    pthread_t thread;
    struct llm_provider row;
    char base[64];
    struct str reply;
    size_t step;      // bytes at once; 0: all
    enum after after; // what it does behind the reply
    int deaf;         // the request on a kept connection that is answered by closing; 0: none
    bool early;       // it replies before it has read the body
    int connections, requests;
} server;

static bool is_early(void)
{
    pthread_mutex_lock(&lock);
    bool early = server.early;
    pthread_mutex_unlock(&lock);
    return early;
}

static bool read_request(int fd)
{
    AUTO_BUF struct buf in = BUF_INIT(64 << 20);
    size_t want = SIZE_MAX;
    static char bytes[65536];
    while (in.n < want) {
        ssize_t n = recv(fd, bytes, want == SIZE_MAX ? 1000 : sizeof bytes, 0);
        if (n <= 0)
            return false;
        buf_add(&in, bytes, (size_t)n);
        size_t from = in.n > (size_t)n + 3 ? in.n - (size_t)n - 3 : 0; // what was searched before is not again
        const char *end = want == SIZE_MAX ? memmem(in.p + from, in.n - from, "\r\n\r\n", 4) : NULL;
        if (!end)
            continue;
        if (is_early())
            return true;
        const char *length = strcasestr(in.p, "content-length:");
        want = (size_t)(end + 4 - in.p) + strtoul(length + 15, NULL, 10);
    }
    return true;
}

static void write_reply(int fd, struct str reply, size_t step)
{
    for (size_t at = 0, n; at < reply.n; at += n) {
        n = step && reply.n - at > step ? step : reply.n - at;
        if (send(fd, reply.p + at, n, MSG_NOSIGNAL) < 0)
            return;
    }
}

// False: the connection is over.
static bool answer(int fd, int i)
{
    pthread_mutex_lock(&lock);
    server.requests++;
    bool deaf = server.deaf && i == server.deaf, closes = server.after == CLOSES;
    struct str reply = server.reply;
    size_t step = server.step;
    pthread_mutex_unlock(&lock);
    if (!deaf)
        write_reply(fd, reply, step);
    return !deaf && !closes;
}

static void *serve(void *arg)
{
    (void)arg;
    for (int fd, on = 1; (fd = accept(server.listener, NULL, NULL)) >= 0; close(fd)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pthread_mutex_lock(&lock);
        server.connections++;
        pthread_mutex_unlock(&lock);
        for (int i = 0; read_request(fd) && answer(fd, i); i++)
            continue;
    }
    return NULL;
}

static struct llm *up(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    server.connections = server.requests = server.deaf = 0;
    server.early = false;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(server.listener, 16), 0);
    assert_int_equal(getsockname(server.listener, (struct sockaddr *)&at, &n), 0);
    snprintf(server.base, sizeof server.base, "http://127.0.0.1:%d/v1", ntohs(at.sin_port));
    server.row = (struct llm_provider){.id = "a", .kind = "openai", .base_url = server.base, .order = 1};
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    return llm_on(&server.row, 1);
}

static void down(struct llm *llm)
{
    llm_free(llm);
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
}

static void say(struct str reply, size_t step, enum after after)
{
    pthread_mutex_lock(&lock);
    server.reply = reply;
    server.step = step;
    server.after = after;
    pthread_mutex_unlock(&lock);
}

static void expect_connections(const char *what, int n)
{
    pthread_mutex_lock(&lock);
    int there = server.connections;
    pthread_mutex_unlock(&lock);
    if (there != n)
        fail_msg("%s: %d connections, not %d", what, there, n);
}

// One call; `text` NULL: it must fail without any.
static void expect(struct llm *llm, const char *what, const char *text)
{
    struct chat chat;
    chat_run(&chat, llm, "m");
    bool good = chat.result.finish == (text ? LLM_STOP : LLM_ERROR) && chat.result.n_attempts == 1 &&
                str_eq(buf_str(&chat.text), str_from(text ? text : ""));
    if (!good)
        fail_msg("%s: finish %d, %zu attempts, %s, '%s'", what, chat.result.finish, chat.result.n_attempts,
                 chat.result.attempts[0].outcome, chat.text.p ? chat.text.p : "");
    chat_free(&chat);
}

TEST(direct_reads_every_framing)
{
    static const struct {
        const char *name, *reply;
        enum after after;
    } rows[] = {
        {"length", HEAD "Content-Length: 65\r\n\r\n" EVENT DONE, KEEPS},
        {"chunks", HEAD "Transfer-Encoding: chunked\r\n\r\n" CHUNKS, KEEPS},
        {"extensions and trailers",
         HEAD "Transfer-Encoding: chunked\r\n\r\n"
              "33;a=b\r\n" EVENT "\r\n0e \r\n" DONE "\r\n0\r\nX-End: 1\r\n\r\n",
         KEEPS},
        {"until the end", HEAD "\r\n" EVENT DONE, CLOSES},
        {"of old", "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" EVENT DONE, CLOSES},
        {"bare line feeds", "HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\n" EVENT DONE, CLOSES},
        {"continue first", "HTTP/1.1 100 Continue\r\n\r\n" HEAD "Content-Length: 65\r\n\r\n" EVENT DONE, KEEPS},
        {"no reason, folded, empty",
         "HTTP/1.1 200\r\nContent-Type: text/event-stream\r\nX-A:\r\nX-B: 1\r\n 2\r\nTransfer-Encoding: "
         "chunked\r\n\r\n" CHUNKS,
         KEEPS},
    };
    assert_int_equal(strlen(EVENT), 0x33);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t step = 0; step < 4; step++) {
            struct llm *llm = up();
            say(str_from(rows[i].reply), step, rows[i].after);
            expect(llm, rows[i].name, "Hello");
            expect(llm, rows[i].name, "Hello");
            expect_connections(rows[i].name, rows[i].after == KEEPS ? 1 : 2);
            down(llm);
        }
}

TEST(direct_faults)
{
    static const struct {
        const char *name, *reply;
    } rows[] = {
        {"nothing", ""},
        {"no HTTP", "SSH-2.0-server\r\n"},
        {"a head that ends", "HTTP/1.1 200 OK\r\nContent-Ty"},
        {"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n" EVENT},
        {"a chunk that is none", HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" EVENT},
        {"a coding nobody asked for", HEAD "Content-Encoding: zstd\r\n\r\n" EVENT DONE},
        {"packed that is not", HEAD "Content-Encoding: gzip\r\n\r\n" EVENT DONE},
        {"another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct llm *llm = up();
        say(str_from(rows[i].reply), 0, CLOSES);
        expect(llm, rows[i].name, NULL);
        down(llm);
    }
}

// upstream-llm#22
TEST(direct_connections)
{
    struct llm *llm = up();
    struct str whole = STR(HEAD "Content-Length: 65\r\n\r\n" EVENT DONE);
    say(whole, 0, CLOSES); // without a word about it
    expect(llm, "closed", "Hello");
    expect(llm, "closed", "Hello");
    expect_connections("so far", 2);
    say(whole, 0, KEEPS);
    pthread_mutex_lock(&lock);
    server.deaf = 1;
    pthread_mutex_unlock(&lock); // the kept one is gone before anything was said: asked once more, over a fresh one
    expect(llm, "kept", "Hello");
    expect(llm, "gone", "Hello");
    expect_connections("so far", 4);
    down(llm);
    llm = up();
    say(STR(HEAD "Content-Length: 65\r\n\r\n" EVENT DONE "HTTP/1.1 200 OK\r\n"), 0, KEEPS);
    expect(llm, "more behind it", "Hello");
    expect(llm, "more behind it", "Hello");
    expect_connections("so far", 2);
    say(STR(HEAD "Connection: close\r\nContent-Length: 65\r\n\r\n" EVENT DONE), 0, KEEPS);
    expect(llm, "says that it closes", "Hello");
    expect(llm, "says that it closes", "Hello");
    expect_connections("so far", 4);
    down(llm);
}

static void run_large(struct llm *llm, struct chat *chat)
{
    static char text[6 << 20];
    memset(text, 'a', sizeof text);
    struct llm_message messages[] = {{"user", {text, sizeof text}}};
    struct llm_request request = {.messages = messages, .n_messages = 1, .max_tokens = 100};
    *chat = (struct chat){0};
    chat_start(chat, llm, "m", &request);
    chat_wait(chat);
}

TEST(direct_large_requests)
{
    struct chat chat;
    struct llm *llm = up();
    say(STR(HEAD "Content-Length: 65\r\n\r\n" EVENT DONE), 0, KEEPS);
    run_large(llm, &chat);
    assert_int_equal(chat.result.finish, LLM_STOP);
    chat_free(&chat);
    pthread_mutex_lock(&lock);
    server.early = true; // refused before it is all said
    pthread_mutex_unlock(&lock);
    say(STR("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"), 0, KEEPS);
    run_large(llm, &chat);
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_int_equal(chat.result.attempts[0].status, 413);
    chat_free(&chat);
    down(llm);
}

static void pack(const struct buf *plain, struct buf *out)
{
    z_stream z = {0};
    static unsigned char room[4 << 20];
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)plain->p;
    z.avail_in = (unsigned)plain->n;
    z.next_out = room;
    z.avail_out = sizeof room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_add(out, room, sizeof room - z.avail_out);
    deflateEnd(&z);
}

static void read_slowly(struct llm *llm, const char *what, size_t want)
{
    struct chat chat = {.refuse = true};
    chat_start(&chat, llm, "m", NULL);
    pthread_mutex_lock(&chat.lock);
    for (unsigned seen = 0; !chat.done; seen = chat.deltas) {
        while (!chat.done && chat.deltas == seen)
            pthread_cond_wait(&chat.changed, &chat.lock);
        if (!chat.done)
            llm_call_resume(chat.call);
    }
    pthread_mutex_unlock(&chat.lock);
    if (chat.result.finish != LLM_STOP || chat.text.n != want)
        fail_msg("%s: finish %d, %zu bytes of %zu", what, chat.result.finish, chat.text.n, want);
    chat_free(&chat);
}

TEST(direct_readers_without_room)
{
    AUTO_BUF struct buf plain = BUF_INIT(8 << 20), packed = BUF_INIT(8 << 20), reply = BUF_INIT(16 << 20);
    enum { EVENTS = 20000 };
    for (int i = 0; i < EVENTS; i++)
        buf_addz(&plain, EVENT);
    buf_addz(&plain, DONE);
    pack(&plain, &packed);
    for (int as = 0; as < 3; as++) {
        const struct buf *body = as == 2 ? &packed : &plain;
        buf_clear(&reply);
        buf_addz(&reply, HEAD);
        if (as == 1)
            buf_addf(&reply, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", body->n);
        else
            buf_addf(&reply, "%sContent-Length: %zu\r\n\r\n", as == 2 ? "Content-Encoding: gzip\r\n" : "", body->n);
        buf_adds(&reply, buf_str(body));
        if (as == 1)
            buf_addz(&reply, "\r\n0\r\n\r\n");
        struct llm *llm = up();
        say(buf_str(&reply), 0, KEEPS);
        read_slowly(llm, as == 2 ? "packed" : as ? "chunks" : "length", EVENTS * 5);
        say(STR(HEAD "Content-Length: 65\r\n\r\n" EVENT DONE), 0, KEEPS);
        expect(llm, "afterwards", "Hello");
        expect_connections("so far", 1);
        down(llm);
    }
}
