// SPDX-License-Identifier: Apache-2.0
// The texts whose vectors are made: what the catalogue indexes, one of a product and one of each passage of a document.
#pragma once

#include "base/crypto.h"
#include "model/product.h"
#include "store/knowledge.h"

struct str vector_text_of_product(struct arena *arena, const struct product *product);
struct str vector_text_of_passage(struct arena *arena, const struct knowledge_document *document, struct str passage);

// Walks the windows of such a text: a long one is more than a model sees at once, and says more than one vector holds.
// Start with *pos = 0; false at the end. The first is the text's beginning; the others are pieces, each under `head`
// (a name, a title). Nothing between two is lost. Who walks stops after VECTOR_WINDOWS_MOST.
enum { VECTOR_WINDOWS_MOST = 64 };
bool vector_window_next(struct arena *arena, struct str head, struct str text, size_t *pos, struct str *ret);
// Whether there is more than one.
bool vector_text_is_long(struct str text);

// How a vector is named in the store: of a product or passage, of its further windows (their number from 1), of a
// document's title; and of no document, a model's calibration (calibration_pack).
#define VECTOR_OF_PRODUCT "product"
#define VECTOR_OF_PRODUCT_WINDOW "product_window"
#define VECTOR_OF_PASSAGE "document"
#define VECTOR_OF_WINDOW "window"
#define VECTOR_OF_TITLE "title"
#define VECTOR_OF_CALIBRATION "calibration"
static inline int64_t vector_window_ordinal(int64_t passage, int64_t window)
{
    return passage * VECTOR_WINDOWS_MOST + window;
}

// By which the store keeps the vector: of the model's key and the text.
void vector_text_hash(struct str model, struct str text, char ret[CRYPTO_HEX_SIZE]);
