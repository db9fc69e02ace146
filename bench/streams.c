// SPDX-License-Identifier: Apache-2.0
// The load of bench/llm.py: streamed answers (server-sent events over HTTP/1.1) of one server, read in one thread. The
// answer is `w1 w2 … wN`, so that each word that arrives is a token with a number, whatever the events around it look
// like. Each stream has a connection of its own. A token's lateness is measured from the moment of asking by the model
// double's schedule: the first at --first, the others --delay apart. Prints one JSON object.
//
// usage: streams --port N --path PATH --body JSON [--bearer TOKEN] [--streams N] [--at-once N] [--words N] [--first MS]
//                [--delay MS] [--ramp SECONDS] [--patience SECONDS] [--cancel WORDS: closes after so many]
#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TAIL = 16, PIECE = 64 << 10, TOKENS_MOST = 8 << 20, CODES = 600 };

static struct {
    const char *port, *path, *body, *bearer, *streams, *at_once, *words, *first, *delay, *ramp, *patience, *cancel;
} given = {.path = "/",
           .body = "{}",
           .streams = "1",
           .at_once = "1",
           .words = "20",
           .first = "0",
           .delay = "0",
           .ramp = "0",
           .patience = "60",
           .cancel = "0",
           .bearer = NULL,
           .port = NULL};

struct stream {
    int fd, words, status;
    double asked, last, pause; // monotonic s; pause: the longest between two tokens
    bool open, over;           // over: the text has ended, what follows repeats it
    char tail[TAIL];           // of the bytes before
    size_t n_tail;
};

static float *first_ms, *late_ms, *pause_ms;
static double *closed_ms; // wall clock, of --cancel
static long n_first, n_late, n_pause, n_closed, whole, failed, codes[CODES];
static char request[8192];
static int request_n, n_words, n_cancel;
static double first_at, delay;

static void stream_end(struct stream *s)
{
    if (s->status > 0 && s->status < CODES)
        codes[s->status]++;
    bool good = s->status == 200 && s->words >= (n_cancel ? n_cancel : n_words);
    whole += good;
    failed += !good;
    if (good && s->words > 1)
        pause_ms[n_pause++] = (float)(s->pause * 1e3);
    close(s->fd);
    s->open = false;
}

static void count_word(struct stream *s, double t)
{
    if (s->words++ == 0)
        first_ms[n_first++] = (float)((t - s->asked) * 1e3);
    else if (t - s->last > s->pause)
        s->pause = t - s->last;
    s->last = t;
    if (n_late < TOKENS_MOST)
        late_ms[n_late++] = (float)((t - s->asked - first_at - delay * (s->words - 1)) * 1e3);
}

// Words begin with `w` and a digit, after a quotation mark or a space.
static void count(struct stream *s, const char *bytes, size_t n, double t)
{
    const char *end = memmem(bytes, n, "event: complete", 15);
    size_t until = end ? (size_t)(end - bytes) : n;
    for (size_t i = 2; !s->over && i < until && s->words < n_words; i++)
        if (bytes[i] >= '0' && bytes[i] <= '9' && bytes[i - 1] == 'w' && (bytes[i - 2] == '"' || bytes[i - 2] == ' '))
            count_word(s, t);
    s->over |= end != NULL;
}

static void stream_begin(struct stream *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(given.port, NULL, 10))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    *s = (struct stream){.fd = socket(AF_INET, SOCK_STREAM, 0), .open = true};
    if (s->fd < 0)
        fatal("socket");
    s->asked = now(CLOCK_MONOTONIC);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0 ||
        send(s->fd, request, (size_t)request_n, MSG_NOSIGNAL) < 0) {
        stream_end(s);
        return;
    }
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
}

static void receive(struct stream *s)
{
    static char bytes[TAIL + PIECE];
    memcpy(bytes, s->tail, s->n_tail);
    ssize_t got = recv(s->fd, bytes + s->n_tail, PIECE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        stream_end(s);
        return;
    }
    size_t n = s->n_tail + (size_t)got;
    if (!s->status && n >= 12)
        s->status = (int)strtol(bytes + 9, NULL, 10);
    count(s, bytes, n, now(CLOCK_MONOTONIC));
    if (n_cancel && s->words >= n_cancel) {
        closed_ms[n_closed++] = now(CLOCK_REALTIME) * 1e3;
        stream_end(s);
        return;
    }
    if ((n >= 5 && memcmp(bytes + n - 5, "0\r\n\r\n", 5) == 0) || (s->status != 200 && s->status)) {
        stream_end(s);
        return;
    }
    // A word that begins in the tail was counted only if its digit was there: two bytes are enough to see it.
    s->n_tail = n < 2 ? n : 2;
    memcpy(s->tail, bytes + n - s->n_tail, s->n_tail);
}

