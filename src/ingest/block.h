// SPDX-License-Identifier: Apache-2.0
// Running text on its way to a block: white space collapses, nothing grows without bound. Shared by the readers of
// marked-up formats.
#pragma once

#include "ingest/out.h"

enum { BLOCK_MOST = 256 << 10, CELLS_MOST = 1024 };

struct block {
    struct out *out;
    struct buf text;
    struct place at;
    int level; // 0: a paragraph; a heading's otherwise
    bool gap;  // white space stands before what comes next
    bool keep; // white space as it is
    // A table's row under way; cells hold text instead of the paragraph.
    int64_t table;
    bool in_row, in_cell;
};

void block_init(struct block *block, struct out *out);
void block_done(struct block *block);
void block_add(struct block *block, struct str text);
void block_break(struct block *block); // a line's end inside the block
void block_end(struct block *block);   // says what there is; in a cell it is a space
void block_row(struct block *block);
void block_cell(struct block *block);     // begins one
void block_cell_end(struct block *block); // says it
void block_row_end(struct block *block);
