// SPDX-License-Identifier: Apache-2.0
#include "engine/quote.h"

#include "base/test.h"
#include "base/utf8.h"
#include "engine/money.h"

// Terms as the search would give them: "word=idf word=idf".
static size_t terms_of(struct arena *arena, const char *list, struct search_match *ret)
{
    size_t n = 0;
    struct str rest = str_from(list);
    while (rest.p && rest.n) {
        struct str pair = str_split(&rest, ' '), word = str_split(&pair, '=');
        double idf = 1;
        str_to_double(pair, &idf);
        ret[n++] = (struct search_match){analyse_fold(arena, word), (float)idf, 1};
    }
    return n;
}

#define DELIVERY                                                                                                       \
    "Delivery\nParcels arrive three days after the order. We ship with insured carriers. Orders over 500 USD ship "    \
    "free of charge."
#define RETURNS "How can I return a parcel?\nSend it back within 30 days. The label is in the box."

static const struct {
    const char *terms;
    const char *passages[3];
    const char *want; // sentences joined by |
} CASES[] = {
    {"parcel=3 arrive=4", {DELIVERY}, "Parcels arrive three days after the order."},
    // The answer stands behind the question that shares the words.
    {"return=4 parcel=3", {RETURNS}, "Send it back within 30 days."},
    {"return=4 parcel=3 label=5", {RETURNS}, "Send it back within 30 days.|The label is in the box."},
    // Several terms in several sentences, in document order.
    {"carrier=4 free=4 parcel=4",
     {DELIVERY},
     "Parcels arrive three days after the order.|We ship with insured carriers.|Orders over 500 USD ship free of "
     "charge."},
    // A weak term brings no second sentence.
    {"arrive=8 carrier=0.5", {DELIVERY}, "Parcels arrive three days after the order."},
    // Nothing in common: the beginning of the best passage, without its heading.
    {"", {DELIVERY, RETURNS}, "Parcels arrive three days after the order.|We ship with insured carriers."},
    {"zebra=9", {DELIVERY}, "Parcels arrive three days after the order.|We ship with insured carriers."},
    {"parcel=3", {"Is this a parcel?"}, "Is this a parcel?"},
    {"parcel=3", {""}, ""},
    {"届き=3 きま=3", {"送料は無料です。三日で届きます！返品は三十日以内です。"}, "三日で届きます！"},
    {"送料=3 返品=3",
     {"送料は無料です。三日で届きます！返品は三十日以内です。"},
     "送料は無料です。|返品は三十日以内です。"},
    // The same sentence of two overlapping passages is quoted once.
    {"label=5 box=5", {RETURNS, "The label is in the box. Keep it."}, "The label is in the box."},
    // Two documents, in order of rank.
    {"label=5 insured=5", {RETURNS, DELIVERY}, "The label is in the box.|We ship with insured carriers."},
};

// upstream-llm#1: sentences found verbatim in the sources.
TEST(sentences_are_chosen)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_match terms[16];
        struct quote_passage passages[3];
        size_t n_terms = terms_of(arena, CASES[i].terms, terms), n = 0;
        for (; n < 3 && CASES[i].passages[n]; n++)
            passages[n] =
                (struct quote_passage){arena_strf(arena, "doc%zu", n), 0, str_from(CASES[i].passages[n]), STR_NULL};
        struct quote_sentence found[QUOTE_MAX_SENTENCES];
        size_t count = quote_choose(arena, STR(""), terms, n_terms, passages, n, found);
        AUTO_BUF struct buf got = BUF_INIT(2000);
        for (size_t k = 0; k < count; k++) {
            buf_addf(&got, "%s" STR_FMT, k ? "|" : "", STR_ARG(found[k].text));
            struct str passage = passages[found[k].passage].text; // verbatim: points into its passage
            assert_true(found[k].text.p >= passage.p && found[k].text.p + found[k].text.n <= passage.p + passage.n);
        }
        if (!str_eq(buf_str(&got), str_from(CASES[i].want)))
            fail_msg("%s: <%s> not <%s>", CASES[i].terms, got.n ? got.p : "", CASES[i].want);
    }
}

