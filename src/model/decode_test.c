// SPDX-License-Identifier: Apache-2.0
// Decoding: each field type with good and bad values, and the faults as 001-brands 2.2 words them.
#include "model/brand.h"
#include "model/product.h"

#include "base/test.h"

struct inner {
    uint64_t set;
    int64_t count;
    struct str note;
};

struct sample {
    uint64_t set;
    struct str id, text, pick, line;
    int64_t whole, price, at;
    double ratio;
    bool flag;
    struct strings words, tags;
    struct str extra;
    struct inner inner;
    struct price_range range;
    struct str made;
};

static bool no_x(struct str text)
{
    return !memchr(text.p, 'x', text.n);
}

static void check_sample(const void *row, struct faults *faults, const struct loc *root)
{
    const struct sample *sample = row;
    struct loc at = {root, STR("whole"), 0};
    if (sample->whole == 77)
        fault_add(faults, FAULT_FORM, &at, NULL, 0, "anything but 77");
}

#define AT(member) FIELD_AT(struct inner, member)
static const struct field inner_fields[] = {
    {"count", NULL, FIELD_INT, 0, AT(count), 1, 10, .fallback = "3"},
    {"note", NULL, FIELD_STRING, FIELD_NULL, AT(note), 0, 5},
};
static const struct model inner_model = {"Inner", NULL, sizeof(struct inner), MODEL_FIELDS(inner_fields)};
#undef AT

#define AT(member) FIELD_AT(struct sample, member)
static const struct field sample_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(id), 1, 8, .valid = no_x,
     .pattern_help = "text without x"},
    {"text", NULL, FIELD_STRING, 0, AT(text), 2, 5},
    {"pick", NULL, FIELD_STRING, FIELD_EMPTY_NULL, AT(pick), .choices = "red|green", .fallback = "\"red\""},
    {"line", NULL, FIELD_STRING, FIELD_LINE, AT(line)},
    {"whole", NULL, FIELD_INT, 0, AT(whole), -5, 100, .fallback = "7"},
    {"price", NULL, FIELD_PRICE, 0, AT(price), 0, 1e12},
    {"at", NULL, FIELD_TIME, 0, AT(at)},
    {"ratio", NULL, FIELD_NUMBER, FIELD_NULL, AT(ratio), 0, 2, .fallback = "0.7"},
    {"flag", NULL, FIELD_BOOL, 0, AT(flag)},
    {"words", NULL, FIELD_STRINGS, FIELD_DROP_EMPTY, AT(words), 0, 3, 4},
    {"tags", NULL, FIELD_STRINGS, FIELD_TRIM | FIELD_NULL, AT(tags), 1, 3, 4},
    {"extra", NULL, FIELD_JSON, 0, AT(extra), 0, 3, .item_high = 4, .bytes = 40, .depth = 2},
    {"inner", NULL, FIELD_OBJECT, FIELD_MERGE, AT(inner), .model = &inner_model},
    {"range", NULL, FIELD_RANGE, 0, AT(range), 0, 1e18},
    {"made", NULL, FIELD_STRING, FIELD_READONLY, AT(made)},
};
static const struct model sample_model = {"Sample", NULL, sizeof(struct sample), MODEL_FIELDS(sample_fields),
                                          .check = check_sample};
#undef AT

// The faults as text: one line each, `type loc msg [input]`.
static const char *told(struct arena *arena, const struct faults *faults)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    yyjson_mut_doc *doc = json_doc(arena);
    for (size_t i = 0; i < faults->n; i++) {
        const struct fault *fault = &faults->at[i];
        buf_addf(&out, "%s%s " STR_FMT " " STR_FMT, i ? "\n" : "", fault_kinds[fault->code].type,
                 STR_ARG(json_write(arena, fault_loc_json(doc, fault->loc))), STR_ARG(fault->message));
        if (fault->input_text.p)
            buf_addf(&out, " '" STR_FMT "'", STR_ARG(fault->input_text));
    }
    return arena_cstr(arena, buf_str(&out));
}

