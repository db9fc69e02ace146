// SPDX-License-Identifier: Apache-2.0
// One searchable collection in memory: BM25 over words and exact vector search over the same passages, with filters,
// fusion, one relevance scale and an explanation for each hit. The store is the only truth: a collection is rebuilt
// from rows and kept current by upserts.
//
// Writers (one at a time; calls are serialised inside) publish a new generation by pointer; readers take a generation
// with search_read and never lock or wait. A generation is immutable and freed when its last reader leaves.
//
// Sources: BM25 as in Robertson & Zaragoza 2009 (k1 1.2, b 0.75); block-max MaxScore as in Ding & Suel 2011 and
// Turtle & Flood 1995; relevance and fusion as in docs/internals/search.md.
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "search/analysis.h"

// A zone is a part of a passage's text with a weight 0..1 for relevance: w counts each query word with the heaviest
// zone in which it occurs (a word in name or category 1, in features 0.8, in the description 0.6).
#define SEARCH_MAX_ZONES 4
struct search_zone {
    struct str text;
    float weight;
};

// Attributes that filters look at. Strings are compared exactly after folding by search (case-insensitive).
struct search_attrs {
    struct str type, category, supplier, base; // base: knowledge base id; STR_NULL = none
    int64_t price;                             // 1/10000 of a currency unit; INT64_MIN = none
    bool available;
    int64_t order; // place in order of creation, for ties and unranked lists
};

struct search_passage {
    struct str doc;   // document id; all passages of one document share it
    uint32_t ordinal; // passage within the document
    struct search_zone zones[SEARCH_MAX_ZONES];
    size_t n_zones;
    struct search_attrs attrs; // the document's: those of its first passage hold for all
    const float *vector;       // dims floats of length 1, or NULL: words only
    // How many vectors lie there one behind the other, of the windows of a long text; 0: one. The nearest one counts.
    size_t n_vectors;
};

// What is absent (given false, open limits) filters nothing; a given empty list matches nothing. Start from SEARCH_ALL:
// all zero means a price of 0 and not available.
struct search_filter {
    struct {
        bool given;
        const struct str *at;
        size_t n;
    } types, categories, suppliers, bases, docs; // docs: ids, compared exactly
    int64_t price_min, price_max;                // both included; INT64_MIN / INT64_MAX = open
    int available;                               // -1 either, 0 no, 1 yes
};
extern const struct search_filter SEARCH_ALL; // filters nothing

struct search_query {
    struct str text;           // analysed here; ignored when `terms` is given
    const struct terms *terms; // already analysed (and edited: price words taken out)
    const float *vector;       // dims floats of length 1, or NULL
    bool words_only;           // none is wanted either (for who makes them)
    struct search_filter filter;
    size_t limit;          // documents wanted, 1..1000
    bool keep_stop;        // stop words are searched too (they always are when nothing else is left)
    unsigned drop_flags;   // terms with any of these flags are dropped unless nothing else is left (TERM_CUE)
    bool no_match_too;     // candidates without any match follow with relevance 0 in their order
    struct str exact;      // a document whose id or first-zone text equals this has relevance 1; STR_NULL = none
    float vector_floor;    // cosine that counts as unrelated, rescaled to 0 (0.10, 0.70 …)
    float vector_full;     // cosine that counts as the same, rescaled to 1; 0: 1
    uint32_t idf_at_least; // N of the idf, at least (1000)
    // A word that no passage holds weighs this part of what the rarest word does; 0: it does not count at all.
    float unknown;
    bool lenient; // what is near to such a word stands in for it: one letter off, a code written otherwise
};

struct search_match { // one query term in one hit
    struct str term;
    float idf, weight; // weight of the heaviest zone it stands in
};

struct search_hit { // a document, by its best passage
    struct str doc;
    uint32_t ordinal;
    struct search_attrs attrs; // strings valid while the reader is held
    float relevance;           // 0..1: 1 − (1 − w)(1 − v)
    float w, v, cosine, bm25;
    float fused;                     // z/3 + 0.8·b
    bool has_vector;                 // the passage, and the query: v and cosine say something
    uint32_t word_rank, vector_rank; // from 1; 0 = not among the best 200
    const struct search_match *matches;
    size_t n_matches;
};

struct search_result {
    struct search_hit *hits; // by relevance, then fused score, available first, older first
    size_t n;
    size_t candidates;          // documents that passed the filters
    struct search_match *terms; // query terms that count (some passage holds them), with idf
    size_t n_terms;
    float known;   // 0..1: how much of the query's weight the words have that some passage holds
    bool no_terms; // nothing of the query was left to search (only stop or dropped words, which then are searched)
};

struct search_index;

// `dims` 0 = words only.
struct search_index *search_index_new(size_t dims);
void search_index_free(struct search_index *index); // no reader may be left
// Replaces all passages of a document (n 0 removes it). Visible to readers only after search_publish.
int search_put(struct search_index *index, struct str doc, const struct search_passage *passages, size_t n,
               struct err *err);
// Adds or replaces the vector of one passage; ERR_NOT_FOUND when the passage is gone.
int search_put_vector(struct search_index *index, struct str doc, uint32_t ordinal, const float *vector);
void search_publish(struct search_index *index);
size_t search_bytes(const struct search_index *index);
size_t search_documents(const struct search_index *index);
size_t search_dims(const struct search_index *index);

struct search_reader;
struct search_reader *search_read(struct search_index *index);
void search_reader_done(struct search_reader *reader);
// Never fails: an empty query gives no hits (or all candidates with no_match_too). Results live in the arena, their
// strings until search_reader_done. Thread-safe.
void search_run(struct search_reader *reader, struct arena *arena, const struct search_query *query,
                struct search_result *ret);
