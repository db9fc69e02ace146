// SPDX-License-Identifier: Apache-2.0
// The kinds of jobs: one function each.
#pragma once

#include "jobs/jobs.h"
#include "store/job.h"

// Jobs of one lane wait for each other, those of different lanes do not: each has threads of its own. `lanes` in
// jobs.c.
enum job_lane {
    LANE_UPKEEP,    // whatever has no other; quick, or in small steps
    LANE_MAIL,      // waits for a mail server
    LANE_DOCUMENTS, // waits for a reader of files
    LANE_ERASING,   // a million rows in small steps
    LANE_EMBEDDING, // computes for as long as there is something to compute
    JOB_LANES,
};
enum { JOB_LEASE_MS = 120000 }; // a job that takes longer renews it: job_renew

struct job_kind {
    const char *name;
    int (*run)(const struct jobs_options *with, const struct job *job, struct err *err);
    int tries;
    const int *waits_s; // before the second try, the third …; NULL: growing from two seconds to an hour
    int final;          // an error code after which no try helps; 0: none
    enum job_lane lane;
};

int job_erase_brand(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_chatbot(const struct jobs_options *with, const struct job *job, struct err *err);
int job_process_document(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_document(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_upload(const struct jobs_options *with, const struct job *job, struct err *err);
int job_send_mail(const struct jobs_options *with, const struct job *job, struct err *err);
int job_embed(const struct jobs_options *with, const struct job *job, struct err *err);
int job_calibrate(const struct jobs_options *with, const struct job *job, struct err *err);
int job_cancel_webhook(const struct jobs_options *with, const struct job *job, struct err *err);
int job_erase_webhook(const struct jobs_options *with, const struct job *job, struct err *err);
