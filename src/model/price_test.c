// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include "base/test.h"

TEST(price_parse_table)
{
    static const struct {
        const char *text;
        int64_t price;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"0.0000", 0},
        {"1349.99", 13499900},
        {"1349.990", 13499900},
        {"0.1", 1000},
        {".5", 5000},
        {"5.", 50000},
        {"+2.5", 25000},
        {"-2.5", -25000},
        {"000389.5", 3895000},
        {"0.00004", 0}, // half up at the fifth decimal
        {"0.00005", 1},
        {"0.000049999999999999999999999999999999999", 0},
        {"1.00005", 10001},
        {"1.99995", 20000},
        {"99.99994999", 999999},
        {"9.99995", 100000},
        {"0.00005e0", 1},
        {"5e-5", 1},
        {"4.9e-5", 0},
        {"0.5e-4", 1},
        {"0.0049e-1", 5},
        {"1e2", 1000000},
        {"1E+2", 1000000},
        {"12e-1", 12000},
        {"0.0012e3", 12000},
        {"0e400", 0},
        {"1e400", INT64_MAX}, // out of int64: saturated
        {"-1e400", -INT64_MAX},
        {"1e-400", 0},
        {"1e99999999999999999999999999", INT64_MAX},
        {"1e-99999999999999999999999999", 0},
        {"0e99999999999999999999999999", 0},
        {"922337203685477.5807", INT64_MAX},
        {"922337203685477.5808", INT64_MAX},
        {"922337203685477.5806", INT64_MAX - 1},
        {"922337203685477.58074", INT64_MAX},
        {"1000000000000", INT64_C(10000000000000000)},
        {"999999999999999999999999999999999999999999", INT64_MAX},
        // More digits than are kept, brought back by the exponent.
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890e-76", 12345679},
        {"1234567890123456789012345678901234567890123456789012345678901234e-60", 12345679},
        {"123456789012345678901234567890123456789012345678901234567890123e-59", 12345679},
        {"0.00000000000000000000000000000000000000000000000000000000000000000000000000012345e75", 1235},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t price = 4711;
        assert_true(price_parse(str_from(rows[i].text), &price));
        assert_int_equal(price, rows[i].price);
    }
}

TEST(price_parse_refuses)
{
    static const struct str bad[] = {
        STR_NULL,     STR(""),      STR("-"),   STR("."),    STR("-."),  STR("e5"),    STR("1e"),       STR("1e+"),
        STR("1e5x"),  STR("1e5.0"), STR("1,5"), STR("0x10"), STR("inf"), STR("nan"),   STR(" 1"),       STR("1 "),
        STR("1.2.3"), STR("--1"),   STR("1\0"), STR("$5"),   STR("1-"),  STR("1e--5"), STR("\xC2\xBD"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t price = 4711;
        assert_false(price_parse(bad[i], &price));
        assert_int_equal(price, 4711);
    }
}

TEST(price_text_table)
{
    static const struct {
        int64_t price;
        const char *text;
    } rows[] = {
        {0, "0"},
        {1, "0.0001"},
        {10, "0.001"},
        {1000, "0.1"},
        {10000, "1"},
        {100000, "10"},
        {1000000, "100"},
        {13499900, "1349.99"},
        {13490000, "1349"},
        {-5000, "-0.5"},
        {-1, "-0.0001"},
        {INT64_MAX, "922337203685477.5807"},
        {INT64_MIN, "-922337203685477.5808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        price_text(rows[i].price, text);
        assert_string_equal(text, rows[i].text);
    }
}

TEST(price_text_and_back)
{
    for (int64_t price = -30000; price < 30000; price += 7) {
        char text[32];
        int64_t back;
        price_text(price, text);
        assert_true(price_parse(str_from(text), &back));
        assert_int_equal(back, price);
    }
    for (int64_t price = 1; price < INT64_MAX / 3; price *= 3) {
        char text[32];
        int64_t back;
        price_text(price, text);
        assert_true(price_parse(str_from(text), &back));
        assert_int_equal(back, price);
    }
}
