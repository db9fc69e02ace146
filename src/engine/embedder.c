// SPDX-License-Identifier: Apache-2.0
#include "engine/calibration.h"

bool embedder_calibrates(const struct embedder *embedder, const char *key)
{
    return key[0] && embedder->calibrates && embedder->calibrates(embedder->self, key);
}

float *embedder_shaped(const struct embedder *embedder, const char *key, const struct calibration *calibration,
                       struct arena *arena, enum embedder_text of, const float *vector, size_t dims)
{
    float *copy = arena_alloc(arena, dims * sizeof *copy);
    memcpy(copy, vector, dims * sizeof *copy);
    if (calibration && calibration->dims == dims)
        calibration_shape(calibration, of, copy);
    else if (embedder->shape)
        embedder->shape(embedder->self, key, of, copy, dims);
    return copy;
}

void embedder_scale(const struct embedder *embedder, const char *key, const struct calibration *calibration,
                    const float *question, const float *centre, size_t n, size_t dims, float *ret_floor,
                    float *ret_full)
{
    if (calibration && calibration->dims == dims)
        calibration_scale(calibration, question, centre, n, ret_floor, ret_full);
    else
        embedder->scale(embedder->self, key, question, centre, n, dims, ret_floor, ret_full);
}
