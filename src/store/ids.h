// SPDX-License-Identifier: Apache-2.0
// Results of one column of ids. Private to store/.
#pragma once

#include "model/model.h"
#include "store/store.h"

// Copies them into the arena.
int ids_query(struct tx *tx, struct arena *arena, const struct store_sql *sql, const struct value *args, size_t n,
              struct strings *ret, struct err *err);
int count_query(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, int64_t *ret,
                struct err *err);
// Tells of a change of each; where the query gives more than IDS_TOLD, of everything of that kind in the brand. The
// query's last argument is its LIMIT and made here.
enum { IDS_TOLD = 1000 };
int ids_changed(struct tx *tx, enum change_kind kind, const struct store_sql *sql, struct str of, struct err *err);
// Ids of version 7 are ordered by time: none from this moment (Unix ms) on comes before it.
struct str id_bound(struct arena *arena, int64_t ms);
