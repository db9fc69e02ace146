// SPDX-License-Identifier: Apache-2.0
// AVX2 and FMA by function attribute. The matrix product keeps 16 rows of weights unpacked to 0..15 in an order that
// suits maddubs: each 32-bit lane is a row and takes four activations of a token, broadcast. A block's eight steps stay
// in 16 bits (8 · 2 · 15 · 127 < 32768; begun at acts.start, which makes 0..15 into −8..7), so that widening and
// scaling are paid once a block: 9 multiplying instructions for 256 products, where floats need 32.
#include "embed/kernel.h"

#if defined(__x86_64__)

#include "embed/kernel_x86.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX2_INLINE __attribute__((target("avx2,fma"), always_inline)) static inline

// Sums in arrays live in registers once their loops are gone.
#if defined(__clang__)
#define UNROLL _Pragma("unroll 16")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

// Keeps the compiler from adding up all products of a block before they join the sum, for which registers do not
// suffice.
#define IN_ORDER(v) __asm__("" : "+x"(v))

// Not cleared first, as other variables are: all of them that is read was written.
#define UNSET __attribute__((uninitialized))

enum { ROWS = PANEL_ROWS, STEPS = 8, TOKENS = 4 };

// ---- activations

AVX2_INLINE float greatest(__m256 v)
{
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}

AVX2 void avx2_quantise(const float *x, size_t n, struct acts *ret)
{
    const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), eights = _mm256_set1_epi8(8);
    for (size_t b = 0; b < n / Q4_WEIGHTS; b++, x += Q4_WEIGHTS) {
        __m256 v[4], most = _mm256_setzero_ps();
        UNROLL
        for (int i = 0; i < 4; i++) {
            v[i] = _mm256_loadu_ps(x + 8 * i);
            most = _mm256_max_ps(_mm256_and_ps(v[i], no_sign), most);
        }
        float scale = greatest(most) / 127.0f, inverse = scale > 0 ? 1.0f / scale : 0;
        if (!(inverse < __builtin_inff()))
            inverse = 0;
        __m256 by = _mm256_set1_ps(inverse);
        __m256i q[4];
        UNROLL
        for (int i = 0; i < 4; i++)
            q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], by));
        __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
        bytes = _mm256_permutevar8x32_epi32(bytes, in_order);
        bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(-127));
        _mm256_storeu_si256((__m256i *)(void *)(ret->q + b * Q4_WEIGHTS), bytes);
        // Pairs of a lane's four, eight lanes: their sums are the two halves of start.
        __m256i pairs = _mm256_maddubs_epi16(eights, bytes);
        __m128i sum = _mm_add_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
        sum = _mm_add_epi16(sum, _mm_shuffle_epi32(sum, 0x4E));
        sum = _mm_add_epi16(sum, _mm_shuffle_epi32(sum, 0xB1));
        ret->start[b] = (uint32_t)_mm_cvtsi128_si32(_mm_sub_epi16(_mm_setzero_si128(), sum));
        ret->scale[b] = scale;
    }
}

// ---- matrix product

// Word j of eight rows (16 bytes each, `stride` apart) side by side: ret[j], lane = row.
AVX2_INLINE void turn(const uint8_t *at, size_t stride, __m256i ret[4])
{
    __m256i r[4];
    UNROLL
    for (size_t i = 0; i < 4; i++)
        r[i] = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(at + i * stride))),
            _mm_loadu_si128((const __m128i *)(const void *)(at + (i + 4) * stride)), 1);
    __m256i a = _mm256_unpacklo_epi32(r[0], r[1]), b = _mm256_unpackhi_epi32(r[0], r[1]);
    __m256i c = _mm256_unpacklo_epi32(r[2], r[3]), d = _mm256_unpackhi_epi32(r[2], r[3]);
    ret[0] = _mm256_unpacklo_epi64(a, c);
    ret[1] = _mm256_unpackhi_epi64(a, c);
    ret[2] = _mm256_unpacklo_epi64(b, d);
    ret[3] = _mm256_unpackhi_epi64(b, d);
}

