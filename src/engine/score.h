// SPDX-License-Identifier: Apache-2.0
// Figures of how well questions were answered: what was found against what was expected. Pure.
//
// Hits and means are over the questions that have an answer. Reciprocal rank is 0 where nothing expected was found;
// nDCG looks at the first ten with gains 2^grade − 1 and discounts log2(1 + rank), as Järvelin & Kekäläinen 2002 with
// exponential gains.
//
// What is quoted beside an answer: of the sentences quoted from passages, the share of characters in those that hold
// none of the words to be said. It counts for questions of which a quoted sentence says them, so that 0 is "just the
// sentence" and 1 is never reached. Lines of products and the lead-in are not quoted characters; an answer of products
// alone, of a model, or one that was written for its question quotes nothing and does not count.
//
// Unasked are products that come with the answer to a question which documents alone answer, and quoted sentences that
// come with products where these alone answer.
#pragma once

#include "base/str.h"

#define SCORE_DEPTH 10

struct score_result {
    const int *found; // grade of each result in order, 0: not expected
    size_t n_found;
    const int *expected; // grades of all that was expected, in any order
    size_t n_expected;
    bool none;             // nothing answers this question: `refused` is right, and the lists are not looked at
    bool refused;          // nothing was given
    bool says;             // the answer's text should hold certain words
    bool said;             // and does
    size_t quoted, beside; // characters, see score_quote
    bool one_kind;         // documents alone answer it, or products alone
    bool unasked;          // and the others came along
};

struct score {
    size_t questions, answerable, refused_right, refused_wrong, says, said, one_kind, unasked;
    size_t hit1, hit3;               // questions with something expected first, among the first three
    size_t quoted;                   // questions of which a quoted sentence says what was to be said
    double reciprocal, gain, beside; // sums
};

void score_add(struct score *score, const struct score_result *result);

// Sets `quoted` and `beside` of sentences that an answer quotes and the words, one of which was to be said; both are 0
// where no sentence holds any of them.
void score_quote(struct score_result *result, const struct str *sentences, size_t n, const struct str *says,
                 size_t n_says);

struct score_figure {
    const char *name, *head; // "hit1", the head of its column
    bool less_is_better;
    double (*sum)(const struct score *score);
    size_t (*of)(const struct score *score); // the questions that count for it
};
// 0..1. Where nothing was asked that counts: 1, or 0 where less is better.
double score_value(const struct score *score, const struct score_figure *figure);
extern const struct score_figure score_figures[];
extern const size_t score_figure_count;
const struct score_figure *score_figure_named(struct str name); // NULL: no such figure
