// SPDX-License-Identifier: Apache-2.0
// Reads the reply of an embeddings endpoint in every form that servers send (upstream-llm 7.4): lists of floats or
// Base64 of little-endian float32, out of order, nested, bare arrays, one object.
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define VECTORS_MAX_DIMS 16384

// `ret` gets n vectors of *ret_dims floats each, one behind the other, scaled to length 1. ERR_FORMAT: the count
// differs, dimensions differ, something is no finite number or all zeros.
int vectors_read(struct arena *arena, struct str body, size_t n, float **ret, size_t *ret_dims);
