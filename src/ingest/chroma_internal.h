// SPDX-License-Identifier: Apache-2.0
// Between the files of the Chroma reader.
#pragma once

#include "base/vec.h"
#include "ingest/chroma.h"

#include <sqlite3.h>

struct chroma {
    struct arena *arena;
    sqlite3 *db;
    VEC(struct chroma_collection) collections;
    bool has_bool;      // embedding_metadata.bool_value
    sqlite3_stmt *text; // of a record without document by its number; NULL: not asked yet, or there is none
    bool text_asked;
};

// A private copy of the database with its log or journal, as `copy` in that folder.
int chroma_copy(const char *path, const char *folder, char *copy, size_t size, struct err *err);
int chroma_failed(const struct chroma *chroma, const char *what, struct err *err);
int chroma_prepare(struct chroma *chroma, const char *sql, sqlite3_stmt **ret, struct err *err);
struct str chroma_column(sqlite3_stmt *stmt, int column); // until the next step; NULL gives STR_NULL
void chroma_stmt_done(sqlite3_stmt **stmt);
#define AUTO_STMT MEM_CLEANUP(chroma_stmt_done)

// What is queued for a collection and not applied yet, by record.
enum chroma_operation { CHROMA_ADD, CHROMA_UPDATE, CHROMA_UPSERT, CHROMA_DELETE };
struct chroma_change {
    int64_t operation;
    struct str metadata; // JSON; STR_NULL: none
    struct chroma_change *next;
};
struct chroma_pending {
    struct str id;
    struct chroma_change *first, **last;
    bool met; // its record was there
};
struct chroma_queue {
    struct arena *arena;
    struct map *by_id;
    VEC(struct chroma_pending *) all;
};
int chroma_queue_load(struct chroma *chroma, const struct chroma_collection *collection, struct chroma_queue *ret,
                      struct err *err);
void chroma_queue_done(struct chroma_queue *queue);
// The record as it is after the changes: *object is replaced or changed; NULL: there is none.
void chroma_apply(const struct chroma_pending *pending, yyjson_mut_doc *doc, struct arena *arena,
                  yyjson_mut_val **object);
