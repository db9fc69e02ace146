// SPDX-License-Identifier: Apache-2.0
// Documents are cut into passages at paragraph and sentence ends, at most CHUNK_MOST characters each. Deterministic:
// the same text gives the same passages, so a passage is named by its number.
#pragma once

#include "base/arena.h"

#define CHUNK_MOST 1200

// Walks the passages: start with *pos = 0; false at the end. *ret lies in `text`.
bool chunk_next(struct str text, size_t *pos, struct str *ret);
