// SPDX-License-Identifier: Apache-2.0
#include "ingest/sax.h"

#include "base/mem.h"

#include <libxml/parser.h>
#include <limits.h>
#include <stdlib.h>

enum { DEPTH_MOST = 256, ATTRIBUTES_MOST = 1000 };
enum lexed { IN_TEXT, IN_OPENING, IN_TAG, IN_QUOTES, IN_OTHER };

struct sax_parser {
    const struct sax *sax;
    void *arg;
    xmlParserCtxtPtr ctxt;
    bool doctype, stopped, deep;
    int depth;
    enum lexed lexed; // where the last byte was
    char quote;
    int attributes; // of the tag so far
};

static struct str text_of(const xmlChar *text)
{
    return str_from((const char *)text);
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_spaces,
                     const xmlChar **spaces, int n, int n_default, const xmlChar **attributes)
{
    struct sax_parser *p = ctx;
    (void)prefix, (void)uri, (void)n_spaces, (void)spaces, (void)n_default;
    struct sax_attributes all = {attributes, n};
    if (++p->depth > DEPTH_MOST) {
        p->deep = true;
        xmlStopParser(p->ctxt);
        return;
    }
    if (p->sax->start && !p->stopped)
        p->sax->start(p->arg, text_of(name), &all);
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct sax_parser *p = ctx;
    (void)prefix, (void)uri;
    p->depth--;
    if (p->sax->end && !p->stopped)
        p->sax->end(p->arg, text_of(name));
}

static void on_text(void *ctx, const xmlChar *text, int n)
{
    struct sax_parser *p = ctx;
    if (p->sax->text && !p->stopped)
        p->sax->text(p->arg, (struct str){(const char *)text, (size_t)n});
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    struct sax_parser *p = ctx;
    (void)name, (void)external, (void)system;
    p->doctype = true;
    xmlStopParser(p->ctxt);
}

struct str sax_attribute(const struct sax_attributes *attributes, const char *name)
{
    for (int i = 0; i < attributes->n; i++) {
        const unsigned char **a = attributes->at + 5 * i;
        if (strcmp((const char *)a[0], name) == 0)
            return (struct str){(const char *)a[3], (size_t)(a[4] - a[3])};
    }
    return STR_NULL;
}

struct sax_parser *sax_new(const struct sax *sax, void *arg, bool utf8)
{
    struct sax_parser *p = mem_zalloc(sizeof *p);
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .ignorableWhitespace = on_text,
        .cdataBlock = on_text,
        .internalSubset = on_doctype,
    };
    p->sax = sax;
    p->arg = arg;
    p->ctxt = xmlCreatePushParserCtxt(&handler, p, NULL, 0, NULL);
    if (!p->ctxt)
        abort();
    xmlCtxtUseOptions(p->ctxt,
                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | (utf8 ? XML_PARSE_IGNORE_ENC : 0));
    return p;
}

void sax_free(struct sax_parser *parser)
{
    if (!parser)
        return;
    xmlFreeParserCtxt(parser->ctxt);
    free(parser);
}

// The library compares each attribute with all before it: a tag of 100,000 would take half a minute. So they are
// counted before it sees them; whatever the encoding, these bytes are what they are in ASCII.
static bool few_attributes(struct sax_parser *p, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        if (!c)
            continue;
        if (p->lexed == IN_QUOTES) {
            p->lexed = c == p->quote ? IN_TAG : IN_QUOTES;
        } else if (p->lexed == IN_TEXT) {
            p->lexed = c == '<' ? IN_OPENING : IN_TEXT;
        } else if (c == '>') {
            p->lexed = IN_TEXT;
        } else if (p->lexed == IN_OPENING) {
            p->lexed = c == '!' || c == '?' ? IN_OTHER : IN_TAG;
            p->attributes = 0;
        } else if (p->lexed == IN_TAG && (c == '"' || c == '\'')) {
            p->lexed = IN_QUOTES;
            p->quote = c;
            if (++p->attributes > ATTRIBUTES_MOST)
                return false;
        }
    }
    return true;
}

bool sax_feed(struct sax_parser *parser, const char *bytes, size_t n)
{
    if (!few_attributes(parser, bytes, n)) {
        parser->deep = true;
        xmlStopParser(parser->ctxt);
    }
    while (n && !parser->stopped && !parser->doctype && !parser->deep) {
        int piece = n > 1 << 20 ? 1 << 20 : (int)n;
        if (xmlParseChunk(parser->ctxt, bytes, piece, 0) != 0 || !parser->ctxt->wellFormed)
            return false;
        bytes += piece;
        n -= (size_t)piece;
    }
    return !parser->stopped && !parser->doctype && !parser->deep;
}

enum read_reason sax_finish(struct sax_parser *parser)
{
    if (!parser->stopped && !parser->doctype && !parser->deep && parser->ctxt->wellFormed)
        (void)xmlParseChunk(parser->ctxt, "", 0, 1);
    if (parser->doctype)
        return READ_DOCTYPE;
    if (parser->deep)
        return READ_DAMAGED;
    return parser->stopped || (parser->ctxt->wellFormed && parser->ctxt->errNo == XML_ERR_OK) ? READ_OK : READ_DAMAGED;
}

void sax_stop(struct sax_parser *parser)
{
    parser->stopped = true;
    xmlStopParser(parser->ctxt);
}

int64_t sax_line(struct sax_parser *parser)
{
    return parser->ctxt->input ? parser->ctxt->input->line : 0;
}

void sax_fault(struct sax_parser *parser, int64_t *ret_line, int64_t *ret_column)
{
    *ret_line = parser->ctxt->lastError.line;
    *ret_column = parser->ctxt->lastError.int2;
}
