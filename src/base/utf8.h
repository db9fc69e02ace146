// SPDX-License-Identifier: Apache-2.0
// UTF-8: validation, code points, trimming. "Valid" is RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
#pragma once

#include "base/str.h"

bool utf8_valid(struct str s);
// Code points of a valid text.
size_t utf8_count(struct str s);
// Decodes the code point at *pos and moves *pos behind it. A malformed byte gives U+FFFD and moves by one.
// *pos must be < s.n.
uint32_t utf8_next(struct str s, size_t *pos);
// Byte offset of the n-th code point of a valid text (s.n when there are fewer).
size_t utf8_offset(struct str s, size_t code_points);
// Writes 1..4 bytes, returns how many.
size_t utf8_encode(uint32_t rune, char out[4]);
// Drops Unicode white space at both ends.
struct str utf8_trim(struct str s);
// Length of the longest prefix that does not end inside a code point (for texts that arrive in pieces).
size_t utf8_whole(struct str s);

// Incremental validation over fragment borders (RFC 6455 8.1). Zero-initialise; feed returns false at the first byte
// that can no longer become valid; `finish` is false when a code point is incomplete.
struct utf8_state {
    uint32_t need, lower, upper;
};
bool utf8_feed(struct utf8_state *state, const void *bytes, size_t n);
bool utf8_finish(const struct utf8_state *state);
