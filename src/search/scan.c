// SPDX-License-Identifier: Apache-2.0
// One pass over the text. A run of one kind (spaced words, dictionary scripts, CJK) is found first and then cut in its
// own way; ASCII never leaves the first few lines. Runs are cut in bounded pieces, so that a text without any blank
// costs what others cost.
#include "search/scan.h"

#include "base/utf8.h"
#include "search/fold.h"
#include "search/words.h"

enum {
    CODE_MAX = 64,           // bytes of a code kept whole
    DICTIONARY_PIECE = 3072, // bytes given to the dictionary at once
    CJK_PIECE = 256,         // characters cut at once
};

struct scan {
    struct str text;
    size_t at, left; // next byte, terms that may still be made
    uint32_t position;
    bool mark;
    void (*sink)(void *, const struct term *);
    void *arg;
};

static void emit(struct scan *scan, struct str folded, size_t start, size_t end, uint32_t position, unsigned flags)
{
    if (folded.n == 0 || scan->left == 0)
        return;
    scan->left--;
    scan->sink(scan->arg, &(struct term){folded, (uint32_t)start, (uint32_t)end, position, flags});
}

static enum rune_class class_at(const struct scan *scan, size_t at, size_t *ret_next)
{
    *ret_next = at;
    return rune_class(utf8_next(scan->text, ret_next));
}

static bool is_alnum(uint8_t c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 32) - 'a') < 26;
}

// End of the run of `want` (and marks) that begins at `at`, looking no further than `limit` bytes.
static size_t run_end(const struct scan *scan, size_t at, enum rune_class want, size_t limit)
{
    size_t stop = scan->text.n - at > limit ? at + limit : scan->text.n;
    while (at < stop) {
        uint8_t c = (uint8_t)scan->text.p[at];
        if (c < 0x80) {
            if (want != RUNE_WORD || !is_alnum(c))
                break;
            at++;
            continue;
        }
        size_t next;
        enum rune_class class = class_at(scan, at, &next);
        if (class != want && class != RUNE_EXTEND)
            break;
        at = next;
    }
    return at;
}

// Length of a hyphen, dot or slash at `at` that has a letter or digit behind it, else 0.
static size_t joiner(const struct scan *scan, size_t at)
{
    const struct str t = scan->text;
    if (at >= t.n)
        return 0;
    size_t n = t.p[at] == '-' || t.p[at] == '.' || t.p[at] == '/' ? 1 : 0;
    if (!n && t.n - at > 3 && memcmp(t.p + at, "\xE2\x80", 2) == 0 && ((uint8_t)t.p[at + 2] & 0xFE) == 0x90)
        n = 3; // U+2010, U+2011
    size_t next;
    return n && at + n < t.n && class_at(scan, at + n, &next) == RUNE_WORD ? n : 0;
}

// A tail of a contraction ('s, 't, 'll) or an elided article (l', d', qu'): bytes of the apostrophe's side only.
static bool is_apostrophe(struct str text, size_t at, bool before)
{
    if (before)
        return (at >= 1 && text.p[at - 1] == '\'') || (at >= 3 && memcmp(text.p + at - 3, "\xE2\x80\x99", 3) == 0);
    return (at < text.n && text.p[at] == '\'') || (text.n - at >= 3 && memcmp(text.p + at, "\xE2\x80\x99", 3) == 0);
}

static bool is_contraction(const struct scan *scan, struct str folded, size_t start, size_t end)
{
    return folded.n <= 2 && (is_apostrophe(scan->text, start, true) || is_apostrophe(scan->text, end, false));
}

