// SPDX-License-Identifier: Apache-2.0
// Ingredients beyond their plain rows, and products of both kinds as they are listed. All in the scope's brand.
#pragma once

#include "model/ingredient.h"
#include "store/store.h"

// Of either kind. 1, 0.
int ingredient_get(struct tx *tx, struct arena *arena, struct str id, struct ingredient *ret, struct err *err);
// Another one than `id` (STR_NULL: any) of this supplier has this folded name. 1, 0.
int ingredient_named(struct tx *tx, struct str id, struct str supplier_id, struct str inci_fold, struct err *err);

struct ingredient_query {
    struct str kind, supplier_id, q; // STR_NULL: any; q: in a name or number
    int active;                      // -1: either
    int64_t limit, offset;
};
// By name.
int ingredient_find(struct tx *tx, struct arena *arena, const struct ingredient_query *query, struct strings *ret_ids,
                    int64_t *ret_total, struct err *err);

// Its documents but its own generated one, into its row. For whoever links one, or removes it.
int ingredient_count_documents(struct tx *tx, struct str id, struct err *err);
// Tells of all its documents.
int ingredient_documents_changed(struct tx *tx, struct str id, struct err *err);
// Of one that goes: its own document is erased, those of type `inci` are deleted, others lose the link.
int ingredient_leave_documents(struct tx *tx, struct str id, int64_t now, int64_t *ret_deleted, int64_t *ret_unlinked,
                               struct err *err);
