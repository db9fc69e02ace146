// SPDX-License-Identifier: Apache-2.0
#include "model/account.h"
#include "model/brand.h"
#include "model/chat.h"
#include "model/product.h"

#include "base/test.h"

static const struct model *const models[] = {
    &brand_model,          &brand_create_model,  &brand_patch_model, &chat_settings_model,
    &brand_config_model,   &system_prompt_model, &product_model,     &product_search_model,
    &recommendation_model, &chat_request_model,  &chat_frame_model,  &resume_model,
    &message_model,        &login_model,         &refresh_model,     &logout_model,
};
enum { MODELS = sizeof models / sizeof *models };

static struct str text_of(struct arena *arena, const struct model *model, const void *row)
{
    return json_write(arena, model_encode(model, json_doc(arena), row));
}

TEST(models_are_well_formed)
{
    for (size_t m = 0; m < MODELS; m++) {
        const struct model *model = models[m];
        assert_true(model->n > 0 && model->n <= 64); // bits of `set`
        for (size_t i = 0; i < model->n; i++) {
            const struct field *f = &model->fields[i];
            assert_true(f->offset >= sizeof(uint64_t) && f->offset < model->size);
            assert_int_equal(model_field_index(model, f->name), i); // no name twice
            assert_int_equal(f->type == FIELD_OBJECT, f->model != NULL);
            assert_true(f->low <= f->high || f->high == 0);
            assert_true(!f->valid || f->pattern_help);
        }
        assert_int_equal(model_field_index(model, "no such field"), model->n);
    }
}

TEST(encode_a_product)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct product row = {.id = STR("tent-03"),
                          .name = STR("Skarv \"2\""),
                          .description = STR(""),
                          .category = STR("Tents"),
                          .price = 13499900,
                          .features = {(struct str[]){STR("a"), STR("é")}, 2},
                          .specifications = STR("{\"Weight\":1.50,\"Colour\":\"red\"}"),
                          .availability = true,
                          .brand_id = STR("nordvik"),
                          .document_id = STR("hidden"),
                          .position = 9};
    static const char *const names[] = {"id",       "name",        "description",    "category",
                                        "price",    "features",    "specifications", "availability",
                                        "brand_id", "document_id", "position"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        row.set |= UINT64_C(1) << model_field_index(&product_model, names[i]);
    assert_str(text_of(arena, &product_model, &row),
               "{\"id\":\"tent-03\",\"name\":\"Skarv "
               "\\\"2\\\"\",\"description\":\"\",\"category\":\"Tents\",\"price\":1349.99,"
               "\"features\":[\"a\",\"é\"],\"specifications\":{\"Weight\":1.50,\"Colour\":\"red\"},\"availability\":"
               "true,\"brand_id\":\"nordvik\"}");
}

TEST(encode_what_is_not_set)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct brand brand = {.set = 1, .id = STR("x"), .created_at = 5};
    assert_str(
        text_of(arena, &brand_model, &brand),
        "{\"id\":\"x\",\"name\":null,\"description\":null,\"created_at\":null,\"updated_at\":null,\"is_active\":null}");
}

TEST(encode_exact_prices)
{
    static const int64_t prices[] = {0, 1, 9999, 10000, 12500, 13499900, INT64_C(10000000000000000)};
    static const char *const texts[] = {"0", "0.0001", "0.9999", "1", "1.25", "1349.99", "1000000000000"};
    for (size_t i = 0; i < 7; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        yyjson_mut_doc *doc = json_doc(arena);
        yyjson_mut_val *object = yyjson_mut_obj(doc);
        size_t at = model_field_index(&product_model, "price");
        struct product row = {.set = UINT64_C(1) << at, .price = prices[i]};
        model_encode_field(&product_model, &product_model.fields[at], doc, object, &row);
        assert_string_equal(json_write(arena, object).p, arena_printf(arena, "{\"price\":%s}", texts[i]));
    }
}

TEST(encode_settings_with_defaults)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct chat_settings row = {0};
    model_defaults(&chat_settings_model, arena, &row);
    assert_str(
        text_of(arena, &chat_settings_model, &row),
        "{\"public_access\":false,\"listed\":false,\"allowed_domains\":null,\"conversation_ids\":\"any\",\"messages_"
        "per_minute\":30,"
        "\"temperature\":0.7,\"max_tokens\":500,\"voice_max_tokens\":50,\"history_messages\":20,\"suggestions\":true,"
        "\"suggestion_limit\":3,\"similarity_threshold\":0.35,\"suggest_unavailable\":false,\"currency\":\"USD\","
        "\"language\":null,\"typing_frames\":true,\"price_guard\":true}");
}

TEST(encode_and_decode_back)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct chat_settings row = {0}, back = {0};
    model_defaults(&chat_settings_model, arena, &row);
    row.temperature = 1.234567;
    row.allowed_domains = (struct strings){(struct str[]){STR("shop.example"), STR("*.b.example")}, 2};
    row.set |= UINT64_C(1) << model_field_index(&chat_settings_model, "allowed_domains");
    struct str text = text_of(arena, &chat_settings_model, &row);
    model_load_json(&chat_settings_model, arena, text, &back);
    assert_true(str_eq(text_of(arena, &chat_settings_model, &back), text));
    assert_true(back.temperature == 1.234567);
    assert_int_equal(back.allowed_domains.n, 2);
}

// What JSON Schema 2020-12 says of the keywords that are written here.
static bool is_type(struct str name)
{
    static const char *const types[] = {"string", "integer", "number", "boolean", "array", "object", "null"};
    for (size_t i = 0; i < 7; i++)
        if (str_eq(name, str_from(types[i])))
            return true;
    return false;
}

