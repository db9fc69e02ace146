// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include "base/test.h"

#include <math.h>
#include <stdlib.h>

static int parse(struct arena *arena, const char *text, yyjson_val **ret)
{
    return json_parse(arena, str_from(text), 0, ret, NULL);
}

TEST(json_reads_what_is_json)
{
    static const char *const good[] = {
        "null",  "true",       " [1, 2.5e3] ", "\"\\u00e9\\ud83d\\ude00\"", "{}", "{\"a\":{\"b\":[]}}", "-0",
        "1e400", "[\"\x7F\"]", "\n\r\t 5 "};
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        yyjson_val *value = NULL;
        assert_int_equal(parse(arena, good[i], &value), 0);
        assert_non_null(value);
    }
}

TEST(json_refuses_what_is_not)
{
    static const struct str bad[] = {
        STR_NULL,
        STR(""),
        STR(" "),
        STR("{"),
        STR("nul"),
        STR("[1,]"),
        STR("{\"a\":1,}"),
        STR("{a:1}"),
        STR("'a'"),
        STR("01"),
        STR("+1"),
        STR(".5"),
        STR("1."),
        STR("0x1"),
        STR("NaN"),
        STR("Infinity"),
        STR("1 2"),
        STR("[1] x"),
        STR("//c\n1"),
        STR("/*c*/1"),
        STR("\"a"),
        STR("\"\n\""),
        STR("\"\\x\""),
        STR("\"\0\""),
        STR("\"\\ud83d\""),
        STR("\"\\ude00\""),
        STR("\"\\ud83d\\u0041\""),
        STR("\"\xFF\""),
        STR("\"\xED\xA0\x80\""),
        STR("\xEF\xBB\xBF{}"),
        STR("\xFF\xFE"),
        STR("1\0"),
        STR("{}\0"),
        STR("[1,2"),
        STR("{\"a\"}"),
        STR("{\"a\":}"),
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        yyjson_val *value = NULL;
        size_t offset = SIZE_MAX;
        assert_int_equal(json_parse(arena, bad[i], 0, &value, &offset), ERR_FORMAT);
        assert_null(value);
        assert_true(offset <= bad[i].n);
    }
}

static int parse_depth(struct arena *arena, size_t depth, const char *open, const char *shut, size_t *ret_offset)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    yyjson_val *value;
    for (size_t i = 0; i < depth; i++)
        buf_addz(&text, open);
    buf_addc(&text, '1');
    for (size_t i = 0; i < depth; i++)
        buf_addz(&text, shut);
    return json_parse(arena, buf_str(&text), 0, &value, ret_offset);
}

TEST(json_is_at_most_32_deep)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    size_t offset = 0;
    assert_int_equal(parse_depth(arena, 32, "[", "]", NULL), 0);
    assert_int_equal(parse_depth(arena, 32, "{\"a\":", "}", NULL), 0);
    assert_int_equal(parse_depth(arena, 33, "[", "]", &offset), ERR_FORMAT);
    assert_int_equal(offset, 32);
    assert_int_equal(parse_depth(arena, 33, "{\"a\":", "}", NULL), ERR_FORMAT);
    assert_int_equal(parse_depth(arena, 100000, "[", "]", NULL), ERR_FORMAT);
    yyjson_val *value;
    // Brackets inside texts and beside each other are no depth.
    assert_int_equal(parse(arena, "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"", &value), 0);
    assert_int_equal(
        parse(arena,
              "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]",
              &value),
        0);
}

TEST(json_counts_the_last_of_repeated_keys)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *value;
    assert_int_equal(parse(arena, "{\"a\":1,\"b\":2,\"a\":3}", &value), 0);
    assert_int_equal(json_get_int(value, "a", 0), 3);
    assert_int_equal(json_get_int(value, "b", 0), 2);
}

TEST(json_getters_forgive)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *v;
    assert_int_equal(
        parse(arena,
              "{\"s\":\"x\\u0000y\",\"i\":-7,\"r\":2.9,\"b\":true,\"n\":null,\"u\":18446744073709551615,\"h\":1e300}",
              &v),
        0);
    assert_str(json_get_str(v, "s"), "x\0y");
    assert_null(json_get_str(v, "i").p);
    assert_null(json_get_str(v, "none").p);
    assert_int_equal(json_get_int(v, "i", 5), -7);
    assert_int_equal(json_get_int(v, "r", 5), 2);
    assert_int_equal(json_get_int(v, "s", 5), 5);
    assert_int_equal(json_get_int(v, "n", 5), 5);
    assert_int_equal(json_get_int(v, "u", 5), 5); // would not fit
    assert_int_equal(json_get_int(v, "h", 5), 5);
    assert_true(json_get_bool(v, "b", false));
    assert_true(json_get_bool(v, "i", true));
    assert_null(json_get(NULL, "a"));
    assert_null(json_get(json_get(v, "s"), "a"));
    assert_null(json_str(NULL).p);
}

