// SPDX-License-Identifier: Apache-2.0
// What parley-read says of a file, shared by both ends of the pipe. It is a sequence of frames: four bytes of length
// (little endian), then that many bytes of JSON, one record:
//   {"k":"text","line":3,"page":1,"text":"…"}               a paragraph; with INGEST_ROWS of text formats a line
//   {"k":"heading","level":2,"text":"…", …}
//   {"k":"row","table":1,"line":5,"sheet":"…","cells":["…"]}  of the table of that number, counted from 1
//   {"k":"object","line":2,"value":{…}}                     a record of JSON or XML
//   {"k":"note","name":"encoding","text":"windows-874"}
//   {"k":"end","reason":"ok","line":0,"column":0,"pages":2}   always the last one; without it the reader crashed
#pragma once

#include "base/str.h"

enum { RECORD_MOST = 1 << 20, RECORD_TEXT_MOST = 64 << 10, PDF_PAGES_MOST = 200 };

enum record_kind { RECORD_TEXT, RECORD_HEADING, RECORD_ROW, RECORD_OBJECT, RECORD_NOTE, RECORD_END, RECORD_KINDS };
extern const char *const record_kinds[RECORD_KINDS];

// How a reading ended. The names are those of 000-management 3.2 where it has one.
enum read_reason {
    READ_OK,
    READ_ENCRYPTED,
    READ_DAMAGED, // not what it claims to be; line and column where known
    READ_NO_TEXT,
    READ_TOO_MANY_PAGES,
    READ_TIMEOUT,
    READ_TOO_LARGE, // unpacked, or in what would come out of it
    READ_DOCTYPE,   // XML with a document type declaration
    READ_NO_READER, // the program that reads this format is not installed
    READ_INTERNAL,  // the reader crashed or could not be started
    READ_REASONS
};
extern const char *const read_reasons[READ_REASONS];

enum read_want {
    INGEST_BLOCKS, // for people: headings, paragraphs, tables
    INGEST_ROWS,   // for records: tables, objects, and text line by line
};
