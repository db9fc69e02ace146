// SPDX-License-Identifier: Apache-2.0
#include "engine/vector_text.h"

#include "base/buf.h"
#include "base/test.h"
#include "base/utf8.h"

enum { FULL = 4 * 105, FULL_MOST = 4 * 480, PIECES_MOST = 200, TEXT_MOST = 300000 };

struct walk {
    size_t n;
    struct str at[PIECES_MOST]; // without heads
};

static size_t weight_of(struct str text)
{
    size_t weight = 0;
    for (size_t pos = 0; pos < text.n;) {
        uint32_t rune = utf8_next(text, &pos);
        weight += rune < 0x80 ? 1 : rune < 0x1000 ? 2 : 3;
    }
    return weight;
}

static size_t full_of(struct str text)
{
    size_t full = weight_of(text) / (VECTOR_WINDOWS_MOST / 2);
    return full < FULL ? FULL : full > FULL_MOST ? FULL_MOST : full;
}

// Walks all windows. What holds of every text: nothing is lost, nothing comes twice, no character is torn, each window
// fits and is more than half of what would, they are not too many, and all but the first stand under the head.
static void walk_all(struct arena *arena, struct str text, struct walk *ret)
{
    static const struct str head = {"Care of lamps", 13};
    AUTO_BUF struct buf all = BUF_INIT(TEXT_MOST);
    struct str window;
    size_t pos = 0, full = full_of(text);
    for (ret->n = 0; vector_window_next(arena, head, text, &pos, &window); ret->n++) {
        if (ret->n) {
            assert_true(str_starts(window, head) && window.p[head.n] == '\n');
            window = (struct str){window.p + head.n + 1, window.n - head.n - 1};
        }
        assert_true(ret->n < PIECES_MOST && utf8_valid(window));
        assert_in_range(weight_of(window), 1, full);
        assert_true(pos == text.n || 2 * window.n > full - 3);
        ret->at[ret->n] = window;
        buf_adds(&all, window);
    }
    assert_true(str_eq(buf_str(&all), text));
    assert_int_equal(vector_text_is_long(text), ret->n > 1);
    if (weight_of(text) <= FULL_MOST * VECTOR_WINDOWS_MOST / 2)
        assert_in_range(ret->n, 0, VECTOR_WINDOWS_MOST);
}

TEST(vector_text_of_up_to_105_tokens_is_one_window)
{
    static const struct {
        const char *unit; // once and again
        size_t weight;
    } UNITS[] = {{"a", 1}, {"é", 2}, {"ก", 2}, {"क", 2}, {"中", 3}, {"한", 3}, {"😀", 3}, {".", 1}, {" ", 1}};
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct walk walk;
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        AUTO_BUF struct buf text = BUF_INIT(TEXT_MOST);
        while (text.n / strlen(UNITS[i].unit) < FULL / UNITS[i].weight)
            buf_addz(&text, UNITS[i].unit);
        walk_all(arena, buf_str(&text), &walk);
        assert_int_equal(walk.n, 1);
        buf_addz(&text, UNITS[i].unit);
        walk_all(arena, buf_str(&text), &walk);
        assert_int_equal(walk.n, 2);
    }
    walk_all(arena, STR(""), &walk);
    assert_int_equal(walk.n, 0);
}

static void many(struct buf *text, const char *unit, size_t bytes)
{
    buf_clear(text);
    while (text->n < bytes)
        buf_addz(text, unit);
}

TEST(vector_text_windows_end_where_sentences_do)
{
    static const char *const SENTENCES[] = {
        "Shade 17.5 fits Dr. Holm's lamp. ",
        "Is it wet? Then leave it \"off!\" ",
        "A lâmpada não aquece… ",
        "电灯保修两年。",
        "ランプは三日で届きます！",
        "В магазине есть лампы. ",
        "هل المصباح جديد؟ ",
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MOST);
    struct walk walk;
    for (size_t i = 0; i < sizeof SENTENCES / sizeof *SENTENCES; i++) {
        struct str last = str_trim(str_from(SENTENCES[i]));
        many(&text, SENTENCES[i], 20000);
        walk_all(arena, buf_str(&text), &walk);
        assert_true(walk.n > 8);
        for (size_t k = 0; k + 1 < walk.n; k++)
            if (!str_ends(walk.at[k], last) && !str_ends(walk.at[k], STR("wet?")))
                fail_msg("%s: window %zu ends elsewhere", last.p, k);
    }
}

