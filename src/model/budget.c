// SPDX-License-Identifier: Apache-2.0
#include "model/budget.h"

#define AT(member) FIELD_AT(struct budget, member)
static const struct field fields[] = {
    {"monthlyTokens", "monthly_tokens", FIELD_INT, FIELD_NULL, AT(monthly_tokens), 0, 1e15, .help = "null: no bound"},
    {"dailyTokens", "daily_tokens", FIELD_INT, FIELD_NULL, AT(daily_tokens), 0, 1e15},
    {"monthlyCost", "monthly_cost", FIELD_INT, FIELD_NULL, AT(monthly_cost), 0, 1e15,
     .help = "Millionths of llm.currency"},
    {"warnAt", "warn_at", FIELD_NUMBER, 0, AT(warn_at), 0, 1, .fallback = "0.8", .decimals = 4},
    {"onExhausted", "on_exhausted", FIELD_STRING, 0, AT(on_exhausted), .choices = "quote|refuse",
     .fallback = "\"quote\"", .help = "What is answered then: quotations, or that nobody is there"},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
};
const struct model budget_model = {"Budget", "budgets", sizeof(struct budget), MODEL_FIELDS(fields),
                                   .order = "updated_at"};
#undef AT
