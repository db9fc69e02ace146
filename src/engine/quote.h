// SPDX-License-Identifier: Apache-2.0
// The quoted answer (upstream-llm 8, step 3): the sentences of the best passages that share the most rarity-weighted
// terms with the question, each word for word; of about equal ones those that hold the kind of thing that was asked for
// (engine/answer_kind.h). Nothing is composed. Deterministic, pure, thread-safe.
#pragma once

#include "base/arena.h"
#include "search/search.h"

#define QUOTE_MAX_PASSAGES 3
#define QUOTE_MAX_SENTENCES 3
#define QUOTE_MAX_CHARACTERS 600 // of all sentences together

struct quote_passage { // in order of rank
    struct str doc;    // passages of one document are told in its order
    uint32_t ordinal;  // within the document
    struct str text;
    struct str title; // the document's: like a heading before the first sentence
};

struct quote_sentence {
    size_t passage;  // index given
    struct str text; // within the passage's text
};

struct quote; // the sentences of the passages, in the arena

// `terms`: the counting terms of `question` with their idf (search_result.terms). Without any (vectors alone found the
// passages) two sentences of the best passage are taken: those of the kind asked for, else its first. `question` may be
// empty. All must live as long as the quote.
struct quote *quote_read(struct arena *arena, struct str question, const struct search_match *terms, size_t n_terms,
                         const struct quote_passage *passages, size_t n);
// The sentences among which meaning should choose, each under its title, in the arena, at most `most`; 0: there is
// nothing to choose. Then quote_weigh with the cosine of each with the question.
size_t quote_texts(struct quote *quote, struct str *ret, size_t most);
void quote_weigh(struct quote *quote, const float *cosines);
// Returns 0..QUOTE_MAX_SENTENCES, in document order. Once.
size_t quote_take(struct quote *quote, struct quote_sentence ret[QUOTE_MAX_SENTENCES]);
// By words alone.
size_t quote_choose(struct arena *arena, struct str question, const struct search_match *terms, size_t n_terms,
                    const struct quote_passage *passages, size_t n, struct quote_sentence ret[QUOTE_MAX_SENTENCES]);
// What stands before sentence i of n in the answer: the lead-in and a line break, a space, or a line break (another
// passage). For streaming sentence by sentence; the concatenation is quote_text.
struct str quote_before(struct arena *arena, const struct quote_sentence *sentences, size_t i, const char *language);
struct str quote_text(struct arena *arena, const struct quote_sentence *sentences, size_t n, const char *language);

// `Skarv 2: 389.50 USD, in stock. Two-person tent for three seasons.` (first sentence of the description).
struct str quote_product(struct arena *arena, struct str name, int64_t price, struct str currency, bool available,
                         struct str description, const char *language);
