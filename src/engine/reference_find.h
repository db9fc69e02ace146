// SPDX-License-Identifier: Apache-2.0
// The words of a text that refer to something, and the entities that they may mean. Private to reference.c.
#pragma once

#include "engine/reference.h"
#include "engine/tokens.h"

enum find_class {
    FIND_THING,     // it, this, that
    FIND_PERSON,    // he, she
    FIND_MANY,      // they, these, those
    FIND_NOUN,      // "this tent": the type or head word is `noun`
    FIND_ANY_THING, // "that one"
};

struct find {        // one referring expression
    size_t first, n; // tokens
    enum find_class class;
    bool possessive, demonstrative;
    struct str noun;
};

struct find_text { // a text with its words as written
    struct str text;
    struct tokens tokens;
};

struct str find_word(const struct find_text *t, size_t i); // "" beyond the end
// Is there a referring expression at token i (expletives and conjunctions left out)?
bool find_at(const struct find_text *t, size_t i, struct find *ret);
// "the second one", "the last product": 1.. or -1 for the last; 0 = none. *ret_n = tokens.
int find_ordinal(const struct find_text *t, size_t i, size_t *ret_n);

struct find_candidate {
    struct str type, value, id;
    double score; // 0..1
    bool joined;  // "A and B"
};
#define FIND_CANDIDATES_MAX 200
// All entities that were mentioned, oldest first (of equals the one mentioned last wins), each once.
size_t find_candidates(struct arena *arena, const struct reference_input *input, struct find_candidate *ret);
// Entities of the text itself that stand left of `byte` come after them.
size_t find_left(const struct reference_input *input, size_t byte, struct find_candidate *at, size_t n);
bool find_agrees(const struct find_candidate *candidate, const struct find *find);
// The best candidate and its confidence; NULL when none agrees.
const struct find_candidate *find_best(const struct find_candidate *at, size_t n, const struct find *find,
                                       double *ret_confidence);
// Options that the newest answer with a list offers; returns how many.
size_t find_options(struct arena *arena, const struct reference_input *input, struct find_candidate **ret);
