// SPDX-License-Identifier: Apache-2.0
// What suppliers need of their products.
#pragma once

#include "api/resource.h"
#include "model/ingredient.h"
#include "model/supplier.h"

// Removes one with what hangs on it; adds to the counts. The supplier's count is the caller's.
int ingredient_erase(struct tx *tx, struct call *call, struct str id, int64_t *documents, int64_t *unlinked,
                     struct err *err);
// Writes the documents of all its products anew: its name stands in them.
int ingredients_rewrite(struct tx *tx, struct call *call, const struct supplier *supplier, struct err *err);