// Words joined by - . / : each by itself, and the whole once more when there is a digit in it.
static void scan_words(struct scan *scan)
{
    size_t start = scan->at, at = start, parts = 0;
    uint32_t position = scan->position;
    bool digit = false;
    char code[CODE_MAX + FOLD_MAX];
    size_t code_n = 0;
    for (;;) {
        size_t end = run_end(scan, at, RUNE_WORD, SIZE_MAX);
        char out[FOLD_MAX];
        struct str word = {scan->text.p + at, end - at};
        struct str folded = {out, fold_word(word, false, out)};
        for (size_t i = 0; i < folded.n; i++)
            digit = digit || (uint8_t)(out[i] - '0') < 10;
        if (code_n < CODE_MAX) {
            memcpy(code + code_n, out, folded.n);
            code_n += folded.n;
        }
        folded.n = fold_stem(out, folded.n);
        bool stop = scan->mark && is_contraction(scan, folded, at, end);
        emit(scan, folded, at, end, scan->position++, stop ? TERM_STOP : 0);
        parts++;
        size_t join = joiner(scan, end);
        if (!join) {
            if (parts > 1 && digit && code_n <= CODE_MAX && end - start <= CODE_MAX)
                emit(scan, (struct str){code, code_n}, start, end, position, TERM_CODE);
            scan->at = end;
            return;
        }
        if (code_n < CODE_MAX)
            code[code_n++] = join == 1 ? scan->text.p[end] : '-';
        at = end + join;
    }
}

static void scan_dictionary(struct scan *scan)
{
    size_t start = scan->at, end = run_end(scan, start, RUNE_DICTIONARY, DICTIONARY_PIECE);
    uint32_t ends[DICTIONARY_PIECE];
    size_t n = scan_breaks((struct str){scan->text.p + start, end - start}, ends, DICTIONARY_PIECE);
    if (n == 0)
        ends[n++] = (uint32_t)(end - start);
    for (size_t i = 0, from = 0; i < n; from = ends[i++]) {
        char out[FOLD_MAX];
        struct str folded = {out, 0};
        folded.n = fold_word((struct str){scan->text.p + start + from, ends[i] - from}, false, out);
        unsigned stop = scan->mark && (words_look_up(folded).stop & 1u << WORDS_TH) ? TERM_STOP : 0;
        emit(scan, folded, start + from, start + ends[i], scan->position++, stop);
    }
    scan->at = end;
}

enum { LEAST_KANA = 3 };

// One character of a CJK run, folded.
struct cell {
    uint32_t rune, start, end;
    uint32_t segment; // dictionary word it stands in
    bool alone, dead; // the word has no other character; the word is a particle or a question word
    bool ending;      // hiragana in a word that begins with other characters: its inflection
};

static size_t cell_text(const struct cell *cells, size_t n, char *out)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += utf8_encode(cells[i].rune, out + bytes);
    return bytes;
}

static bool is_stop_segment(struct str word)
{
    const uint16_t asian = 1u << WORDS_JA | 1u << WORDS_ZH | 1u << WORDS_KO;
    if (words_look_up(word).stop & asian)
        return true;
    for (const char *const *q = words_cjk_questions; *q; q++)
        if (str_starts(word, str_from(*q)))
            return true;
    return false;
}

// Korean words carry their particles: everything from the ending on is dead.
static void kill_ending(struct cell *cells, size_t n, struct str word)
{
    for (const char *const *e = words_ko_endings; *e; e++) {
        struct str ending = str_from(*e);
        size_t syllables = utf8_count(ending);
        if (n > syllables && str_ends(word, ending)) {
            for (size_t i = n - syllables; i < n; i++)
                cells[i].dead = true;
            return;
        }
    }
}

// Particles and endings cut wrongly ("はあ" out of "は ありますか") are short and all hiragana, words seldom.
static bool is_kana_rest(const struct cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!rune_is_hiragana(cells[i].rune))
            return false;
    return n < LEAST_KANA;
}

// Asks the dictionary which characters belong together and which words carry no meaning.
static void mark_cells(const struct scan *scan, struct cell *cells, size_t n)
{
    uint32_t ends[CJK_PIECE * 4];
    size_t first = cells[0].start, last = cells[n - 1].end;
    size_t n_ends = scan_breaks((struct str){scan->text.p + first, last - first}, ends, CJK_PIECE * 4);
    for (size_t i = 0, segment = 0; i < n; segment++) {
        size_t border = segment < n_ends ? first + ends[segment] : last, k = i;
        while (k < n && cells[k].start < border)
            cells[k++].segment = (uint32_t)segment;
        if (k == i)
            continue;
        char text[(CJK_PIECE + 24) * 4];
        struct str word = {text, cell_text(cells + i, k - i, text)};
        bool stop = is_stop_segment(word) || is_kana_rest(cells + i, k - i);
        for (size_t j = i; j < k; j++) {
            cells[j].ending = rune_is_hiragana(cells[j].rune) && !rune_is_hiragana(cells[i].rune);
            cells[j].alone = k - i == 1;
            cells[j].dead = stop;
        }
        if (!stop && rune_is_hangul(cells[i].rune))
            kill_ending(cells + i, k - i, word);
        i = k;
    }
}

