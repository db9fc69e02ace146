// SPDX-License-Identifier: Apache-2.0
// ARM's NEON, which every 64-bit ARM has, and the same with its dot product (ARMv8.2), asked for at run time. The
// matrix product keeps 16 rows of weights unpacked to −8..7, four of each row side by side: a 32-bit lane is a row and
// takes four activations of a token. One instruction of the dot product does 16 of these products, four without it.
#include "embed/kernel.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>

#define INLINE __attribute__((always_inline)) static inline

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#define DOT __attribute__((target("dotprod")))
#define DOT_ASM ""
#else
#define DOT // what is inlined also stands alone where nothing is optimised, so the assembler is told
#define DOT_ASM ".arch armv8.2-a+dotprod\n\t"
#define UNROLL _Pragma("GCC unroll 8")
#endif

enum { ROWS = 16, STEPS = 8, TOKENS = 2, PANEL_BLOCK = ROWS * Q4_WEIGHTS };

struct panel {
    int8_t weights[MODEL_FEED / Q4_WEIGHTS * PANEL_BLOCK]; // block, step, row, four weights
    float scales[MODEL_FEED / Q4_WEIGHTS * ROWS];          // block, row
};
_Static_assert(sizeof(struct panel) <= KERNEL_SCRATCH, "scratch");

// ---- activations

static void neon_quantise(const float *x, size_t n, struct acts *ret)
{
    for (size_t b = 0; b < n / Q4_WEIGHTS; b++, x += Q4_WEIGHTS) {
        float32x4_t most = vdupq_n_f32(0);
        int16x4_t words[8];
        for (size_t i = 0; i < 8; i++)
            most = vmaxnmq_f32(most, vabsq_f32(vld1q_f32(x + 4 * i)));
        float scale = vmaxnmvq_f32(most) / 127.0f, inverse = scale > 0 ? 1.0f / scale : 0;
        if (!(inverse < __builtin_inff()))
            inverse = 0;
        for (size_t i = 0; i < 8; i++)
            words[i] = vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4 * i), inverse)));
        int16x8_t pairs = vdupq_n_s16(0);
        for (size_t i = 0; i < 8; i += 4) {
            int8x16_t q = vcombine_s8(vqmovn_s16(vcombine_s16(words[i], words[i + 1])),
                                      vqmovn_s16(vcombine_s16(words[i + 2], words[i + 3])));
            q = vmaxq_s8(q, vdupq_n_s8(-127));
            vst1q_s8(ret->q + b * Q4_WEIGHTS + 4 * i, q);
            pairs = vpadalq_s8(pairs, q);
        }
        int16x4_t both = vadd_s16(vget_low_s16(pairs), vget_high_s16(pairs));
        int low = vget_lane_s16(both, 0) + vget_lane_s16(both, 2),
            high = vget_lane_s16(both, 1) + vget_lane_s16(both, 3);
        ret->start[b] = (uint16_t)(-8 * low) | (uint32_t)(uint16_t)(-8 * high) << 16;
        ret->scale[b] = scale;
    }
}

// ---- matrix product

static void unpack(const struct matrix *w, size_t row, struct panel *panel)
{
    const size_t blocks = w->cols / Q4_WEIGHTS;
    const int8x16_t eight = vdupq_n_s8(8);
    for (size_t r = 0; r < ROWS; r++) {
        const uint8_t *at = w->at + (row + r) * blocks * Q4_BYTES;
        for (size_t b = 0; b < blocks; b++, at += Q4_BYTES) {
            uint8x16_t both = vld1q_u8(at + 2);
            int32_t words[STEPS];
            vst1q_s32(words,
                      vreinterpretq_s32_s8(vsubq_s8(vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15))), eight)));
            vst1q_s32(words + 4, vreinterpretq_s32_s8(vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(both, 4)), eight)));
            for (size_t step = 0; step < STEPS; step++)
                memcpy(panel->weights + b * PANEL_BLOCK + (step * ROWS + r) * 4, &words[step], 4);
            panel->scales[b * ROWS + r] = half_to_float(at);
        }
    }
}

