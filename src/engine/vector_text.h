// SPDX-License-Identifier: Apache-2.0
// The texts whose vectors are made: what the catalogue indexes, one of a product and one of each passage of a document.
#pragma once

#include "base/crypto.h"
#include "model/product.h"
#include "store/knowledge.h"

struct str vector_text_of_product(struct arena *arena, const struct product *product);
struct str vector_text_of_passage(struct arena *arena, const struct knowledge_document *document, struct str passage);
// By which the store keeps the vector: of the model's key and the text.
void vector_text_hash(struct str model, struct str text, char ret[CRYPTO_HEX_SIZE]);
