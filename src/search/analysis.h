// SPDX-License-Identifier: Apache-2.0
// Text analysis, the same for index and query: text → terms.
//
// Words for spaced scripts (runs of letters or digits), ICU's word break for Thai, Lao, Khmer and Burmese, overlapping
// bigrams for Chinese, Japanese and Korean. Folding happens after segmentation (NFKC first would split Thai's sara am
// and break the dictionary): lower case, NFKC, accents dropped (not Thai marks), full-width and kana forms folded,
// English plural endings dropped. Codes (letters, digits and - . / between them: SKUs, CAS numbers) also stay whole as
// one further term. Stop words are marked, not dropped: the caller decides.
#pragma once

#include "base/arena.h"

enum term_flags {
    TERM_STOP = 1, // in the stop list of its script or language
    TERM_CODE = 2, // a code kept whole, beside its parts
    TERM_CJK = 4, // a bigram (or a single character where a run has one)
    TERM_CUE = 8, // set by the caller (engine/shopping) on query terms; never by analysis
};

struct term {
    struct str text; // folded, arena memory
    uint32_t start, end; // byte offsets in the analysed text
    uint32_t position; // counts words
    unsigned flags;
};

struct terms {
    struct term *at;
    size_t n;
};

// Analyses valid UTF-8 (malformed bytes count as separators). At most `max_terms` terms are made (0 = 100000); never
// fails. Thread-safe: break iterators are kept per thread.
struct terms analyse(struct arena *arena, struct str text, size_t max_terms);
// One word folded as analysis does (for lists of words: cue words, stop words). No segmentation.
struct str analyse_fold(struct arena *arena, struct str word);
bool analyse_is_stop(struct str folded);
// Dominant language by script and stop words: "en" "pt" "th" "ja" "zh" "ko" "id" "de" "es" "fr" "ar"; "" when unsure.
const char *analyse_language(struct str text);