static const char *decode(struct arena *arena, const char *json, unsigned flags, struct sample *row)
{
    struct faults *faults = faults_new(arena);
    struct model_input input = {0};
    if (json)
        assert_int_equal(json_parse(arena, str_from(json), JSON_RAW_NUMBERS, &input.body, NULL), 0);
    int rc = model_decode(&sample_model, flags, &input, row, faults);
    assert_int_equal(rc, faults->n ? ERR_INVALID : 0);
    return told(arena, faults);
}

static bool has(const struct sample *row, const char *name)
{
    return model_has(&sample_model, row, name);
}

TEST(decode_every_type)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    const char *faults =
        decode(arena,
               "{\"id\":\" a1 \",\"text\":\"  abc \",\"pick\":\"green\",\"line\":\"é\",\"whole\":-5,"
               "\"price\":1349.99,\"at\":\"2026-03-02T09:15:04.120Z\",\"ratio\":2.0,\"flag\":true,"
               "\"words\":[\" a \",\"\",\"  \"],\"tags\":[\" b \"],\"extra\":{\"k\":[1.50],\"n\":null},"
               "\"inner\":{\"count\":10,\"note\":\"n\"},\"range\":[null,1e3]}",
               0, &row);
    assert_string_equal(faults, "");
    assert_str(row.id, "a1");
    assert_str(row.text, "  abc "); // stored as sent, measured trimmed
    assert_str(row.pick, "green");
    assert_str(row.line, "é");
    assert_int_equal(row.whole, -5);
    assert_int_equal(row.price, 13499900);
    assert_int_equal(row.at, 1772442904120);
    assert_true(row.ratio == 2.0 && row.flag);
    assert_int_equal(row.words.n, 1);
    assert_str(row.words.at[0], " a ");
    assert_str(row.tags.at[0], "b");
    assert_str(row.extra, "{\"k\":[1.50],\"n\":null}");
    assert_int_equal(row.inner.count, 10);
    assert_str(row.inner.note, "n");
    assert_true(row.range.low == PRICE_LOW_OPEN && row.range.high == 10000000);
    assert_false(has(&row, "made"));
    assert_null(row.made.p);
}

TEST(decode_defaults)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    assert_string_equal(
        decode(arena, "{\"id\":\"a\",\"text\":null,\"pick\":\"\",\"whole\":null,\"flag\":null}", MODEL_LENIENT, &row),
        "");
    assert_str(row.pick, "red");
    assert_int_equal(row.whole, 7);
    assert_true(row.ratio == 0.7);
    assert_int_equal(row.inner.count, 3);
    assert_true(has(&row, "pick") && has(&row, "whole") && has(&row, "inner"));
    assert_false(has(&row, "text") || has(&row, "flag") || has(&row, "price") || has(&row, "words") ||
                 has(&row, "tags"));
    assert_str(model_set_names(&sample_model, arena, &row), "id,pick,whole,ratio,inner");
}