TEST(json_keeps_numbers_as_written_where_asked)
{
    static const char *const numbers[] = {"1349.99", "0.10", "1e400", "-0", "123456789012345678901234567890", "1E+2"};
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        yyjson_val *value;
        assert_int_equal(json_parse(arena, str_from(numbers[i]), JSON_RAW_NUMBERS, &value, NULL), 0);
        assert_true(yyjson_is_raw(value));
        assert_string_equal(yyjson_get_raw(value), numbers[i]);
        assert_string_equal(json_write_val(arena, value).p, numbers[i]);
    }
    yyjson_val *value;
    assert_int_equal(parse(arena, "[1349.99,1e400,123456789012345678901234567890]", &value), 0);
    assert_true(yyjson_is_real(yyjson_arr_get(value, 0)));
    assert_true(yyjson_is_raw(yyjson_arr_get(value, 1))); // does not fit
    assert_true(yyjson_is_raw(yyjson_arr_get(value, 2)));
}

TEST(json_does_not_touch_its_input)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    char text[] = "{\"a\":\"\\n\"}x";
    yyjson_val *value;
    assert_int_equal(json_parse(arena, (struct str){text, strlen(text) - 1}, 0, &value, NULL), 0);
    assert_string_equal(text, "{\"a\":\"\\n\"}x");
    memset(text, '!', sizeof text);
    assert_str(json_get_str(value, "a"), "\n");
}

TEST(json_writes_a_tree)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_str(doc, root, "s", STR("a\"\\\n\0é"));
    json_add_str(doc, root, "bad",
                 STR("a\xFF"
                     "b"));
    json_add_str(doc, root, "none", STR_NULL);
    json_add_cstr(doc, root, "c", NULL);
    json_add_int(doc, root, "i", INT64_MIN);
    json_add_bool(doc, root, "b", false);
    json_add_null(doc, root, "n");
    json_add_time(doc, root, "t", 1772442904120);
    json_add_time(doc, root, "t0", 0);
    json_add(doc, root, "num", json_new_num(doc, "1349.90"));
    json_add(doc, root, "raw", json_new_raw(doc, STR("{\"x\":[1.50,\"y\"]}")));
    json_add(doc, root, "broken", json_new_raw(doc, STR("{")));
    static const char expected[] =
        "{\"s\":\"a\\\"\\\\\\n\\u0000é\",\"bad\":\"a\xEF\xBF\xBD"
        "b\",\"none\":null,\"c\":null,"
        "\"i\":-9223372036854775808,\"b\":false,\"n\":null,\"t\":\"2026-03-02T09:15:04.120Z\",\"t0\":null,"
        "\"num\":1349.90,\"raw\":{\"x\":[1.50,\"y\"]},\"broken\":null}";
    assert_str(json_write(arena, root), expected);
    AUTO_BUF struct buf out = BUF_INIT(1000), small = BUF_INIT(10);
    assert_true(json_write_buf(&out, root));
    assert_str(buf_str(&out), expected);
    assert_false(json_write_buf(&small, root));
    assert_true(small.overflow);
}

TEST(json_decimals_have_no_noise)
{
    static const struct {
        double n;
        int decimals;
        const char *text;
    } rows[] = {
        {0.8127, 4, "{\"n\":0.8127}"}, {1349.99, 4, "{\"n\":1349.99}"}, {5, 4, "{\"n\":5}"},
        {0.1 + 0.2, 6, "{\"n\":0.3}"}, {-0.0, 2, "{\"n\":0}"},          {-0.00001, 4, "{\"n\":0}"},
        {100, 0, "{\"n\":100}"},       {2.5, 1, "{\"n\":2.5}"},         {NAN, 2, "{\"n\":0}"},
        {INFINITY, 2, "{\"n\":0}"},    {-12.30, 4, "{\"n\":-12.3}"},    {1e15, 6, "{\"n\":1000000000000000}"},
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        yyjson_mut_doc *doc = json_doc(arena);
        yyjson_mut_val *root = yyjson_mut_obj(doc);
        json_add_decimal(doc, root, "n", rows[i].n, rows[i].decimals);
        assert_string_equal(json_write(arena, root).p, rows[i].text);
    }
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_decimal(doc, root, "n", -1.7976931348623157e308, 6);
    assert_int_equal(json_write(arena, root).n, 6 + 310);
}

TEST(json_quotes)
{
    AUTO_BUF struct buf out = BUF_INIT(100), small = BUF_INIT(4);
    assert_true(json_quote(&out, STR("a\"\\\n\x01é\xFF😀")));
    assert_str(buf_str(&out), "\"a\\\"\\\\\\u000a\\u0001é\xEF\xBF\xBD😀\"");
    buf_clear(&out);
    assert_true(json_quote(&out, STR_NULL));
    assert_str(buf_str(&out), "\"\"");
    (void)json_quote(&small, STR("abcdef"));
    assert_true(small.overflow);
}
