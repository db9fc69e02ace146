// SPDX-License-Identifier: Apache-2.0
#include "engine/guard.h"

#include "base/test.h"
#include "engine/money.h"

static const struct guard_product PRODUCTS[] = {
    {STR("laptop-002"), STR("Halden Slate 14"), 1349 * MONEY_ONE},
    {STR("laptop-003"), STR("Norrby Quill 13"), 899 * MONEY_ONE},
    {STR("laptop-004"), STR("Norrby Quill 13 LTE"), 1049 * MONEY_ONE},
    {STR("audio-001"), STR("Reed Quiet Over-Ear"), 329 * MONEY_ONE},
    {STR("p-5"), STR("軽量テント"), 48000 * MONEY_ONE},
    {STR("p-6"), STR("เต็นท์สการ์ฟ"), 12900 * MONEY_ONE},
    {STR("free"), STR("Sticker Set"), 0},
};
#define N (sizeof PRODUCTS / sizeof *PRODUCTS)

static const struct {
    const char *answer;
    int product; // -1 = no correction
    int64_t stated;
} CASES[] = {
    // 001-brands#18
    {"The Halden Slate 14 costs $999.", 0, 999},
    {"Save $100 on the Halden Slate 14.", -1, 0},
    {"The Halden Slate 14 costs 1,349.00 USD.", -1, 0},
    {"The Halden Slate 14 costs 1,350 USD.", -1, 0}, // within 0.5 %
    {"The Halden Slate 14 costs 1,356 USD.", 0, 1356},
    {"The Halden Slate 14 costs 999.", -1, 0}, // no currency mark
    {"The halden slate 14 is 999 dollars", 0, 999},
    {"The Slate 14 is only €999!", 0, 999},
    {"Halden Slate 14 USD 1,349.00", -1, 0},
    {"Halden Slate 14 USD 999", 0, 999},
    {"Halden Slate 14 $999", 0, 999},
    {"The Halden Slate 14 is light. It costs $999.", -1, 0}, // the second sentence names nothing
    {"Halden Slate 14 or Norrby Quill 13 for $999.", -1, 0}, // two products
    {"The Norrby Quill 13 LTE costs $899.", 2, 899},
    {"The Norrby Quill 13 costs $899.", -1, 0},
    {"The Reed Quiet Over-Ear costs $300.", 3, 300}, // "over" is part of the name
    {"The Halden Slate 14 has 16 GB and costs 1.349,00 USD.", -1, 0},
    {"The Halden Slate 14 was $1,500.", -1, 0},
    {"The Halden Slate 14 is yours for $56 per month.", -1, 0},
    {"Shipping of the Halden Slate 14 is $20.", -1, 0},
    {"Prices for the Halden Slate 14 start from $1,299.", -1, 0},
    {"- **Halden Slate 14**: $999\n- Norrby Quill 13: $899", 0, 999},
    {"| Halden Slate 14 | $999 |", 0, 999},
    {"O Halden Slate 14 custa R$ 999,00.", 0, 999},
    {"O Halden Slate 14 tem desconto de R$ 100.", -1, 0},
    {"Halden Slate 14 diskon $100.", -1, 0},
    {"軽量テントは30000円です。", 4, 30000},
    {"軽量テントは48,000円です。", -1, 0},
    {"軽量テントは今なら5000円割引です。", -1, 0},
    {"เต็นท์สการ์ฟราคา 9,900 บาทค่ะ", 5, 9900},
    {"เต็นท์สการ์ฟลด 500 บาทค่ะ", -1, 0},
    {"The Sticker Set costs $1.", 6, 1},
    {"The Sticker Set costs $0.", -1, 0},
    {"", -1, 0},
};

TEST(wrong_prices_are_found)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct guard_correction *found;
        size_t n = guard_check(arena, str_from(CASES[i].answer), PRODUCTS, N, &found);
        int product = n ? (int)found[0].product : -1;
        if (product != CASES[i].product || n > 1 || (n && found[0].stated != CASES[i].stated * MONEY_ONE))
            fail_msg("%s: %zu, product %d, stated %lld", CASES[i].answer, n, product,
                     n ? (long long)found[0].stated : 0);
        if (n)
            assert_int_equal(found[0].actual, PRODUCTS[product].price);
    }
}

// 001-brands#18
TEST(corrections_follow_on_lines_of_their_own)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str answer = STR("The Halden Slate 14 costs $999. The Norrby Quill 13 costs $5. The Halden Slate 14 is $9.");
    struct guard_correction *found;
    size_t n = guard_check(arena, answer, PRODUCTS, N, &found);
    assert_int_equal(n, 2);
    assert_str(guard_appendix(arena, answer, PRODUCTS, found, 1, STR("USD"), "en"),
               "\nCurrent price of Halden Slate 14: 1,349.00 USD.");
    assert_str(guard_appendix(arena, answer, PRODUCTS, found, n, STR("USD"), NULL),
               "\nCurrent price of Halden Slate 14: 1,349.00 USD.\nCurrent price of Norrby Quill 13: 899.00 USD.");
    assert_str(guard_appendix(arena, STR("x\n"), PRODUCTS, found, 1, STR("USD"), "pt"),
               "Preço atual de Halden Slate 14: 1,349.00 USD.");
    assert_str(guard_appendix(arena, answer, PRODUCTS, found, 0, STR("USD"), "en"), "");
    assert_str(guard_spoken(arena, PRODUCTS, &found[1], STR("EUR"), "en"), "Norrby Quill 13 costs 899.00 EUR.");
}

TEST(no_products_no_corrections)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct guard_correction *found;
    assert_int_equal(guard_check(arena, STR("It costs $5."), NULL, 0, &found), 0);
}
