// SPDX-License-Identifier: Apache-2.0
// Who makes vectors: one small interface. Today a provider's embeddings (cmd/compose.c). Thread-safe.
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct embedder {
    void *self;
    // Name of the model in use (101 bytes) and the cosine that counts as unrelated; false: none, words alone serve.
    bool (*model)(void *self, char ret_name[101], float *ret_floor);
    // Vectors of length 1 in the arena. Blocking, for workers.
    int (*embed)(void *self, struct arena *arena, const struct str *texts, size_t n, bool query, int timeout_ms,
                 const float ***ret, size_t *ret_dims, struct err *err);
};
