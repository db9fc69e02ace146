// SPDX-License-Identifier: Apache-2.0
// What a chatbot finds in what it knows (003-platform 6, 000-management 4): the rules of knowledge bases and filters
// over the catalogue's index of its passages. All results live in the arena. Blocking: for workers. Thread-safe.
#pragma once

#include "engine/catalogue.h"
#include "model/knowledge.h"

struct knowledge_query {
    struct str chatbot_id;
    struct str text;
    const struct knowledge_filters *filters; // NULL: none
    double threshold;                        // of documents that belong to no base: relevance, at least
    size_t limit;                            // passages in all, 1..50
    // Of `text` the words that were said now, where the rest was said before; what holds them goes first. STR_NULL:
    // all were.
    struct str fresh;
};

// As this chatbot's turns ask. The chatbot must outlive the query.
void knowledge_query_of(struct arena *arena, const struct chatbot_ref *chatbot, struct str text,
                        struct knowledge_query *ret);

struct knowledge_found {
    struct passage *passages; // in the order of the fused score, one of each document
    struct search_hit *hits;  // without their matches; a document that went since has one and no passage
    size_t n_hits;
    size_t n;
    struct search_match *terms; // words of the question that count
    size_t n_terms;
    bool by_vectors; // the search had one
};

// What a turn takes: passages of active bases under each one's threshold and number, and of the other documents.
int knowledge_retrieve(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                       const struct knowledge_query *query, struct knowledge_found *ret, struct err *err);

// The learned answer to a question, where its title is the question, or nearly so. 1, 0.
int knowledge_curated(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                      const struct knowledge_query *query, struct knowledge_document *ret, struct err *err);

// May the catalogue's products (001) be named, which are documents of the type `product` with nothing else?
bool knowledge_allows_products(const struct knowledge_filters *filters);

struct base_query {
    struct str chatbot_id, base_id;
    struct str text;
    enum retrieval method;
    double threshold;
    const struct strings *documents; // only these items; NULL: all
};
struct base_hit {
    struct str item_id;
    double relevance;
    struct str highlight; // of the best passage, at most HIGHLIGHT_MOST characters
};
enum { HIGHLIGHT_MOST = 300 };

// A search of one base, active or not, best first. A question without a word to search for finds nothing. At most 1000
// are found; of these `limit` from `offset` on are given with their texts.
int knowledge_search_base(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                          const struct base_query *query, size_t offset, size_t limit, struct base_hit **ret,
                          size_t *ret_n, size_t *ret_total, struct err *err);
