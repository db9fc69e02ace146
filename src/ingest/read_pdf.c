// SPDX-License-Identifier: Apache-2.0
// PDF, from what pdftotext -bbox-layout says: blocks of lines of words with their places, one tag a line of its output.
// The height of most of the text is that of the body; a short block of clearly higher lines is a heading.
#include "ingest/readers.h"

#include "base/err.h"
#include "ingest/charset.h"

enum { HEIGHTS = 400, HEADING_MOST = 200, BLOCK_ROOM = 1 << 20 };

struct pdf {
    struct out *out;
    size_t heights[HEIGHTS]; // bytes of text by line height in half points
    size_t body;
    bool counting;
    int64_t page;
    struct buf block, line;
    size_t height, tallest, lines; // of the line, of the block's lowest line
};

// The number of half points between two attributes of a line's tag.
static size_t height_of(struct str tag)
{
    double low = 0, high = 0;
    static const struct str names[] = {STR("yMin=\""), STR("yMax=\"")};
    for (size_t i = 0; i < 2; i++) {
        ptrdiff_t at = str_find(tag, names[i]);
        if (at < 0)
            return 0;
        struct str rest = {tag.p + at + names[i].n, tag.n - (size_t)at - names[i].n};
        (void)str_to_double(str_split(&rest, '"'), i ? &high : &low);
    }
    double half = (high - low) * 2;
    return half < 0 ? 0 : half >= HEIGHTS ? HEIGHTS - 1 : (size_t)half;
}

static void add_word(struct buf *line, struct str text)
{
    static const struct {
        struct str name;
        char c;
    } entities[] = {{STR("&amp;"), '&'},  {STR("&lt;"), '<'},    {STR("&gt;"), '>'},
                    {STR("&quot;"), '"'}, {STR("&apos;"), '\''}, {STR("&#39;"), '\''}};
    if (line->n)
        buf_addc(line, ' ');
    for (size_t i = 0; i < text.n; i++) {
        struct str rest = {text.p + i, text.n - i};
        char c = text.p[i];
        for (size_t k = 0; c == '&' && k < sizeof entities / sizeof *entities; k++)
            if (str_starts(rest, entities[k].name)) {
                i += entities[k].name.n - 1;
                buf_addc(line, entities[k].c);
                rest.n = 0;
                break;
            }
        if (rest.n)
            buf_addc(line, (unsigned char)c < 32 ? ' ' : c);
    }
}

static void end_line(struct pdf *p)
{
    if (p->counting) {
        p->heights[p->height] += p->line.n;
    } else if (p->line.n) {
        if (p->out->want == INGEST_ROWS)
            out_text(p->out, buf_str(&p->line), (struct place){0, p->page});
        if (p->block.n)
            buf_addc(&p->block, '\n');
        buf_adds(&p->block, buf_str(&p->line));
        p->tallest = p->lines++ && p->tallest < p->height ? p->tallest : p->height;
    }
    buf_clear(&p->line);
}

static void end_block(struct pdf *p)
{
    struct place at = {0, p->page};
    size_t high = p->tallest * 100;
    if (p->counting)
        return;
    if (p->out->want == INGEST_ROWS)
        out_text(p->out, STR(""), at);
    else if (p->body && high >= p->body * 115 && p->block.n <= HEADING_MOST && p->lines <= 2)
        out_heading(p->out, high >= p->body * 160 ? 1 : high >= p->body * 130 ? 2 : 3, buf_str(&p->block), at);
    else
        out_text(p->out, buf_str(&p->block), at);
    buf_clear(&p->block);
    p->lines = p->tallest = 0;
}

static void tag(struct pdf *p, struct str line)
{
    line = str_trim(line);
    if (str_starts(line, STR("<page "))) {
        p->page++;
    } else if (str_starts(line, STR("<line "))) {
        p->height = height_of(line);
    } else if (str_starts(line, STR("<word "))) {
        ptrdiff_t from = str_find(line, STR("\">"));
        if (from >= 0 && str_ends(line, STR("</word>")) && (size_t)from + 9 <= line.n)
            add_word(&p->line, (struct str){line.p + from + 2, line.n - (size_t)from - 9});
    } else if (str_eq(line, STR("</line>"))) {
        end_line(p);
    } else if (str_eq(line, STR("</block>"))) {
        end_block(p);
    }
}

static void pass(struct pdf *p, struct source *source, bool counting)
{
    struct lines lines;
    struct str line;
    p->counting = counting;
    p->page = 0;
    if (lines_init(&lines, source, "UTF-8") == 0)
        while (!p->out->stopped && lines_next(&lines, &line) == 1)
            tag(p, line);
    lines_done(&lines);
}

enum read_reason read_pdf_boxes(struct source *source, struct out *out, struct fault_at *fault)
{
    struct pdf p = {.out = out, .block = BUF_INIT(BLOCK_ROOM), .line = BUF_INIT(BLOCK_ROOM / 2)};
    size_t most = 0;
    (void)fault;
    pass(&p, source, true);
    for (size_t i = 0; i < HEIGHTS; i++)
        if (p.heights[i] > most) {
            most = p.heights[i];
            p.body = i;
        }
    out->pages = p.page < PDF_PAGES_MOST ? p.page : PDF_PAGES_MOST;
    bool many = p.page > PDF_PAGES_MOST;
    if (!many)
        pass(&p, source, false);
    buf_done(&p.block);
    buf_done(&p.line);
    return many ? READ_TOO_MANY_PAGES : READ_OK;
}
