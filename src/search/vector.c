// SPDX-License-Identifier: Apache-2.0
// The scalar kernels, which are the reference, and the choice of a set: each faster one has to reproduce them on
// generated vectors before it is used. (`target_clones` by CPU model picks a slow variant on some machines.)
#include "search/vector.h"

#include "search/vector_sets.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static float dot_f32(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static int32_t dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static uint32_t hamming(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < words; i++)
        bits += (uint32_t)__builtin_popcountll(a[i] ^ b[i]);
    return bits;
}

static void dot_u7_rows(const uint8_t *query, const int8_t *at, size_t n, size_t rows, int32_t *ret)
{
    for (size_t r = 0; r < rows; r++) {
        ret[r] = 0;
        for (size_t i = 0; i < n; i++)
            ret[r] += query[i] * at[r * n + i];
    }
}

static void hamming_rows(const uint64_t *query, const uint64_t *at, size_t words, size_t rows, uint16_t *ret)
{
    for (size_t r = 0; r < rows; r++)
        ret[r] = (uint16_t)hamming(query, at + r * words, words);
}

static size_t within_u16(const uint16_t *at, size_t n, uint16_t limit, uint32_t *ret, size_t most)
{
    size_t found = 0;
    for (size_t i = 0; i < n && found < most; i++)
        if (at[i] <= limit)
            ret[found++] = (uint32_t)i;
    return found;
}

static size_t above_f32(const float *at, size_t n, float least, uint32_t *ret)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (at[i] > least)
            ret[found++] = (uint32_t)i;
    return found;
}

static void add_u8(float *to, const uint8_t *from, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++)
        to[i] += (float)from[i] * factor;
}

const struct vector_kernels vector_scalar = {"scalar",     dot_f32,    dot_i8,    hamming, dot_u7_rows,
                                             hamming_rows, within_u16, above_f32, add_u8};

static uint64_t next_random(uint64_t *state) // SplitMix64 (Steele, Lea, Flood 2014)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static bool check_within(const struct vector_kernels *k, uint64_t *state)
{
    enum { N = 201 };
    uint16_t values[N];
    uint32_t want[N + 32], got[N + 32];
    for (size_t i = 0; i < N; i++)
        values[i] = (uint16_t)(next_random(state) % 8 == 0 ? UINT16_MAX : next_random(state) % 400);
    static const uint16_t limits[] = {0, 50, 399, UINT16_MAX};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (size_t most = 1; most <= N; most += 100) {
            size_t n = within_u16(values, N, limits[i], want, most);
            if (k->within_u16(values, N, limits[i], got, most) != n || memcmp(want, got, n * sizeof *got) != 0)
                return false;
        }
    return true;
}

static bool check_floats(const struct vector_kernels *k, uint64_t *state)
{
    enum { N = 75 };
    uint8_t bytes[N];
    float want[N], got[N];
    uint32_t above[2][N];
    for (size_t i = 0; i < N; i++) {
        bytes[i] = (uint8_t)next_random(state);
        want[i] = got[i] = (float)(next_random(state) % 64);
    }
    add_u8(want, bytes, N, 0.25f);
    k->add_u8(got, bytes, N, 0.25f); // quarters are exact in either order of operations
    if (memcmp(want, got, sizeof want) != 0)
        return false;
    size_t n = above_f32(want, N, 40, above[0]);
    return k->above_f32(want, N, 40, above[1]) == n && memcmp(above[0], above[1], n * sizeof **above) == 0;
}

