// SPDX-License-Identifier: Apache-2.0
#include "engine/money.h"

#include "base/test.h"

#define ONE MONEY_ONE
#define BAD INT64_MIN

static const struct read_case {
    const char *text;
    int64_t free_text, machine;
} READ_CASES[] = {
    // The examples of 001-brands 12.3.
    {"Rp 899.000", 899000 * ONE, 899000 * ONE},
    {"$1,399", 1399 * ONE, 1399 * ONE},
    {"12.500", 12500 * ONE, 12 * ONE + 5000},
    {"12,500", 12500 * ONE, 12500 * ONE},
    {"Rp 12.500.000", 12500000 * ONE, 12500000 * ONE}, // 001-brands#35
    // Both marks: the later is the decimal mark.
    {"1,349.00", 1349 * ONE, 1349 * ONE},
    {"1.349,00", 1349 * ONE, 1349 * ONE},
    {"1.234.567,89", 1234567 * ONE + 8900, 1234567 * ONE + 8900},
    {"1,234,567.8912", 1234567 * ONE + 8912, 1234567 * ONE + 8912},
    {"1,234.567,8", BAD, BAD},
    // One mark.
    {"389.5", 389 * ONE + 5000, 389 * ONE + 5000},
    {"389,5", 389 * ONE + 5000, 389 * ONE + 5000},
    {"0.500", 5000, 5000},
    {"0,500", 5000, 5000},
    {"1234.567", 1234 * ONE + 5670, 1234 * ONE + 5670},
    {"12.5000", 12 * ONE + 5000, 12 * ONE + 5000},
    {".99", 9900, 9900},
    {"1,23,456", 123456 * ONE, 123456 * ONE},
    {"1.2.3", BAD, BAD},
    {"12.05.2024", BAD, BAD},
    // Marks of currencies, spaces, ways to write round prices.
    {"1 299,00 kr", 1299 * ONE, 1299 * ONE},
    {"1\xC2\xA0"
     "299,00 EUR",
     1299 * ONE, 1299 * ONE},
    {"1'299.50 CHF", 1299 * ONE + 5000, 1299 * ONE + 5000},
    {"R$ 1.234,56", 1234 * ONE + 5600, 1234 * ONE + 5600},
    {"NT$12,500", 12500 * ONE, 12500 * ONE},
    {"USD 12.500", 12500 * ONE, 12500 * ONE},
    {"Rp. 500.000,-", 500000 * ONE, 500000 * ONE},
    {"฿1,290", 1290 * ONE, 1290 * ONE},
    {"1,290 บาท", 1290 * ONE, 1290 * ONE},
    {"5980円", 5980 * ONE, 5980 * ONE},
    {"¥ 5,980", 5980 * ONE, 5980 * ONE},
    {"１２，５００円", 12500 * ONE, 12500 * ONE},
    {"๑,๒๙๐ บาท", 1290 * ONE, 1290 * ONE},
    {"19.-", 19 * ONE, 19 * ONE},
    {" 19 ", 19 * ONE, 19 * ONE},
    {"0", 0, 0},
    // Decimals are rounded half up.
    {"1.23455", ONE + 2346, ONE + 2346},
    {"1.23454", ONE + 2345, ONE + 2345},
    {"0.99995", ONE, ONE},
    // Bounds.
    {"1000000000000", MONEY_MAX, MONEY_MAX},
    {"1000000000000.01", BAD, BAD},
    {"99999999999999999999999999", BAD, BAD},
    {"0.0000000000000000000000000000000000000000000001", BAD, BAD},
    // Not a price.
    {"", BAD, BAD},
    {"ask us", BAD, BAD},
    {"-5", BAD, BAD},
    {"$-5", BAD, BAD},
    {"5 6", BAD, BAD},
    {"500-600", BAD, BAD},
    {"12 kg", BAD, BAD},
    {"abc12", BAD, BAD},
    {"$", BAD, BAD},
    {"1e3", BAD, 1000 * ONE},
    {"1.5E2", BAD, 150 * ONE},
    {"2.5e-3", BAD, 25},
    {"12345e-4", BAD, ONE + 2345},
    {"1e13", BAD, BAD},
    {"1e", BAD, BAD},
};

TEST(money_read_free_text_and_machine)
{
    for (size_t i = 0; i < sizeof READ_CASES / sizeof *READ_CASES; i++) {
        const struct read_case *row = &READ_CASES[i];
        for (int machine = 0; machine < 2; machine++) {
            int64_t value = BAD, want = machine ? row->machine : row->free_text;
            struct err err = {0};
            int code = money_read(str_from(row->text), machine ? MONEY_MACHINE : MONEY_FREE_TEXT, &value, &err);
            if (value != want || (code == 0) != (want != BAD))
                fail_msg("%s %s: %lld, not %lld", row->text, machine ? "machine" : "free", (long long)value,
                         (long long)want);
            assert_true(code == 0 || (err.code == ERR_INVALID && strstr(err.text, "is not a number")));
        }
    }
}

