// SPDX-License-Identifier: Apache-2.0
// A URL that the server may be told to call, read so strictly that nobody reads it in another way: what is called is
// built anew from these parts and never the text itself.
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "outbound/ip.h"

#define URL_LONGEST 2000

struct url {
    bool https;
    bool literal;  // the host is `ip`
    bool local;    // localhost or a name under it
    uint16_t port; // 1..65535, the scheme's when none was said
    struct ip ip;
    char host[256];  // lower case, xn-- form, without final dot; an address in canonical form, without brackets
    struct str rest; // path and query as they came; borrowed, may be empty. A fragment is dropped
};

// http or https; ASCII without spaces and control characters but for the host, which may be an international name
// (UTS #46). ERR_INVALID: no such URL. ERR_DENIED: user info, or a host that is an address in another form than the
// canonical one: octal, hex, decimal, short, with a final dot, with a zone.
int url_parse(struct str text, struct url *ret, struct err *err);
struct str url_text(struct arena *arena, const struct url *url); // "https://host:port/path?query"
