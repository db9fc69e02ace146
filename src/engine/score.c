// SPDX-License-Identifier: Apache-2.0
#include "engine/score.h"

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

static double share(double part, size_t of, double otherwise)
{
    return of ? part / (double)of : otherwise;
}

static double hit1(const struct score *s)
{
    return share((double)s->hit1, s->answerable, 1);
}

static double hit3(const struct score *s)
{
    return share((double)s->hit3, s->answerable, 1);
}

static double reciprocal(const struct score *s)
{
    return share(s->reciprocal, s->answerable, 1);
}

static double gain(const struct score *s)
{
    return share(s->gain, s->answerable, 1);
}

static double said(const struct score *s)
{
    return share((double)s->said, s->says, 1);
}

static double refused_right(const struct score *s)
{
    return share((double)s->refused_right, s->questions - s->answerable, 1);
}

static double refused_wrong(const struct score *s)
{
    return share((double)s->refused_wrong, s->answerable, 0);
}

const struct score_figure score_figures[] = {
    {"hit1", "hit@1", false, hit1},
    {"hit3", "hit@3", false, hit3},
    {"mrr", "MRR", false, reciprocal},
    {"ndcg10", "nDCG@10", false, gain},
    {"said", "said", false, said},
    {"refusedRight", "refused", false, refused_right},
    {"refusedWrong", "wrongly", true, refused_wrong},
};
const size_t score_figure_count = sizeof score_figures / sizeof *score_figures;

const struct score_figure *score_figure_named(struct str name)
{
    for (size_t i = 0; i < score_figure_count; i++)
        if (str_eq(name, str_from(score_figures[i].name)))
            return &score_figures[i];
    return NULL;
}