// One bad value each: what is said of it. MODEL_LENIENT where the third column says so.
static const struct {
    const char *json;
    unsigned flags;
    const char *fault;
} bad[] = {
    {"[]", 0, "dict_type [\"body\"] Input should be a valid dictionary"},
    {"{}", 0, "missing [\"body\",\"id\"] Field required"},
    {"{\"id\":\"a\",\"made\":\"x\"}", 0, "extra_forbidden [\"body\",\"made\"] Extra inputs are not permitted"},
    {"{\"id\":\"a\",\"flag\":null}", 0, "bool_type [\"body\",\"flag\"] Input should be a valid boolean"},
    {"{\"id\":null}", 0, "string_type [\"body\",\"id\"] Input should be a valid string"},
    {"{\"id\":5}", MODEL_LENIENT, "string_type [\"body\",\"id\"] Input should be a valid string"},
    {"{\"id\":\" \\u3000 \"}", 0, "string_too_short [\"body\",\"id\"] String should have at least 1 characters"},
    {"{\"id\":\"ééééééééé\"}", 0, "string_too_long [\"body\",\"id\"] String should have at most 8 characters"},
    {"{\"id\":\"ax\"}", 0, "string_pattern_mismatch [\"body\",\"id\"] Input should be text without x"},
    {"{\"id\":\"a\\u0000b\"}", 0, "string_invalid [\"body\",\"id\"] String should not contain NUL"},
    {"{\"id\":\"a\",\"text\":\"  b  \"}", 0,
     "string_too_short [\"body\",\"text\"] String should have at least 2 characters"},
    {"{\"id\":\"a\",\"pick\":\"blue\"}", 0, "enum [\"body\",\"pick\"] Input should be one of red|green"},
    {"{\"id\":\"a\",\"pick\":\"red|green\"}", 0, "enum [\"body\",\"pick\"] Input should be one of red|green"},
    {"{\"id\":\"a\",\"line\":\"a\\nb\"}", 0,
     "string_pattern_mismatch [\"body\",\"line\"] Input should be text without control characters"},
    {"{\"id\":\"a\",\"line\":\"a\\u0085b\"}", 0,
     "string_pattern_mismatch [\"body\",\"line\"] Input should be text without control characters"},
    {"{\"id\":\"a\",\"whole\":-6}", 0,
     "greater_than_equal [\"body\",\"whole\"] Input should be greater than or equal to -5"},
    {"{\"id\":\"a\",\"whole\":101}", 0,
     "less_than_equal [\"body\",\"whole\"] Input should be less than or equal to 100"},
    {"{\"id\":\"a\",\"whole\":1e400}", 0,
     "less_than_equal [\"body\",\"whole\"] Input should be less than or equal to 100"},
    {"{\"id\":\"a\",\"whole\":1.5}", 0, "int_type [\"body\",\"whole\"] Input should be a valid integer"},
    {"{\"id\":\"a\",\"whole\":\"5\"}", 0, "int_type [\"body\",\"whole\"] Input should be a valid integer"},
    {"{\"id\":\"a\",\"whole\":true}", MODEL_LENIENT, "int_type [\"body\",\"whole\"] Input should be a valid integer"},
    {"{\"id\":\"a\",\"whole\":[1]}", MODEL_LENIENT, "int_type [\"body\",\"whole\"] Input should be a valid integer"},
    {"{\"id\":\"a\",\"whole\":\"abc\"}", MODEL_LENIENT,
     "int_parsing [\"body\",\"whole\"] Input should be a valid integer, unable to parse string as an integer"},
    {"{\"id\":\"a\",\"whole\":\"\"}", MODEL_LENIENT,
     "int_parsing [\"body\",\"whole\"] Input should be a valid integer, unable to parse string as an integer"},
    {"{\"id\":\"a\",\"whole\":\"1.5\"}", MODEL_LENIENT,
     "int_parsing [\"body\",\"whole\"] Input should be a valid integer, unable to parse string as an integer"},
    {"{\"id\":\"a\",\"whole\":\"0x10\"}", MODEL_LENIENT,
     "int_parsing [\"body\",\"whole\"] Input should be a valid integer, unable to parse string as an integer"},
    {"{\"id\":\"a\",\"price\":-1}", 0,
     "greater_than_equal [\"body\",\"price\"] Input should be greater than or equal to 0"},
    {"{\"id\":\"a\",\"price\":1e13}", 0,
     "less_than_equal [\"body\",\"price\"] Input should be less than or equal to 1000000000000"},
    {"{\"id\":\"a\",\"price\":1e99999999999999999999}", 0,
     "less_than_equal [\"body\",\"price\"] Input should be less than or equal to 1000000000000"},
    {"{\"id\":\"a\",\"price\":\"abc\"}", MODEL_LENIENT,
     "float_parsing [\"body\",\"price\"] Input should be a valid number, unable to parse string as a number"},
    {"{\"id\":\"a\",\"price\":\"nan\"}", MODEL_LENIENT,
     "float_parsing [\"body\",\"price\"] Input should be a valid number, unable to parse string as a number"},
    {"{\"id\":\"a\",\"price\":\"5\\u0000\"}", MODEL_LENIENT,
     "float_parsing [\"body\",\"price\"] Input should be a valid number, unable to parse string as a number"},
    {"{\"id\":\"a\",\"price\":{}}", MODEL_LENIENT, "float_type [\"body\",\"price\"] Input should be a valid number"},
    {"{\"id\":\"a\",\"price\":\"12.5\"}", 0, "float_type [\"body\",\"price\"] Input should be a valid number"},
    {"{\"id\":\"a\",\"ratio\":2.1}", 0, "less_than_equal [\"body\",\"ratio\"] Input should be less than or equal to 2"},
    {"{\"id\":\"a\",\"at\":5}", 0, "string_type [\"body\",\"at\"] Input should be a valid string"},
    {"{\"id\":\"a\",\"at\":\"yesterday\"}", 0,
     "string_pattern_mismatch [\"body\",\"at\"] Input should be an RFC 3339 time"},
    {"{\"id\":\"a\",\"flag\":1}", 0, "bool_type [\"body\",\"flag\"] Input should be a valid boolean"},
    {"{\"id\":\"a\",\"flag\":\"true\"}", 0, "bool_type [\"body\",\"flag\"] Input should be a valid boolean"},
    {"{\"id\":\"a\",\"flag\":2}", MODEL_LENIENT,
     "bool_parsing [\"body\",\"flag\"] Input should be a valid boolean, unable to interpret input"},
    {"{\"id\":\"a\",\"flag\":\"maybe\"}", MODEL_LENIENT,
     "bool_parsing [\"body\",\"flag\"] Input should be a valid boolean, unable to interpret input"},
    {"{\"id\":\"a\",\"flag\":[]}", MODEL_LENIENT, "bool_type [\"body\",\"flag\"] Input should be a valid boolean"},
    {"{\"id\":\"a\",\"words\":\"a\"}", MODEL_LENIENT, "list_type [\"body\",\"words\"] Input should be a valid list"},
    {"{\"id\":\"a\",\"words\":[1]}", 0, "string_type [\"body\",\"words\",0] Input should be a valid string"},
    {"{\"id\":\"a\",\"words\":[\"a\",\"bbbbb\"]}", 0,
     "string_too_long [\"body\",\"words\",1] String should have at most 4 characters"},
    {"{\"id\":\"a\",\"words\":[\"\",\"\",\"\",\"\"]}", 0,
     "too_long [\"body\",\"words\"] List should have at most 3 items"},
    {"{\"id\":\"a\",\"tags\":[]}", 0, "too_short [\"body\",\"tags\"] List should have at least 1 items"},
    {"{\"id\":\"a\",\"tags\":[\" \"]}", 0,
     "string_too_short [\"body\",\"tags\",0] String should have at least 1 characters"},
    {"{\"id\":\"a\",\"extra\":[]}", 0, "dict_type [\"body\",\"extra\"] Input should be a valid dictionary"},
    {"{\"id\":\"a\",\"extra\":{\"a\":1,\"b\":2,\"c\":3,\"d\":4}}", 0,
     "too_long [\"body\",\"extra\"] List should have at most 3 items"},
    {"{\"id\":\"a\",\"extra\":{\" \":1}}", 0,
     "string_too_short [\"body\",\"extra\",\" \"] String should have at least 1 characters"},
    {"{\"id\":\"a\",\"extra\":{\"abcde\":1}}", 0,
     "string_too_long [\"body\",\"extra\",\"abcde\"] String should have at most 4 characters"},
    {"{\"id\":\"a\",\"extra\":{\"a\":[[1]]}}", 0,
     "string_pattern_mismatch [\"body\",\"extra\",\"a\"] Input should be nested less deeply"},
    {"{\"id\":\"a\",\"extra\":{\"a\":[\"\\u0000\"]}}", 0,
     "string_invalid [\"body\",\"extra\",\"a\"] String should not contain NUL"},
    {"{\"id\":\"a\",\"extra\":{\"a\":\"0123456789012345678901234567890123456789\"}}", 0,
     "string_too_long [\"body\",\"extra\"] String should have at most 40 characters"},
    {"{\"id\":\"a\",\"inner\":[]}", 0, "dict_type [\"body\",\"inner\"] Input should be a valid dictionary"},
    {"{\"id\":\"a\",\"inner\":{\"count\":11}}", 0,
     "less_than_equal [\"body\",\"inner\",\"count\"] Input should be less than or equal to 10"},
    {"{\"id\":\"a\",\"inner\":{\"other\":11}}", 0,
     "extra_forbidden [\"body\",\"inner\",\"other\"] Extra inputs are not permitted"},
    {"{\"id\":\"a\",\"range\":{}}", 0, "list_type [\"body\",\"range\"] Input should be a valid list"},
    {"{\"id\":\"a\",\"range\":[1]}", 0, "too_short [\"body\",\"range\"] List should have at least 2 items"},
    {"{\"id\":\"a\",\"range\":[1,2,3]}", 0, "too_long [\"body\",\"range\"] List should have at most 2 items"},
    {"{\"id\":\"a\",\"range\":[1,\"x\"]}", 0, "float_type [\"body\",\"range\",1] Input should be a valid number"},
    {"{\"id\":\"a\",\"range\":[-1,2]}", 0,
     "greater_than_equal [\"body\",\"range\",0] Input should be greater than or equal to 0"},
    {"{\"id\":\"a\",\"range\":[2,1]}", 0,
     "string_pattern_mismatch [\"body\",\"range\"] Input should be a range whose minimum is not above its maximum"},
    {"{\"id\":\"a\",\"other\":1}", 0, "extra_forbidden [\"body\",\"other\"] Extra inputs are not permitted"},
    {"{\"id\":\"a\",\"whole\":77}", 0, "string_pattern_mismatch [\"body\",\"whole\"] Input should be anything but 77"},
};

