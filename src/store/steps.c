// SPDX-License-Identifier: Apache-2.0
#include "store/steps.h"

#include "base/clock.h"

#include <time.h>

enum { FIRST = 32, MOST = 512, PAUSE_MS = 4 }; // the pause: longer than others sleep before they ask again

struct steps {
    store_some fn;
    void *arg;
    int64_t most, took_us; // took_us: of the last part
    bool more;
};

int store_step(struct store *store, const struct scope *scope, store_fn fn, void *arg, struct err *err)
{
    int rc = store_write(store, scope, fn, arg, err);
    if (store_shared(store))
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    return rc;
}

static void adapt(struct steps *s)
{
    if (s->took_us > STEP_HOLD_US && s->most > 1)
        s->most /= 2;
    else if (s->took_us < STEP_HOLD_US / 2 && s->most < MOST)
        s->most *= 2;
}

static int step(struct tx *tx, void *arg, struct err *err)
{
    struct steps *s = arg;
    int64_t began = clock_mono_us();
    int rc = s->fn(tx, s->arg, s->most, &s->more, err);
    s->took_us = clock_mono_us() - began;
    return rc;
}

int store_steps(struct store *store, const struct scope *scope, store_some fn, void *arg, const _Atomic bool *ending,
                struct err *err)
{
    struct steps s = {fn, arg, FIRST, 0, true};
    int rc = 0;
    while (!rc && s.more && !(ending && *ending)) {
        rc = store_step(store, scope, step, &s, err);
        adapt(&s);
    }
    return !rc && ending && *ending ? err_set(err, ERR_CANCELLED, "the server stops") : rc;
}
