// SPDX-License-Identifier: Apache-2.0
// Vector kernels: scalar, AVX2 and AVX-512 chosen once at run time by CPU feature and checked against the scalar ones
// before the first use. NEON has its place. Vectors are float32 of length 1 unless said otherwise.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vector_kernels {
    const char *name; // "scalar", "avx2", "avx512"
    float (*dot_f32)(const float *a, const float *b, size_t n);
    int32_t (*dot_i8)(const int8_t *a, const int8_t *b, size_t n);
    uint32_t (*hamming)(const uint64_t *a, const uint64_t *b, size_t words); // differing bits
};

const struct vector_kernels *vector_kernels(void); // the best that this CPU has and that passed its check
const struct vector_kernels *vector_kernels_named(const char *name); // NULL: not on this CPU; for tests
bool vector_normalise(float *v, size_t n); // to length 1; false for zero, NaN or infinity (left alone)
// int8 with one scale: v ≈ q · scale.
void vector_quantise(const float *v, size_t n, int8_t *q, float *ret_scale);
void vector_bits(const float *v, size_t n, uint64_t *bits); // sign bits, (n + 63) / 64 words
