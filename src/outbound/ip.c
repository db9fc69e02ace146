// SPDX-License-Identifier: Apache-2.0
#include "outbound/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->at, mapped, sizeof mapped) == 0;
}

static struct ip from_v4(const uint8_t v4[4])
{
    struct ip ip;
    memcpy(ip.at, mapped, sizeof mapped);
    memcpy(ip.at + 12, v4, 4);
    return ip;
}

bool ip_parse(struct str text, struct ip *ret)
{
    char z[IP_TEXT];
    uint8_t v4[4];
    if (text.n == 0 || text.n >= sizeof z || memchr(text.p, 0, text.n))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    if (strchr(z, ':'))
        return inet_pton(AF_INET6, z, ret->at) == 1;
    if (inet_pton(AF_INET, z, v4) != 1) // refuses leading zeros, hex and short forms
        return false;
    *ret = from_v4(v4);
    return true;
}

bool ip_from(const struct sockaddr *sa, struct ip *ret)
{
    if (sa->sa_family == AF_INET) {
        uint8_t v4[4];
        memcpy(v4, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, sizeof v4);
        *ret = from_v4(v4);
    } else if (sa->sa_family == AF_INET6) {
        memcpy(ret->at, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, sizeof ret->at);
    } else {
        return false;
    }
    return true;
}

void ip_text(const struct ip *ip, char out[IP_TEXT])
{
    bool v4 = ip_is_v4(ip);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->at + 12 : ip->at, out, IP_TEXT);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return memcmp(a->at, b->at, sizeof a->at) == 0;
}

// ---- what is public ------------------------------------------------------------------------------------------------

struct block {
    uint8_t at[16];
    unsigned bits;
};

static bool within(const uint8_t *bytes, const uint8_t *block, unsigned bits)
{
    unsigned whole = bits / 8, part = bits % 8;
    return memcmp(bytes, block, whole) == 0 && (part == 0 || ((bytes[whole] ^ block[whole]) >> (8 - part)) == 0);
}

static bool v4_public(const uint8_t *bytes)
{
    static const struct block special[] = {
        {{0}, 8},             // this network
        {{10}, 8},            // private
        {{100, 64}, 10},      // carrier NAT
        {{127}, 8},           // loopback
        {{169, 254}, 16},     // link-local, metadata services
        {{172, 16}, 12},      // private
        {{192, 0, 0}, 24},    // protocol assignments
        {{192, 0, 2}, 24},    // documentation
        {{192, 88, 99}, 24},  // 6to4 relays
        {{192, 168}, 16},     // private
        {{198, 18}, 15},      // benchmarks
        {{198, 51, 100}, 24}, // documentation
        {{203, 0, 113}, 24},  // documentation
        {{224}, 3},           // multicast, reserved, broadcast
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (within(bytes, special[i].at, special[i].bits))
            return false;
    return true;
}

bool ip_public(const struct ip *ip)
{
    static const struct block special[] = {
        {{0x20, 0x01}, 23},             // protocol assignments: Teredo, benchmarks, ORCHID
        {{0x20, 0x01, 0x0d, 0xb8}, 32}, // documentation
        {{0x3f, 0xff}, 20},             // documentation
    };
    static const uint8_t global[] = {0x20}, nat64[12] = {0, 0x64, 0xff, 0x9b}, six_to_four[] = {0x20, 0x02};
    static const uint8_t isatap[] = {0x00, 0x00, 0x5e, 0xfe};
    const uint8_t *at = ip->at;
    if (ip_is_v4(ip) || within(at, nat64, 96))
        return v4_public(at + 12);
    if (!within(at, global, 3))
        return false;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (within(at, special[i].at, special[i].bits))
            return false;
    if (within(at, six_to_four, 16) && !v4_public(at + 2))
        return false;
    bool embeds = (at[8] & 0xfd) == isatap[0] && memcmp(at + 9, isatap + 1, 3) == 0;
    return !embeds || v4_public(at + 12);
}

// ---- networks ------------------------------------------------------------------------------------------------------

bool network_parse(struct str text, struct network *ret)
{
    struct str rest = text, base = str_split(&rest, '/');
    struct network network;
    int64_t bits;
    if (!base.p || !ip_parse(base, &network.ip))
        return false;
    bool v4 = !memchr(base.p, ':', base.n);
    bits = v4 ? 32 : 128;
    if (rest.p && !str_to_int(rest, 0, bits, &bits))
        return false;
    network.bits = (unsigned)bits + (v4 ? 96 : 0);
    *ret = network;
    return true;
}

bool network_has(const struct network *network, const struct ip *ip)
{
    return within(ip->at, network->ip.at, network->bits);
}
