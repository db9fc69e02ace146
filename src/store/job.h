// SPDX-License-Identifier: Apache-2.0
// Background work as rows: written in the transaction of the change that needs it, claimed with a lease, retried with
// back-off, put aside (`failed`, with its error) after too many tries.
#pragma once

#include "store/store.h"

int job_insert(struct tx *tx, const char *kind, struct str payload, int64_t run_at, struct err *err); // scope's brand

// The same unless one of this kind waits already.
int job_ensure(struct tx *tx, const char *kind, struct str payload, int64_t run_at, struct err *err);

struct job {
    struct str brand, id, kind, payload;
    int64_t attempts; // this one included
};
// Which kinds are meant: those in a list like "|mail.send|embed|", or all others.
struct job_choice {
    const char *kinds;
    bool others;
};
#define JOB_ANY ((struct job_choice){"|", true})
// Claims the job that is due longest, in any brand, for `lease_ms`. 1, 0.
int job_claim(struct tx *tx, struct arena *arena, struct job_choice of, int64_t now, int64_t lease_ms, struct job *ret,
              struct err *err);
// It goes on: nobody else may take it before `until`.
int job_renew(struct tx *tx, struct str id, int64_t until, struct err *err); // scope's brand
int job_done(struct tx *tx, struct str id, struct err *err);                 // scope's brand
// Again at run_at, or aside for good when run_at < 0.
int job_failed(struct tx *tx, struct str id, struct str error, int64_t run_at, struct err *err);
// Those of this kind that were put aside in the scope's brand: they are settled.
int jobs_forget_failed(struct tx *tx, const char *kind, struct err *err);
// It was not the job's fault that it did not come to its end: it waits again as if it had not been tried.
int job_released(struct tx *tx, struct str id, struct err *err);
struct job_count {
    struct str kind, state; // "waiting", "running", "failed"
    int64_t n, recent;      // recent: of those that failed, made since `since`
};
// Jobs of all brands by kind and state.
int job_counts(struct tx *tx, struct arena *arena, int64_t since, struct job_count **ret, size_t *ret_n,
               struct err *err);
// Whoever ran jobs before is gone for sure: none of them has to wait for its lease.
int jobs_orphaned(struct tx *tx, int64_t now, struct err *err);
// When the next job is due: 1 = *ret set, 0 = none waits.
int job_next_due(struct tx *tx, struct job_choice of, int64_t *ret, struct err *err);
