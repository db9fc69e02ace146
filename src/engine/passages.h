// SPDX-License-Identifier: Apache-2.0
// A document's headings, paragraphs and tables, cut into passages: at headings, then paragraphs, then sentences; aimed
// at PASSAGE_AIM characters, at most CHUNK_MOST, with PASSAGE_OVERLAP of the one before within a section. Rows of
// tables stay whole, under their heading row. Deterministic.
//
// The result is one text in which form feeds part the passages, so that engine/chunk.h gives them back.
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "engine/chunk.h"

enum { PASSAGE_AIM = 800, PASSAGE_OVERLAP = 120, PASSAGES_MOST = 20000, PASSAGES_BYTES = 24 << 20 };

struct passage_place {
    int64_t page, start, end; // 0: unknown; characters of the document's text, without what overlaps
    struct str heading;
};

struct passages {
    struct arena *arena; // headings
    struct buf text;     // passages, parted by form feeds
    VEC(struct passage_place) at;
    bool full;                // there was more
    struct buf section, head; // paragraphs not cut yet; the heading row of the table under way
    struct str heading;
    int64_t page, written, table;
    size_t table_rows;
};

void passages_init(struct passages *passages, struct arena *arena);
void passages_done(struct passages *passages);
void passages_heading(struct passages *passages, struct str text, int64_t page);
void passages_paragraph(struct passages *passages, struct str text, int64_t page);
// A row of the table of that number, its cells joined by the caller; the first of a table is its heading row.
void passages_row(struct passages *passages, struct str text, int64_t table, int64_t page);
void passages_end(struct passages *passages);
