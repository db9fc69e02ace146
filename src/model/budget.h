// SPDX-License-Identifier: Apache-2.0
// What a brand may use of models (upstream-llm 7.3). Unset: no bound.
#pragma once

#include "model/model.h"

struct budget {
    uint64_t set;
    int64_t monthly_tokens, daily_tokens;
    int64_t monthly_cost; // micro-units of llm.currency
    double warn_at;       // share at which the warning is sent
    struct str on_exhausted;
    int64_t updated_at;
};
extern const struct model budget_model;
