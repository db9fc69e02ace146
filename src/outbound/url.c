// SPDX-License-Identifier: Apache-2.0
#include "outbound/url.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>

#include <unicode/uidna.h>

static pthread_once_t idna_once = PTHREAD_ONCE_INIT;
static UIDNA *idna;

static void open_idna(void)
{
    UErrorCode status = U_ZERO_ERROR;
    idna = uidna_openUTS46(
        UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_USE_STD3_RULES, &status);
    if (U_FAILURE(status))
        idna = NULL;
}

static int no_url(struct err *err, const char *text)
{
    return err_set(err, ERR_INVALID, "%s", text);
}

static int not_allowed(struct err *err, const char *text)
{
    return err_set(err, ERR_DENIED, "%s", text);
}

// Letters, digits, hyphens and underscores in labels of 1..63.
static bool labels_plain(const char *host)
{
    size_t length = 0;
    for (const char *c = host;; c++) {
        if (*c == '.' || *c == '\0') {
            if (length == 0 || length > 63)
                return false;
            length = 0;
            if (*c == '\0')
                return true;
        } else if (isalnum((unsigned char)*c) || *c == '-' || *c == '_') {
            length++;
        } else {
            return false;
        }
    }
}

// Browsers and resolvers read a host as an IPv4 address when its last label is a number.
static bool ends_in_number(const char *host)
{
    const char *dot = strrchr(host, '.'), *last = dot ? dot + 1 : host;
    if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
        return last[2 + strspn(last + 2, "0123456789abcdefABCDEF")] == '\0';
    return *last && last[strspn(last, "0123456789")] == '\0';
}

static int set_literal(struct url *url, struct str text, struct err *err)
{
    if (!ip_parse(text, &url->ip))
        return not_allowed(err, "the host is no canonical address");
    url->literal = true;
    ip_text(&url->ip, url->host); // a mapped address becomes the IPv4 address that it is
    return 0;
}

static int set_name(struct url *url, struct str text, struct err *err)
{
    bool plain = true, dot = text.n > 1 && text.p[text.n - 1] == '.';
    struct str name = {text.p, text.n - dot};
    size_t n = name.n;
    if (name.n == 0 || name.n > 253)
        return no_url(err, "the host is missing or too long");
    for (size_t i = 0; i < name.n; i++) {
        url->host[i] = (char)tolower((unsigned char)name.p[i]);
        plain &= (unsigned char)name.p[i] < 0x80;
    }
    if (!plain) {
        UErrorCode status = U_ZERO_ERROR;
        UIDNAInfo info = UIDNA_INFO_INITIALIZER;
        pthread_once(&idna_once, open_idna);
        int32_t got = idna ? uidna_nameToASCII_UTF8(idna, name.p, (int32_t)name.n, url->host, 254, &info, &status) : 0;
        if (got <= 0 || got > 253 || U_FAILURE(status) || info.errors)
            return no_url(err, "the host is no name");
        n = (size_t)got;
    }
    url->host[n] = '\0';
    if (ends_in_number(url->host)) // also what only became a number by folding
        return plain && !dot ? set_literal(url, name, err) : not_allowed(err, "the host is no canonical address");
    if (!labels_plain(url->host))
        return no_url(err, "the host is no name");
    url->local = strcmp(url->host, "localhost") == 0 || str_ends(str_from(url->host), STR(".localhost"));
    return 0;
}

static int set_port(struct url *url, struct str digits, struct err *err)
{
    int64_t port;
    bool number = digits.n > 0 && digits.n <= 5 && digits.p[0] != '0' && isdigit((unsigned char)digits.p[0]);
    if (!number || !str_to_int(digits, 1, 65535, &port))
        return no_url(err, "the port is no number of 1 to 65535");
    url->port = (uint16_t)port;
    return 0;
}

static int set_authority(struct url *url, struct str text, struct err *err)
{
    struct str host = text, port = STR_NULL;
    if (memchr(text.p, '@', text.n))
        return not_allowed(err, "user information in a URL is not allowed");
    bool bracket = text.n > 0 && text.p[0] == '[';
    const char *from = bracket ? memchr(text.p, ']', text.n) : text.p;
    if (!from)
        return no_url(err, "a bracket is not closed");
    const char *colon = memchr(from, ':', text.n - (size_t)(from - text.p));
    if (colon) {
        host.n = (size_t)(colon - text.p);
        port = (struct str){colon + 1, text.n - host.n - 1};
    }
    if (bracket && host.n != (size_t)(from - text.p) + 1)
        return no_url(err, "a port begins with a colon");
    url->port = url->https ? 443 : 80;
    int rc = colon ? set_port(url, port, err) : 0;
    if (rc || !bracket)
        return rc ? rc : set_name(url, host, err);
    struct str inner = {host.p + 1, host.n - 2};
    return inner.n && memchr(inner.p, ':', inner.n) ? set_literal(url, inner, err)
                                                    : not_allowed(err, "the host is no canonical address");
}

static bool visible(struct str text, bool ascii)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c <= ' ' || c == 0x7f || c == '\\' || (ascii && c >= 0x80))
            return false;
    }
    return true;
}

int url_parse(struct str text, struct url *ret, struct err *err)
{
    struct url url = {0};
    size_t scheme = str_starts(text, STR("https://")) ? 8 : str_starts(text, STR("http://")) ? 7 : 0;
    if (!scheme) // in capitals too
        for (size_t i = 7; i <= 8; i++)
            if (text.n >= i && str_eq_nocase((struct str){text.p, i}, i == 8 ? STR("https://") : STR("http://")))
                scheme = i;
    if (!scheme || text.n > URL_LONGEST * 4)
        return no_url(err, "an http or https URL is needed");
    url.https = scheme == 8;
    struct str rest = {text.p + scheme, text.n - scheme};
    size_t n = 0, whole = rest.n;
    while (n < rest.n && !memchr("/?#", rest.p[n], 3))
        n++;
    const char *fragment = memchr(rest.p + n, '#', rest.n - n);
    if (fragment)
        whole = (size_t)(fragment - rest.p);
    url.rest = (struct str){rest.p + n, whole - n};
    struct str authority = {rest.p, n};
    if (!visible(authority, false) || !visible((struct str){rest.p + n, rest.n - n}, true))
        return no_url(err, "a URL has no spaces, control characters, backslashes or unescaped letters beyond ASCII");
    int rc = set_authority(&url, authority, err);
    if (!rc)
        *ret = url;
    return rc;
}

struct str url_text(struct arena *arena, const struct url *url)
{
    bool v6 = strchr(url->host, ':') != NULL;
    bool slash = url->rest.n == 0 || url->rest.p[0] != '/';
    return arena_strf(arena, "%s://%s%s%s:%u%s" STR_FMT, url->https ? "https" : "http", v6 ? "[" : "", url->host,
                      v6 ? "]" : "", (unsigned)url->port, slash ? "/" : "", STR_ARG(url->rest));
}
