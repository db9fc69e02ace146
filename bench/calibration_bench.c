// SPDX-License-Identifier: Apache-2.0
// How relevant passages are to questions by the vectors of any model, as it is calibrated by its vectors of the
// background. For bench/quality/providers.
//
//   calibration_bench DIMS PASSAGES QUESTIONS      float32 on the input: those of background_passages and
//   background_questions, then of so many passages and questions → `v` of each question's nearest passage, a line each
#include "base/mem.h"
#include "engine/calibration.h"

#include <stdio.h>
#include <stdlib.h>

static float **read_vectors(size_t n, size_t dims)
{
    float **vectors = mem_calloc(n + 1, sizeof *vectors);
    for (size_t i = 0; i < n; i++) {
        vectors[i] = mem_calloc(dims, sizeof **vectors);
        if (fread(vectors[i], sizeof **vectors, dims, stdin) != dims) {
            (void)fputs("calibration_bench: the input ends too early\n", stderr);
            exit(1);
        }
    }
    return vectors;
}

static float v_of(const struct calibration *c, const float *question, float *const *passages, size_t n)
{
    float best = -2, floor, full;
    for (size_t i = 0; i < n; i++) {
        float cosine = 0;
        for (size_t k = 0; k < c->dims; k++)
            cosine += question[k] * passages[i][k];
        best = cosine > best ? cosine : best;
    }
    calibration_scale(c, question, NULL, 0, &floor, &full);
    return (best - floor) / (full - floor);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    size_t dims = strtoul(argv[1], NULL, 10), n_passages = strtoul(argv[2], NULL, 10),
           n_questions = strtoul(argv[3], NULL, 10);
    float **background[] = {read_vectors(background_passages.n, dims), read_vectors(background_questions.n, dims)};
    float **passages = read_vectors(n_passages, dims), **questions = read_vectors(n_questions, dims);
    struct calibration *c =
        calibration_new((const float *const *)background[0], (const float *const *)background[1], dims);
    if (!c)
        return fputs("calibration_bench: the model knows none of the languages\n", stderr), 1;
    for (size_t i = 0; i < n_passages; i++)
        calibration_shape(c, EMBEDDER_PASSAGE, passages[i]);
    for (size_t i = 0; i < n_questions; i++) {
        calibration_shape(c, EMBEDDER_QUESTION, questions[i]);
        printf("%.6f\n", (double)v_of(c, questions[i], passages, n_passages));
    }
    return 0;
}
