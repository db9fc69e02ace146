// SPDX-License-Identifier: Apache-2.0
// A running query, inside the search room.
//
// Two ways: while few passages pass the filters (`all_of`, 20,000), every one of them is scored, so that the order by
// relevance is exact. Above that the best 200 by words and the best 200 by vectors are the candidates.
#pragma once

#include "search/index.h"
#include "search/scratch.h"
#include "search/vector.h"

struct query_term {
    struct str text;
    float idf;
    const struct entry **entries; // by part; NULL = not there
};

struct allowed {          // passages of a part that pass the filters
    const uint64_t *bits; // NULL: all do
    uint32_t n, n_documents;
    uint32_t *list, *before; // set by allowed_list; list NULL: all. before: allowed ones before each word of bits
    uint32_t base;           // allowed passages of the parts before
};

struct scored {
    float score;
    uint32_t id;
};

struct best { // the `cap` highest scores, and for a while some more (best.c)
    struct scored *at;
    uint32_t n, cap;
    float floor; // a score must be above it to get in; may lag behind
};

struct found { // a document by its best passage
    uint32_t part, passage;
    float relevance, fused, w, v, cosine, words; // words: BM25 without its factor k1 + 1
    bool matched;
};

struct query {
    const struct search_reader *reader;
    const struct search_query *asked;
    struct scratch *scratch;
    struct query_term *terms;
    size_t n_terms;
    float idf_sum;                   // of the terms
    float missing;                   // weight of the words that no passage holds
    float unknown;                   // the same, as far as they count
    struct allowed *allowed;         // by part
    uint32_t n_allowed, n_documents; // of all parts
    const float *vector;             // NULL: words only
    uint8_t *vector_u7;              // the same in 7 bits
    float vector_scale;
    const struct vector_kernels *kernels;
    struct best words, vectors; // ids: passage numbers
    float mean, deviation;      // of the candidates' cosines
    bool vectors_differ;
    struct { // documents that the query names exactly
        uint32_t part, document;
    } exact[16];
    size_t n_exact;
    struct found *hits; // the best documents so far; the worst of them at [0] until they are sorted
    size_t n_hits, limit;
};

// Passages are numbered through all parts where one number is needed.
static inline uint32_t passage_number(const struct query *q, uint32_t part, uint32_t passage)
{
    for (uint32_t p = 0; p < part; p++)
        passage += q->reader->parts[p].segment->n_passages;
    return passage;
}
static inline uint32_t passage_of_number(const struct query *q, uint32_t number, uint32_t *ret_passage)
{
    uint32_t part = 0;
    while (number >= q->reader->parts[part].segment->n_passages)
        number -= q->reader->parts[part++].segment->n_passages;
    *ret_passage = number;
    return part;
}

static inline bool is_allowed(const struct allowed *allowed, uint32_t passage)
{
    return !allowed->bits || bit_get(allowed->bits, passage);
}

static inline float vector_full(const struct search_query *asked)
{
    return asked->vector_full > asked->vector_floor ? asked->vector_full : 1;
}

static inline float cosine_rescaled(const struct query *q, float cosine)
{
    float floor = q->asked->vector_floor, v = (cosine - floor) / (vector_full(q->asked) - floor);
    return v > 1 ? 1 : v > 0 ? v : 0; // NaN gives 0
}

// lenient.c: what may stand in for a word that no passage holds; the texts live while the query runs.
enum { LENIENT_MOST = 4 };
size_t lenient_terms(struct query *q, const struct term *term, struct str ret[LENIENT_MOST]);

// best.c
void best_init(struct best *best, struct scratch *scratch, uint32_t cap);
void best_push(struct best *best, float score, uint32_t id);
static inline void best_offer(struct best *best, float score, uint32_t id)
{
    if (score > best->floor)
        best_push(best, score, id);
}
void best_finish(struct best *best);                      // cuts to the cap; in no order
void best_lead(struct best *best, uint32_t n);            // then moves the best n to the front
uint32_t best_rank(const struct best *best, uint32_t id); // from 1; 0 = not among the best 200
void scored_sort_by_id(struct scored *at, struct scored *spare, size_t n);

// filter.c
void filter_apply(struct query *q);
void allowed_list(struct query *q); // lists for the exhaustive way

// words.c
void words_best(struct query *q); // q->words, by MaxScore
// Words and zones of `n` passages in ascending order: sets words and w of each.
void words_of_passages(const struct query *q, struct found *found, size_t n);

// nearest.c
void nearest_best(struct query *q);                                   // q->vectors, over all rows or the allowed ones
void nearest_rescore(struct query *q, struct best *best, uint32_t n); // gives the best n their float32 cosines
float nearest_cosine(const struct query *q, uint32_t part, uint32_t passage);  // float32; NaN without a vector
void nearest_prefetch(const struct query *q, uint32_t part, uint32_t passage); // its cosine is asked for soon
// int8 cosines of the passages p[0..n) of a part (NULL: passages from `first` on).
void nearest_cosines(const struct query *q, uint32_t part, const uint32_t *p, uint32_t first, uint32_t n, float *ret);

// exhaust.c and candidates in query.c
void exhaust(struct query *q);
void query_standardise(struct query *q, const float *cosines, size_t n);
float query_fused(const struct query *q, float words, float cosine);
bool query_is_exact(const struct query *q, uint32_t part, uint32_t document);
void query_offer(struct query *q, const struct found *found);
bool found_before(const struct query *q, const struct found *a, const struct found *b);
