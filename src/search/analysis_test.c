// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/utf8.h"
#include "search/analysis.h"
#include "search/fold.h"
#include "search/scan.h"

#include <stdlib.h>

// The terms of a text joined by blanks; stop words in brackets.
static struct str shown(struct arena *arena, const char *text)
{
    struct terms terms = analyse(arena, str_from(text), 0);
    struct str all = STR("");
    for (size_t i = 0; i < terms.n; i++) {
        bool stop = terms.at[i].flags & TERM_STOP;
        all = arena_strf(arena, STR_FMT "%s%s" STR_FMT "%s", STR_ARG(all), i ? " " : "", stop ? "[" : "",
                         STR_ARG(terms.at[i].text), stop ? "]" : "");
    }
    return all;
}

#define assert_shown(text, want) assert_string_equal(shown(arena, text).p, want)

static struct str folded(struct arena *arena, const char *word)
{
    return analyse_fold(arena, str_from(word));
}

TEST(analysis_words)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_shown("The Halden Forge costs 2899", "[the] halden forge cost 2899");
    assert_shown("", "");
    assert_shown("  ...!?  ", "");
    assert_shown("It's the dog's bowl, don't you think?", "[it] [s] [the] dog [s] bowl [don] [t] [you] think");
    assert_shown("l'hiver et la tente", "[l] hiver [et] [la] tente");
}

TEST(analysis_offsets_and_positions)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct terms t = analyse(arena, STR("ab laptop-001 cd"), 0);
    assert_int_equal(t.n, 5);
    assert_str(t.at[3].text, "laptop-001");
    assert_int_equal(t.at[3].flags, TERM_CODE);
    assert_int_equal(t.at[3].start, 3);
    assert_int_equal(t.at[3].end, 13);
    assert_int_equal(t.at[3].position, t.at[1].position);
    assert_int_equal(t.at[4].position, 3);
    assert_int_equal(t.at[4].start, 14);
}

TEST(analysis_codes)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_shown("CAS 7732-18-5", "cas 7732 18 5 7732-18-5");
    assert_shown("v1.2/x", "v1 2 x v1.2/x");
    assert_shown("and/or well-known", "[and] [or] well known");
    assert_shown("AB\xE2\x80\x91"
                 "12",
                 "ab 12 ab-12");
    assert_shown("end.", "end");
    struct str longest = {arena_zalloc(arena, 400), 0};
    for (int i = 0; i < 100; i++)
        longest = arena_strf(arena, STR_FMT "%d-", STR_ARG(longest), i % 10);
    struct terms t = analyse(arena, longest, 0);
    assert_int_equal(t.n, 100); // no code of 200 bytes
}

TEST(analysis_folding)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_str(folded(arena, "\xC3\x89T\xC3\x89"), "ete");
    assert_str(folded(arena, "Stra\xC3\x9F"
                             "e"),
               "strass");                                                     // as Strassen would
    assert_str(folded(arena, "\xEF\xBC\xA1\xEF\xBC\xA2\xEF\xBC\x91"), "ab1"); // full width
    assert_str(folded(arena, "e\xCC\x81t\xC3\xA9"), "ete");                   // a combining accent
    assert_str(folded(arena, "\xD0\x81\xD0\xBB\xD0\xBA\xD0\xB0"), "\xD0\xB5\xD0\xBB\xD0\xBA\xD0\xB0"); // ё is е
    assert_str(folded(arena, "\xE0\xB9\x91\xE0\xB9\x92"), "12");                                       // Thai digits
    assert_str(folded(arena, "m\xC2\xB2"), "m2");
    assert_str(folded(arena, "co\xC2\xADoperate"), "cooperate"); // soft hyphen
    // Hindi vowel signs stay.
    assert_str(folded(arena, "\xE0\xA4\x95\xE0\xA5\x80"), "\xE0\xA4\x95\xE0\xA5\x80");
}

