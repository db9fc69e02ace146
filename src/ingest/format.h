// SPDX-License-Identifier: Apache-2.0
// The formats of files, one row each, and how a file's format is found: by its content; its name decides only among
// formats that are plain text.
#pragma once

#include "base/err.h"
#include "base/str.h"

enum format_id {
    FORMAT_TEXT,
    FORMAT_MARKDOWN,
    FORMAT_HTML,
    FORMAT_CSV,
    FORMAT_JSON,
    FORMAT_XML,
    FORMAT_PDF,
    FORMAT_DOCX,
    FORMAT_XLSX,
    FORMAT_PNG,
    FORMAT_JPEG,
    FORMAT_WEBP,
    FORMAT_GIF,
    FORMAT_TIFF,
    FORMAT_BMP,
    FORMAT_OLE,     // an old Office file, or a new one under a password
    FORMAT_ARCHIVE, // a ZIP that is no document
    FORMAT_BINARY,  // anything else: programs, archives, pictures of other kinds
    FORMATS
};

enum { FORMAT_IS_TEXT = 1, FORMAT_IS_IMAGE = 2, FORMAT_READABLE = 4 };

struct format {
    const char *name;  // "csv": what parley-read is called with
    const char *title; // "CSV": in messages
    const char *mime;
    const char *extensions; // a|b|c, lower case
    unsigned flags;
};
extern const struct format formats[FORMATS];

// Looks at the file's bytes (a bounded number of them). `name` is the sender's file name. The file offset is left at 0.
enum format_id format_of(int fd, struct str name);
// By the ending of the name alone; FORMATS: none.
enum format_id format_by_name(struct str name);
bool format_is_protected(int fd);              // an OLE file that holds an encrypted document
enum format_id format_called(struct str name); // "csv"; FORMATS: none
