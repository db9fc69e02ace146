// SPDX-License-Identifier: Apache-2.0
// Checks of the declared statements, for tests and for `parley check`.
#pragma once

#include "store/store.h"

// The form that every engine and the isolation of brands ask of a statement: parameters are $1 to $n without a gap, and
// a brand's statement mentions $1. ERR_INVALID names the statement.
int store_sql_check(const struct store_sql *sql, struct err *err);

// Checks each registered statement and prepares it on this store's engine, whose tables must be there. The first that
// fails is named.
int store_prepare_all(struct store *store, struct err *err);
