// SPDX-License-Identifier: Apache-2.0
// Texts in pieces, replies of models, and what of them the text allows. With a server and a model's double:
// tests/api/test_uploads_model.py.
#include "base/test.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "engine/product_file.h"
#include "engine/product_ground.h"
#include "engine/product_reply.h"

#include <stdlib.h>

static size_t chars_of(const struct product_piece *piece)
{
    size_t n = 0;
    for (size_t i = 0; i < piece->n; i++)
        n += utf8_count(piece->lines[i].text) + 1;
    return n;
}

TEST(pieces_end_between_lines)
{
    struct product_pieces *pieces = product_pieces_new();
    const struct product_piece *at;
    char line[100];
    for (int i = 1; i <= 300; i++) {
        (void)snprintf(line, sizeof line, "%s %d", i % 40 ? "A line of words that says nothing much" : "", i);
        product_pieces_add(pieces, i % 40 ? str_from(line) : STR("  "), i);
    }
    size_t n = product_pieces_take(pieces, &at);
    int64_t expected = 1;
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_true(chars_of(&at[i]) <= PIECE_CHARS && (i + 1 == n || chars_of(&at[i]) > PIECE_CHARS / 2));
        for (size_t k = 0; k < at[i].n; k++)
            assert_int_equal(at[i].lines[k].line, expected++);
    }
    assert_int_equal(expected, 301);
    assert_int_equal(at[0].n, 80); // an empty line near the end
    assert_false(product_pieces_cut(pieces));
    product_pieces_free(pieces);
}

TEST(pieces_of_long_lines_and_long_texts)
{
    struct product_pieces *pieces = product_pieces_new();
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    const struct product_piece *at;
    for (int i = 0; i < 9001; i++)
        buf_addz(&text, "é");
    product_pieces_add(pieces, buf_str(&text), 7);
    size_t n = product_pieces_take(pieces, &at), bytes = 0;
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(at[i].lines[0].line, 7);
        assert_true(chars_of(&at[i]) <= PIECE_CHARS && utf8_valid(at[i].lines[0].text));
        bytes += at[i].lines[0].text.n;
    }
    assert_int_equal(bytes, text.n);
    for (int i = 0; i < 100; i++)
        product_pieces_add(pieces, buf_str(&text), 8);
    assert_true(product_pieces_cut(pieces));
    n = product_pieces_take(pieces, &at);
    assert_true(n >= 25 && n <= 50);
    product_pieces_free(pieces);
    pieces = product_pieces_new();
    product_pieces_add(pieces, STR("\n \n\t\n"), 1);
    assert_int_equal(product_pieces_take(pieces, &at), 0);
    product_pieces_free(pieces);
}

TEST(text_holds_names_and_prices)
{
    static const struct product_line lines[] = {
        {STR("The **Heron**  Kettle costs € 49,90 (was 1.299,00)."), 1},
        {STR("ＯＴＴＥＲ"), 2},
        {STR("Pan for Rp 899.000, 16 GB, P5 or 1,5 jt"), 3},
        {STR("เต็นท์ราคา ๑,๒๐๐ บาท; USD12 and 7.-"), 4},
        {STR("Rp.7.500 ฿1,290 2.290฿ 31€ EUR32.50 $33.50/m (34) =35 ....36 37,- 38 each"), 5},
    };
    static const struct {
        const char *text;
        int64_t line; // 0: it does not stand there
    } names[] = {
        {"heron kettle", 1}, {"HERON\n KETTLE", 1}, {"Otter Pan", 2}, {"Kett", 0}, {"eron", 0},
        {"Pan", 3},          {"เต็นท์", 4},           {"", 0},          {" ", 0},    {"**", 0},
        {"Teapot", 0},       {"Kettle costs €", 1},
    };
    static const struct {
        double price;
        bool stands;
    } prices[] = {
        {49.9, true}, {1299, true}, {899000, true}, {1500000, true}, {1200, true}, {12, true},
        {7, true},    {7500, true}, {1290, true},   {2290, true},    {31, true},   {32.5, true},
        {33.5, true}, {34, true},   {35, true},     {36, true},      {37, true},   {38, true},
        {16, false},  {5, false},   {1.5, false},   {899, false},    {49, false},  {0, false},
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct product_ground *ground =
        product_ground_new(arena, &(struct product_piece){lines, sizeof lines / sizeof *lines});
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int64_t line = 0;
        assert_int_equal(product_ground_has(ground, str_from(names[i].text), &line), names[i].line > 0);
        assert_int_equal(line, names[i].line);
    }
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++)
        assert_int_equal(product_ground_has_price(ground, (int64_t)(prices[i].price * 10000 + 0.5)), prices[i].stands);
}