TEST(decode_faults)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct sample row = {0};
        assert_string_equal(decode(arena, bad[i].json, bad[i].flags, &row), bad[i].fault);
    }
}

TEST(decode_says_all_faults_at_once)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    assert_string_equal(
        decode(arena, "{\"text\":\"a\",\"whole\":1000,\"words\":[1,\"bbbbb\"],\"inner\":{\"count\":0}}", 0, &row),
        "missing [\"body\",\"id\"] Field required\n"
        "string_too_short [\"body\",\"text\"] String should have at least 2 characters\n"
        "less_than_equal [\"body\",\"whole\"] Input should be less than or equal to 100\n"
        "string_type [\"body\",\"words\",0] Input should be a valid string\n"
        "string_too_long [\"body\",\"words\",1] String should have at most 4 characters\n"
        "greater_than_equal [\"body\",\"inner\",\"count\"] Input should be greater than or equal to 1");
}

TEST(decode_says_at_most_fifty)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf json = BUF_INIT(1 << 16);
    struct faults *faults = faults_new(arena);
    struct model_input input = {.query = (struct query_pair[]){{STR("whole"), STR("later")}}, .n_query = 1};
    struct sample row = {0};
    for (int i = 0; i < 70; i++)
        buf_addf(&json, "%c\"u%d\":%d", i ? ',' : '{', i, i);
    buf_addz(&json, "}");
    assert_int_equal(json_parse(arena, buf_str(&json), JSON_RAW_NUMBERS, &input.body, NULL), 0);
    assert_int_equal(model_decode(&sample_model, 0, &input, &row, faults), ERR_INVALID);
    assert_int_equal(faults->n, FAULTS_MAX);
    assert_str(fault_loc_text(arena, faults->at[49].loc), "u49");
    assert_null(faults->at[49].input_text.p); // nothing of a dropped one
}