// As half_to_float: F16C would need asking for, which not every compiler can.
// Eight of them, `stride` bytes apart; put together in registers, for a load of what was just stored in parts waits
// long.
AVX2_INLINE __m256 halves(const uint8_t *at, size_t stride)
{
    uint16_t s[8];
    UNROLL
    for (size_t i = 0; i < 8; i++)
        memcpy(&s[i], at + i * stride, sizeof *s);
    __m256i h = _mm256_cvtepu16_epi32(_mm_setr_epi16((short)s[0], (short)s[1], (short)s[2], (short)s[3], (short)s[4],
                                                     (short)s[5], (short)s[6], (short)s[7]));
    __m256i bits = _mm256_slli_epi32(_mm256_and_si256(h, _mm256_set1_epi32(0x7FFF)), 13);
    __m256i sign = _mm256_slli_epi32(_mm256_andnot_si256(_mm256_set1_epi32(0x7FFF), h), 16);
    return _mm256_or_ps(_mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0x1p112f)), _mm256_castsi256_ps(sign));
}

AVX2 void avx2_unpack(const struct matrix *w, size_t row, struct panel *panel)
{
    const size_t blocks = w->cols / Q4_WEIGHTS, stride = blocks * Q4_BYTES;
    const __m256i low = _mm256_set1_epi8(15);
    // The next panel lies behind this one and is far away: its bytes come while this one is worked on.
    const uint8_t *next = w->at + (row + ROWS < w->rows ? row + ROWS : 0) * stride;
    for (size_t b = 0; b < blocks; b++) {
        for (size_t i = 0; i < ROWS * Q4_BYTES; i += 64)
            _mm_prefetch((const char *)next + b * ROWS * Q4_BYTES + i, _MM_HINT_T0);
        for (size_t half = 0; half < ROWS; half += 8) {
            const uint8_t *at = w->at + (row + half) * stride + b * Q4_BYTES;
            uint8_t *to = panel->weights + b * PANEL_BLOCK + half * 4;
            __m256i words[4];
            turn(at + 2, stride, words);
            UNROLL
            for (size_t j = 0; j < 4; j++) {
                __m256i high = _mm256_and_si256(_mm256_srli_epi16(words[j], 4), low);
                _mm256_store_si256((__m256i *)(void *)(to + j * 4 * ROWS), _mm256_and_si256(words[j], low));
                _mm256_store_si256((__m256i *)(void *)(to + (j + 4) * 4 * ROWS), high);
            }
            _mm256_store_ps(panel->scales + b * ROWS + half, halves(at, stride));
        }
    }
}

// `tokens` rows of activations against a panel. Always inlined with a constant, so that the sums live in registers.
AVX2_INLINE void tile(const struct panel *panel, size_t blocks, const struct acts *a, size_t t, const size_t tokens,
                      const float *bias, float *out, size_t stride)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 sums[TOKENS][2] UNSET;
    UNROLL
    for (size_t i = 0; i < tokens; i++) {
        sums[i][0] = _mm256_loadu_ps(bias);
        sums[i][1] = _mm256_loadu_ps(bias + 8);
    }
    for (size_t b = 0; b < blocks; b++) {
        const uint8_t *w = panel->weights + b * PANEL_BLOCK;
        __m256i exact[TOKENS][2] UNSET;
        UNROLL
        for (size_t i = 0; i < tokens; i++)
            exact[i][0] = exact[i][1] = _mm256_set1_epi32((int)a->start[(t + i) * blocks + b]);
        UNROLL
        for (size_t step = 0; step < STEPS; step++) {
            __m256i w0 = _mm256_load_si256((const __m256i *)(const void *)(w + step * 4 * ROWS));
            __m256i w1 = _mm256_load_si256((const __m256i *)(const void *)(w + step * 4 * ROWS + 32));
            UNROLL
            for (size_t i = 0; i < tokens; i++) {
                const int8_t *q = a->q + ((t + i) * blocks + b) * Q4_WEIGHTS + 4 * step;
                __m256i four = _mm256_set1_epi32((int)load_u32(q));
                exact[i][0] = _mm256_add_epi16(exact[i][0], _mm256_maddubs_epi16(w0, four));
                exact[i][1] = _mm256_add_epi16(exact[i][1], _mm256_maddubs_epi16(w1, four));
                IN_ORDER(exact[i][0]);
                IN_ORDER(exact[i][1]);
            }
        }
        __m256 s0 = _mm256_load_ps(panel->scales + b * ROWS), s1 = _mm256_load_ps(panel->scales + b * ROWS + 8);
        UNROLL
        for (size_t i = 0; i < tokens; i++) {
            __m256 scale = _mm256_broadcast_ss(a->scale + (t + i) * blocks + b);
            __m256 x = _mm256_cvtepi32_ps(_mm256_madd_epi16(exact[i][0], ones));
            __m256 y = _mm256_cvtepi32_ps(_mm256_madd_epi16(exact[i][1], ones));
            sums[i][0] = _mm256_fmadd_ps(x, _mm256_mul_ps(scale, s0), sums[i][0]);
            sums[i][1] = _mm256_fmadd_ps(y, _mm256_mul_ps(scale, s1), sums[i][1]);
        }
    }
    UNROLL
    for (size_t i = 0; i < tokens; i++) {
        _mm256_storeu_ps(out + (t + i) * stride, sums[i][0]);
        _mm256_storeu_ps(out + (t + i) * stride + 8, sums[i][1]);
    }
}

