// SPDX-License-Identifier: Apache-2.0
// Measures of products: which of its specifications a question asks for ("how heavy is it?"), and which order it wants
// ("the lightest", "the largest volume"). Words are rows by language. Pure and thread-safe.
#pragma once

#include "engine/tokens.h"
#include "model/product.h"

struct attribute_order {
    const struct attribute_row *row; // NULL: none is asked for
    bool largest;                    // first the largest value, else the smallest
};

// Tokens of the superlative that stands at token `from`, or 0.
size_t attribute_at(struct str text, struct tokens tokens, size_t from, struct attribute_order *ret);

// The value by which products are ordered, in the smallest unit of its kind: of the specification that the message
// names, else of the one that the superlative means. false: the product has none.
bool attribute_value(struct arena *arena, const struct attribute_order *order, struct str message,
                     const struct product *product, double *ret);

// Does a message ask for a measure ("how heavy is it")?
bool attribute_is_asked(struct str message);
// The specifications that a message asks for as "Weight: 1.9 kg", parted by "; "; empty: none.
struct str attribute_asked(struct arena *arena, struct str message, const struct product *product);