static void check_type(yyjson_val *type)
{
    size_t i, max;
    yyjson_val *one;
    if (yyjson_is_str(type)) {
        assert_true(is_type(json_str(type)));
        return;
    }
    assert_true(yyjson_arr_size(type) > 0);
    yyjson_arr_foreach(type, i, max, one) assert_true(is_type(json_str(one)));
}

static bool allows(yyjson_val *type, const char *name)
{
    size_t i, max;
    yyjson_val *one;
    if (yyjson_equals_str(type, name))
        return true;
    yyjson_arr_foreach(type, i, max, one) if (yyjson_equals_str(one, name)) return true;
    return false;
}

static void check_schema(yyjson_val *schema)
{
    static const char *const counts[] = {"minLength", "maxLength",     "minItems",
                                         "maxItems",  "minProperties", "maxProperties"};
    size_t i, max;
    yyjson_val *key, *value, *properties = json_get(schema, "properties"), *one;
    assert_true(yyjson_is_obj(schema));
    check_type(json_get(schema, "type"));
    for (size_t c = 0; c < 6; c++) {
        value = json_get(schema, counts[c]);
        assert_true(!value || (yyjson_is_uint(value)));
    }
    if (json_get(schema, "minimum") && json_get(schema, "maximum"))
        assert_true(yyjson_get_num(json_get(schema, "minimum")) <= yyjson_get_num(json_get(schema, "maximum")));
    if (properties) {
        yyjson_obj_foreach(properties, i, max, key, value) check_schema(value);
    }
    yyjson_arr_foreach(json_get(schema, "required"), i, max, one)
        assert_non_null(json_get(properties, yyjson_get_str(one)));
    if (json_get(schema, "items"))
        check_schema(json_get(schema, "items"));
    value = json_get(schema, "enum");
    assert_true(!value || yyjson_arr_size(value) > 0);
    value = json_get(schema, "default"); // a default or example that is null was no JSON in the table
    assert_false(value && yyjson_is_null(value));
    yyjson_arr_foreach(json_get(schema, "examples"), i, max, one) assert_false(yyjson_is_null(one));
}

TEST(schema_is_json_schema)
{
    for (size_t m = 0; m < MODELS; m++)
        for (int input = 0; input < 2; input++) {
            AUTO_ARENA struct arena *arena = arena_new(0);
            struct str text =
                json_write(arena, model_schema(models[m], json_doc(arena), input ? MODEL_LENIENT : MODEL_REPLY));
            yyjson_val *schema;
            assert_int_equal(json_parse(arena, text, 0, &schema, NULL), 0);
            check_schema(schema);
        }
}

static yyjson_val *schema_of(struct arena *arena, const struct model *model, bool input)
{
    yyjson_val *schema = NULL;
    assert_int_equal(
        json_parse(arena, json_write(arena, model_schema(model, json_doc(arena), input ? MODEL_LENIENT : MODEL_REPLY)),
                   0, &schema, NULL),
        0);
    return schema;
}

TEST(schema_of_input_and_of_replies)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *in = json_get(schema_of(arena, &product_model, true), "properties");
    yyjson_val *out = json_get(schema_of(arena, &product_model, false), "properties");
    assert_null(json_get(in, "brand_id")); // made by the server
    assert_non_null(json_get(out, "brand_id"));
    assert_null(json_get(in, "document_id"));
    assert_null(json_get(out, "document_id")); // hidden
    assert_int_equal(json_get_int(json_get(in, "name"), "maxLength", 0), 300);
    assert_int_equal(json_get_int(json_get(in, "price"), "maximum", 0), 1000000000000);
    assert_int_equal(json_get_int(json_get(in, "features"), "maxItems", 0), 100);
    assert_true(allows(json_get(json_get(in, "url"), "type"), "null"));
    yyjson_val *settings = json_get(schema_of(arena, &chat_settings_model, false), "properties");
    assert_true(allows(json_get(json_get(settings, "allowed_domains"), "type"), "null"));
    assert_false(allows(json_get(json_get(settings, "currency"), "type"), "null"));
    assert_int_equal(yyjson_arr_size(json_get(json_get(settings, "conversation_ids"), "enum")), 2);
    yyjson_val *search = schema_of(arena, &product_search_model, true);
    assert_int_equal(yyjson_arr_size(json_get(search, "required")), 1);
    assert_int_equal(json_get_int(json_get(json_get(search, "properties"), "limit"), "default", 0), 5);
}

// What a model writes keeps to the types of its own reply schema.
TEST(schema_allows_what_is_written)
{
    for (size_t m = 0; m < MODELS; m++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        uint64_t *row = arena_zalloc(arena, models[m]->size);
        yyjson_val *written, *key, *value, *schema = json_get(schema_of(arena, models[m], false), "properties");
        size_t i, max;
        model_defaults(models[m], arena, row);
        assert_int_equal(json_parse(arena, text_of(arena, models[m], row), 0, &written, NULL), 0);
        yyjson_obj_foreach(written, i, max, key, value)
        {
            yyjson_val *type = json_get(json_get(schema, yyjson_get_str(key)), "type");
            const char *is = yyjson_is_null(value)   ? "null"
                             : yyjson_is_bool(value) ? "boolean"
                             : yyjson_is_str(value)  ? "string"
                             : yyjson_is_arr(value)  ? "array"
                             : yyjson_is_obj(value)  ? "object"
                                                     : "number";
            const struct field *f = &models[m]->fields[model_field_index(models[m], yyjson_get_str(key))];
            // Without a row of its own a required or read-only field is null here; real rows have it.
            if (!yyjson_is_null(value) || !(f->flags & (FIELD_REQUIRED | FIELD_READONLY)))
                assert_true(allows(type, is) || (strcmp(is, "number") == 0 && allows(type, "integer")));
        }
    }
}