TEST(decode_gives_the_input_of_a_fault)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct faults *faults = faults_new(arena);
    struct model_input input = {.query = (struct query_pair[]){{STR("whole"), STR("x y")}}, .n_query = 1};
    struct sample row = {0};
    assert_int_equal(json_parse(arena, STR("{\"id\":\"a\",\"ratio\":3.50}"), JSON_RAW_NUMBERS, &input.body, NULL), 0);
    assert_int_equal(model_decode(&sample_model, MODEL_LENIENT, &input, &row, faults), ERR_INVALID);
    assert_int_equal(faults->n, 2);
    assert_str(faults->at[0].input_text, "x y");
    assert_str(json_write_val(arena, faults->at[1].input), "3.50");
    assert_str(faults->at[1].plain, "must be at most 2");
}

TEST(decode_lenient_text)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    assert_string_equal(decode(arena,
                               "{\"id\":\"a\",\"whole\":\" 5 \",\"price\":\"12.5\",\"ratio\":\"1e0\",\"flag\":\" YES\","
                               "\"unknown\":1,\"range\":[\"1\",null]}",
                               MODEL_LENIENT, &row),
                        "");
    assert_int_equal(row.whole, 5);
    assert_int_equal(row.price, 125000);
    assert_true(row.ratio == 1 && row.flag);
    assert_int_equal(row.range.low, 10000);
    static const struct {
        const char *json;
        bool value;
    } flags[] = {{"true", true},   {"1", true},  {"\"on\"", true},   {"\"True\"", true}, {"\"1\"", true},
                 {"false", false}, {"0", false}, {"\"off\"", false}, {"\"NO\"", false},  {"\"0\"", false}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        struct sample one = {.flag = !flags[i].value};
        assert_string_equal(
            decode(arena, arena_printf(arena, "{\"id\":\"a\",\"flag\":%s}", flags[i].json), MODEL_LENIENT, &one), "");
        assert_int_equal(one.flag, flags[i].value);
        assert_true(has(&one, "flag"));
    }
}

