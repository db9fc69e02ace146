// SPDX-License-Identifier: Apache-2.0
// What can be searched, in memory: an index of a brand's products and, for each chatbot, one of the passages of its
// documents and of those that belong to the whole brand. Built from rows at first use, brought up to date before a
// search that follows a change, dropped by least use over a budget of bytes. Thread-safe.
#pragma once

#include "base/id.h"
#include "engine/brands.h"
#include "engine/embedder.h"
#include "model/product.h"
#include "search/search.h"
#include "store/knowledge.h"

struct catalogues;
struct catalogue;

#define CATALOGUE_ANSWER_WEIGHT 0.999f // of a word in the text of a learned answer
#define CATALOGUE_NO_BASE STR("-")     // as the knowledge base of documents that belong to none

enum catalogue_part { CATALOGUE_PRODUCTS, CATALOGUE_PASSAGES, CATALOGUE_PARTS };

struct catalogues *catalogues_new(struct store *store, const struct embedder *embedder, size_t budget_bytes);
void catalogues_free(struct catalogues *catalogues);
// From the store's change feed, on the committing thread: only notes what is stale.
void catalogues_changed(struct catalogues *catalogues, const struct change *change);

struct catalogue_facts {
    struct str brand, chatbot; // chatbot: empty for products
    enum catalogue_part part;
    size_t documents;
};
// The indexes in memory that nothing has made stale, `most` of them, in the arena: for health.
size_t catalogues_facts(struct catalogues *catalogues, struct arena *arena, size_t most, struct catalogue_facts **ret);

// Asks for the vectors of questions before they are searched in a chatbot's brand, so that no search waits for them:
// `done` once on any thread, within VECTOR_QUESTION_MS. false: there is nothing to wait for, and it is not called.
// Blocks as a search does.
bool catalogue_ask(struct catalogues *catalogues, const struct brand_ref *brand, struct str chatbot_id,
                   const struct str *texts, size_t n, void (*done)(void *arg), void *arg);
// A search of one part; sees every commit that came before it. `query` is completed here: vector and floor, where there
// is an embedder and it answers in time, else words alone. Strings of the result live in the arena. Blocks: for
// workers.
int catalogue_search(struct catalogues *catalogues, const struct brand_ref *brand, enum catalogue_part part,
                     struct arena *arena, struct search_query *query, struct search_result *ret, struct err *err);
// The words of a result, copied for what outlives the result's arena.
struct search_match *catalogue_terms(struct arena *arena, const struct search_result *found);
// The same of the passages that this chatbot of the brand has; catalogue_search gives those of its default one.
int catalogue_search_of(struct catalogues *catalogues, const struct brand_ref *brand, struct str chatbot_id,
                        struct arena *arena, struct search_query *query, struct search_result *ret, struct err *err);
struct vector_cache;
struct vector_cache *catalogues_vectors(const struct catalogues *catalogues); // of what was asked last
// Key of the model that makes vectors; "": none, words alone serve.
void catalogue_model(struct catalogues *catalogues, char ret_key[EMBEDDER_KEY]);

enum retrieval { RETRIEVE_HYBRID, RETRIEVE_SEMANTIC, RETRIEVE_KEYWORD };
enum retrieval retrieval_of(struct str method); // "hybrid", "semantic", "keyword"

struct catalogue_base { // rules of one knowledge base of a chatbot
    char id[ID_SIZE];
    bool active, learned;
    enum retrieval method;
    double threshold;
    size_t most; // passages that a turn takes from it
};
// Those of a chatbot as they are now, in the arena.
int catalogue_bases(struct catalogues *catalogues, const struct brand_ref *brand, struct str chatbot_id,
                    struct arena *arena, struct catalogue_base **ret, size_t *ret_n, struct err *err);

// Changes with every change of products that the store tells: rows read behind it are as they are now while it stays.
uint64_t catalogue_moment(const struct catalogues *catalogues);
// Rows of the products named, in that order, as they are now; those that are gone are left out.
int catalogue_products(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                       const struct str *ids, size_t n, struct product **ret, size_t *ret_n, struct err *err);

struct passage { // text of a search hit of CATALOGUE_PASSAGES
    struct str document_id, base_id, title, text, type;
    uint32_t ordinal;
    float relevance;
    struct str category, product_id, product_name, supplier_name; // STR_NULL: none
    bool citable;                                                 // may be shown as a source
};
// A whole document that is searched, as it is now. 1, 0.
int catalogue_document(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena, struct str id,
                       struct knowledge_document *ret, struct err *err);
// Texts of hits of CATALOGUE_PASSAGES as the documents are now, in that order; those that are gone are left out.
int catalogue_passages(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                       const struct search_hit *hits, size_t n, struct passage **ret, size_t *ret_n, struct err *err);
