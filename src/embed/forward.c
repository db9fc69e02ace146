// SPDX-License-Identifier: Apache-2.0
// BERT (Devlin et al. 2019): embeddings, then twelve times attention among the tokens of a text and a feed-forward step
// for each token, both added to what came in and normalised; the mean over the tokens is the text's vector. Tokens of
// all texts go through the matrices together, so that weights are unpacked once for all; what follows attention is done
// for some tokens at a time, which keeps the wide middle of the feed-forward step small, and what is done to each
// number row by row, while the row is near.
#include "embed/forward.h"

#include "base/err.h"

#include <math.h>
#include <string.h>

enum { STRIDE = 160, TOGETHER = 4, BLOCKS = MODEL_FEED / Q4_WEIGHTS, ALIGN = 64 };

struct pass {
    float *x, *q, *k, *v; // a row a token
    float *middle, *y;    // a row a token of one stride
    struct acts acts;
    void *scratch;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Tokens that go together behind attention: equal parts of up to STRIDE, since each part unpacks all weights, and few
// tokens do not pay for that; whole groups of those that kernels take together.
static size_t stride_of(size_t tokens)
{
    const size_t parts = (tokens + STRIDE - 1) / STRIDE;
    return ((tokens + parts - 1) / parts + TOGETHER - 1) / TOGETHER * TOGETHER;
}

static void *part(uint8_t **at, size_t bytes)
{
    void *p = *at;
    *at += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return p;
}

// Lays out the memory; with base NULL only its size counts.
static size_t lay_out(struct pass *p, uint8_t *base, size_t tokens)
{
    const size_t row = MODEL_HIDDEN * sizeof(float), some = least(tokens, STRIDE);
    const size_t wide = some * MODEL_FEED > tokens * MODEL_HIDDEN ? some * MODEL_FEED : tokens * MODEL_HIDDEN;
    uint8_t *at = base;
    p->x = part(&at, tokens * row);
    p->q = part(&at, tokens * row);
    p->k = part(&at, tokens * row);
    p->v = part(&at, tokens * row);
    p->middle = part(&at, some * MODEL_FEED * sizeof(float));
    p->y = part(&at, some * row);
    p->acts.q = part(&at, wide);
    p->acts.scale = part(&at, wide / Q4_WEIGHTS * sizeof(float));
    p->acts.start = part(&at, wide / Q4_WEIGHTS * sizeof(uint32_t));
    p->scratch = part(&at, KERNEL_SCRATCH);
    return (size_t)(at - base);
}

size_t forward_memory(size_t tokens)
{
    static uint8_t zero[1]; // pointers are counted from somewhere
    struct pass p;
    return lay_out(&p, zero, tokens);
}

static void embed_token(const struct weights *w, uint32_t id, size_t position, float *x)
{
    const uint8_t *block = w->word.at + (size_t)id * (MODEL_HIDDEN / Q4_WEIGHTS) * Q4_BYTES;
    for (size_t b = 0; b < MODEL_HIDDEN; b += Q4_WEIGHTS, block += Q4_BYTES) {
        float scale = half_to_float(block);
        for (size_t i = 0; i < 16; i++) {
            x[b + i] = (float)((block[2 + i] & 15) - 8) * scale;
            x[b + i + 16] = (float)((block[2 + i] >> 4) - 8) * scale;
        }
    }
    for (size_t i = 0; i < MODEL_HIDDEN; i++)
        x[i] += w->position[position * MODEL_HIDDEN + i] + w->type[i];
}

// Row i of activations for the next product.
static void quantise_row(const struct embed_kernels *kernels, struct pass *p, const float *row, size_t i, size_t cols)
{
    struct acts a = {p->acts.q + i * cols, p->acts.scale + i * (cols / Q4_WEIGHTS),
                     p->acts.start + i * (cols / Q4_WEIGHTS)};
    kernels->quantise(row, cols, &a);
}

static void run_behind_attention(const struct weights *w, const struct layer *l, const struct embed_kernels *kernels,
                                 size_t first, size_t n, struct pass *p)
{
    float *x = p->x + first * MODEL_HIDDEN;
    kernels->quantise(p->q + first * MODEL_HIDDEN, n * MODEL_HIDDEN, &p->acts);
    kernels->matmul(&l->ao, &p->acts, n, p->y, p->scratch);
    for (size_t i = 0; i < n; i++) {
        kernels->add_norm(x + i * MODEL_HIDDEN, p->y + i * MODEL_HIDDEN, &l->aln, w->eps);
        quantise_row(kernels, p, x + i * MODEL_HIDDEN, i, MODEL_HIDDEN);
    }
    kernels->matmul(&l->fi, &p->acts, n, p->middle, p->scratch);
    for (size_t i = 0; i < n; i++) {
        kernels->gelu(p->middle + i * MODEL_FEED, MODEL_FEED);
        quantise_row(kernels, p, p->middle + i * MODEL_FEED, i, MODEL_FEED);
    }
    kernels->matmul(&l->fo, &p->acts, n, p->y, p->scratch);
    for (size_t i = 0; i < n; i++)
        kernels->add_norm(x + i * MODEL_HIDDEN, p->y + i * MODEL_HIDDEN, &l->oln, w->eps);
}

static void run_layer(const struct weights *w, const struct layer *l, const struct embed_kernels *kernels,
                      const uint32_t *starts, size_t n_texts, struct pass *p)
{
    const size_t tokens = starts[n_texts];
    kernels->quantise(p->x, tokens * MODEL_HIDDEN, &p->acts);
    kernels->matmul(&l->q, &p->acts, tokens, p->q, p->scratch);
    kernels->matmul(&l->k, &p->acts, tokens, p->k, p->scratch);
    kernels->matmul(&l->v, &p->acts, tokens, p->v, p->scratch);
    for (size_t i = 0; i < n_texts; i++) {
        size_t at = (size_t)starts[i] * MODEL_HIDDEN;
        kernels->attend(p->q + at, p->k + at, p->v + at, starts[i + 1] - starts[i], p->scratch);
    }
    const size_t stride = stride_of(tokens);
    for (size_t t = 0; t < tokens; t += stride)
        run_behind_attention(w, l, kernels, t, least(tokens - t, stride), p);
}

static bool mean(const float *x, size_t n, float *ret)
{
    float square = 0;
    memset(ret, 0, MODEL_HIDDEN * sizeof *ret);
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < MODEL_HIDDEN; i++)
            ret[i] += x[t * MODEL_HIDDEN + i];
    for (size_t i = 0; i < MODEL_HIDDEN; i++) {
        ret[i] /= (float)n;
        square += ret[i] * ret[i];
    }
    float by = 1.0f / sqrtf(square);
    if (!(by > 0 && by < INFINITY))
        return false;
    for (size_t i = 0; i < MODEL_HIDDEN; i++)
        ret[i] *= by;
    return true;
}

int forward(const struct weights *weights, const struct embed_kernels *kernels, const uint32_t *ids,
            const uint32_t *starts, size_t n_texts, void *memory, float *ret)
{
    struct pass p;
    (void)lay_out(&p, memory, starts[n_texts]);
    for (size_t i = 0; i < n_texts; i++)
        for (uint32_t t = starts[i]; t < starts[i + 1]; t++) {
            embed_token(weights, ids[t], t - starts[i], p.x + (size_t)t * MODEL_HIDDEN);
            kernels->add_norm(p.x + (size_t)t * MODEL_HIDDEN, NULL, &weights->first, weights->eps);
        }
    for (size_t i = 0; i < MODEL_LAYERS; i++)
        run_layer(weights, &weights->layers[i], kernels, starts, n_texts, &p);
    for (size_t i = 0; i < n_texts; i++)
        if (!mean(p.x + (size_t)starts[i] * MODEL_HIDDEN, starts[i + 1] - starts[i], ret + i * MODEL_HIDDEN))
            return ERR_FORMAT;
    return 0;
}