static bool pair_counts(const struct cell *a, const struct cell *b)
{
    if (a->dead || b->dead || (a->ending && b->ending))
        return false;
    if (a->segment == b->segment || (rune_is_katakana(a->rune) && rune_is_katakana(b->rune)))
        return true;
    return a->alone && b->alone && rune_is_han(a->rune) && rune_is_han(b->rune); // a run unknown to the dictionary
}

// Cuts the run into characters: a base with the marks (voicing marks, jamo) that follow it.
static size_t cut_cells(struct scan *scan, size_t at, size_t end, struct cell *cells, size_t *ret_end)
{
    size_t n = 0;
    while (at < end && n < CJK_PIECE) {
        size_t next = at;
        uint32_t rune = utf8_next(scan->text, &next);
        bool plain = (rune >= 0x4E00 && rune <= 0x9FFF) || (rune >= 0xAC00 && rune <= 0xD7A3) ||
                     (rune >= 0x3041 && rune <= 0x3096) || (rune >= 0x30A1 && rune <= 0x30FC);
        size_t base_end = next;
        while (next < end) {
            size_t after = next;
            uint32_t c = utf8_next(scan->text, &after);
            if (!(c >= 0x1160 && c <= 0x11FF) && (c >= 0x3041 && c != 0x3099 && c != 0x309A && c < 0xFE00))
                break;
            if (!(c >= 0x1160 && c <= 0x11FF) && rune_class(c) != RUNE_EXTEND)
                break;
            next = after;
        }
        uint32_t folded[24] = {rune};
        size_t k = plain && next == base_end ? 1 : fold_cluster((struct str){scan->text.p + at, next - at}, folded);
        for (size_t i = 0; i < k; i++)
            cells[n++] = (struct cell){.rune = folded[i], .start = (uint32_t)at, .end = (uint32_t)next};
        at = next;
    }
    *ret_end = at;
    return n;
}

static void scan_cjk(struct scan *scan)
{
    size_t end = run_end(scan, scan->at, RUNE_CJK, (size_t)CJK_PIECE * 16);
    struct cell cells[CJK_PIECE + 24];
    size_t from = scan->at, n = cut_cells(scan, from, end, cells, &end);
    scan->at = end;
    if (n == 0)
        return;
    size_t next;
    if (n >= CJK_PIECE && end < scan->text.n && class_at(scan, end, &next) == RUNE_CJK)
        scan->at = cells[n - 1].start; // the pair over the border belongs to the next piece
    if (scan->mark)
        mark_cells(scan, cells, n);
    char text[8];
    if (n == 1)
        emit(scan, (struct str){text, cell_text(cells, 1, text)}, cells[0].start, cells[0].end, scan->position++,
             TERM_CJK | (cells[0].dead ? TERM_STOP : 0u));
    for (size_t i = 0; i + 1 < n; i++)
        emit(scan, (struct str){text, cell_text(cells + i, 2, text)}, cells[i].start, cells[i + 1].end,
             scan->position++, TERM_CJK | (scan->mark && !pair_counts(&cells[i], &cells[i + 1]) ? TERM_STOP : 0u));
}

void scan_terms(struct str text, size_t max_terms, bool mark, void (*sink)(void *, const struct term *), void *arg)
{
    struct scan scan = {.text = text, .left = max_terms, .mark = mark, .sink = sink, .arg = arg};
    if (scan.text.n > UINT32_MAX)
        scan.text.n = UINT32_MAX;
    while (scan.at < scan.text.n && scan.left) {
        uint8_t c = (uint8_t)text.p[scan.at];
        size_t next = scan.at + 1;
        enum rune_class class = RUNE_SEPARATOR;
        if (c >= 0x80)
            class = class_at(&scan, scan.at, &next);
        else if (is_alnum(c))
            class = RUNE_WORD;
        if (class == RUNE_WORD)
            scan_words(&scan);
        else if (class == RUNE_DICTIONARY)
            scan_dictionary(&scan);
        else if (class == RUNE_CJK)
            scan_cjk(&scan);
        else
            scan.at = next;
    }
}
