// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/mem.h"
#include "embed/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"scalar", "avx2", "avx512vnni", "neon", "neondot"};

TEST(kernels_agree_with_the_scalar_ones)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct embed_kernels *k = embed_kernels_named(names[i]);
        for (unsigned seed = 1; k && seed < 4; seed++)
            assert_true(embed_kernels_agree(k, seed));
    }
    assert_null(embed_kernels_named("abacus"));
    assert_non_null(embed_kernels()->name);
}

static void wrong_gelu(float *x, size_t n)
{
    embed_scalar.gelu(x, n - 1);
}

static void wrong_matmul(const struct linear *l, const struct acts *a, size_t tokens, float *out, void *scratch)
{
    embed_scalar.matmul(l, a, tokens, out, scratch);
    out[tokens * l->w.rows - 1] += 0.01f;
}

TEST(kernels_check_sees_a_wrong_one)
{
    struct embed_kernels broken = embed_scalar;
    broken.gelu = wrong_gelu;
    assert_false(embed_kernels_agree(&broken, 1));
    broken = embed_scalar;
    broken.matmul = wrong_matmul;
    assert_false(embed_kernels_agree(&broken, 1));
}

enum { COLS = MODEL_HIDDEN, BLOCKS = COLS / Q4_WEIGHTS, ROWS = 32 };

// A product that can be done by hand: weights that are their own index, one activation a block.
TEST(kernels_product_is_what_it_says)
{
    uint8_t w[ROWS * BLOCKS * Q4_BYTES];
    float b[ROWS], x[COLS] = {0}, scale[BLOCKS], out[ROWS];
    int8_t q[COLS];
    uint32_t start[BLOCKS];
    AUTO_FREE void *scratch = aligned_alloc(64, KERNEL_SCRATCH);
    for (size_t i = 0; i < ROWS * BLOCKS; i++) {
        w[i * Q4_BYTES] = 0x00; // 1.0 as a half
        w[i * Q4_BYTES + 1] = 0x3C;
        for (size_t k = 0; k < 16; k++)
            w[i * Q4_BYTES + 2 + k] = (uint8_t)(k | (15 - k) << 4);
    }
    for (size_t i = 0; i < ROWS; i++)
        b[i] = (float)i;
    x[3] = 127;            // meets the weight 3 − 8
    x[32 + 16 + 2] = -127; // meets 13 − 8
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct embed_kernels *k = embed_kernels_named(names[i]);
        struct acts a = {q, scale, start};
        struct linear l = {{w, ROWS, COLS}, b};
        if (!k)
            continue;
        k->quantise(x, COLS, &a);
        assert_int_equal(start[0], (uint16_t)0 | (uint32_t)(uint16_t)(-8 * 127) << 16);
        k->matmul(&l, &a, 1, out, scratch);
        for (size_t row = 0; row < ROWS; row++)
            assert_true(fabsf(out[row] - ((float)row - 5 * 127 - 5 * 127)) < 1e-3f);
    }
}

// Memory that ends right behind what is asked for, begun at any place: a checker sees what is read or written beyond.
static void *just(size_t bytes, size_t shift)
{
    return (char *)mem_zalloc(bytes + shift) + shift;
}

struct exact {
    size_t tokens, shift;
    uint8_t *w;
    float *b, *x, *out, *more;
    struct acts a;
};

static void exact_set_up(struct exact *e, size_t tokens, size_t shift)
{
    const size_t numbers = shift * sizeof(float);
    *e = (struct exact){.tokens = tokens, .shift = shift};
    e->w = just(ROWS * BLOCKS * Q4_BYTES, shift);
    e->b = just(ROWS * sizeof(float), numbers);
    e->x = just(tokens * COLS * sizeof(float), numbers);
    e->out = just(tokens * ROWS * sizeof(float), numbers);
    e->more = just(tokens * COLS * sizeof(float), numbers);
    e->a = (struct acts){just(tokens * COLS, shift), just(tokens * BLOCKS * sizeof(float), numbers),
                         just(tokens * BLOCKS * sizeof(uint32_t), numbers)};
    for (size_t i = 0; i < ROWS * BLOCKS * Q4_BYTES; i++)
        e->w[i] = (uint8_t)(i % Q4_BYTES == 1 ? 0x28 : i * 7);
    for (size_t i = 0; i < tokens * COLS; i++)
        e->x[i] = e->more[i] = (float)(i % 13) - 6 + (float)(i % 31) / 7;
}

