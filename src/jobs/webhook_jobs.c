// SPDX-License-Identifier: Apache-2.0
// What a webhook's end leaves to do: its deliveries may be a million, so they go in steps.
#include "jobs/kinds.h"

#include "base/json.h"
#include "store/webhook.h"

#include <stdatomic.h>

enum { STEP = 500 };

struct steps {
    struct arena *arena;
    struct delivery_walk walk;
    bool erase;
    struct str last;
};

static int step(struct tx *tx, void *arg, struct err *err)
{
    struct steps *s = arg;
    return s->erase ? delivery_erase_step(tx, s->arena, &s->walk, &s->last, err)
                    : delivery_cancel_step(tx, s->arena, &s->walk, &s->last, err);
}

static int run(const struct jobs_options *with, const struct job *job, bool erase, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope scope = scope_brand(job->brand, STR("jobs"));
    struct steps s = {.erase = erase};
    yyjson_val *payload;
    int rc = json_parse(arena, job->payload, 0, &payload, NULL);
    s.walk = (struct delivery_walk){json_get_str(payload, "webhookId"), json_get_str(payload, "after"),
                                    json_get_str(payload, "upto"), STEP};
    while (!rc) {
        AUTO_ARENA struct arena *scratch = arena_new(0);
        s.arena = scratch;
        if (atomic_load(with->ending))
            return err_set(err, ERR_CANCELLED, "the program is stopping");
        rc = store_write(with->store, &scope, step, &s, err);
        if (rc || !s.last.p)
            return rc;
        s.walk.after = arena_str(arena, s.last);
    }
    return rc;
}

int job_cancel_webhook(const struct jobs_options *with, const struct job *job, struct err *err)
{
    return run(with, job, false, err);
}

int job_erase_webhook(const struct jobs_options *with, const struct job *job, struct err *err)
{
    return run(with, job, true, err);
}