// Adds to each lane its four weights times the four activations at q.
INLINE int32x4_t add_products(int32x4_t sum, int8x16_t w, const int8_t *q, const bool dot)
{
    int8x16_t four = vreinterpretq_s8_u32(vdupq_n_u32(load_u32(q)));
    if (dot) {
        __asm__(DOT_ASM "sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(w), "w"(four));
        return sum;
    }
    int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(four)), high = vmull_high_s8(w, four);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

// `tokens` rows of activations against a panel. Always inlined with constants, so that the sums live in registers.
INLINE void tile(const struct panel *panel, size_t blocks, const struct acts *a, size_t t, const size_t tokens,
                 const float *bias, float *out, size_t stride, const bool dot)
{
    float32x4_t sums[TOKENS][4];
    UNROLL
    for (size_t i = 0; i < tokens; i++) {
        UNROLL
        for (size_t r = 0; r < 4; r++)
            sums[i][r] = vld1q_f32(bias + 4 * r);
    }
    for (size_t b = 0; b < blocks; b++) {
        const int8_t *w = panel->weights + b * PANEL_BLOCK;
        int32x4_t exact[TOKENS][4];
        UNROLL
        for (size_t i = 0; i < tokens; i++)
            exact[i][0] = exact[i][1] = exact[i][2] = exact[i][3] = vdupq_n_s32(0);
        UNROLL
        for (size_t step = 0; step < STEPS; step++) {
            UNROLL
            for (size_t r = 0; r < 4; r++) {
                int8x16_t some = vld1q_s8(w + step * 4 * ROWS + 16 * r);
                UNROLL
                for (size_t i = 0; i < tokens; i++)
                    exact[i][r] =
                        add_products(exact[i][r], some, a->q + ((t + i) * blocks + b) * Q4_WEIGHTS + 4 * step, dot);
            }
        }
        UNROLL
        for (size_t r = 0; r < 4; r++) {
            float32x4_t scales = vld1q_f32(panel->scales + b * ROWS + 4 * r);
            UNROLL
            for (size_t i = 0; i < tokens; i++)
                sums[i][r] = vfmaq_f32(sums[i][r], vcvtq_f32_s32(exact[i][r]),
                                       vmulq_n_f32(scales, a->scale[(t + i) * blocks + b]));
        }
    }
    UNROLL
    for (size_t i = 0; i < tokens; i++) {
        UNROLL
        for (size_t r = 0; r < 4; r++)
            vst1q_f32(out + (t + i) * stride + 4 * r, sums[i][r]);
    }
}

INLINE void matmul(const struct linear *l, const struct acts *a, size_t tokens, float *out, void *scratch,
                   const bool dot)
{
    struct panel *panel = scratch;
    const size_t blocks = l->w.cols / Q4_WEIGHTS, rows = l->w.rows;
    for (size_t row = 0; row < rows; row += ROWS) {
        size_t t = 0;
        unpack(&l->w, row, panel);
        for (; t + TOKENS <= tokens; t += TOKENS)
            tile(panel, blocks, a, t, TOKENS, l->b + row, out + row, rows, dot);
        if (t < tokens)
            tile(panel, blocks, a, t, 1, l->b + row, out + row, rows, dot);
    }
}

static void neon_matmul(const struct linear *l, const struct acts *a, size_t tokens, float *out, void *scratch)
{
    matmul(l, a, tokens, out, scratch, false);
}

DOT static void dot_matmul(const struct linear *l, const struct acts *a, size_t tokens, float *out, void *scratch)
{
    matmul(l, a, tokens, out, scratch, true);
}

// ---- what is float

// As in kernel_x86.c, from where the sources are.
INLINE float32x4_t exponential(float32x4_t x)
{
    x = vmaxq_f32(x, vdupq_n_f32(-87.0f));
    float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504088896341f));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(0.693359375f));
    r = vfmsq_f32(r, n, vdupq_n_f32(-2.12194440e-4f));
    float32x4_t p = vdupq_n_f32(1.9875691500e-4f);
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1f), p, r);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1f), p, r);
    p = vfmaq_f32(vaddq_f32(r, vdupq_n_f32(1.0f)), p, vmulq_f32(r, r));
    int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(p, vreinterpretq_f32_s32(power));
}

INLINE float32x4_t gelu_of(float32x4_t x)
{
    const float32x4_t one = vdupq_n_f32(1.0f);
    float32x4_t z = vmulq_n_f32(x, 0.70710678118654752f), amount = vabsq_f32(z);
    float32x4_t t = vdivq_f32(one, vfmaq_f32(one, amount, vdupq_n_f32(0.3275911f)));
    float32x4_t p = vdupq_n_f32(1.061405429f);
    p = vfmaq_f32(vdupq_n_f32(-1.453152027f), p, t);
    p = vfmaq_f32(vdupq_n_f32(1.421413741f), p, t);
    p = vfmaq_f32(vdupq_n_f32(-0.284496736f), p, t);
    p = vfmaq_f32(vdupq_n_f32(0.254829592f), p, t);
    float32x4_t erf = vfmsq_f32(one, vmulq_f32(p, t), exponential(vnegq_f32(vmulq_f32(z, z))));
    erf = vbslq_f32(vdupq_n_u32(0x80000000), x, erf);
    return vmulq_f32(vmulq_n_f32(x, 0.5f), vaddq_f32(one, erf));
}