TEST(decode_exact_numbers)
{
    static const struct {
        const char *price;
        int64_t value;
    } rows[] = {{"0.1", 1000},
                {"1349.99", 13499900},
                {"1e-99999999999999999999", 0},
                {"-0", 0},
                {"0.00005", 1},
                {"0.00004999", 0},
                {"1e12", INT64_C(10000000000000000)},
                {"8.5e1", 850000},
                {"999999999999.9999", INT64_C(9999999999999999)}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct sample row = {.price = 4711};
        assert_string_equal(decode(arena, arena_printf(arena, "{\"id\":\"a\",\"price\":%s}", rows[i].price), 0, &row),
                            "");
        assert_true(has(&row, "price"));
        assert_int_equal(row.price, rows[i].value);
    }
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    assert_string_equal(decode(arena, "{\"id\":\"a\",\"whole\":1e2}", 0, &row), "");
    assert_int_equal(row.whole, 100);
    assert_string_equal(decode(arena, "{\"id\":\"a\",\"whole\":5.0}", 0, &row), "");
    assert_int_equal(row.whole, 5);
}

TEST(decode_query_beside_a_body)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct faults *faults = faults_new(arena);
    struct query_pair pairs[] = {
        {STR("id"), STR("from-query")},
        {STR("text"), STR("abc")},
        {STR("whole"), STR("9")},
        {STR("flag"), STR("no")},
        {STR("words"), STR("[\"a\"]")},
        {STR("extra"), STR("{\"k\":1}")},
        {STR("inner"), STR("{\"count\":4}")},
        {STR("range"), STR("[1,2.5]")},
        {STR("text"), STR("second")},
    };
    struct model_input input = {.query = pairs, .n_query = sizeof pairs / sizeof *pairs};
    struct sample row = {0};
    assert_int_equal(json_parse(arena, STR("{\"id\":\"body\"}"), JSON_RAW_NUMBERS, &input.body, NULL), 0);
    assert_int_equal(model_decode(&sample_model, MODEL_LENIENT, &input, &row, faults), 0);
    assert_str(row.id, "body"); // wins
    assert_str(row.text, "abc");
    assert_int_equal(row.whole, 9);
    assert_true(has(&row, "flag") && !row.flag);
    assert_str(row.words.at[0], "a");
    assert_str(row.extra, "{\"k\":1}");
    assert_int_equal(row.inner.count, 4);
    assert_int_equal(row.range.high, 25000);

    struct query_pair alone[] = {{STR("whole"), STR("500")}, {STR("extra"), STR("{")}, {STR("id"), STR_NULL}};
    struct sample other = {0};
    input = (struct model_input){.query = alone, .n_query = 3};
    assert_int_equal(model_decode(&sample_model, MODEL_LENIENT, &input, &other, faults), ERR_INVALID);
    assert_string_equal(told(arena, faults),
                        "string_too_short [\"query\",\"id\"] String should have at least 1 characters ''\n"
                        "less_than_equal [\"query\",\"whole\"] Input should be less than or equal to 100 '500'\n"
                        "json_invalid [\"query\",\"extra\"] JSON decode error '{'");
}

