// SPDX-License-Identifier: Apache-2.0
// Folding and classes of characters, inside the search room.
#pragma once

#include "base/arena.h"

enum rune_class {
    RUNE_SEPARATOR,  // white space, punctuation, symbols
    RUNE_WORD,       // letters and digits of spaced scripts
    RUNE_DICTIONARY, // Thai, Lao, Khmer, Burmese
    RUNE_CJK,        // Han, kana, hangul, bopomofo
    RUNE_EXTEND,     // marks and invisible joiners: part of the word before them
};
enum rune_class rune_class(uint32_t rune);
static inline bool rune_is_han(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || c == 0x3005 ||
           (c >= 0x20000 && c <= 0x3FFFD);
}
static inline bool rune_is_hiragana(uint32_t c)
{
    return c >= 0x3041 && c <= 0x309F;
}
static inline bool rune_is_katakana(uint32_t c)
{
    return (c >= 0x30A1 && c <= 0x30FF) || (c >= 0x31F0 && c <= 0x31FF) || (c >= 0xFF66 && c <= 0xFF9F);
}
static inline bool rune_is_hangul(uint32_t c)
{
    return (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF) || (c >= 0x3131 && c <= 0x318E);
}

// Longest term; longer words are cut at a character border.
#define FOLD_MAX 192

// Folds one word into `out`: case, compatibility forms, accents, digits of other scripts; returns the bytes written.
size_t fold_word(struct str word, bool stem, char out[FOLD_MAX]);
// Drops English (and Portuguese -ções, -sões) plural endings of a folded word in place; returns the new length.
size_t fold_stem(char *word, size_t n);
// Compatibility form and case alone, for one cluster of a CJK run: its code points, at most 24.
size_t fold_cluster(struct str cluster, uint32_t out[24]);
// A whole text for comparing names and attributes: case and compatibility forms, white space at both ends dropped and
// inside as one blank; with `loose` accents and punctuation at the end go too. In the arena, at most 512 bytes (longer
// texts give a null str).
struct str fold_text(struct arena *arena, struct str text, bool loose);
