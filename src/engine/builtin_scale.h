// SPDX-License-Identifier: Apache-2.0
// How vectors of the built-in model are compared, and which cosines count as unrelated and as the same.
#pragma once

#include "engine/embedder.h"

enum { BUILTIN_DIMS = 384, BUILTIN_LANGUAGES = 4 };

// Takes out of a vector what all of its kind have in common, and what only tells its language; of length 1 again.
void scale_shape(enum embedder_text of, float *vector);
// `centre`: the mean of the `n` vectors that are searched; NULL, 0: not known. All shaped.
void scale_of(const float *question, const float *centre, size_t n, float *ret_floor, float *ret_full);

// builtin_table.c
extern const struct builtin_scale {
    float at, by, width;
} builtin_scale;
extern const float builtin_common[3][BUILTIN_DIMS];                    // by enum embedder_text
extern const float builtin_languages[BUILTIN_LANGUAGES][BUILTIN_DIMS]; // orthonormal
