// SPDX-License-Identifier: Apache-2.0
#include "engine/score.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>

static int by_grade_down(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

static double gain_of(const int *grades, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n && i < SCORE_DEPTH; i++)
        sum += (exp2(grades[i]) - 1) / log2((double)i + 2);
    return sum;
}

static double best_gain(const int *grades, size_t n)
{
    int best[64];
    n = n < 64 ? n : 64;
    for (size_t i = 0; i < n; i++)
        best[i] = grades[i];
    if (n)
        qsort(best, n, sizeof *best, by_grade_down);
    return gain_of(best, n);
}

void score_add(struct score *score, const struct score_result *result)
{
    score->questions++;
    score->says += result->says;
    score->said += result->says && result->said;
    if (result->quoted) {
        score->quoted++;
        score->beside += (double)result->beside / (double)result->quoted;
    }
    score->one_kind += result->one_kind;
    score->unasked += result->one_kind && result->unasked;
    if (result->none) {
        score->refused_right += result->refused;
        return;
    }
    score->answerable++;
    score->refused_wrong += result->refused;
    size_t first = 0;
    while (first < result->n_found && result->found[first] <= 0)
        first++;
    if (first < result->n_found) {
        score->hit1 += first == 0;
        score->hit3 += first < 3;
        score->reciprocal += 1 / (double)(first + 1);
    }
    double best = best_gain(result->expected, result->n_expected);
    score->gain += best > 0 ? gain_of(result->found, result->n_found) / best : 0;
}

static bool holds(struct str sentence, const struct str *says, size_t n_says)
{
    for (size_t i = 0; i < n_says; i++)
        if (str_find(sentence, says[i]) >= 0)
            return true;
    return false;
}

void score_quote(struct score_result *result, const struct str *sentences, size_t n, const struct str *says,
                 size_t n_says)
{
    result->quoted = result->beside = 0;
    for (size_t i = 0; i < n; i++) {
        size_t characters = utf8_count(sentences[i]);
        result->quoted += characters;
        result->beside += holds(sentences[i], says, n_says) ? 0 : characters;
    }
    if (result->beside == result->quoted)
        result->quoted = result->beside = 0;
}

static size_t answerable(const struct score *s)
{
    return s->answerable;
}

static size_t unanswerable(const struct score *s)
{
    return s->questions - s->answerable;
}

static size_t says(const struct score *s)
{
    return s->says;
}

static size_t quoted(const struct score *s)
{
    return s->quoted;
}

static size_t one_kind(const struct score *s)
{
    return s->one_kind;
}

static double hit1(const struct score *s)
{
    return (double)s->hit1;
}

static double hit3(const struct score *s)
{
    return (double)s->hit3;
}

static double reciprocal(const struct score *s)
{
    return s->reciprocal;
}

static double gain(const struct score *s)
{
    return s->gain;
}

static double said(const struct score *s)
{
    return (double)s->said;
}

static double beside(const struct score *s)
{
    return s->beside;
}

static double unasked(const struct score *s)
{
    return (double)s->unasked;
}

static double refused_right(const struct score *s)
{
    return (double)s->refused_right;
}

static double refused_wrong(const struct score *s)
{
    return (double)s->refused_wrong;
}

const struct score_figure score_figures[] = {
    {"hit1", "hit@1", false, hit1, answerable},
    {"hit3", "hit@3", false, hit3, answerable},
    {"mrr", "MRR", false, reciprocal, answerable},
    {"ndcg10", "nDCG@10", false, gain, answerable},
    {"said", "said", false, said, says},
    {"beside", "beside", true, beside, quoted},
    {"unasked", "unasked", true, unasked, one_kind},
    {"refusedRight", "refused", false, refused_right, unanswerable},
    {"refusedWrong", "wrongly", true, refused_wrong, answerable},
};
const size_t score_figure_count = sizeof score_figures / sizeof *score_figures;

double score_value(const struct score *score, const struct score_figure *figure)
{
    size_t of = figure->of(score);
    return of ? figure->sum(score) / (double)of : figure->less_is_better ? 0 : 1;
}

const struct score_figure *score_figure_named(struct str name)
{
    for (size_t i = 0; i < score_figure_count; i++)
        if (str_eq(name, str_from(score_figures[i].name)))
            return &score_figures[i];
    return NULL;
}
