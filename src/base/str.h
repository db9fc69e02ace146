// SPDX-License-Identifier: Apache-2.0
// A borrowed run of bytes, not NUL-terminated. `p` NULL means "absent" (SQL NULL, JSON null); `n` is in bytes.
// Passed by value. Whoever made the bytes owns them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NULL ((struct str){NULL, 0})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *text) // NULL gives STR_NULL
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_nocase(struct str a, struct str b); // ASCII case only
int str_cmp(struct str a, struct str b); // bytewise, shorter first
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
// Byte offset of the first occurrence, or -1.
ptrdiff_t str_find(struct str s, struct str needle);
// Drops ASCII white space at both ends.
struct str str_trim(struct str s);
// Cuts `rest` at the first `separator`: returns what stood before it and moves `rest` behind it. At the end of the
// text `rest` becomes STR_NULL. Loop: while (rest.p) { struct str part = str_split(&rest, ','); … }
struct str str_split(struct str *rest, char separator);
// Is `text` one of "a|b|c"?
bool str_is_choice(const char *choices, struct str text);
// Whole text as a decimal integer in lo..hi; false leaves *ret alone.
bool str_to_int(struct str s, int64_t lo, int64_t hi, int64_t *ret);
// Whole text as a finite decimal number (no hex, no inf/nan, locale-independent).
bool str_to_double(struct str s, double *ret);
// 64-bit hash, keyed per process (safe against crafted collisions).
uint64_t str_hash(struct str s);
