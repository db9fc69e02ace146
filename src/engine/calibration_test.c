// SPDX-License-Identifier: Apache-2.0
// Models of few dimensions, made up: what a text says is a direction of its own, which its translations share; beside
// it vectors hold what all have in common, and their language.
#include "base/test.h"

#include "engine/calibration.h"

#include <math.h>
#include <stdlib.h>

enum { DIMS = 256, SUBJECTS = 128, TEXTS = 128 };

struct model {
    float common, language, noise;
    unsigned unknown; // languages whose texts all say the same to it, by bit
};

struct site {
    struct arena *arena;
    float *passages[TEXTS], *questions[TEXTS];
    uint64_t seed;
};

static float chance(struct site *s)
{
    s->seed = s->seed * 6364136223846793005U + 1442695040888963407U;
    return (float)(s->seed >> 40) / (float)(1U << 24) - 0.5f;
}

static void unit(float *vector)
{
    float sum = 0;
    for (size_t i = 0; i < DIMS; i++)
        sum += vector[i] * vector[i];
    for (size_t i = 0; i < DIMS; i++)
        vector[i] /= sqrtf(sum);
}

// Subject `about` in `language`: the same subject is the same direction; the noise differs from text to text.
static float *text_of(struct site *s, const struct model *m, size_t about, size_t language)
{
    float *vector = arena_calloc(s->arena, DIMS, sizeof *vector);
    bool known = !(m->unknown & 1U << language);
    vector[known ? about : SUBJECTS - 1] = 1;
    for (size_t i = 0; i < SUBJECTS; i++)
        vector[i] += m->noise * chance(s) * (known ? 1 : 0.01f);
    vector[SUBJECTS] += m->common;
    vector[SUBJECTS + 1 + language] += m->language;
    unit(vector);
    return vector;
}

static void open_model(struct site *s, const struct model *m)
{
    size_t p = 0, q = 0;
    *s = (struct site){.arena = arena_new(0), .seed = 7};
    for (size_t l = 0; l < BACKGROUND_LANGUAGES; l++) {
        for (size_t i = 0; i < background_passages.of[l]; i++)
            s->passages[p++] = text_of(s, m, i, l);
        for (size_t i = 0; i < background_questions.of[l]; i++)
            s->questions[q++] = text_of(s, m, i < BACKGROUND_PAIRS ? i : 40 + i, l);
    }
}

static struct calibration *calibrate(const struct site *s)
{
    return calibration_new((const float *const *)s->passages, (const float *const *)s->questions, DIMS);
}

static float v_of(const struct calibration *c, const float *question, const float *passage)
{
    float a[DIMS], b[DIMS], floor, full, cosine = 0;
    memcpy(a, question, sizeof a);
    memcpy(b, passage, sizeof b);
    calibration_shape(c, EMBEDDER_QUESTION, a);
    calibration_shape(c, EMBEDDER_PASSAGE, b);
    for (size_t i = 0; i < DIMS; i++)
        cosine += a[i] * b[i];
    calibration_scale(c, a, NULL, 0, &floor, &full);
    return (cosine - floor) / (full - floor);
}

static const struct model models[] = {
    {0, 0, 0.2f, 0}, {2, 0, 0.2f, 0}, {4, 0.5f, 0.2f, 0}, {1, 0.5f, 0.15f, 0}, {2, 0.5f, 0.2f, 1U << 2 | 1U << 4},
};
enum { MODELS = sizeof models / sizeof *models };

TEST(calibration_background_is_whole)
{
    size_t passages = 0, questions = 0;
    for (size_t l = 0; l < BACKGROUND_LANGUAGES; l++) {
        assert_true(background_passages.of[l] > BACKGROUND_PAIRS && background_questions.of[l] >= BACKGROUND_PAIRS);
        passages += background_passages.of[l];
        questions += background_questions.of[l];
    }
    assert_int_equal(passages, background_passages.n);
    assert_int_equal(questions, background_questions.n);
    assert_true(passages <= TEXTS && questions <= TEXTS);
}

// Subjects that the background does not have, within a language and across two.
TEST(calibration_means_the_same_for_all_models)
{
    for (size_t i = 0; i < MODELS; i++) {
        struct site s;
        open_model(&s, &models[i]);
        struct calibration *c = calibrate(&s);
        assert_non_null(c);
        for (size_t k = 0; k < 40; k++) {
            const float *question = text_of(&s, &models[i], 60 + k, k & 1),
                        *answer = text_of(&s, &models[i], 60 + k, 0), *other = text_of(&s, &models[i], 61 + k, 0);
            if (v_of(c, question, answer) < 0.5f || v_of(c, question, other) > 0.3f)
                fail_msg("model %zu: answer %.3f, other %.3f", i, (double)v_of(c, question, answer),
                         (double)v_of(c, question, other));
        }
        calibration_free(c);
        arena_free(s.arena);
    }
}

TEST(calibration_of_a_model_that_knows_nothing)
{
    struct site s;
    open_model(&s, &(struct model){1, 0, 0.2f, 0x1f});
    assert_null(calibrate(&s));
    size_t n;
    const float *numbers = calibration_pack(NULL, s.arena, &n);
    assert_null(calibration_unpack(numbers, n, DIMS));
    arena_free(s.arena);
}

TEST(calibration_is_kept_as_numbers)
{
    struct site s;
    size_t n;
    open_model(&s, &models[2]);
    struct calibration *c = calibrate(&s);
    const float *numbers = calibration_pack(c, s.arena, &n);
    struct calibration *again = calibration_unpack(numbers, n, DIMS);
    assert_true(again->n_directions == c->n_directions && again->n_directions == BACKGROUND_LANGUAGES - 1);
    for (size_t i = 0; i < 10; i++)
        assert_true(v_of(c, s.questions[i], s.passages[i]) == v_of(again, s.questions[i], s.passages[i]));
    assert_null(calibration_unpack(numbers, n - 1, DIMS));
    assert_null(calibration_unpack(numbers, n, DIMS - 1));
    assert_null(calibration_unpack(numbers, 3, DIMS));
    float *damaged = arena_alloc(s.arena, n * sizeof *damaged);
    memcpy(damaged, numbers, n * sizeof *damaged);
    damaged[n / 2] = (float)NAN;
    assert_null(calibration_unpack(damaged, n, DIMS));
    memcpy(damaged, numbers, n * sizeof *damaged);
    damaged[1] = 1e9f;
    assert_null(calibration_unpack(damaged, n, DIMS));
    calibration_free(again);
    calibration_free(c);
    arena_free(s.arena);
}

TEST(calibration_is_named_by_model_and_dimensions)
{
    char one[CRYPTO_HEX_SIZE], other[CRYPTO_HEX_SIZE];
    calibration_name("a", 384, one);
    calibration_name("a", 384, other);
    assert_str(str_from(one), other);
    calibration_name("b", 384, other);
    assert_true(strcmp(one, other) != 0);
    calibration_name("a", 385, other);
    assert_true(strcmp(one, other) != 0);
}