static void print_times(const char *name, float *ms, long n)
{
    qsort(ms, (size_t)n, sizeof *ms, ascending);
    printf(",\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, n ? (double)ms[n / 2] : -1,
           n ? (double)ms[n * 99 / 100] : -1, n ? (double)ms[n - 1] : -1);
}

static void parse(int argc, char **argv)
{
    static const struct {
        const char *name, **value;
    } rows[] = {{"port", &given.port},     {"path", &given.path},         {"body", &given.body},
                {"bearer", &given.bearer}, {"streams", &given.streams},   {"at-once", &given.at_once},
                {"words", &given.words},   {"first", &given.first},       {"delay", &given.delay},
                {"ramp", &given.ramp},     {"patience", &given.patience}, {"cancel", &given.cancel}};
    for (int i = 1; i + 1 < argc; i += 2)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            if (strcmp(argv[i] + 2, rows[k].name) == 0)
                *rows[k].value = argv[i + 1];
    if (!given.port) {
        fputs("streams: --port is missing\n", stderr);
        exit(2);
    }
}

static void prepare(void)
{
    char auth[2048] = "";
    if (given.bearer)
        (void)snprintf(auth, sizeof auth, "Authorization: Bearer %s\r\n", given.bearer);
    request_n = snprintf(request, sizeof request,
                         "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s"
                         "Content-Length: %zu\r\n\r\n%s",
                         given.path, auth, strlen(given.body), given.body);
    n_words = atoi(given.words);
    n_cancel = atoi(given.cancel);
    first_at = strtod(given.first, NULL) / 1e3;
    delay = strtod(given.delay, NULL) / 1e3;
}

static void print_all(double took)
{
    printf("{\"whole\":%ld,\"failed\":%ld,\"seconds\":%.3f", whole, failed, took);
    print_times("first_ms", first_ms, n_first);
    print_times("late_ms", late_ms, n_late);
    print_times("pause_ms", pause_ms, n_pause);
    printf(",\"codes\":{");
    for (int i = 0, n = 0; i < CODES; i++)
        if (codes[i])
            printf("%s\"%d\":%ld", n++ ? "," : "", i, codes[i]);
    printf("},\"closed_ms\":[");
    for (long i = 0; i < n_closed; i++)
        printf("%s%.3f", i ? "," : "", closed_ms[i]);
    puts("]}");
}

int main(int argc, char **argv)
{
    allow_all_files();
    parse(argc, argv);
    prepare();
    long all = strtol(given.streams, NULL, 10), at_once = strtol(given.at_once, NULL, 10), begun = 0;
    struct stream *streams = calloc((size_t)at_once, sizeof *streams);
    first_ms = calloc((size_t)all, sizeof *first_ms);
    pause_ms = calloc((size_t)all, sizeof *pause_ms);
    closed_ms = calloc((size_t)all, sizeof *closed_ms);
    late_ms = calloc(TOKENS_MOST, sizeof *late_ms);
    int poll = epoll_create1(0);
    double began = now(CLOCK_MONOTONIC), ramp = strtod(given.ramp, NULL), until = began + strtod(given.patience, NULL);
    while (whole + failed < all && now(CLOCK_MONOTONIC) < until) {
        for (long i = 0; i < at_once && begun < all; i++) {
            if (streams[i].open || now(CLOCK_MONOTONIC) < began + ramp * (double)begun / (double)all)
                continue;
            stream_begin(&streams[i]);
            begun++;
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = &streams[i]};
            if (streams[i].open && epoll_ctl(poll, EPOLL_CTL_ADD, streams[i].fd, &event) < 0)
                fatal("epoll_ctl");
        }
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, begun < all ? 1 : 100);
        for (int i = 0; i < n; i++) {
            struct stream *s = events[i].data.ptr;
            if (s->open)
                receive(s);
        }
    }
    for (long i = 0; i < at_once; i++)
        if (streams[i].open)
            stream_end(&streams[i]);
    print_all(now(CLOCK_MONOTONIC) - began);
    return 0;
}
