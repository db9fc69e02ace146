// SPDX-License-Identifier: Apache-2.0
// What imports make of ids, times and records.
#include "base/test.h"

#include "engine/import_brand.h"
#include "engine/import_record.h"
#include "engine/import_time.h"

#include <stdio.h>

// ---- ids, names, times ----------------------------------------------------------------------------------------------

static void assert_id(const char *text, const char *expected)
{
    char id[BRAND_ID_SIZE];
    import_brand_id(str_from(text), id);
    assert_string_equal(id, expected);
}

TEST(ids_of_brands_stay_or_are_made_valid)
{
    assert_id("luxury-tech", "luxury-tech");
    assert_id("Luxury Tech", "luxury_tech");
    assert_id("Café!!", "cafe");
    assert_id("feedback", "feedback_1");
    assert_id("Active", "active_1");
    assert_id("-x-", "x");
    assert_id("123456789012345678901234567890123456789012345678901234567890",
              "123456789012345678901234567890123456789012345678");
    char one[BRAND_ID_SIZE], again[BRAND_ID_SIZE], other[BRAND_ID_SIZE];
    import_brand_id(STR("ร้าน"), one);
    import_brand_id(STR("ร้าน"), again);
    import_brand_id(STR("店"), other);
    assert_string_equal(one, again);
    assert_true(brand_id_valid(str_from(one)) && strcmp(one, other) != 0);
}

TEST(names_of_brands_come_from_their_ids)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_string_equal(import_brand_name(arena, STR("luxury-tech")).p, "Luxury Tech");
    assert_string_equal(import_brand_name(arena, STR("a_1-b")).p, "A 1 B");
}

TEST(times_with_and_without_a_zone)
{
    static const struct {
        const char *text, *zone;
        int64_t ms; // 0: none
    } cases[] = {
        {"2024-11-05 08:30:12.250417", NULL, 1730795412250},
        {"2024-11-05T08:30:12", NULL, 1730795412000},
        {"2024-11-05T08:30:12Z", "Asia/Jakarta", 1730795412000},
        {"2024-11-05T08:30:12+07:00", NULL, 1730770212000},
        {"2024-11-05 08:30:12.250417", "Asia/Jakarta", 1730770212250},
        {"2024-07-05 12:00:00", "Europe/Berlin", 1720173600000}, // summer
        {"2024-11-05", NULL, 1730764800000},
        {"yesterday", NULL, 0},
        {"", NULL, 0},
        {"2024-13-45 99:00:00", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        assert_int_equal(import_time(str_from(cases[i].text), cases[i].zone, &ms), cases[i].ms != 0);
        assert_int_equal(ms, cases[i].ms);
    }
    assert_true(import_zone_valid("Asia/Jakarta") && import_zone_valid("UTC"));
    assert_false(import_zone_valid("Mars/Olympus") || import_zone_valid(""));
}

// ---- records --------------------------------------------------------------------------------------------------------

static bool product(struct arena *arena, const char *id, const char *brand, const char *metadata, const char *document,
                    const char **ret)
{
    yyjson_val *value, *object = NULL;
    assert_int_equal(json_parse(arena, str_from(metadata), JSON_RAW_NUMBERS, &value, NULL), 0);
    struct import_record record = {str_from(id), str_from(brand), value, str_from(document)};
    bool good = import_record_product(&record, arena, &object);
    assert_non_null(object);
    *ret = json_write_val(arena, object).p;
    return good;
}

TEST(a_product_of_its_stored_data)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *json;
    assert_true(product(arena, "b_x", "b",
                        "{\"product_data\":\"{\\\"sku\\\":\\\"s\\\",\\\"name\\\":\\\"N\\\",\\\"price\\\":1.50}\","
                        "\"name\":\"Other\",\"product_id\":\"q\",\"availability\":false}",
                        "Product: Third", &json));
    assert_string_equal(json, "{\"sku\":\"s\",\"name\":\"N\",\"price\":1.50,\"availability\":false}");
    // Its own word on availability counts, and the id comes from where there is one.
    assert_true(
        product(arena, "b_x", "b", "{\"product_data\":\"{\\\"in_stock\\\":1}\",\"availability\":false}", NULL, &json));
    assert_string_equal(json, "{\"in_stock\":1,\"id\":\"x\"}");
    assert_true(product(arena, "c_x", "b", "{\"product_data\":\"{}\",\"product_id\":7}", NULL, &json));
    assert_string_equal(json, "{\"id\":7}");
}

TEST(a_product_of_keys_and_lines)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *json;
    assert_true(
        product(arena, "lamp-1", NULL, "{\"name\":\"Lamp\",\"price\":12.5}",
                "Product: Not this\nCategory: Lamps\nDescription: Two\nlines: here\n\n  Price: $9\nFeatures: a, b,, "
                "c\nSpecifications: Size: 1,5 m, Colour: red, green\nAvailable: No",
                &json));
    assert_string_equal(json, "{\"id\":\"lamp-1\",\"name\":\"Lamp\",\"category\":\"Lamps\",\"price\":12.5,"
                              "\"availability\":\"No\",\"description\":\"Two\\nlines: here\",\"features\":[\"a\",\"b\","
                              "\"c\"],\"specifications\":{\"Size\":\"1,5 m\",\"Colour\":\"red, green\"}}");
    assert_true(product(arena, "lamp-1", NULL, "{}", NULL, &json));
    assert_string_equal(json, "{\"id\":\"lamp-1\"}");
    // What is stored is no JSON: the rest serves.
    assert_false(product(arena, "b_1", "b", "{\"product_data\":\"{\\\"price\\\":NaN}\",\"name\":\"N\"}", NULL, &json));
    assert_string_equal(json, "{\"id\":\"1\",\"name\":\"N\"}");
    assert_false(product(arena, "b_", "b", "{\"product_data\":\"[1]\"}", NULL, &json));
    assert_string_equal(json, "{\"id\":\"b_\"}");
}

TEST(a_document_of_a_record)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct import_document document;
    yyjson_val *value;
    assert_int_equal(
        json_parse(arena, STR("{\"source\":\"a.md\",\"n\":1,\"title\":\" \"}"), JSON_RAW_NUMBERS, &value, NULL), 0);
    struct import_record record = {STR("id\n1"), STR_NULL, value, STR(" text ")};
    import_record_document(&record, arena, &document);
    assert_string_equal(document.title.p, "a.md");
    assert_string_equal(document.metadata.p, "{\"source\":\"a.md\",\"n\":1}");
    assert_true(str_eq(document.text, STR("text")));
    record.metadata = NULL;
    import_record_document(&record, arena, &document);
    assert_string_equal(document.title.p, "id 1");
    assert_string_equal(document.metadata.p, "{}");
}
