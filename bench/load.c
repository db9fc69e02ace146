// SPDX-License-Identifier: Apache-2.0
// The load of the benchmarks: N clients of one server in one thread, each asking its next question when the last answer
// is whole, over HTTP (POST) or over a WebSocket that speaks 001's chat frames. Every answer is checked to be whole.
// Prints one JSON object. With --idle it only opens sockets, prints `ready` when all are open, and holds them
// (answering pings) until its input ends. Clients come from several addresses of 127/8, so that ports do not run out.
//
// usage: load --port N --path PATH [--ws] [--clients N] [--turns N | --seconds N] [--message TEXT] [--body JSON]
//             [--get] [--idle] [--ramp SECONDS, over which the clients begin]
#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 256 << 10, IDLE_BUFFER = 4096, MAX_TURNS = 4 << 20, CLIENTS_PER_ADDRESS = 4000 };

static struct {
    int port;
    const char *path, *message, *body;
    bool ws, get, idle;
    int clients;
    long turns;
    double seconds, ramp;
} options = {.path = "/", .message = "Which laptop is good for students?", .clients = 1, .seconds = 5};

struct client {
    int fd;
    bool upgraded, waiting;
    double asked, first;
    size_t n, room;
    char *in;
};

static float *first_ms, *whole_ms;
static long asked, answered, failed, chunks, upgraded;
static double began, until;
static char request[4096];
static size_t request_n;

static void send_all(struct client *c, const char *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t sent = send(c->fd, bytes + done, n - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            fatal("send");
        done += sent > 0 ? (size_t)sent : 0;
    }
}

// One request, or one masked text frame (a mask of zeros leaves the text as it is).
static void prepare(void)
{
    char body[2048];
    int n = options.body
                ? snprintf(body, sizeof body, "%s", options.body)
                : snprintf(body, sizeof body,
                           options.ws ? "{\"type\":\"chat\",\"data\":{\"message\":\"%s\"}}" : "{\"message\":\"%s\"}",
                           options.message);
    if (options.ws) {
        unsigned char *p = (unsigned char *)request;
        *p++ = 0x81;
        *p++ = (unsigned char)(0x80 | (n < 126 ? n : 126));
        if (n >= 126) {
            *p++ = (unsigned char)(n >> 8);
            *p++ = (unsigned char)n;
        }
        memset(p, 0, 4);
        memcpy(p + 4, body, (size_t)n);
        request_n = (size_t)(p + 4 - (unsigned char *)request) + (size_t)n;
    } else if (options.get) {
        request_n =
            (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", options.path);
    } else {
        request_n = (size_t)snprintf(request, sizeof request,
                                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                                     "Content-Length: %d\r\n\r\n%s",
                                     options.path, n, body);
    }
}

static bool may_ask(void)
{
    return asked < MAX_TURNS && (options.turns ? asked < options.turns : now(CLOCK_MONOTONIC) < until);
}

static void ask(struct client *c)
{
    if (options.idle || !may_ask()) {
        c->waiting = false;
        return;
    }
    asked++;
    c->waiting = true;
    c->first = 0;
    c->asked = now(CLOCK_MONOTONIC);
    send_all(c, request, request_n);
}

static void answer(struct client *c, bool good)
{
    double t = now(CLOCK_MONOTONIC);
    if (good && answered < MAX_TURNS) {
        first_ms[answered] = (float)(((c->first > 0 ? c->first : t) - c->asked) * 1e3);
        whole_ms[answered] = (float)((t - c->asked) * 1e3);
        answered++;
    } else {
        failed++;
    }
    ask(c);
}

static void connect_client(struct client *c, int number)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / CLIENTS_PER_ADDRESS));
    int on = 1;
    if (c->fd < 0)
        fatal("socket");
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0)
        fatal("bind");
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
        fatal("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    if (options.ws) {
        char head[1024];
        int n = snprintf(head, sizeof head,
                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                         options.path);
        send_all(c, head, (size_t)n);
    }
}

// The end of a head (after the empty line), or 0.
static size_t head_end(const struct client *c)
{
    const char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
    return end ? (size_t)(end - c->in) + 4 : 0;
}

static void consume(struct client *c, size_t n)
{
    memmove(c->in, c->in + n, c->n - n);
    c->n -= n;
}

// One HTTP answer, if it is whole; its bytes are taken out.
static bool take_http(struct client *c)
{
    size_t head = head_end(c);
    if (!head)
        return false;
    if (c->first == 0 && c->n > head)
        c->first = now(CLOCK_MONOTONIC);
    c->in[head - 1] = 0;
    const char *length = strcasestr(c->in, "\ncontent-length:");
    size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    c->in[head - 1] = '\n';
    if (!length) { // chunked: its last chunk ends what is there
        if (c->n < head + 5 || memcmp(c->in + c->n - 5, "0\r\n\r\n", 5) != 0)
            return false;
        body = c->n - head;
    }
    if (c->n < head + body)
        return false;
    bool good = c->n > 12 && memcmp(c->in + 9, "200", 3) == 0;
    consume(c, head + body);
    answer(c, good);
    return true;
}

