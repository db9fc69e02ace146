// SPDX-License-Identifier: Apache-2.0
#include "engine/voice.h"

#include "base/test.h"
#include "base/buf.h"
#include "base/utf8.h"

#include <stdio.h>

static const struct {
    const char *text, *want; // the whole plain form
} PLAIN_CASES[] = {
    {"", ""},
    {"Plain text.", "Plain text."},
    {"**Bold** and *italic*, __so__ and ~~gone~~ `code`", "Bold and italic, so and gone code"},
    {"5*3 and 2 * 4, snake_case, ~5", "5*3 and 2 * 4, snake_case, ~5"},
    {"# Title\n\n- one\n* two\n  + three\n1. four\n> five", "Title one two three four five"},
    {"- [x] done\n- [ ] open", "done open"},
    {"a\n\n| h | i |\n|---|---|\n| 1 | 2 |\n\nb", "a b"},
    {"a\n---\nb\n***\nc", "a b c"},
    {"See [the **guide**](https://x.example/a) now", "See the guide now"},
    {"See https://x.example/a?b=1, or www.x.example.", "See, or."},
    {"ดู https://x.example/ก ได้", "ดู ก ได้"},
    {"Visit (https://x.example) today", "Visit today"},
    {"![picture](a.png) Text", "Text"},
    {"Text [1], more [2, 3].", "Text, more."},
    {"Keep [this] text", "Keep this text"},
    {"a <b>bold</b> x<br>y <https://x.example> 3 < 4 <3", "a bold x y 3 < 4 <3"},
    {"before\n```c\nint x;\n```\nafter", "before after"},
    {"```x``` is code", "x is code"},
    {"before\n```\nnever closed", "before"},
    {"Great 👍🏽 job 🇹🇭 👩‍💻 1️⃣ ok ☎️", "Great job 1 ok"},
    {"\\*not italic\\* C:\\dir", "*not italic* C:\\dir"},
    {"line one\r\nline two", "line one line two"},
    {"[unclosed and *half", "unclosed and half"},
    {"httpd and the whttp:// words", "httpd and the whttp:// words"},
};

TEST(text_is_made_plain)
{
    for (size_t i = 0; i < sizeof PLAIN_CASES / sizeof *PLAIN_CASES; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct str got = voice_plain(arena, str_from(PLAIN_CASES[i].text));
        if (!str_eq(got, str_from(PLAIN_CASES[i].want)))
            fail_msg("%s: <" STR_FMT ">", PLAIN_CASES[i].text, STR_ARG(got));
    }
}

#define LONG_EN                                                                                                        \
    "this is a rather long sentence that has been written in order to see what happens when somebody does not come "   \
    "to an end and goes on about tents and packs and stoves and boots and the many things that one may carry over "    \
    "a mountain or around a lake while the weather changes again from bad xxxxxxxxx"
#define LONG_JA "この商品はとても軽くて持ち運びに便利であり長い旅でも疲れにくい設計になっています"

static const struct {
    const char *text, *want;
    bool cut;
} CASES[] = {
    // 001-brands#30
    {"The Halden Slate 14 costs 1.349,00 USD. It also has a long battery life!",
     "The Halden Slate 14 costs 1.349,00 USD."},
    {"**Yes!** See https://x.example", "Yes!"},
    {"", ""},
    {"| only | a | table |\n", ""},
    {"Yes", "Yes."},
    {"Yes, we do:", "Yes, we do."},
    {"Sure:\n- The Skarv 2 is light.\n- So is the Skarv 3.", "Sure: The Skarv 2 is light."},
    {"No mark here\nsecond line", "No mark here."},
    {"He said \"Yes!\" Then he left.", "He said Yes!"},
    {"(It is great!) Then.", "It is great!"},
    {"Dr. Smith knows. So do I.", "Dr. Smith knows."},
    {"It weighs 1.6 kg… or so", "It weighs 1.6 kg…"},
    {"はい、三日で届きます。ありがとう。", "はい、三日で届きます。"},
    {"はい、三日で届きます", "はい、三日で届きます。"},
    {"有货！请放心。", "有货！"},
    {"有货", "有货。"},
    {"ราคา 1,349.00 บาทค่ะ\nมีสินค้าพร้อมส่ง", "ราคา 1,349.00 บาทค่ะ"},
    {"ราคา 1,349.00 บาทค่ะ! มีของ", "ราคา 1,349.00 บาทค่ะ!"},
    {"มีค่ะ", "มีค่ะ"},
    {"The tent costs 389.50 USD and wei", "The tent costs 389.50 USD and.", true},
    {"The tent costs 389.50 USD.", "The tent costs 389.50 USD.", true},
    {"Wei", "Wei.", true},
    {"The word is \"tent\"", "The word is \"tent\"."},
    {LONG_EN " to worse and back.", LONG_EN "."},
    {LONG_EN " \nto worse and back. Yes.", LONG_EN "."},
    {LONG_JA LONG_JA LONG_JA LONG_JA LONG_JA LONG_JA LONG_JA LONG_JA, NULL},
    {"Skarv 2: 389.50 USD, in stock. Two-person tent for three seasons.", "Skarv 2: 389.50 USD, in stock."},
};

