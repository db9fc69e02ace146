// SPDX-License-Identifier: Apache-2.0
// A brand's budget: one row or none.
#pragma once

#include "model/budget.h"
#include "store/store.h"

int budget_get(struct tx *tx, struct arena *arena, struct budget *ret, struct err *err); // 1; 0: none, defaults
int budget_put(struct tx *tx, const struct budget *budget, struct err *err);
// 1: said now that the period (its first ms) has this event; 0: it was said before, or there is no budget.
enum budget_event { BUDGET_WARNED, BUDGET_EXHAUSTED };
int budget_mark(struct tx *tx, enum budget_event event, bool month, int64_t period, struct err *err);