AVX2 static void avx2_matmul(const struct linear *l, const struct acts *a, size_t tokens, float *out, void *scratch)
{
    struct panel *panel = scratch;
    const size_t blocks = l->w.cols / Q4_WEIGHTS, rows = l->w.rows;
    for (size_t row = 0; row < rows; row += ROWS) {
        avx2_unpack(&l->w, row, panel);
        size_t t = 0;
        for (; t + 4 <= tokens; t += 4)
            tile(panel, blocks, a, t, 4, l->b + row, out + row, rows);
        if (tokens - t == 3)
            tile(panel, blocks, a, t, 3, l->b + row, out + row, rows);
        else if (tokens - t == 2)
            tile(panel, blocks, a, t, 2, l->b + row, out + row, rows);
        else if (tokens - t == 1)
            tile(panel, blocks, a, t, 1, l->b + row, out + row, rows);
    }
}

// ---- what is float

// x · (½ + x · p(x²)): up to 5, where Φ differs from 1 by less than 3e-7, Φ(x) − ½ is x times a function of x², which a
// polynomial of degree 11 in x² / 12.5 − 1 meets so that gelu is wrong by at most 2.2e-6 (and 8e-7 of x beyond).
AVX2_INLINE __m256 gelu_of(__m256 x)
{
    static const float by[] = {-0.00110191596f, 0.00320147001f, -0.00387768866f, 0.00510022556f,
                               -0.0101699838f,  0.0169183463f,  -0.0236244425f,  0.0313546993f,
                               -0.0403918996f,  0.051525563f,   -0.0702982396f,  0.14136374f};
    const __m256 end = _mm256_set1_ps(5.0f), half = _mm256_set1_ps(0.5f);
    __m256 near = _mm256_max_ps(_mm256_min_ps(x, end), _mm256_sub_ps(_mm256_setzero_ps(), end));
    __m256 t = _mm256_fmsub_ps(_mm256_mul_ps(near, near), _mm256_set1_ps(0.08f), _mm256_set1_ps(1.0f));
    __m256 p = _mm256_set1_ps(by[0]);
    UNROLL
    for (size_t i = 1; i < sizeof by / sizeof *by; i++)
        p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(by[i]));
    return _mm256_mul_ps(x, _mm256_fmadd_ps(p, near, half));
}

AVX2 void avx2_gelu(float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(x + i, gelu_of(_mm256_loadu_ps(x + i)));
    if (i < n) {
        float rest[8] = {0};
        memcpy(rest, x + i, (n - i) * sizeof *x);
        _mm256_storeu_ps(rest, gelu_of(_mm256_loadu_ps(rest)));
        memcpy(x + i, rest, (n - i) * sizeof *x);
    }
}

AVX2_INLINE float total(__m256 v)
{
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}

AVX2 void avx2_add_norm(float *x, const float *y, const struct norm *norm, float eps)
{
    __m256 sum = _mm256_setzero_ps(), spread = sum;
    for (size_t i = 0; i < MODEL_HIDDEN; i += 8) {
        __m256 v = _mm256_loadu_ps(x + i);
        if (y)
            v = _mm256_add_ps(v, _mm256_loadu_ps(y + i));
        _mm256_storeu_ps(x + i, v);
        sum = _mm256_add_ps(sum, v);
    }
    const __m256 mean = _mm256_set1_ps(total(sum) / MODEL_HIDDEN);
    for (size_t i = 0; i < MODEL_HIDDEN; i += 8) {
        __m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + i), mean);
        spread = _mm256_fmadd_ps(v, v, spread);
    }
    const __m256 inverse = _mm256_set1_ps(1.0f / __builtin_sqrtf(total(spread) / MODEL_HIDDEN + eps));
    for (size_t i = 0; i < MODEL_HIDDEN; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(x + i), mean), inverse);
        _mm256_storeu_ps(x + i, _mm256_fmadd_ps(v, _mm256_loadu_ps(norm->w + i), _mm256_loadu_ps(norm->b + i)));
    }
}

