// SPDX-License-Identifier: Apache-2.0
// The tables of a brand as they leave an installation and come into another one (`parley export`, `parley import`): one
// row a table, with the treatment of each column. What is in no row and not named as left out is found by a test that
// compares with the tables of a fresh store.
#pragma once

#include "store/store.h"

enum tenant_flags {
    TENANT_KEY = 1,
    TENANT_ID = 2,   // an id of ours, or NULL: it becomes another one where it is taken
    TENANT_USER = 4, // a user's id: NULL where nobody has it
    TENANT_JSON = 8, // JSON text that may name ids of ours
    TENANT_INT = 16, // integers; neither this nor TENANT_REAL: text
    TENANT_REAL = 32,
    TENANT_FIRST = 64, // a row that is there keeps its own value
    TENANT_OUT = 128,  // stays out of the file; the table's default on coming in
    TENANT_MADE = 256, // stays out of the file; made anew for a row that is added
};
enum { TENANT_COLUMNS = 48 };

struct tenant_column {
    char name[32];
    unsigned flags;
};

struct tenant_table {
    const char *name;
    const char *spec;                   // columns and their marks, see tenant.c
    const char *parent, *parent_column; // its rows follow the row that they belong to; NULL: they stand alone
    const char *place, *place_column;   // kind of store/place.h under which a row is found; NULL: none
    const char *natural;                // columns that are unique too, beside the key; NULL: none
    const char *where;                  // rows that are taken; NULL: all
    const char *view;                   // rows are read from it; NULL: from the table
    struct tenant_column columns[TENANT_COLUMNS];
    size_t n, index;
};

// In the order in which they come in: what is referred to is there before.
size_t tenant_tables(const struct tenant_table **ret);
const struct tenant_table *tenant_find(struct str name);                 // NULL: none
size_t tenant_column(const struct tenant_table *table, struct str name); // table->n: none
bool tenant_in_file(const struct tenant_table *table, size_t column);
// Tables of a brand that stay where they are, and why; NULL ends.
struct tenant_absent {
    const char *table, *reason;
};
extern const struct tenant_absent tenant_absent[];

// Every row of the brand (of the parent's row, where it has one), in the order of its key: the columns that are in the
// file, in their order. `each` returns non-zero to stop (handed on); it may ask for rows of other tables.
int tenant_each(struct tx *tx, const struct tenant_table *table, struct str parent,
                int (*each)(void *arg, struct rows *rows, struct err *err), void *arg, struct err *err);

enum tenant_outcome {
    TENANT_ADDED,
    TENANT_UPDATED,
    TENANT_SAME,  // replaced by what it was
    TENANT_KEPT,  // there already, and not to be replaced
    TENANT_OTHER, // another row has what must be unique: not written
};
// One row. `values` has one for each column of the table; bit i of `present`: column i is in the file. ERR_CONFLICT is
// an outcome, not an error.
int tenant_put(struct tx *tx, const struct tenant_table *table, uint64_t present, const struct value *values,
               bool replace, enum tenant_outcome *ret, struct err *err);
// The id of the row that has the same natural columns. 1, 0.
int tenant_twin(struct tx *tx, const struct tenant_table *table, const struct value *values, struct arena *arena,
                struct str *ret, struct err *err);
// Removes the rows that follow one of another table; *ret: how many.
int tenant_clear(struct tx *tx, const struct tenant_table *child, struct str parent, int64_t *ret, struct err *err);
// Whether the brand has a row of this id already. 1, 0.
int tenant_has(struct tx *tx, const struct tenant_table *table, struct str id, struct err *err);

// One row by its key: `values` has one for each column of the table, those that are in no file NULL. `arena` NULL:
// strings live as long as the row. 1, 0.
void tenant_values(const struct tenant_table *table, struct rows *rows, struct arena *arena, struct value *ret);
int tenant_get(struct tx *tx, const struct tenant_table *table, const struct value *key, struct arena *arena,
               struct value *ret, struct err *err);
int tenant_remove(struct tx *tx, const struct tenant_table *table, const struct value *key, struct err *err);
// As it was; one that is not there any more only where nothing of it has to be made anew.
int tenant_restore(struct tx *tx, const struct tenant_table *table, const struct value *values, bool *ret_added,
                   struct err *err);

// Counters that are kept beside rows, after rows came in; the brand is not as the installation made it any more.
struct tenant_counts {
    int64_t conversations, messages; // added to a brand that had a row of totals before
    int64_t products, last_position; // added; the highest of theirs
};
int tenant_came_in(struct tx *tx, const struct tenant_counts *counts, struct err *err);
// The same counters from what is there, but for those of conversations and messages.
int tenant_recount(struct tx *tx, struct err *err);
// The highest position of a product; 0: none.
int tenant_last_position(struct tx *tx, int64_t *ret, struct err *err);

// Every statement that is made here, for the portability check: call with i = 0.. until NULL.
const struct store_sql *tenant_sql(size_t i);