TEST(analysis_plurals)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *same[][2] = {{"laptops", "laptop"},
                             {"boxes", "box"},
                             {"batteries", "battery"},
                             {"movies", "movie"},
                             {"cookies", "cookie"},
                             {"watches", "watch"},
                             {"dishes", "dish"},
                             {"glasses", "glass"},
                             {"headaches", "headache"},
                             {"tomatoes", "tomato"},
                             {"shoes", "shoe"},
                             {"ties", "tie"},
                             {"houses", "house"},
                             {"axes", "axe"},
                             {"prices", "price"},
                             {"caches", "cache"},
                             {"produtos", "produto"},
                             {"devolu\xC3\xA7\xC3\xB5"
                              "es",
                              "devolu\xC3\xA7\xC3\xA3o"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct str many = folded(arena, same[i][0]), one = folded(arena, same[i][1]);
        if (!str_eq(many, one))
            fail_msg("%s gives %s, %s gives %s", same[i][0], many.p, same[i][1], one.p);
    }
    assert_str(folded(arena, "status"), "status");
    assert_str(folded(arena, "glass"), "glass");
    assert_str(folded(arena, "gas"), "gas");
    assert_str(folded(arena, "x200s"), "x200s");
}

TEST(analysis_stop_words_depend_on_the_language)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_shown("red hat", "red hat");
    assert_shown("wann hat mein Paket", "[wann] [hat] [mein] paket");
    assert_shown("die cutter", "die cutter");
    assert_shown("Wie ist die Garantie", "[wie] [ist] [die] garanty");
    assert_shown("qual \xC3\xA9 o prazo de entrega", "[qual] [e] [o] prazo [de] entrega");
    assert_shown("berapa lama pengiriman ke Bandung", "[berapa] lama pengiriman [ke] bandung");
    assert_shown("\xC2\xBF"
                 "cu\xC3\xA1nto cuesta el env\xC3\xADo",
                 "[cuanto] cuesta [el] envio");
    assert_true(analyse_is_stop(STR("the")));
    assert_true(analyse_is_stop(STR("nao")));
    assert_false(analyse_is_stop(STR("hat")));
    assert_false(analyse_is_stop(STR("laptop")));
}

TEST(analysis_thai)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_shown("สินค้าตัวนี้ราคาเท่าไหร่ครับ", "สินค้า [ตัว] [นี้] ราคา [เท่า] [ไหร่] [ครับ]");
    assert_shown("ขอ Halden Slate 14 หน่อย", "[ขอ] halden slate 14 [หน่อย]");
    // Sara am stays one sign for the dictionary and is folded after it.
    struct terms t = analyse(arena, STR("ทำความสะอาดน้ำ"), 0);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.at[2].end, STR("ทำความสะอาดน้ำ").n);
    assert_true(str_eq(t.at[2].text, folded(arena, "น้ำ")));
}

TEST(analysis_cjk_pairs)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_shown("怎么退货", "[怎么] [么退] 退货");
    assert_shown("保証は何年ですか", "保証 [証は] [は何] [何年] [年で] [です] [すか]");
    // Endings and short pieces of hiragana carry nothing: the dictionary cuts "は ありますか" wrongly.
    assert_shown("店はありますか", "[店は] [はあ] [あり] [りま] [ます] [すか]");
    assert_shown("売って", "[売っ] [って]");
    assert_shown("きつね", "きつ つね");
    assert_shown("ｶﾞｰﾄﾞ", "ガー ード");
    assert_shown("猫", "猫");
    assert_shown("배송비는 얼마인가요", "배송 송비 [비는] [얼마] [마인] [인가] [가요]");
    assert_shown("スマホケース防水", "スマ マホ ホケ ケー ース [ス防] 防水");
    // Hangul in single letters, as file systems write it.
    assert_shown("\xE1\x84\x87\xE1\x85\xA2\xE1\x84\x89\xE1\x85\xA9\xE1\x86\xBC", "배송");
}

TEST(analysis_index_sees_the_same_terms)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const struct str text = STR("怎么退货 laptops-7 สินค้าตัวนี้ 배송비는 l'été 保証は何年ですか");
    struct terms query = analyse(arena, text, 0), index = analyse_for_index(arena, text);
    assert_int_equal(query.n, index.n);
    for (size_t i = 0; i < query.n; i++) {
        assert_true(str_eq(query.at[i].text, index.at[i].text));
        assert_int_equal(query.at[i].start, index.at[i].start);
        assert_int_equal(index.at[i].flags & TERM_STOP, 0);
    }
}

