// SPDX-License-Identifier: Apache-2.0
// A segment: passages, their words and their documents' attributes, immutable once finished, shared by generations
// through a reference count. Passages are numbered locally in the order of their slots (numbers that grow over the life
// of an index), documents likewise; all passages of a document lie together. What may change about a segment (which
// passages are gone, where their vectors lie) is in an overlay, copied on write.
//
// Postings of a term lie in runs, one for each chunk of 64 Ki passages: 16-bit ids, an impact (BM25's part of the term
// without idf, 1..255 for 0..1) and how often and in which zone the term stands. Runs of 512 postings and more have a
// skip table by windows of 256 ids: first posting and largest impact of each. Runs of 8192 and more (one passage in
// eight) also have their impacts in an array by id, 0 for absent.
#pragma once

#include "base/vec.h"
#include "search/search.h"

#include <stdatomic.h>

enum {
    CHUNK = 1 << 16,   // passages of one run
    WINDOW = 256,      // ids of one row of a skip table
    SKIP_FROM = 512,   // postings from which a run has one
    DENSE_FROM = 8192, // postings from which a run also has an array by id
    PADDING = 16,      // entries behind the postings that may be read (not used)
    BEST = 200,        // candidates by words and by vectors (README)
    TF_MAX = 63,
    ATTRIBUTES = 4, // type, category, supplier, base
};
#define NONE UINT32_MAX
#define BM25_K1 1.2f
#define BM25_B 0.75f

struct skip {
    uint16_t at[CHUNK / WINDOW];
    uint8_t max[CHUNK / WINDOW];
};

struct run {
    uint32_t at;          // first posting
    uint32_t skip, dense; // NONE: no table, no array
    uint16_t chunk, last; // last = postings - 1
    uint8_t max;
};

struct entry { // a term
    uint32_t hash, text, run, runs, df;
    uint8_t text_n, kth; // kth: the BEST-th largest impact (0: fewer postings)
};

struct value { // of an attribute; sorted by folded text
    struct str original, folded;
};

struct document {
    struct str id;
    uint32_t first, n;          // passages
    uint32_t value[ATTRIBUTES]; // NONE = absent
    int64_t price, order;
    uint64_t exact[2]; // hashes of the folded id and first zone (0 = none)
    bool available;
};

struct exact {
    uint64_t hash;
    uint32_t document;
};

struct weight_set {
    float at[SEARCH_MAX_ZONES];
};

struct segment {
    atomic_size_t refs;
    uint32_t n_documents, n_passages;
    float average;         // passage length for which impacts were computed
    struct arena *strings; // document ids, attribute values
    struct document *documents;
    uint32_t *slots, *document_of, *ordinals, *lengths; // by passage
    uint16_t *sets;                                     // by passage: its weights
    struct weight_set *weights;
    uint32_t n_weights;
    struct entry *entries;
    uint32_t n_entries, *table, table_mask; // table: entry + 1, 0 = free
    char *text;                             // of the terms
    struct run *runs;
    struct skip *skips;
    uint8_t *dense; // impacts of dense runs by id, CHUNK bytes each
    uint16_t *ids;
    uint8_t *impacts, *places; // place: tf in the low 6 bits, zone above
    struct value *values[ATTRIBUTES];
    uint32_t n_values[ATTRIBUTES], *value_from[ATTRIBUTES], *value_documents[ATTRIBUTES]; // value → its documents
    struct exact *exacts;                                                                 // sorted by hash
    uint32_t n_exacts;
    size_t bytes;
};

struct overlay {
    atomic_size_t refs;
    uint64_t *alive; // bits by passage; NULL = all
    uint32_t *rows;  // by passage: its row among the vectors, NONE = none; NULL = none has one
    uint32_t live_passages, live_documents;
    uint64_t live_length;
};

struct part {
    struct segment *segment;
    struct overlay *overlay;
};

static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

static inline bool passage_alive(const struct part *part, uint32_t passage)
{
    return !part->overlay->alive || bit_get(part->overlay->alive, passage);
}

static inline size_t bit_words(uint32_t bits)
{
    return ((size_t)bits + 63) / 64;
}

void segment_unref(struct segment *segment);
const struct entry *segment_find(const struct segment *segment, struct str term, uint32_t hash);
// Position of the passage with this slot, or NONE.
uint32_t segment_slot(const struct segment *segment, uint32_t slot);
// Position of `id` in ids[0..n), ascending, or NONE. Reads up to 7 entries behind them.
uint32_t ids_find(const uint16_t *ids, uint32_t n, uint16_t id);
// Position of `id` (low 16 bits) in the run, or NONE.
uint32_t run_find(const struct segment *segment, const struct run *run, uint16_t id);
// The posting of a passage for a term, as an index into ids, impacts, places; NONE when the term is not in it.
uint32_t entry_find(const struct segment *segment, const struct entry *entry, uint32_t passage);
// Passages alive that hold the term (estimated by proportion for long runs of a segment with gaps).
uint32_t entry_df(const struct part *part, const struct entry *entry);

struct overlay *overlay_new(const struct segment *segment);
struct overlay *overlay_copy(const struct overlay *overlay, const struct segment *segment);
void overlay_unref(struct overlay *overlay);
size_t overlay_bytes(const struct overlay *overlay, const struct segment *segment);

// Writing a segment: documents with their passages in order of slots, then each term once with its postings ascending.
struct segment_writer;
struct segment_writer *segment_writer_new(float average);
// `values` and `document->id` are copied; document->first and ->value are set here.
void segment_writer_document(struct segment_writer *w, const struct document *document,
                             const struct str values[ATTRIBUTES]);
void segment_writer_passage(struct segment_writer *w, uint32_t slot, uint32_t ordinal, uint32_t length,
                            const struct weight_set *weights);
void segment_writer_term(struct segment_writer *w, struct str text, uint32_t hash);
void segment_writer_posting(struct segment_writer *w, uint32_t passage, uint8_t place);
struct segment *segment_writer_finish(struct segment_writer *w); // frees the writer; one reference

// One new segment from the living passages of `n` parts in order; `ret_map[i]` (mem_alloc'd, by passage of part i) gets
// the new numbers, NONE for the dead.
struct segment *segment_merge(const struct part *parts, size_t n, float average, uint32_t **ret_map);
