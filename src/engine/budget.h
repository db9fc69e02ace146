// SPDX-License-Identifier: Apache-2.0
// What brands have used of models, what is set aside for calls under way, and whether one more fits (upstream-llm 7.3).
// The sums are kept in memory and begin with those of the stored usage; one process serves a brand's turns.
// Thread-safe.
#pragma once

#include "model/budget.h"
#include "store/store.h"

struct budgets;
struct budgets *budgets_new(struct store *store);
void budgets_free(struct budgets *budgets);

struct reservation { // zero: nothing is set aside
    bool held;
    struct str brand; // the caller's
    int64_t tokens, cost;
};

enum budget_answer { BUDGET_FITS, BUDGET_QUOTE, BUDGET_REFUSE };
// Sets aside what a call may use at most. Anything but BUDGET_FITS: it does not fit, and nothing is set aside. May read
// the store once for a brand; where that fails, the call fits. `brand` must stay until the release.
enum budget_answer budgets_reserve(struct budgets *budgets, struct str brand, int64_t tokens, int64_t cost,
                                   struct reservation *ret);
// In place of what was set aside, what was used. Does nothing for a reservation that is not held; clears it.
void budgets_settle(struct budgets *budgets, struct reservation *reservation, int64_t tokens, int64_t cost);

struct budget_state {
    int64_t month_tokens, day_tokens, month_cost;
    int64_t reserved_tokens, reserved_cost;
    int64_t next_month, next_day; // Unix ms
};
int budgets_state(struct budgets *budgets, struct str brand, struct budget_state *ret, struct err *err);
void budgets_changed(struct budgets *budgets, struct str brand); // its row
