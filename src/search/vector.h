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
    // One query against `rows` rows of n bytes that lie one behind the other; the query's components are 0..127.
    void (*dot_u7_rows)(const uint8_t *query, const int8_t *at, size_t n, size_t rows, int32_t *ret);
    void (*hamming_rows)(const uint64_t *query, const uint64_t *at, size_t words, size_t rows, uint16_t *ret);
    // Positions of the values up to `limit`, ascending; stops at `most` (ret has room for `most` + 32).
    size_t (*within_u16)(const uint16_t *at, size_t n, uint16_t limit, uint32_t *ret, size_t most);
    // Positions of the values above `least`, ascending; ret has room for all.
    size_t (*above_f32)(const float *at, size_t n, float least, uint32_t *ret);
    void (*add_u8)(float *to, const uint8_t *from, size_t n, float factor); // to[i] += from[i] · factor
};

const struct vector_kernels *vector_kernels(void); // the best that this CPU has and that passed its check
const struct vector_kernels *vector_kernels_named(const char *name); // NULL: not on this CPU; for tests
bool vector_normalise(float *v, size_t n); // to length 1; false for zero, NaN or infinity (left alone)
// int8 with one scale: v ≈ q · scale.
void vector_quantise(const float *v, size_t n, int8_t *q, float *ret_scale);
// 7 bits for dot_u7_rows: v ≈ (q − 64) · scale.
void vector_quantise_u7(const float *v, size_t n, uint8_t *q, float *ret_scale);
void vector_bits(const float *v, size_t n, uint64_t *bits); // sign bits, (n + 63) / 64 words
