// SPDX-License-Identifier: Apache-2.0
// Collects the scanner's terms and marks Latin stop words. Which list counts is decided by the text itself: the
// languages with the most stop words in it, so that "hat" is a stop word in a German question and none in "red hat".
#include "search/analysis.h"

#include "base/utf8.h"
#include "search/fold.h"
#include "search/scan.h"
#include "search/words.h"

enum { DEFAULT_TERMS = 100000, TEXT_BLOCK = 1024, LANGUAGE_SAMPLE = 4000 };

struct collector {
    struct arena *arena;
    struct terms terms;
    size_t cap;
    char *block; // texts of terms are packed: an arena allocation each would waste half
    size_t block_left;
};

static void collect(void *arg, const struct term *term)
{
    struct collector *c = arg;
    if (c->terms.n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;
        struct term *bigger = arena_alloc(c->arena, c->cap * sizeof *bigger);
        if (c->terms.n)
            memcpy(bigger, c->terms.at, c->terms.n * sizeof *bigger);
        c->terms.at = bigger;
    }
    if (c->block_left < term->text.n) {
        c->block = arena_alloc(c->arena, TEXT_BLOCK);
        c->block_left = TEXT_BLOCK;
    }
    memcpy(c->block, term->text.p, term->text.n);
    struct term *copy = &c->terms.at[c->terms.n++];
    *copy = *term;
    copy->text.p = c->block;
    c->block += term->text.n;
    c->block_left -= term->text.n;
}

struct language_counts {
    unsigned stop[WORDS_LANGUAGES], tells[WORDS_LANGUAGES];
};

static const uint16_t latin =
    1u << WORDS_EN | 1u << WORDS_PT | 1u << WORDS_ID | 1u << WORDS_DE | 1u << WORDS_ES | 1u << WORDS_FR;

static void count_languages(const struct terms *terms, struct language_counts *counts)
{
    for (size_t i = 0; i < terms->n; i++) {
        if (terms->at[i].flags & (TERM_CJK | TERM_CODE))
            continue;
        struct words_bits bits = words_look_up(terms->at[i].text);
        for (unsigned l = 0; l < WORDS_LANGUAGES; l++) {
            counts->stop[l] += bits.stop >> l & 1;
            counts->tells[l] += bits.tells >> l & 1;
        }
    }
}

static void mark_latin(struct terms *terms)
{
    struct language_counts counts = {0};
    count_languages(terms, &counts);
    unsigned best = 0;
    for (unsigned l = 0; l < WORDS_LANGUAGES; l++) {
        unsigned n = counts.stop[l] + counts.tells[l];
        if (latin >> l & 1 && n > best)
            best = n;
    }
    uint16_t chosen = 0;
    for (unsigned l = 0; best && l < WORDS_LANGUAGES; l++)
        if (latin >> l & 1 && counts.stop[l] + counts.tells[l] == best)
            chosen = (uint16_t)(chosen | 1u << l);
    for (size_t i = 0; chosen && i < terms->n; i++) {
        struct term *term = &terms->at[i];
        if (term->flags & (TERM_CJK | TERM_CODE))
            continue;
        struct words_bits bits = words_look_up(term->text);
        if ((bits.stop | bits.doubtful) & chosen)
            term->flags |= TERM_STOP;
    }
}

struct terms analyse(struct arena *arena, struct str text, size_t max_terms)
{
    struct collector c = {.arena = arena};
    scan_terms(text, max_terms ? max_terms : DEFAULT_TERMS, true, collect, &c);
    mark_latin(&c.terms);
    return c.terms;
}

struct terms analyse_for_index(struct arena *arena, struct str text)
{
    struct collector c = {.arena = arena};
    scan_terms(text, DEFAULT_TERMS, false, collect, &c);
    return c.terms;
}

struct str analyse_fold(struct arena *arena, struct str word)
{
    char out[FOLD_MAX];
    size_t n = fold_word(word, true, out);
    return arena_str(arena, (struct str){out, n});
}

bool analyse_is_stop(struct str folded)
{
    return words_look_up(folded).stop != 0;
}

struct scripts {
    size_t latin, thai, han, kana, hangul, arabic, other;
};

static void count_scripts(struct str text, struct scripts *scripts)
{
    for (size_t at = 0; at < text.n;) {
        uint32_t c = utf8_next(text, &at);
        if (c < 0x80 ? (c | 32) - 'a' < 26 : c >= 0xC0 && c < 0x250)
            scripts->latin++;
        else if (c >= 0xE01 && c <= 0xE4E)
            scripts->thai++;
        else if (rune_is_han(c))
            scripts->han++;
        else if (rune_is_hiragana(c) || rune_is_katakana(c))
            scripts->kana++;
        else if (rune_is_hangul(c))
            scripts->hangul++;
        else if ((c >= 0x620 && c <= 0x6FF) || (c >= 0x750 && c <= 0x77F))
            scripts->arabic++;
        else if (c >= 0x80 && rune_class(c) != RUNE_SEPARATOR && rune_class(c) != RUNE_EXTEND)
            scripts->other++;
    }
}

static const char *latin_language(struct str text)
{
    AUTO_ARENA struct arena *arena = arena_new(8192);
    struct collector c = {.arena = arena};
    scan_terms(text, 1000, false, collect, &c);
    struct language_counts counts = {0};
    count_languages(&c.terms, &counts);
    unsigned best = 0, second = 0, language = 0;
    for (unsigned l = 0; l < WORDS_LANGUAGES; l++) {
        unsigned n = latin >> l & 1 ? counts.stop[l] + counts.tells[l] : 0;
        if (n > best) {
            second = best;
            best = n;
            language = l;
        } else if (n > second)
            second = n;
    }
    return best > second ? words_code[language] : "";
}

// A product's Latin name inside a Thai or Chinese question does not change its language: the other script wins from
// about a third of the letters on (a Chinese character counts three letters, it carries about as much).
const char *analyse_language(struct str text)
{
    if (text.n > LANGUAGE_SAMPLE) {
        text.n = LANGUAGE_SAMPLE;
        text.n = utf8_whole(text);
    }
    struct scripts s = {0};
    count_scripts(text, &s);
    size_t cjk = (s.han + s.kana + s.hangul) * 3, total = s.latin + s.thai + cjk + s.arabic + s.other;
    if (total == 0 || s.other * 2 > total)
        return "";
    if (cjk * 3 >= total && cjk >= s.thai && cjk >= s.arabic)
        return s.hangul > s.han + s.kana ? "ko" : s.kana * 10 >= s.han + s.kana ? "ja" : "zh";
    if (s.thai * 3 >= total && s.thai >= s.arabic)
        return "th";
    if (s.arabic * 3 >= total)
        return "ar";
    return latin_language(text);
}
