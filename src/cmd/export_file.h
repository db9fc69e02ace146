// SPDX-License-Identifier: Apache-2.0
// The file of `parley export`: a sealed file (sealed.h) of
//   export.json          what it is: format, program, migration, the brand, each table with its columns, what stays out
//   rows/000001.jsonl    and so on, about 1 MiB each: lines {"table":…,"row":{column: value}}, a row's own rows behind
//   it files/documents/ID   the original of each document that was uploaded
#pragma once

#include "base/json.h"
#include "cmd/sealed.h"
#include "store/tenant.h"

enum { EXPORT_VERSION = 1, EXPORT_ROW_MOST = 1 << 30 };
extern const struct sealed_format export_format;
#define EXPORT_HEAD "export.json"
#define EXPORT_ROWS "rows/"
#define EXPORT_DOCUMENTS "files/documents/"

struct export_totals {
    struct sealed_totals sealed;
    int64_t rows, absent; // absent: documents whose file was not there
};

// In a read of the brand: everything as it is at that moment, and its files from below `data`.
int export_file_write(struct tx *tx, int fd, const char *data, struct str brand, struct str name,
                      struct progress *progress, struct export_totals *ret, struct err *err);

struct export_head {
    struct str brand, name;
    int64_t migration;
    uint64_t present[64]; // by the table's index: bit i: its column i is in the file
};

struct export_reader {
    void *arg;
    // Strings live for the call. `values` has one for each column of the table; those that are not in the file are
    // NULL.
    int (*row)(void *arg, const struct tenant_table *table, struct value *values, struct arena *arena, struct err *err);
    // A document's file: sealed_read gives its bytes. NULL: files are passed over.
    int (*file)(void *arg, struct str id, struct sealed *sealed, struct err *err);
};
// Reads it through, however often: every byte is accounted for and every row of its table's form. ERR_FORMAT: damaged,
// newer, or another kind of file. *ret_head lives in the arena; it is there before the first row.
int export_file_read(int fd, const struct export_reader *reader, struct progress *progress, struct arena *arena,
                     struct export_head *ret_head, struct err *err);
