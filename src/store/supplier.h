// SPDX-License-Identifier: Apache-2.0
// Suppliers beyond their plain rows. All in the scope's brand.
#pragma once

#include "model/supplier.h"
#include "store/store.h"

// 1, 0.
int supplier_get(struct tx *tx, struct arena *arena, struct str id, struct supplier *ret, struct err *err);
// Another one than `id` (STR_NULL: any) has this folded name, or this folded code (STR_NULL: none is looked for). 1, 0.
int supplier_named(struct tx *tx, struct str id, struct str name_fold, struct str code_fold, struct err *err);
// By name. `q` in name or code, `active` -1: either.
int supplier_find(struct tx *tx, struct arena *arena, struct str q, int active, int64_t limit, int64_t offset,
                  struct strings *ret_ids, int64_t *ret_total, struct err *err);
int supplier_count_products(struct tx *tx, struct str id, struct err *err); // into its row
// Tells of all documents of its products: they are searched, or not any more.
int supplier_documents_changed(struct tx *tx, struct str id, struct err *err);
// Ids of its products.
int supplier_products(struct tx *tx, struct arena *arena, struct str id, struct strings *ret, struct err *err);
