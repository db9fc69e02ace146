// SPDX-License-Identifier: Apache-2.0
// Cosines of many models crowd in a narrow band, related or not, and lie lower where question and passage are of two
// languages: all vectors share one large component, and some directions say little but the language. Both are taken out
// (calibration_shape). What is left still differs from model to model in how wide cosines of unrelated texts spread and
// how near answers come. The background says both: of its questions and passages it is known which belong together.
//
//   threshold 0.3   UNRELATED deviations above the mean of pairs that do not belong together
//   1               ANSWERED of the way from that mean to the mean of those that do
//
// These two are the same for all models; docs/quality.md has how they were chosen and what comes of them. A language of
// which the model does not find the right passages would spoil every mean, and is left out.
#include "engine/calibration.h"

#include "engine/vector_text.h"

#include <math.h>
#include <stdlib.h>

#define UNRELATED 3.5f
#define ANSWERED 1.13f
#define THRESHOLD 0.3f
#define LEAST_DIRECTION 0.001f // languages that do not differ
enum { FOUND_LEAST = 4, HEAD = 4 };

static float dot(const float *a, const float *b, size_t dims)
{
    float sum = 0;
    for (size_t i = 0; i < dims; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(float *to, const float *what, float times, size_t dims)
{
    for (size_t i = 0; i < dims; i++)
        to[i] += times * what[i];
}

// Of length 1 where there is a length at all, which it returns.
static float normalise(float *vector, size_t dims)
{
    float length = sqrtf(dot(vector, vector, dims));
    for (size_t i = 0; i < dims && length > 0; i++)
        vector[i] /= length;
    return length;
}

void calibration_shape(const struct calibration *c, enum embedder_text of, float *vector)
{
    add(vector, c->common[of], -1, c->dims);
    for (size_t i = 0; i < c->n_directions; i++) {
        const float *direction = c->directions + i * c->dims;
        add(vector, direction, -dot(vector, direction, c->dims), c->dims);
    }
    (void)normalise(vector, c->dims);
}

void calibration_scale(const struct calibration *c, const float *question, const float *centre, size_t n,
                       float *ret_floor, float *ret_full)
{
    float near = centre && n ? dot(question, centre, c->dims) : 0;
    *ret_floor = c->at - c->by * near;
    *ret_full = *ret_floor + c->width;
}

// ---- of the background ---------------------------------------------------------------------------------------------

struct language {
    const float *const *passages, *const *questions; // its own
    size_t n_passages, n_questions;
};

struct making {
    struct arena *arena;
    size_t dims, n; // n: languages that it knows
    struct language languages[BACKGROUND_LANGUAGES];
};

static bool is_known(const struct language *l, size_t dims)
{
    size_t found = 0;
    for (size_t q = 0; q < BACKGROUND_PAIRS; q++) {
        size_t best = 0;
        for (size_t p = 1; p < l->n_passages; p++)
            if (dot(l->questions[q], l->passages[p], dims) > dot(l->questions[q], l->passages[best], dims))
                best = p;
        found += best == q;
    }
    return found >= FOUND_LEAST;
}

static void take_known(struct making *m, const float *const *passages, const float *const *questions)
{
    for (size_t i = 0; i < BACKGROUND_LANGUAGES; i++) {
        struct language l = {passages, questions, background_passages.of[i], background_questions.of[i]};
        if (is_known(&l, m->dims))
            m->languages[m->n++] = l;
        passages += l.n_passages;
        questions += l.n_questions;
    }
}

static float *mean_of(struct making *m, const float *const *vectors, size_t n)
{
    float *mean = arena_calloc(m->arena, m->dims, sizeof *mean);
    for (size_t i = 0; i < n; i++)
        add(mean, vectors[i], 1 / (float)n, m->dims);
    return mean;
}

static void find_common(struct making *m, float *passages, float *questions)
{
    size_t n_passages = 0, n_questions = 0;
    for (size_t i = 0; i < m->n; i++) {
        n_passages += m->languages[i].n_passages;
        n_questions += m->languages[i].n_questions;
    }
    for (size_t i = 0; i < m->n; i++) {
        const struct language *l = &m->languages[i];
        for (size_t k = 0; k < l->n_passages; k++)
            add(passages, l->passages[k], 1 / (float)n_passages, m->dims);
        for (size_t k = 0; k < l->n_questions; k++)
            add(questions, l->questions[k], 1 / (float)n_questions, m->dims);
    }
}

// The differences of n points have n - 1 directions.
static size_t find_directions(struct making *m, float *directions)
{
    float *sums[BACKGROUND_LANGUAGES] = {0};
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct language *l = &m->languages[i];
        sums[i] = mean_of(m, l->passages, l->n_passages);
        add(sums[i], mean_of(m, l->questions, l->n_questions), 1, m->dims);
    }
    const float *middle = mean_of(m, (const float *const *)sums, m->n);
    for (size_t i = 0; i + 1 < m->n; i++) {
        float *direction = directions + n * m->dims;
        memcpy(direction, sums[i], m->dims * sizeof *direction);
        add(direction, middle, -1, m->dims);
        for (size_t k = 0; k < n; k++)
            add(direction, directions + k * m->dims, -dot(direction, directions + k * m->dims, m->dims), m->dims);
        n += normalise(direction, m->dims) > LEAST_DIRECTION;
    }
    return n;
}

static float *shaped(struct making *m, const struct calibration *c, enum embedder_text of, const float *vector)
{
    float *copy = arena_alloc(m->arena, m->dims * sizeof *copy);
    memcpy(copy, vector, m->dims * sizeof *copy);
    calibration_shape(c, of, copy);
    return copy;
}

struct spread {
    float apart, deviation, together; // mean and deviation of pairs that do not belong together, mean of those that do
};

static struct spread spread_of(struct making *m, const struct calibration *c, const struct language *l)
{
    float sum = 0, squares = 0, together = 0, n = (float)(BACKGROUND_PAIRS * (l->n_passages - 1));
    const float *questions[BACKGROUND_PAIRS];
    for (size_t q = 0; q < BACKGROUND_PAIRS; q++)
        questions[q] = shaped(m, c, EMBEDDER_QUESTION, l->questions[q]);
    for (size_t p = 0; p < l->n_passages; p++) {
        const float *passage = shaped(m, c, EMBEDDER_PASSAGE, l->passages[p]);
        for (size_t q = 0; q < BACKGROUND_PAIRS; q++) {
            float cosine = dot(questions[q], passage, m->dims);
            together += p == q ? cosine : 0;
            sum += p == q ? 0 : cosine;
            squares += p == q ? 0 : cosine * cosine;
        }
    }
    float mean = sum / n, variance = squares / n - mean * mean;
    return (struct spread){mean, variance > 0 ? sqrtf(variance) : 0, together / BACKGROUND_PAIRS};
}

// A model whose answers hardly stand out gets a steep scale. false: all cosines are one.
static bool find_scale(struct making *m, struct calibration *c)
{
    struct spread all = {0};
    for (size_t i = 0; i < m->n; i++) {
        struct spread one = spread_of(m, c, &m->languages[i]);
        all.apart += one.apart / (float)m->n;
        all.deviation += one.deviation / (float)m->n;
        all.together += one.together / (float)m->n;
    }
    float cut = all.apart + UNRELATED * all.deviation, full = all.apart + ANSWERED * (all.together - all.apart);
    full = full < cut + all.deviation ? cut + all.deviation : full;
    c->width = (full - cut) / (1 - THRESHOLD);
    c->at = cut - THRESHOLD * c->width;
    return c->width > 0;
}

// One piece of memory, with room for all that it points to.
static struct calibration *make_room(size_t dims)
{
    struct calibration *c = mem_zalloc(sizeof *c + (2 + BACKGROUND_LANGUAGES) * dims * sizeof(float));
    float *numbers = (float *)(void *)(c + 1);
    c->dims = dims;
    c->common[EMBEDDER_PASSAGE] = c->common[EMBEDDER_TITLE] = numbers;
    c->common[EMBEDDER_QUESTION] = numbers + dims;
    c->directions = numbers + 2 * dims;
    return c;
}

struct calibration *calibration_new(const float *const *passages, const float *const *questions, size_t dims)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct making m = {.arena = arena, .dims = dims};
    take_known(&m, passages, questions);
    if (m.n == 0)
        return NULL;
    struct calibration *c = make_room(dims);
    float *numbers = (float *)(void *)(c + 1);
    find_common(&m, numbers, numbers + dims);
    c->n_directions = find_directions(&m, numbers + 2 * dims);
    if (find_scale(&m, c))
        return c;
    calibration_free(c);
    return NULL;
}

