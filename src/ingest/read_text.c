// SPDX-License-Identifier: Apache-2.0
// Plain text and Markdown. For people: paragraphs between empty lines, headings (# and underlined), tables as rows.
// For records every line is given as it stands, but for the rows of Markdown tables.
#include "ingest/readers.h"

#include "ingest/charset.h"

enum { PARAGRAPH_MOST = 256 << 10 };

struct text {
    struct out *out;
    struct lines *lines;
    bool markdown, fence;
    struct buf paragraph; // joined lines
    int64_t from;         // its first line
    size_t held;          // where its last line begins
    int64_t table;        // how many tables there were
    bool in_table;
};

static void flush(struct text *t)
{
    if (t->paragraph.n)
        out_text(t->out, buf_str(&t->paragraph), (struct place){t->from, 0});
    buf_clear(&t->paragraph);
    t->held = 0;
}

static void hold(struct text *t, struct str line)
{
    bool lines = t->out->want == INGEST_ROWS;
    if (lines || t->paragraph.n + line.n + 1 > PARAGRAPH_MOST)
        flush(t);
    if (t->paragraph.n)
        buf_addc(&t->paragraph, '\n');
    else
        t->from = t->lines->line;
    t->held = t->paragraph.n;
    buf_adds(&t->paragraph, line);
}

static int heading_level(struct str line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] == '#')
        n++;
    return n >= 1 && n <= 6 && (n == line.n || line.p[n] == ' ' || line.p[n] == '\t') ? (int)n : 0;
}

// |---|:--:| and its like.
static bool is_rule(struct str line)
{
    bool dash = false, bar = false;
    for (size_t i = 0; i < line.n; i++) {
        if (!memchr("|:- \t", line.p[i], 5))
            return false;
        dash |= line.p[i] == '-';
        bar |= line.p[i] == '|';
    }
    return dash && bar;
}

static bool is_underline(struct str line, char mark)
{
    size_t n = 0;
    while (n < line.n && line.p[n] == mark)
        n++;
    return n >= 3 && n == line.n;
}

static void row(struct text *t, struct str line, int64_t number)
{
    line = str_trim(line);
    if (line.n && line.p[0] == '|')
        line = (struct str){line.p + 1, line.n - 1};
    if (line.n && line.p[line.n - 1] == '|' && (line.n < 2 || line.p[line.n - 2] != '\\'))
        line.n--;
    out_row(t->out, t->table, STR_NULL, (struct place){number, 0});
    for (size_t from = 0, i = 0; i <= line.n; i++)
        if (i == line.n || (line.p[i] == '|' && (i == 0 || line.p[i - 1] != '\\'))) {
            out_cell(t->out, str_trim((struct str){line.p + from, i - from}));
            from = i + 1;
        }
    out_row_end(t->out);
}

static void begin_table(struct text *t)
{
    struct str head = {t->paragraph.p + t->held, t->paragraph.n - t->held};
    t->paragraph.n = t->held ? t->held - 1 : 0;
    t->table++;
    t->in_table = true;
    // What is flushed lies before the heading row in the same buffer and does not touch it.
    out_text(t->out, buf_str(&t->paragraph), (struct place){t->from, 0});
    row(t, head, t->lines->line - 1);
    buf_clear(&t->paragraph);
    t->held = 0;
}

static bool holds_table_head(const struct text *t)
{
    return t->paragraph.n > t->held && memchr(t->paragraph.p + t->held, '|', t->paragraph.n - t->held);
}

static void markdown_line(struct text *t, struct str line)
{
    bool rows = t->out->want == INGEST_ROWS;
    struct str bare = str_trim(line);
    if (str_starts(bare, STR("```")) || str_starts(bare, STR("~~~")))
        t->fence = !t->fence;
    if (t->in_table && bare.n && memchr(bare.p, '|', bare.n)) {
        row(t, bare, t->lines->line);
        return;
    }
    t->in_table = false;
    int level = t->fence ? 0 : heading_level(bare);
    if (!t->fence && is_rule(bare) && holds_table_head(t)) {
        begin_table(t);
    } else if (!rows && level) {
        flush(t);
        while (bare.n && bare.p[bare.n - 1] == '#')
            bare.n--;
        bare = str_trim(bare);
        size_t skip = (size_t)level < bare.n ? (size_t)level : bare.n;
        out_heading(t->out, level, (struct str){bare.p + skip, bare.n - skip}, (struct place){t->lines->line, 0});
    } else if (!rows && !t->fence && t->paragraph.n && !t->held &&
               (is_underline(bare, '=') || is_underline(bare, '-'))) {
        out_heading(t->out, bare.p[0] == '=' ? 1 : 2, buf_str(&t->paragraph), (struct place){t->from, 0});
        buf_clear(&t->paragraph);
    } else if (!rows && !bare.n && !t->fence) {
        flush(t);
    } else {
        hold(t, line);
    }
}

static void plain_line(struct text *t, struct str line)
{
    if (t->out->want == INGEST_BLOCKS && !str_trim(line).n)
        flush(t);
    else
        hold(t, line);
}

static void rows_line(struct text *t, struct str line)
{
    // An empty line parts records, so it is said like any other.
    if (str_trim(line).n) {
        hold(t, line);
        return;
    }
    flush(t);
    t->in_table = false;
    out_text(t->out, STR(""), (struct place){t->lines->line, 0});
}

static enum read_reason read_lines(struct source *source, struct out *out, bool markdown)
{
    struct lines lines;
    struct text t = {.out = out, .lines = &lines, .markdown = markdown, .paragraph = BUF_INIT(2 * LINE_MOST)};
    struct str line;
    int rc = lines_init(&lines, source, noted_charset(source, out, STR_NULL));
    while (rc == 0 && !out->stopped && (rc = lines_next(&lines, &line)) == 1) {
        rc = 0;
        if (out->want == INGEST_ROWS && !str_trim(line).n)
            rows_line(&t, line);
        else if (markdown)
            markdown_line(&t, line);
        else
            plain_line(&t, line);
    }
    flush(&t);
    buf_done(&t.paragraph);
    lines_done(&lines);
    return rc < 0 ? READ_DAMAGED : READ_OK;
}

enum read_reason read_text(struct source *source, struct out *out, struct fault_at *fault)
{
    (void)fault;
    return read_lines(source, out, false);
}

enum read_reason read_markdown(struct source *source, struct out *out, struct fault_at *fault)
{
    (void)fault;
    return read_lines(source, out, true);
}
