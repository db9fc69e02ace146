// SPDX-License-Identifier: Apache-2.0
#include "outbound/url.h"

#include "base/test.h"

static const struct {
    const char *text, *canonical;
} good[] = {
    {"http://hooks.example", "http://hooks.example:80/"},
    {"https://hooks.example", "https://hooks.example:443/"},
    {"HTTPS://Hooks.Example/A/b?C=d", "https://hooks.example:443/A/b?C=d"},
    {"https://hooks.example:8443/x", "https://hooks.example:8443/x"},
    {"https://hooks.example./x", "https://hooks.example:443/x"},
    {"https://hooks.example?q=1", "https://hooks.example:443/?q=1"},
    {"https://hooks.example/a#part", "https://hooks.example:443/a"},
    {"https://hooks.example#part", "https://hooks.example:443/"},
    {"https://hooks.example/a/../b", "https://hooks.example:443/a/../b"},
    {"https://hooks.example/%2e%2e/@x:y", "https://hooks.example:443/%2e%2e/@x:y"},
    {"https://my_host-1.example/", "https://my_host-1.example:443/"},
    {"http://8.8.8.8/", "http://8.8.8.8:80/"},
    {"http://127.0.0.1:9099/hook", "http://127.0.0.1:9099/hook"},
    {"http://[2606:4700:0::1111]:81/", "http://[2606:4700::1111]:81/"},
    {"http://[::ffff:8.8.8.8]/", "http://8.8.8.8:80/"},
    {"http://[::FFFF:0808:0808]/", "http://8.8.8.8:80/"},
    {"https://b\303\274cher.example/", "https://xn--bcher-kva.example:443/"},
    {"https://xn--bcher-kva.example/", "https://xn--bcher-kva.example:443/"},
    {"https://\344\276\213\343\201\210.example/", "https://xn--r8jz45g.example:443/"},
    {"https://HOOKS\343\200\202example/", "https://hooks.example:443/"}, // an ideographic full stop
    {"https://1.example/", "https://1.example:443/"},
    {"https://0x7f.example/", "https://0x7f.example:443/"},
    {"http://localhost:8080/", "http://localhost:8080/"},
};

static const char *const not_allowed[] = {
    "http://user@hooks.example/",
    "http://user:pw@hooks.example/",
    "http://@hooks.example/",
    "http://hooks.example@127.0.0.1/",
    "http://127.0.0.1@hooks.example/",
    "http://a%40b@hooks.example/",
    "http://0x7f.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f000001/",
    "http://0X7F000001/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0177.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127/",
    "http://0/",
    "http://00/",
    "http://0x/",
    "http://1.2.3.4.5/",
    "http://1.2.3.256/",
    "http://01.2.3.4/",
    "http://1.2.3.04/",
    "http://8.8.8.8./",
    "http://127.0.0.1./",
    "http://a.1/",
    "http://a.0x1/",
    "http://1..1/",
    "http://\357\274\221\357\274\222\357\274\227.0.0.1/", // full-width digits
    "http://127\343\200\2020\343\200\2020\343\200\2021/",
    "http://\342\221\240.1.1.1/",
    "http://%31%32%37.0.0.1/",
    "http://[::1%25lo]/",
    "http://[fe80::1%eth0]/",
    "http://[1.2.3.4]/",
    "http://[]/",
    "http://[::g]/",
    "http://[::ffff:0177.0.0.1]/",
    "http://[1:2]/",
    "http://[localhost]/",
};

static const char *const no_url[] = {
    "",
    "x",
    "hooks.example",
    "//hooks.example/",
    "ftp://hooks.example/",
    "file:///etc/passwd",
    "gopher://hooks.example/",
    "javascript:alert(1)",
    "http:hooks.example",
    "http:/hooks.example",
    "http//hooks.example",
    "http://",
    "https://",
    "http:///path",
    "http://?x",
    "http://#x",
    "http://:80/",
    "http://.",
    "http://./",
    "http://..",
    "http://a..b/",
    "http://.a/",
    "http://a.../",
    "http://a b/",
    "http://a\tb/",
    "http://a/ b",
    "http://a/\r\nHost: x",
    "http://a\n/",
    "http://a\\b/",
    "http://a/\\b",
    "http://a:/",
    "http://a:0/",
    "http://a:080/",
    "http://a:65536/",
    "http://a:99999/",
    "http://a:-1/",
    "http://a:+80/",
    "http://a:80x/",
    "http://a:8 0/",
    "http://a:80:80/",
    "http://[::1/",
    "http://[::1]80/",
    "http://[::1]x:80/",
    "http://::1/",
    "http://a%2eb/",
    "http://a_b!c/",
    "http://a*b/",
    "http://a,b/",
    "http://a/\303\274",
    "http://a/?\303\274",
    "http://\377\376/",
    "http://\177/",
    "http://a/\177",
    "http://-\303\274-.example/",
    "http://xn--\303\274.example/",
    "http://a\342\200\213b\001/",
    " http://a/",
    "http://a/ ",
    "http://a|b/",
    "http://a^b/",
    "http://a`b/",
    "http://{a}/",
    "http://<a>/",
    "http://\"a\"/",
};

TEST(urls_have_one_reading)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct url url;
        struct err err = {0};
        if (url_parse(str_from(good[i].text), &url, &err) != 0)
            fail_msg("%s: %s", good[i].text, err.text);
        assert_string_equal(url_text(arena, &url).p, good[i].canonical);
    }
}

TEST(hosts_that_are_not_allowed)
{
    for (size_t i = 0; i < sizeof not_allowed / sizeof *not_allowed; i++) {
        struct url url;
        struct err err = {0};
        if (url_parse(str_from(not_allowed[i]), &url, &err) != ERR_DENIED)
            fail_msg("%s: %s", not_allowed[i], err.text);
    }
}

TEST(what_is_no_url)
{
    for (size_t i = 0; i < sizeof no_url / sizeof *no_url; i++) {
        struct url url;
        struct err err = {0};
        if (url_parse(str_from(no_url[i]), &url, &err) != ERR_INVALID)
            fail_msg("%s: %s", no_url[i], err.text);
    }
    struct url url;
    assert_int_equal(url_parse((struct str){"http://a\0b/", 11}, &url, NULL), ERR_INVALID);
}

TEST(long_hosts)
{
    struct url url;
    char text[400] = "http://";
    memset(text + 7, 'a', 63);
    assert_int_equal(url_parse(str_from(text), &url, NULL), 0);
    memset(text + 7, 'a', 64);
    assert_int_equal(url_parse(str_from(text), &url, NULL), ERR_INVALID);
    for (size_t i = 0; i < 300; i++)
        text[7 + i] = i % 2 ? '.' : 'a';
    assert_int_equal(url_parse(str_from(text), &url, NULL), ERR_INVALID);
}
