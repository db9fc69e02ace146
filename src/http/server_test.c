// SPDX-License-Identifier: Apache-2.0
// HTTP over real sockets: routes, bodies, order, refusals, time-outs, the end.
#include "http/test_client.h"

#include "http/asset.h"
#include "http/multipart.h"

#define END "Host: a\r\nConnection: close\r\n\r\n"

static sem_t entered, leave;

static void hello(struct http_req *req)
{
    http_reply_static(req, 200, "text/plain", STR("hello"));
}

static void echo(struct http_req *req)
{
    http_reply(req, 200, "text/plain", http_body(req));
}

static void slow(struct http_req *req)
{
    sem_post(&entered);
    await(&leave);
    http_reply(req, 200, NULL, STR("slow"));
}

static void nothing(struct http_req *req)
{
    (void)req;
}

static void twice(struct http_req *req)
{
    http_reply(req, 200, NULL, STR("first"));
    http_reply(req, 500, NULL, STR("second"));
}

static void about(struct http_req *req)
{
    struct buf out = BUF_INIT(10000);
    size_t pos = 0;
    struct str name, value;
    buf_addf(&out, "%s " STR_FMT " x=" STR_FMT ";", http_method(req), STR_ARG(http_path(req)),
             STR_ARG(http_param(req, "x")));
    while (http_query_next(req, &pos, &name, &value))
        buf_addf(&out, "[" STR_FMT "=" STR_FMT "]", STR_ARG(name), STR_ARG(value));
    buf_addf(&out, " q=" STR_FMT " peer=" STR_FMT " client=" STR_FMT " key=" STR_FMT " url=" STR_FMT " local=%d;",
             STR_ARG(http_query(req, "q")), STR_ARG(http_peer(req)), STR_ARG(http_client_address(req)),
             STR_ARG(http_client_key(req)), STR_ARG(http_base_url(req)), http_peer_loopback(req));
    http_header(req, "X-Own", "a\r\nX-Evil: b");
    http_headerf(req, "X-Number", "%d", 7);
    http_reply(req, 201, "text/plain", buf_str(&out));
    buf_done(&out);
}

static void no_content(struct http_req *req)
{
    http_reply(req, 204, NULL, STR("must not be sent"));
}

static void form(struct http_req *req)
{
    struct err err = {0};
    const struct multipart *m = http_multipart(req, &err);
    struct buf out = BUF_INIT(10000);
    if (!m)
        buf_addf(&out, "none: %s: " STR_FMT, err.code ? err_name(err.code) : "other", STR_ARG(http_body(req)));
    for (size_t i = 0; m && i < multipart_count(m); i++) {
        const struct multipart_part *part = multipart_at(m, i);
        buf_addf(&out, STR_FMT ":%llu:%d;", STR_ARG(part->name), (unsigned long long)part->size,
                 part->path ? access(part->path, R_OK) : 1);
    }
    http_reply(req, err.code ? 400 : 200, "text/plain", buf_str(&out));
    buf_done(&out);
}

static void asset(struct http_req *req)
{
    asset_reply(req, asset_find("a.txt"), "no-cache");
}

const struct asset asset_table[] = {
    {"a.txt", "text/plain", "\"tag1\"", (const uint8_t *)"plain bytes", (const uint8_t *)"zip", 11, 3},
    {"b.txt", "text/plain", "\"tag2\"", (const uint8_t *)"b", NULL, 1, 0},
};
const size_t asset_count = 2;

static const struct http_route routes[] = {
    {.method = HTTP_GET, .path = "/hello", .handler = hello},
    {.method = HTTP_GET, .path = "/loop", .handler = hello, .flags = HTTP_ROUTE_ON_LOOP},
    {.method = HTTP_POST, .path = "/echo", .handler = echo, .max_body = 1000},
    {.method = HTTP_GET, .path = "/slow", .handler = slow},
    {.method = HTTP_GET, .path = "/nothing", .handler = nothing},
    {.method = HTTP_GET, .path = "/twice", .handler = twice},
    {.method = HTTP_GET, .path = "/about/{x}", .handler = about},
    {.method = HTTP_GET, .path = "/empty", .handler = no_content},
    {.method = HTTP_POST, .path = "/form", .handler = form, .kind = HTTP_MULTIPART, .max_body = 2 << 20},
    {.method = HTTP_GET, .path = "/asset", .handler = asset},
};

