// SPDX-License-Identifier: Apache-2.0
#include "http/address.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static void address_from_v6(const uint8_t bytes[16], struct address *ret)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    *ret = (struct address){.kind = ADDRESS_V6};
    if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        ret->kind = ADDRESS_V4;
        memcpy(ret->bytes, bytes + 12, 4);
    } else {
        memcpy(ret->bytes, bytes, 16);
    }
}

void address_from(const struct sockaddr *sa, struct address *ret)
{
    *ret = (struct address){.kind = ADDRESS_NONE};
    if (sa->sa_family == AF_INET) {
        ret->kind = ADDRESS_V4;
        memcpy(ret->bytes, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        address_from_v6(((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr, ret);
    } else if (sa->sa_family == AF_UNIX) {
        ret->kind = ADDRESS_UNIX;
    }
}

static bool port_valid(struct str text)
{
    int64_t port;
    return text.n <= 5 && str_to_int(text, 0, 65535, &port);
}

bool address_parse(struct str text, struct address *ret)
{
    text = str_trim(text);
    bool bracket = text.n > 0 && text.p[0] == '[';
    if (bracket) {
        ptrdiff_t end = str_find(text, STR("]"));
        if (end < 0)
            return false;
        struct str after = {text.p + end + 1, text.n - (size_t)end - 1};
        if (after.n > 0 && (after.p[0] != ':' || !port_valid((struct str){after.p + 1, after.n - 1})))
            return false;
        text = (struct str){text.p + 1, (size_t)end - 1};
    } else {
        ptrdiff_t colon = str_find(text, STR(":"));
        bool one = colon >= 0 && !memchr(text.p + colon + 1, ':', text.n - (size_t)colon - 1);
        if (one) {
            if (!port_valid((struct str){text.p + colon + 1, text.n - (size_t)colon - 1}))
                return false;
            text.n = (size_t)colon;
        }
    }
    char z[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof z || memchr(text.p, '\0', text.n))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    uint8_t bytes[16];
    if (!bracket && inet_pton(AF_INET, z, bytes) == 1) {
        *ret = (struct address){.kind = ADDRESS_V4};
        memcpy(ret->bytes, bytes, 4);
        return true;
    }
    if (inet_pton(AF_INET6, z, bytes) != 1)
        return false;
    address_from_v6(bytes, ret);
    return true;
}

void address_text(const struct address *address, char out[ADDRESS_TEXT])
{
    out[0] = '\0';
    if (address->kind == ADDRESS_UNIX)
        memcpy(out, "unix", 5);
    else if (address->kind != ADDRESS_NONE)
        inet_ntop(address->kind == ADDRESS_V4 ? AF_INET : AF_INET6, address->bytes, out, ADDRESS_TEXT);
}

void address_key(const struct address *address, char out[ADDRESS_TEXT])
{
    struct address cut = *address;
    if (cut.kind == ADDRESS_V6)
        memset(cut.bytes + 8, 0, 8);
    address_text(&cut, out);
    if (cut.kind == ADDRESS_V6)
        memcpy(out + strlen(out), "/64", 4);
}

bool address_is_loopback(const struct address *address)
{
    static const uint8_t one[16] = {[15] = 1};
    return (address->kind == ADDRESS_V4 && address->bytes[0] == 127) ||
           (address->kind == ADDRESS_V6 && memcmp(address->bytes, one, 16) == 0);
}

struct network {
    struct address address;
    unsigned bits;
};

struct networks {
    size_t n;
    struct network at[];
};

static bool network_parse(struct str text, struct network *ret)
{
    text = str_trim(text);
    if (str_eq(text, STR("unix"))) {
        *ret = (struct network){.address.kind = ADDRESS_UNIX};
        return true;
    }
    struct str rest = text, base = str_split(&rest, '/');
    struct network network = {0};
    // No port and no brackets here: what looks like one is a mistake.
    const char *colon = base.p ? memchr(base.p, ':', base.n) : NULL;
    bool port = colon && colon == memrchr(base.p, ':', base.n);
    if (port || !address_parse(base, &network.address) || base.p[0] == '[')
        return false;
    unsigned most = network.address.kind == ADDRESS_V4 ? 32 : 128;
    int64_t bits = most;
    if (rest.p && !str_to_int(rest, 0, most, &bits))
        return false;
    network.bits = (unsigned)bits;
    *ret = network;
    return true;
}

int networks_new(const struct str *texts, size_t n, struct networks **ret, struct err *err)
{
    struct networks *networks = mem_zalloc(sizeof *networks + n * sizeof networks->at[0]);
    for (size_t i = 0; i < n; i++)
        if (!network_parse(texts[i], &networks->at[networks->n++])) {
            free(networks);
            return err_set(err, ERR_INVALID, "trusted proxy '" STR_FMT "' is neither an address nor a network",
                           STR_ARG(texts[i]));
        }
    *ret = networks;
    return 0;
}

void networks_free(struct networks *networks)
{
    free(networks);
}

static bool network_has(const struct network *network, const struct address *address)
{
    if (network->address.kind != address->kind)
        return false;
    unsigned whole = network->bits / 8, part = network->bits % 8;
    if (memcmp(network->address.bytes, address->bytes, whole) != 0)
        return false;
    return part == 0 || ((network->address.bytes[whole] ^ address->bytes[whole]) & (0xff00u >> part) & 0xff) == 0;
}

bool networks_has(const struct networks *networks, const struct address *address)
{
    for (size_t i = 0; networks && i < networks->n; i++)
        if (network_has(&networks->at[i], address))
            return true;
    return false;
}

struct address address_client(const struct networks *trusted, struct address peer, struct str forwarded)
{
    struct address client = peer;
    while (forwarded.p && networks_has(trusted, &client)) {
        const char *comma = memrchr(forwarded.p, ',', forwarded.n);
        struct str last = forwarded;
        if (comma) {
            last = (struct str){comma + 1, forwarded.n - (size_t)(comma + 1 - forwarded.p)};
            forwarded.n = (size_t)(comma - forwarded.p);
        } else {
            forwarded = STR_NULL;
        }
        struct address next;
        if (!address_parse(last, &next))
            break;
        client = next;
    }
    return client;
}
