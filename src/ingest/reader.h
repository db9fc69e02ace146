// SPDX-License-Identifier: Apache-2.0
// Reading a file in a confined child process (parley-read): started for each file, killed at its deadline, and whatever
// becomes of it is a reason, never this process's trouble. Blocks its caller: for workers and jobs.
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "ingest/format.h"
#include "ingest/record.h"

struct record {
    enum record_kind kind;
    struct str text;           // text, heading, note
    struct str name;           // of a note
    struct str sheet;          // of a row
    int level;                 // of a heading
    int64_t line, page, table; // 0: unknown
    yyjson_val *value;         // cells of a row (strings), an object; NULL: none
    bool bad;                  // too large to be handed over
};

struct ingest_options {
    const char *program; // parley-read; NULL: beside the running program, else in its folder of the build
    enum format_id format;
    enum read_want want;
    int64_t timeout_ms;         // 0: 60 s
    uint64_t most_bytes;        // of all records; 0: 256 MiB
    const _Atomic bool *ending; // NULL, or turns true when the reading must end within a second: ERR_CANCELLED
};

struct ingest_result {
    enum read_reason reason;
    int64_t line, column; // of damage, where known
    int64_t pages, records;
};

// Each record, on the calling thread; its strings live for the call. Non-zero ends the reading: ingest_read returns it.
typedef int (*ingest_fn)(void *arg, const struct record *record);
// Reads from the start of `fd`. 0: *ret says how it ended; else what the callback returned.
int ingest_read(int fd, const struct ingest_options *options, ingest_fn each, void *arg, struct ingest_result *ret);
