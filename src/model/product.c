// SPDX-License-Identifier: Apache-2.0
#include "model/product.h"

#include "model/text.h"

static bool id_valid_text(struct str text)
{
    return !str_eq(text, STR(".")) && !str_eq(text, STR(".."));
}

#define INTERNAL (FIELD_READONLY | FIELD_HIDDEN)
#define WEB_URL .valid = text_is_web_url, .pattern = WEB_URL_PATTERN, .pattern_help = "an http(s) address"
#define AT(member) FIELD_AT(struct product, member)
#define PRODUCT_FIELDS(id_flags)                                                                                       \
    {"id",                                                                                                             \
     "id",                                                                                                             \
     FIELD_STRING,                                                                                                     \
     (id_flags) | FIELD_TRIM | FIELD_LINE | FIELD_KEY,                                                                 \
     AT(id),                                                                                                           \
     1,                                                                                                                \
     128,                                                                                                              \
     .valid = id_valid_text,                                                                                           \
     .pattern = "^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f-\\u009f]*$",                                                   \
     .pattern_help = "an id other than . and ..",                                                                      \
     .example = "\"tent-03\""},                                                                                        \
        {"name", "name", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(name), 1, 300, .example = "\"Skarv 2\""},       \
        {"description", "description", FIELD_STRING, FIELD_REQUIRED, AT(description), 0, 10000},                       \
        {"category",   "category", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM,                                          \
         AT(category), 1,          100,          .example = "\"Tents\""},                                              \
        {"price",                                                                                                      \
         "price",                                                                                                      \
         FIELD_PRICE,                                                                                                  \
         FIELD_REQUIRED,                                                                                               \
         AT(price),                                                                                                    \
         0,                                                                                                            \
         1e12,                                                                                                         \
         .example = "389.5",                                                                                           \
         .help = "At most 4 decimals; more are rounded half up"},                                                      \
        {"features", "features", FIELD_STRINGS, FIELD_REQUIRED | FIELD_DROP_EMPTY, AT(features), 0, 100, 500},         \
        {"specifications", "specifications", FIELD_JSON, FIELD_REQUIRED, AT(specifications), 0, 200,                   \
         .item_high = 100, .bytes = 32768},                                                                            \
        {"availability", "availability", FIELD_BOOL, FIELD_FILTER, AT(availability), .fallback = "true"},              \
        {"url", "url", FIELD_STRING, FIELD_SKIP_NULL, AT(url), 1, 2048, WEB_URL},                                      \
        {"image_url", "image_url", FIELD_STRING, FIELD_SKIP_NULL, AT(image_url), 1, 2048, WEB_URL},                    \
        {"brand_id", NULL, FIELD_STRING, FIELD_READONLY, AT(brand_id), .help = "The brand of the path"},               \
        {"position", "position", FIELD_INT, INTERNAL | FIELD_CURSOR, AT(position)},                                    \
        {"document_id", "document_id", FIELD_STRING, INTERNAL, AT(document_id)},                                       \
        {"category_fold", "category_fold", FIELD_STRING, INTERNAL | FIELD_FILTER, AT(category_fold)},                  \
        {"sample", "sample", FIELD_BOOL, INTERNAL, AT(sample)},                                                        \
        {"created_at", "created_at", FIELD_TIME, INTERNAL, AT(created_at)},                                            \
        {"updated_at", "updated_at", FIELD_TIME, INTERNAL, AT(updated_at)},
static const struct field product_fields[] = {PRODUCT_FIELDS(FIELD_REQUIRED)};
static const struct field staged_fields[] = {
    PRODUCT_FIELDS(FIELD_REQUIRED) // as above, so that a product is one
    {"staging_id", "staging_id", FIELD_STRING, INTERNAL | FIELD_KEY, AT(staging_id)},
    {"ordinal", "ordinal", FIELD_INT, INTERNAL, AT(ordinal)},
    {"fresh", "fresh", FIELD_BOOL, INTERNAL, AT(fresh)},
};
static const struct field replace_fields[] = {PRODUCT_FIELDS(0)}; // the path names the product
const struct model product_model = {"Product", "products", sizeof(struct product), MODEL_FIELDS(product_fields),
                                    .order = "position", .view = "visible_products"};
const struct model staged_product_model = {"StagedProduct", "staged_products", sizeof(struct product),
                                           MODEL_FIELDS(staged_fields), .order = "id"};
const struct model product_replace_model = {"ProductReplacement", NULL, sizeof(struct product),
                                            MODEL_FIELDS(replace_fields), .order = "position"};
#undef AT

#define AT(member) FIELD_AT(struct product_search, member)
static const struct field search_fields[] = {
    {"query", NULL, FIELD_STRING, FIELD_REQUIRED, AT(query), 0, 1000, .example = "\"light tent for two\""},
    {"category", NULL, FIELD_STRING, FIELD_TRIM, AT(category), 1, 100},
    {"price_range", NULL, FIELD_RANGE, 0, AT(price_range), 0, 1e18, .help = "[min, max], null is an open end"},
    {"available", NULL, FIELD_BOOL, 0, AT(available)},
    {"limit", NULL, FIELD_INT, 0, AT(limit), 1, 100, .fallback = "5"},
};
const struct model product_search_model = {"ProductSearch", NULL, sizeof(struct product_search),
                                           MODEL_FIELDS(search_fields)};
#undef AT

#define AT(member) FIELD_AT(struct recommendation_query, member)
static const struct field recommendation_fields[] = {
    {"query", NULL, FIELD_STRING, FIELD_REQUIRED, AT(query), 1, 1000},
    {"limit", NULL, FIELD_INT, 0, AT(limit), 1, 20, .fallback = "5"},
};
const struct model recommendation_model = {"RecommendationQuery", NULL, sizeof(struct recommendation_query),
                                           MODEL_FIELDS(recommendation_fields)};

void product_set_brand(struct product *product, struct str brand)
{
    product->brand_id = brand;
    product->set |= UINT64_C(1) << model_field_index(&product_model, "brand_id");
}