TEST(the_first_sentence_is_spoken)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct str got = voice_sentence(arena, str_from(CASES[i].text), CASES[i].cut);
        assert_true(utf8_count(got) <= VOICE_MAX && utf8_valid(got));
        if (CASES[i].want ? !str_eq(got, str_from(CASES[i].want)) : !str_ends(got, STR("。")) || utf8_count(got) < 290)
            fail_msg("%s: <" STR_FMT ">", CASES[i].text, STR_ARG(got));
    }
}

static void check_stream(struct str text, bool cut, size_t step)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str want = voice_sentence(arena, text, cut);
    struct voice voice;
    voice_init(&voice);
    size_t pos = 0;
    bool complete = false;
    while (pos < text.n && !complete) {
        size_t n = text.n - pos < step ? text.n - pos : step, whole = utf8_whole((struct str){text.p, pos + n}) - pos;
        if (whole == 0)
            utf8_next(text, &(size_t){pos}), whole = utf8_offset((struct str){text.p + pos, text.n - pos}, 1);
        complete = voice_feed(&voice, (struct str){text.p + pos, whole});
        pos += whole;
    }
    struct str got = voice_result(&voice, arena, cut && !complete);
    if (!str_eq(got, want))
        fail_msg("step %zu, stopped at %zu: " STR_FMT ": <" STR_FMT ">, not <" STR_FMT ">", step, pos, STR_ARG(text),
                 STR_ARG(got), STR_ARG(want));
    voice_done(&voice);
}

TEST(a_stream_gives_the_same_sentence_at_every_cut)
{
    for (size_t step = 1; step < 60; step += step < 12 ? 1 : 7) {
        for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
            check_stream(str_from(CASES[i].text), CASES[i].cut, step);
        for (size_t i = 0; i < sizeof PLAIN_CASES / sizeof *PLAIN_CASES; i++) {
            check_stream(str_from(PLAIN_CASES[i].text), false, step);
            char joined[500];
            int n = snprintf(joined, sizeof joined, "%s. %s", PLAIN_CASES[i].text, CASES[i].text);
            check_stream((struct str){joined, utf8_whole((struct str){joined, n < 500 ? (size_t)n : 499})}, false,
                         step);
        }
    }
}

TEST(a_stream_of_any_pieces_gives_the_same_sentence)
{
    static const char *const pieces[] = {
        "**", "*",  "_",     "`",   "```", "~~",  "[",  "](", "]",   "(",    ")",    "https://x.y", "www.", "\n",
        " ",  "  ", "| a |", "---", "- ",  "1. ", "# ", ">",  "<b>", "<",    "yes",  "No",          "J",    "5",
        ".",  "!",  "?",     "…",   "。",  "」",  "「", "\"", "'",   "ราคา", "三日", "👍",           "\\",   "!["};
    uint32_t state = 1;
    for (int i = 0; i < 3000; i++) {
        AUTO_BUF struct buf text = BUF_INIT(2000);
        for (int k = 0; k < 24; k++) {
            state = state * 1664525 + 1013904223;
            buf_addz(&text, pieces[(state >> 8) % (sizeof pieces / sizeof *pieces)]);
        }
        check_stream(buf_str(&text), false, 1 + (size_t)i % 4);
    }
}

TEST(a_stream_ends_early)
{
    struct voice voice;
    voice_init(&voice);
    assert_false(voice_feed(&voice, STR("The Halden Slate 14 costs 1.349,00 USD.")));
    assert_true(voice_feed(&voice, STR(" It")));
    assert_true(voice_feed(&voice, STR(" also")));
    voice_done(&voice);
    voice_init(&voice);
    bool complete = false;
    for (int i = 0; i < 400 && !complete; i++)
        complete = voice_feed(&voice, STR("| a table that never ends |\n"));
    assert_true(complete);
    voice_done(&voice);
}