TEST(analysis_long_runs_keep_every_pair)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    enum { N = 1000 };
    char *text = arena_zalloc(arena, N * 3 + 1);
    for (uint32_t i = 0; i < N; i++)
        utf8_encode(0x4E00 + i, text + (size_t)i * 3);
    struct terms t = analyse_for_index(arena, (struct str){text, N * 3});
    assert_int_equal(t.n, N - 1);
    for (size_t i = 0; i < t.n; i++) {
        assert_int_equal(t.at[i].start, i * 3);
        assert_memory_equal(t.at[i].text.p, text + i * 3, 6);
    }
}

TEST(analysis_bounds)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_int_equal(analyse(arena, STR("a b c d e"), 3).n, 3);
    char *word = arena_alloc(arena, 5000);
    memset(word, 'x', 5000);
    struct terms t = analyse(arena, (struct str){word, 5000}, 0);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.at[0].text.n, FOLD_MAX);
    // Malformed bytes separate.
    t = analyse(arena,
                STR("ab\xFF"
                    "cd\xE0\xB8"
                    "ef"),
                0);
    assert_int_equal(t.n, 3);
    assert_str(t.at[2].text, "ef");
}

// The table for Latin letters must give what ICU gives: a zero-width joiner at the end forces the long way.
TEST(analysis_table_equals_icu)
{
    for (uint32_t c = 0x80; c < 0x250; c++) {
        if (rune_class(c) != RUNE_WORD)
            continue;
        char word[16] = "a", quick[FOLD_MAX], slow[FOLD_MAX];
        size_t n = 1 + utf8_encode(c, word + 1);
        word[n++] = 'B';
        size_t quick_n = fold_word((struct str){word, n}, false, quick);
        memcpy(word + n, "\xE2\x80\x8D", 3);
        size_t slow_n = fold_word((struct str){word, n + 3}, false, slow);
        assert_int_equal(quick_n, slow_n);
        assert_memory_equal(quick, slow, quick_n);
    }
}

TEST(analysis_language)
{
    const struct {
        const char *text, *code;
    } rows[] = {{"How long is the warranty?", "en"},
                {"Qual \xC3\xA9 o prazo de entrega?", "pt"},
                {"ขอ Halden Slate 14 ราคาเท่าไหร่", "th"},
                {"保証は何年ですか", "ja"},
                {"怎么退货", "zh"},
                {"배송비는 얼마인가요", "ko"},
                {"Berapa harga laptop ini?", "id"},
                {"Wie lange ist die Garantie?", "de"},
                {"\xC2\xBF"
                 "Cu\xC3\xA1nto cuesta el env\xC3\xADo?",
                 "es"},
                {"Quel est le prix de la livraison ?", "fr"},
                {"ما هو سعر التوصيل", "ar"},
                {"Hello", "en"},
                {"", ""},
                {"12345 !!", ""},
                {"xqzt", ""},
                {"Сколько стоит", ""},
                {"iPhone 15 Pro 怎么退货", "zh"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(analyse_language(str_from(rows[i].text)), rows[i].code);
}

TEST(analysis_fold_text)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_str(fold_text(arena, STR("  Skarv \t 2\n"), false), "skarv 2");
    assert_str(fold_text(arena, STR("Caf\xC3\xA9?"), false), "caf\xC3\xA9?");
    assert_str(fold_text(arena, STR("How do I RETURN this?!"), true), "how do i return this");
    assert_str(fold_text(arena, STR("\xEF\xBC\xA1\xE3\x80\x82"), true), "a");
    assert_null(fold_text(arena, STR_NULL, false).p);
    char *text = arena_alloc(arena, 513);
    memset(text, 'y', 513);
    assert_null(fold_text(arena, (struct str){text, 513}, false).p);
    assert_int_equal(fold_text(arena, (struct str){text, 512}, false).n, 512);
}