TEST(replies_are_read_leniently)
{
    static const struct {
        const char *reply;
        size_t rows;
        bool readable, broken_off;
    } rows[] = {
        {"{\"products\":[{\"name\":\"a\",\"price\":1}]}", 1, true, false},
        {"Here [1]:\n```json\n[{\"name\":\"a\"},{\"x\":{\"name\":\"inner\"}}]\n``` done", 2, true, false},
        {"{\"name\":\"a\"} and {\"name\":\"b\"}", 2, true, false},
        {"{\"items\":[], \"note\":\"}\"}", 0, true, false},
        {"{\"products\":[{\"name\":\"a\"},{\"name\":\"b\"},]}", 2, true, false},
        {"{\"products\":[{\"name\":\"a\"},{\"name\":\"b\"", 1, true, true},
        {"{\"products\":[{\"name\":\"a{[\\\"\"}, 3, \"x\", null]}", 1, true, false},
        {"I found {nothing} at all.", 0, false, false},
        {"[1, 2, 3]", 0, false, false},
        {"{\"products\":3}", 0, false, false},
        {"", 0, false, false},
        {"{\"products\":[", 0, false, true},
        {"]]}}{", 0, false, true},
        {"{\"products\":[{\"name\":\"\\ud800\"},{\"name\":\"b\"}]}", 1, true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct product_reply reply;
        product_reply_read(arena, str_from(rows[i].reply), &reply);
        assert_int_equal(reply.n, rows[i].rows);
        assert_int_equal(reply.readable, rows[i].readable);
        assert_int_equal(reply.broken_off, rows[i].broken_off);
        assert_false(reply.more);
    }
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *value;
    assert_int_equal(json_parse(arena, str_from(product_reply_format), 0, &value, NULL), 0);
}

TEST(replies_have_bounds)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    struct product_reply reply;
    buf_addz(&text, "{\"products\":[");
    for (int i = 0; i < 10000; i++)
        buf_addf(&text, "%s{\"name\":\"Fake %d\",\"price\":%d}", i ? "," : "", i, i);
    buf_addz(&text, "]}");
    product_reply_read(arena, buf_str(&text), &reply);
    assert_int_equal(reply.n, REPLY_ROWS_MOST);
    assert_true(reply.more);
    for (const char *c = "[{\"ab"; *c; c++) {
        buf_clear(&text);
        for (int i = 0; i < REPLY_BYTES_MOST; i++)
            buf_addc(&text, *c);
        product_reply_read(arena, buf_str(&text), &reply);
        assert_int_equal(reply.n, 0);
    }
}

static void on_error(void *arg, const struct product_error *error)
{
    buf_addf(arg, "%d %s %s|", (int)error->row, error->code, error->field ? error->field : "-");
}

TEST(rows_are_products_where_the_text_says_so)
{
    static const struct product_line lines[] = {{STR("Heron Kettle: 12.500 now, sold out"), 4}};
    static const struct {
        const char *row, *errors;
    } rows[] = {
        {"{\"name\":\"Heron Kettle\",\"price\":12.500}", ""}, // a number of JSON that the text has with its thousands
        {"{\"name\":\"Heron Kettle\",\"price\":12500}", ""},
        {"{\"title\":\" heron  kettle \",\"cost\":\"12,500\",\"availability\":\"Sold out\",\"url\":7}", ""},
        {"{\"name\":\"Heron Kettle\",\"price\":12.5}", "1 not_grounded price|"},
        {"{\"name\":\"Heron Kettle\",\"price\":\"12.5\"}", "1 not_grounded price|"},
        {"{\"name\":\"Heron Kettle\",\"price\":-12500}", "1 not_grounded price|"},
        {"{\"name\":\"Heron Kettle\",\"price\":1e99}", "1 not_grounded price|"},
        {"{\"name\":\"Heron Kettle\",\"price\":[12500]}", "1 invalid_price price|"},
        {"{\"name\":\"Heron Kettle\",\"price\":\"now\"}", "1 invalid_price price|"},
        {"{\"name\":[\"Heron Kettle\"],\"price\":12500}", "1 missing_name name|"},
        {"{\"name\":\"Heron Kettle\",\"price\":null}", "1 missing_price price|"},
        {"{\"name\":\"Teapot\",\"price\":\"12.500\"}", "1 not_grounded name|"},
        {"{\"name\":12.500,\"price\":12500}", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct product_file_options options = {
            .layout = PRODUCTS_IN_TEXT, .most_rows = 10, .most_products = 10, .temp_dir = "/tmp", .keep_text = true};
        struct product_file *file = product_file_new(&options);
        struct product_place at = {STR_NULL, 0, 4};
        AUTO_BUF struct buf errors = BUF_INIT(1000), reply = BUF_INIT(1000);
        enum product_listing listing;
        assert_non_null(file);
        assert_int_equal(product_file_line(file, &at, lines[0].text), 0);
        buf_addf(&reply, "[%s]", rows[i].row);
        assert_int_equal(product_file_list(file, &(struct product_piece){lines, 1}, buf_str(&reply), &listing), 0);
        assert_int_equal(listing, PRODUCTS_LISTED);
        product_file_each_error(file, on_error, &errors);
        assert_true(str_eq(buf_str(&errors), str_from(rows[i].errors)));
        assert_int_equal(product_file_has_products(file), !rows[i].errors[0]);
        product_file_free(file);
    }
}

static bool wants(bool keep, const char *const *texts)
{
    struct product_file_options options = {
        .layout = PRODUCTS_IN_TEXT, .most_rows = 10, .temp_dir = "/tmp", .keep_text = keep};
    struct product_file *file = product_file_new(&options);
    struct product_place at = {STR_NULL, 0, 1};
    assert_non_null(file);
    for (; *texts; texts++)
        assert_int_equal(product_file_line(file, &at, str_from(*texts)), 0);
    bool wanted = product_file_wants_model(file);
    product_file_free(file);
    return wanted;
}

TEST(a_model_is_wanted_where_nothing_is_a_product)
{
    assert_true(wants(true, (const char *const[]){"# List", "A kettle for 12", NULL}));
    assert_false(wants(false, (const char *const[]){"A kettle for 12", NULL}));
    assert_false(wants(true, (const char *const[]){"Kettle", "price: 12", NULL})); // its block ends with the file
    assert_false(wants(true, (const char *const[]){"Kettle", "price: ask us", NULL}));
    assert_true(wants(true, (const char *const[]){"Kettle", "colour: red", NULL}));
    assert_false(wants(true, (const char *const[]){"", " ", NULL}));
}