static const struct next_case {
    const char *text, *want; // value, ! marked, u unit, [start-end]; several separated by spaces
} NEXT_CASES[] = {
    {"a laptop under $1200", "1200![15-20]"},
    {"max 2k", "2000[4-6]"},
    {"di bawah 1.5 jt", "1500000[9-15]"},
    {"di bawah Rp 1,5 juta ya", "1500000![9-20]"},
    {"500rb atau 750 ribu", "500000[0-5] 750000[11-19]"},
    {"between 500 and 900", "500[8-11] 900[16-19]"},
    {"$500-$900", "500![0-4] 900![5-9]"},
    {"16 GB, 15 inch, 15\", 30% and 2 kg", "16u[0-5] 15u[7-14] 15u[16-19] 30u[21-24] 2u[29-33]"},
    {"a 15-inch screen", "15u[2-9]"},
    {"say \"under 500\"", "500[11-14]"},
    {"the Oriole P5 and laptop-002", ""},
    {"on 2026/11/20 at 10:30", ""},
    {"version 1.2.3", ""},
    {"5th, 3rd", ""},
    {"costs 1.349,00 USD.", "1349![6-18]"},
    {"costs 999. 5 left", "999[6-9] 5[11-12]"},
    {"1 299,00 EUR", "1299![0-12]"},
    {"ไม่เกิน500บาท", "500![21-33]"},
    {"5万円以下", "50000![0-7]"},
    {"1000元以内", "1000![0-7]"},
    {"ราคา 2 พันบาท", "2000![13-33]"},
    {"-5 and - 6", "6[9-10]"},
    {"2 million dollars", "2000000![0-17]"},
    {"two", ""},
    {"12345678901234567890123456789012345678901234567890", ""},
};

TEST(money_next_finds_amounts_in_text)
{
    for (size_t i = 0; i < sizeof NEXT_CASES / sizeof *NEXT_CASES; i++) {
        AUTO_BUF struct buf got = BUF_INIT(500);
        struct money_amount amount;
        for (size_t pos = 0; money_next(str_from(NEXT_CASES[i].text), &pos, &amount);) {
            char number[MONEY_NUMBER_SIZE];
            money_number(amount.value, number);
            buf_addf(&got, "%s%s%s%s[%zu-%zu]", got.n ? " " : "", number, amount.marked ? "!" : "",
                     amount.unit ? "u" : "", amount.start, amount.end);
        }
        if (!str_eq(buf_str(&got), str_from(NEXT_CASES[i].want)))
            fail_msg("%s: %s, not %s", NEXT_CASES[i].text, got.n ? got.p : "", NEXT_CASES[i].want);
    }
}

TEST(money_is_written_with_two_decimals_and_thousands)
{
    static const struct {
        int64_t amount;
        const char *currency, *want, *number;
    } cases[] = {
        {1349 * ONE, "USD", "1,349.00 USD", "1349"},
        {389 * ONE + 5000, "USD", "389.50 USD", "389.5"},
        {0, "EUR", "0.00 EUR", "0"},
        {MONEY_MAX, "IDR", "1,000,000,000,000.00 IDR", "1000000000000"},
        {999 * ONE + 9950, "USD", "1,000.00 USD", "999.995"},
        {49, "USD", "0.00 USD", "0.0049"},
        {50, "USD", "0.01 USD", "0.005"},
        {1234567 * ONE, "", "1,234,567.00", "1234567"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF struct buf out = BUF_INIT(100);
        char number[MONEY_NUMBER_SIZE];
        money_write(&out, cases[i].amount, str_from(cases[i].currency));
        assert_string_equal(out.p, cases[i].want);
        money_number(cases[i].amount, number);
        assert_string_equal(number, cases[i].number);
    }
}

TEST(what_was_written_is_read_again)
{
    for (int64_t amount = 1; amount < MONEY_MAX; amount = amount * 7 + 3) {
        int64_t back, cents = amount / 100 * 100;
        AUTO_BUF struct buf out = BUF_INIT(100);
        money_write(&out, cents, STR("USD"));
        assert_int_equal(money_read(buf_str(&out), MONEY_FREE_TEXT, &back, NULL), 0);
        assert_int_equal(back, cents);
        char number[MONEY_NUMBER_SIZE];
        money_number(amount, number);
        assert_int_equal(money_read(str_from(number), MONEY_MACHINE, &back, NULL), 0);
        assert_int_equal(back, amount);
    }
}
