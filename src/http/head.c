// SPDX-License-Identifier: Apache-2.0
#include "http/head.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>

#include <llhttp.h>

enum { MAX_EXTRA = 8 * 1024, KEEP_TEXT = 4096 };

// The bits of http.h by llhttp's number.
static const unsigned char method_bits[] = {
    [HTTP_GET] = 1,    [HTTP_POST] = 2,  [HTTP_PUT] = 4,      [HTTP_DELETE] = 8,
    [HTTP_PATCH] = 16, [HTTP_HEAD] = 32, [HTTP_OPTIONS] = 64,
};

static struct head *of(llhttp_t *parser)
{
    return parser->data;
}

static int refuse(struct head *head, int status)
{
    head->status = status;
    return HPE_USER;
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
    struct head *head = of(parser);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)at[i] <= ' ' || at[i] == 0x7f || at[i] == '#')
            return refuse(head, 400);
    head->target_n += (uint32_t)n;
    return buf_add(&head->text, at, n) ? 0 : refuse(head, 414);
}

// llhttp takes several blanks between method and target, and RTSP and ICE lines: the version must stand exactly where
// a line of ours has it, behind "HTTP/".
static int on_version(llhttp_t *parser, const char *at, size_t n)
{
    struct head *head = of(parser);
    (void)n;
    if (head->version_seen)
        return 0;
    head->version_seen = true;
    size_t here = (size_t)(at - head->feed);
    size_t expect = strlen(llhttp_method_name((llhttp_method_t)parser->method)) + 1 + head->target_n + 1 + 5;
    char protocol[5];
    for (size_t i = 0; i < 5; i++)
        protocol[i] = here + i >= 5 ? head->feed[here + i - 5] : head->tail[here + i];
    return head->used - head->skipped + here == expect && memcmp(protocol, "HTTP/", 5) == 0 ? 0 : refuse(head, 400);
}

static int on_field(llhttp_t *parser, const char *at, size_t n)
{
    struct head *head = of(parser);
    if (head->done) {
        head->extra += n;
        return head->extra > MAX_EXTRA ? refuse(head, 431) : 0;
    }
    if (head->in_value || head->n_fields == 0) {
        if (head->n_fields == head->max_fields)
            return refuse(head, 431);
        if (head->n_fields == head->cap_fields) {
            head->cap_fields = head->cap_fields ? head->cap_fields * 2 : 16;
            head->fields = mem_realloc(head->fields, head->cap_fields * sizeof *head->fields);
        }
        head->fields[head->n_fields++] = (struct head_field){.name = (uint32_t)head->text.n};
        head->in_value = false;
    }
    head->fields[head->n_fields - 1].name_n += (uint32_t)n;
    return buf_add(&head->text, at, n) ? 0 : refuse(head, 431);
}

static int on_field_end(llhttp_t *parser)
{
    struct head *head = of(parser);
    if (head->done) {
        head->extra += 4;
        return 0;
    }
    head->fields[head->n_fields - 1].value = (uint32_t)head->text.n;
    head->in_value = true; // even when no value comes
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t n)
{
    struct head *head = of(parser);
    if (head->done) {
        head->extra += n;
        return head->extra > MAX_EXTRA ? refuse(head, 431) : 0;
    }
    head->fields[head->n_fields - 1].value_n += (uint32_t)n;
    return buf_add(&head->text, at, n) ? 0 : refuse(head, 431);
}

static int on_extension(llhttp_t *parser, const char *at, size_t n)
{
    (void)at;
    struct head *head = of(parser);
    head->extra += n + 1;
    return head->extra > MAX_EXTRA ? refuse(head, 400) : 0;
}

bool head_next(const char *text, const struct head_field *fields, size_t n, struct str name, size_t *pos,
               struct str *ret_value)
{
    while (*pos < n) {
        const struct head_field *field = &fields[(*pos)++];
        if (str_eq_nocase((struct str){text + field->name, field->name_n}, name)) {
            *ret_value = (struct str){text + field->value, field->value_n};
            return true;
        }
    }
    return false;
}

static size_t count(const struct head *head, const char *name, struct str *ret_last)
{
    size_t pos = 0, n = 0;
    while (head_next(head->text.p, head->fields, head->n_fields, str_from(name), &pos, ret_last))
        n++;
    return n;
}

static bool host_valid(struct str host)
{
    if (host.n == 0 || host.n > 300)
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (!isalnum((unsigned char)host.p[i]) && !strchr("-._~:[]%!$&'()*+,;=", host.p[i]) && !(host.p[i] & 0x80))
            return false;
    return true;
}

