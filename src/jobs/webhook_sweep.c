// SPDX-License-Identifier: Apache-2.0
#include "jobs/webhook_sweep.h"

#include "base/clock.h"
#include "base/log.h"
#include "jobs/webhook_call.h"

#include <stdlib.h>

enum { SWEEP_ROWS = 500 };

struct sweep {
    const struct crypto_keys *keys;
    struct arena *arena;
    struct str brand;
    int64_t before, now, deleted;
    struct webhook_due *failing;
    size_t n_failing;
    struct str webhook;
};

static int find_old(struct tx *tx, void *arg, struct err *err)
{
    struct sweep *s = arg;
    return retention_find(tx, s->arena, s->brand, s->before, &s->brand, err);
}

static int drop_old(struct tx *tx, void *arg, struct err *err)
{
    struct sweep *s = arg;
    return retention_step(tx, s->before, SWEEP_ROWS, &s->deleted, err);
}

static int list_failing(struct tx *tx, void *arg, struct err *err)
{
    struct sweep *s = arg;
    return webhook_failing_list(tx, s->arena, s->now - WEBHOOK_FAILING_MS, &s->failing, &s->n_failing, err);
}

static int disable_failing(struct tx *tx, void *arg, struct err *err)
{
    struct sweep *s = arg;
    bool disabled;
    int rc = webhook_disable_failing(tx, s->webhook, s->now - WEBHOOK_FAILING_MS, s->now, &disabled, err);
    return rc || !disabled ? rc : webhook_tell_failing(tx, s->keys, s->webhook, err);
}

static int sweep_failing(const struct webhooks_options *with, struct sweep *s, struct err *err)
{
    struct scope all = scope_installation(STR("webhooks"));
    int rc = store_read(with->store, &all, list_failing, s, err);
    for (size_t i = 0; i < s->n_failing && !rc; i++) {
        struct scope scope = scope_brand(s->failing[i].brand, STR("webhooks"));
        s->webhook = s->failing[i].id;
        rc = store_write(with->store, &scope, disable_failing, s, err);
    }
    return rc;
}

bool webhook_sweep(const struct webhooks_options *with, char **brand)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct err err = {0};
    int64_t now = clock_wall_ms();
    struct sweep s = {.keys = with->keys, .arena = arena, .now = now, .before = now - WEBHOOK_KEPT_MS};
    struct scope all = scope_installation(STR("webhooks"));
    s.brand = *brand ? str_from(*brand) : STR("");
    int rc = *brand ? 0 : sweep_failing(with, &s, &err);
    struct scope scope = scope_brand(s.brand, STR("webhooks"));
    bool same = *brand && (*brand)[0];
    rc = rc || !same ? rc : store_write(with->store, &scope, drop_old, &s, &err);
    if (!rc && (!same || s.deleted < SWEEP_ROWS))
        rc = store_read(with->store, &all, find_old, &s, &err);
    if (rc)
        log_warn("webhook", "sweep=failed error=\"%s\"", err.text);
    bool more = !rc && s.brand.p;
    char *next = more ? mem_strndup(s.brand.p, s.brand.n) : NULL;
    free(*brand);
    *brand = next;
    return more;
}
