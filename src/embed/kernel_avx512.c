// SPDX-License-Identifier: Apache-2.0
// AVX-512 with VNNI by function attribute: one instruction multiplies 64 bytes and adds them to sixteen sums of 32
// bits, which is a whole step of AVX2's panel for a token. What is not the matrix product is AVX2's.
#include "embed/kernel.h"

#if defined(__x86_64__)

#include "embed/kernel_x86.h"

#include <immintrin.h>

#define VNNI "avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni"

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define UNSET __attribute__((uninitialized))

enum { STEPS = 8, TOKENS = 8 };

// `tokens` rows of activations against a panel. Always inlined with a constant, so that the sums live in registers.
__attribute__((target(VNNI), always_inline)) static inline void tile(const struct panel *panel, size_t blocks,
                                                                     const struct acts *a, size_t t,
                                                                     const size_t tokens, const float *bias, float *out,
                                                                     size_t stride)
{
    __m512 sums[TOKENS] UNSET;
    UNROLL
    for (size_t i = 0; i < tokens; i++)
        sums[i] = _mm512_loadu_ps(bias);
    for (size_t b = 0; b < blocks; b++) {
        __m512i exact[TOKENS] UNSET;
        UNROLL
        for (size_t i = 0; i < tokens; i++) {
            uint32_t start = a->start[(t + i) * blocks + b];
            exact[i] = _mm512_set1_epi32((int16_t)(start & 0xFFFF) + (int16_t)(start >> 16));
        }
        UNROLL
        for (size_t step = 0; step < STEPS; step++) {
            __m512i w = _mm512_load_si512(panel->weights + b * PANEL_BLOCK + step * 4 * PANEL_ROWS);
            UNROLL
            for (size_t i = 0; i < tokens; i++) {
                const int8_t *q = a->q + ((t + i) * blocks + b) * Q4_WEIGHTS + 4 * step;
                exact[i] = _mm512_dpbusd_epi32(exact[i], w, _mm512_set1_epi32((int)load_u32(q)));
            }
        }
        __m512 scales = _mm512_load_ps(panel->scales + b * PANEL_ROWS);
        UNROLL
        for (size_t i = 0; i < tokens; i++) {
            __m512 scale = _mm512_mul_ps(_mm512_set1_ps(a->scale[(t + i) * blocks + b]), scales);
            sums[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact[i]), scale, sums[i]);
        }
    }
    UNROLL
    for (size_t i = 0; i < tokens; i++)
        _mm512_storeu_ps(out + (t + i) * stride, sums[i]);
}

__attribute__((target(VNNI))) static void avx512_matmul(const struct linear *l, const struct acts *a, size_t tokens,
                                                        float *out, void *scratch)
{
    struct panel *panel = scratch;
    const size_t blocks = l->w.cols / Q4_WEIGHTS, rows = l->w.rows;
    for (size_t row = 0; row < rows; row += PANEL_ROWS) {
        avx2_unpack(&l->w, row, panel);
        size_t t = 0;
        for (; t + 8 <= tokens; t += 8)
            tile(panel, blocks, a, t, 8, l->b + row, out + row, rows);
        for (; t + 2 <= tokens; t += 2)
            tile(panel, blocks, a, t, 2, l->b + row, out + row, rows);
        if (t < tokens)
            tile(panel, blocks, a, t, 1, l->b + row, out + row, rows);
    }
}

const struct embed_kernels embed_avx512vnni = {"avx512vnni", avx2_quantise, avx512_matmul,
                                               avx2_attend,  avx2_gelu,     avx2_add_norm};

#else
typedef int embed_kernel_avx512_is_empty; // a translation unit must declare something
#endif
