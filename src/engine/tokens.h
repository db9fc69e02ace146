// SPDX-License-Identifier: Apache-2.0
// A text as a row of folded tokens for comparing phrases and names: words of spaced scripts, single characters (with
// their marks) of Thai, Chinese, Japanese and the like, so that a phrase matches there as a substring. Finer than
// analysis (search/analysis.h), which cuts words; both fold alike.
#pragma once

#include "base/arena.h"

struct token {
    struct str text;   // folded
    size_t start, end; // bytes of the text
};

struct tokens {
    struct token *at;
    size_t n;
};

struct tokens tokens_make(struct arena *arena, struct str text, size_t max);
// Does nothing but white space, hyphens or apostrophes stand between token i (> 0) and the one before it?
bool tokens_adjoin(struct str text, struct tokens tokens, size_t i);
// Does `phrase` stand at token `from`? Its words must adjoin.
bool tokens_match(struct str text, struct tokens tokens, size_t from, struct tokens phrase);
