// SPDX-License-Identifier: Apache-2.0
// A record of a vector store as a product or as a document (001-brands 16.3).
#pragma once

#include "base/json.h"

struct import_record {
    struct str id;        // as stored: "<brand>_<product id>", in the first version the product's id alone
    struct str brand;     // whose prefix the id may have; STR_NULL: none
    yyjson_val *metadata; // an object (JSON_RAW_NUMBERS)
    struct str document;  // STR_NULL: none
};

// The product as an object of a product file. False: its key product_data is no JSON object, and the rest was taken.
bool import_record_product(const struct import_record *record, struct arena *arena, yyjson_val **ret);

struct import_document {
    struct str key; // names it in its source
    struct str title, text, metadata;
};
// Title from title, name or source, else the id; what else there is as metadata.
void import_record_document(const struct import_record *record, struct arena *arena, struct import_document *ret);
