// SPDX-License-Identifier: Apache-2.0
// AVX2 and AVX-512 by function attribute: the file is compiled like every other and chosen from at run time. The int8
// products take |query| as the unsigned side of maddubs and move its signs to the row; within ±127 two products fit 16
// bits, and a query of 7 bits without sign needs no sign work at all. Four rows go together and share their sums' last
// steps.
#include "search/vector_sets.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vpopcntdq,popcnt")))

AVX2 static int32_t sum_i32(__m256i v)
{
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4E));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xB1));
    return _mm_cvtsi128_si32(x);
}

AVX2 static __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

AVX2 static float avx2_dot_f32(const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
        s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
    }
    float lanes[8], sum = 0;
    _mm256_storeu_ps(lanes, _mm256_add_ps(s0, s1));
    for (size_t k = 0; k < 8; k++)
        sum += lanes[k];
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

AVX2 static int32_t avx2_dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i x = load(a + i), y = load(b + i);
        __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(y, x));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
    int32_t total = sum_i32(sum);
    for (; i < n; i++)
        total += a[i] * b[i];
    return total;
}

AVX2 static uint32_t avx2_hamming(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < words; i++)
        bits += (uint64_t)_mm_popcnt_u64(a[i] ^ b[i]);
    return (uint32_t)bits;
}

AVX2 static __m256i add_products(__m256i sum, __m256i query, const int8_t *row)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(query, load(row)), _mm256_set1_epi16(1)));
}

AVX2 static void four_rows(const uint8_t *query, const int8_t *at, size_t n, int32_t *ret)
{
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m256i q = load(query + i);
        a = add_products(a, q, at + i);
        b = add_products(b, q, at + n + i);
        c = add_products(c, q, at + 2 * n + i);
        d = add_products(d, q, at + 3 * n + i);
    }
    __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storeu_si128((__m128i *)(void *)ret, sums);
    for (; i < n; i++)
        for (size_t r = 0; r < 4; r++)
            ret[r] += query[i] * at[r * n + i];
}

AVX2 static void avx2_dot_u7_rows(const uint8_t *query, const int8_t *at, size_t n, size_t rows, int32_t *ret)
{
    size_t r = 0;
    for (; r + 4 <= rows; r += 4)
        four_rows(query, at + r * n, n, ret + r);
    for (; r < rows; r++) {
        __m256i sum = _mm256_setzero_si256();
        size_t i = 0;
        for (; i + 32 <= n; i += 32)
            sum = add_products(sum, load(query + i), at + r * n + i);
        ret[r] = sum_i32(sum);
        for (; i < n; i++)
            ret[r] += query[i] * at[r * n + i];
    }
}

AVX2 static void avx2_hamming_rows(const uint64_t *query, const uint64_t *at, size_t words, size_t rows, uint16_t *ret)
{
    if (words != 6) {
        for (size_t r = 0; r < rows; r++)
            ret[r] = (uint16_t)avx2_hamming(query, at + r * words, words);
        return;
    }
    const uint64_t q0 = query[0], q1 = query[1], q2 = query[2], q3 = query[3], q4 = query[4], q5 = query[5];
    for (size_t r = 0; r < rows; r++, at += 6) // 384 components: the built-in embedder's
        ret[r] = (uint16_t)(_mm_popcnt_u64(at[0] ^ q0) + _mm_popcnt_u64(at[1] ^ q1) + _mm_popcnt_u64(at[2] ^ q2) +
                            _mm_popcnt_u64(at[3] ^ q3) + _mm_popcnt_u64(at[4] ^ q4) + _mm_popcnt_u64(at[5] ^ q5));
}

AVX2 static size_t avx2_within_u16(const uint16_t *at, size_t n, uint16_t limit, uint32_t *ret, size_t most)
{
    const __m256i limits = _mm256_set1_epi16((short)limit);
    size_t found = 0, i = 0;
    for (; i + 16 <= n && found < most; i += 16) {
        __m256i x = load(at + i), low = _mm256_cmpeq_epi16(_mm256_min_epu16(x, limits), x);
        for (uint32_t bits = (uint32_t)_mm256_movemask_epi8(low) & 0x55555555u; bits; bits &= bits - 1)
            ret[found++] = (uint32_t)(i + (unsigned)__builtin_ctz(bits) / 2);
    }
    for (; i < n && found < most; i++)
        if (at[i] <= limit)
            ret[found++] = (uint32_t)i;
    return found < most ? found : most;
}

AVX2 static size_t avx2_above_f32(const float *at, size_t n, float least, uint32_t *ret)
{
    const __m256 limit = _mm256_set1_ps(least);
    size_t found = 0, i = 0;
    for (; i + 16 <= n; i += 16) {
        uint32_t low = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(at + i), limit, _CMP_GT_OQ));
        uint32_t high = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(at + i + 8), limit, _CMP_GT_OQ));
        for (uint32_t bits = low | high << 8; bits; bits &= bits - 1)
            ret[found++] = (uint32_t)(i + (unsigned)__builtin_ctz(bits));
    }
    for (; i < n; i++)
        if (at[i] > least)
            ret[found++] = (uint32_t)i;
    return found;
}

