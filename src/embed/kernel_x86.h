// SPDX-License-Identifier: Apache-2.0
// What the tables of x86-64 share: the panel of unpacked weights, and AVX2's functions where AVX-512 has no better one.
#pragma once

#include "embed/kernel.h"

enum { PANEL_ROWS = 16, PANEL_BLOCK = PANEL_ROWS * Q4_WEIGHTS };

// Sixteen rows of weights as 0..15. A lane of 32 bits is a row and takes four activations of a token, so that a step
// through a block is 64 bytes, and there are eight of them.
struct panel {
    uint8_t weights[MODEL_FEED / Q4_WEIGHTS * PANEL_BLOCK]; // block, step, row, four weights
    float scales[MODEL_FEED / Q4_WEIGHTS * PANEL_ROWS];     // block, row
};
_Static_assert(sizeof(struct panel) <= KERNEL_SCRATCH, "scratch");

void avx2_unpack(const struct matrix *w, size_t row, struct panel *panel); // aligned to 64
void avx2_quantise(const float *x, size_t n, struct acts *ret);
void avx2_attend(float *q, const float *k, const float *v, size_t n, void *scratch);
void avx2_gelu(float *x, size_t n);
void avx2_add_norm(float *x, const float *y, const struct norm *norm, float eps);
