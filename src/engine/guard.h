// SPDX-License-Identifier: Apache-2.0
// The price guard (001-brands 8.5): a sentence that names exactly one product and states an amount with a currency mark
// more than 0.5 % off its row's price, without a word of discount or condition, is corrected. Pure and thread-safe.
#pragma once

#include "base/arena.h"

struct guard_product { // of the catalogue block, as its row says
    struct str id, name;
    int64_t price; // 1/10000
};

struct guard_correction {
    size_t product;         // index into the products
    int64_t stated, actual; // 1/10000
    struct str sentence;    // in the answer
};
#define GUARD_MAX_CORRECTIONS 10

// Checks a whole answer. At most one correction per product (its first). Returns how many; *ret is the arena's.
size_t guard_check(struct arena *arena, struct str answer, const struct guard_product *products, size_t n,
                   struct guard_correction **ret);
// The text to send behind the answer: each correction on a line of its own, `Current price of Skarv 2: 389.50 USD.`,
// beginning with a line break (none when the answer ends with one); empty without corrections.
struct str guard_appendix(struct arena *arena, struct str answer, const struct guard_product *products,
                          const struct guard_correction *corrections, size_t n, struct str currency,
                          const char *language);
// Voice: the sentence to say instead, `Skarv 2 costs 389.50 USD.`
struct str guard_spoken(struct arena *arena, const struct guard_product *products,
                        const struct guard_correction *correction, struct str currency, const char *language);
