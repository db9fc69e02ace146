// SPDX-License-Identifier: Apache-2.0
// An internet address, and whether it belongs to the public internet. An IPv4 address is kept in its mapped form
// (::ffff:a.b.c.d), so that there is one kind of address and one kind of network.
#pragma once

#include "base/str.h"

#include <sys/socket.h>

struct ip {
    uint8_t at[16];
};

#define IP_TEXT 46

// "192.0.2.1" or "2001:db8::1": four plain decimal numbers, or RFC 4291 without zone. Nothing else.
bool ip_parse(struct str text, struct ip *ret);
bool ip_from(const struct sockaddr *sa, struct ip *ret); // false: neither AF_INET nor AF_INET6
void ip_text(const struct ip *ip, char out[IP_TEXT]);    // canonical (RFC 5952), IPv4 with dots
bool ip_is_v4(const struct ip *ip);
bool ip_equal(const struct ip *a, const struct ip *b);
// Neither loopback, private, link-local, carrier NAT, multicast, reserved, documentation, benchmark nor unspecified
// (the IANA special-purpose registries), nor an IPv6 form that embeds such an IPv4 address: mapped, NAT64, 6to4,
// ISATAP. Teredo, IPv4-compatible and every other IPv6 address outside of 2000::/3 are not public at all.
bool ip_public(const struct ip *ip);

struct network {
    struct ip ip;
    unsigned bits; // of the 128
};
bool network_parse(struct str text, struct network *ret); // "10.0.0.0/8", "fd00::/8", or an address alone
bool network_has(const struct network *network, const struct ip *ip);
