// SPDX-License-Identifier: Apache-2.0
// The product, and what is asked of the catalogue.
#pragma once

#include "model/model.h"

struct product {
    uint64_t set;
    struct str id, name, description, category;
    int64_t price;
    struct strings features;
    struct str specifications; // JSON object
    bool availability;
    struct str url, image_url;
    struct str brand_id;
    // Not shown: place in the order of creation, the id under which it stands among an answer's sources, the folded
    // category, made as a sample.
    int64_t position;
    struct str document_id, category_fold;
    bool sample;
    int64_t created_at, updated_at;
    // On its way into the catalogue (store/staging.h):
    struct str staging_id;
    int64_t ordinal;
    bool fresh;
};
extern const struct model product_model;
extern const struct model staged_product_model;
extern const struct model product_replace_model; // the same without a required id, for the document
enum { PRODUCTS_PER_BULK = 1000 };

void product_set_brand(struct product *product, struct str brand); // shown in replies; the path or scope decides

struct product_search {
    uint64_t set;
    struct str query, category;
    struct price_range price_range;
    bool available;
    int64_t limit;
};
extern const struct model product_search_model;

struct recommendation_query {
    uint64_t set;
    struct str query;
    int64_t limit;
};
extern const struct model recommendation_model;
