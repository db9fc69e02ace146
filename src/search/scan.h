// SPDX-License-Identifier: Apache-2.0
// The scanner under analysis.h, inside the search room: calls back for each term instead of collecting them.
#pragma once

#include "search/analysis.h"

// `term->text` is valid during the call only. With `mark` (queries) Chinese, Japanese, Korean, Thai and their like get
// TERM_STOP where it applies; Latin stop words are the caller's business, as they need the whole text. Without it
// (index) no dictionary is asked for CJK, which makes it several times faster; terms and order are the same.
void scan_terms(struct str text, size_t max_terms, bool mark, void (*sink)(void *arg, const struct term *term),
                void *arg);

// All terms of a text as the index sees them: no TERM_STOP.
struct terms analyse_for_index(struct arena *arena, struct str text);

// Cuts `text` at ICU's word boundaries: offsets of the ends, at most `max`; 0 when ICU has no dictionary. Thread-safe.
size_t scan_breaks(struct str text, uint32_t *ret_ends, size_t max);
