// SPDX-License-Identifier: Apache-2.0
// The text of a file in pieces that a model reads one at a time (001-brands 12.2). Pieces end where lines do, at an
// empty one where it is near; a longer line is cut at a blank, or else between two characters.
#pragma once

#include "base/arena.h"

enum { PIECE_CHARS = 4000, PIECES_CHARS_MOST = 100000 };

struct product_line {
    struct str text;
    int64_t line; // of the file; 0: its format has none
};
struct product_piece {
    const struct product_line *lines;
    size_t n;
};

struct product_pieces;
struct product_pieces *product_pieces_new(void);
void product_pieces_free(struct product_pieces *pieces); // NULL is fine
// Copied; what comes after PIECES_CHARS_MOST characters is dropped.
void product_pieces_add(struct product_pieces *pieces, struct str text, int64_t line);
bool product_pieces_cut(const struct product_pieces *pieces); // something was dropped
bool product_pieces_any(const struct product_pieces *pieces); // there is more than white space
// After the last line. None: there is not.
size_t product_pieces_take(struct product_pieces *pieces, const struct product_piece **ret);
