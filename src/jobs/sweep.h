// SPDX-License-Identifier: Apache-2.0
// What is done every so often for the whole installation, on the jobs' thread.
#pragma once

#include "jobs/jobs.h"

enum { SWEEPS_MOST = 8 };
struct sweep { // when each is due, monotonic ms; zeroed: at once
    int64_t at[SWEEPS_MOST];
};
// Runs those that are due; returns in how many ms the next one is.
int64_t sweep_due(const struct jobs_options *with, struct sweep *state);
