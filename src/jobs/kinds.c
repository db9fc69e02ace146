// SPDX-License-Identifier: Apache-2.0
#include "jobs/kinds.h"

#include "store/brand.h"

static int erase(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_erase(tx, err);
}

int job_erase_brand(const struct jobs_options *with, const struct job *job, struct err *err)
{
    struct scope scope = scope_brand(job->brand, STR("jobs"));
    return store_write(with->store, &scope, erase, NULL, err);
}
