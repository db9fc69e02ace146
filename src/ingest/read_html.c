// SPDX-License-Identifier: Apache-2.0
// HTML as a reader sees it: headings, paragraphs, tables; what is not shown (scripts, styles, templates) is left out.
// libxml2's lenient parser gives the events; no network, and its entities are those of HTML.
#include "ingest/readers.h"

#include "base/err.h"
#include "base/mem.h"
#include "ingest/block.h"
#include "ingest/charset.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>

enum { DECLARED_IN = 2048 };

struct html {
    struct block block;
    int hidden; // depth inside of something that is not shown
    int tables;
};

static const char hidden_names[] = "script|style|noscript|template|head|svg|math|iframe|object|select";
static const char inline_names[] =
    "a|abbr|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|q|rp|rt|ruby|s|samp|small|"
    "span|strike|strong|sub|sup|time|tt|u|var|wbr|tbody|thead|tfoot|img|input";

static int level_of(struct str name)
{
    return name.n == 2 && name.p[0] == 'h' && name.p[1] >= '1' && name.p[1] <= '6' ? name.p[1] - '0' : 0;
}

static void on_start(void *ctx, const xmlChar *raw, const xmlChar **attributes)
{
    struct html *h = ctx;
    struct str name = str_from((const char *)raw);
    (void)attributes;
    if (str_is_choice(hidden_names, name))
        h->hidden++;
    if (h->hidden || str_is_choice(inline_names, name))
        return;
    if (str_eq(name, STR("br"))) {
        block_break(&h->block);
    } else if (str_eq(name, STR("table"))) {
        block_end(&h->block);
        h->block.table += h->tables++ == 0;
    } else if (str_eq(name, STR("tr"))) {
        if (h->tables == 1)
            block_row(&h->block);
    } else if (str_eq(name, STR("td")) || str_eq(name, STR("th"))) {
        if (h->tables == 1)
            block_cell(&h->block);
        else
            block_end(&h->block);
    } else {
        block_end(&h->block);
        h->block.level = h->block.in_row ? 0 : level_of(name);
        h->block.keep = str_eq(name, STR("pre"));
        if (str_eq(name, STR("li")) && h->block.out->want == INGEST_BLOCKS)
            block_add(&h->block, STR("- "));
    }
}

static void on_end(void *ctx, const xmlChar *raw)
{
    struct html *h = ctx;
    struct str name = str_from((const char *)raw);
    if (str_is_choice(hidden_names, name) && h->hidden > 0)
        h->hidden--;
    if (h->hidden || str_is_choice(inline_names, name) || str_eq(name, STR("br")))
        return;
    bool cell = str_eq(name, STR("td")) || str_eq(name, STR("th"));
    if (str_eq(name, STR("table")) && h->tables > 0 && --h->tables == 0)
        block_row_end(&h->block);
    else if (str_eq(name, STR("tr")) && h->tables == 1)
        block_row_end(&h->block);
    else if (cell && h->tables == 1)
        block_cell_end(&h->block);
    else
        block_end(&h->block);
    h->block.level = 0;
    h->block.keep = false;
}

static void on_text(void *ctx, const xmlChar *text, int n)
{
    struct html *h = ctx;
    // White space between a table's parts is no text; outside of its cells there is nothing else.
    if (!h->hidden && !(h->block.in_row && !h->block.in_cell))
        block_add(&h->block, (struct str){(const char *)text, (size_t)n});
}

// charset=… near the start, as a <meta> has it.
static struct str declared(struct source *source, char head[DECLARED_IN])
{
    ssize_t n = source_read(source, head, DECLARED_IN);
    struct str all = {head, n > 0 ? (size_t)n : 0};
    ptrdiff_t at = str_find(all, STR("charset="));
    source_seek(source, 0);
    if (at < 0)
        return STR_NULL;
    size_t from = (size_t)at + 8, end;
    from += from < all.n && (head[from] == '"' || head[from] == '\'');
    for (end = from; end < all.n && !strchr("\"'/> ;\n", head[end] ? head[end] : ' '); end++)
        ;
    return (struct str){head + from, end - from};
}

enum read_reason read_html(struct source *source, struct out *out, struct fault_at *fault)
{
    char head[DECLARED_IN];
    AUTO_FREE struct decoder *decoder = mem_alloc(sizeof *decoder);
    AUTO_BUF struct buf piece = BUF_INIT(8 * DECODE_PIECE);
    htmlSAXHandler sax = {.startElement = on_start, .endElement = on_end, .characters = on_text, .cdataBlock = NULL};
    struct html h = {0};
    (void)fault;
    block_init(&h.block, out);
    int rc = decoder_init(decoder, source, noted_charset(source, out, declared(source, head)));
    htmlParserCtxtPtr ctxt = htmlCreatePushParserCtxt(&sax, &h, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!ctxt)
        abort();
    htmlCtxtUseOptions(ctxt, HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_RECOVER |
                                 HTML_PARSE_IGNORE_ENC);
    while (rc == 0 && !out->stopped && (rc = decoder_next(decoder, &piece)) == 1) {
        rc = 0;
        htmlParseChunk(ctxt, piece.p, (int)piece.n, 0);
        buf_clear(&piece);
    }
    htmlParseChunk(ctxt, "", 0, 1);
    block_row_end(&h.block);
    block_end(&h.block);
    htmlFreeParserCtxt(ctxt);
    decoder_done(decoder);
    block_done(&h.block);
    return rc < 0 ? READ_DAMAGED : READ_OK;
}
