// SPDX-License-Identifier: Apache-2.0
// An origin is taken apart once into scheme, host and port; the host is brought to its xn-- form (UTS #46, so that
// full-width letters and other spellings of the same name are equal) and then compared with each entry.
#include "http/origin.h"

#include <ctype.h>
#include <stdio.h>

#include <unicode/uidna.h>

struct origin {
    bool https;
    int port;
    char host[256];
};

static const UIDNA *idna(void)
{
    static const UIDNA *made;
    const UIDNA *got = __atomic_load_n(&made, __ATOMIC_ACQUIRE);
    if (got)
        return got;
    UErrorCode status = U_ZERO_ERROR;
    UIDNA *new = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ, &status);
    const UIDNA *none = NULL;
    if (U_FAILURE(status))
        return NULL;
    if (__atomic_compare_exchange_n(&made, &none, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return new;
    uidna_close(new); // another thread was first
    return none;
}

// Lower-case xn-- form without a final dot. IPv6 literals keep their brackets.
static bool host_canonical(struct str host, char out[256])
{
    bool plain = true, v6 = host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (host.n == 0 || host.n > 255)
        return false;
    for (size_t i = 0; i < host.n; i++) {
        unsigned char c = (unsigned char)host.p[i];
        if (c <= ' ' || c == 0x7f || strchr("/?#@\\%", c) || (!v6 && strchr("[]:", c)))
            return false;
        if (c >= 0x80)
            plain = false;
        out[i] = (char)(c < 0x80 ? tolower(c) : c);
    }
    size_t n = host.n;
    if (!plain) {
        if (v6 || !idna())
            return false;
        UErrorCode status = U_ZERO_ERROR;
        UIDNAInfo info = UIDNA_INFO_INITIALIZER;
        int32_t got = uidna_nameToASCII_UTF8(idna(), host.p, (int32_t)host.n, out, 255, &info, &status);
        // A final dot is an empty label to the library, and ours to drop.
        if (U_FAILURE(status) || got <= 0 || got > 255 || (info.errors & ~(uint32_t)UIDNA_ERROR_EMPTY_LABEL))
            return false;
        n = (size_t)got;
    }
    if (n > 0 && out[n - 1] == '.')
        n--;
    out[n] = '\0';
    return n > 0 && out[0] != '.' && !strstr(out, "..");
}

// Splits "host[:port]"; port -1 when absent.
static bool host_split(struct str text, struct str *ret_host, int *ret_port)
{
    const char *colon = memrchr(text.p, ':', text.n), *bracket = memrchr(text.p, ']', text.n);
    *ret_host = text;
    *ret_port = -1;
    if (!colon || (bracket && colon < bracket))
        return true;
    int64_t port;
    struct str digits = {colon + 1, text.n - (size_t)(colon + 1 - text.p)};
    if (digits.n > 5 || !str_to_int(digits, 0, 65535, &port))
        return false;
    ret_host->n = (size_t)(colon - text.p);
    *ret_port = (int)port;
    return true;
}

static bool origin_parse(struct str text, struct origin *ret)
{
    struct str lower = {text.p, text.n < 8 ? text.n : 8};
    if (lower.n >= 8 && str_eq_nocase(lower, STR("https://"))) {
        ret->https = true;
    } else if (lower.n >= 7 && str_eq_nocase((struct str){lower.p, 7}, STR("http://"))) {
        ret->https = false;
    } else {
        return false;
    }
    size_t skip = ret->https ? 8 : 7;
    struct str host, rest = {text.p + skip, text.n - skip};
    if (rest.n == 0 || !host_split(rest, &host, &ret->port) || !host_canonical(host, ret->host))
        return false;
    if (ret->port < 0)
        ret->port = ret->https ? 443 : 80;
    return true;
}

static bool origin_same(const struct origin *a, const struct origin *b)
{
    return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

static bool below(const char *host, const char *domain)
{
    size_t h = strlen(host), d = strlen(domain);
    return h > d + 1 && host[h - d - 1] == '.' && strcmp(host + h - d, domain) == 0;
}

static bool entry_matches(struct str entry, const struct origin *origin)
{
    entry = str_trim(entry);
    if (str_eq(entry, STR("*")))
        return true;
    if (str_find(entry, STR("://")) >= 0) {
        struct origin exact;
        return origin_parse(entry, &exact) && origin_same(&exact, origin);
    }
    bool subdomains = str_starts(entry, STR("*."));
    if (subdomains)
        entry = (struct str){entry.p + 2, entry.n - 2};
    char host[256];
    if (!host_canonical(entry, host))
        return false;
    return below(origin->host, host) || (!subdomains && strcmp(origin->host, host) == 0);
}

bool origin_is_localhost(struct str host)
{
    return str_eq(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("[::1]"));
}

bool origin_host(struct str value, char out[256])
{
    struct str host;
    int port;
    ptrdiff_t scheme = str_find(value, STR("://"));
    if (scheme >= 0)
        value = (struct str){value.p + scheme + 3, value.n - (size_t)scheme - 3};
    return value.n > 0 && host_split(value, &host, &port) && host_canonical(host, out);
}

bool origin_allowed(struct str origin, struct str public_url, enum origin_localhost localhost,
                    const struct str *domains, size_t n_domains)
{
    if (!origin.p)
        return true;
    if (str_eq(origin, STR("null"))) {
        for (size_t i = 0; domains && i < n_domains; i++)
            if (str_eq(str_trim(domains[i]), STR("null")))
                return true;
        return !domains;
    }
    struct origin asked, own;
    if (!origin_parse(origin, &asked))
        return false;
    if (public_url.n > 0 && public_url.p[public_url.n - 1] == '/')
        public_url.n--;
    if (public_url.p && origin_parse(public_url, &own) && origin_same(&asked, &own))
        return true;
    if (localhost == ORIGIN_LOCALHOST_ALWAYS && origin_is_localhost(str_from(asked.host)))
        return true;
    if (!domains)
        return true;
    for (size_t i = 0; i < n_domains; i++)
        if (entry_matches(domains[i], &asked))
            return true;
    return false;
}
