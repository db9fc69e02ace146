// SPDX-License-Identifier: Apache-2.0
// The oracle of the search tests: the same collection as plain arrays, every score computed from the definition.
#pragma once

#include "search/index.h"

struct model_passage {
    struct str texts[SEARCH_MAX_ZONES];
    float weights[SEARCH_MAX_ZONES];
    size_t n_zones;
    struct terms terms[SEARCH_MAX_ZONES];
    size_t length;
    float *vector;
};

struct model_document {
    struct str id;
    struct search_attrs attrs;
    struct model_passage *passages;
    size_t n;
    bool alive;
};

struct model {
    struct arena *arena;
    VEC(struct model_document) documents;
    size_t dims;
    uint64_t random;
};

struct model_hit {
    const struct model_document *document;
    size_t passage;
    double relevance, w, words, bm25; // words: BM25 from quantised impacts, without k1 + 1; bm25: the exact one
};

struct model *model_new(size_t dims, uint64_t seed);
void model_free(struct model *model);
uint64_t model_random(struct model *model, uint64_t below);
double model_normal(struct model *model);
// A random text of `words` words: Zipf over a vocabulary that mixes scripts.
struct str model_text(struct model *model, size_t words);
// A random vector of length 1 near one of `clusters` centres.
float *model_vector(struct model *model, size_t clusters, double spread);
// Adds or replaces a random document, in the index too (without publishing).
void model_put(struct model *model, struct search_index *index, struct str id, size_t passages, size_t words);
void model_remove(struct model *model, struct search_index *index, size_t document);
bool model_allows(const struct model_document *document, const struct search_filter *filter);
// All documents with a match for the (unmarked) query terms by words, best first. In the model's arena.
struct model_hit *model_search(struct model *model, struct str text, const struct search_filter *filter, float average,
                               size_t *ret_n);
size_t model_count(const struct model *model, const struct search_filter *filter); // documents that pass
