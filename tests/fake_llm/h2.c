// SPDX-License-Identifier: Apache-2.0
// nghttp2 does frames, header compression and flow control. A stream's pieces go into `out` at their times, and from
// there into DATA frames as fast as the client's window allows.
#include "h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

enum { QUEUED_MOST = 256 << 10, BODY_MOST = 32 << 20, STREAMS_MOST = 1000 };

struct stream {
    struct h2 *h2;
    struct stream *next, **link;
    int32_t id;
    uv_timer_t timer;
    struct entry *entry;
    struct buf body, out;
    struct reply *reply;
    size_t piece;
    int64_t left; // of the delay under way
    bool ready;   // the request is whole: nothing may be sent from within nghttp2's callbacks
    bool header_sent, waited, closed, ended, draining;
};

struct h2 {
    struct h2_link link;
    nghttp2_session *session;
    struct stream *streams;
    size_t n;
    bool leaving, closing;
};

static void advance(struct stream *stream);

static void pump(struct h2 *h2)
{
    const uint8_t *bytes;
    ssize_t n;
    while (!h2->closing && (n = nghttp2_session_mem_send(h2->session, &bytes)) > 0)
        h2->link.send(h2->link.arg, (struct str){(const char *)bytes, (size_t)n});
    if (h2->leaving && h2->n == 0 && !h2->closing) {
        h2->closing = true;
        h2->link.close(h2->link.arg);
    }
}

// ---- streams

static void on_stream_freed(uv_handle_t *timer)
{
    struct stream *stream = timer->data;
    buf_done(&stream->body);
    buf_done(&stream->out);
    free(stream);
}

static void stream_close(struct stream *stream)
{
    if (stream->closed)
        return;
    stream->closed = true;
    stream->h2->n--;
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    if (stream->entry)
        log_end(stream->entry);
    if (stream->reply) {
        buf_done(&stream->reply->headers);
        vec_done(&stream->reply->pieces);
        arena_free(stream->reply->arena);
    }
    uv_close((uv_handle_t *)&stream->timer, on_stream_freed);
}

static void on_timer(uv_timer_t *timer)
{
    struct stream *stream = timer->data;
    if (stream->left > 0) {
        buf_addz(&stream->out, ": PROCESSING\n\n");
        nghttp2_session_resume_data(stream->h2->session, stream->id);
    }
    advance(stream);
    pump(stream->h2);
}

// False: the delay is over (or there is none); else the timer calls advance again.
static bool wait_ms(struct stream *stream, int64_t delay)
{
    if (stream->waited && stream->left <= 0) {
        stream->waited = false;
        return false;
    }
    if (!stream->waited)
        stream->left = delay;
    if (stream->left <= 0)
        return false;
    int64_t comment = stream->header_sent && stream->reply->streaming ? stream->reply->knobs.comment_ms : 0;
    int64_t step = comment > 0 && comment < stream->left ? comment : stream->left;
    stream->left -= step;
    stream->waited = true;
    uv_update_time(stream->h2->link.loop);
    uv_timer_start(&stream->timer, on_timer, (uint64_t)step, 0);
    return true;
}

static ssize_t read_out(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                        nghttp2_data_source *source, void *arg)
{
    struct stream *stream = source->ptr;
    size_t split = stream->reply->knobs.split > 0 ? (size_t)stream->reply->knobs.split : room;
    size_t n = stream->out.n < room ? stream->out.n : room;
    (void)session;
    (void)id;
    (void)arg;
    n = n < split ? n : split;
    if (n == 0 && !stream->ended)
        return NGHTTP2_ERR_DEFERRED;
    if (n)
        memcpy(to, stream->out.p, n);
    buf_consume(&stream->out, n);
    stream->entry->bytes += (int64_t)n;
    if (stream->ended && stream->out.n == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->draining && stream->out.n < QUEUED_MOST / 2) {
        uv_update_time(stream->h2->link.loop);
        uv_timer_start(&stream->timer, on_timer, 0, 0);
    }
    return (ssize_t)n;
}

static void add_field(nghttp2_nv *fields, size_t *n, struct str name, struct str value)
{
    fields[(*n)++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n, value.n,
                                  NGHTTP2_NV_FLAG_NONE};
}

static void send_head(struct stream *stream)
{
    struct reply *reply = stream->reply;
    struct arena *arena = reply->arena;
    nghttp2_nv fields[32];
    size_t n = 0;
    add_field(fields, &n, STR(":status"), arena_strf(arena, "%d", reply->status));
    add_field(fields, &n, STR("content-type"), str_from(reply->content_type));
    struct str rest = buf_str(&reply->headers);
    while (rest.p && rest.n > 0 && n < 32) {
        struct str value = str_split(&rest, '\n'), name = str_split(&value, ':');
        if (name.n && value.p)
            add_field(fields, &n, arena_lower(arena, name), str_trim(value));
    }
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_out};
    nghttp2_submit_response(stream->h2->session, stream->id, fields, n, &provider);
    stream->entry->status = reply->status;
}

