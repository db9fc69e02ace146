// SPDX-License-Identifier: Apache-2.0
#include "engine/budget.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "store/audit.h"
#include "store/budget.h"
#include "store/usage.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

struct period {
    int64_t begins, ends;
    int64_t tokens, cost;
};

struct account { // of a brand
    struct budget budget;
    bool refuses;
    struct period month, day;
    int64_t tokens, cost; // set aside
};

struct budgets {
    struct store *store;
    pthread_mutex_t lock;
    struct map *accounts; // brand → account
};

struct budgets *budgets_new(struct store *store)
{
    struct budgets *budgets = mem_zalloc(sizeof *budgets);
    budgets->store = store;
    budgets->accounts = map_new();
    pthread_mutex_init(&budgets->lock, NULL);
    return budgets;
}

void budgets_free(struct budgets *budgets)
{
    size_t pos = 0;
    struct str key;
    void *account;
    if (!budgets)
        return;
    while (map_next(budgets->accounts, &pos, &key, &account))
        free(account);
    map_free(budgets->accounts);
    pthread_mutex_destroy(&budgets->lock);
    free(budgets);
}

// ---- periods -------------------------------------------------------------------------------------------------------

static struct period day_of(int64_t now)
{
    int64_t begins = now - now % DAY_MS;
    return (struct period){.begins = begins, .ends = begins + DAY_MS};
}

static struct period month_of(int64_t now)
{
    time_t seconds = (time_t)(now / 1000);
    struct tm at;
    gmtime_r(&seconds, &at);
    struct tm first = {.tm_year = at.tm_year, .tm_mon = at.tm_mon, .tm_mday = 1}, next = first;
    next.tm_mon++;
    return (struct period){.begins = (int64_t)timegm(&first) * 1000, .ends = (int64_t)timegm(&next) * 1000};
}

static void turn_over(struct account *account, int64_t now)
{
    if (now >= account->day.ends || now < account->day.begins)
        account->day = day_of(now);
    if (now >= account->month.ends || now < account->month.begins)
        account->month = month_of(now);
}

// ---- from the store ------------------------------------------------------------------------------------------------

struct loading {
    struct arena *arena;
    struct budget budget;
    struct period month, day;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct loading *l = arg;
    int rc = budget_get(tx, l->arena, &l->budget, err);
    rc = rc < 0 ? rc : usage_since(tx, l->month.begins, &l->month.tokens, &l->month.cost, err);
    return rc ? rc : usage_since(tx, l->day.begins, &l->day.tokens, &l->day.cost, err);
}

static int load_budget(struct tx *tx, void *arg, struct err *err)
{
    struct loading *l = arg;
    int rc = budget_get(tx, l->arena, &l->budget, err);
    return rc < 0 ? rc : 0;
}

static void take_budget(struct account *account, const struct loading *l)
{
    account->budget = l->budget;
    account->refuses = str_eq(l->budget.on_exhausted, STR("refuse"));
    account->budget.on_exhausted = STR_NULL; // the arena's
}

// Under the lock, which is given back meanwhile. NULL: the store failed. Turns ask before they use anything: what the
// store has is all until then.
static struct account *account_of(struct budgets *budgets, struct str brand, struct err *err)
{
    struct account *account = map_get(budgets->accounts, brand);
    int64_t now = clock_wall_ms();
    if (account) {
        turn_over(account, now);
        return account;
    }
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct loading l = {.arena = arena, .month = month_of(now), .day = day_of(now)};
    struct scope scope = scope_brand(brand, STR("budget"));
    pthread_mutex_unlock(&budgets->lock);
    int rc = store_read(budgets->store, &scope, load, &l, err);
    pthread_mutex_lock(&budgets->lock);
    account = map_get(budgets->accounts, brand);
    if (account || rc)
        return account;
    account = mem_zalloc(sizeof *account);
    take_budget(account, &l);
    account->month = l.month;
    account->day = l.day;
    map_set(budgets->accounts, brand, account);
    return account;
}

void budgets_changed(struct budgets *budgets, struct str brand)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct loading l = {.arena = arena};
    struct scope scope = scope_brand(brand, STR("budget"));
    struct err err;
    if (store_read(budgets->store, &scope, load_budget, &l, &err) != 0)
        return;
    pthread_mutex_lock(&budgets->lock);
    struct account *account = map_get(budgets->accounts, brand);
    if (account)
        take_budget(account, &l);
    pthread_mutex_unlock(&budgets->lock);
}

// ---- events --------------------------------------------------------------------------------------------------------

struct notice {
    enum budget_event event;
    bool month;
    int64_t period, used, bound;
    const char *unit;
};