static void neon_gelu(float *x, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(x + i, gelu_of(vld1q_f32(x + i)));
    if (i < n) {
        float rest[4] = {0};
        memcpy(rest, x + i, (n - i) * sizeof *x);
        vst1q_f32(rest, gelu_of(vld1q_f32(rest)));
        memcpy(x + i, rest, (n - i) * sizeof *x);
    }
}

static void neon_add_norm(float *x, const float *y, const struct norm *norm, float eps)
{
    float32x4_t sum = vdupq_n_f32(0), spread = sum;
    for (size_t i = 0; i < MODEL_HIDDEN; i += 4) {
        float32x4_t v = vld1q_f32(x + i);
        if (y)
            v = vaddq_f32(v, vld1q_f32(y + i));
        vst1q_f32(x + i, v);
        sum = vaddq_f32(sum, v);
    }
    const float32x4_t mean = vdupq_n_f32(vaddvq_f32(sum) / MODEL_HIDDEN);
    for (size_t i = 0; i < MODEL_HIDDEN; i += 4) {
        float32x4_t v = vsubq_f32(vld1q_f32(x + i), mean);
        spread = vfmaq_f32(spread, v, v);
    }
    const float inverse = 1.0f / __builtin_sqrtf(vaddvq_f32(spread) / MODEL_HIDDEN + eps);
    for (size_t i = 0; i < MODEL_HIDDEN; i += 4) {
        float32x4_t v = vmulq_n_f32(vsubq_f32(vld1q_f32(x + i), mean), inverse);
        vst1q_f32(x + i, vfmaq_f32(vld1q_f32(norm->b + i), v, vld1q_f32(norm->w + i)));
    }
}

// ---- attention: one query of one head at a time

static float weigh(const float *q, const float *k, size_t n, float *share)
{
    float32x4_t query[MODEL_HEAD / 4], most = vdupq_n_f32(-1e30f), sum = vdupq_n_f32(0);
    for (size_t i = 0; i < MODEL_HEAD / 4; i++)
        query[i] = vmulq_n_f32(vld1q_f32(q + 4 * i), 0.17677669529663689f); // 1 / √32
    _Static_assert(MODEL_HEAD == 32, "factor");
    for (size_t s = 0; s < n; s++, k += MODEL_HIDDEN) {
        float32x4_t even = vmulq_f32(query[0], vld1q_f32(k)), odd = vmulq_f32(query[1], vld1q_f32(k + 4));
        for (size_t i = 2; i < MODEL_HEAD / 4; i += 2) {
            even = vfmaq_f32(even, query[i], vld1q_f32(k + 4 * i));
            odd = vfmaq_f32(odd, query[i + 1], vld1q_f32(k + 4 * i + 4));
        }
        share[s] = vaddvq_f32(vaddq_f32(even, odd));
    }
    for (size_t s = n; s % 4; s++)
        share[s] = -1e30f;
    for (size_t s = 0; s < n; s += 4)
        most = vmaxq_f32(most, vld1q_f32(share + s));
    most = vdupq_n_f32(vmaxvq_f32(most));
    for (size_t s = 0; s < n; s += 4) {
        float32x4_t e = exponential(vsubq_f32(vld1q_f32(share + s), most));
        vst1q_f32(share + s, e);
        sum = vaddq_f32(sum, e);
    }
    return vaddvq_f32(sum);
}

static void neon_attend(float *q, const float *k, const float *v, size_t n, void *scratch)
{
    float *share = scratch;
    for (size_t t = 0; t < n; t++)
        for (size_t at = 0; at < MODEL_HIDDEN; at += MODEL_HEAD) {
            float *to = q + t * MODEL_HIDDEN + at, by = 1.0f / weigh(to, k + at, n, share);
            float32x4_t out[MODEL_HEAD / 4];
            for (size_t i = 0; i < MODEL_HEAD / 4; i++)
                out[i] = vdupq_n_f32(0);
            for (size_t s = 0; s < n; s++)
                for (size_t i = 0; i < MODEL_HEAD / 4; i++)
                    out[i] = vfmaq_n_f32(out[i], vld1q_f32(v + s * MODEL_HIDDEN + at + 4 * i), share[s]);
            for (size_t i = 0; i < MODEL_HEAD / 4; i++)
                vst1q_f32(to + 4 * i, vmulq_n_f32(out[i], by));
        }
}

const struct embed_kernels embed_neon = {"neon", neon_quantise, neon_matmul, neon_attend, neon_gelu, neon_add_norm};
const struct embed_kernels embed_neondot = {"neondot",   neon_quantise, dot_matmul,
                                            neon_attend, neon_gelu,     neon_add_norm};

#else
typedef int embed_kernel_neon_is_empty; // a translation unit must declare something
#endif
