// SPDX-License-Identifier: Apache-2.0
// The readers in this process, without confinement, over small texts. Office documents and hostile files:
// tests/ingest.
#include "base/test.h"

#include "ingest/charset.h"
#include "ingest/readers.h"

#include <stdlib.h>

static bool keep(void *arg, struct str json)
{
    buf_adds(arg, json);
    return buf_addc(arg, '\n');
}

static char *said(enum format_id format, enum read_want want, struct str bytes, enum read_reason expected)
{
    struct buf all = BUF_INIT(1 << 20);
    struct source source = source_memory(bytes);
    struct fault_at fault = {0, 0};
    struct out out;
    out_init(&out, want, keep, &all);
    enum read_reason reason = reader_of(format)(&source, &out, &fault);
    assert_int_equal(reason, expected);
    out_done(&out);
    buf_addc(&all, 0);
    return all.p;
}

static void expect(enum format_id format, enum read_want want, struct str bytes, const char *records)
{
    char *text = said(format, want, bytes, READ_OK);
    assert_string_equal(text, records);
    free(text);
}

#define ROWS(format, bytes, records) expect(FORMAT_##format, INGEST_ROWS, STR(bytes), (records))
#define BLOCKS(format, bytes, records) expect(FORMAT_##format, INGEST_BLOCKS, STR(bytes), (records))

TEST(csv_finds_its_separator_and_keeps_quotes)
{
    ROWS(CSV, "a;b,c;d\n1;2;3\n",
         "{\"k\":\"row\",\"line\":1,\"table\":1,\"cells\":[\"a\",\"b,c\",\"d\"]}\n"
         "{\"k\":\"row\",\"line\":2,\"table\":1,\"cells\":[\"1\",\"2\",\"3\"]}\n");
    ROWS(CSV, "a\tb\r\n\r\n\"x \"\"y\"\"\"\t\r\n",
         "{\"k\":\"row\",\"line\":1,\"table\":1,\"cells\":[\"a\",\"b\"]}\n"
         "{\"k\":\"row\",\"line\":3,\"table\":1,\"cells\":[\"x \\\"y\\\"\",\"\"]}\n");
    ROWS(CSV, "sep=|\na|b", "{\"k\":\"row\",\"line\":2,\"table\":1,\"cells\":[\"a\",\"b\"]}\n");
    ROWS(CSV, "\"open\nnever closed",
         "{\"k\":\"row\",\"line\":1,\"table\":1,\"cells\":[\"open\\u000anever closed\"]}\n");
}

