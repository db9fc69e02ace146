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
    bool in_words;   // the message asks for products in so many words: buying, a price, a measure, "but not"
    bool meant;      // products are: each word that counts names one or its kind, or the last answer was about these
    float near;      // how near the nearest hit is: its v; without vectors the share of the words that it holds
};

// All of *ret lives in the arena. 0 or the store's error. Blocks: for workers.
int suggest_products(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                     const struct suggest_query *query, struct suggestions *ret, struct err *err);

// Leaves the answer to passages, where the nearest of them is clearly nearer to the message than any product: then it
// is not about products (8.2) and nothing is suggested. `passage`: that one's v, without vectors its w; 0: there is
// none. The hits stay: they are what "it" may mean in the next message.
void suggest_leave(struct suggestions *found, float passage);
