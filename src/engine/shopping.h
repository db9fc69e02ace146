// SPDX-License-Identifier: Apache-2.0
// Is a message about products, and what does it ask for (001-brands 8.1)? Words and phrases are rows by language
// (shopping_words.c); all languages are tried at once, since visitors mix them. Pure and thread-safe.
#pragma once

#include "base/arena.h"
#include "engine/attribute.h"
#include "search/analysis.h"

enum shopping_order { SHOPPING_ANY_ORDER, SHOPPING_CHEAPEST, SHOPPING_DEAREST };

struct shopping {
    // The message's terms for search, without price words, their amounts and general words. Cue words stay in, flagged
    // TERM_CUE (search drops them unless nothing else is left). Offsets are into the message.
    struct terms terms;
    size_t n_query_words; // terms that are neither stop nor cue words
    bool is_shopping;     // a cue word or a price word stands in the message
    bool has_cue_words, has_price_words, has_general_word;
    // No query word is left, and there are price words, or a cue word with a general word: every candidate is a hit.
    bool whole_catalogue;
    int64_t price_min, price_max; // 1/10000, both included; INT64_MIN, INT64_MAX = open
    enum shopping_order order;
    struct attribute_order by; // the superlative of another measure than the price; row NULL: none
    // Words for what is not wanted ("but not the Elg"): a product that holds any is no hit. Not among `terms`.
    struct str *excluded;
    size_t n_excluded;
    bool contradiction; // price_min > price_max: nothing can fit
};

// `message` after reference resolution, valid UTF-8; what stands behind 8 KiB is not looked at. Memory is the arena's.
void shopping_read(struct arena *arena, struct str message, struct shopping *ret);