static void exact_tear_down(const struct exact *e)
{
    const size_t numbers = e->shift * sizeof(float);
    char *all[] = {(char *)e->b, (char *)e->x, (char *)e->out, (char *)e->more, (char *)e->a.scale, (char *)e->a.start};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i] - numbers);
    free(e->w - e->shift);
    free(e->a.q - e->shift);
}

static void exact_run(const struct exact *e, const struct embed_kernels *k, size_t skip, void *scratch)
{
    const struct linear l = {{e->w, ROWS, COLS}, e->b};
    const struct norm norm = {e->x, e->x};
    struct acts a = e->a;
    k->quantise(e->x, e->tokens * COLS, &a);
    k->matmul(&l, &a, e->tokens, e->out, scratch);
    k->attend(e->more, e->x, e->x, e->tokens, scratch);
    for (size_t t = 0; t < e->tokens; t++)
        k->add_norm(e->more + t * COLS, e->x + t * COLS, &norm, 1e-12f);
    k->gelu(e->more + skip, e->tokens * COLS - skip);
}

static void assert_near(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(fabsf(a[i] - b[i]) <= 1e-3f * (1.0f + fabsf(a[i])));
}

// Every tail of what is taken together (tokens by 4, keys by 8 and 16), every alignment of bytes and numbers.
TEST(kernels_stay_within_any_size_at_any_alignment)
{
    AUTO_FREE void *scratch = aligned_alloc(64, KERNEL_SCRATCH);
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        const struct embed_kernels *k = embed_kernels_named(names[i]);
        for (size_t tokens = 1; k && tokens <= 33; tokens++) {
            struct exact plain, some;
            exact_set_up(&plain, tokens, 0);
            exact_set_up(&some, tokens, tokens % 16);
            exact_run(&plain, &embed_scalar, tokens % 16, scratch);
            exact_run(&some, k, tokens % 16, scratch);
            assert_memory_equal(plain.a.q, some.a.q, tokens * COLS);
            assert_near(plain.out, some.out, tokens * ROWS);
            assert_near(plain.more, some.more, tokens * COLS);
            exact_tear_down(&plain);
            exact_tear_down(&some);
        }
    }
}

TEST(kernels_gelu_is_near_the_true_one)
{
    enum { STEPS = 1 << 16, AMOUNT = 12 };
    AUTO_FREE float *x = mem_calloc(STEPS, sizeof *x);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct embed_kernels *k = embed_kernels_named(names[i]);
        if (!k)
            continue;
        for (size_t s = 0; s < STEPS; s++)
            x[s] = (float)s * (2.0f * AMOUNT / STEPS) - AMOUNT;
        k->gelu(x, STEPS);
        for (size_t s = 0; s < STEPS; s++) {
            const double at = (double)s * (2.0 * AMOUNT / STEPS) - AMOUNT, wanted = at * 0.5 * erfc(-at * M_SQRT1_2);
            assert_true(fabs(x[s] - wanted) <= (fabs(at) <= 5 ? 2.2e-6 : 8e-7 * fabs(at)));
        }
    }
}

// Products of −3,200 with every key: what is there to fill the last vector must not win with a product of 0.
TEST(kernels_attend_to_keys_that_are_there)
{
    enum { MOST = 33 };
    float q[MOST * COLS], k[MOST * COLS], v[MOST * COLS];
    AUTO_FREE void *scratch = aligned_alloc(64, KERNEL_SCRATCH);
    for (size_t i = 0; i < MOST * COLS; i++) {
        k[i] = -1;
        v[i] = (float)(i / COLS);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct embed_kernels *kernels = embed_kernels_named(names[i]);
        for (size_t n = 1; kernels && n <= MOST; n++) {
            for (size_t c = 0; c < n * COLS; c++)
                q[c] = 100;
            kernels->attend(q, k, v, n, scratch);
            for (size_t c = 0; c < n * COLS; c++)
                assert_true(fabsf(q[c] - (float)(n - 1) / 2) < 1e-4f);
        }
    }
}
