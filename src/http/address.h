// SPDX-License-Identifier: Apache-2.0
// Network addresses: canonical text, networks (CIDR), and which address of an X-Forwarded-For chain is the client's.
// An IPv4 address inside IPv6 (::ffff:a.b.c.d) is the IPv4 address.
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <sys/socket.h>

enum address_kind { ADDRESS_NONE, ADDRESS_UNIX, ADDRESS_V4, ADDRESS_V6 };

struct address {
    uint8_t kind;
    uint8_t bytes[16]; // IPv4: the first four
};

#define ADDRESS_TEXT 56 // longest text with a NUL

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". No zone.
bool address_parse(struct str text, struct address *ret);
void address_from(const struct sockaddr *sa, struct address *ret);
void address_text(const struct address *address, char out[ADDRESS_TEXT]); // "unix" and "" for the kinds without one
// Key for limits: IPv6 cut to its /64 ("2001:db8:0:1::/64"), IPv4 as it is.
void address_key(const struct address *address, char out[ADDRESS_TEXT]);
bool address_is_loopback(const struct address *address);

struct networks;
// Entries: an address, a network ("10.0.0.0/8"), or "unix" for peers on Unix sockets. ERR_INVALID names the wrong one.
int networks_new(const struct str *texts, size_t n, struct networks **ret, struct err *err);
void networks_free(struct networks *networks);
bool networks_has(const struct networks *networks, const struct address *address);

// Walks `forwarded` (X-Forwarded-For, all fields joined by commas) from the right while the one who wrote it is
// trusted; returns the nearest untrusted address, or the farthest known one when all are trusted or the next is no
// address.
struct address address_client(const struct networks *trusted, struct address peer, struct str forwarded);
