// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "http/route.h"

static void none(struct http_req *req)
{
    (void)req;
}

#define ROW(m, p, ...)                                                                                                 \
    {                                                                                                                  \
        .method = (m), .path = (p), .handler = none, __VA_ARGS__                                                       \
    }
static const struct http_route rows[] = {
    ROW(HTTP_GET, "/"),
    ROW(HTTP_GET, "/brands"),
    ROW(HTTP_POST, "/brands"),
    ROW(HTTP_GET, "/brands/active"),
    ROW(HTTP_GET, "/brands/{brand_id}"),
    ROW(HTTP_DELETE, "/brands/{brand_id}"),
    ROW(HTTP_POST, "/brands/{brand_id}/products/search"),
    ROW(HTTP_GET, "/brands/{brand_id}/products/{product_id}"),
    ROW(HTTP_POST, "/chat/{brand_id}"),
    ROW(HTTP_GET, "/chat/{bot}/history/{conversation_id}"),
    ROW(HTTP_GET, "/chat/welcome", .flags = HTTP_ROUTE_OWNS | HTTP_ROUTE_SLASHES),
    ROW(HTTP_HEAD, "/own"),
    ROW(HTTP_GET, "/own"),
};

static struct route_match match(unsigned method, const char *path)
{
    static char scratch[4096];
    static struct router *router;
    struct route_match ret;
    struct err err = {0};
    if (!router)
        assert_int_equal(router_new(rows, sizeof rows / sizeof rows[0], &router, &err), 0);
    router_match(router, method, str_from(path), scratch, &ret);
    return ret;
}

#define assert_route(method, url, wanted)                                                                              \
    do {                                                                                                               \
        struct route_match m_ = match(method, url);                                                                    \
        assert_non_null(m_.route);                                                                                     \
        assert_string_equal(m_.route->path, wanted);                                                                   \
    } while (0)

TEST(route_literal_wins_for_its_methods_only)
{
    assert_route(HTTP_GET, "/", "/");
    assert_route(HTTP_GET, "/brands", "/brands");
    assert_route(HTTP_GET, "/brands/", "/brands");
    assert_route(HTTP_GET, "/brands/active", "/brands/active");
    assert_route(HTTP_DELETE, "/brands/active", "/brands/{brand_id}");
    assert_route(HTTP_GET, "/brands/b/products/search", "/brands/{brand_id}/products/{product_id}");
    assert_route(HTTP_POST, "/brands/b/products/search", "/brands/{brand_id}/products/search");
    assert_route(HTTP_HEAD, "/brands", "/brands");
    assert_int_equal(match(HTTP_HEAD, "/own").route->method, HTTP_HEAD);
    assert_int_equal(match(HTTP_GET, "/own").route->method, HTTP_GET);
}

TEST(route_names_the_methods_of_a_path)
{
    char allow[64];
    struct route_match m = match(HTTP_PATCH, "/brands/active");
    assert_null(m.route);
    route_methods(m.allow | HTTP_OPTIONS, allow);
    assert_string_equal(allow, "GET, HEAD, DELETE, OPTIONS");
    assert_non_null(m.other);
    m = match(HTTP_GET, "/nope");
    assert_int_equal(m.allow, 0);
    assert_null(m.other);
}

TEST(route_that_owns_its_path_and_takes_doubled_slashes) // 004-locale-chat#25
{
    char allow[64];
    struct route_match m = match(HTTP_POST, "/chat/welcome");
    assert_null(m.route);
    route_methods(m.allow | HTTP_OPTIONS, allow);
    assert_string_equal(allow, "GET, HEAD, OPTIONS");
    assert_route(HTTP_GET, "//chat//welcome", "/chat/welcome");
    assert_route(HTTP_GET, "//chat/welcome/", "/chat/welcome");
    assert_int_equal(match(HTTP_GET, "//brands").allow, 0);
    assert_int_equal(match(HTTP_POST, "/chat//").allow, 0);
    assert_route(HTTP_POST, "/chat/other", "/chat/{brand_id}");
}

TEST(route_decodes_parameters)
{
    struct route_match m = match(HTTP_GET, "/chat/a%2Fb%20%C3%A9/history/c%252F");
    assert_non_null(m.route);
    assert_str(route_param(&m, STR("bot")), "a/b \xc3\xa9");
    assert_str(route_param(&m, STR("conversation_id")), "c%2F");
    assert_null(route_param(&m, STR("other")).p);
    assert_route(HTTP_GET, "/br%61nds", "/brands");
    static const char *bad[] = {"/brands/%",   "/brands/%4",        "/brands/%zz", "/brands/%00",
                                "/brands/%ff", "/brands/%ed%a0%80", "brands",      "/chat//history/x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(match(HTTP_GET, bad[i]).allow, 0);
}

TEST(route_bounds_the_number_of_segments)
{
    char path[200] = "";
    for (int i = 0; i < 60; i++)
        strcat(path, "/a");
    assert_int_equal(match(HTTP_GET, path).allow, 0);
}

TEST(route_refuses_doubles_and_bad_rows)
{
    static const struct http_route doubled[] = {ROW(HTTP_GET, "/a/{x}"), ROW(HTTP_GET, "/a/{y}")};
    static const struct http_route no_slash[] = {ROW(HTTP_GET, "a")};
    static const struct http_route two_methods[] = {ROW(HTTP_GET | HTTP_POST, "/a")};
    struct router *router = NULL;
    struct err err = {0};
    assert_int_equal(router_new(doubled, 2, &router, &err), ERR_INVALID);
    assert_int_equal(router_new(no_slash, 1, &router, &err), ERR_INVALID);
    assert_int_equal(router_new(two_methods, 1, &router, &err), ERR_INVALID);
    assert_null(router);
    assert_int_equal(router_new(rows, sizeof rows / sizeof rows[0], &router, &err), 0);
    router_free(router);
}
