// SPDX-License-Identifier: Apache-2.0
// Where sentences end (001-brands 11), one rule for voice, price guard and quotation: `.` `!` `?` `…` followed by space
// or end, or a full-width mark. No end: a dot between digits, after a single letter or initial, or after one of a few
// abbreviations ("No." only before a number). Quotes and brackets that close right behind the mark belong to the
// sentence. Pure and thread-safe; text is valid UTF-8 (malformed bytes are ordinary characters).
#pragma once

#include "base/str.h"

// Looks for the first sentence end at or after `from`. Returns the byte offset just behind the mark (or run of marks)
// and sets *ret_close behind the closing quotes and brackets that follow it. Returns 0 when there is none, or, with
// `final` false (more text may come), when it cannot be known yet.
size_t sentence_end(struct str text, size_t from, bool final, size_t *ret_close);

// Walks the sentences of a text, trimmed, never empty; line breaks end a sentence too. Thai text, which has no marks,
// is also cut at its spaces once a piece is long enough to be one. Start with *pos = 0; false at the end.
bool sentence_next(struct str text, size_t *pos, struct str *ret);