// A query may hold bytes that JSON cannot; none of them gets through.
TEST(decode_query_must_be_utf8)
{
    static const struct str texts[] = {STR("\xFF"), STR("ab \x80"), STR("\xED\xA0\x80"), STR("a\xC3")};
    for (size_t i = 0; i < 4; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct faults *faults = faults_new(arena);
        struct query_pair pair = {STR("line"), texts[i]};
        struct model_input input = {.query = &pair, .n_query = 1};
        struct sample row = {0};
        assert_int_equal(model_decode(&sample_model, MODEL_LENIENT | MODEL_PATCH, &input, &row, faults), ERR_INVALID);
        assert_string_equal(fault_kinds[faults->at[0].code].type, "string_pattern_mismatch");
    }
}

TEST(decode_patch_over_a_loaded_row)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    assert_string_equal(
        decode(arena,
               "{\"id\":\"a\",\"text\":\"abc\",\"ratio\":1.5,\"tags\":[\"t\"],\"inner\":{\"count\":5,\"note\":\"n\"}}",
               0, &row),
        "");
    assert_string_equal(decode(arena, "{\"whole\":9,\"text\":null,\"made\":\"x\",\"inner\":{\"note\":\"m\"}}",
                               MODEL_PATCH | MODEL_LENIENT, &row),
                        "");
    assert_str(row.id, "a");
    assert_str(row.text, "abc"); // null leaves it alone
    assert_null(row.made.p);     // known, and the server's own
    assert_string_equal(decode(arena, "{\"text\":null}", MODEL_PATCH, &row),
                        "string_type [\"body\",\"text\"] Input should be a valid string");
    assert_int_equal(row.whole, 9);
    assert_true(row.ratio == 1.5);
    assert_int_equal(row.inner.count, 5); // merged
    assert_str(row.inner.note, "m");
    // Where null is a value it clears, in nested objects too.
    assert_string_equal(decode(arena, "{\"ratio\":null,\"tags\":null,\"inner\":{\"note\":null}}", MODEL_PATCH, &row),
                        "");
    assert_false(has(&row, "ratio") || has(&row, "tags"));
    assert_false(model_has(&inner_model, &row.inner, "note"));
    assert_true(model_has(&inner_model, &row.inner, "count"));
    // Nothing given changes nothing; a required field may be left out, not broken.
    struct sample same = row;
    assert_string_equal(decode(arena, "{}", MODEL_PATCH, &row), "");
    assert_memory_equal(&row, &same, sizeof row);
    assert_string_equal(decode(arena, NULL, MODEL_PATCH, &row), "");
    assert_memory_equal(&row, &same, sizeof row);
    assert_string_equal(decode(arena, "{\"id\":\"\"}", MODEL_PATCH, &row),
                        "string_too_short [\"body\",\"id\"] String should have at least 1 characters");
}

TEST(decode_repeated_keys)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    assert_string_equal(decode(arena, "{\"id\":5,\"id\":\"b\",\"extra\":{\"k\":1,\"m\":2,\"k\":3}}", 0, &row), "");
    assert_str(row.id, "b");
    assert_str(row.extra, "{\"k\":3,\"m\":2}");
}

TEST(decode_many_keys_end_soon)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf json = BUF_INIT(4 << 20);
    struct sample row = {0};
    for (int i = 0; i < 100000; i++) // quadratic work on these would take minutes
        buf_addf(&json, "%s\"%d\":0", i ? "," : "{\"id\":\"a\",\"extra\":{", i);
    buf_addz(&json, "}}");
    assert_string_equal(decode(arena, json.p, 0, &row),
                        "too_long [\"body\",\"extra\"] List should have at most 3 items");
}

