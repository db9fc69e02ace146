// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "engine/schema.h"

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"orderId\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":5},"
    "\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
    "\"kind\":{\"enum\":[\"a\",\"b\",1]},\"only\":{\"const\":true},"
    "\"list\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"number\"}},"
    "\"either\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]},"
    "\"two\":{\"type\":[\"string\",\"boolean\"]},"
    "\"in\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"}},\"required\":[\"x\"]}},"
    "\"required\":[\"orderId\"],\"additionalProperties\":false}";

static const struct {
    const char *value, *why; // NULL: it fits
} rows[] = {
    {"{\"orderId\":\"A/7\"}", NULL},
    {"{}", "orderId is required"},
    {"[]", "the value must be of type object"},
    {"{\"orderId\":7}", "orderId must be of type string"},
    {"{\"orderId\":\"A\"}", "orderId must have at least this many characters: 2"},
    {"{\"orderId\":\"ไทยไท\"}", NULL},
    {"{\"orderId\":\"123456\"}", "orderId must have at most this many characters: 5"},
    {"{\"orderId\":\"A7\",\"x\":1}", "x is not known"},
    {"{\"orderId\":\"A7\",\"n\":3.0}", NULL},
    {"{\"orderId\":\"A7\",\"n\":3.5}", "n must be of type integer"},
    {"{\"orderId\":\"A7\",\"n\":0}", "n must be at least 1"},
    {"{\"orderId\":\"A7\",\"n\":10}", "n must be at most 9"},
    {"{\"orderId\":\"A7\",\"kind\":1}", NULL},
    {"{\"orderId\":\"A7\",\"kind\":\"c\"}", "kind must be one of [\"a\",\"b\",1]"},
    {"{\"orderId\":\"A7\",\"only\":false}", "only must be true"},
    {"{\"orderId\":\"A7\",\"list\":[]}", "list must have at least this many items: 1"},
    {"{\"orderId\":\"A7\",\"list\":[1,\"2\"]}", "list[1] must be of type number"},
    {"{\"orderId\":\"A7\",\"either\":null}", NULL},
    {"{\"orderId\":\"A7\",\"either\":1}", "either fits none of the forms that it may have"},
    {"{\"orderId\":\"A7\",\"two\":true}", NULL},
    {"{\"orderId\":\"A7\",\"two\":1}", "two has a wrong type"},
    {"{\"orderId\":\"A7\",\"in\":{}}", "in.x is required"},
};

TEST(schema_rows)
{
    struct arena *arena = arena_new(0);
    yyjson_val *root, *value;
    assert_int_equal(json_parse(arena, str_from(schema), 0, &root, NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str why = STR_NULL;
        assert_int_equal(json_parse(arena, str_from(rows[i].value), 0, &value, NULL), 0);
        bool good = schema_check(arena, root, value, &why);
        if (good != !rows[i].why || (!good && !str_eq(why, str_from(rows[i].why))))
            fail_msg("%s: " STR_FMT, rows[i].value, STR_ARG(why));
    }
    arena_free(arena);
}
