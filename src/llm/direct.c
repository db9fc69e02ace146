// SPDX-License-Identifier: Apache-2.0
// libcurl makes the connection (names, both families, deadlines); what is said over it is said here, because on each
// piece of a stream libcurl spends as much as everything behind it. One recv an event, into a buffer of the loop: a
// stream that waits holds none. What nobody has room for is kept, and the socket is not read before that is gone.
//
// A connection that is kept stays watched, so that it goes as soon as the server closes it. One that turns out to be
// gone before anything was said is replaced by a fresh one.
#include "llm/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum {
    MAX_IDLE = 16, // of one origin
    IDLE_MS = 55000,
    NAME_MOST = 32, // of the fields that matter
    VALUE_MOST = 128,
    HEAD_MOST = 300 << 10,
    PIECE = 16 << 10,
    HELD_MOST = 1100 * LLM_IN_SIZE, // what one read can unpack to
};

struct line { // a connection
    uv_poll_t poll;
    struct llm *llm;
    struct direct *user; // NULL: it waits
    struct line *next;   // of those that wait, the latest first
    int fd, events;
    int64_t since; // it waits
    char origin[]; // host:port
};

struct direct {
    struct transfer *transfer;
    const struct llm_provider *provider;
    const char *url, *origin;
    struct line *line; // NULL: libcurl connects
    struct buf head;   // of the request
    size_t sent;       // of head and body
    llhttp_t parser;
    char name[NAME_MOST], value[VALUE_MOST];
    size_t name_n, value_n, fields_n;
    z_stream *packed;
    struct buf held, rest; // text that was refused; bytes behind it
    CURLcode fault;        // why the parser was stopped
    bool reused, got, ended, keep;
};

// ---- connections

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void line_drop(struct line *line)
{
    uv_close((uv_handle_t *)&line->poll, on_closed);
    close(line->fd);
}

static void on_line(uv_poll_t *poll, int status, int events);

static void line_watch(struct line *line, int events)
{
    if (line->events == events)
        return;
    line->events = events;
    if (events)
        uv_poll_start(&line->poll, events, on_line);
    else
        uv_poll_stop(&line->poll);
}

static struct line *line_new(struct llm *llm, int fd, const char *origin)
{
    size_t n = strlen(origin) + 1;
    struct line *line = mem_zalloc(sizeof *line + n);
    line->llm = llm;
    line->fd = fd;
    memcpy(line->origin, origin, n);
    if (uv_poll_init_socket(&llm->loop, &line->poll, fd) != 0) {
        free(line);
        close(fd);
        return NULL;
    }
    line->poll.data = line;
    return line;
}

static void unlink_idle(struct line *line)
{
    struct line **at = &line->llm->idle;
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
}

static void line_keep(struct line *line)
{
    struct llm *llm = line->llm;
    int64_t now = now_ms(llm);
    line->user = NULL;
    line->since = now;
    line->next = llm->idle;
    llm->idle = line;
    line_watch(line, UV_READABLE);
    size_t n = 0;
    for (struct line **at = &llm->idle, *one; (one = *at);) {
        n += strcmp(one->origin, line->origin) == 0;
        if ((n > MAX_IDLE && strcmp(one->origin, line->origin) == 0) || now - one->since > IDLE_MS) {
            *at = one->next;
            line_drop(one);
        } else {
            at = &one->next;
        }
    }
}

static struct line *line_take(struct llm *llm, const char *origin)
{
    int64_t now = now_ms(llm);
    for (struct line *line = llm->idle; line; line = line->next)
        if (now - line->since <= IDLE_MS && strcmp(line->origin, origin) == 0) {
            unlink_idle(line);
            return line;
        }
    return NULL;
}

void lines_close(struct llm *llm)
{
    while (llm->idle) {
        struct line *line = llm->idle;
        llm->idle = line->next;
        line_drop(line);
    }
}

// ---- the end

static bool all_said(const struct direct *d)
{
    return d->sent == d->head.n + d->transfer->body.n;
}

// The transfer may be gone behind this.
static void end(struct direct *d, CURLcode code)
{
    struct transfer *transfer = d->transfer;
    struct line *line = d->line;
    d->line = NULL;
    transfer->over = true;
    if (line && code == CURLE_OK && d->keep && all_said(d))
        line_keep(line);
    else if (line)
        line_drop(line);
    transfer->ops->done(transfer->arg, code);
}

// ---- the answer

static struct direct *of(llhttp_t *parser)
{
    return parser->data;
}

static int stop(struct direct *d, CURLcode fault)
{
    d->fault = fault;
    return HPE_PAUSED;
}

