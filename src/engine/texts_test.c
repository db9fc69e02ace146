// SPDX-License-Identifier: Apache-2.0
#include "engine/texts.h"

#include "base/test.h"
#include "base/utf8.h"

static const char *const TAGS[] = {"en", "pt-BR", "th", "ja", "zh", "id", "de", "es", "fr", "ar"};

TEST(every_language_has_every_text_with_its_places)
{
    for (size_t i = 0; i < sizeof TAGS / sizeof *TAGS; i++)
        for (enum text_key key = 0; key < TEXT_KEYS; key++) {
            struct str text = text_fixed(key, TAGS[i]), english = text_fixed(key, "en");
            assert_true(text.n > 0 && utf8_valid(text));
            if (i > 0 && str_eq(text, english))
                fail_msg("%s has English for key %d", TAGS[i], (int)key);
            assert_int_equal(str_find(text, STR("{0}")) >= 0, str_find(english, STR("{0}")) >= 0);
            assert_int_equal(str_find(text, STR("{1}")) >= 0, str_find(english, STR("{1}")) >= 0);
        }
}

TEST(tags_find_their_row)
{
    static const struct {
        const char *tag, *row;
    } cases[] = {{"pt", "pt-BR"}, {"PT_pt", "pt-BR"}, {"th-TH", "th"}, {"zh-Hant-TW", "zh"}, {"EN", "en"},
                 {"", "en"},      {NULL, "en"},       {"tha", "en"},   {"xx", "en"},         {"e", "en"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(text_language(cases[i].tag), cases[i].row);
    assert_str(text_fixed(TEXT_NO_ANSWER, "pt-PT"), "Não encontrei isso no meu material. Fale com a nossa equipe.");
    assert_string_equal(text_language_name("th"), "Thai");
    assert_string_equal(text_language_name("sv-SE"), "Swedish");
    assert_null(text_language_name("xx"));
    assert_null(text_language_name(NULL));
}

TEST(places_are_filled_once)
{
    AUTO_BUF struct buf out = BUF_INIT(200);
    text_fill(&out, TEXT_CURRENT_PRICE, "en", STR("Skarv {1}"), STR("389.50 USD"));
    assert_str(buf_str(&out), "Current price of Skarv {1}: 389.50 USD.");
}

TEST(keys_have_the_names_of_the_contract)
{
    enum text_key key;
    assert_true(text_key_find(STR("rateLimited"), &key) && key == TEXT_RATE_LIMITED);
    assert_true(text_key_find(STR("thanks"), &key) && key == TEXT_THANKS);
    assert_false(text_key_find(STR("ratelimited"), &key));
    assert_string_equal(text_key_name(TEXT_NO_ANSWER), "noAnswer");
    assert_null(text_key_name(TEXT_REFUSAL));
}
