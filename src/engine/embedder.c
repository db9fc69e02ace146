// SPDX-License-Identifier: Apache-2.0
#include "engine/embedder.h"

float *embedder_shaped(const struct embedder *embedder, const char *key, struct arena *arena, enum embedder_text of,
                       const float *vector, size_t dims)
{
    float *copy = arena_alloc(arena, dims * sizeof *copy);
    memcpy(copy, vector, dims * sizeof *copy);
    if (embedder->shape)
        embedder->shape(embedder->self, key, of, copy, dims);
    return copy;
}