// ---- attention: a head at a time, its keys turned so that 16 of them stand side by side, four queries together

enum { GROUP = 16, QUERIES = 4 };
#define NO_KEY -1e30f // a product whose share is nothing

struct heads {
    float keys[MODEL_POSITIONS / GROUP][MODEL_HEAD][GROUP];
    float values[MODEL_POSITIONS][MODEL_HEAD];
    float start[MODEL_POSITIONS]; // of the products: 0, behind the last key NO_KEY
    float share[QUERIES][MODEL_POSITIONS];
};
_Static_assert(sizeof(struct heads) <= KERNEL_SCRATCH, "scratch");

// Eight numbers of each of eight rows that lie `stride` apart, turned: to[i] are the i-th of all.
AVX2_INLINE void turn_floats(const float *at, size_t stride, float *to, size_t to_stride)
{
    __m256 r[8], p[8];
    UNROLL
    for (size_t i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(at + i * stride);
    UNROLL
    for (size_t i = 0; i < 8; i += 2) {
        p[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        p[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL
    for (size_t i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(p[i], p[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(p[i], p[i + 2], 0xEE);
        r[i + 2] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0xEE);
    }
    UNROLL
    for (size_t i = 0; i < 4; i++) {
        _mm256_store_ps(to + i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_store_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

AVX2 static void gather(struct heads *h, const float *k, const float *v, size_t n)
{
    size_t s = 0;
    for (; s + 8 <= n; s += 8)
        for (size_t i = 0; i < MODEL_HEAD; i += 8)
            turn_floats(k + s * MODEL_HIDDEN + i, MODEL_HIDDEN, &h->keys[s / GROUP][i][s % GROUP], GROUP);
    for (; s < n || s % GROUP; s++)
        for (size_t i = 0; i < MODEL_HEAD; i++)
            h->keys[s / GROUP][i][s % GROUP] = s < n ? k[s * MODEL_HIDDEN + i] : 0;
    for (s = 0; s < n; s++)
        memcpy(h->values[s], v + s * MODEL_HIDDEN, sizeof h->values[s]);
}

// 2^y for y up to 0, by a polynomial of degree 5 for what lies behind the point (wrong by at most 3e-7 of it); far
// below −126 it stays a number next to 0.
AVX2_INLINE __m256 power_of_two(__m256 y)
{
    const __m256 whole = _mm256_set1_ps(0x1.8p23f); // added, it leaves an integer in the low bits
    y = _mm256_max_ps(y, _mm256_set1_ps(-126.0f));
    __m256 shifted = _mm256_add_ps(y, whole);
    __m256 f = _mm256_sub_ps(y, _mm256_sub_ps(shifted, whole));
    __m256 p = _mm256_set1_ps(0.0013276472f);
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.009675541f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.05550713f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.2402212f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.69314694f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0000001f));
    __m256i power = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
}

// Products of `count` queries with all keys, and the greatest of each.
AVX2_INLINE void multiply_keys(struct heads *h, const float *q, size_t n, const size_t count, float *most)
{
    __m256 greatest_of[QUERIES];
    UNROLL
    for (size_t c = 0; c < count; c++)
        greatest_of[c] = _mm256_set1_ps(NO_KEY);
    for (size_t g = 0; g * GROUP < n; g++) {
        __m256 product[QUERIES][2];
        UNROLL
        for (size_t c = 0; c < count; c++) {
            product[c][0] = _mm256_load_ps(h->start + g * GROUP);
            product[c][1] = _mm256_load_ps(h->start + g * GROUP + 8);
        }
        UNROLL
        for (size_t i = 0; i < MODEL_HEAD; i++) {
            __m256 k0 = _mm256_load_ps(h->keys[g][i]), k1 = _mm256_load_ps(h->keys[g][i] + 8);
            UNROLL
            for (size_t c = 0; c < count; c++) {
                __m256 one = _mm256_broadcast_ss(q + c * MODEL_HIDDEN + i);
                product[c][0] = _mm256_fmadd_ps(one, k0, product[c][0]);
                product[c][1] = _mm256_fmadd_ps(one, k1, product[c][1]);
            }
        }
        UNROLL
        for (size_t c = 0; c < count; c++) {
            _mm256_store_ps(h->share[c] + g * GROUP, product[c][0]);
            _mm256_store_ps(h->share[c] + g * GROUP + 8, product[c][1]);
            greatest_of[c] = _mm256_max_ps(greatest_of[c], _mm256_max_ps(product[c][0], product[c][1]));
        }
    }
    UNROLL
    for (size_t c = 0; c < count; c++)
        most[c] = greatest(greatest_of[c]);
}

// Shares, not yet divided by their sum, in the place of the products; ret: one through the sum.
AVX2_INLINE float weigh(float *share, size_t n, float greatest_one)
{
    const __m256 factor = _mm256_set1_ps(0.25503491f), most = _mm256_set1_ps(greatest_one); // 1 / √32 / ln 2
    _Static_assert(MODEL_HEAD == 32, "factor");
    __m256 sum = _mm256_setzero_ps();
    for (size_t s = 0; s < n; s += 8) {
        __m256 e = power_of_two(_mm256_mul_ps(_mm256_sub_ps(_mm256_load_ps(share + s), most), factor));
        _mm256_store_ps(share + s, e);
        sum = _mm256_add_ps(sum, e);
    }
    return 1.0f / total(sum);
}

AVX2_INLINE void attend_some(struct heads *h, float *q, size_t n, const size_t count)
{
    float most[QUERIES];
    multiply_keys(h, q, n, count, most);
    for (size_t c = 0; c < count; c++)
        most[c] = weigh(h->share[c], n, most[c]);
    for (size_t i = 0; i < MODEL_HEAD; i += 16) {
        __m256 out[QUERIES][2];
        UNROLL
        for (size_t c = 0; c < count; c++)
            out[c][0] = out[c][1] = _mm256_setzero_ps();
        for (size_t s = 0; s < n; s++) {
            __m256 v0 = _mm256_load_ps(h->values[s] + i), v1 = _mm256_load_ps(h->values[s] + i + 8);
            UNROLL
            for (size_t c = 0; c < count; c++) {
                __m256 share = _mm256_broadcast_ss(h->share[c] + s);
                out[c][0] = _mm256_fmadd_ps(share, v0, out[c][0]);
                out[c][1] = _mm256_fmadd_ps(share, v1, out[c][1]);
            }
        }
        UNROLL
        for (size_t c = 0; c < count; c++) {
            __m256 by = _mm256_set1_ps(most[c]);
            _mm256_storeu_ps(q + c * MODEL_HIDDEN + i, _mm256_mul_ps(out[c][0], by));
            _mm256_storeu_ps(q + c * MODEL_HIDDEN + i + 8, _mm256_mul_ps(out[c][1], by));
        }
    }
}

// A head's rows are far apart, which no prefetcher sees: those of the next head come while this one is worked on.
AVX2_INLINE void fetch_row(const float *row)
{
    _mm_prefetch((const char *)row, _MM_HINT_T0);
    _mm_prefetch((const char *)(row + MODEL_HEAD / 2), _MM_HINT_T0);
}

AVX2 void avx2_attend(float *q, const float *k, const float *v, size_t n, void *scratch)
{
    struct heads *h = scratch;
    for (size_t s = 0; s < n || s % GROUP; s++)
        h->start[s] = s < n ? 0 : NO_KEY;
    for (size_t i = 0; i < MODEL_HIDDEN; i += MODEL_HEAD) {
        const size_t next = i + MODEL_HEAD < MODEL_HIDDEN ? i + MODEL_HEAD : i;
        gather(h, k + i, v + i, n);
        size_t t = 0;
        for (; t + QUERIES <= n; t += QUERIES) {
            for (size_t c = t; c < t + QUERIES; c++) {
                fetch_row(k + c * MODEL_HIDDEN + next);
                fetch_row(v + c * MODEL_HIDDEN + next);
                fetch_row(q + c * MODEL_HIDDEN + next);
            }
            attend_some(h, q + t * MODEL_HIDDEN + i, n, QUERIES);
        }
        for (; t < n; t++)
            attend_some(h, q + t * MODEL_HIDDEN + i, n, 1);
    }
}

const struct embed_kernels embed_avx2 = {"avx2", avx2_quantise, avx2_matmul, avx2_attend, avx2_gelu, avx2_add_norm};

#else
typedef int embed_kernel_x86_is_empty; // a translation unit must declare something
#endif
