// SPDX-License-Identifier: Apache-2.0
// Which table of kernels: the best that the CPU has by its features, if its results are the scalar ones'.
#include "embed/kernel.h"

#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

// Enough for every tail of tokens and both widths of a matrix.
enum { CHECK_ROWS = 32, CHECK_TOKENS = 19, CHECK_COLS = MODEL_FEED };
#define NEAR 2e-4f // of sums in another order

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static float next_float(uint32_t *state) // −1..1
{
    return (float)next(state) / (float)(1 << 23) - 1.0f;
}

struct check {
    uint8_t w[CHECK_ROWS * CHECK_COLS / Q4_WEIGHTS * Q4_BYTES];
    float b[CHECK_ROWS], x[CHECK_TOKENS * CHECK_COLS];
    int8_t q[2][CHECK_TOKENS * CHECK_COLS];
    float scale[2][CHECK_TOKENS * CHECK_COLS / Q4_WEIGHTS];
    uint32_t start[2][CHECK_TOKENS * CHECK_COLS / Q4_WEIGHTS];
    float out[2][CHECK_TOKENS * CHECK_COLS];
};

static bool near(const struct check *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(c->out[0][i] - c->out[1][i]) <= NEAR * (1.0f + fabsf(c->out[0][i]))))
            return false;
    return true;
}

static void fill(struct check *c, uint32_t *state)
{
    for (size_t i = 0; i < sizeof c->w; i++)
        c->w[i] = (uint8_t)next(state);
    for (size_t i = 0; i < sizeof c->w; i += Q4_BYTES)
        c->w[i + 1] = (uint8_t)(0x1C | (c->w[i + 1] & 0x83)); // scales of about 1/256, of both signs
    for (size_t i = 0; i < CHECK_ROWS; i++)
        c->b[i] = next_float(state);
    for (size_t i = 0; i < CHECK_TOKENS * CHECK_COLS; i++)
        c->x[i] = next_float(state) * (i % 977 == 0 ? 40.0f : 1.0f);
    memset(c->x + Q4_WEIGHTS, 0, Q4_WEIGHTS * sizeof(float)); // a block of nothing
}

static bool products_agree(const struct embed_kernels *k, struct check *c, void *scratch, uint32_t cols, size_t tokens)
{
    const struct embed_kernels *both[2] = {&embed_scalar, k};
    struct linear l = {{c->w, CHECK_ROWS, cols}, c->b};
    for (int i = 0; i < 2; i++) {
        struct acts a = {c->q[i], c->scale[i], c->start[i]};
        both[i]->quantise(c->x, tokens * cols, &a);
        both[i]->matmul(&l, &a, tokens, c->out[i], scratch);
    }
    size_t blocks = tokens * cols / Q4_WEIGHTS;
    return memcmp(c->q[0], c->q[1], tokens * cols) == 0 &&
           memcmp(c->scale[0], c->scale[1], blocks * sizeof(float)) == 0 &&
           memcmp(c->start[0], c->start[1], blocks * sizeof(uint32_t)) == 0 && near(c, tokens * CHECK_ROWS);
}

static bool floats_agree(const struct embed_kernels *k, struct check *c, void *scratch, size_t n, bool add)
{
    const struct embed_kernels *both[2] = {&embed_scalar, k};
    const float *keys = c->x + 1, *values = c->x + CHECK_TOKENS * MODEL_HIDDEN;
    struct norm norm = {c->x, c->x + MODEL_HIDDEN};
    for (int i = 0; i < 2; i++) {
        memcpy(c->out[i], c->x + 2 * CHECK_TOKENS * MODEL_HIDDEN, n * MODEL_HIDDEN * sizeof(float));
        both[i]->attend(c->out[i], keys, values, n, scratch);
        for (size_t t = 0; t < n; t++)
            both[i]->add_norm(c->out[i] + t * MODEL_HIDDEN, add ? c->x + t : NULL, &norm, 1e-12f);
        both[i]->gelu(c->out[i] + n % 8, n * MODEL_HIDDEN - n);
    }
    return near(c, n * MODEL_HIDDEN);
}

bool embed_kernels_agree(const struct embed_kernels *kernels, unsigned seed)
{
    AUTO_FREE struct check *c = mem_zalloc(sizeof *c);
    void *scratch = aligned_alloc(64, KERNEL_SCRATCH);
    uint32_t state = seed;
    if (!scratch)
        abort();
    fill(c, &state);
    bool same = true;
    for (size_t n = 1; n <= CHECK_TOKENS && same; n += n < 6 ? 1 : 13)
        same = products_agree(kernels, c, scratch, MODEL_HIDDEN, n) && floats_agree(kernels, c, scratch, n, n % 2);
    same = same && products_agree(kernels, c, scratch, MODEL_FEED, 5);
    free(scratch);
    return same;
}

const struct embed_kernels *embed_kernels_named(const char *name)
{
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(name, "avx2") == 0)
        return avx2 ? &embed_avx2 : NULL;
    if (strcmp(name, "avx512vnni") == 0)
        return avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512vnni")
                   ? &embed_avx512vnni
                   : NULL;
#elif defined(__aarch64__)
    if (strcmp(name, "neondot") == 0)
        return getauxval(AT_HWCAP) & HWCAP_ASIMDDP ? &embed_neondot : NULL;
    if (strcmp(name, "neon") == 0)
        return &embed_neon;
#endif
    return strcmp(name, "scalar") == 0 ? &embed_scalar : NULL;
}

static const struct embed_kernels *chosen = &embed_scalar;

static void choose(void)
{
    static const char *const names[] = {"avx512vnni", "avx2", "neondot", "neon"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct embed_kernels *kernels = embed_kernels_named(names[i]);
        if (kernels && embed_kernels_agree(kernels, 1)) {
            chosen = kernels;
            return;
        }
    }
}

const struct embed_kernels *embed_kernels(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}
