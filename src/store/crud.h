// SPDX-License-Identifier: Apache-2.0
// Rows of model tables: the SQL of insert, get, list, update and remove is made from the fields' columns, once. A row
// is the resource's struct; strings read are tx_arena memory unless an arena is given.
#pragma once

#include "model/model.h"
#include "store/store.h"

// ERR_CONFLICT when the key exists.
int crud_insert(struct tx *tx, const struct model *model, const void *row, struct err *err);
// By the key fields that are set in `key` (a row of the same struct). 1 = found, 0 = none.
int crud_get(struct tx *tx, const struct model *model, struct arena *arena, const void *key, void *ret_row,
             struct err *err);
// Writes every column that is no key. ERR_NOT_FOUND.
int crud_update(struct tx *tx, const struct model *model, const void *row, struct err *err);
// ERR_NOT_FOUND.
int crud_remove(struct tx *tx, const struct model *model, const void *key, struct err *err);

// Rows in the model's order. `filter` NULL, or a row whose set FIELD_FILTER fields restrict. limit < 0: all. `each`
// returns non-zero to stop (handed on). `row` is reused between calls.
int crud_list(struct tx *tx, const struct model *model, const void *filter, int64_t limit, int64_t offset, void *row,
              int (*each)(void *arg, void *row), void *arg, struct err *err);
// The same as an array of structs in the arena.
int crud_rows(struct tx *tx, const struct model *model, struct arena *arena, const void *filter, int64_t limit,
              int64_t offset, void **ret, size_t *ret_n, struct err *err);
// The rows of these ids (at most CRUD_PICK_MOST), in their order, as an array of structs in the arena; those that are
// not there are left out. One statement, however many.
enum { CRUD_PICK_MOST = 100 };
int crud_pick(struct tx *tx, const struct model *model, struct arena *arena, const struct str *ids, size_t n,
              void **ret, size_t *ret_n, struct err *err);
int crud_count(struct tx *tx, const struct model *model, const void *filter, int64_t *ret, struct err *err);

// Every statement that crud can make for this model, for the portability check: call with i = 0.. until NULL.
const struct store_sql *crud_sql(const struct model *model, size_t i);
