// SPDX-License-Identifier: Apache-2.0
// The kinds of jobs: one function each.
#pragma once

#include "jobs/jobs.h"
#include "store/job.h"

struct job_kind {
    const char *name;
    int (*run)(const struct jobs_options *with, const struct job *job, struct err *err);
    int tries;
};

int job_erase_brand(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_chatbot(const struct jobs_options *with, const struct job *job, struct err *err);
int job_embed(const struct jobs_options *with, const struct job *job, struct err *err);