TEST(vector_text_without_sentences_is_cut_between_words)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MOST);
    struct walk walk;
    many(&text, "lampshade, ", 9000);
    walk_all(arena, buf_str(&text), &walk);
    for (size_t k = 0; k + 1 < walk.n; k++)
        assert_true(str_ends(walk.at[k], STR("lampshade, ")));
    many(&text, "lampshade\n", 9000);
    walk_all(arena, buf_str(&text), &walk);
    for (size_t k = 0; k + 1 < walk.n; k++)
        assert_true(str_ends(walk.at[k], STR("lampshade\n")));
    // Its only sentence ends too early to be a window.
    many(&text, "lampshade ", 9000);
    memcpy(text.p + 90, "shades are", 10);
    text.p[99] = '.';
    walk_all(arena, buf_str(&text), &walk);
    assert_int_equal(walk.at[0].n, FULL);
    many(&text, "ไฟ", 9000);
    walk_all(arena, buf_str(&text), &walk);
    for (size_t k = 0; k + 1 < walk.n; k++)
        assert_in_range(weight_of(walk.at[k]), FULL - 1, FULL);
}

TEST(vector_text_of_any_scripts_is_cut_whole)
{
    static const struct {
        uint32_t first, last;
    } SCRIPTS[] = {{'a', 'z'},       {0xC0, 0x17F},      {0x391, 0x3C9},     {0x410, 0x44F},   {0x5D0, 0x5EA},
                   {0x621, 0x64A},   {0x905, 0x939},     {0xE01, 0xE3A},     {0x1000, 0x102A}, {0x1780, 0x17B3},
                   {0x3041, 0x3096}, {0x30A1, 0x30FA},   {0x4E00, 0x9FA5},   {0xAC00, 0xD7A3}, {0xFDFA, 0xFDFB},
                   {0xFF21, 0xFF5A}, {0x1F600, 0x1F64F}, {0x20000, 0x2A6D6}, {0x300, 0x36F},   {0x200B, 0x200F}};
    static const uint32_t MARKS[] = {' ',    ' ',    ' ',   '\n',  '.',    '?', '!',
                                     0x3002, 0xFF01, 0x964, 0x61F, 0x2026, '"', 0x300D};
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MOST);
    const size_t n_scripts = sizeof SCRIPTS / sizeof *SCRIPTS, n_marks = sizeof MARKS / sizeof *MARKS;
    struct walk walk;
    uint32_t state = 7;
    for (size_t i = 0; i < 300; i++) {
        size_t script = i % n_scripts, marks = 2 + i % 61;
        buf_clear(&text);
        for (size_t k = 0; k < 300 + i * 40; k++) {
            state = state * 1664525u + 1013904223u;
            uint32_t draw = state >> 8, span = SCRIPTS[script].last - SCRIPTS[script].first + 1;
            script = i % 3 == 0 && draw % 50 == 0 ? draw / 50 % n_scripts : script;
            span = SCRIPTS[script].last - SCRIPTS[script].first + 1;
            buf_add_rune(&text,
                         draw % marks == 0 ? MARKS[draw / marks % n_marks] : SCRIPTS[script].first + draw % span);
        }
        walk_all(arena, buf_str(&text), &walk);
    }
}

TEST(vector_window_names_do_not_meet)
{
    assert_int_equal(vector_window_ordinal(0, VECTOR_WINDOWS_MOST - 1) + 1, vector_window_ordinal(1, 0));
}

TEST(vector_text_holds_all_that_a_product_may_have)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf description = BUF_INIT(TEXT_MOST);
    struct str features[100];
    many(&description, "中", 30000);
    for (size_t i = 0; i < 100; i++)
        features[i] = arena_strf(arena, "%.*s%02zu", 1494, description.p, i);
    struct product product = {.name = STR("Lamp"),
                              .category = STR("Light"),
                              .description = buf_str(&description),
                              .features = {features, 100}};
    struct str text = vector_text_of_product(arena, &product);
    assert_true(str_starts(text, STR("Lamp. Light. 中")));
    assert_true(str_ends(text, STR("中99.")));
}