static void finish(struct stream *stream)
{
    struct h2 *h2 = stream->h2;
    struct reply *reply = stream->reply;
    bool said = stream->header_sent;
    if (reply->ending == END_HANG)
        return;
    if (reply->ending == END_KEEP) {
        stream->ended = true;
        nghttp2_session_resume_data(h2->session, stream->id);
        if (reply->knobs.close_idle)
            h2_goaway(h2);
        return;
    }
    if (reply->ending == END_RST) {
        pump(h2); // what was said comes before the reset
        nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id,
                                  said ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_REFUSED_STREAM);
        return;
    }
    if (reply->ending == END_GOAWAY)
        nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, said ? stream->id : stream->id - 2, NGHTTP2_NO_ERROR,
                              NULL, 0);
    pump(h2);
    h2->closing = true;
    h2->link.close(h2->link.arg);
}

static void advance(struct stream *stream)
{
    struct reply *reply = stream->reply;
    stream->draining = false;
    if (stream->closed || stream->ended || stream->h2->closing)
        return;
    if (reply->none) {
        finish(stream);
        return;
    }
    if (!stream->header_sent) {
        if (wait_ms(stream, reply->knobs.header_delay))
            return;
        send_head(stream);
        stream->header_sent = true;
    }
    while (stream->piece < reply->pieces.n) {
        if (stream->out.n > QUEUED_MOST) {
            stream->draining = true;
            return;
        }
        const struct piece *piece = &reply->pieces.at[stream->piece];
        if (wait_ms(stream, piece->delay))
            return;
        buf_adds(&stream->out, piece->bytes);
        nghttp2_session_resume_data(stream->h2->session, stream->id);
        stream->piece++;
    }
    finish(stream);
}

// ---- what the client says

static struct stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct h2 *h2 = arg;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct stream *stream = mem_zalloc(sizeof *stream);
    stream->h2 = h2;
    stream->id = frame->hd.stream_id;
    stream->body = BUF_INIT(BODY_MOST);
    stream->out = BUF_INIT(64 << 20);
    stream->entry = routes_log(h2->link.routes);
    stream->entry->connection = h2->link.connection;
    stream->entry->alpn = "h2";
    stream->entry->stream = stream->id;
    uv_timer_init(h2->link.loop, &stream->timer);
    stream->timer.data = stream;
    stream->next = h2->streams;
    stream->link = &h2->streams;
    if (stream->next)
        stream->next->link = &stream->next;
    h2->streams = stream;
    h2->n++;
    nghttp2_session_set_stream_user_data(session, stream->id, stream);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
    struct stream *stream = stream_of(session, frame->hd.stream_id);
    (void)flags;
    (void)arg;
    if (!stream || frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct entry *entry = stream->entry;
    struct str field = {(const char *)name, name_n}, text = {(const char *)value, value_n};
    if (str_eq(field, STR(":method")))
        entry->method = arena_str(entry->arena, text);
    else if (str_eq(field, STR(":path")))
        entry->path = arena_str(entry->arena, text);
    else if (!str_starts(field, STR(":")))
        vec_push(&entry->headers, arena_cstr(entry->arena, field), arena_cstr(entry->arena, text));
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n, void *arg)
{
    struct stream *stream = stream_of(session, id);
    (void)flags;
    (void)arg;
    if (stream)
        buf_add(&stream->body, bytes, n);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct h2 *h2 = arg;
    bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    struct stream *stream = stream_of(session, frame->hd.stream_id);
    if (!stream)
        return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        stream->entry->closed = wall_ms();
        stream->entry->reset = (int64_t)frame->rst_stream.error_code;
    }
    if (!ends)
        return 0;
    stream->entry->body = arena_str(stream->entry->arena, buf_str(&stream->body));
    stream->reply = routes_reply(h2->link.routes, stream->entry);
    stream->ready = true;
    return 0;
}

static int on_stream_closed(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct stream *stream = stream_of(session, id);
    (void)code;
    (void)arg;
    if (stream)
        stream_close(stream);
    return 0;
}

// ---- the connection

struct h2 *h2_new(const struct h2_link *link)
{
    struct h2 *h2 = mem_zalloc(sizeof *h2);
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    h2->link = *link;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, routes_knobs(link->routes)->h2_no_window);
    nghttp2_session_server_new2(&h2->session, callbacks, h2, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MOST}};
    nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, 1);
    pump(h2);
    return h2;
}

bool h2_read(struct h2 *h2, struct str bytes)
{
    ssize_t n = nghttp2_session_mem_recv(h2->session, (const uint8_t *)bytes.p, bytes.n);
    for (struct stream *stream = h2->streams; stream;) {
        bool ready = stream->ready;
        stream->ready = false;
        if (ready)
            advance(stream);
        stream = ready ? h2->streams : stream->next;
    }
    pump(h2);
    return n == (ssize_t)bytes.n;
}

bool h2_busy(const struct h2 *h2)
{
    return h2->n > 0;
}

void h2_goaway(struct h2 *h2)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(h2->session);
    nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
    h2->leaving = true;
    pump(h2);
}

void h2_free(struct h2 *h2, bool left)
{
    if (!h2)
        return;
    h2->closing = true;
    while (h2->streams) {
        struct stream *stream = h2->streams;
        if (left && stream->entry->closed <= 0)
            stream->entry->closed = wall_ms();
        nghttp2_session_set_stream_user_data(h2->session, stream->id, NULL);
        stream_close(stream);
    }
    nghttp2_session_del(h2->session);
    free(h2);
}
