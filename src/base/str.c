// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"

#include "base/crypto.h"

#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return -1;
    const char *at = memmem(s.p, s.n, needle.p, needle.n);
    return at ? at - s.p : -1;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_split(struct str *rest, char separator)
{
    struct str part = *rest;
    const char *at = part.n ? memchr(part.p, separator, part.n) : NULL;
    if (!at) {
        *rest = STR_NULL;
        return part;
    }
    part.n = (size_t)(at - part.p);
    *rest = (struct str){at + 1, rest->n - part.n - 1};
    return part;
}

bool str_is_choice(const char *choices, struct str text)
{
    struct str rest = str_from(choices);
    while (rest.p)
        if (str_eq(str_split(&rest, '|'), text))
            return true;
    return false;
}

bool str_to_int(struct str s, int64_t lo, int64_t hi, int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    if (negative || (s.n && s.p[0] == '+')) {
        s.p++;
        s.n--;
    }
    if (s.n == 0)
        return false;
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, s.p[i] - '0', &n)) // negative, because INT64_MIN has no counterpart
            return false;
    }
    if (!negative && __builtin_mul_overflow(n, -1, &n))
        return false;
    if (n < lo || n > hi)
        return false;
    *ret = n;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool str_to_double(struct str s, double *ret)
{
    char text[64];
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]) && !memchr("+-.eE", s.p[i], 5))
            return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    char *end;
    double n = strtod(text, &end); // the program never calls setlocale
    if (*end || end == text || !isfinite(n))
        return false;
    *ret = n;
    return true;
}

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void hash_init(void)
{
    crypto_random(hash_key, sizeof hash_key);
}

uint64_t str_hash(struct str s)
{
    pthread_once(&hash_once, hash_init);
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)(s.p ? s.p : ""), s.n, hash_key);
    return hash;
}
