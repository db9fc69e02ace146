// SPDX-License-Identifier: Apache-2.0
#include "store/budget.h"

STORE_SQL(budget_read, "SELECT monthly_tokens, daily_tokens, monthly_cost, warn_at, on_exhausted, updated_at FROM "
                       "budgets WHERE brand_id = $1");
STORE_SQL(budget_write,
          "INSERT INTO budgets (brand_id, monthly_tokens, daily_tokens, monthly_cost, warn_at, on_exhausted, "
          "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (brand_id) DO UPDATE SET "
          "monthly_tokens = excluded.monthly_tokens, daily_tokens = excluded.daily_tokens, "
          "monthly_cost = excluded.monthly_cost, warn_at = excluded.warn_at, on_exhausted = excluded.on_exhausted, "
          "updated_at = excluded.updated_at, warned_month = 0, warned_day = 0, exhausted_month = 0, exhausted_day = 0");
STORE_SQL(budget_warned_month, "UPDATE budgets SET warned_month = $2 WHERE brand_id = $1 AND warned_month <> $2");
STORE_SQL(budget_warned_day, "UPDATE budgets SET warned_day = $2 WHERE brand_id = $1 AND warned_day <> $2");
STORE_SQL(budget_exhausted_month,
          "UPDATE budgets SET exhausted_month = $2 WHERE brand_id = $1 AND exhausted_month <> $2");
STORE_SQL(budget_exhausted_day, "UPDATE budgets SET exhausted_day = $2 WHERE brand_id = $1 AND exhausted_day <> $2");

int budget_get(struct tx *tx, struct arena *arena, struct budget *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    static const char *const bounds[] = {"monthlyTokens", "dailyTokens", "monthlyCost"};
    *ret = (struct budget){0};
    model_defaults(&budget_model, arena, ret);
    int rc = tx_query_one(tx, &budget_read, NO_VALUES, &rows, err);
    if (rc != 1)
        return rc;
    for (size_t i = 0; i < 3; i++) {
        *(int64_t *)model_at(&budget_model, ret, bounds[i]) = rows_int(rows, i);
        model_mark(&budget_model, ret, bounds[i], !rows_is_null(rows, i));
    }
    ret->warn_at = rows_real(rows, 3);
    ret->on_exhausted = arena_str(arena, rows_str(rows, 4));
    ret->updated_at = rows_int(rows, 5);
    model_mark(&budget_model, ret, "updatedAt", true);
    return 1;
}

static struct value bound(const struct budget *budget, const char *field, int64_t value)
{
    return model_has(&budget_model, budget, field) ? v_int(value) : v_null();
}

int budget_put(struct tx *tx, const struct budget *budget, struct err *err)
{
    return tx_exec(tx, &budget_write,
                   VALUES(bound(budget, "monthlyTokens", budget->monthly_tokens),
                          bound(budget, "dailyTokens", budget->daily_tokens),
                          bound(budget, "monthlyCost", budget->monthly_cost), v_real(budget->warn_at),
                          v_str(budget->on_exhausted), v_int(budget->updated_at)),
                   NULL, err);
}

int budget_mark(struct tx *tx, enum budget_event event, bool month, int64_t period, struct err *err)
{
    static const struct store_sql *const sql[2][2] = {{&budget_warned_day, &budget_warned_month},
                                                      {&budget_exhausted_day, &budget_exhausted_month}};
    int64_t changed = 0;
    int rc = tx_exec(tx, sql[event][month], VALUES(v_int(period)), &changed, err);
    return rc ? rc : changed > 0;
}
