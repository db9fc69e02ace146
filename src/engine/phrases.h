// SPDX-License-Identifier: Apache-2.0
// Lists of words and phrases with a kind each, made once from rows and then only read, by any number of threads.
// Matching is by tokens (engine/tokens.h): case, accents and English plurals do not matter.
#pragma once

#include "engine/tokens.h"

struct phrase_row {
    const char *text; // several phrases of one kind, separated by commas
    unsigned kind;    // one bit
};

struct phrases;

struct phrases *phrases_new(const struct phrase_row *rows, size_t n);
void phrases_free(struct phrases *phrases);
// Tokens of the longest phrase of one of the `kinds` that stands at token `from`, or 0. *ret_kinds (may be NULL) = the
// kinds of all phrases of that length there.
size_t phrases_at(const struct phrases *phrases, struct str text, struct tokens tokens, size_t from, unsigned kinds,
                  unsigned *ret_kinds);
