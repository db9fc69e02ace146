// SPDX-License-Identifier: Apache-2.0
// What a brand may use of models, and what it has used (upstream-llm 7.3).
#include "api/envelope.h"

#include "base/clock.h"
#include "engine/budget.h"
#include "store/audit.h"
#include "store/budget.h"

struct work {
    struct call *call;
    struct budget budget;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    int rc = budget_get(tx, w->call->arena, &w->budget, err);
    return rc < 0 ? rc : 0;
}

static void reply(struct call *call, const struct budget *budget)
{
    struct budget_state state;
    if (call_failed(call, budgets_state(call->app->budgets, call->scope.brand, &state, &call->err)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = model_encode(&budget_model, doc, budget);
    yyjson_mut_val *used = yyjson_mut_obj(doc), *reserved = yyjson_mut_obj(doc), *resets = yyjson_mut_obj(doc);
    json_add_int(doc, used, "monthlyTokens", state.month_tokens);
    json_add_int(doc, used, "dailyTokens", state.day_tokens);
    json_add_int(doc, used, "monthlyCost", state.month_cost);
    json_add_int(doc, reserved, "tokens", state.reserved_tokens);
    json_add_int(doc, reserved, "cost", state.reserved_cost);
    json_add_time(doc, resets, "month", state.next_month);
    json_add_time(doc, resets, "day", state.next_day);
    json_add(doc, data, "used", used);
    json_add(doc, data, "reserved", reserved);
    json_add(doc, data, "resetsAt", resets);
    call_data(call, 200, NULL, doc, data);
}

static void read_budget(struct call *call)
{
    struct work w = {.call = call};
    if (!call_failed(call, call_store_read(call, load, &w)))
        reply(call, &w.budget);
}

static int change(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    struct call *call = w->call;
    struct audit_change audit = {.action = "budget_updated", .target = call->scope.brand};
    struct budget old;
    int rc = load(tx, w, err);
    if (rc)
        return rc;
    old = w->budget;
    call->faults->n = 0;
    rc = model_decode(&budget_model, MODEL_PATCH, &call->input, &w->budget, call->faults);
    if (rc || model_equal(&budget_model, call->arena, &old, &w->budget))
        return rc;
    w->budget.updated_at = clock_wall_ms();
    model_mark(&budget_model, &w->budget, "updatedAt", true);
    rc = budget_put(tx, &w->budget, err);
    model_diff(&budget_model, tx_arena(tx), &old, &w->budget, &audit.old_value, &audit.new_value);
    return rc ? rc : audit_change(tx, &audit, err);
}

static void put_budget(struct call *call)
{
    struct work w = {.call = call};
    if (call_failed(call, call_store_write(call, change, &w)))
        return;
    budgets_changed(call->app->budgets, call->scope.brand);
    reply(call, &w.budget);
}

#define BUDGET                                                                                                         \
    .surface = &surface_platform, .tag = "Models", .limit = &LIMIT_MANAGEMENT, .family = "models",                     \
    .reply_example =                                                                                                   \
        "{\"status\":\"success\",\"success\":true,\"data\":{\"monthlyTokens\":2000000,\"dailyTokens\":null,"           \
        "\"monthlyCost\":null,\"warnAt\":0.8,\"onExhausted\":\"quote\",\"updatedAt\":\"2026-11-20T09:15:02.113Z\","    \
        "\"used\":{\"monthlyTokens\":41200,\"dailyTokens\":1800,\"monthlyCost\":0},\"reserved\":{\"tokens\":0,"        \
        "\"cost\":0},\"resetsAt\":{\"month\":\"2026-12-01T00:00:00.000Z\",\"day\":\"2026-11-21T00:00:00.000Z\"}}}"
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/brands/{brandId}/budget", BUDGET, .summary = "What the brand may use of models, and has used",
     .who = WHO_BRAND_ADMIN, .run = read_budget},
    {HTTP_PUT, "/api/v1/brands/{brandId}/budget", BUDGET, .summary = "Change it; what is not given stays",
     .who = WHO_BRAND_SUPER, .body = &budget_model, .flags = ENDPOINT_PATCH, .run = put_budget},
};

struct endpoints budgets_endpoints(void)
{
    return ENDPOINTS(rows);
}
