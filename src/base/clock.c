// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic int64_t moved_ms;
static _Atomic int64_t last_wall;

static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC) + atomic_load_explicit(&moved_ms, memory_order_relaxed) * 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void)
{
    int64_t now = now_us(CLOCK_REALTIME) / 1000 + atomic_load_explicit(&moved_ms, memory_order_relaxed);
    int64_t before = atomic_load_explicit(&last_wall, memory_order_relaxed);
    while (now > before)
        if (atomic_compare_exchange_weak(&last_wall, &before, now))
            return now;
    return before;
}

void clock_advance(int64_t ms)
{
    atomic_fetch_add(&moved_ms, ms);
}

// The years that RFC 3339 can write.
static const int64_t first_second = -62135596800, last_second = 253402300799;

// Whole seconds since 1970 (rounded down, before it too), kept within those years.
static time_t seconds_of(int64_t wall_ms)
{
    int64_t seconds = wall_ms / 1000 - (wall_ms % 1000 < 0);
    return (time_t)(seconds < first_second ? first_second : seconds > last_second ? last_second : seconds);
}

// Two times stand in each object of a list: printf would be a tenth of the whole reply.
static char *put_digits(char *at, int width, int value, char behind)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    at[width] = behind;
    return at + width + 1;
}

void clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
    time_t seconds = seconds_of(wall_ms);
    int ms = (int)((wall_ms % 1000 + 1000) % 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char *at = put_digits(out, 4, tm.tm_year + 1900, '-');
    at = put_digits(at, 2, tm.tm_mon + 1, '-');
    at = put_digits(at, 2, tm.tm_mday, 'T');
    at = put_digits(at, 2, tm.tm_hour, ':');
    at = put_digits(at, 2, tm.tm_min, ':');
    at = put_digits(at, 2, tm.tm_sec, '.');
    at = put_digits(at, 3, ms, 'Z');
    *at = 0;
}

void clock_http(int64_t wall_ms, char out[CLOCK_HTTP_SIZE])
{
    time_t seconds = seconds_of(wall_ms);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    if (strftime(out, CLOCK_HTTP_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        out[0] = 0;
}

static bool digits(const char **p, int n, int lo, int hi, int *ret)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        value = value * 10 + (**p - '0');
    }
    *ret = value;
    return value >= lo && value <= hi;
}

static bool literal(const char **p, const char *any)
{
    return **p && strchr(any, **p) && (*p)++;
}

static int days_in(int year, int month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool clock_parse(struct str text, int64_t *ret_wall_ms)
{
    char copy[48];
    if (text.n < 20 || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    const char *p = copy;
    struct tm tm = {0};
    int year, month, ms = 0, offset_h = 0, offset_m = 0;
    if (!digits(&p, 4, 1, 9999, &year) || !literal(&p, "-") || !digits(&p, 2, 1, 12, &month) || !literal(&p, "-") ||
        !digits(&p, 2, 1, 31, &tm.tm_mday) || !literal(&p, "Tt ") || !digits(&p, 2, 0, 23, &tm.tm_hour) ||
        !literal(&p, ":") || !digits(&p, 2, 0, 59, &tm.tm_min) || !literal(&p, ":") ||
        !digits(&p, 2, 0, 60, &tm.tm_sec))
        return false;
    if (literal(&p, ".")) {
        int scale = 100;
        if (*p < '0' || *p > '9')
            return false;
        for (; *p >= '0' && *p <= '9'; p++, scale /= 10)
            ms += (*p - '0') * scale;
    }
    int sign = *p == '-' ? -1 : 1;
    if (!literal(&p, "Zz") && (!literal(&p, "+-") || !digits(&p, 2, 0, 23, &offset_h) || !literal(&p, ":") ||
                               !digits(&p, 2, 0, 59, &offset_m)))
        return false;
    if (p != copy + text.n || tm.tm_mday > days_in(year, month))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int64_t seconds = (int64_t)timegm(&tm) - sign * (offset_h * 3600 + offset_m * 60); // :60 is the next minute
    if (seconds < first_second || seconds > last_second)
        return false;
    *ret_wall_ms = seconds * 1000 + ms;
    return true;
}
