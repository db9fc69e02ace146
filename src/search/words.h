// SPDX-License-Identifier: Apache-2.0
// Stop words and words that tell a language, inside the search room. One list a language, as people write the words:
// separated by blanks, "~word" = also a content word elsewhere, so it only counts beside a plain stop word of its
// language; "+word" = tells the language, is no stop word.
#pragma once

#include "base/str.h"

enum words_language {
    WORDS_EN,
    WORDS_PT,
    WORDS_TH,
    WORDS_JA,
    WORDS_ZH,
    WORDS_KO,
    WORDS_ID,
    WORDS_DE,
    WORDS_ES,
    WORDS_FR,
    WORDS_LANGUAGES,
};
extern const char *const words_code[WORDS_LANGUAGES];
extern const char *const words_list[WORDS_LANGUAGES];
extern const char words_en[], words_pt[], words_es[], words_fr[], words_de[], words_id[];
extern const char words_th[], words_ja[], words_zh[], words_ko[];
// Beginnings of Chinese, Japanese and Korean question words (何年, 几天, 얼마나), and endings of Korean words
// (particles and polite verb endings), longest first.
extern const char *const words_cjk_questions[], *const words_ko_endings[];

// Bits of languages (1 << WORDS_xx) in which a folded word is plain stop word, doubtful one, or tells the language.
struct words_bits {
    uint16_t stop, doubtful, tells;
};
struct words_bits words_look_up(struct str folded);
