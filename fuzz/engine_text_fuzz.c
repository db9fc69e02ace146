// SPDX-License-Identifier: Apache-2.0
// The engine's pure text functions on any text: nothing crashes, streams do not depend on how they are cut, quotations
// are verbatim, offsets lie inside. The first byte chooses what is driven, the second how a stream is cut; the rest is
// the text, made valid UTF-8.
#include "fuzz.h"

#include "base/utf8.h"
#include "engine/guard.h"
#include "engine/marker.h"
#include "engine/money.h"
#include "engine/prompt.h"
#include "engine/quote.h"
#include "engine/reference.h"
#include "engine/sentence.h"
#include "engine/shopping.h"
#include "engine/voice.h"

static bool inside(struct str part, struct str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static struct str next_chunk(struct str text, size_t *pos, unsigned cut)
{
    size_t start = *pos;
    for (unsigned i = 0; i < 1 + (cut + start * 7) % 13 && *pos < text.n; i++)
        utf8_next(text, pos);
    return (struct str){text.p + start, *pos - start};
}

static void drive_money(struct str text)
{
    int64_t value = 0;
    for (enum money_kind kind = MONEY_FREE_TEXT; kind <= MONEY_MACHINE; kind++)
        CHECK(money_read(text, kind, &value, NULL) < 0 || (value >= 0 && value <= MONEY_MAX));
    struct money_amount amount;
    size_t before = 0;
    for (size_t pos = 0; money_next(text, &pos, &amount); before = pos) {
        CHECK(pos > before && amount.start <= amount.number_start && amount.number_start < amount.number_end);
        CHECK(amount.number_end <= amount.end && amount.end <= text.n && amount.factor > 0);
        CHECK(amount.value >= 0 && amount.value <= MONEY_MAX);
    }
}

static void drive_shopping(struct arena *arena, struct str text)
{
    struct shopping shopping;
    shopping_read(arena, text, &shopping);
    size_t words = 0;
    for (size_t i = 0; i < shopping.terms.n; i++) {
        CHECK(shopping.terms.at[i].start <= shopping.terms.at[i].end && shopping.terms.at[i].end <= text.n);
        words += !(shopping.terms.at[i].flags & (TERM_STOP | TERM_CUE));
    }
    CHECK(words == shopping.n_query_words);
    CHECK(shopping.contradiction == (shopping.price_min > shopping.price_max));
}

static bool look_up(void *arg, enum marker_kind kind, struct str id, struct buf *out)
{
    (void)arg;
    buf_addz(out, kind == MARKER_PRICE ? "1.00 USD" : "in stock");
    return id.n == 1;
}

static void drive_marker(struct str text, unsigned cut)
{
    AUTO_BUF struct buf whole = BUF_INIT(1 << 20), parts = BUF_INIT(1 << 20);
    struct marker marker;
    marker_init(&marker, look_up, NULL);
    marker_feed(&marker, text, &whole);
    marker_end(&marker, &whole);
    marker_init(&marker, look_up, NULL);
    for (size_t pos = 0; pos < text.n;) {
        marker_feed(&marker, next_chunk(text, &pos, cut), &parts);
        CHECK(utf8_count((struct str){marker.held, marker.n}) < MARKER_HOLD);
    }
    marker_end(&marker, &parts);
    CHECK(str_eq(buf_str(&whole), buf_str(&parts)) && utf8_valid(buf_str(&whole)));
    // A bracket before a marker may meet another one behind it.
    bool shown = str_find(buf_str(&whole), STR("[[price:")) >= 0 || str_find(buf_str(&whole), STR("[[stock:")) >= 0;
    CHECK(!shown || str_find(text, STR("[[[")) >= 0);
}

static void drive_guard(struct arena *arena, struct str text)
{
    const struct guard_product products[] = {{STR("a"), STR("Skarv 2"), 389 * MONEY_ONE},
                                             {STR("b"), STR("軽量テント"), MONEY_MAX},
                                             {STR("c"), STR("X3"), 0}};
    struct guard_correction *found;
    size_t n = guard_check(arena, text, products, 3, &found);
    CHECK(n <= 3);
    for (size_t i = 0; i < n; i++)
        CHECK(inside(found[i].sentence, text) && found[i].product < 3);
    CHECK((guard_appendix(arena, text, products, found, n, STR("USD"), "en").n > 0) == (n > 0));
}

static void drive_voice(struct arena *arena, struct str text, unsigned cut)
{
    struct str whole = voice_sentence(arena, text, false);
    CHECK(utf8_valid(whole) && utf8_count(whole) <= VOICE_MAX && !memchr(whole.p, '\n', whole.n));
    struct voice voice;
    voice_init(&voice);
    for (size_t pos = 0; pos < text.n && !voice_feed(&voice, next_chunk(text, &pos, cut));)
        ;
    CHECK(str_eq(voice_result(&voice, arena, false), whole));
    voice_done(&voice);
    CHECK(utf8_valid(voice_plain(arena, text)));
}

static void drive_quote(struct arena *arena, struct str text)
{
    struct search_match terms[64];
    struct terms all = analyse(arena, text, 500);
    size_t n_terms = 0, half = utf8_whole((struct str){text.p, text.n / 2});
    for (size_t i = 0; i < all.n && n_terms < 64; i += 3)
        terms[n_terms++] = (struct search_match){all.at[i].text, (float)(1 + i % 5), 1};
    struct quote_passage passages[] = {{STR("d"), 1, {text.p, half}}, {STR("d"), 0, {text.p + half, text.n - half}}};
    struct quote_sentence found[QUOTE_MAX_SENTENCES];
    size_t n = quote_choose(arena, text, terms, n_terms, passages, 2, found), characters = 0;
    CHECK(n <= QUOTE_MAX_SENTENCES);
    for (size_t i = 0; i < n; i++) {
        CHECK(inside(found[i].text, passages[found[i].passage].text) && found[i].text.n > 0);
        characters += utf8_count(found[i].text);
    }
    CHECK(characters <= QUOTE_MAX_CHARACTERS && utf8_valid(quote_text(arena, found, n, "th")));
    struct str sentence;
    const char *before = text.p;
    for (size_t pos = 0; sentence_next(text, &pos, &sentence); before = sentence.p + sentence.n)
        CHECK(sentence.n > 0 && sentence.p >= before && inside(sentence, text));
}

static void drive_reference(struct arena *arena, struct str text)
{
    struct reference_entity entity = {STR("product"), STR("Skarv 2"), STR("id"), 0, text.n < 7 ? text.n : 7};
    struct reference_turn turn = {text, text, {&entity, 1}, {&entity, 1}};
    struct reference_input input = {.text = text, .turns = &turn, .n_turns = 1, .year = 2026, .month = 11, .day = 20};
    struct reference_result result;
    reference_resolve(arena, &input, &result);
    CHECK(result.n <= REFERENCE_MAX);
    for (size_t i = 0; i < result.n; i++)
        CHECK(inside(result.at[i].text, text) && result.at[i].confidence >= 0.6 &&
              result.at[i].start <= result.at[i].end);
}

static int64_t estimate(struct str text)
{
    return (int64_t)utf8_count(text);
}

static void drive_prompt(struct arena *arena, struct str text)
{
    struct prompt_product product = {text, text, text, text, 5, true, &text, 1};
    struct prompt_passage passage = {text, text, text, text};
    struct prompt_data data = {true, STR("USD"), &product, 1, &passage, 1, text};
    struct str block = prompt_data_text(arena, &data);
    size_t marks = 0;
    for (size_t i = 0; i + 1 < block.n; i++)
        marks += (block.p[i] == '<' && block.p[i + 1] == '<') || (block.p[i] == '>' && block.p[i + 1] == '>');
    CHECK(marks == (text.n ? 12 : 8));
    struct prompt_turn turns[2] = {{text, text}, {text, text}};
    struct prompt_input input = {text, data, turns, 2, text, 900, 100, 0, 0, estimate};
    struct prompt prompt;
    prompt_build(arena, &input, &prompt);
    for (size_t i = 0; i < prompt.n; i++)
        CHECK(utf8_valid(prompt.messages[i].content));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2 || n > 20000)
        return 0;
    AUTO_BUF struct buf text = BUF_INIT(100000);
    struct str raw = {(const char *)data + 2, n - 2};
    for (size_t pos = 0; pos < raw.n;)
        buf_add_rune(&text, utf8_next(raw, &pos));
    struct str valid = buf_str(&text);
    AUTO_ARENA struct arena *arena = arena_new(0);
    switch (data[0] % 8) {
    case 0:
        drive_money(valid);
        break;
    case 1:
        drive_shopping(arena, valid);
        break;
    case 2:
        drive_marker(valid, data[1]);
        break;
    case 3:
        drive_guard(arena, valid);
        break;
    case 4:
        drive_voice(arena, valid, data[1]);
        break;
    case 5:
        drive_quote(arena, valid);
        break;
    case 6:
        drive_reference(arena, valid);
        break;
    default:
        drive_prompt(arena, valid);
    }
    return 0;
}
