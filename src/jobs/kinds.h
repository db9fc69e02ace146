// SPDX-License-Identifier: Apache-2.0
// The kinds of jobs: one function each.
#pragma once

#include "jobs/jobs.h"
#include "store/job.h"

struct job_kind {
    const char *name;
    int (*run)(const struct jobs_options *with, const struct job *job, struct err *err);
    int tries;
    const int *waits_s; // before the second try, the third …; NULL: growing from two seconds to an hour
    int final;          // an error code after which no try helps; 0: none
};

int job_erase_brand(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_chatbot(const struct jobs_options *with, const struct job *job, struct err *err);
int job_process_document(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_document(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_upload(const struct jobs_options *with, const struct job *job, struct err *err);
int job_send_mail(const struct jobs_options *with, const struct job *job, struct err *err);
int job_embed(const struct jobs_options *with, const struct job *job, struct err *err);
int job_cancel_webhook(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_webhook(const struct jobs_options *with, const struct job *job, struct err *err);
