// SPDX-License-Identifier: Apache-2.0
// Which products fit a message (001-brands 8.1, 8.2): candidates by search, hits by rule, the best few kept.
#pragma once

#include "engine/catalogue.h"
#include "engine/shopping.h"

#define SUGGEST_HITS 5

struct suggest_query {
    struct str message;  // reference-resolved
    struct str fallback; // asked instead when the message has no word to search for; STR_NULL = none
    // What the last answer was about. With `continues`, when the message is the rest of the question before, products
    // among these that fit it are the only ones meant.
    const struct str *about;
    size_t n_about;
    bool continues;
    bool cue;             // a cue word is taken as given (recommendations)
    int64_t keep;         // hits kept: SUGGEST_HITS, or more where the limit is
    int64_t limit;        // products suggested
    double threshold;     // similarity_threshold: what a hit must reach
    bool unavailable_too; // suggest_unavailable: they may be suggested, not only stand in the catalogue block
};

// How a message asks for products, from not at all to beyond doubt.
enum suggest_asked {
    SUGGEST_UNASKED,
    SUGGEST_CUE,      // "do you sell …", or "not …"
    SUGGEST_NAMED,    // each word that counts names one or its kind; or "and in red?" of what was shown
    SUGGEST_MEASURED, // by price or measure
    SUGGEST_SHOWN,    // "how heavy is it?" of what was shown
};

struct suggest_hit {
    struct product product; // as its row was when the turn began
    double score;
};

struct suggestions {
    bool shopping;            // the message is about products
    struct suggest_hit *hits; // for the catalogue block, best first or by price
    size_t n;
    struct str *suggested; // ids, at most `limit`
    size_t n_suggested;
    bool has_confidence;        // false: not about products
    double confidence;          // 4 decimals; 0 with a shopping question and nothing to suggest
    struct search_match *terms; // words of the message that some product of the brand has
    size_t n_terms;
    bool by_vectors; // the search had one
    enum suggest_asked asked;
    bool alone; // what was found in documents is no part of the answer, see suggest_weigh
    float near; // how near the nearest hit is, see suggest_nearer
};

// All of *ret lives in the arena. 0 or the store's error. Blocks: for workers.
int suggest_products(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                     const struct suggest_query *query, struct suggestions *ret, struct err *err);

// How near the nearest of several hits is, taken together one by one from 0 on: the largest v, without vectors the
// largest share of all the words that one holds (`known`: the share of them that any holds). NaN, to the end, where one
// has no vector yet: nobody knows how near that is.
float suggest_nearer(float near, const struct search_hit *hit, bool by_vectors, float known);

// Products or passages? Where the nearest passage is clearly nearer to the message than any product, it is not about
// products (8.2): nothing is suggested. Where a product is, products answer alone. `passage`: how near the nearest one
// is, 0: there is none. The hits stay: they are what "it" may mean in the next message.
void suggest_weigh(struct suggestions *found, float passage);
