// SPDX-License-Identifier: Apache-2.0
#include "ingest/block.h"

void block_init(struct block *block, struct out *out)
{
    *block = (struct block){.out = out, .text = BUF_INIT(BLOCK_MOST + 8)};
}

void block_done(struct block *block)
{
    buf_done(&block->text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void block_add(struct block *block, struct str text)
{
    for (size_t i = 0; i < text.n;) {
        size_t from = i;
        if (!block->keep && is_space(text.p[i])) {
            block->gap = true;
            i++;
            continue;
        }
        while (i < text.n && (block->keep || !is_space(text.p[i])))
            i++;
        if (block->text.n + (i - from) + 1 > BLOCK_MOST) {
            if (block->in_row)
                return;
            block_end(block);
        }
        if (block->gap && block->text.n && block->text.p[block->text.n - 1] != '\n')
            buf_addc(&block->text, ' ');
        block->gap = false;
        buf_add(&block->text, text.p + from, i - from < BLOCK_MOST ? i - from : BLOCK_MOST);
    }
}

void block_break(struct block *block)
{
    block->gap = false;
    if (block->text.n && block->text.n < BLOCK_MOST)
        buf_addc(&block->text, '\n');
}

// For records every line of a paragraph counts by itself.
static void say_lines(struct block *block)
{
    struct str rest = buf_str(&block->text);
    while (rest.p)
        out_text(block->out, str_split(&rest, '\n'), block->at);
}

void block_end(struct block *block)
{
    if (block->in_row) {
        block->gap = true;
        return;
    }
    if (block->level)
        out_heading(block->out, block->level, buf_str(&block->text), block->at);
    else if (block->text.n && block->out->want == INGEST_ROWS)
        say_lines(block);
    else if (block->text.n)
        out_text(block->out, buf_str(&block->text), block->at);
    buf_clear(&block->text);
    block->gap = false;
}

void block_row(struct block *block)
{
    if (block->in_row)
        block_row_end(block);
    block_end(block);
    block->in_row = true;
    out_row(block->out, block->table, STR_NULL, block->at);
}

void block_cell(struct block *block)
{
    if (block->in_cell)
        block_cell_end(block);
    buf_clear(&block->text);
    block->gap = false;
    block->in_cell = block->in_row;
}

void block_cell_end(struct block *block)
{
    if (block->in_cell && block->out->cells < CELLS_MOST)
        out_cell(block->out, str_trim(buf_str(&block->text)));
    buf_clear(&block->text);
    block->gap = block->in_cell = false;
}

void block_row_end(struct block *block)
{
    if (!block->in_row)
        return;
    block_cell_end(block);
    block->in_row = false;
    if (block->out->cells)
        out_row_end(block->out);
}
