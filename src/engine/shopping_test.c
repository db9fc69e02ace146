// SPDX-License-Identifier: Apache-2.0
#include "engine/shopping.h"

#include "base/buf.h"
#include "base/test.h"
#include "engine/money.h"

// What was understood: S shopping, C cue, P price words, G general word, W whole catalogue, X contradiction, <
// cheapest, > dearest, limits, then the query words.
static void describe(const struct shopping *s, struct buf *out)
{
    char number[MONEY_NUMBER_SIZE];
    buf_addf(out, "%s%s%s%s%s%s%s%s", s->is_shopping ? "S" : "", s->has_cue_words ? "C" : "",
             s->has_price_words ? "P" : "", s->has_general_word ? "G" : "", s->whole_catalogue ? "W" : "",
             s->contradiction ? "X" : "", s->order == SHOPPING_CHEAPEST ? "<" : "",
             s->order == SHOPPING_DEAREST ? ">" : "");
    if (s->price_min != INT64_MIN) {
        money_number(s->price_min, number);
        buf_addf(out, " min=%s", number);
    }
    if (s->price_max != INT64_MAX) {
        money_number(s->price_max, number);
        buf_addf(out, " max=%s", number);
    }
    for (size_t i = 0; i < s->n_excluded; i++)
        buf_addf(out, " -" STR_FMT, STR_ARG(s->excluded[i]));
    if (s->by.row)
        buf_addz(out, s->by.largest ? " largest" : " smallest");
    size_t words = 0;
    for (size_t i = 0; i < s->terms.n; i++)
        if (!(s->terms.at[i].flags & (TERM_STOP | TERM_CUE))) {
            buf_addf(out, " " STR_FMT, STR_ARG(s->terms.at[i].text));
            words++;
        }
    assert_int_equal(words, s->n_query_words);
}