static int pass(struct direct *d, struct str bytes)
{
    struct transfer *transfer = d->transfer;
    int answer = d->held.n ? BODY_PAUSE : transfer->ops->body(transfer->arg, bytes);
    if (answer == BODY_STOP)
        return stop(d, CURLE_WRITE_ERROR);
    if (answer == BODY_PAUSE)
        return buf_adds(&d->held, bytes) ? HPE_PAUSED : stop(d, CURLE_OUT_OF_MEMORY);
    return 0;
}

static int unpack(struct direct *d, const char *at, size_t n)
{
    z_stream *z = d->packed;
    unsigned char piece[PIECE];
    int rc = Z_OK, paused = 0;
    z->next_in = (unsigned char *)(uintptr_t)at;
    z->avail_in = (unsigned)n;
    do {
        z->next_out = piece;
        z->avail_out = sizeof piece;
        rc = inflate(z, Z_SYNC_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return stop(d, CURLE_BAD_CONTENT_ENCODING);
        if (z->avail_out < sizeof piece && pass(d, (struct str){(char *)piece, sizeof piece - z->avail_out}) != 0) {
            paused = HPE_PAUSED;
            if (d->fault != CURLE_OK)
                break;
        }
    } while (rc == Z_OK && (z->avail_in > 0 || z->avail_out == 0));
    return paused;
}

static int on_body(llhttp_t *parser, const char *at, size_t n)
{
    struct direct *d = of(parser);
    return d->packed ? unpack(d, at, n) : pass(d, (struct str){at, n});
}

static int on_begin(llhttp_t *parser)
{
    struct direct *d = of(parser);
    transfer_forget_fields(d->transfer); // a 100 may have come before
    d->name_n = d->value_n = d->fields_n = 0;
    return 0;
}

static int count_field(struct direct *d, size_t n)
{
    d->fields_n += n;
    return d->fields_n > HEAD_MOST ? HPE_USER : 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t n)
{
    struct direct *d = of(parser);
    size_t left = NAME_MOST - d->name_n;
    memcpy(d->name + d->name_n, at, n < left ? n : left);
    d->name_n += n < left ? n : left;
    return count_field(d, n);
}

static int on_value(llhttp_t *parser, const char *at, size_t n)
{
    struct direct *d = of(parser);
    size_t left = VALUE_MOST - d->value_n;
    memcpy(d->value + d->value_n, at, n < left ? n : left);
    d->value_n += n < left ? n : left;
    return count_field(d, n);
}

// Nothing packed was asked for; who sends it all the same is understood.
static int take_coding(struct direct *d, struct str value)
{
    if (value.n == 0 || str_eq_nocase(value, STR("identity")) || d->packed)
        return 0;
    if (!str_eq_nocase(value, STR("gzip")) && !str_eq_nocase(value, STR("x-gzip")) &&
        !str_eq_nocase(value, STR("deflate")))
        return stop(d, CURLE_BAD_CONTENT_ENCODING);
    d->packed = mem_zalloc(sizeof *d->packed);
    return inflateInit2(d->packed, 15 + 32) == Z_OK ? 0 : stop(d, CURLE_OUT_OF_MEMORY);
}

static int on_field(llhttp_t *parser)
{
    struct direct *d = of(parser);
    struct str name = {d->name, d->name_n}, value = str_trim((struct str){d->value, d->value_n});
    d->name_n = d->value_n = 0;
    transfer_take_field(d->transfer, name, value);
    return str_eq_nocase(name, STR("content-encoding")) ? take_coding(d, value) : 0;
}

static int on_head(llhttp_t *parser)
{
    struct direct *d = of(parser);
    d->transfer->answered = true;
    d->transfer->status = parser->status_code;
    return 0;
}

static int on_end(llhttp_t *parser)
{
    struct direct *d = of(parser);
    if (parser->status_code / 100 == 1)
        return 0;
    d->ended = true;
    d->keep = llhttp_should_keep_alive(parser);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_field,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_end,
};

static void parser_reset(struct direct *d)
{
    llhttp_init(&d->parser, HTTP_RESPONSE, &settings);
    d->parser.data = d;
    // As lenient as libcurl: whom we ask is the operator's choice.
    llhttp_set_lenient_headers(&d->parser, 1);
    llhttp_set_lenient_chunked_length(&d->parser, 1);
    llhttp_set_lenient_transfer_encoding(&d->parser, 1);
    llhttp_set_lenient_version(&d->parser, 1);
    llhttp_set_lenient_data_after_close(&d->parser, 1);
    llhttp_set_lenient_optional_cr_before_lf(&d->parser, 1);
    llhttp_set_lenient_spaces_after_chunk_size(&d->parser, 1);
}

static CURLcode fault_of(const struct direct *d)
{
    if (d->transfer->answered)
        return CURLE_RECV_ERROR;
    return d->parser.http_major ? CURLE_WEIRD_SERVER_REPLY : CURLE_UNSUPPORTED_PROTOCOL;
}

// An answer has begun: the request will not be said again.
static void forget_request(struct direct *d)
{
    d->got = true;
    if (!all_said(d))
        return;
    buf_done(&d->transfer->body);
    buf_done(&d->head);
    d->sent = 0;
}

static void watch(struct direct *d)
{
    bool full = llhttp_get_errno(&d->parser) == HPE_PAUSED;
    line_watch(d->line, (full ? 0 : UV_READABLE) | (all_said(d) ? 0 : UV_WRITABLE));
}

// False: the exchange has ended, or nobody has room.
static bool feed(struct direct *d, const char *bytes, size_t n)
{
    if (!d->got)
        forget_request(d);
    llhttp_errno_t rc = llhttp_execute(&d->parser, bytes, n);
    if (rc == HPE_OK)
        return true;
    if (rc != HPE_PAUSED) {
        end(d, fault_of(d));
        return false;
    }
    const char *at = llhttp_get_error_pos(&d->parser);
    size_t left = at ? (size_t)(bytes + n - at) : 0;
    if (d->fault != CURLE_OK) {
        end(d, d->fault);
    } else if (d->ended) {
        d->keep &= left == 0;
        end(d, CURLE_OK);
    } else {
        buf_add(&d->rest, at, left);
        watch(d);
    }
    return false;
}

// ---- the request

static void say(struct direct *d)
{
    const struct buf *body = &d->transfer->body;
    while (!all_said(d)) {
        struct iovec parts[2];
        size_t n = 0;
        if (d->sent < d->head.n)
            parts[n++] = (struct iovec){d->head.p + d->sent, d->head.n - d->sent};
        size_t begun = d->sent > d->head.n ? d->sent - d->head.n : 0;
        if (body->n > begun)
            parts[n++] = (struct iovec){body->p + begun, body->n - begun};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};
        ssize_t gone = sendmsg(d->line->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (gone < 0 && errno == EINTR)
            continue;
        if (gone < 0)
            break; // if it is broken, reading tells, behind what the server still said
        d->sent += (size_t)gone;
    }
    watch(d);
}

static void begin_on(struct direct *d, struct line *line)
{
    d->line = line;
    line->user = d;
    d->sent = 0;
    parser_reset(d);
    say(d);
}

// ---- reading

static void on_gone(struct direct *d, bool broken)
{
    if (!d->got && d->reused) {
        line_drop(d->line);
        d->line = NULL;
        d->reused = false;
        transfer_connect(d->transfer, d->provider, d->url);
    } else if (broken) {
        end(d, CURLE_RECV_ERROR);
    } else if (!d->got) {
        end(d, CURLE_GOT_NOTHING);
    } else {
        (void)llhttp_finish(&d->parser);
        d->keep = false;
        end(d, d->ended ? CURLE_OK : CURLE_PARTIAL_FILE);
    }
}

static void receive(struct direct *d, bool to_the_end)
{
    char *in = d->transfer->llm->in;
    do {
        ssize_t n = recv(d->line->fd, in, LLM_IN_SIZE, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            on_gone(d, n < 0);
            return;
        }
        if (!feed(d, in, (size_t)n))
            return;
    } while (to_the_end);
}

static void on_line(uv_poll_t *poll, int status, int events)
{
    struct line *line = poll->data;
    struct direct *d = line->user;
    if (status < 0)
        line->events = 0; // libuv has stopped
    if (!d) {
        unlink_idle(line);
        line_drop(line);
        return;
    }
    if (status == 0 && (events & UV_WRITABLE))
        say(d);
    if (status < 0 || (events & UV_READABLE))
        receive(d, status < 0);
}

void direct_resume(struct direct *d)
{
    if (!d->line || llhttp_get_errno(&d->parser) != HPE_PAUSED)
        return;
    struct buf held = d->held;
    d->held = BUF_INIT(held.max);
    int rc = held.n ? pass(d, buf_str(&held)) : 0;
    buf_done(&held);
    if (d->fault != CURLE_OK) {
        end(d, d->fault);
        return;
    }
    if (rc != 0)
        return;
    AUTO_BUF struct buf rest = d->rest;
    d->rest = BUF_INIT(rest.max);
    llhttp_resume(&d->parser);
    if (feed(d, buf_str(&rest).p, rest.n))
        watch(d);
}

// ---- beginning

// What libcurl would do more for, it does.
static bool plain_headers(const struct llm_provider *provider)
{
    static const char *const special[] = {
        "Host",   "User-Agent", "Accept-Encoding", "Content-Length", "Transfer-Encoding", "Connection",
        "Expect", "TE",         "Upgrade"};
    for (size_t i = 0; i < provider->n_extra_headers; i++)
        for (size_t k = 0; k < sizeof special / sizeof special[0]; k++)
            if (strcasecmp(provider->extra_headers[i].name, special[k]) == 0)
                return false;
    return true;
}

struct parts {
    char *scheme, *user, *zone, *host, *port, *path, *query;
};

static bool split(const char *url, struct parts *parts)
{
    CURLU *whole = curl_url();
    bool good = whole && curl_url_set(whole, CURLUPART_URL, url, 0) == CURLUE_OK;
    if (good) {
        curl_url_get(whole, CURLUPART_SCHEME, &parts->scheme, 0);
        curl_url_get(whole, CURLUPART_USER, &parts->user, 0);
        curl_url_get(whole, CURLUPART_ZONEID, &parts->zone, 0);
        curl_url_get(whole, CURLUPART_HOST, &parts->host, 0);
        curl_url_get(whole, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT);
        curl_url_get(whole, CURLUPART_PATH, &parts->path, 0);
        curl_url_get(whole, CURLUPART_QUERY, &parts->query, 0);
    }
    curl_url_cleanup(whole);
    good = good && parts->scheme && parts->host && parts->port && parts->path && !parts->user && !parts->zone &&
           strcmp(parts->scheme, "http") == 0;
    for (const char *c = good ? parts->host : ""; *c; c++)
        good &= (unsigned char)*c < 0x80;
    return good;
}

static void parts_done(struct parts *parts)
{
    char *all[] = {parts->scheme, parts->user, parts->zone, parts->host, parts->port, parts->path, parts->query};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        curl_free(all[i]);
}

static void write_head(struct direct *d, const struct parts *parts)
{
    struct transfer *transfer = d->transfer;
    struct buf *out = &d->head;
    bool usual = strcmp(parts->port, "80") == 0;
    buf_addf(out, "POST %s%s%s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: Parley/" PARLEY_VERSION "\r\n", parts->path,
             parts->query ? "?" : "", parts->query ? parts->query : "", parts->host, usual ? "" : ":",
             usual ? "" : parts->port);
    buf_addz(out, "Accept-Encoding: identity\r\n");
    for (const struct curl_slist *line = transfer->headers; line; line = line->next) {
        struct str text = str_from(line->data);
        char last = text.n ? text.p[text.n - 1] : ':';
        bool empty = last == ';' && !memchr(text.p, ':', text.n); // libcurl's form of an empty value
        if (last != ':')
            buf_addf(out, STR_FMT "%s\r\n", STR_ARG(((struct str){text.p, text.n - empty})), empty ? ":" : "");
    }
    buf_addf(out, "Content-Length: %zu\r\n\r\n", transfer->body.n);
}

bool direct_begin(struct transfer *transfer, const struct llm_provider *provider, const char *url)
{
    struct llm *llm = transfer->llm;
    struct parts parts = {0};
    bool fits = !llm->proxied && !provider->proxy && plain_headers(provider) && split(url, &parts);
    if (fits) {
        struct direct *d = transfer->direct = ARENA_NEW(transfer->arena, struct direct);
        *d = (struct direct){.transfer = transfer,
                             .provider = provider,
                             .url = url,
                             .origin = arena_printf(transfer->arena, "%s:%s", parts.host, parts.port),
                             .head = BUF_INIT(1 << 20),
                             .held = BUF_INIT(HELD_MOST),
                             .rest = BUF_INIT(LLM_IN_SIZE)};
        write_head(d, &parts);
        struct line *line = line_take(llm, d->origin);
        d->reused = line != NULL;
        if (line)
            begin_on(d, line);
        else
            transfer_connect(transfer, provider, url);
    }
    parts_done(&parts);
    return fits;
}

void direct_connected(struct transfer *transfer, CURLcode code)
{
    struct direct *d = transfer->direct;
    curl_socket_t theirs = CURL_SOCKET_BAD;
    struct line *line = NULL;
    if (code == CURLE_OK && curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &theirs) == CURLE_OK &&
        theirs != CURL_SOCKET_BAD) {
        int fd = fcntl(theirs, F_DUPFD_CLOEXEC, 0); // libcurl closes its own
        line = fd >= 0 ? line_new(transfer->llm, fd, d->origin) : NULL;
    }
    transfer_drop_easy(transfer);
    if (line)
        begin_on(d, line);
    else
        end(d, code == CURLE_OK ? CURLE_COULDNT_CONNECT : code);
}

bool direct_reused(const struct direct *direct)
{
    return direct->reused;
}

void direct_free(struct direct *d)
{
    if (d->line)
        line_drop(d->line);
    if (d->packed)
        inflateEnd(d->packed);
    free(d->packed);
    buf_done(&d->head);
    buf_done(&d->held);
    buf_done(&d->rest);
}
