// SPDX-License-Identifier: Apache-2.0
// Prices are decimal from end to end: text to an integer of 1/10000 and back, never through binary fractions.
#include "model/model.h"

#include <stdio.h>

enum { DECIMALS = 4, LARGEST_EXPONENT = 400 };

struct decimal { // digits without point (those not kept are far below the precision), and where the point stands
                 // counted from the first digit
    char digits[64];
    size_t n;
    int64_t point;
    bool negative;
};

static bool read_digits(struct str s, size_t *at, struct decimal *d, bool fraction)
{
    size_t start = *at;
    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++) {
        bool counts = d->n || s.p[*at] != '0';
        if (counts && d->n < sizeof d->digits)
            d->digits[d->n++] = s.p[*at];
        if (counts && !fraction)
            d->point++;
        else if (!counts && fraction)
            d->point--; // a leading zero behind the point
    }
    return *at > start;
}

// Beyond LARGEST_EXPONENT all are alike: nothing, or more than fits.
static bool read_exponent(struct str s, int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    size_t at = negative || (s.n && s.p[0] == '+');
    int64_t n = 0;
    if (at == s.n)
        return false;
    for (; at < s.n; at++) {
        if (s.p[at] < '0' || s.p[at] > '9')
            return false;
        n = n > LARGEST_EXPONENT ? n : n * 10 + (s.p[at] - '0');
    }
    *ret = negative ? -n : n;
    return true;
}

static bool read_decimal(struct str s, struct decimal *d)
{
    size_t at = 0;
    *d = (struct decimal){0};
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        d->negative = s.p[at++] == '-';
    bool any = read_digits(s, &at, d, false);
    if (at < s.n && s.p[at] == '.') {
        at++;
        any = read_digits(s, &at, d, true) || any;
    }
    if (any && at < s.n && (s.p[at] | 32) == 'e') {
        int64_t exponent;
        if (!read_exponent((struct str){s.p + at + 1, s.n - at - 1}, &exponent))
            return false;
        d->point += exponent;
        at = s.n;
    }
    return any && at == s.n;
}

bool price_parse(struct str text, int64_t *ret)
{
    struct decimal d;
    if (!read_decimal(text, &d))
        return false;
    int64_t keep = d.point + DECIMALS, price = 0; // digits that count
    bool over = false;
    for (int64_t i = 0; i < keep && !over; i++) {
        int digit = i < (int64_t)d.n ? d.digits[i] - '0' : 0;
        over = d.n && (__builtin_mul_overflow(price, 10, &price) || __builtin_add_overflow(price, digit, &price));
        if (!d.n)
            break;
    }
    bool up = keep >= 0 && keep < (int64_t)d.n && d.digits[keep] >= '5';
    if (over || __builtin_add_overflow(price, up, &price))
        price = INT64_MAX;
    *ret = d.negative ? -price : price;
    return true;
}

void price_text(int64_t price, char out[32])
{
    uint64_t size = price < 0 ? 0 - (uint64_t)price : (uint64_t)price;
    int n = snprintf(out, 32, "%s%llu.%04llu", price < 0 ? "-" : "", (unsigned long long)(size / PRICE_SCALE),
                     (unsigned long long)(size % PRICE_SCALE));
    while (out[n - 1] == '0')
        out[--n] = 0;
    if (out[n - 1] == '.')
        out[--n] = 0;
}
