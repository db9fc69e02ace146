// SPDX-License-Identifier: Apache-2.0
// The scalar kernels, written to be read, and the choice among the tables.
#include "embed/kernel.h"

#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void scalar_quantise(const float *x, size_t n, struct acts *ret)
{
    for (size_t b = 0; b < n / Q4_WEIGHTS; b++) {
        const float *from = x + b * Q4_WEIGHTS;
        int8_t *to = ret->q + b * Q4_WEIGHTS;
        float most = 0;
        int sums[2] = {0, 0};
        for (size_t i = 0; i < Q4_WEIGHTS; i++)
            most = fabsf(from[i]) > most ? fabsf(from[i]) : most;
        float scale = most / 127.0f, inverse = scale > 0 ? 1.0f / scale : 0;
        if (!(inverse < INFINITY)) // of numbers too small to divide by
            inverse = 0;
        for (size_t i = 0; i < Q4_WEIGHTS; i++) {
            float v = nearbyintf(from[i] * inverse);
            to[i] = (int8_t)(v > 127 ? 127 : v < -127 ? -127 : v == v ? v : 0);
            sums[i % 4 / 2] += to[i];
        }
        ret->scale[b] = scale;
        ret->start[b] = (uint16_t)(-8 * sums[0]) | (uint32_t)(uint16_t)(-8 * sums[1]) << 16;
    }
}

static float dot(const struct matrix *w, size_t row, const int8_t *q, const float *scale)
{
    const uint8_t *block = w->at + row * (w->cols / Q4_WEIGHTS) * Q4_BYTES;
    float sum = 0;
    for (size_t b = 0; b < w->cols / Q4_WEIGHTS; b++, block += Q4_BYTES, q += Q4_WEIGHTS) {
        int exact = 0;
        for (size_t i = 0; i < 16; i++) {
            exact += ((block[2 + i] & 15) - 8) * q[i];
            exact += ((block[2 + i] >> 4) - 8) * q[16 + i];
        }
        sum += (float)exact * (half_to_float(block) * scale[b]);
    }
    return sum;
}

static void scalar_matmul(const struct linear *l, const struct acts *a, size_t tokens, float *out, void *scratch)
{
    (void)scratch;
    for (size_t t = 0; t < tokens; t++)
        for (size_t row = 0; row < l->w.rows; row++)
            out[t * l->w.rows + row] =
                dot(&l->w, row, a->q + t * l->w.cols, a->scale + t * (l->w.cols / Q4_WEIGHTS)) + l->b[row];
}

static void attend_one(float *q, const float *k, const float *v, size_t n, float *share)
{
    const float factor = 1.0f / sqrtf((float)MODEL_HEAD);
    float most = -INFINITY, sum = 0;
    for (size_t s = 0; s < n; s++) {
        float product = 0;
        for (size_t i = 0; i < MODEL_HEAD; i++)
            product += q[i] * k[s * MODEL_HIDDEN + i];
        share[s] = product * factor;
        most = share[s] > most ? share[s] : most;
    }
    for (size_t s = 0; s < n; s++) {
        share[s] = expf(share[s] - most);
        sum += share[s];
    }
    memset(q, 0, MODEL_HEAD * sizeof *q);
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < MODEL_HEAD; i++)
            q[i] += share[s] / sum * v[s * MODEL_HIDDEN + i];
}

static void scalar_attend(float *q, const float *k, const float *v, size_t n, void *scratch)
{
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < MODEL_HIDDEN; i += MODEL_HEAD)
            attend_one(q + t * MODEL_HIDDEN + i, k + i, v + i, n, scratch);
}

static void scalar_gelu(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678118654752f));
}

static void scalar_add_norm(float *x, const float *y, const struct norm *norm, float eps)
{
    float mean = 0, spread = 0;
    for (size_t i = 0; i < MODEL_HIDDEN; i++) {
        x[i] += y ? y[i] : 0;
        mean += x[i];
    }
    mean /= MODEL_HIDDEN;
    for (size_t i = 0; i < MODEL_HIDDEN; i++)
        spread += (x[i] - mean) * (x[i] - mean);
    float inverse = 1.0f / sqrtf(spread / MODEL_HIDDEN + eps);
    for (size_t i = 0; i < MODEL_HIDDEN; i++)
        x[i] = (x[i] - mean) * inverse * norm->w[i] + norm->b[i];
}

const struct embed_kernels embed_scalar = {"scalar",      scalar_quantise, scalar_matmul,
                                           scalar_attend, scalar_gelu,     scalar_add_norm};
