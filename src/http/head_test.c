// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/mem.h"
#include "http/head.h"

static struct buf body;

static bool on_body(void *arg, const char *bytes, size_t n)
{
    (void)arg;
    return buf_add(&body, bytes, n);
}

// Feeds in pieces. Returns the status of a refusal, or 0 with *ret_used = length of the request.
static int feed(struct head *head, const char *text, size_t n, size_t piece, size_t *ret_used)
{
    size_t at = 0, used;
    head_reset(head);
    head->body = on_body;
    body = (struct buf){.max = 100000, .p = body.p, .cap = body.cap};
    for (;;) {
        size_t take = n - at < piece ? n - at : piece;
        enum head_event event = head_feed(head, text + at, take, &used);
        assert_true(used <= take);
        at += used;
        *ret_used = at;
        if (event == HEAD_END)
            return 0;
        if (event == HEAD_BAD)
            return head->status;
        if (event == HEAD_MORE) {
            assert_int_equal(used, take);
            if (at == n)
                return -1;
        }
    }
}

static int outcome(const char *text)
{
    int first = 0;
    size_t n = strlen(text), used;
    struct head *head = head_new(1000, 5);
    for (size_t piece = n; piece > 0; piece--) {
        int got = feed(head, text, n, piece, &used);
        if (piece == n)
            first = got;
        if (got != first)
            fail_msg("%d in one piece, %d in pieces of %zu: %s", first, got, piece, text);
    }
    head_free(head);
    buf_done(&body);
    return first;
}

#define H "Host: a\r\n"

TEST(head_takes_what_is_right)
{
    static const char *good[] = {
        "GET / HTTP/1.1\r\n" H "\r\n",
        "\r\nGET /a?b=c HTTP/1.1\r\n" H "\r\n",
        "GET http://a/b HTTP/1.1\r\n" H "\r\n",
        "OPTIONS * HTTP/1.1\r\n" H "\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nhOST:  a:80  \r\nX-Empty:\r\nX: \t\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\n" H
        "Transfer-Encoding: CHUNKED\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
        "PROPFIND / HTTP/1.1\r\n" H "\r\n", // known to HTTP, refused later
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (outcome(good[i]) != 0)
            fail_msg("%d: %s", outcome(good[i]), good[i]);
}

TEST(head_refuses_what_is_doubtful)
{
    static const char *bad[] = {
        "GET / HTTP/1.1\r\n\r\n", // no Host
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", // blank before the colon
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", // folded line
        "GET / HTTP/1.1\r\n" H "X: a\nY: b\r\n\r\n", // bare LF
        "GET / HTTP/1.1\r\n" H "X: a\rY: b\r\n\r\n", // bare CR
        "GET / HTTP/1.1\n" H "\r\n",
        "GET / HTTP/1.1\r\n" H "\n",
        "GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "X\r\n\r\n",
        "GET / HTTP/1.1\r\n" H ": x\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "X(: x\r\n\r\n",
        "GET  / HTTP/1.1\r\n" H "\r\n", // two blanks
        "GET /  HTTP/1.1\r\n" H "\r\n",
        "GET / HTTP/1.1 \r\n" H "\r\n",
        "GET\t/ HTTP/1.1\r\n" H "\r\n",
        " GET / HTTP/1.1\r\n" H "\r\n",
        "get / HTTP/1.1\r\n" H "\r\n",
        "BREW / HTTP/1.1\r\n" H "\r\n",
        "GET / http/1.1\r\n" H "\r\n",
        "GET / RTSP/1.0\r\n" H "\r\n",
        "SOURCE / ICE/1.0\r\n" H "\r\n",
        "GET / HTTP/2.0\r\n" H "\r\n",
        "GET / HTTP/1.2\r\n" H "\r\n",
        "GET / HTTP/0.9\r\n" H "\r\n",
        "GET / HTTP/9.9\r\n" H "\r\n",
        "GET /\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /a#b HTTP/1.1\r\n" H "\r\n",
        "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n",
        "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\na",
        "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\na",
        "POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\na",
        "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\na",
        "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (outcome(bad[i]) != 400)
            fail_msg("%d: %s", outcome(bad[i]), bad[i]);
}

TEST(head_is_bounded)
{
    AUTO_BUF struct buf text = BUF_INIT(100000);
    buf_addz(&text, "GET /");
    for (int i = 0; i < 990; i++)
        buf_addc(&text, 'a');
    buf_addz(&text, " HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(outcome(text.p), 414);
    buf_clear(&text);
    buf_addz(&text, "GET / HTTP/1.1\r\n" H "X: ");
    for (int i = 0; i < 990; i++)
        buf_addc(&text, 'a');
    buf_addz(&text, "\r\n\r\n");
    assert_int_equal(outcome(text.p), 431);
    assert_int_equal(outcome("GET / HTTP/1.1\r\n" H "A: 1\r\nB:\r\nC:\r\nD: 4\r\n\r\n"), 0);
    assert_int_equal(outcome("GET / HTTP/1.1\r\n" H "A: 1\r\nB:\r\nC:\r\nD: 4\r\nE: 5\r\n\r\n"), 431);
    buf_clear(&text); // exactly the bound
    buf_addz(&text, "GET / HTTP/1.1\r\n" H "X: ");
    while (text.n < 1000 - 4)
        buf_addc(&text, 'a');
    buf_addz(&text, "\r\n\r\n");
    assert_int_equal(outcome(text.p), 0);
    buf_clear(&text); // endless chunk extensions and trailers
    buf_addz(&text, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1;");
    size_t before = text.n;
    while (text.n < before + 9000)
        buf_addc(&text, 'e');
    struct head *head = head_new(1000, 5);
    size_t used;
    assert_int_equal(feed(head, text.p, text.n, 100, &used), 400);
    text.n = before - 2;
    text.p[text.n] = 0;
    buf_addz(&text, "0\r\n");
    for (int i = 0; i < 3000; i++)
        buf_addz(&text, "A: b\r\n");
    assert_int_equal(feed(head, text.p, text.n, 100, &used), 431);
    head_free(head);
    buf_done(&body);
}

TEST(head_gives_fields_body_and_the_start_of_the_next)
{
    static const char text[] = "POST /x?y HTTP/1.1\r\nHost: a\r\nX-A:\r\nX-B: b \r\nx-a: 2\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /next";
    struct head *head = head_new(1000, 10);
    size_t used, pos;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        assert_int_equal(feed(head, text, sizeof text - 1, piece, &used), 0);
        assert_int_equal(used, sizeof text - 1 - 9);
        assert_str(head_target(head), "/x?y");
        assert_str(buf_str(&body), "abcde");
        struct str value;
        pos = 0;
        assert_true(head_next(head->text.p, head->fields, head->n_fields, STR("X-A"), &pos, &value));
        assert_int_equal(value.n, 0);
        assert_true(head_next(head->text.p, head->fields, head->n_fields, STR("X-A"), &pos, &value));
        assert_str(value, "2");
        assert_false(head_next(head->text.p, head->fields, head->n_fields, STR("X-A"), &pos, &value));
        pos = 0;
        assert_true(head_next(head->text.p, head->fields, head->n_fields, STR("x-b"), &pos, &value));
        assert_str(value, "b");
    }
    head_free(head);
    buf_done(&body);
}