TEST(passages_of_one_document_are_told_in_its_order)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_match terms[2] = {{STR("label"), 5, 1}, {STR("insured"), 4, 1}};
    struct quote_passage passages[] = {{STR("d"), 7, STR("The label is in the box.")},
                                       {STR("d"), 2, STR("We ship with insured carriers.")}};
    struct quote_sentence found[QUOTE_MAX_SENTENCES];
    assert_int_equal(quote_choose(arena, STR(""), terms, 2, passages, 2, found), 2);
    assert_int_equal(found[0].passage, 1);
    assert_str(quote_text(arena, found, 2, "en"),
               "From our documents:\nWe ship with insured carriers.\nThe label is in the box.");
}

TEST(no_more_than_600_characters_are_quoted)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct buf text = BUF_INIT(10000);
    for (int s = 0; s < 4; s++) {
        buf_addf(&text, "Part %d", s);
        for (int i = 0; i < 50; i++)
            buf_addz(&text, " label");
        buf_addz(&text, ". ");
    }
    struct search_match terms[1] = {{STR("label"), 5, 1}};
    struct quote_passage passage = {STR("d"), 0, buf_str(&text)};
    struct quote_sentence found[QUOTE_MAX_SENTENCES];
    assert_int_equal(quote_choose(arena, STR(""), terms, 1, &passage, 1, found), 1);
    // A single sentence that is too long is cut at a word.
    buf_clear(&text);
    for (int i = 0; i < 300; i++)
        buf_addz(&text, "label ");
    passage.text = buf_str(&text);
    assert_int_equal(quote_choose(arena, STR(""), terms, 1, &passage, 1, found), 1);
    assert_true(utf8_count(found[0].text) <= QUOTE_MAX_CHARACTERS && utf8_count(found[0].text) > 590);
    assert_true(str_ends(found[0].text, STR("label")));
    buf_done(&text);
}

TEST(the_answer_is_the_sum_of_its_parts)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str ja = STR("送料は無料です。三日で届きます！");
    struct quote_sentence two[] = {{0, {ja.p, strlen("送料は無料です。")}},
                                   {0, {ja.p + strlen("送料は無料です。"), strlen("三日で届きます！")}}};
    assert_str(quote_text(arena, two, 2, "ja"), "資料より：\n送料は無料です。三日で届きます！");
    struct quote_sentence en[] = {{0, STR("One.")}, {0, STR("Two.")}};
    assert_str(quote_text(arena, en, 2, "pt-BR"), "Dos nossos documentos:\nOne. Two.");
    assert_str(quote_text(arena, en, 0, "en"), "");
}

TEST(products_have_one_line)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    int64_t price = 389 * MONEY_ONE + 5000;
    assert_str(quote_product(arena, STR("Skarv 2"), price, STR("USD"), true,
                             STR("Two-person tent for three seasons. It weighs 1.6 kg."), "en"),
               "Skarv 2: 389.50 USD, in stock. Two-person tent for three seasons.");
    assert_str(quote_product(arena, STR("Skarv 2"), price, STR("USD"), false, STR(""), "en"),
               "Skarv 2: 389.50 USD, currently unavailable.");
    assert_str(quote_product(arena, STR("Skarv 2"), price, STR("THB"), true, STR("เต็นท์"), "th"),
               "Skarv 2: 389.50 THB, มีสินค้า. เต็นท์");
}

// The title is the heading of the first sentence.
TEST(title_counts_for_the_first_sentence)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_match terms[2] = {{STR("delivery"), 4, 1}, {STR("price"), 6, 1}};
    struct quote_passage passages[] = {{STR("a"), 0, STR("Addresses are kept for delivery."), STR("Privacy")},
                                       {STR("b"), 0, STR("It is 5 euros. Free from 50."), STR("Delivery price")}};
    struct quote_sentence found[QUOTE_MAX_SENTENCES];
    assert_true(quote_choose(arena, STR(""), terms, 2, passages, 2, found) >= 1);
    assert_int_equal(found[0].passage, 1);
    assert_str(found[0].text, "It is 5 euros.");
}

#define HOURS "Delivery desk\nOur desk packs parcels. Say hello. We smile at you. The desk is open from 9:00 to 17:00."
#define PRICES "Parcels go by road. Parcels are insured. A parcel is brown. A parcel costs 79 kroner."
#define WASH "The jacket is warm. The jacket is red. The jacket is new. The jacket must not be washed."