static const struct {
    const char *message, *want;
} CASES[] = {
    {"A backpack, but not the Elg", " -elg backpack"},
    {"sleeping bags without down under 200", "SP max=200 -down sleeping bag"},
    {"the lightest backpack", " smallest backpack"},
    {"cheapest thing in your shop", "SPGW<"},
    // 001-brands#14
    {"What is your cheapest laptop?", "SP< laptop"},
    {"What is your cheapest product?", "SPGW<"},
    // 001-brands#15
    {"I am looking for a laptop under $1200", "SCP max=1200 laptop"},
    {"Which laptop is good for video editing?", " laptop good video editing"},
    // 001-brands#16
    {"Hello", " hello"},
    {"Do you sell bicycles?", "SC bicycle"},
    {"Show me your products", "SCGW"},
    {"cheapest bicycle", "SP< bicycle"},
    {"", ""},
    // Limits
    {"laptop below 1.5 jt", "SP max=1500000 laptop"},
    {"laptops between 500 and 900", "SP min=500 max=900 laptop"},
    {"laptops from 500 to 900", "SP min=500 max=900 laptop"},
    {"laptops from 500", " laptop 500"},
    {"laptop max 2k", "SP max=2000 laptop"},
    {"laptop 2k max", "SP max=2000 laptop"},
    {"a laptop for no more than 1,200.50 USD", "SP max=1200.5 laptop"},
    {"a laptop for less than about 1200 euros", "SP max=1200 laptop"},
    {"my budget is 1200, laptop", "SP max=1200 laptop"},
    {"budget of $500-$900 for a laptop", "SP min=500 max=900 laptop"},
    {"budget laptop", " budget laptop"},
    {"laptop at least 1000 and at most 2000", "SP min=1000 max=2000 laptop"},
    {"over 500 but under 300", "SPWX min=500 max=300"},
    {"phones for $500 or less", "SP max=500 phone"},
    {"phones $500 and up", "SP min=500 phone"},
    {"phones $500-$900", "SP min=500 max=900 phone"},
    {"between 900 and 500", "SPW min=500 max=900"},
    {"between 1 and 2 million rupiah", "SPW min=1000000 max=2000000"},
    {"What do you have under $50?", "SCPW max=50"},
    {"What does the Slate 14 cost?", "SC slate 14"},
    // Units are no amounts.
    {"laptop under 2 kg", " laptop 2 kg"},
    {"laptop with at least 16 GB under 2000", "SP max=2000 laptop 16 gb"},
    {"monitor over 27 inch", " monitor 27 inch"},
    {"monitor between 13 and 15 inch", " monitor 13 15 inch"},
    {"monitor under 13-15 inch", " monitor 13 15 13-15 inch"},
    {"tent for at most 2 sleepers", " tent 2 sleeper"},
    {"tent for 2 to 4 people below 900", "SP max=900 tent 2 4 people"},
    {"Are you open from 9 to 17?", NULL},
    {"tents from 9 to 17 euros", "SP min=9 max=17 tent"},
    {"Ist bis 18 Uhr offen?", NULL},
    {"phone under 50 bucks", "SP max=50 phone"},
    {"a disk of 16 GB or more for up to 900", "SP max=900 disk 16 gb"},
    {"monitor above 27\"", " monitor 27"},
    // Order
    {"most expensive phone", "SP> phone"},
    {"least expensive phone", "SP< phone"},
    {"phone with the lowest price", "SP< phone"},
    {"compare the cheapest and the most expensive phone", "SCP phone"},
    {"cheap phone", "SC phone"},
    {"Prices of phones", "SC phone"},
    {"something in-stock", "SC"},
    {"Aurora X2 vs Aurora X3", "SC aurora x2 aurora x3"},
    // Indonesian
    {"laptop termurah", "SP< laptop"},
    {"laptop di bawah 5 juta", "SP max=5000000 laptop"},
    {"laptop dibawah Rp 5.000.000", "SP max=5000000 laptop"},
    {"berapa harga laptop ini?", "SC laptop"},
    {"tas antara 200 dan 500 ribu", "SP min=200000 max=500000 tas"},
    {"tas paling mahal 500rb", "SP max=500000 tas"},
    {"tas paling mahal", "SP> tas"},
    {"tas 500rb ke bawah", "SP max=500000 tas"},
    {"tampilkan produk termahal", NULL},
    // Portuguese
    {"notebook mais barato", "SP< notebook"},
    {"notebook abaixo de R$ 3.000,00", "SP max=3000 notebook"},
    {"quanto custa o notebook?", "SC notebook"},
    {"notebook entre 2 e 3 mil reais", "SP min=2000 max=3000 notebook"},
    {"notebook de 2000 a 3000 reais", "SP min=2000 max=3000 notebook"},
    // Thai
    {"ราคาเท่าไหร่", "SC"},
    {"สินค้าถูกที่สุด", "SPGW<"},
    {"แพงที่สุด", "SPW>"},
    {"ไม่เกิน 500 บาท", "SPW max=500"},
    {"ไม่เกิน500บาท", "SPW max=500"},
    {"ราคา 500 ถึง 900 บาท", "SPW min=500 max=900"},
    {"500 บาทขึ้นไป", "SPW min=500"},
    {"ขอดูสินค้าแนะนำ", NULL},
    // Japanese, Chinese
    {"一番安い商品", "SPGW<"},
    {"5万円以下の商品", NULL},
    {"3000円から5000円", "SPW min=3000 max=5000"},
    {"最便宜的商品", "SPGW<"},
    {"最贵", "SPW>"},
    {"1000元以下", "SPW max=1000"},
    {"不超过1000元", "SPW max=1000"},
    {"超过1000元", "SPW min=1000"},
    {"500到900元", "SPW min=500 max=900"},
};

TEST(messages_are_understood)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        AUTO_BUF struct buf got = BUF_INIT(1000);
        struct shopping shopping;
        shopping_read(arena, str_from(CASES[i].message), &shopping);
        describe(&shopping, &got);
        if (CASES[i].want && !str_eq(buf_str(&got), str_from(CASES[i].want)))
            fail_msg("%s: <%s> not <%s>", CASES[i].message, got.n ? got.p : "", CASES[i].want);
    }
}

TEST(parts_of_messages_are_understood)
{
    static const struct {
        const char *message;
        bool shopping, price, general;
        int64_t max;
    } cases[] = {
        {"โน้ตบุ๊กราคาไม่เกิน 20,000 บาท", true, true, false, 20000 * MONEY_ONE},
        {"5万円以下の商品を見せて", true, true, true, 50000 * MONEY_ONE},
        {"tampilkan produk termahal", true, true, true, INT64_MAX},
        {"ขอดูสินค้าแนะนำ", true, false, true, INT64_MAX},
        {"Are you open from 9 to 17?", false, false, false, INT64_MAX},
        {"Ist bis 18 Uhr offen?", false, false, false, INT64_MAX},
        {"I need a refund", false, false, false, INT64_MAX},
        {"有没有1000元以内的耳机", true, true, false, 1000 * MONEY_ONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct shopping s;
        shopping_read(arena, str_from(cases[i].message), &s);
        if (s.is_shopping != cases[i].shopping || s.has_price_words != cases[i].price ||
            s.has_general_word != cases[i].general || s.price_max != cases[i].max)
            fail_msg("%s", cases[i].message);
    }
}
