// SPDX-License-Identifier: Apache-2.0
// What became of one source of an import: how many rows were added, updated, skipped and failed, each failed row, and
// remarks. A transaction may run twice: whatever writes goes back to the mark first.
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/vec.h"

enum { IMPORT_ROWS_KEPT = 100000, IMPORT_NOTES_KEPT = 1000 };

struct import_row {     // that failed
    int64_t row, line;  // counted from 1; 0: none
    struct str sheet;   // STR_NULL: none; also a collection or a list of the source
    struct str id;      // as the source has it; STR_NULL: none
    const char *field;  // NULL: none
    const char *code;   // of 001-brands 12.4, or "conflict", "unknown_brand" …
    const char *detail; // for people
};

struct import_report {
    struct arena *arena;
    int64_t added, updated, skipped, failed;
    VEC(struct import_row) rows; // the first IMPORT_ROWS_KEPT; `failed` counts all
    VEC(struct str) notes;
    struct import_mark {
        int64_t added, updated, skipped, failed;
        size_t rows, notes;
    } mark;
};

void import_report_init(struct import_report *report);
void import_report_done(struct import_report *report);
// Everything is copied; counts it as failed.
void import_report_row(struct import_report *report, const struct import_row *row);
void import_report_note(struct import_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
// What was found before anything was written, or before a part of it; back to it at the beginning of each try.
void import_report_mark(struct import_report *report);
void import_report_back(struct import_report *report);
// The members of a failed row.
void import_row_encode(const struct import_row *row, yyjson_mut_doc *doc, yyjson_mut_val *object);
