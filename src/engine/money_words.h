// SPDX-License-Identifier: Apache-2.0
// What stands beside a number: currency marks, multipliers and units as rows (money_words.c). Private to money.c.
#pragma once

#include "base/str.h"

// Each looks at text[pos..] and returns the bytes that the word takes, or 0. Words of spaced scripts must be whole.
size_t money_currency_at(struct str text, size_t pos);
size_t money_factor_at(struct str text, size_t pos, int64_t *ret);
// `spaced`: white space stood before, so that single letters which are also words do not count.
size_t money_unit_at(struct str text, size_t pos, bool spaced);
// Bytes that a currency mark takes which ends at `end`, or 0.
size_t money_currency_before(struct str text, size_t end);
// A letter of a script that is written with spaces, or a mark on one: what glues a number into a word.
bool money_glues(uint32_t rune);
