// SPDX-License-Identifier: Apache-2.0
// The inner loops of the model, one table of functions for each kind of CPU. The scalar table is what the others are
// checked against before the first use; a table that fails is not taken. Weights stay as they are in the file and are
// unpacked a panel at a time, once for all tokens of a call; activations are int8 with a scale for each 32 of them, so
// that products are sums of integers: exact, and equal in every table. Pointers need no alignment but their type's.
#pragma once

#include "embed/file.h"

struct acts { // rows of activations, 32 to a block: q · scale
    int8_t *q;
    float *scale;
    // −8 times the block's sum, as two int16 (low: q[i] with i % 4 < 2, high: the others): what weights that are 0..15
    // instead of −8..7 have too much.
    uint32_t *start;
};

#define KERNEL_SCRATCH ((size_t)(256 << 10)) // bytes that matmul and attend may use, aligned to 64

struct embed_kernels {
    const char *name; // "scalar", "avx2", "avx512vnni", "neon", "neondot"
    // n activations (a multiple of 32): scale is the greatest of 32 by amount / 127, rounding to the nearest even.
    void (*quantise)(const float *x, size_t n, struct acts *ret);
    // out[t][row] = w[row] · a[t] + b[row] for all tokens; rows and cols are multiples of 32.
    void (*matmul)(const struct linear *l, const struct acts *a, size_t tokens, float *out, void *scratch);
    // Attention among n <= MODEL_POSITIONS tokens, all heads; rows of MODEL_HIDDEN. The result takes the place of q.
    void (*attend)(float *q, const float *k, const float *v, size_t n, void *scratch);
    void (*gelu)(float *x, size_t n); // x · Φ(x), by erf
    // x = norm(x + y), one row of MODEL_HIDDEN; y NULL: none.
    void (*add_norm)(float *x, const float *y, const struct norm *norm, float eps);
};

const struct embed_kernels *embed_kernels(void); // the best that this CPU has and that passed its check
const struct embed_kernels *embed_kernels_named(const char *name); // NULL: not on this CPU
// Random weights and texts through both tables; how far the worst result is from the scalar one.
bool embed_kernels_agree(const struct embed_kernels *kernels, unsigned seed);

extern const struct embed_kernels embed_scalar;
#if defined(__x86_64__)
extern const struct embed_kernels embed_avx2, embed_avx512vnni;
#elif defined(__aarch64__)
extern const struct embed_kernels embed_neon, embed_neondot;
#endif
