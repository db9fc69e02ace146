// SPDX-License-Identifier: Apache-2.0
#include "outbound/ip.h"

#include "base/test.h"

static const char *const not_public[] = {
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.255",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::ffff:0:0",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::ffff:0:8.8.8.8",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "1000::1",
    "1fff::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2001:db8:ffff::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:192.168.1.1",
};

static const char *const is_public[] = {
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.0.3.1",
    "192.88.98.1",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.101.0",
    "203.0.112.255",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2002:808:808::1",
    "2606:4700::1111",
    "2606:4700::5efe:8.8.8.8",
    "2a00:1450::1",
    "3ffe::1",
};

static const char *const no_address[] = {
    "",
    " ",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.",
    ".1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.04",
    "0x1.2.3.4",
    "1.2.3.4 ",
    "1.2.3.4/8",
    "1.2.3.4:80",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "a.b.c.d",
    ":",
    ":::",
    "::1%lo",
    "1::2::3",
    "12345::",
    "::g",
    "[::1]",
    "::ffff:1.2.3",
    "::ffff:01.2.3.4",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "+1.2.3.4",
    "1.2.3.-4",
    "\xd9\xa1.2.3.4",
    "1..2.3",
};

TEST(what_is_public)
{
    struct ip ip;
    for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
        if (!ip_parse(str_from(not_public[i]), &ip) || ip_public(&ip))
            fail_msg("%s", not_public[i]);
    }
    for (size_t i = 0; i < sizeof is_public / sizeof *is_public; i++) {
        if (!ip_parse(str_from(is_public[i]), &ip) || !ip_public(&ip))
            fail_msg("%s", is_public[i]);
    }
}

TEST(forms_that_are_no_address)
{
    struct ip ip;
    for (size_t i = 0; i < sizeof no_address / sizeof *no_address; i++)
        if (ip_parse(str_from(no_address[i]), &ip))
            fail_msg("%s", no_address[i]);
    assert_false(ip_parse((struct str){"1.2.3.4\0", 8}, &ip));
}

TEST(canonical_texts)
{
    static const char *const pairs[][2] = {{"1.2.3.4", "1.2.3.4"},
                                           {"::ffff:1.2.3.4", "1.2.3.4"},
                                           {"2606:4700:0:0:0:0:0:1111", "2606:4700::1111"},
                                           {"2606:4700::ABCD", "2606:4700::abcd"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct ip ip;
        char text[IP_TEXT];
        assert_true(ip_parse(str_from(pairs[i][0]), &ip));
        ip_text(&ip, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

TEST(networks)
{
    static const struct {
        const char *network, *ip;
        bool in;
    } rows[] = {
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"fd00::/8", "fdab::1", true},
        {"fd00::/8", "fc00::1", false},
        {"::1", "::1", true},
        {"192.168.4.0/22", "192.168.7.9", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"::/0", "10.0.0.1", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct network network;
        struct ip ip;
        assert_true(network_parse(str_from(rows[i].network), &network));
        assert_true(ip_parse(str_from(rows[i].ip), &ip));
        if (network_has(&network, &ip) != rows[i].in)
            fail_msg("%s %s", rows[i].network, rows[i].ip);
    }
    struct network network;
    assert_false(network_parse(STR("10.0.0.0/33"), &network));
    assert_false(network_parse(STR("10.0.0.0/"), &network));
    assert_false(network_parse(STR("::1/129"), &network));
    assert_false(network_parse(STR("host/8"), &network));
}
