// SPDX-License-Identifier: Apache-2.0
// The sending end of the pipe: readers say what they found, out writes the frames of ingest/record.h. After `stopped`
// nothing more is taken and readers should end.
#pragma once

#include "base/buf.h"
#include "ingest/record.h"

struct place { // where it stands in the file; 0: unknown
    int64_t line, page;
};

struct out {
    // Gets one record's JSON; false: nobody listens any more.
    bool (*put)(void *arg, struct str json);
    void *arg;
    struct buf json; // the record under way
    enum read_want want;
    int64_t pages;
    bool stopped, text; // something was said that is worth reading
    // of the row under way
    size_t cells;
    struct place at;
};

void out_init(struct out *out, enum read_want want, bool (*put)(void *arg, struct str json), void *arg);
void out_done(struct out *out);

// Longer texts are cut into several records at white space. Empty ones are dropped, but for lines (INGEST_ROWS).
void out_text(struct out *out, struct str text, struct place at);
void out_heading(struct out *out, int level, struct str text, struct place at);
void out_note(struct out *out, const char *name, struct str text);
void out_object(struct out *out, struct str json, int64_t line); // JSON as it is
// A row: begin, its cells, end. A cell over RECORD_TEXT_MOST is cut; a row over RECORD_MOST is marked "bad".
void out_row(struct out *out, int64_t table, struct str sheet, struct place at);
void out_cell(struct out *out, struct str text);
void out_row_end(struct out *out);
void out_end(struct out *out, enum read_reason reason, int64_t line, int64_t column);
