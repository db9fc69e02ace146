// SPDX-License-Identifier: Apache-2.0
// Prices are decimal from end to end: text to an integer of 1/10000 and back, never through binary fractions.
#include "model/model.h"

#include <stdio.h>

enum { DECIMALS = 4, LARGEST_EXPONENT = 400 };

struct decimal { // digits without point, and where the point stands counted from the first digit
    char digits[64];
    size_t n;
    int64_t point;
    bool negative, exact; // exact false: more digits than kept (all beyond are far below the precision)
};

static bool read_digits(struct str s, size_t *at, struct decimal *d, bool fraction)
{
    size_t start = *at;
    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++) {
        if (d->n < sizeof d->digits && (d->n || s.p[*at] != '0'))
            d->digits[d->n++] = s.p[*at];
        else if (d->n == 0 && fraction)
            d->point--; // a leading zero behind the point
        else if (d->n && !fraction)
            d->point++; // a digit too many before the point
        if (!fraction && d->n && d->n < sizeof d->digits)
            d->point = (int64_t)d->n;
    }
    return *at > start;
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
        if (!str_to_int((struct str){s.p + at + 1, s.n - at - 1}, INT64_MIN, INT64_MAX, &exponent))
            return false;
        exponent = exponent > LARGEST_EXPONENT ? LARGEST_EXPONENT : exponent < -LARGEST_EXPONENT ? -LARGEST_EXPONENT : exponent;
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
