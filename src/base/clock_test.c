// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include "base/test.h"

static const struct {
    const char *text;
    int64_t ms;
    const char *shown;
} times[] = {
    {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
    {"2026-03-02T09:15:04.120Z", 1772442904120, "2026-03-02T09:15:04.120Z"},
    {"2026-03-02T16:15:04.12+07:00", 1772442904120, "2026-03-02T09:15:04.120Z"},
    {"2026-03-01T23:45:04.1200000-09:30", 1772442904120, "2026-03-02T09:15:04.120Z"},
    {"2026-03-02t09:15:04.120z", 1772442904120, "2026-03-02T09:15:04.120Z"},
    {"2026-03-02 09:15:04.120Z", 1772442904120, "2026-03-02T09:15:04.120Z"},
    {"2026-03-02T09:15:04.1209Z", 1772442904120, "2026-03-02T09:15:04.120Z"},
    {"2024-02-29T00:00:00Z", 1709164800000, "2024-02-29T00:00:00.000Z"},
    {"2000-02-29T00:00:00Z", 951782400000, "2000-02-29T00:00:00.000Z"},
    {"2016-12-31T23:59:60Z", 1483228800000, "2017-01-01T00:00:00.000Z"}, // a leap second
    {"1969-12-31T23:59:59.500Z", -500, "1969-12-31T23:59:59.500Z"},
    {"1969-12-31T23:59:59Z", -1000, "1969-12-31T23:59:59.000Z"},
    {"0001-01-01T00:00:00Z", -62135596800000, "0001-01-01T00:00:00.000Z"},
    {"9999-12-31T23:59:59.999Z", 253402300799999, "9999-12-31T23:59:59.999Z"},
    {"2026-01-01T00:00:00-00:00", 1767225600000, "2026-01-01T00:00:00.000Z"},
};

TEST(clock_parses_and_prints)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ms = 4711;
        char text[CLOCK_RFC3339_SIZE];
        assert_true(clock_parse(str_from(times[i].text), &ms));
        assert_int_equal(ms, times[i].ms);
        clock_rfc3339(ms, text);
        assert_string_equal(text, times[i].shown);
    }
}

TEST(clock_refuses_what_is_no_time)
{
    static const struct str bad[] = {
        STR_NULL,
        STR(""),
        STR("2026-03-02"),
        STR("2026-03-02T09:15Z"),
        STR("2026-03-02T09:15:04"),
        STR("2026-3-2T09:15:04.0Z"),
        STR("2026-03-02T09:15:04.Z"),
        STR("2026-03-02T09:15:04,5Z"),
        STR("2026-03-02T24:00:00Z"),
        STR("2026-03-02T09:60:00Z"),
        STR("2026-03-02T09:15:61Z"),
        STR("2026-13-02T09:15:04Z"),
        STR("2026-00-02T09:15:04Z"),
        STR("2026-03-00T09:15:04Z"),
        STR("2026-04-31T09:15:04Z"),
        STR("2026-02-29T09:15:04Z"),
        STR("1900-02-29T09:15:04Z"),
        STR("2026-02-31T23:59:60Z"),
        STR("0000-01-01T00:00:00Z"),
        STR("0001-01-01T00:00:00+00:01"), // in the year 0
        STR("9999-12-31T23:59:59-00:01"), // in the year 10000
        STR("2026-03-02T09:15:04+7:00"),
        STR("2026-03-02T09:15:04+0700"),
        STR("2026-03-02T09:15:04+24:00"),
        STR("2026-03-02T09:15:04+07:60"),
        STR("2026-03-02T09:15:04Z "),
        STR(" 2026-03-02T09:15:04Z"),
        STR("2026-03-02T09:15:04Z\0x"),
        STR("2026-03-02T09:15:04.1\0Z"),
        STR("2026-03-02T09:15:04.1234567890123456789012345678901234567890Z"),
        STR("Mon, 02 Mar 2026 09:15:04 GMT"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms = 4711;
        assert_false(clock_parse(bad[i], &ms));
        assert_int_equal(ms, 4711);
    }
}

TEST(clock_prints_within_the_years_it_can_write)
{
    char text[CLOCK_RFC3339_SIZE];
    clock_rfc3339(INT64_MAX, text);
    assert_int_equal(strlen(text), CLOCK_RFC3339_SIZE - 1);
    assert_memory_equal(text, "9999-12-31T23:59:59.", 20);
    clock_rfc3339(INT64_MIN, text);
    assert_int_equal(strlen(text), CLOCK_RFC3339_SIZE - 1);
    assert_memory_equal(text, "0001-01-01T00:00:00.", 20);
}

TEST(clock_http_date)
{
    char text[CLOCK_HTTP_SIZE];
    clock_http(784111777000, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    clock_http(-1, text);
    assert_string_equal(text, "Wed, 31 Dec 1969 23:59:59 GMT");
    clock_http(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(clock_goes_forward_and_can_be_moved)
{
    int64_t mono = clock_mono_ms(), wall = clock_wall_ms(), us = clock_mono_us();
    assert_true(clock_mono_ms() >= mono && clock_wall_ms() >= wall && clock_mono_us() >= us);
    clock_advance(3600000);
    assert_true(clock_mono_ms() >= mono + 3600000);
    assert_true(clock_mono_us() >= us + INT64_C(3600000000));
    assert_true(clock_wall_ms() >= wall + 3600000);
    int64_t later = clock_wall_ms();
    clock_advance(-3600000);
    assert_true(clock_wall_ms() >= later); // wall time stays
}
