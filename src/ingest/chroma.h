// SPDX-License-Identifier: Apache-2.0
// The records of a Chroma folder (versions 0.4 to 1.x), out of its chroma.sqlite3 alone. The source is only read: the
// database is copied with its log or journal into a temporary file first, and what is opened is the copy. Vectors and
// index files are never looked at.
//
// It runs in the calling process, not in parley-read: the parser is SQLite itself, which opens the program's own store
// too, and the file is one that the operator names. It is held to reading: no triggers, no views, no functions of the
// schema, and every page that is read is checked first.
#pragma once

#include "base/err.h"
#include "base/json.h"

struct chroma;

struct chroma_collection {
    struct str id, name;
    struct str brand;   // metadata key brand_id; STR_NULL: none
    struct str segment; // of its records; STR_NULL: none, then it has only what is queued
};

struct chroma_record {
    struct str id;        // embedding_id
    yyjson_val *metadata; // an object of texts, raw numbers and booleans, without the document
    struct str document;  // STR_NULL: none
};

bool chroma_detects(const char *path); // a folder with chroma.sqlite3, or such a file
// Copies, opens and checks it. ERR_FORMAT: damaged, or a table or column is missing (named); ERR_IO; ERR_CONFLICT: it
// is being written all the time.
int chroma_open(const char *path, const char *temp_dir, struct chroma **ret, struct err *err);
void chroma_close(struct chroma *chroma); // NULL is fine
// By name.
const struct chroma_collection *chroma_collections(const struct chroma *chroma, size_t *ret_n);
// Each record as it is once everything queued has been applied, in the order of their making; strings live for the
// call. Non-zero of `each` ends it and is returned. ERR_FORMAT: the database is damaged here.
int chroma_each(struct chroma *chroma, const struct chroma_collection *collection,
                int (*each)(void *arg, const struct chroma_record *record), void *arg, struct err *err);
