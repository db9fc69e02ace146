// SPDX-License-Identifier: Apache-2.0
// What the engine's text functions need to know about scripts, and about ends of texts.
#pragma once

#include "base/str.h"

bool script_is_thai(uint32_t rune);        // Thai and Lao: no spaces between words, none or few marks at sentence ends
bool script_is_cjk(uint32_t rune);         // Han, kana
bool script_is_unspaced(uint32_t rune);    // these, Hangul (whose particles follow unspaced), Khmer, Burmese
uint32_t script_last(struct str s);        // last code point; 0 when empty
struct str script_drop_last(struct str s); // without its last code point; s.n > 0
// Is `word` one of the blank-separated words of `list`? Ignores ASCII case.
bool word_among(struct str word, const char *list);
