// SPDX-License-Identifier: Apache-2.0
#include "engine/names.h"

#include "base/buf.h"
#include "base/test.h"

static const char *const CATALOGUE[] = {
    "Halden Slate 14",     // 0
    "Norrby Quill 13",     // 1
    "Norrby Quill 13 LTE", // 2
    "Oriole P5",           // 3
    "Oriole P5 Mini",      // 4
    "Tessel Sleeve 14",    // 5
    "ワイヤレスマウス",    // 6
    "เต็นท์สการ์ฟ",           // 7
    "Reed Buds",           // 8
    "Café Crème",          // 9
    "",                    // 10
    "Aurora X2",           // 11
    "Aurora X3",           // 12
    "Halden Forge 16",     // 13
    "Lamp",                // 14
    "Lamp",                // 15
};

static const struct {
    const char *text, *want; // index, * for a short form
    unsigned flags;
} CASES[] = {
    {"The Halden Slate 14 and the norrby quill 13.", "0 1"},
    {"NORRBY QUILL 13 LTE", "2"},
    {"Norrby Quill 13, LTE", "1"},
    {"the Oriole P5 Mini's battery, the Oriole P5's", "4 3"},
    {"Halden-Slate-14", "0"},
    {"Halden\nSlate\n14", "0"},
    {"Halden Slate. 14 pieces", ""},
    {"Halden Slates 14", "0"},
    {"xHalden Slate 14", ""},
    {"Halden Slate 145", ""},
    {"このワイヤレスマウスは", "6"},
    {"ราคาเต็นท์สการ์ฟเท่าไหร่", "7"},
    {"cafe creme", "9"},
    {"the Lamp", "14"},
    {"", ""},
    {"the Slate 14 or the X3?", "", 0},
    {"the Slate 14 or the X3?", "0* 12*", NAMES_LAST_WORD},
    {"14 or 16 GB", "", NAMES_LAST_WORD},
    {"the P5 and the X2", "3* 11*", NAMES_LAST_WORD},
    {"Quill 13 LTE beats the Quill 13", "2* 1*", NAMES_NO_MAKER},
    {"the Slate 14 and P5 Mini", "0* 4*", NAMES_NO_MAKER},
};

TEST(names_are_found)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        AUTO_NAMES struct names *names = names_new(CASES[i].flags);
        for (size_t k = 0; k < sizeof CATALOGUE / sizeof *CATALOGUE; k++)
            names_add(names, str_from(CATALOGUE[k]));
        names_ready(names);
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct names_hit *hits;
        size_t n = names_find(names, arena, str_from(CASES[i].text), 100, &hits);
        AUTO_BUF struct buf got = BUF_INIT(200);
        for (size_t k = 0; k < n; k++) {
            buf_addf(&got, "%s%zu%s", k ? " " : "", hits[k].index, hits[k].whole ? "" : "*");
            assert_true(hits[k].end > hits[k].start && hits[k].end <= strlen(CASES[i].text));
        }
        if (!str_eq(buf_str(&got), str_from(CASES[i].want)))
            fail_msg("%s: %s", CASES[i].text, got.n ? got.p : "");
    }
}

TEST(hits_are_bounded_and_have_their_place)
{
    AUTO_NAMES struct names *names = names_new(0);
    names_add(names, STR("Skarv 2"));
    names_ready(names);
    assert_int_equal(names_count(names), 1);
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct names_hit *hits;
    assert_int_equal(names_find(names, arena, STR("Skarv 2, Skarv 2, Skarv 2"), 2, &hits), 2);
    assert_int_equal(hits[1].start, 9);
    assert_int_equal(hits[1].end, 16);
}
