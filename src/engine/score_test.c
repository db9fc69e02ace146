// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "engine/score.h"

#include <math.h>

static double figure(const struct score *score, const char *name)
{
    return score_value(score, score_figure_named(str_from(name)));
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

TEST(score_of_nothing)
{
    struct score score = {0};
    assert_true(near(figure(&score, "hit1"), 1) && near(figure(&score, "refusedRight"), 1));
    assert_true(near(figure(&score, "refusedWrong"), 0) && near(figure(&score, "beside"), 0));
    assert_null(score_figure_named(STR("accuracy")));
}

TEST(score_ranks)
{
    struct score score = {0};
    const int first[] = {1}, third[] = {0, 0, 1}, none[] = {0, 0}, expected[] = {1};
    score_add(&score, &(struct score_result){.found = first, .n_found = 1, .expected = expected, .n_expected = 1});
    score_add(&score, &(struct score_result){.found = third, .n_found = 3, .expected = expected, .n_expected = 1});
    score_add(&score, &(struct score_result){.found = none, .n_found = 2, .expected = expected, .n_expected = 1});
    score_add(&score, &(struct score_result){.n_expected = 1, .expected = expected, .refused = true});
    assert_true(near(figure(&score, "hit1"), 0.25));
    assert_true(near(figure(&score, "hit3"), 0.5));
    assert_true(near(figure(&score, "mrr"), (1 + 1 / 3.0) / 4));
    assert_true(near(figure(&score, "ndcg10"), (1 + 0.5) / 4)); // log2(4) = 2
    assert_true(near(figure(&score, "refusedWrong"), 0.25));
}

TEST(score_grades)
{
    struct score score = {0};
    const int found[] = {1, 2}, expected[] = {1, 2};
    score_add(&score, &(struct score_result){.found = found, .n_found = 2, .expected = expected, .n_expected = 2});
    assert_true(near(figure(&score, "ndcg10"), (1 + 3 / log2(3)) / (3 + 1 / log2(3))));
    assert_true(near(figure(&score, "hit1"), 1));
}

TEST(score_counts_ten_results)
{
    struct score score = {0};
    const int eleventh[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, expected[] = {1};
    score_add(&score, &(struct score_result){.found = eleventh, .n_found = 11, .expected = expected, .n_expected = 1});
    assert_true(near(figure(&score, "ndcg10"), 0) && near(figure(&score, "mrr"), 1 / 11.0));
}

TEST(score_refusals_and_words)
{
    struct score score = {0};
    const int found[] = {0};
    score_add(&score, &(struct score_result){.none = true, .refused = true});
    score_add(&score, &(struct score_result){.none = true, .found = found, .n_found = 1});
    score_add(&score, &(struct score_result){.found = found, .n_found = 1, .says = true, .said = true});
    score_add(&score, &(struct score_result){.found = found, .n_found = 1, .says = true});
    assert_int_equal(score.answerable, 2);
    assert_true(near(figure(&score, "refusedRight"), 0.5) && near(figure(&score, "said"), 0.5));
}

TEST(score_of_what_came_along_unasked)
{
    struct score score = {0};
    score_add(&score, &(struct score_result){.one_kind = true, .unasked = true});
    score_add(&score, &(struct score_result){.one_kind = true});
    score_add(&score, &(struct score_result){.unasked = true}); // both answer it
    score_add(&score, &(struct score_result){.none = true});
    assert_true(near(figure(&score, "unasked"), 0.5));
}

static void add_quote(struct score *score, const char *first, const char *second)
{
    const struct str sentences[] = {str_from(first), str_from(second)}, says[] = {STR("thirty days"), STR("三十日")};
    struct score_result result = {.says = true, .said = true};
    score_quote(&result, sentences, second[0] ? 2 : 1, says, 2);
    score_add(score, &result);
}

TEST(score_of_what_is_quoted_beside)
{
    struct score score = {0};
    add_quote(&score, "Within thirty days.", "");
    assert_true(near(figure(&score, "beside"), 0));
    // 9 of 13 characters, not bytes.
    add_quote(&score, "三十日。", "送料はかかります。");
    assert_true(near(figure(&score, "beside"), 9 / 13.0 / 2));
    // No sentence says it: a line of a product did, or nothing.
    add_quote(&score, "The postage is ours.", "");
    score_add(&score, &(struct score_result){.says = true, .said = true});
    assert_int_equal(score.quoted, 2);
    assert_int_equal(score.says, 4);
    assert_true(near(figure(&score, "beside"), 9 / 13.0 / 2));
}
