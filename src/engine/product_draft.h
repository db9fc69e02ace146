// SPDX-License-Identifier: Apache-2.0
// A product as people write it in a file: columns under many names, prices with currencies, lists as text
// (001-brands 12.1, 12.3). A draft takes the values of one record and becomes a product or says what is wrong.
#pragma once

#include "base/json.h"
#include "model/product.h"

enum product_field {
    PRODUCT_ID,
    PRODUCT_NAME,
    PRODUCT_DESCRIPTION,
    PRODUCT_CATEGORY,
    PRODUCT_PRICE,
    PRODUCT_FEATURES,
    PRODUCT_SPECIFICATIONS,
    PRODUCT_AVAILABILITY,
    PRODUCT_URL,
    PRODUCT_IMAGE,
    PRODUCT_BRAND, // never used
    PRODUCT_SPEC,  // any other: one specification
    PRODUCT_FIELDS
};

struct product_column {
    enum product_field field;
    struct str key; // of a specification, as written
    bool named;     // spec_…: meant as one
};
// Which field a heading or key means.
struct product_column product_column_of(struct arena *arena, struct str heading);

struct product_draft {
    struct arena *arena;
    yyjson_mut_doc *doc;
    struct str text[PRODUCT_SPEC];   // STR_NULL: none
    yyjson_val *value[PRODUCT_SPEC]; // a list or an object
    bool number[PRODUCT_SPEC];       // it was a number of JSON
    yyjson_mut_val *specs;
    bool free_text; // how prices are read (engine/money.h)
};

void draft_begin(struct product_draft *draft, struct arena *arena, bool free_text);
// Empty texts and null count as missing; what is set first stays.
void draft_set_text(struct product_draft *draft, const struct product_column *column, struct str text);
void draft_set_value(struct product_draft *draft, const struct product_column *column, yyjson_val *value);

struct draft_result {
    struct str json; // of the product, as product_model decodes it
    struct product product;
    bool made_id; // from the name
    bool no_category, bad_url;
    // Where it is at fault:
    const char *field, *code, *detail;
};
// True: a product.
bool draft_finish(struct product_draft *draft, struct draft_result *ret);
// Whether a text says that there is some, or none; false: it says neither.
bool draft_availability(struct arena *arena, struct str text, bool *ret);
// The draft's id as sent, for errors; STR_NULL.
struct str draft_id(const struct product_draft *draft);
