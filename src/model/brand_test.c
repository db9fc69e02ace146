// SPDX-License-Identifier: Apache-2.0
#include "model/brand.h"

#include "base/test.h"
#include "model/text.h"

#define A48 "a23456789012345678901234567890123456789012345678"

TEST(brand_id_valid_table)
{
    static const struct {
        struct str id;
        bool valid;
    } rows[] = {
        {STR("a"), true},       {STR("9"), true},
        {STR("nordvik"), true}, {STR("luxury-tech_2"), true},
        {STR(A48), true},       {STR(A48 "9"), false},
        {STR(""), false},       {STR("_a"), false},
        {STR("a-"), false},     {STR("Nordvik"), false},
        {STR("a b"), false},    {STR("a.b"), false},
        {STR("a/b"), false},    {STR("caf\xC3\xA9"), false},
        {STR("a\0b"), false},   {STR_NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(brand_id_valid(rows[i].id), rows[i].valid);
}

TEST(brand_id_reserved_words)
{
    static const char *const words[] = {"active", "history", "welcome", "completion", "feedback"};
    for (size_t i = 0; i < 5; i++)
        assert_true(brand_id_reserved(str_from(words[i])));
    assert_false(brand_id_reserved(STR("active_1")));
    assert_false(brand_id_reserved(STR_NULL));
}

TEST(brand_id_fold_table)
{
    static const struct {
        struct str id;
        const char *folded; // NULL: no brand can have it
    } rows[] = {
        {STR("techpro"), "techpro"},
        {STR("Luxury-Tech"), "luxury_tech"},
        {STR("luxury_tech"), "luxury_tech"},
        {STR(A48), A48},
        {STR(A48 "9"), NULL},
        {STR(""), NULL},
        {STR("-a"), NULL},
        {STR("a b"), NULL},
        {STR("a\0b"), NULL},
        {STR("\xC3\x84pfel"), NULL},
        {STR("a?b"), NULL},
        {STR_NULL, NULL},
        {STR("\xE2\x84\xAA"
             "a"),
         NULL}, // a Kelvin sign is no K
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[BRAND_ID_SIZE];
        assert_int_equal(brand_id_fold(rows[i].id, out), rows[i].folded != NULL);
        if (rows[i].folded)
            assert_string_equal(out, rows[i].folded);
    }
}

TEST(brand_id_given_table)
{
    static const struct {
        struct str id;
        const char *made;
    } rows[] = {
        {STR("Nordvik"), "nordvik"},
        {STR("Test Brand"), "test_brand"},
        {STR("a-B_c"), "a-b_c"},
        {STR(A48), A48},
        {STR(A48 "9"), NULL},
        {STR(" a"), NULL},
        {STR("a!"), NULL},
        {STR("caf\xC3\xA9"), NULL},
        {STR("a\tb"), NULL},
        {STR(""), NULL},
        {STR_NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[BRAND_ID_SIZE];
        assert_int_equal(brand_id_given(rows[i].id, out), rows[i].made != NULL);
        if (rows[i].made)
            assert_string_equal(out, rows[i].made);
    }
}

TEST(brand_id_from_name_table)
{
    static const struct {
        const char *name, *id;
    } rows[] = {
        {"Test Brand", "test_brand"},
        {"Nordvik Outdoor", "nordvik_outdoor"},
        {"  Café  Ünal -- & Söhne! ", "cafe_unal_sohne"},
        {"Ångström", "angstrom"},
        {"A/B\\C", "a_b_c"},
        {"ＦＵＬＬ width ２", "full_width_2"},
        {"São João 24h", "sao_joao_24h"},
        {"__x__", "x"},
        {"Feedback", "feedback"},
        {"1", "1"},
        {"瓶 Tea", "tea"},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee ff", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee"},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeff", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeee"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[BRAND_ID_SIZE];
        brand_id_from_name(str_from(rows[i].name), out);
        assert_string_equal(out, rows[i].id);
        assert_true(brand_id_valid(str_from(out)));
    }
}

TEST(brand_id_from_a_name_without_letters)
{
    static const struct str names[] = {STR("瓶"), STR("!!!"), STR(""), STR("\xFF\xFE"), STR_NULL};
    char before[BRAND_ID_SIZE] = "";
    for (size_t i = 0; i < 5; i++) {
        char out[BRAND_ID_SIZE];
        brand_id_from_name(names[i], out);
        assert_int_equal(strlen(out), 14);
        assert_memory_equal(out, "brand_", 6);
        assert_true(brand_id_valid(str_from(out)));
        assert_string_not_equal(out, before);
        memcpy(before, out, sizeof before);
    }
}

TEST(brand_colours)
{
    assert_true(brand_colour_valid(STR("#1b5")));
    assert_true(brand_colour_valid(STR("#1B5e20")));
    assert_true(brand_colour_valid(STR("#1b5e2080")));
    static const struct str bad[] = {STR("red"),    STR("#12"), STR("#1234"), STR("#12345g"),
                                     STR("1b5e20"), STR(""),    STR_NULL,     STR("#\0\0\0")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(brand_colour_valid(bad[i]));
}

TEST(text_web_urls)
{
    static const struct {
        struct str text;
        bool valid;
    } rows[] = {
        {STR("http://a.example"), true},
        {STR("https://a.example/x?y=%20#z"), true},
        {STR("https://"), false},
        {STR("https:///x"), false},
        {STR("http://?x"), false},
        {STR("http://#x"), false},
        {STR("ftp://a.example"), false},
        {STR("javascript:alert(1)"), false},
        {STR("//a.example"), false},
        {STR("https://a.example/a b"), false},
        {STR("https://a.example/\"onload"), false},
        {STR("https://a.example/<b>"), false},
        {STR("https://a.example/\n"), false},
        {STR("https://a.example/\0"), false},
        {STR(""), false},
        {STR_NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(text_is_web_url(rows[i].text), rows[i].valid);
}

TEST(text_folds)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_str(text_fold_plain(arena, STR("Crème BRÛLÉE")), "creme brulee");
    assert_str(text_fold_plain(arena, STR("")), "");
    assert_str(text_fold_case(arena, STR("STRAßE")), "strasse");
    assert_str(text_fold_case(arena, STR("Ａb")), "ab");
    assert_true(str_eq(text_fold_case(arena, STR("é")), text_fold_case(arena, STR("E\xCC\x81"))));
    assert_str(text_fold_case(arena, STR("A\xFF")), "a\xFF"); // malformed: ASCII alone is folded
}
