// SPDX-License-Identifier: Apache-2.0
// Between the files of product_file: records, the spool, the errors.
#pragma once

#include "base/id.h"
#include "base/vec.h"
#include "engine/product_draft.h"
#include "engine/product_file.h"
#include "engine/product_pieces.h"

#include <stdio.h>

enum { ERRORS_KEPT = 100, COLUMNS_MOST = 1024, HEADING_WITHIN = 20 };

struct product_errors {
    struct arena *arena;
    VEC(struct product_error) at; // the first `most`
    size_t most;
    int64_t total, rows; // all of them; those of rows
};

struct product_file {
    struct product_file_options options;
    struct arena *arena;
    FILE *spool;
    bool spool_full;
    int64_t rows, uncategorised, bad_urls;
    struct product_errors errors, written; // written: found while writing
    struct buf warnings;                   // JSON objects, joined by commas
    // Tables:
    struct product_column columns[COLUMNS_MOST];
    size_t n_columns;
    int64_t table, seen_in_table;    // the table under way, its rows so far
    bool has_columns, found_columns; // of it; of any
    struct str sheet;                // that products are read from
    struct buf specs, other_sheets;  // names for the warnings
    size_t n_specs;
    // Text: a block is a name and its keys.
    struct str heading, category, name; // a heading that may be a name or a category
    struct arena *block;                // NULL: no block is open
    struct product_draft draft;
    bool has_keys;
    struct product_place block_at;
    int64_t added, updated, skipped;
    struct product_pieces *pieces; // NULL: the text is not kept
    int64_t listed, left_out;      // by a model: products, values that the text does not have
    char staging[ID_SIZE];         // "": none
    int64_t staged_added, staged_updated, staged_skipped;
};

// A transaction's part of the writing (engine/product_write.c), after which product_writing_end counts no more.
struct product_writing {
    struct product_file *file;
    struct str staging; // STR_NULL: into the catalogue
    struct map *used;
    struct arena *arena;       // of all
    int64_t room, fresh, last; // of a staging: what it may still take, what is new of this transaction, its last row
    VEC(struct str) ids;       // of this transaction
    int64_t row, line;
    bool made_id;
};
struct product_spooled { // one of the spool
    struct product product;
    int64_t row, line;
    bool made_id;
};
int product_spool_rewind(struct product_file *file, struct err *err);
int product_spool_next(struct product_file *file, struct arena *arena, struct product_spooled *ret,
                       struct err *err); // 1, 0
void product_writing_begin(struct product_writing *w, struct product_file *file);
int product_writing_put(struct tx *tx, struct product_writing *w, const struct product_spooled *spooled,
                        struct err *err);
void product_writing_end(struct product_writing *w);

void product_errors_add(struct product_errors *errors, const struct product_error *error);
// The draft is one record: a product into the spool, or an error.
int product_file_take(struct product_file *file, const struct product_place *at, struct product_draft *draft);
// One row more; ERR_LIMIT: it is one too many.
int product_file_count(struct product_file *file);
int product_text_end_block(struct product_file *file);