static int write_notice(struct tx *tx, void *arg, struct err *err)
{
    const struct notice *n = arg;
    int rc = budget_mark(tx, n->event, n->month, n->period, err);
    if (rc != 1)
        return rc;
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "brandId", tx_scope(tx)->brand);
    json_add_cstr(doc, data, "period", n->month ? "month" : "day");
    json_add_cstr(doc, data, "unit", n->unit);
    json_add_int(doc, data, "used", n->used);
    json_add_int(doc, data, "limit", n->bound);
    json_add_time(doc, data, "periodStart", n->period);
    return event_write(tx, n->event == BUDGET_WARNED ? "budget.warning" : "budget.exhausted", STR_NULL,
                       json_write(tx_arena(tx), data), err);
}

static void written(void *arg, int rc, const struct err *err)
{
    (void)rc; // the next call that crosses the bound says it again
    (void)err;
    free(arg);
}

static void tell(struct budgets *budgets, struct str brand, const struct notice *notice)
{
    struct scope scope = scope_brand(brand, STR("budget"));
    struct notice *own = mem_zalloc(sizeof *own);
    *own = *notice;
    store_write_async(budgets->store, &scope, write_notice, own, written);
}

// ---- using ---------------------------------------------------------------------------------------------------------

struct limit { // one of the three bounds, as it stands
    bool set, month;
    int64_t bound, used, reserved;
    const char *unit;
    int64_t period;
};

enum { LIMITS = 3 };

static void limits_of(const struct account *a, struct limit out[LIMITS])
{
    const struct budget *b = &a->budget;
    out[0] = (struct limit){model_has(&budget_model, b, "monthlyTokens"),
                            true,
                            b->monthly_tokens,
                            a->month.tokens,
                            a->tokens,
                            "tokens",
                            a->month.begins};
    out[1] = (struct limit){model_has(&budget_model, b, "dailyTokens"),
                            false,
                            b->daily_tokens,
                            a->day.tokens,
                            a->tokens,
                            "tokens",
                            a->day.begins};
    out[2] = (struct limit){model_has(&budget_model, b, "monthlyCost"),
                            true,
                            b->monthly_cost,
                            a->month.cost,
                            a->cost,
                            "cost",
                            a->month.begins};
}

enum budget_answer budgets_reserve(struct budgets *budgets, struct str brand, int64_t tokens, int64_t cost,
                                   struct reservation *ret)
{
    struct limit limits[LIMITS], *over = NULL;
    struct err err;
    *ret = (struct reservation){0};
    pthread_mutex_lock(&budgets->lock);
    struct account *account = account_of(budgets, brand, &err);
    if (!account) {
        pthread_mutex_unlock(&budgets->lock);
        return BUDGET_FITS;
    }
    limits_of(account, limits);
    for (size_t i = 0; i < LIMITS && !over; i++) {
        int64_t more = strcmp(limits[i].unit, "cost") == 0 ? cost : tokens;
        if (limits[i].set && limits[i].used + limits[i].reserved + more > limits[i].bound)
            over = &limits[i];
    }
    if (!over) {
        account->tokens += tokens;
        account->cost += cost;
        *ret = (struct reservation){true, brand, tokens, cost};
    }
    bool refuses = account->refuses;
    pthread_mutex_unlock(&budgets->lock);
    if (!over)
        return BUDGET_FITS;
    tell(budgets, brand,
         &(struct notice){BUDGET_EXHAUSTED, over->month, over->period, over->used, over->bound, over->unit});
    return refuses ? BUDGET_REFUSE : BUDGET_QUOTE;
}

void budgets_settle(struct budgets *budgets, struct reservation *reservation, int64_t tokens, int64_t cost)
{
    struct limit limits[LIMITS];
    struct err err;
    if (!reservation->held)
        return;
    pthread_mutex_lock(&budgets->lock);
    struct account *account = account_of(budgets, reservation->brand, &err); // there since the reservation
    account->tokens -= reservation->tokens;
    account->cost -= reservation->cost;
    account->month.tokens += tokens;
    account->month.cost += cost;
    account->day.tokens += tokens;
    account->day.cost += cost;
    double warn_at = account->budget.warn_at;
    limits_of(account, limits);
    pthread_mutex_unlock(&budgets->lock);
    reservation->held = false;
    for (size_t i = 0; i < LIMITS; i++) {
        const struct limit *l = &limits[i];
        int64_t more = strcmp(l->unit, "cost") == 0 ? cost : tokens;
        double mark = warn_at * (double)l->bound;
        if (l->set && more > 0 && (double)l->used >= mark && (double)(l->used - more) < mark)
            tell(budgets, reservation->brand,
                 &(struct notice){BUDGET_WARNED, l->month, l->period, l->used, l->bound, l->unit});
    }
}

int budgets_state(struct budgets *budgets, struct str brand, struct budget_state *ret, struct err *err)
{
    pthread_mutex_lock(&budgets->lock);
    const struct account *account = account_of(budgets, brand, err);
    if (account)
        *ret = (struct budget_state){account->month.tokens, account->day.tokens, account->month.cost, account->tokens,
                                     account->cost,         account->month.ends, account->day.ends};
    pthread_mutex_unlock(&budgets->lock);
    return account ? 0 : ERR_UNAVAILABLE;
}