static const struct {
    const char *question, *terms, *passage;
    const char *want; // the sentences, joined by |
} ASKED[] = {
    // Nothing in common: of the best passage what holds the kind, and its beginning.
    {"Quando abre?", "", HOURS, "Our desk packs parcels.|The desk is open from 9:00 to 17:00."},
    {"Wie geht das?", "", HOURS, "Our desk packs parcels.|Say hello."},
    {"运费多少钱", "", PRICES, "Parcels go by road.|A parcel costs 79 kroner."},
    {"ซักได้ไหม", "", WASH, "The jacket is warm.|The jacket must not be washed."},
    // Of equal ones it is always among the three.
    {"Parcels?", "parcel=3", PRICES, "Parcels go by road.|Parcels are insured.|A parcel is brown."},
    {"What does a parcel cost?", "parcel=3", PRICES,
     "Parcels go by road.|Parcels are insured.|A parcel costs 79 kroner."},
    {"Can the jacket be washed?", "jacket=3", WASH,
     "The jacket is warm.|The jacket is red.|The jacket must not be washed."},
    {"Quando chega a caixa?", "caixa=3", "A caixa é azul. A caixa é boa. Eis a caixa. A caixa chega em cinco dias.",
     "A caixa é azul.|A caixa é boa.|A caixa chega em cinco dias."},
    {"ร้านเปิดกี่โมง", "ร้าน=3", "ร้านสีเขียว! ร้านใหญ่! ร้านสวย! ร้านเปิด 10.00 น.", "ร้านสีเขียว!|ร้านใหญ่!|ร้านเปิด 10.00 น."},
    {"創業は何年ですか", "創業=3", "創業者は星です。創業の地は京都です。創業の志です。創業は1932年です。",
     "創業者は星です。|創業の地は京都です。|創業は1932年です。"},
    {"几点关门", "门店=3", "门店很大。门店很新。门店在城里。门店九点半关门。",
     "门店很大。|门店很新。|门店九点半关门。"},
    // It goes before what is worth a little more, and brings nothing that is worth too little.
    {"How much is a parcel by road?", "parcel=5 road=2 brown=2 rain=2",
     "Brown parcels. A parcel by road. A parcel in rain. A parcel is 79 kroner. Parcels.",
     "Brown parcels.|A parcel by road.|A parcel is 79 kroner."},
    {"When do parcels arrive?", "parcel=3 arrive=9", "A parcel of 2009. Parcels arrive by road.",
     "Parcels arrive by road."},
    {"What does insurance cost?", "insurance=9", "Insurance is included. A parcel costs 79 kroner.",
     "Insurance is included."},
};

TEST(what_holds_the_kind_asked_for_goes_first)
{
    for (size_t i = 0; i < sizeof ASKED / sizeof *ASKED; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_match terms[16];
        struct quote_passage passage = {STR("d"), 0, str_from(ASKED[i].passage), STR_NULL};
        struct quote_sentence found[QUOTE_MAX_SENTENCES];
        size_t n_terms = terms_of(arena, ASKED[i].terms, terms);
        size_t n = quote_choose(arena, str_from(ASKED[i].question), terms, n_terms, &passage, 1, found);
        AUTO_BUF struct buf got = BUF_INIT(2000);
        for (size_t k = 0; k < n; k++)
            buf_addf(&got, "%s" STR_FMT, k ? "|" : "", STR_ARG(found[k].text));
        if (!str_eq(buf_str(&got), str_from(ASKED[i].want)))
            fail_msg("%s: <%s> not <%s>", ASKED[i].question, got.n ? got.p : "", ASKED[i].want);
    }
}

#define LAMP "The lamp is brass. It is made in Porto. The cable is two metres. It may hang in a bathroom."
#define BULB "Bulbs are extra. A bulb lasts two years."

