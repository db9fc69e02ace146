// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include "base/test.h"

static const struct {
    struct str text;
    bool valid;
} samples[] = {
    {STR(""), true},
    {STR("plain"), true},
    {STR("\0"), true},
    {STR("\x7F"), true},
    {STR("\xC2\x80"), true}, // first and last of each length
    {STR("\xDF\xBF"), true},
    {STR("\xE0\xA0\x80"), true},
    {STR("\xED\x9F\xBF"), true},
    {STR("\xEE\x80\x80"), true},
    {STR("\xEF\xBF\xBF"), true},
    {STR("\xF0\x90\x80\x80"), true},
    {STR("\xF4\x8F\xBF\xBF"), true},
    {STR("naïve ขวด 瓶 😀"), true},
    {STR("\x80"), false}, // continuation without start
    {STR("\xBF"), false},
    {STR("a\x80"), false},
    {STR("\xC0\x80"), false}, // overlong
    {STR("\xC1\xBF"), false},
    {STR("\xE0\x80\x80"), false},
    {STR("\xE0\x9F\xBF"), false},
    {STR("\xF0\x80\x80\x80"), false},
    {STR("\xF0\x8F\xBF\xBF"), false},
    {STR("\xED\xA0\x80"), false}, // surrogates
    {STR("\xED\xBF\xBF"), false},
    {STR("\xF4\x90\x80\x80"), false}, // above U+10FFFF
    {STR("\xF5\x80\x80\x80"), false},
    {STR("\xF8\x88\x80\x80\x80"), false},
    {STR("\xFE"), false},
    {STR("\xFF\xFE"), false},
    {STR("\xC3"), false}, // cut off
    {STR("\xE2\x82"), false},
    {STR("\xF0\x9F\x98"), false},
    {STR("\xC3\x28"), false}, // continuation missing
    {STR("\xE2\x28\xA1"), false},
    {STR("\xE2\x82\x28"), false},
    {STR("\xF0\x28\x8C\xBC"), false},
    {STR("\xF0\x90\x28\xBC"), false},
    {STR("\xF0\x90\x8C\x28"), false},
    {STR("\xC3\xC3\xA9"), false},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

TEST(utf8_valid_every_class)
{
    for (size_t i = 0; i < SAMPLES; i++)
        assert_int_equal(utf8_valid(samples[i].text), samples[i].valid);
    assert_true(utf8_valid(STR_NULL));
}

// Eight ASCII bytes are taken at once: each sample at each place around such steps, with more behind it.
TEST(utf8_valid_at_every_place)
{
    char text[64];
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t before = 0; before < 20; before++)
            for (size_t behind = 0; behind < 20; behind++) {
                struct str s = samples[i].text;
                memset(text, 'a', sizeof text);
                memcpy(text + before, s.p, s.n);
                assert_int_equal(utf8_valid((struct str){text, before + s.n + behind}), samples[i].valid);
            }
}

TEST(utf8_feed_across_every_split)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        struct str s = samples[i].text;
        for (size_t first = 0; first <= s.n; first++)
            for (size_t second = first; second <= s.n; second++) {
                struct utf8_state state = {0};
                bool ok = utf8_feed(&state, s.p, first) && utf8_feed(&state, s.p + first, second - first) &&
                          utf8_feed(&state, s.p + second, s.n - second) && utf8_finish(&state);
                assert_int_equal(ok, samples[i].valid);
            }
    }
}

TEST(utf8_feed_fails_at_the_first_hopeless_byte)
{
    struct utf8_state state = {0};
    assert_true(utf8_feed(&state, "\xF0", 1));
    assert_false(utf8_finish(&state));
    assert_false(utf8_feed(&state, "\x8F", 1));
}

TEST(utf8_next_decodes)
{
    struct str s = STR("aé€😀");
    static const uint32_t runes[] = {'a', 0xE9, 0x20AC, 0x1F600};
    size_t pos = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(utf8_next(s, &pos), runes[i]);
    assert_int_equal(pos, s.n);
}

TEST(utf8_next_of_malformed_bytes_moves_by_one)
{
    struct str s = STR("\xE2\x82"
                       "a\xFF\xED\xA0\x80\xF0\x9F");
    static const uint32_t runes[] = {0xFFFD, 0xFFFD, 'a', 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD};
    size_t pos = 0;
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(pos, i);
        assert_int_equal(utf8_next(s, &pos), runes[i]);
    }
    assert_int_equal(pos, s.n);
}

TEST(utf8_encode_and_back)
{
    for (uint32_t rune = 0; rune <= 0x10FFFF; rune += rune < 0x3000 ? 1 : 97) {
        char bytes[4];
        struct str s = {bytes, utf8_encode(rune, bytes)};
        size_t pos = 0;
        bool surrogate = rune >= 0xD800 && rune <= 0xDFFF;
        assert_true(utf8_valid(s));
        assert_int_equal(utf8_next(s, &pos), surrogate ? 0xFFFD : rune);
        assert_int_equal(pos, s.n);
    }
    char bytes[4];
    assert_int_equal(utf8_encode(0x110000, bytes), 3);
    assert_memory_equal(bytes, "\xEF\xBF\xBD", 3);
}

TEST(utf8_counts_and_offsets)
{
    struct str s = STR("aé€😀b");
    static const size_t offsets[] = {0, 1, 3, 6, 10, 11, 11};
    assert_int_equal(utf8_count(s), 5);
    assert_int_equal(utf8_count(STR_NULL), 0);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(utf8_offset(s, i), offsets[i]);
}

TEST(utf8_trims_unicode_spaces)
{
    assert_str(utf8_trim(STR("\xC2\xA0 \xE3\x80\x80"
                             "a b\xE2\x80\x89\xC2\x85\n")),
               "a b");
    assert_str(utf8_trim(STR(" \t\xE2\x80\xA8 ")), "");
    assert_str(utf8_trim(STR("\xE2\x80\x8B"
                             "x")),
               "\xE2\x80\x8B"
               "x"); // U+200B is no space
    assert_str(utf8_trim(STR_NULL), "");
    assert_str(utf8_trim(STR("é")), "é");
}

TEST(utf8_trim_keeps_malformed_bytes)
{
    assert_str(utf8_trim(STR("a \x80")), "a \x80");
    assert_str(utf8_trim(STR(" \x80\x80 ")), "\x80\x80");
    assert_str(utf8_trim(STR("a\xE3\x80\x80\x80")), "a\xE3\x80\x80\x80");
    assert_str(utf8_trim(STR("\x80")), "\x80");
}

TEST(utf8_whole_cuts_only_what_is_begun)
{
    assert_int_equal(utf8_whole(STR("")), 0);
    assert_int_equal(utf8_whole(STR("abc")), 3);
    assert_int_equal(utf8_whole(STR("a\xC3")), 1);
    assert_int_equal(utf8_whole(STR("aé")), 3);
    assert_int_equal(utf8_whole(STR("a\xE2\x82")), 1);
    assert_int_equal(utf8_whole(STR("a\xF0")), 1);
    assert_int_equal(utf8_whole(STR("a\xF0\x9F")), 1);
    assert_int_equal(utf8_whole(STR("a\xF0\x9F\x98")), 1);
    assert_int_equal(utf8_whole(STR("a😀")), 5);
    assert_int_equal(utf8_whole(STR("\x80\x80\x80\x80")), 4); // nothing that could become whole
}
