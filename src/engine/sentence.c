// SPDX-License-Identifier: Apache-2.0
// Two kinds of marks: those of spaced scripts end a sentence only before space or end, full-width ones always. A mark
// at the very end of a text that may go on is undecided, because more marks, a closing quote or a digit may follow.
#include "engine/sentence.h"

#include "base/utf8.h"
#include "engine/script.h"

#include <unicode/uchar.h>

#define THAI_PIECE 50 // characters from which a Thai piece may end at a space

static bool is_full_mark(uint32_t rune)
{
    switch (rune) {
    case 0x3002: // ideographic full stop
    case 0xFF01:
    case 0xFF1F:
    case 0xFF61:
    case 0x17D4: // Khmer
    case 0x104B: // Burmese
        return true;
    default:
        return false;
    }
}

static bool is_mark(uint32_t rune)
{
    switch (rune) {
    case '.':
    case '!':
    case '?':
    case 0x2026:
    case 0x061F: // Arabic question mark
    case 0x06D4: // Urdu full stop
    case 0x0964: // danda
        return true;
    default:
        return is_full_mark(rune);
    }
}

static bool is_closer(uint32_t rune)
{
    switch (rune) {
    case '"':
    case '\'':
    case ')':
    case ']':
    case 0xBB:
    case 0x2019:
    case 0x201D:
    case 0x300D:
    case 0x300F:
    case 0x3011:
    case 0xFF09:
        return true;
    default:
        return false;
    }
}

static bool is_white(uint32_t rune)
{
    return rune <= ' ' || u_isUWhiteSpace((UChar32)rune);
}

static bool is_letter(uint32_t rune)
{
    return u_isalpha((UChar32)rune) || (U_GET_GC_MASK((UChar32)rune) & U_GC_M_MASK);
}

static size_t step_back(struct str text, size_t pos)
{
    do
        pos--;
    while (pos > 0 && ((unsigned char)text.p[pos] & 0xC0) == 0x80);
    return pos;
}

// The run of letters, digits and dots that ends at `end`.
static struct str word_before(struct str text, size_t end)
{
    size_t start = end;
    while (start > 0 && end - start < 40) {
        size_t at = step_back(text, start), pos = at;
        uint32_t rune = utf8_next(text, &pos);
        if (rune != '.' && !is_letter(rune) && !u_isdigit((UChar32)rune))
            break;
        start = at;
    }
    return (struct str){text.p + start, end - start};
}

// A dot that ends no sentence: after a single letter or initial ("J." "U.S."), an abbreviation, or "No." before a
// number.
static bool is_abbreviation(struct str text, size_t dot, size_t after)
{
    static const char *const words[] = {"dr", "mr", "mrs", "ms", "st", "vs", "approx", "e.g", "i.e", "rp"};
    struct str word = word_before(text, dot);
    if (word.n == 0)
        return false;
    size_t last = step_back(word, word.n), pos = last;
    bool letter = is_letter(utf8_next(word, &pos));
    if (letter && (last == 0 || word.p[last - 1] == '.'))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq_nocase(word, str_from(words[i])))
            return true;
    if (!str_eq_nocase(word, STR("no")))
        return false;
    while (after < text.n && is_white((unsigned char)text.p[after]))
        after++;
    return after < text.n && u_isdigit((UChar32)utf8_next(text, &after));
}

static size_t skip_while(struct str text, size_t pos, bool (*test)(uint32_t))
{
    while (pos < text.n) {
        size_t next = pos;
        if (!test(utf8_next(text, &next)))
            break;
        pos = next;
    }
    return pos;
}

size_t sentence_end(struct str text, size_t from, bool final, size_t *ret_close)
{
    size_t pos = from;
    while (pos < text.n) {
        size_t start = pos;
        uint32_t rune = utf8_next(text, &pos);
        if (!is_mark(rune))
            continue;
        size_t end = skip_while(text, pos, is_mark), close = skip_while(text, end, is_closer);
        bool full = is_full_mark(utf8_next(text, &(size_t){step_back(text, end)}));
        pos = end;
        if (close >= text.n) {
            *ret_close = close;
            return final ? end : 0;
        }
        size_t after = skip_while(text, close, is_white);
        bool dot = rune == '.' && end == start + 1;
        if (!full && after == close)
            continue;
        // Whether "No." is followed by a number cannot be known before something is.
        if (dot && after >= text.n && !final)
            return 0;
        if (dot && after < text.n && is_abbreviation(text, start, close))
            continue;
        *ret_close = close;
        return end;
    }
    return 0;
}

// Where a piece of Thai may end: at the first space between Thai letters once it is long enough. 0 = nowhere.
static size_t thai_end(struct str piece)
{
    size_t pos = 0, count = 0;
    uint32_t before = 0;
    while (pos < piece.n) {
        size_t at = pos;
        uint32_t rune = utf8_next(piece, &pos);
        if (rune == ' ' && count >= THAI_PIECE && script_is_thai(before) && pos < piece.n &&
            script_is_thai(utf8_next(piece, &(size_t){pos})))
            return at;
        before = rune;
        count++;
    }
    return 0;
}

bool sentence_next(struct str text, size_t *pos, struct str *ret)
{
    while (*pos < text.n) {
        size_t start = skip_while(text, *pos, is_white);
        if (start >= text.n)
            break;
        const char *newline = memchr(text.p + start, '\n', text.n - start);
        struct str line = {text.p + start, newline ? (size_t)(newline - text.p) - start : text.n - start};
        // The number of a list item is no sentence.
        size_t number = 0, close = 0;
        while (number < line.n && number < 4 && line.p[number] >= '0' && line.p[number] <= '9')
            number++;
        number += number && number < line.n && line.p[number] == '.';
        size_t end = sentence_end(line, number, true, &close) ? close : line.n;
        size_t thai = thai_end((struct str){line.p, end});
        if (thai)
            end = thai;
        *pos = start + end;
        *ret = utf8_trim((struct str){line.p, end});
        if (ret->n)
            return true;
    }
    *pos = text.n;
    return false;
}
