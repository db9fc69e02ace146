// SPDX-License-Identifier: Apache-2.0
// The pass through the model: several texts' ids in, a vector each out.
#pragma once

#include "embed/kernel.h"

// Bytes of memory that a pass over so many tokens needs, aligned to 64.
size_t forward_memory(size_t tokens);
// Texts lie one behind the other in ids; starts[n_texts] is the end, at most MODEL_POSITIONS in all. ret: n_texts rows
// of MODEL_HIDDEN, of length 1; ERR_FORMAT where there is no such vector.
int forward(const struct weights *weights, const struct embed_kernels *kernels, const uint32_t *ids,
            const uint32_t *starts, size_t n_texts, void *memory, float *ret);