static void begin(struct fixture *f, struct http_options options)
{
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    start(f, options, routes, sizeof routes / sizeof routes[0]);
}

TEST(server_answers)
{
    struct fixture f;
    begin(&f, (struct http_options){.loops = 2});
    expect_reply(&f, "GET /hello HTTP/1.1\r\n" END, "HTTP/1.1 200 OK\r\n", "Content-Length: 5\r\n", "\r\n\r\nhello",
                 "Content-Type: text/plain\r\n", "X-Request-Id: ", "Date: ", "Connection: close\r\n");
    expect_reply(&f, "GET /loop/ HTTP/1.1\r\n" END, "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello");
    expect_reply(&f, "GET http://a/hello HTTP/1.1\r\n" END, " 200 ");
    expect_reply(&f, "GET /nope HTTP/1.1\r\n" END, " 404 Not Found\r\n");
    expect_reply(&f, "PATCH /hello HTTP/1.1\r\n" END, " 405 ", "Allow: GET, HEAD, OPTIONS\r\n");
    expect_reply(&f, "PROPFIND /hello HTTP/1.1\r\n" END, " 405 ");
    expect_reply(&f, "OPTIONS /echo HTTP/1.1\r\n" END, " 204 ", "Allow: POST, OPTIONS\r\n");
    expect_reply(&f, "OPTIONS * HTTP/1.1\r\n" END, " 204 ");
    expect_reply(&f, "GET /nothing HTTP/1.1\r\n" END, " 500 ");
    expect_reply(&f, "GET /twice HTTP/1.1\r\n" END, " 200 ", "\r\n\r\nfirst");
    AUTO_FREE char *head = exchange(&f, "HEAD /hello HTTP/1.1\r\n" END);
    contains(head, "Content-Length: 5\r\n");
    assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
    AUTO_FREE char *empty = exchange(&f, "GET /empty HTTP/1.1\r\n" END);
    contains(empty, " 204 No Content\r\n");
    lacks(empty, "Content-Length");
    assert_string_equal(strstr(empty, "\r\n\r\n"), "\r\n\r\n");
    stop(&f);
}

TEST(server_tells_about_the_request)
{
    struct fixture f;
    struct str trusted = STR("127.0.0.0/8"), bad = STR("10.0.0.0/99");
    struct err err = {0};
    begin(&f, (struct http_options){0});
    expect_reply(&f, "GET /about/a%2Fb?q=1+2%33&e&%zz=%C3%A9 HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n" END,
                 "HTTP/1.1 201 Created\r\n", "GET /about/a%2Fb x=a/b;[q=1 23][e=][%zz=\xc3\xa9] q=1 23 peer=127.0.0.1 ",
                 "client=127.0.0.1 key=127.0.0.1 url=http://a local=1;", "X-Own: aX-Evil: b\r\n", "X-Number: 7\r\n");
    assert_int_equal(http_set_trusted(f.server, &bad, 1, &err), ERR_INVALID);
    assert_int_equal(http_set_trusted(f.server, &trusted, 1, &err), 0);
    expect_reply(&f,
                 "GET /about/x HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 2001:db8:1:2:3::4\r\n"
                 "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n" END,
                 "client=2001:db8:1:2:3::4 key=2001:db8:1:2::/64 url=https://shop.example local=1;");
    expect_reply(&f, "GET /about/x HTTP/1.0\r\n\r\n", "url=http://127.0.0.1:");
    stop(&f);
}