AVX2 static void avx2_add_u8(float *to, const uint8_t *from, size_t n, float factor)
{
    const __m256 factors = _mm256_set1_ps(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(from + i))));
        _mm256_storeu_ps(to + i, _mm256_fmadd_ps(x, factors, _mm256_loadu_ps(to + i)));
    }
    for (; i < n; i++)
        to[i] += (float)from[i] * factor;
}

const struct vector_kernels vector_avx2 = {"avx2",          avx2_dot_f32,     avx2_dot_i8,
                                           avx2_hamming,    avx2_dot_u7_rows, avx2_hamming_rows,
                                           avx2_within_u16, avx2_above_f32,   avx2_add_u8};

AVX512 static float avx512_dot_f32(const float *a, const float *b, size_t n)
{
    __m512 sum = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 tail = n - i >= 16 ? 0xFFFF : (__mmask16)((1u << (n - i)) - 1);
        sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(tail, a + i), _mm512_maskz_loadu_ps(tail, b + i), sum);
    }
    return _mm512_reduce_add_ps(sum);
}

// Widened to 16 bits: AVX-512 has no sign instruction, and this needs no VNNI.
AVX512 static int32_t avx512_dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    __m512i sum = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512i x = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(a + i)));
        __m512i y = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(b + i)));
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x, y));
    }
    int32_t total = _mm512_reduce_add_epi32(sum);
    for (; i < n; i++)
        total += a[i] * b[i];
    return total;
}

AVX512 static uint32_t avx512_hamming(const uint64_t *a, const uint64_t *b, size_t words)
{
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < words; i += 8) {
        __mmask8 tail = words - i >= 8 ? 0xFF : (__mmask8)((1u << (words - i)) - 1);
        __m512i x = _mm512_xor_si512(_mm512_maskz_loadu_epi64(tail, a + i), _mm512_maskz_loadu_epi64(tail, b + i));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(x));
    }
    return (uint32_t)_mm512_reduce_add_epi64(sum);
}

AVX512 static void avx512_dot_u7_rows(const uint8_t *query, const int8_t *at, size_t n, size_t rows, int32_t *ret)
{
    const __m512i ones = _mm512_set1_epi16(1);
    for (size_t r = 0; r < rows; r++) {
        const int8_t *row = at + r * n;
        __m512i sum = _mm512_setzero_si512();
        size_t i = 0;
        for (; i + 64 <= n; i += 64) {
            __m512i pairs = _mm512_maddubs_epi16(_mm512_loadu_si512(query + i), _mm512_loadu_si512(row + i));
            sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, ones));
        }
        ret[r] = _mm512_reduce_add_epi32(sum);
        for (; i < n; i++)
            ret[r] += query[i] * row[i];
    }
}

AVX512 static void avx512_hamming_rows(const uint64_t *query, const uint64_t *at, size_t words, size_t rows,
                                       uint16_t *ret)
{
    for (size_t r = 0; r < rows; r++)
        ret[r] = (uint16_t)avx512_hamming(query, at + r * words, words);
}

AVX512 static size_t avx512_within_u16(const uint16_t *at, size_t n, uint16_t limit, uint32_t *ret, size_t most)
{
    const __m512i limits = _mm512_set1_epi16((short)limit);
    size_t found = 0;
    for (size_t i = 0; i < n && found < most; i += 32) {
        __mmask32 tail = n - i >= 32 ? UINT32_MAX : (1u << (n - i)) - 1;
        uint32_t bits = _mm512_mask_cmple_epu16_mask(tail, _mm512_maskz_loadu_epi16(tail, at + i), limits);
        for (; bits; bits &= bits - 1)
            ret[found++] = (uint32_t)(i + (unsigned)__builtin_ctz(bits));
    }
    return found < most ? found : most;
}

AVX512 static size_t avx512_above_f32(const float *at, size_t n, float least, uint32_t *ret)
{
    const __m512 limit = _mm512_set1_ps(least);
    size_t found = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 tail = n - i >= 16 ? 0xFFFF : (__mmask16)((1u << (n - i)) - 1);
        uint32_t bits = _mm512_mask_cmp_ps_mask(tail, _mm512_maskz_loadu_ps(tail, at + i), limit, _CMP_GT_OQ);
        for (; bits; bits &= bits - 1)
            ret[found++] = (uint32_t)(i + (unsigned)__builtin_ctz(bits));
    }
    return found;
}

AVX512 static void avx512_add_u8(float *to, const uint8_t *from, size_t n, float factor)
{
    const __m512 factors = _mm512_set1_ps(factor);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m512 x = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(from + i))));
        _mm512_storeu_ps(to + i, _mm512_fmadd_ps(x, factors, _mm512_loadu_ps(to + i)));
    }
    for (; i < n; i++)
        to[i] += (float)from[i] * factor;
}

const struct vector_kernels vector_avx512 = {"avx512",          avx512_dot_f32,     avx512_dot_i8,
                                             avx512_hamming,    avx512_dot_u7_rows, avx512_hamming_rows,
                                             avx512_within_u16, avx512_above_f32,   avx512_add_u8};

#else
typedef int vector_x86_is_empty; // a translation unit must declare something
#endif
