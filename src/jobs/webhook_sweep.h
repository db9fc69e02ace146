// SPDX-License-Identifier: Apache-2.0
// What comes due by the clock alone: webhooks that have only failed for days are disabled, and events and deliveries of
// long ago deleted.
#pragma once

#include "jobs/webhooks.h"

#define WEBHOOK_FAILING_MS (INT64_C(5) * 86400000)
#define WEBHOOK_KEPT_MS (INT64_C(30) * 86400000)

// One short step. *brand is where the sweep goes on (NULL: it begins); it is the sweep's, and freed by its end or by
// free(). False: the sweep has ended.
bool webhook_sweep(const struct webhooks_options *with, char **brand);