static bool take_frame(struct client *c)
{
    const unsigned char *p = (const unsigned char *)c->in;
    if (c->n < 2)
        return false;
    size_t size = p[1] & 0x7f, head = 2;
    if (size == 126) {
        head = 4;
        if (c->n < head)
            return false;
        size = (size_t)p[2] << 8 | p[3];
    } else if (size == 127) {
        head = 10;
        if (c->n < head)
            return false;
        size = 0;
        for (int i = 2; i < 10; i++)
            size = size << 8 | p[i];
    }
    if (c->n < head + size)
        return false;
    const char *text = c->in + head;
    size_t begin = size < 24 ? size : 24; // the type stands first
    bool complete = memmem(text, begin, "\"complete\"", 10), chunk = memmem(text, begin, "\"chunk\"", 7);
    bool bad = memmem(text, begin, "\"error\"", 7) || (p[0] & 0x0f) == 8;
    bool ping = (p[0] & 0x0f) == 9;
    consume(c, head + size);
    if (ping)
        send_all(c, "\x8a\x80\0\0\0\0", 6);
    if (chunk) {
        chunks++;
        if (c->first == 0)
            c->first = now(CLOCK_MONOTONIC);
    } else if (complete) {
        answer(c, c->first > 0);
    } else if (bad) {
        failed++;
    }
    return true;
}

static void receive(struct client *c)
{
    ssize_t got = recv(c->fd, c->in + c->n, c->room - c->n, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        failed += c->waiting;
        c->waiting = false;
        close(c->fd);
        c->fd = -1;
        return;
    }
    c->n += (size_t)got;
    if (options.ws && !c->upgraded) {
        size_t head = head_end(c);
        if (!head)
            return;
        if (memcmp(c->in + 9, "101", 3) != 0) {
            errno = EPROTO;
            fatal("handshake");
        }
        consume(c, head);
        c->upgraded = true;
        upgraded++;
    }
    while (options.ws ? take_frame(c) : take_http(c)) {
    }
}

static void print_times(const char *name, float *ms)
{
    long n = answered;
    qsort(ms, (size_t)n, sizeof *ms, ascending);
    printf("\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, n ? (double)ms[n / 2] : 0,
           n ? (double)ms[n * 9 / 10] : 0, n ? (double)ms[n * 99 / 100] : 0, n ? (double)ms[n - 1] : 0);
}

static void parse(int argc, char **argv)
{
    static const struct option rows[] = {
        {"port", 1, NULL, 'p'},  {"path", 1, NULL, 'a'}, {"message", 1, NULL, 'm'}, {"clients", 1, NULL, 'c'},
        {"turns", 1, NULL, 't'}, {"ws", 0, NULL, 'w'},   {"seconds", 1, NULL, 's'}, {"idle", 0, NULL, 'i'},
        {"body", 1, NULL, 'b'},  {"get", 0, NULL, 'g'},  {"ramp", 1, NULL, 'r'},    {0},
    };
    for (int c; (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
        switch (c) {
        case 'p':
            options.port = (int)strtol(optarg, NULL, 10);
            break;
        case 'a':
            options.path = optarg;
            break;
        case 'm':
            options.message = optarg;
            break;
        case 'c':
            options.clients = (int)strtol(optarg, NULL, 10);
            break;
        case 't':
            options.turns = strtol(optarg, NULL, 10);
            break;
        case 's':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'w':
            options.ws = true;
            break;
        case 'b':
            options.body = optarg;
            break;
        case 'g':
            options.get = true;
            break;
        case 'r':
            options.ramp = strtod(optarg, NULL);
            break;
        case 'i':
            options.idle = true;
            break;
        default:
            exit(2);
        }
    }
}

// Holds the sockets until the input ends.
static void hold(int poll)
{
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0)
        fatal("epoll_ctl");
    for (bool told = false;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (!c)
                return;
            if (c->fd >= 0)
                receive(c);
            if (c->fd < 0) {
                errno = ECONNRESET;
                fatal("an idle socket was closed");
            }
        }
        if (!told && upgraded == options.clients) {
            told = true;
            puts("ready");
            fflush(stdout);
        }
    }
}

int main(int argc, char **argv)
{
    allow_all_files();
    parse(argc, argv);
    prepare();
    first_ms = calloc(MAX_TURNS, sizeof *first_ms);
    whole_ms = calloc(MAX_TURNS, sizeof *whole_ms);
    struct client *clients = calloc((size_t)options.clients, sizeof *clients);
    int poll = epoll_create1(0);
    for (int i = 0; i < options.clients; i++) {
        connect_client(&clients[i], i);
        clients[i].room = options.idle ? IDLE_BUFFER : BUFFER;
        clients[i].in = malloc(clients[i].room);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event) < 0)
            fatal("epoll_ctl");
    }
    if (options.idle) {
        hold(poll);
        return 0;
    }
    began = now(CLOCK_MONOTONIC);
    until = began + options.seconds;
    double patience = until + 60 + (options.turns ? 120 : 0);
    int begun = 0;
    while ((answered + failed < asked || may_ask()) && now(CLOCK_MONOTONIC) < patience) {
        while (begun < options.clients && (clients[begun].upgraded || !options.ws) &&
               now(CLOCK_MONOTONIC) >= began + options.ramp * begun / options.clients)
            ask(&clients[begun++]);
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, begun < options.clients ? 1 : 100);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (c->fd >= 0)
                receive(c);
        }
    }
    double took = now(CLOCK_MONOTONIC) - began;
    printf("{\"turns\":%ld,\"failed\":%ld,\"unanswered\":%ld,\"chunks\":%ld,\"seconds\":%.3f,\"per_second\":%.1f,",
           answered, failed, asked - answered - failed, chunks, took, (double)answered / took);
    print_times("first_ms", first_ms);
    printf(",");
    print_times("whole_ms", whole_ms);
    puts("}");
    return 0;
}