static int on_head(llhttp_t *parser)
{
    struct head *head = of(parser);
    struct str value = STR_NULL;
    for (size_t i = 0; i < head->n_fields; i++) { // llhttp drops the blanks in front only
        struct head_field *field = &head->fields[i];
        while (field->value_n > 0 && strchr(" \t", head->text.p[field->value + field->value_n - 1]))
            field->value_n--;
    }
    head->http10 = parser->http_major == 1 && parser->http_minor == 0;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(head, 400);
    size_t hosts = count(head, "Host", &value);
    if (hosts > 1 || (hosts == 0 && !head->http10) || (hosts == 1 && !host_valid(value)))
        return refuse(head, 400);
    size_t codings = count(head, "Transfer-Encoding", &value);
    if (codings > 1 || (codings == 1 && (head->http10 || !str_eq_nocase(value, STR("chunked")))))
        return refuse(head, 400);
    size_t lengths = count(head, "Content-Length", &value);
    if (lengths > 1 || (lengths == 1 && codings == 1))
        return refuse(head, 400);
    head->method = parser->method < sizeof method_bits ? method_bits[parser->method] : 0;
    head->method_name = llhttp_method_name((llhttp_method_t)parser->method);
    head->chunked = codings == 1;
    head->content_length = lengths ? parser->content_length : 0;
    head->has_body = head->chunked || head->content_length > 0;
    head->upgrade = parser->flags & F_CONNECTION_UPGRADE;
    head->keep_alive = llhttp_should_keep_alive(parser);
    head->done = true;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t n)
{
    struct head *head = of(parser);
    return !head->body || head->body(head->body_arg, at, n) ? 0 : refuse(head, 413);
}

static int on_end(llhttp_t *parser)
{
    of(parser)->ended = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_version = on_version,
    .on_header_field = on_field,
    .on_header_field_complete = on_field_end,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_end,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
};

struct head *head_new(size_t max_head, size_t max_fields)
{
    struct head *head = mem_zalloc(sizeof *head);
    head->parser = mem_alloc(sizeof(llhttp_t));
    head->max_head = max_head;
    head->max_fields = max_fields;
    head->text = BUF_INIT(max_head);
    head_reset(head);
    return head;
}

void head_free(struct head *head)
{
    if (!head)
        return;
    buf_done(&head->text);
    free(head->fields);
    free(head->parser);
    free(head);
}

void head_reset(struct head *head)
{
    struct head fresh = {.parser = head->parser,
                         .text = head->text,
                         .fields = head->fields,
                         .cap_fields = head->cap_fields,
                         .max_head = head->max_head,
                         .max_fields = head->max_fields};
    if (fresh.text.cap > KEEP_TEXT)
        buf_done(&fresh.text);
    buf_clear(&fresh.text);
    *head = fresh;
    llhttp_init(head->parser, HTTP_REQUEST, &settings);
    ((llhttp_t *)head->parser)->data = head;
}

struct str head_target(const struct head *head)
{
    return (struct str){head->text.p ? head->text.p : "", head->target_n};
}

// The last five bytes fed, for on_version.
static void keep_tail(struct head *head, const char *bytes, size_t n)
{
    size_t old = n >= sizeof head->tail ? 0 : sizeof head->tail - n;
    memmove(head->tail, head->tail + sizeof head->tail - old, old);
    memcpy(head->tail + old, bytes + n - (sizeof head->tail - old), sizeof head->tail - old);
}

static enum head_event bad(struct head *head, int otherwise)
{
    if (head->status == 0)
        head->status = otherwise;
    return HEAD_BAD;
}

enum head_event head_feed(struct head *head, const char *bytes, size_t n, size_t *ret_used)
{
    llhttp_t *parser = head->parser;
    size_t at = 0;
    *ret_used = 0;
    if (head->status)
        return HEAD_BAD;
    if (head->done && llhttp_get_errno(parser) == HPE_PAUSED)
        llhttp_resume(parser);
    // Empty lines before the request line are allowed and belong to no request.
    while (!head->begun && at < n && (bytes[at] == '\r' || bytes[at] == '\n')) {
        at++;
        head->used = ++head->skipped;
        if (head->skipped > 8)
            return bad(head, 400);
    }
    *ret_used = at;
    if (at == n && !head->done)
        return HEAD_MORE;
    head->begun = true;
    size_t take = n - at;
    // One byte more than allowed, to see that there is more; the rest of the bytes waits until the head is done.
    if (!head->done && take > head->max_head + 1 - head->used)
        take = head->max_head + 1 - head->used;
    head->feed = bytes + at;
    llhttp_errno_t rc = llhttp_execute(parser, bytes + at, take);
    size_t got = take;
    if (rc != HPE_OK) {
        const char *stop = llhttp_get_error_pos(parser);
        got = stop >= bytes + at && stop <= bytes + at + take ? (size_t)(stop - (bytes + at)) : take;
    }
    *ret_used = at + got;
    if (rc == HPE_PAUSED_UPGRADE || (rc == HPE_PAUSED && head->ended))
        return HEAD_END;
    if (rc == HPE_PAUSED)
        return HEAD_DONE;
    if (rc != HPE_OK)
        return bad(head, 400);
    if (!head->done) {
        keep_tail(head, bytes + at, got);
        head->used += got;
        if (head->used > head->max_head)
            return bad(head, head->n_fields == 0 ? 414 : 431);
    }
    return HEAD_MORE;
}