TEST(encodings_are_found)
{
    // สวัสดีครับ, こんにちは世界。…, façade
    static const struct {
        struct str bytes;
        const char *charset;
    } rows[] = {
        {STR("plain"), "UTF-8"},
        {STR("fa\xC3\xA7"
             "ade"),
         "UTF-8"},
        {STR("\xFF\xFE"
             "a\0"),
         "UTF-16LE"},
        {STR("\xFE\xFF\0a"), "UTF-16BE"},
        {STR("fa\xE7"
             "ade caf\xE9"),
         "windows-1252"},
        {STR("\xCA\xC7\xD1\xCA\xB4\xD5\xA4\xC3\xD1\xBA 12"), "windows-874"},
        {STR("\x82\xB1\x82\xF1\x82\xC9\x82\xBF\x82\xCD\x90\xA2\x8A\x45\x81\x42\x93\xFA\x96\x7B\x8C\xEA\x82\xCC\x95\xB6"
             "\x8F\xCD"
             "\x82\xC5\x82\xB7\x81\x42\x82\xB1\x82\xEA\x82\xCD\x8E\x8E\x8C\xB1\x82\xC5\x82\xB7\x81\x42"),
         "Shift_JIS"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct source source = source_memory(rows[i].bytes);
        assert_string_equal(charset_of(&source, STR_NULL), rows[i].charset);
    }
    BLOCKS(TEXT,
           "\xFF\xFE"
           "h\0i\0\n\0",
           "{\"k\":\"text\",\"line\":1,\"text\":\"hi\"}\n");
    BLOCKS(TEXT, "\xCA\xC7\xD1\xCA\xB4\xD5\n",
           "{\"k\":\"note\",\"name\":\"encoding\",\"text\":\"windows-874\"}\n{\"k\":\"text\",\"line\":1,\"text\":"
           "\"สวัสดี\"}\n");
}

TEST(lines_end_in_every_way_and_pieces_do_not_matter)
{
    ROWS(TEXT, "a\r\nb\rc\n\nd",
         "{\"k\":\"text\",\"line\":1,\"text\":\"a\"}\n{\"k\":\"text\",\"line\":2,\"text\":\"b\"}\n"
         "{\"k\":\"text\",\"line\":3,\"text\":\"c\"}\n{\"k\":\"text\",\"line\":4,\"text\":\"\"}\n"
         "{\"k\":\"text\",\"line\":5,\"text\":\"d\"}\n");
    // A line's end across the border of two pieces.
    AUTO_BUF struct buf text = BUF_INIT(4 * DECODE_PIECE);
    for (size_t i = 0; i < DECODE_PIECE - 1; i++)
        buf_addc(&text, 'x');
    buf_addz(&text, "\r\ny");
    struct source source = source_memory(buf_str(&text));
    struct lines lines;
    struct str line;
    assert_int_equal(lines_init(&lines, &source, "UTF-8"), 0);
    assert_int_equal(lines_next(&lines, &line), 1);
    assert_int_equal(line.n, DECODE_PIECE - 1);
    assert_int_equal(lines_next(&lines, &line), 1);
    assert_str(line, "y");
    assert_int_equal(lines.line, 2);
    assert_int_equal(lines_next(&lines, &line), 0);
    lines_done(&lines);
}

TEST(markdown_has_headings_tables_and_fences)
{
    BLOCKS(MARKDOWN, "# Tents #\nLight\nones.\n\nSizes\n-----\n| a | b |\n|---|:-:|\n| 1 | x\\|y |\n\n```\n# no\n```\n",
           "{\"k\":\"heading\",\"line\":1,\"level\":1,\"text\":\"Tents\"}\n"
           "{\"k\":\"text\",\"line\":2,\"text\":\"Light\\u000aones.\"}\n"
           "{\"k\":\"heading\",\"line\":5,\"level\":2,\"text\":\"Sizes\"}\n"
           "{\"k\":\"row\",\"line\":7,\"table\":1,\"cells\":[\"a\",\"b\"]}\n"
           "{\"k\":\"row\",\"line\":9,\"table\":1,\"cells\":[\"1\",\"x\\\\|y\"]}\n"
           "{\"k\":\"text\",\"line\":11,\"text\":\"```\\u000a# no\\u000a```\"}\n");
}

TEST(html_shows_what_a_reader_sees)
{
    BLOCKS(HTML,
           "<html><head><title>t</title></head><h2>Saws &amp; <b>blades</b></h2><script>x<p>y</script><p>One<br>two"
           "<table><tr><th>a<td>b</tr><tr><td><p>1</p><td>2</table>after",
           "{\"k\":\"heading\",\"level\":2,\"text\":\"Saws & blades\"}\n"
           "{\"k\":\"text\",\"text\":\"One\\u000atwo\"}\n"
           "{\"k\":\"row\",\"table\":1,\"cells\":[\"a\",\"b\"]}\n"
           "{\"k\":\"row\",\"table\":1,\"cells\":[\"1\",\"2\"]}\n"
           "{\"k\":\"text\",\"text\":\"after\"}\n");
}

TEST(json_gives_its_records_wherever_they_stand)
{
    static const char one[] = "{\"k\":\"object\",\"line\":1,\"value\":{\"id\":\"a\",\"price\":12.50}}\n";
    ROWS(JSON, "[{\"id\":\"a\",\"price\":12.50}]", one);
    ROWS(JSON, "{\"id\":\"a\",\"price\":12.50}", one);
    ROWS(JSON, "{\"meta\":{\"items\":1},\"data\":[{\"id\":\"a\",\"price\":12.50}],\"n\":1}", one);
    ROWS(JSON, "[]", "");
    ROWS(JSON, "[1,\n\"x]\"]",
         "{\"k\":\"object\",\"line\":1,\"value\":1}\n{\"k\":\"object\",\"line\":2,\"value\":\"x]\"}\n");
    static const char *const bad[] = {
        "",           "[",           "[1",  "[1,]", "[1 2]",     "{\"a\":}", "{\"a\"}", "[1]]", "{\"data\":[1]",
        "{,\"a\":1}", "[\"\\u12\"]", "nul", "[}",   "{\"a\":1,}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        free(said(FORMAT_JSON, INGEST_ROWS, str_from(bad[i]), READ_DAMAGED));
}

TEST(xml_gives_products_and_refuses_a_doctype)
{
    ROWS(XML,
         "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><c xmlns=\"urn:x\"><item>no</item><product "
         "id=\"a\"><name>Caf\xE9</name>"
         "<features><feature>x</feature><feature>y</feature></features>"
         "<specs><weight>1</weight><spec name=\"size\">M</spec></specs></product></c>",
         "{\"k\":\"note\",\"name\":\"encoding\",\"text\":\"ISO-8859-1\"}\n"
         "{\"k\":\"object\",\"line\":1,\"value\":{\"id\":\"a\",\"name\":\"Café\",\"features\":[\"x\",\"y\"],"
         "\"specs\":{\"weight\":\"1\",\"size\":\"M\"}}}\n");
    ROWS(XML, "<a><item><name>n</name><features><item>z</item></features></item></a>",
         "{\"k\":\"object\",\"line\":1,\"value\":{\"name\":\"n\",\"features\":[\"z\"]}}\n");
    free(said(FORMAT_XML, INGEST_ROWS, STR("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), READ_DOCTYPE));
    free(said(FORMAT_XML, INGEST_ROWS, STR("<a><b></a>"), READ_DAMAGED));
    free(said(FORMAT_XML, INGEST_ROWS, STR("<a>&b;</a>"), READ_DAMAGED));
    free(said(FORMAT_XML, INGEST_ROWS, STR(""), READ_DAMAGED));
}
