// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/mem.h"
#include "embed/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"scalar", "avx2", "avx512vnni", "neon"};

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

// A product that can be done by hand: weights that are their own index, one activation a block.
TEST(kernels_product_is_what_it_says)
{
    enum { ROWS = 32, COLS = 384, BLOCKS = COLS / Q4_WEIGHTS };
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

TEST(kernels_take_any_alignment)
{
    enum { COLS = 384, TOKENS = 5, BLOCKS = COLS / Q4_WEIGHTS, ROWS = 32 };
    AUTO_FREE uint8_t *bytes = mem_zalloc(ROWS * BLOCKS * Q4_BYTES + TOKENS * COLS + 64);
    AUTO_FREE float *numbers = mem_calloc(2 * TOKENS * COLS + TOKENS * BLOCKS + ROWS + 64, sizeof *numbers);
    AUTO_FREE uint32_t *starts = mem_calloc(TOKENS * BLOCKS + 1, sizeof *starts);
    AUTO_FREE void *scratch = aligned_alloc(64, KERNEL_SCRATCH);
    float first = 0;
    for (size_t shift = 0; shift < 8; shift++) {
        uint8_t *w = bytes + shift;
        int8_t *q = (int8_t *)bytes + ROWS * BLOCKS * Q4_BYTES + 7 + shift;
        float *x = numbers + shift, *out = x + TOKENS * COLS, *scale = out + TOKENS * COLS,
              *b = scale + TOKENS * BLOCKS;
        for (size_t i = 0; i < ROWS * BLOCKS * Q4_BYTES; i++)
            w[i] = (uint8_t)(i % Q4_BYTES == 1 ? 0x28 : i * 7);
        for (size_t i = 0; i < TOKENS * COLS; i++)
            x[i] = (float)(i % 13) - 6;
        struct acts a = {q, scale, starts + shift % 2};
        struct linear l = {{w, ROWS, COLS}, b};
        const struct embed_kernels *k = embed_kernels();
        k->quantise(x, TOKENS * COLS, &a);
        k->matmul(&l, &a, TOKENS, out, scratch);
        first = shift ? first : out[TOKENS * ROWS - 1];
        assert_true(out[TOKENS * ROWS - 1] == first && first != 0);
        k->attend(x, x, out, TOKENS, scratch);
        k->gelu(x, TOKENS * COLS - shift);
    }
}
