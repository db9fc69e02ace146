// SPDX-License-Identifier: Apache-2.0
// The words and phrases of shopping questions, as rows by language (shopping_words.c). Private to shopping.c.
#pragma once

#include "engine/phrases.h"

enum shopping_kind {
    SHOP_CUE = 1,        // makes it a shopping question
    SHOP_GENERAL = 2,    // product, item: never a query word
    SHOP_MAX = 4,        // + amount: price <= amount
    SHOP_MIN = 8,        // + amount: price >= amount
    SHOP_MAX_AFTER = 16, // amount +
    SHOP_MIN_AFTER = 32,
    SHOP_BETWEEN = 64, // + A and B
    SHOP_FROM = 128,   // + A to B
    SHOP_CHEAPEST = 256,
    SHOP_DEAREST = 512,
    SHOP_AND = 1024, // between A and B
    SHOP_TO = 2048,
    SHOP_FILLER = 4096, // may stand between phrase and amount
};

extern const struct phrase_row SHOPPING_ROWS[];
extern const size_t SHOPPING_ROW_COUNT;
