// SPDX-License-Identifier: Apache-2.0
// A file of products (001-brands 12): its records come one after the other as rows of tables, objects or lines of text;
// products go into a temporary file until all is read, then into the catalogue: few in one transaction, many by way of
// a staging (store/staging.h), so that nobody waits for them and yet all are there at once. What is kept in memory does
// not grow with the file, but for the ids of its rows.
#pragma once

#include "base/json.h"
#include "store/store.h"

struct product_file;

enum product_layout {      // where products are looked for
    PRODUCTS_IN_ONE_TABLE, // CSV: the first row is the heading
    PRODUCTS_IN_SHEETS,    // XLSX: the first sheet with a heading within its first rows
    PRODUCTS_IN_OBJECTS,   // JSON, XML
    PRODUCTS_IN_TEXT,      // lines; tables too, where they have the columns
};

enum product_conflict { PRODUCT_CONFLICT_ERROR, PRODUCT_CONFLICT_UPDATE, PRODUCT_CONFLICT_SKIP };
extern const char product_conflicts[];                      // "error|update|skip"
enum product_conflict product_conflict_of(struct str name); // update for any other

struct product_file_options {
    enum product_layout layout;
    int64_t most_rows;     // of the file that are read
    int64_t most_products; // of the catalogue
    enum product_conflict on_conflict;
    const char *temp_dir;
    size_t errors_kept;      // 0: 100
    bool may_be_empty;       // no products are no error
    bool keep_text;          // for product_file_wants_model
    bool drops_samples;      // samples of the catalogue go when this comes: they count as not there
    bool makes_brand;        // the brand may not be there before it is written
    void (*each)(void *arg); // at each product that is written or passed over; NULL: nobody counts
    void *arg;
};
// NULL: no temporary file can be made.
struct product_file *product_file_new(const struct product_file_options *options);
void product_file_free(struct product_file *file);

struct product_place {
    struct str sheet; // STR_NULL: none
    int64_t table, line;
};
// All return 0, or ERR_LIMIT: enough rows, or the temporary file is full; nothing more need be read.
int product_file_row(struct product_file *file, const struct product_place *at, yyjson_val *cells);
int product_file_object(struct product_file *file, const struct product_place *at, yyjson_val *object);
int product_file_line(struct product_file *file, const struct product_place *at, struct str text);
int product_file_heading(struct product_file *file, const struct product_place *at, struct str text);
// A row that the reader could not hand over.
int product_file_bad(struct product_file *file, const struct product_place *at);
// Of the file as a whole: row 0.
void product_file_error(struct product_file *file, const char *code, const char *detail);
void product_file_warn(struct product_file *file, const char *code, const char *detail);
// After the last record.
void product_file_end(struct product_file *file);
bool product_file_has_products(const struct product_file *file); // some row is one
bool product_file_has_columns(const struct product_file *file);  // a heading row was found (tables, sheets)

// Before the end: the file is a text in which nothing is written as a product, so that a model may be asked to list
// them (engine/product_ask.h). Only with keep_text.
bool product_file_wants_model(struct product_file *file);
struct product_piece;
// What it has listed for one piece of the text: a row is a product only where its name and its price stand in that
// piece, else the error not_grounded; other values that do not are left out. As for records: 0 or ERR_LIMIT.
enum product_listing { PRODUCTS_LISTED, PRODUCTS_BROKEN_OFF, PRODUCTS_NOT_LISTED };
int product_file_list(struct product_file *file, const struct product_piece *piece, struct str reply,
                      enum product_listing *ret);

enum { PRODUCT_FILE_STAGED = 500 }; // of more rows than these
// Before the transaction that writes it, in none, in the brand's scope: many rows go into a staging, and wait there for
// its turn. ERR_NOT_FOUND: no such brand (any more); then nothing is left of it.
int product_file_stage(struct store *store, const struct scope *scope, struct product_file *file, struct err *err);
// After that transaction, whatever became of it: moves the rows to their place, or gives them up. What does not succeed
// the upkeep job does later.
void product_file_settle(struct store *store, const struct scope *scope, struct product_file *file);
// The same for a staging that nobody is at work on any more (store/staging.h); ERR_CANCELLED: *ending (may be NULL).
int product_staging_settle(struct store *store, const struct scope *scope, struct str id, const _Atomic bool *ending,
                           struct err *err);
// In a writing transaction; may run again from the start.
int product_file_write(struct tx *tx, struct product_file *file, struct err *err);

struct product_counts {
    int64_t total, added, updated, skipped, failed, errors;
    const char *status; // success, partial, failed
};
void product_file_counts(const struct product_file *file, struct product_counts *ret);
struct product_error { // of a row; row 0: of the file as a whole
    int64_t row, line;
    struct str sheet, id;
    const char *field, *code, *detail;
};
// Those that were kept, by rows.
void product_file_each_error(const struct product_file *file, void (*each)(void *arg, const struct product_error *),
                             void *arg);
// Both as lists of the contract, at most 100.
yyjson_mut_val *product_file_errors(const struct product_file *file, yyjson_mut_doc *doc);
yyjson_mut_val *product_file_warnings(const struct product_file *file, yyjson_mut_doc *doc);
