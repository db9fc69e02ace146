// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "http/address.h"

static const char *canonical(const char *text)
{
    static char out[ADDRESS_TEXT];
    struct address address;
    if (!address_parse(str_from(text), &address))
        return NULL;
    address_text(&address, out);
    return out;
}

static const char *key(const char *text)
{
    static char out[ADDRESS_TEXT];
    struct address address;
    assert_true(address_parse(str_from(text), &address));
    address_key(&address, out);
    return out;
}

TEST(address_canonical_text)
{
    assert_string_equal(canonical("192.0.2.1"), "192.0.2.1");
    assert_string_equal(canonical(" 192.0.2.1:8080 "), "192.0.2.1");
    assert_string_equal(canonical("2001:DB8:0:0::1"), "2001:db8::1");
    assert_string_equal(canonical("[2001:db8::1]:443"), "2001:db8::1");
    assert_string_equal(canonical("[2001:db8::1]"), "2001:db8::1");
    assert_string_equal(canonical("::ffff:192.0.2.1"), "192.0.2.1");
    static const char *bad[] = {"",           "unknown",  "192.0.2",   "192.0.2.1:x", "192.0.2.256",     "[::1",
                                "[::1]x",     "::1%eth0", "1.2.3.4.5", "_hidden",     "192.0.2.1:99999", "0x7f.1",
                                "[192.0.2.1]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (canonical(bad[i]))
            fail_msg("%s was taken", bad[i]);
}

TEST(address_key_cuts_ipv6_to_its_network)
{
    assert_string_equal(key("192.0.2.1"), "192.0.2.1");
    assert_string_equal(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    assert_string_equal(key("2001:db8:1:2::ffff"), "2001:db8:1:2::/64");
    assert_string_equal(key("::ffff:10.1.2.3"), "10.1.2.3");
}

static bool in(const char *network, const char *address)
{
    struct str text = str_from(network);
    struct networks *networks;
    struct address parsed;
    struct err err = {0};
    assert_int_equal(networks_new(&text, 1, &networks, &err), 0);
    assert_true(address_parse(str_from(address), &parsed));
    bool has = networks_has(networks, &parsed);
    networks_free(networks);
    return has;
}

TEST(address_networks)
{
    assert_true(in("10.0.0.0/8", "10.255.0.1"));
    assert_false(in("10.0.0.0/8", "11.0.0.1"));
    assert_true(in("192.0.2.128/25", "192.0.2.200"));
    assert_false(in("192.0.2.128/25", "192.0.2.100"));
    assert_true(in("192.0.2.1", "192.0.2.1"));
    assert_false(in("192.0.2.1", "192.0.2.2"));
    assert_true(in("0.0.0.0/0", "203.0.113.9"));
    assert_false(in("0.0.0.0/0", "2001:db8::1"));
    assert_true(in("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(in("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(in("10.0.0.0/8", "::ffff:10.0.0.1"));
    static const char *bad[] = {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "x", "2001:db8::/129", "10.0.0.1:80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str text = str_from(bad[i]);
        struct networks *networks = NULL;
        struct err err = {0};
        if (networks_new(&text, 1, &networks, &err) != ERR_INVALID)
            fail_msg("%s was taken", bad[i]);
    }
}

static const char *client(const char *peer, const char *forwarded)
{
    static char out[ADDRESS_TEXT];
    struct str trusted[] = {STR("10.0.0.0/8"), STR("2001:db8:ffff::/48"), STR("unix")};
    struct networks *networks;
    struct address address = {.kind = ADDRESS_UNIX};
    struct err err = {0};
    assert_int_equal(networks_new(trusted, 3, &networks, &err), 0);
    if (peer)
        assert_true(address_parse(str_from(peer), &address));
    address = address_client(networks, address, str_from(forwarded));
    address_text(&address, out);
    networks_free(networks);
    return out;
}

TEST(address_of_the_client_behind_proxies)
{
    assert_string_equal(client("203.0.113.9", "1.2.3.4"), "203.0.113.9"); // an untrusted peer may say what it likes
    assert_string_equal(client("10.0.0.1", NULL), "10.0.0.1");
    assert_string_equal(client("10.0.0.1", "198.51.100.7"), "198.51.100.7");
    assert_string_equal(client("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
    assert_string_equal(client("10.0.0.1", "10.0.0.3, 10.0.0.2"), "10.0.0.3"); // all trusted: the farthest
    assert_string_equal(client("10.0.0.1", "1.2.3.4, unknown"), "10.0.0.1"); // beyond an unreadable one nothing counts
    assert_string_equal(client("10.0.0.1", "1.2.3.4, unknown, 10.0.0.2"), "10.0.0.2");
    assert_string_equal(client("2001:db8:ffff::1", "[2001:db8::5]:443"), "2001:db8::5");
    assert_string_equal(client(NULL, "198.51.100.7"), "198.51.100.7");
}
