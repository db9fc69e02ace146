// SPDX-License-Identifier: Apache-2.0
// Does a text say it? What a model lists is taken only where the text that it has read holds it: names as whole words,
// case, width and white space aside; prices by what they amount to, however they are written.
#pragma once

#include "engine/product_pieces.h"

struct product_ground;
// In the arena, which the piece outlives.
struct product_ground *product_ground_new(struct arena *arena, const struct product_piece *piece);
// *ret_line: where it begins; may be NULL. An empty text stands nowhere.
bool product_ground_has(const struct product_ground *ground, struct str text, int64_t *ret_line);
bool product_ground_has_price(const struct product_ground *ground, int64_t price); // 1/10000
