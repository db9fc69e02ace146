// SPDX-License-Identifier: Apache-2.0
// A model file for tests: few pieces, invented numbers, the shapes of the real one. For tests and fuzzers only.
#pragma once

#include "base/buf.h"

#define TESTING_NUMBERS ((size_t)16 << 20) // bytes behind the head that hold all tensors

// Header, pieces, map and directory; the tensors begin at the next multiple of 64. Pieces (id: text, score): 4 "▁"
// −3, 5… "a".."z" −6, "▁the" −4, "▁parcel" −5, "th" −5, "he" −5, "aa" −5, "ก" −5, "กา" −5, "<unk>" is 3. The map: tab →
// space, U+0001 → nothing, "A".."Z" → small, U+FDFA → 18 × "a", U+FFFD → space.
void testing_head(struct buf *out);
// The whole file with numbers made from the seed, at a new path under the temporary directory (unlink and free it).
char *testing_file(unsigned seed);
