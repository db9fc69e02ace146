// SPDX-License-Identifier: Apache-2.0
// Headings and values as people write them; whole files are sent to the real server in tests/api/test_uploads.py.
#include "base/test.h"

#include "engine/product_draft.h"

TEST(headings_mean_fields)
{
    static const struct {
        struct str heading;
        enum product_field field;
        const char *key;
    } rows[] = {
        {STR(" **Product-Name:** "), PRODUCT_NAME, NULL},
        {STR("In  Stock"), PRODUCT_AVAILABILITY, NULL},
        {STR("HARGA"), PRODUCT_PRICE, NULL},
        {STR("รายละเอียด"), PRODUCT_DESCRIPTION, NULL},
        {STR("หมวดหมู่"), PRODUCT_CATEGORY, NULL},
        {STR("\"SKU\""), PRODUCT_ID, NULL},
        {STR("Brand"), PRODUCT_BRAND, NULL},
        {STR("spec_Weight"), PRODUCT_SPEC, "Weight"},
        {STR("Spec.max load"), PRODUCT_SPEC, "max load"},
        {STR("Colour "), PRODUCT_SPEC, "Colour"},
        {STR("specs"), PRODUCT_SPECIFICATIONS, NULL},
        {STR(""), PRODUCT_SPEC, ""},
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct product_column column = product_column_of(arena, rows[i].heading);
        assert_int_equal(column.field, rows[i].field);
        if (rows[i].key)
            assert_true(str_eq(column.key, str_from(rows[i].key)));
    }
}

static bool draft_of(struct arena *arena, enum product_field field, const char *text, struct draft_result *ret)
{
    struct product_draft draft;
    draft_begin(&draft, arena, false);
    // What is set first stays.
    draft_set_text(&draft, &(struct product_column){field, STR_NULL, false}, str_from(text));
    draft_set_text(&draft, &(struct product_column){PRODUCT_NAME, STR_NULL, false}, STR("Mug"));
    draft_set_text(&draft, &(struct product_column){PRODUCT_PRICE, STR_NULL, false}, STR("4"));
    return draft_finish(&draft, ret);
}

TEST(values_are_read_as_they_are_written)
{
    static const struct {
        enum product_field field;
        const char *text, *json; // part of the product's
    } rows[] = {
        {PRODUCT_PRICE, "1.299,50 EUR", "\"price\":1299.5"},
        {PRODUCT_PRICE, "12.500", "\"price\":12.5"},
        {PRODUCT_FEATURES, "a; b\n- c", "\"features\":[\"a; b\",\"c\"]"},
        {PRODUCT_FEATURES, "a; b, c", "\"features\":[\"a\",\"b, c\"]"},
        {PRODUCT_FEATURES, "[\"a\", 2]", "\"features\":[\"a\",\"2\"]"},
        {PRODUCT_SPECIFICATIONS, "w: 1 kg; h: 2", "\"specifications\":{\"w\":\"1 kg\",\"h\":\"2\"}"},
        {PRODUCT_SPECIFICATIONS, "{\"w\": 1}", "\"specifications\":{\"w\":1}"},
        {PRODUCT_AVAILABILITY, "Out of stock", "\"availability\":false"},
        {PRODUCT_AVAILABILITY, "12", "\"availability\":true"},
        {PRODUCT_AVAILABILITY, "มี", "\"availability\":true"},
        {PRODUCT_NAME, "เต็นท์ 2", "\"id\":\"เต็นท์-2\""},
        {PRODUCT_ID, " x ", "\"id\":\"x\""},
        {PRODUCT_URL, "ftp://x", "\"availability\":true"},
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct draft_result result;
        assert_true(draft_of(arena, rows[i].field, rows[i].text, &result));
        assert_true(str_find(result.json, str_from(rows[i].json)) >= 0);
    }
}

TEST(what_is_at_fault_has_a_code)
{
    static const struct {
        enum product_field field;
        const char *text, *code;
    } rows[] = {
        {PRODUCT_PRICE, "ask us", "invalid_price"},
        {PRODUCT_PRICE, "-3", "invalid_price"},
        {PRODUCT_PRICE, "1 or 2", "invalid_price"},
        {PRODUCT_AVAILABILITY, "soon", "invalid_availability"},
        {PRODUCT_SPECIFICATIONS, "no pair", "invalid_specifications"},
        {PRODUCT_ID, "..", "invalid_id"},
        {PRODUCT_ID, "a\tb", "invalid_id"},
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct draft_result result;
        assert_false(draft_of(arena, rows[i].field, rows[i].text, &result));
        assert_string_equal(result.code, rows[i].code);
    }
}
