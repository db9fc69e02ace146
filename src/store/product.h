// SPDX-License-Identifier: Apache-2.0
// The catalogue's rows. Changes are announced (CHANGE_PRODUCT) for the index.
#pragma once

#include "model/product.h"
#include "store/store.h"

// Sets position, document id, folded category and time of creation, and inserts. ERR_CONFLICT: the id exists.
// ERR_LIMIT: `most` products are there already. Both texts are fit for a client.
int product_insert(struct tx *tx, struct product *product, int64_t most, struct err *err);
// Replaces every field, keeps the place; its vectors go, since they are of the old text. ERR_NOT_FOUND.
int product_replace(struct tx *tx, struct product *product, struct err *err);
// What an insert (`there` NULL) or a replacement of `there` sets beside the values; a new one's place is the caller's.
void product_prepare(struct tx *tx, struct product *product, const struct product *there);
int product_remove(struct tx *tx, struct str id, struct err *err); // ERR_NOT_FOUND
int product_get(struct tx *tx, struct arena *arena, struct str id, struct product *ret, struct err *err); // 1, 0
// Ids of those that were made as samples and never replaced; both.
int product_samples(struct tx *tx, struct strings *ret, struct err *err);
int product_remove_samples(struct tx *tx, struct err *err); // those that were made as samples and never replaced
