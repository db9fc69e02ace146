// SPDX-License-Identifier: Apache-2.0
#include "base/str.h"

#include "base/test.h"

TEST(str_compares)
{
    assert_true(str_eq(STR(""), STR_NULL));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq_nocase(STR("X-Api-Key"), STR("x-aPI-kEY")));
    assert_false(str_eq_nocase(STR("a["), STR("a{"))); // 0x20 apart, no letters
    assert_false(str_eq_nocase(STR("\xC4"), STR("\xE4")));
    assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
    assert_true(str_cmp(STR("b"), STR("abc")) > 0);
    assert_true(str_cmp(STR("\xC3"), STR("z")) > 0); // bytes are unsigned
    assert_int_equal(str_cmp(STR(""), STR_NULL), 0);
}

TEST(str_finds)
{
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR_NULL));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_true(str_ends(STR_NULL, STR("")));
    assert_int_equal(str_find(STR("abcabc"), STR("ca")), 2);
    assert_int_equal(str_find(STR("abc"), STR("")), 0);
    assert_int_equal(str_find(STR_NULL, STR("a")), -1);
    assert_int_equal(str_find(STR("ab"), STR("abc")), -1);
    assert_int_equal(str_find(STR("a\0b"), STR("\0b")), 1);
}

TEST(str_trims)
{
    assert_str(str_trim(STR(" \t\r\n\v\f a b \n")), "a b");
    assert_str(str_trim(STR("   ")), "");
    assert_str(str_trim(STR_NULL), "");
}

TEST(str_splits)
{
    struct str rest = STR("a,,b,");
    assert_str(str_split(&rest, ','), "a");
    assert_str(str_split(&rest, ','), "");
    assert_str(str_split(&rest, ','), "b");
    assert_non_null(rest.p);
    assert_str(str_split(&rest, ','), "");
    assert_null(rest.p);
    struct str empty = STR("");
    assert_str(str_split(&empty, ','), "");
    assert_null(empty.p);
}

TEST(str_to_int_table)
{
    static const struct {
        const char *text;
        int64_t low, high;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", INT64_MIN, INT64_MAX, true, 0},
        {"-0", INT64_MIN, INT64_MAX, true, 0},
        {"+12", INT64_MIN, INT64_MAX, true, 12},
        {"007", INT64_MIN, INT64_MAX, true, 7},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
        {"99999999999999999999999999", INT64_MIN, INT64_MAX, false, 0},
        {"5", 5, 5, true, 5},
        {"4", 5, 9, false, 0},
        {"10", 5, 9, false, 0},
        {"", INT64_MIN, INT64_MAX, false, 0},
        {"-", INT64_MIN, INT64_MAX, false, 0},
        {"+-1", INT64_MIN, INT64_MAX, false, 0},
        {"--1", INT64_MIN, INT64_MAX, false, 0},
        {" 1", INT64_MIN, INT64_MAX, false, 0},
        {"1 ", INT64_MIN, INT64_MAX, false, 0},
        {"1.0", INT64_MIN, INT64_MAX, false, 0},
        {"0x1", INT64_MIN, INT64_MAX, false, 0},
        {"1e3", INT64_MIN, INT64_MAX, false, 0},
        {"\xD9\xA1", INT64_MIN, INT64_MAX, false, 0}, // an Arabic digit
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = 4711;
        assert_int_equal(str_to_int(str_from(rows[i].text), rows[i].low, rows[i].high, &value), rows[i].ok);
        assert_int_equal(value, rows[i].ok ? rows[i].value : 4711);
    }
    int64_t value = 4711;
    assert_false(str_to_int(STR("1\0"), 0, 9, &value));
    assert_false(str_to_int(STR_NULL, 0, 9, &value));
    assert_true(str_to_int((struct str){"123", 2}, 0, 99, &value)); // never reads behind n
    assert_int_equal(value, 12);
}

TEST(str_to_double_table)
{
    static const struct {
        const char *text;
        bool ok;
        double value;
    } rows[] = {
        {"0", true, 0},      {"1.5", true, 1.5},   {"-2.5e3", true, -2500}, {"+.5", true, 0.5},
        {"5.", true, 5},     {"1E+2", true, 100},  {"1e308", true, 1e308},  {"4.9e-324", true, 4.9e-324},
        {"1e309", false, 0}, {"-1e400", false, 0}, {"", false, 0},          {".", false, 0},
        {"e5", false, 0},    {"1e", false, 0},     {"1e+", false, 0},       {"1.2.3", false, 0},
        {"1-2", false, 0},   {"0x10", false, 0},   {"inf", false, 0},       {"nan", false, 0},
        {"1,5", false, 0},   {" 1", false, 0},     {"1 ", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = 4711;
        assert_int_equal(str_to_double(str_from(rows[i].text), &value), rows[i].ok);
        assert_true(value == (rows[i].ok ? rows[i].value : 4711));
    }
    double value = 4711;
    assert_false(str_to_double(STR("1\0"), &value));
    assert_false(str_to_double(STR("1\0002"), &value));
    assert_false(str_to_double(STR_NULL, &value));
    assert_true(str_to_double((struct str){"1234", 2}, &value));
    assert_true(value == 12);
}

TEST(str_hash_tells_texts_apart)
{
    assert_int_equal(str_hash(STR("abc")), str_hash((struct str){"abcd", 3}));
    assert_int_equal(str_hash(STR("")), str_hash(STR_NULL));
    assert_int_not_equal(str_hash(STR("abc")), str_hash(STR("abd")));
    assert_int_not_equal(str_hash(STR("a")), str_hash(STR("a\0")));
}
