// SPDX-License-Identifier: Apache-2.0
// Figures of how well questions were answered: what was found against what was expected. Pure.
//
// Hits and means are over the questions that have an answer. Reciprocal rank is 0 where nothing expected was found;
// nDCG looks at the first ten with gains 2^grade − 1 and discounts log2(1 + rank), as Järvelin & Kekäläinen 2002 with
// exponential gains.
#pragma once

#include "base/str.h"

#define SCORE_DEPTH 10

struct score_result {
    const int *found; // grade of each result in order, 0: not expected
    size_t n_found;
    const int *expected; // grades of all that was expected, in any order
    size_t n_expected;
    bool none;    // nothing answers this question: `refused` is right, and the lists are not looked at
    bool refused; // nothing was given
    bool says;    // the answer's text should hold certain words
    bool said;    // and does
};

struct score {
    size_t questions, answerable, refused_right, refused_wrong, says, said;
    size_t hit1, hit3;       // questions with something expected first, among the first three
    double reciprocal, gain; // sums
};

void score_add(struct score *score, const struct score_result *result);

// The figures of a score, each 0..1. Where nothing was asked that counts for it: 1, or 0 where less is better.
struct score_figure {
    const char *name, *head; // "hit1", the head of its column
    bool less_is_better;
    double (*value)(const struct score *score);
};
extern const struct score_figure score_figures[];
extern const size_t score_figure_count;
const struct score_figure *score_figure_named(struct str name); // NULL: no such figure