TEST(server_keeps_order_on_one_connection)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000);
    begin(&f, (struct http_options){0});
    int fd = dial(&f);
    puts_to(fd, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /loop HTTP/1.1\r\nHost: a\r\n\r\n"
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /nope HTTP/1.1\r\nHost: a\r\n\r\n");
    puts_to(fd, "\r\nGET /hello HTTP/1.1\r\n");
    await(&entered);
    size_t requests, sockets;
    http_server_busy(f.server, &requests, &sockets);
    assert_int_equal(requests, 1);
    assert_int_equal(http_server_connections(f.server), 1);
    puts_to(fd, "Host: a\r\n\r\n");
    sem_post(&leave);
    get_until(fd, &in, "\r\n\r\nslow");
    get_until(fd, &in, "\r\n\r\nhello");
    get_until(fd, &in, "\r\n\r\nabc");
    get_until(fd, &in, "404 Not Found");
    get_until(fd, &in, "\r\n\r\nhello");
    puts_to(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    get_until(fd, &in, "Connection: keep-alive\r\n");
    get_until(fd, &in, "hello");
    puts_to(fd, "GET /hello HTTP/1.0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    get_all(fd, &in);
    contains(in.p, "Connection: close\r\n");
    assert_null(strstr(strstr(in.p, "hello") + 5, "hello"));
    close(fd);
    stop(&f);
}

TEST(server_reads_many_pipelined_requests)
{
    struct fixture f;
    AUTO_BUF struct buf out = BUF_INIT(1 << 20), in = BUF_INIT(4 << 20);
    begin(&f, (struct http_options){0});
    int fd = dial(&f);
    for (int i = 0; i < 3000; i++)
        buf_addz(&out, i % 3 ? "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    put(fd, out.p, out.n);
    for (int i = 0; i < 3000; i++)
        get_until(fd, &in, "\r\n\r\nhello");
    assert_int_equal(in.n, 0);
    close(fd);
    stop(&f);
}

TEST(server_refuses_and_closes)
{
    struct fixture f;
    begin(&f, (struct http_options){.max_head = 500});
    expect_reply(&f, "GET / HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\n" END, "HTTP/1.1 400 Bad Request\r\n",
                 "Connection: close");
    expect_reply(&f, "\x16\x03\x01\x02", " 400 ");
    expect_reply(&f, "GET hello HTTP/1.1\r\nHost: a\r\n\r\n", " 400 ");
    expect_reply(&f, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", " 413 ", "Connection: close");
    expect_reply(&f, "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", " 413 "); // takes no body
    expect_reply(&f, "POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", " 404 ", "Connection: close");
    expect_reply(&f, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: more\r\nContent-Length: 1\r\n\r\n", " 417 ");
    expect_reply(&f, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", " 400 ");
    AUTO_BUF struct buf text = BUF_INIT(10000);
    buf_addz(&text, "GET /");
    for (int i = 0; i < 600; i++)
        buf_addc(&text, 'x');
    expect_reply(&f, text.p, " 414 URI Too Long\r\n");
    buf_clear(&text);
    buf_addz(&text, "GET / HTTP/1.1\r\nX: ");
    for (int i = 0; i < 600; i++)
        buf_addc(&text, 'x');
    expect_reply(&f, text.p, " 431 ");
    stop(&f);
}

TEST(server_reads_bodies_up_to_the_limit)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000), body = BUF_INIT(10000);
    begin(&f, (struct http_options){0});
    expect_reply(
        &f, "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n",
        "Content-Length: 5\r\n", "\r\n\r\nabcde");
    int fd = dial(&f);
    puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    get_until(fd, &in, "HTTP/1.1 100 Continue\r\n\r\n");
    puts_to(fd, "body");
    get_until(fd, &in, "\r\n\r\nbody");
    while (body.n < 1000)
        buf_addc(&body, 'x');
    puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    for (size_t i = 0; i < 1000; i += 100)
        put(fd, body.p + i, 100);
    get_until(fd, &in, body.p);
    puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    put(fd, body.p, 1000);
    puts_to(fd, "\r\n1\r\nx\r\n0\r\n\r\n");
    get_all(fd, &in);
    contains(in.p, " 413 ");
    close(fd);
    stop(&f);
}

TEST(server_streams_forms_to_disk)
{
    struct fixture f;
    AUTO_BUF struct buf body = BUF_INIT(4 << 20), text = BUF_INIT(4 << 20);
    begin(&f, (struct http_options){0});
    buf_addz(&body, "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nvalue\r\n--b\r\n"
                    "Content-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n");
    for (int i = 0; i < 500000; i++)
        buf_addc(&body, (char)('a' + i % 26));
    buf_addz(&body, "\r\n--b--\r\n");
    buf_addf(&text,
             "POST /form HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %zu\r\n" END,
             body.n);
    buf_adds(&text, buf_str(&body));
    expect_reply(&f, text.p, " 200 ", "n:5:1;f:500000:0;");
    buf_clear(&text);
    buf_addf(&text,
             "POST /form HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=c\r\nContent-Length: %zu\r\n" END,
             body.n);
    buf_adds(&text, buf_str(&body));
    expect_reply(&f, text.p, " 400 ", "none: format");
    expect_reply(&f, "POST /form HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" END "{}", " 200 ",
                 "none: other: {}");
    expect_reply(
        &f, "POST /form HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 3000000\r\n" END,
        " 413 ");
    int fd = dial(&f); // leaves in the middle of a file
    put(fd, text.p, 200000);
    close(fd);
    stop(&f);
}

TEST(server_is_full)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000);
    begin(&f, (struct http_options){.max_connections = 80});
    int fd[80];
    for (int i = 0; i < 68; i++) { // 4 workers and a queue of 64
        fd[i] = dial(&f);
        puts_to(fd[i], "GET /slow HTTP/1.1\r\n" END);
        if (i < 4)
            await(&entered);
    }
    while (pool_waiting(f.pool) < 64)
        sched_yield();
    expect_reply(&f, "GET /hello HTTP/1.1\r\n" END, " 503 Service Unavailable\r\n");
    while (http_server_connections(f.server) > 68)
        sched_yield();
    for (int i = 68; i < 80; i++)
        fd[i] = dial(&f);
    while (http_server_connections(f.server) < 80)
        sched_yield();
    int over = dial(&f);
    get_all(over, &in); // closed at once
    assert_int_equal(in.n, 0);
    close(over);
    for (int i = 0; i < 68; i++)
        sem_post(&leave);
    for (int i = 0; i < 80; i++)
        close(fd[i]);
    stop(&f);
}

TEST(server_time_outs)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000);
    begin(&f, (struct http_options){0});
    int silent = dial(&f), head = dial(&f), idle = dial(&f), body = dial(&f);
    puts_to(head, "GET /hello HTT");
    puts_to(idle, "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n");
    get_until(idle, &in, "hello");
    puts_to(body, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    get_until(body, &in, "100 Continue\r\n\r\n");
    while (http_server_connections(f.server) < 4)
        sched_yield();
    // The begun head is on the loop once a later connection has been served: same loop, in order.
    expect_reply(&f, "GET /loop HTTP/1.1\r\n" END, "hello");
    pass_time(&f, 10200);
    get_all(silent, &in);
    assert_int_equal(in.n, 0);
    get_all(head, &in);
    contains(in.p, " 408 Request Timeout\r\n");
    buf_clear(&in);
    pass_time(&f, 20200);
    get_all(body, &in);
    contains(in.p, " 408 Request Timeout\r\n");
    buf_clear(&in);
    puts_to(idle, "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n"); // after 30 s still open
    get_until(idle, &in, "hello");
    expect_reply(&f, "GET /loop HTTP/1.1\r\n" END, "hello"); // the loop has gone on from it
    pass_time(&f, 75200);
    get_all(idle, &in);
    assert_int_equal(in.n, 0);
    close(silent);
    close(head);
    close(body);
    close(idle);
    stop(&f);
}

TEST(server_drains)
{
    struct fixture f;
    AUTO_BUF struct buf in = BUF_INIT(100000);
    size_t requests, sockets;
    begin(&f, (struct http_options){.loops = 2});
    int busy = dial(&f), idle = dial(&f);
    puts_to(idle, "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n");
    get_until(idle, &in, "hello");
    puts_to(busy, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await(&entered);
    http_server_drain(f.server);
    get_all(idle, &in);
    int fd;
    while ((fd = try_dial(&f)) >= 0) // until the listeners are closed on both loops
        close(fd);
    http_server_busy(f.server, &requests, &sockets);
    assert_int_equal(requests, 1);
    sem_post(&leave);
    get_all(busy, &in);
    contains(in.p, "Connection: close\r\n");
    contains(in.p, "\r\n\r\nslow");
    close(busy);
    close(idle);
    stop(&f);
}

static void refused(struct http_req *req, int status, const void *row)
{
    http_header(req, "X-Refused", row ? (const char *)row : "no row");
    http_reply(req, status, "application/json", STR("{\"own\":true}"));
}

static void preflight(struct http_req *req)
{
    const char *row = http_preflight_row(req);
    http_header(req, "X-Row", row ? row : "none");
    http_reply(req, 204, NULL, STR_NULL);
}

static atomic_int counted;

static void count_done(const struct http_req *req, int status, size_t bytes, int64_t us)
{
    assert_non_null(http_request_id(req));
    assert_true(us >= 0);
    atomic_fetch_add(&counted, status * 1000 + (int)bytes);
}

TEST(server_lets_its_owner_shape_refusals)
{
    struct fixture f;
    static const struct http_route own[] = {{.method = HTTP_GET, .path = "/a", .handler = hello, .row = "row of a"}};
    start(&f, (struct http_options){.refuse = refused, .preflight = preflight, .done = count_done}, own, 1);
    expect_reply(&f, "POST /a HTTP/1.1\r\n" END, " 405 ", "X-Refused: row of a\r\n", "Allow: GET, HEAD, OPTIONS\r\n",
                 "{\"own\":true}");
    expect_reply(&f, "GET /b HTTP/1.1\r\n" END, " 404 ", "X-Refused: no row\r\n");
    expect_reply(&f, "nonsense\r\n\r\n", " 400 ", "X-Refused: no row\r\n");
    expect_reply(&f, "OPTIONS /a HTTP/1.1\r\n" END, " 204 ", "X-Row: row of a\r\n");
    expect_reply(&f, "OPTIONS /a HTTP/1.1\r\nAccess-Control-Request-Method: HEAD\r\n" END, " 204 ",
                 "X-Row: row of a\r\n");
    expect_reply(&f, "OPTIONS /a HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n" END, " 204 ",
                 "X-Row: row of a\r\n");
    stop(&f);
    assert_int_equal(atomic_load(&counted), (405 + 404 + 400 + 3 * 204) * 1000 + 36);
}

TEST(server_serves_assets)
{
    struct fixture f;
    begin(&f, (struct http_options){0});
    assert_null(asset_find("c.txt"));
    assert_non_null(asset_find("b.txt"));
    expect_reply(&f, "GET /asset HTTP/1.1\r\n" END, " 200 ", "ETag: \"tag1\"\r\n", "Vary: Accept-Encoding\r\n",
                 "Cache-Control: no-cache\r\n", "\r\n\r\nplain bytes");
    expect_reply(&f, "GET /asset HTTP/1.1\r\nAccept-Encoding: br, gzip\r\n" END, "ETag: \"tag1-gz\"\r\n",
                 "Content-Encoding: gzip\r\n", "\r\n\r\nzip");
    expect_reply(&f, "GET /asset HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n" END, "\r\n\r\nplain bytes");
    expect_reply(&f, "GET /asset HTTP/1.1\r\nIf-None-Match: \"x\", W/\"tag1\"\r\n" END, " 304 Not Modified\r\n");
    expect_reply(&f, "GET /asset HTTP/1.1\r\nIf-None-Match: \"tag1-gz\"\r\nAccept-Encoding: gzip\r\n" END, " 304 ");
    expect_reply(&f, "GET /asset HTTP/1.1\r\nIf-None-Match: \"tag2\"\r\n" END, " 200 ");
    stop(&f);
}

TEST(server_listens)
{
    struct fixture f, g;
    struct err err = {0};
    struct http_server *server = NULL;
    begin(&f, (struct http_options){.loops = 3});
    assert_true(http_server_loopback_only(f.server));
    assert_null(http_server_url(f.server, 1));
    const char *same = http_server_url(f.server, 0) + strlen("http://");
    struct http_options options = {.listen = &same, .n_listen = 1, .loops = 2};
    assert_int_equal(http_server_new(&options, &server, &err), ERR_CONFLICT);
    contains(err.text, same);
    static const char *bad[] = {"",    "8000",   "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000",
                                ":80", "::1:80", "unix:x",    "192.0.2.1:0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.listen = &bad[i];
        if (http_server_new(&options, &server, &err) != ERR_INVALID)
            fail_msg("%s was taken", bad[i]);
    }
    const char *v6 = "[::1]:0", *every = "0.0.0.0:0", *path = "unix:/tmp/parley-http-test.sock";
    options.listen = &v6;
    if (http_server_new(&options, &server, &err) == 0) { // machines without IPv6 exist
        contains(http_server_url(server, 0), "http://[::1]:");
        assert_true(http_server_loopback_only(server));
        http_server_free(server);
    }
    options.listen = &every;
    assert_int_equal(http_server_new(&options, &server, &err), 0);
    assert_false(http_server_loopback_only(server));
    http_server_free(server);
    options.listen = &path;
    assert_int_equal(http_server_new(&options, &server, &err), 0);
    assert_string_equal(http_server_url(server, 0), path);
    assert_int_equal(http_server_new(&options, &g.server, &err), ERR_CONFLICT);
    http_server_free(server);
    assert_int_equal(access(path + 5, F_OK), -1);
    stop(&f);
}

TEST(server_on_a_unix_socket_that_a_crash_left_behind)
{
    struct fixture f;
    const char *listen = "unix:/tmp/parley-http-test2.sock";
    struct sockaddr_un {
        sa_family_t family;
        char path[108];
    } sa = {AF_UNIX, "/tmp/parley-http-test2.sock"};
    AUTO_BUF struct buf in = BUF_INIT(10000);
    int left = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(sa.path);
    assert_int_equal(bind(left, (struct sockaddr *)&sa, sizeof sa), 0);
    close(left);
    begin(&f, (struct http_options){.listen = &listen, .loops = 2});
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    puts_to(fd, "GET /about/x HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n" END);
    get_all(fd, &in);
    contains(in.p, "peer=unix client=unix key=unix url=http://a local=0;");
    close(fd);
    stop(&f);
}

TEST(server_takes_inherited_sockets)
{
    struct fixture f;
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(fd, 10), 0);
    begin(&f, (struct http_options){.inherited = &fd, .n_inherited = 1, .loops = 2});
    for (int i = 0; i < 10; i++)
        expect_reply(&f, "GET /hello HTTP/1.1\r\n" END, " 200 ");
    stop(&f);
}

TEST(server_ends_in_the_middle_of_everything)
{
    struct fixture f;
    begin(&f, (struct http_options){.loops = 2});
    int fd[6];
    for (int i = 0; i < 6; i++)
        fd[i] = dial(&f);
    puts_to(fd[0], "GET /he");
    puts_to(fd[1], "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    puts_to(fd[2], "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await(&entered);
    sem_post(&leave);
    puts_to(fd[3], "POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: "
                   "100\r\n\r\n--b");
    stop(&f);
    for (int i = 0; i < 6; i++)
        close(fd[i]);
}