TEST(decode_at_a_place)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct faults *faults = faults_new(arena);
    struct loc body = {NULL, STR("body"), 0}, item = {&body, STR_NULL, 3};
    yyjson_val *object;
    struct sample row = {0};
    assert_int_equal(json_parse(arena, STR("{\"id\":\"a\",\"words\":[\"a\",7]}"), JSON_RAW_NUMBERS, &object, NULL), 0);
    assert_int_equal(model_decode_at(&sample_model, 0, object, &item, &row, faults), ERR_INVALID);
    assert_int_equal(model_decode_at(&sample_model, 0, NULL, &item, &row, faults), ERR_INVALID);
    assert_string_equal(told(arena, faults), "string_type [\"body\",3,\"words\",1] Input should be a valid string\n"
                                             "dict_type [\"body\",3] Input should be a valid dictionary");
    assert_str(fault_loc_text(arena, faults->at[0].loc), "[3].words[1]");
    assert_str(fault_loc_text(arena, faults->at[1].loc), "[3]");
}

TEST(decode_stored_json)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sample row = {0};
    model_load_json(
        &sample_model, arena,
        STR("{\"id\":\"a\",\"whole\":1000,\"text\":\"abc\",\"flag\":\"maybe\",\"made\":\"m\",\"old\":1,\"tags\":null}"),
        &row);
    assert_str(row.id, "a");
    assert_str(row.text, "abc");
    assert_str(row.made, "m");
    assert_int_equal(row.whole, 7); // broken: the default
    assert_false(has(&row, "flag") || has(&row, "tags"));
    static const struct str broken[] = {STR_NULL, STR(""), STR("{"), STR("[]"), STR("null"), STR("5")};
    for (size_t i = 0; i < 6; i++) {
        struct sample empty = {0};
        model_load_json(&sample_model, arena, broken[i], &empty);
        assert_str(model_set_names(&sample_model, arena, &empty), "pick,whole,ratio,inner");
    }
}

// 001-brands#6
TEST(decode_brand_configuration)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct brand_config config = {0};
    model_defaults(&brand_config_model, arena, &config);
    static const struct {
        const char *json, *loc;
    } rows[] = {
        {"{\"appearance_settings\":{\"primary_color\":\"red\"}}", "appearance_settings.primary_color"},
        {"{\"appearance_settings\":{\"logo_url\":\"//evil.example\"}}", "appearance_settings.logo_url"},
        {"{\"chat_settings\":{\"suggestion_limit\":11}}", "chat_settings.suggestion_limit"},
        {"{\"chat_settings\":{\"currency\":\"usd\"}}", "chat_settings.currency"},
        {"{\"chat_settings\":{\"language\":\"e\"}}", "chat_settings.language"},
        {"{\"chat_settings\":{\"conversation_ids\":\"all\"}}", "chat_settings.conversation_ids"},
        {"{\"system_prompt\":\"\"}", "system_prompt"},
        {"{\"company_info\":{\"a\":[[[1]]]}}", "company_info.a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct faults *faults = faults_new(arena);
        struct model_input input = {0};
        struct brand_config changed = config;
        assert_int_equal(json_parse(arena, str_from(rows[i].json), JSON_RAW_NUMBERS, &input.body, NULL), 0);
        assert_int_equal(model_decode(&brand_config_model, MODEL_PATCH | MODEL_LENIENT, &input, &changed, faults),
                         ERR_INVALID);
        assert_int_equal(faults->n, 1);
        assert_string_equal(arena_cstr(arena, fault_loc_text(arena, faults->at[0].loc)), rows[i].loc);
    }
    struct faults *faults = faults_new(arena);
    struct model_input input = {0};
    assert_int_equal(json_parse(arena,
                                STR("{\"chat_settings\":{\"suggestion_limit\":1,\"language\":\"pt-BR\",\"new\":1},"
                                    "\"appearance_settings\":{\"primary_color\":\"#1b5e20\",\"logo_url\":\"/a.svg\"}}"),
                                JSON_RAW_NUMBERS, &input.body, NULL),
                     0);
    assert_int_equal(model_decode(&brand_config_model, MODEL_PATCH | MODEL_LENIENT, &input, &config, faults), 0);
    assert_int_equal(config.chat_settings.suggestion_limit, 1);
    assert_int_equal(config.chat_settings.messages_per_minute, 30);
    assert_str(config.chat_settings.language, "pt-BR");
}