static const struct {
    const char *terms, *passages[3], *cosines; // of the sentences as they are asked for
    const char *asked, *want;                  // joined by |
} WEIGHED[] = {
    // Whatever the words say, the nearest one; what follows it is let in more easily than another.
    {"lamp=9",
     {LAMP},
     "0.1 0.2 0.3 0.6",
     "The lamp is brass.|It is made in Porto.|The cable is two metres.|It may hang in a bathroom.",
     "It may hang in a bathroom."},
    {"",
     {LAMP},
     "0.1 0.5 0.4 0.1",
     "The lamp is brass.|It is made in Porto.|The cable is two metres.|It may hang in a bathroom.",
     "It is made in Porto.|The cable is two metres."},
    {"",
     {LAMP},
     "0.1 0.4 0.5 0.1",
     "The lamp is brass.|It is made in Porto.|The cable is two metres.|It may hang in a bathroom.",
     "The cable is two metres."},
    // Words decide among equal ones, and so does the better passage.
    {"cable=9",
     {LAMP},
     "0.4 0.4 0.3 0.1",
     "The cable is two metres.|The lamp is brass.|It is made in Porto.|It may hang in a bathroom.",
     "The lamp is brass.|The cable is two metres."},
    {"",
     {BULB, LAMP},
     "0.2 0.5 0.51 0.1 0.1 0.1",
     "Bulbs are extra.|A bulb lasts two years.|The lamp is brass.|It is made in Porto.|The cable is two metres.|It may "
     "hang in a bathroom.",
     "A bulb lasts two years.|The lamp is brass."},
    // Never more than three, never a question.
    {"",
     {"How long?\n" LAMP},
     "0.5 0.5 0.5 0.5",
     "The lamp is brass.|It is made in Porto.|The cable is two metres.|It may hang in a bathroom.",
     "The lamp is brass.|It is made in Porto.|The cable is two metres."},
    // A single sentence needs no choice.
    {"", {"Bulbs are extra."}, "", "", "Bulbs are extra."},
};

TEST(meaning_chooses_where_it_is_known)
{
    for (size_t i = 0; i < sizeof WEIGHED / sizeof *WEIGHED; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_match terms[16];
        struct quote_passage passages[3];
        struct quote_sentence found[QUOTE_MAX_SENTENCES];
        struct str texts[16], cosines = str_from(WEIGHED[i].cosines);
        float near[16];
        size_t n = 0;
        for (; n < 3 && WEIGHED[i].passages[n]; n++)
            passages[n] =
                (struct quote_passage){arena_strf(arena, "d%zu", n), 0, str_from(WEIGHED[i].passages[n]), STR("Lamps")};
        size_t n_terms = terms_of(arena, WEIGHED[i].terms, terms);
        struct quote *quote = quote_read(arena, STR(""), terms, n_terms, passages, n);
        size_t n_texts = quote_texts(quote, texts, 16);
        AUTO_BUF struct buf asked = BUF_INIT(2000), got = BUF_INIT(2000);
        for (size_t k = 0; k < n_texts; k++) {
            double value = -1;
            assert_true(str_starts(texts[k], STR("Lamps\n")));
            buf_addf(&asked, "%s" STR_FMT, k ? "|" : "", (int)texts[k].n - 6, texts[k].p + 6);
            assert_true(str_to_double(str_split(&cosines, ' '), &value));
            near[k] = (float)value;
        }
        if (n_texts)
            quote_weigh(quote, near);
        size_t count = quote_take(quote, found);
        for (size_t k = 0; k < count; k++)
            buf_addf(&got, "%s" STR_FMT, k ? "|" : "", STR_ARG(found[k].text));
        if (!str_eq(buf_str(&asked), str_from(WEIGHED[i].asked)))
            fail_msg("%zu: asked <%s> not <%s>", i, asked.n ? asked.p : "", WEIGHED[i].asked);
        if (!str_eq(buf_str(&got), str_from(WEIGHED[i].want)))
            fail_msg("%zu: <%s> not <%s>", i, got.n ? got.p : "", WEIGHED[i].want);
    }
}

// What is not among the first is not looked at, and not quoted.
TEST(no_more_sentences_are_weighed_than_asked)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_match terms[1] = {{STR("bathroom"), 5, 1}};
    struct quote_passage passage = {STR("d"), 0, STR(LAMP), STR("Lamps")};
    struct quote_sentence found[QUOTE_MAX_SENTENCES];
    struct str texts[2];
    struct quote *quote = quote_read(arena, STR(""), terms, 1, &passage, 1);
    assert_int_equal(quote_texts(quote, texts, 2), 2);
    assert_str(texts[0], "Lamps\nIt may hang in a bathroom.");
    quote_weigh(quote, (const float[]){0.1f, 0.1f});
    assert_int_equal(quote_take(quote, found), 2);
    assert_str(found[0].text, "The lamp is brass.");
    assert_str(found[1].text, "It may hang in a bathroom.");
}