void calibration_free(struct calibration *calibration)
{
    free(calibration);
}

// ---- kept ----------------------------------------------------------------------------------------------------------

// Dimensions, directions, at, width; behind them what the two kinds have in common, and the directions.
const float *calibration_pack(const struct calibration *c, struct arena *arena, size_t *ret_n)
{
    size_t n = c ? (2 + c->n_directions) * c->dims : 0;
    float *numbers = arena_calloc(arena, HEAD + n, sizeof *numbers);
    *ret_n = HEAD + n;
    if (!c)
        return numbers;
    float head[HEAD] = {(float)c->dims, (float)c->n_directions, c->at, c->width};
    memcpy(numbers, head, sizeof head);
    memcpy(numbers + HEAD, c->common[EMBEDDER_PASSAGE], n * sizeof *numbers);
    return numbers;
}

struct calibration *calibration_unpack(const float *numbers, size_t n, size_t dims)
{
    if (n < HEAD || !dims || numbers[0] != (float)dims || numbers[1] < 0 || numbers[1] > BACKGROUND_LANGUAGES)
        return NULL;
    size_t n_directions = (size_t)numbers[1];
    for (size_t i = 0; i < n; i++)
        if (!isfinite(numbers[i]))
            return NULL;
    if (n != HEAD + (2 + n_directions) * dims || numbers[3] <= 0)
        return NULL;
    struct calibration *c = make_room(dims);
    c->n_directions = n_directions;
    c->at = numbers[2];
    c->width = numbers[3];
    memcpy(c + 1, numbers + HEAD, (n - HEAD) * sizeof *numbers);
    return c;
}

void calibration_name(const char *model, size_t dims, char ret_hash[CRYPTO_HEX_SIZE])
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    buf_addf(&text, "calibration %zu %.3f %.3f %.3f", dims, (double)UNRELATED, (double)ANSWERED, (double)THRESHOLD);
    const struct background *const all[] = {&background_passages, &background_questions};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            buf_addf(&text, "\n" STR_FMT, STR_ARG(all[i]->texts[k]));
    vector_text_hash(str_from(model), buf_str(&text), ret_hash);
}
