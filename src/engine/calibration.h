// SPDX-License-Identifier: Apache-2.0
// How vectors of a model are compared, and which cosines count as unrelated and as the same. That of the built-in model
// is part of the program (engine/builtin_table.h); one of any other is made of its vectors of the background.
#pragma once

#include "base/crypto.h"
#include "engine/background.h"
#include "engine/embedder.h"

struct calibration {
    size_t dims, n_directions;
    float at, by, width;    // the floor is at - by * (cosine with the centre), full lies `width` above
    const float *common[3]; // what all of a kind share, by enum embedder_text
    const float
        *directions; // n_directions * dims, orthonormal: what tells only the language (or the form of a message)
};

// Takes out of a vector of `dims` what all of its kind have in common, and what only tells its language; of length 1
// again.
void calibration_shape(const struct calibration *calibration, enum embedder_text of, float *vector);
// As embedder.scale: `centre` is the mean of the `n` vectors that are searched; NULL, 0: not known. All shaped.
void calibration_scale(const struct calibration *calibration, const float *question, const float *centre, size_t n,
                       float *ret_floor, float *ret_full);

// Of a model's vectors of background_passages and background_questions, all of length 1. Titles count as passages.
// Languages that the model does not know are left out. NULL: it knows none.
struct calibration *calibration_new(const float *const *passages, const float *const *questions, size_t dims);
void calibration_free(struct calibration *calibration);

// As numbers that can be kept, in the arena; of NULL too.
const float *calibration_pack(const struct calibration *calibration, struct arena *arena, size_t *ret_n);
// NULL: there was none, or these are not such numbers for vectors of `dims`.
struct calibration *calibration_unpack(const float *numbers, size_t n, size_t dims);
// The name of the calibration that this program makes of such vectors of a model: other texts, another name.
void calibration_name(const char *model, size_t dims, char ret_hash[CRYPTO_HEX_SIZE]);
