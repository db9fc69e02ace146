// SPDX-License-Identifier: Apache-2.0
// Small facts that the installation remembers, by name.
#pragma once

#include "store/store.h"

int fact_get(struct tx *tx, struct arena *arena, const char *name, struct str *ret, struct err *err); // 1, 0
int fact_put(struct tx *tx, const char *name, struct str value, struct err *err);