static bool check_length(const struct vector_kernels *k, size_t n, uint64_t *state)
{
    enum { ROWS = 6, MOST = 1100 };
    static const int8_t edges[] = {127, -127, 0, 1};
    int8_t q[MOST], rows[ROWS * MOST];
    uint8_t u7[MOST];
    float a[MOST], b[MOST];
    uint64_t bits[20], bit_rows[ROWS * 20];
    for (size_t i = 0; i < n; i++) {
        q[i] = i % 7 == 0 ? edges[next_random(state) % 4] : (int8_t)((int)(next_random(state) % 255) - 127);
        u7[i] = (uint8_t)(i % 5 == 0 ? 127 : next_random(state) % 128);
        a[i] = (float)q[i] / 127;
        b[i] = (float)(next_random(state) % 2000) / 1000 - 1;
    }
    for (size_t i = 0; i < ROWS * n; i++)
        rows[i] = i < n ? (q[i] < 0 ? -127 : 127) : (int8_t)((int)(next_random(state) % 255) - 127);
    size_t words = (n + 63) / 64;
    for (size_t i = 0; i < words; i++)
        bits[i] = next_random(state);
    for (size_t i = 0; i < ROWS * words; i++)
        bit_rows[i] = i < words ? ~bits[i] : next_random(state);
    int32_t dots[ROWS], want_dots[ROWS];
    uint16_t distances[ROWS];
    dot_u7_rows(u7, rows, n, ROWS, want_dots);
    k->dot_u7_rows(u7, rows, n, ROWS, dots);
    k->hamming_rows(bits, bit_rows, words, ROWS, distances);
    for (size_t r = 0; r < ROWS; r++) {
        int32_t want = dot_i8(q, rows + r * n, n);
        uint32_t far = hamming(bits, bit_rows + r * words, words);
        if (dots[r] != want_dots[r] || k->dot_i8(q, rows + r * n, n) != want || distances[r] != far ||
            k->hamming(bits, bit_rows + r * words, words) != far)
            return false;
    }
    return fabsf(k->dot_f32(a, b, n) - dot_f32(a, b, n)) <= 1e-5f * (float)(n + 1);
}

bool vector_check(const struct vector_kernels *kernels)
{
    static const size_t lengths[] = {0,  1,   7,   8,   15,  16,  31,  32,  33,   63,  64,
                                     65, 100, 127, 128, 255, 256, 384, 768, 1024, 1099};
    uint64_t state = 42;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (!check_length(kernels, lengths[i], &state))
            return false;
    return check_within(kernels, &state) && check_floats(kernels, &state);
}

static const struct vector_kernels *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

const struct vector_kernels *vector_kernels_named(const char *name)
{
    if (strcmp(name, "scalar") == 0)
        return &vector_scalar;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("popcnt"))
        return &vector_avx2;
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vpopcntdq"))
        return &vector_avx512;
#endif
    return NULL; // NEON: another set here, chosen by getauxval
}

static void choose(void)
{
    static const char *const by_speed[] = {"avx512", "avx2"};
    chosen = &vector_scalar;
    for (size_t i = 0; i < sizeof by_speed / sizeof *by_speed; i++) {
        const struct vector_kernels *kernels = vector_kernels_named(by_speed[i]);
        if (kernels && vector_check(kernels)) {
            chosen = kernels;
            return;
        }
    }
}

const struct vector_kernels *vector_kernels(void)
{
    pthread_once(&once, choose);
    return chosen;
}

bool vector_normalise(float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    if (!isfinite(sum) || sum <= 0)
        return false;
    double scale = 1 / sqrt(sum);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(v[i] * scale);
    return true;
}

void vector_quantise(const float *v, size_t n, int8_t *q, float *ret_scale)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(v[i]) > largest ? fabsf(v[i]) : largest;
    float scale = largest > 0 ? largest / 127 : 1, inverse = 1 / scale;
    for (size_t i = 0; i < n; i++) {
        float rounded = nearbyintf(v[i] * inverse);
        q[i] = (int8_t)(rounded > 127 ? 127 : rounded < -127 ? -127 : rounded);
    }
    *ret_scale = scale;
}

void vector_quantise_u7(const float *v, size_t n, uint8_t *q, float *ret_scale)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(v[i]) > largest ? fabsf(v[i]) : largest;
    float scale = largest > 0 ? largest / 63 : 1;
    for (size_t i = 0; i < n; i++) {
        float rounded = nearbyintf(v[i] / scale);
        q[i] = (uint8_t)(64 + (rounded > 63 ? 63 : rounded < -63 ? -63 : rounded));
    }
    *ret_scale = scale;
}

void vector_bits(const float *v, size_t n, uint64_t *bits)
{
    memset(bits, 0, (n + 63) / 64 * sizeof *bits);
    for (size_t i = 0; i < n; i++)
        if (v[i] > 0)
            bits[i / 64] |= 1ull << i % 64;
}
