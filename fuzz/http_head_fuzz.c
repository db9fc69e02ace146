// SPDX-License-Identifier: Apache-2.0
// Reads any bytes as requests, whole and in pieces: both ways must see the same. Then the router, the query and the
// origin rule get what was read.
#include "fuzz.h"

#include "base/mem.h"
#include "http/head.h"
#include "http/origin.h"
#include "http/route.h"

#include <stdio.h>
#include <stdlib.h>

static void none(struct http_req *req)
{
    (void)req;
}

static const struct http_route rows[] = {
    {.method = HTTP_GET, .path = "/", .handler = none},
    {.method = HTTP_GET, .path = "/brands/{brand_id}", .handler = none},
    {.method = HTTP_POST, .path = "/brands/{brand_id}/products/search", .handler = none},
    {.method = HTTP_GET, .path = "/brands/{brand_id}/products/{product_id}", .handler = none},
    {.method = HTTP_GET, .path = "/chat/welcome", .handler = none, .flags = HTTP_ROUTE_OWNS | HTTP_ROUTE_SLASHES},
    {.method = HTTP_POST, .path = "/chat/{brand_id}", .handler = none},
};

struct seen {
    struct buf log;
};

static bool on_body(void *arg, const char *bytes, size_t n)
{
    struct seen *seen = arg;
    return buf_add(&seen->log, bytes, n);
}

static void read_all(const char *bytes, size_t n, size_t piece, struct seen *seen)
{
    struct head *head = head_new(2000, 20);
    size_t at = 0, used;
    seen->log = BUF_INIT(1 << 20);
    head->body = on_body;
    head->body_arg = seen;
    while (at < n) {
        size_t take = n - at < piece ? n - at : piece;
        enum head_event event = head_feed(head, bytes + at, take, &used);
        if (used > take || (event == HEAD_MORE && used != take))
            abort();
        at += used;
        if (event == HEAD_BAD) {
            buf_addf(&seen->log, "|bad %d", head->status);
            break;
        }
        if (event == HEAD_DONE) {
            buf_addf(&seen->log, "|%s ", head->method_name);
            buf_adds(&seen->log, head_target(head));
            for (size_t i = 0; i < head->n_fields; i++) {
                struct head_field *f = &head->fields[i];
                buf_add(&seen->log, head->text.p + f->name, f->name_n);
                buf_addc(&seen->log, '=');
                buf_add(&seen->log, head->text.p + f->value, f->value_n);
            }
            // A request without body ends without further bytes.
            if (at == n && head_feed(head, bytes + at, 0, &used) == HEAD_END)
                buf_addz(&seen->log, "|end");
        }
        if (event == HEAD_END) {
            buf_addz(&seen->log, "|end");
            head_reset(head);
            head->body = on_body;
            head->body_arg = seen;
        }
    }
    head_free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct router *router;
    struct err err;
    if (!router && router_new(rows, sizeof rows / sizeof rows[0], &router, &err) != 0)
        abort();
    struct seen whole, pieces;
    size_t piece = size ? 1 + data[0] % 7 : 1;
    read_all((const char *)data, size, size + 1, &whole);
    read_all((const char *)data, size, piece, &pieces);
    if (!str_eq(buf_str(&whole.log), buf_str(&pieces.log))) {
        (void)fprintf(stderr, "whole:  %s\npieces: %s\n", whole.log.p, pieces.log.p);
        abort();
    }
    buf_done(&whole.log);
    buf_done(&pieces.log);

    struct str text = {(const char *)data, size};
    AUTO_FREE char *scratch = mem_alloc(size + 1);
    struct route_match match;
    for (unsigned method = 1; method <= HTTP_OPTIONS; method <<= 1) {
        router_match(router, method, text, scratch, &match);
        if (match.route && !match.allow)
            abort();
    }
    char host[256];
    struct str domains[] = {text, STR("*.shop.example")};
    (void)origin_allowed(text, STR("https://parley.example"), ORIGIN_LOCALHOST_LIST, domains, 2);
    (void)origin_host(text, host);
    (void)percent_decode(text, true, scratch);
    return 0;
}
