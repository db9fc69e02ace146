// SPDX-License-Identifier: Apache-2.0
// One reader a format: it reads the whole source, says what it finds to `out` and returns how it ended. None of them
// opens a file, starts a program or keeps anything after its return. `fault` is where a damaged file is at fault.
#pragma once

#include "ingest/format.h"
#include "ingest/out.h"
#include "ingest/source.h"

struct fault_at {
    int64_t line, column;
};

enum read_reason read_text(struct source *source, struct out *out, struct fault_at *fault);
enum read_reason read_markdown(struct source *source, struct out *out, struct fault_at *fault);
enum read_reason read_csv(struct source *source, struct out *out, struct fault_at *fault);
enum read_reason read_json(struct source *source, struct out *out, struct fault_at *fault);
enum read_reason read_html(struct source *source, struct out *out, struct fault_at *fault);
enum read_reason read_xml(struct source *source, struct out *out, struct fault_at *fault);
enum read_reason read_docx(struct source *source, struct out *out, struct fault_at *fault);
enum read_reason read_xlsx(struct source *source, struct out *out, struct fault_at *fault);
// What pdftotext -bbox-layout wrote; the program is run by read_main.c.
enum read_reason read_pdf_boxes(struct source *source, struct out *out, struct fault_at *fault);

typedef enum read_reason (*reader_fn)(struct source *source, struct out *out, struct fault_at *fault);
reader_fn reader_of(enum format_id id); // NULL: none in this process

// The encoding, said as a note where it is not UTF-8 or UTF-16.
const char *noted_charset(struct source *source, struct out *out, struct str declared);
