// SPDX-License-Identifier: Apache-2.0
// What a text says it is not about: "not a laptop", "sem cafeína", "革以外", "除了对开门". Words and phrases are rows
// by language; all languages are tried at once. Pure and thread-safe.
#pragma once

#include "base/arena.h"

enum { NEGATIONS_MOST = 32 };

struct negation {
    size_t start, end;       // bytes of the phrase with what it negates
    size_t about, about_end; // what is negated; empty: nothing was found beside the phrase
};

// Those of `text`, valid UTF-8, in order and not overlapping; returns how many.
size_t negation_find(struct str text, struct negation ret[NEGATIONS_MOST]);
// Does a byte range lie wholly inside what is negated?
bool negation_covers(const struct negation *at, size_t n, size_t start, size_t end);
