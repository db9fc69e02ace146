// SPDX-License-Identifier: Apache-2.0
#include "engine/import_report.h"

#include <stdlib.h>

void import_report_init(struct import_report *report)
{
    *report = (struct import_report){.arena = arena_new(0)};
}

void import_report_done(struct import_report *report)
{
    vec_done(&report->rows);
    vec_done(&report->notes);
    arena_free(report->arena);
    report->arena = NULL;
}

static const char *keep(struct import_report *report, const char *text)
{
    return text ? arena_cstr(report->arena, str_from(text)) : NULL;
}

void import_report_row(struct import_report *report, const struct import_row *row)
{
    report->failed++;
    if (report->rows.n >= IMPORT_ROWS_KEPT)
        return;
    vec_push(&report->rows, row->row, row->line, arena_str(report->arena, row->sheet),
             arena_str(report->arena, row->id), keep(report, row->field), keep(report, row->code),
             keep(report, row->detail));
}

void import_report_note(struct import_report *report, const char *format, ...)
{
    va_list args;
    if (report->notes.n >= IMPORT_NOTES_KEPT)
        return;
    va_start(args, format);
    struct str note = str_from(arena_vprintf(report->arena, format, args));
    va_end(args);
    vec_add(&report->notes, note);
}

void import_report_mark(struct import_report *report)
{
    report->mark.added = report->added;
    report->mark.updated = report->updated;
    report->mark.skipped = report->skipped;
    report->mark.failed = report->failed;
    report->mark.rows = report->rows.n;
    report->mark.notes = report->notes.n;
}

void import_report_back(struct import_report *report)
{
    report->added = report->mark.added;
    report->updated = report->mark.updated;
    report->skipped = report->mark.skipped;
    report->failed = report->mark.failed;
    report->rows.n = report->mark.rows;
    report->notes.n = report->mark.notes;
}

void import_row_encode(const struct import_row *row, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    if (row->row)
        json_add_int(doc, object, "row", row->row);
    if (row->line)
        json_add_int(doc, object, "line", row->line);
    if (row->sheet.n)
        json_add_str(doc, object, "sheet", row->sheet);
    if (row->id.p)
        json_add_str(doc, object, "id", row->id);
    if (row->field)
        json_add_cstr(doc, object, "field", row->field);
    json_add_cstr(doc, object, "code", row->code);
    json_add_cstr(doc, object, "detail", row->detail);
}
