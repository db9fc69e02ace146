// SPDX-License-Identifier: Apache-2.0
// Documents are cut into passages at paragraph and sentence ends, at most CHUNK_MOST characters each. Deterministic:
// the same text gives the same passages, so a passage is named by its number. Form feeds part passages always.
#pragma once

#include "base/arena.h"
#include "base/id.h"

#define CHUNK_MOST 1200

// Walks the passages: start with *pos = 0; false at the end. *ret lies in `text`.
bool chunk_next(struct str text, size_t *pos, struct str *ret);
// How many there are.
int64_t chunk_count(struct str text);
// The id of a passage, made from its document's and its number: the same each time.
void chunk_id(struct str document_id, uint32_t ordinal, char out[ID_SIZE]);
