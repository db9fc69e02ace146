// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "http/origin.h"

static bool allowed(const char *origin, const char *entry)
{
    struct str domain = str_from(entry);
    return origin_allowed(str_from(origin), STR("https://parley.example"), ORIGIN_LOCALHOST_LIST,
                          entry ? &domain : NULL, entry ? 1 : 0);
}

TEST(origin_entries_match_as_their_table_says)
{
    struct {
        const char *origin, *entry;
        bool wanted;
    } rows[] = {
        {"https://shop.example", "shop.example", true},
        {"http://shop.example:8080", "shop.example", true},
        {"https://www.shop.example", "shop.example", true},
        {"https://myshop.example", "shop.example", false},
        {"https://shop.example.evil.test", "shop.example", false},
        {"https://a.b.shop.example", "*.shop.example", true},
        {"https://shop.example", "*.shop.example", false},
        {"https://shop.example:8443", "https://shop.example:8443", true},
        {"https://shop.example", "https://shop.example:8443", false},
        {"http://shop.example:8443", "https://shop.example:8443", false},
        {"https://www.shop.example:8443", "https://shop.example:8443", false},
        {"https://shop.example", "https://shop.example:443", true},
        {"https://anything.test", "*", true},
        {"HTTPS://SHOP.Example.", "shop.example", true},
        {"https://shop.example", "Shop.EXAMPLE.", true},
        {"https://xn--bcher-kva.example",
         "b\xc3\xbc"
         "cher.example",
         true},
        {"https://B\xc3\x9c"
         "CHER.example",
         "xn--bcher-kva.example", true},
        {"https://b\xc3\xbc"
         "cher.example",
         "bucher.example", false},
        {"null", "*", false},
        {"null", "null", true},
        {"ftp://shop.example", "*", false},
        {"https://shop.example/", "*", false},
        {"https://shop.example/path", "*", false},
        {"https://user@shop.example", "*", false},
        {"https://", "*", false},
        {"https://shop.example:", "*", false},
        {"https://shop.example:99999", "*", false},
        {"https://shop..example", "*", false},
        {"https://shop example", "*", false},
        {"shop.example", "*", false},
        {"", "*", false},
        {"https://[2001:db8::1]:8000", "*", true},
        {"https://parley.example", "other.example", true}, // its own
        {"http://parley.example", "other.example", false},
        {"http://localhost:5173", "other.example", false}, // the list decides
        {"http://localhost:5173", "localhost", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (allowed(rows[i].origin, rows[i].entry) != rows[i].wanted)
            fail_msg("%s with %s", rows[i].origin, rows[i].entry);
}

TEST(origin_absent_open_and_closed)
{
    assert_true(origin_allowed(STR_NULL, STR_NULL, ORIGIN_LOCALHOST_LIST, NULL, 0));
    struct str none = STR("x");
    assert_true(origin_allowed(STR_NULL, STR_NULL, ORIGIN_LOCALHOST_LIST, &none, 0));
    assert_false(
        origin_allowed(STR("https://a.example"), STR_NULL, ORIGIN_LOCALHOST_LIST, &none, 0)); // 002-site-widget#5
    assert_true(allowed("https://a.example", NULL));
    assert_true(allowed("null", NULL)); // 002-site-widget#5
    assert_false(origin_allowed(STR("null"), STR_NULL, ORIGIN_LOCALHOST_ALWAYS, &none, 0));
}

TEST(origin_localhost) // 001-brands#25, 002-site-widget#3
{
    struct str shop = STR("shop.example");
    struct {
        const char *origin;
        bool wanted;
    } rows[] = {
        {"http://localhost:5173", true},       {"https://127.0.0.1", true},        {"http://[::1]:3000", true},
        {"http://localhost.evil.test", false}, {"http://127.0.0.2", false},        {"http://a.localhost", false},
        {"https://www.shop.example", true},    {"https://notshop.example", false}, {"null", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(origin_allowed(str_from(rows[i].origin), STR_NULL, ORIGIN_LOCALHOST_ALWAYS, &shop, 1),
                         rows[i].wanted);
}

TEST(origin_host_of_values)
{
    char host[256];
    assert_true(origin_host(STR("Shop.Example:8080"), host));
    assert_string_equal(host, "shop.example");
    assert_true(origin_host(STR("https://Shop.Example."), host));
    assert_string_equal(host, "shop.example");
    assert_true(origin_host(STR("[::1]:80"), host));
    assert_string_equal(host, "[::1]");
    assert_true(origin_is_localhost(str_from(host)));
    assert_false(origin_host(STR(""), host));
    assert_false(origin_host(STR("a b"), host));
}
