// SPDX-License-Identifier: Apache-2.0
#include "jobs/jobs.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/kinds.h"
#include "jobs/sweep.h"
#include "store/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { LEASE_MS = 120000, LONGEST_SLEEP_MS = 30000, FIRST_BACK_OFF_MS = 1000, LONGEST_BACK_OFF_MS = 3600000 };

struct jobs {
    struct jobs_options with;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t poked;
    _Atomic bool ending;
    _Atomic int64_t beat_ms;
    bool work, joined;
    struct sweep sweep;
};

static const struct job_kind kinds[] = {
    {"brand.erase", job_erase_brand, 20},
    {"chatbot.erase", job_erase_chatbot, 20},
    {"embed", job_embed, 20},
    {"document.process", job_process_document, 6},
    {"document.erase", job_erase_document, 20},
    {"upload.erase", job_erase_upload, 20},
    {"mail.send", job_send_mail, 6, (const int[]){60, 300, 1800, 7200, 28800}, ERR_DENIED},
    {"webhook.cancel", job_cancel_webhook, 20},
    {"webhook.erase", job_erase_webhook, 20},
};

struct claim {
    struct arena *arena;
    struct job job;
    int found;
    int64_t due;
    const char *error;
    int64_t run_at;
    bool released;
};

static int claim(struct tx *tx, void *arg, struct err *err)
{
    struct claim *c = arg;
    c->found = job_claim(tx, c->arena, clock_wall_ms(), LEASE_MS, &c->job, err);
    return c->found < 0 ? c->found : 0;
}

static int next_due(struct tx *tx, void *arg, struct err *err)
{
    struct claim *c = arg;
    c->found = job_next_due(tx, &c->due, err);
    return c->found < 0 ? c->found : 0;
}

static int finish(struct tx *tx, void *arg, struct err *err)
{
    const struct claim *c = arg;
    if (c->released)
        return job_released(tx, c->job.id, err);
    return c->error ? job_failed(tx, c->job.id, str_from(c->error), c->run_at, err) : job_done(tx, c->job.id, err);
}

static const struct job_kind *kind_of(struct str name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq(str_from(kinds[i].name), name))
            return &kinds[i];
    return NULL;
}

static int64_t wait_after(const struct job_kind *kind, int64_t attempts)
{
    int64_t wait = FIRST_BACK_OFF_MS << (attempts < 12 ? attempts : 12);
    if (kind->waits_s)
        return (int64_t)kind->waits_s[attempts - 1] * 1000;
    return wait < LONGEST_BACK_OFF_MS ? wait : LONGEST_BACK_OFF_MS;
}

static void run_one(struct jobs *jobs, struct claim *c)
{
    const struct job_kind *kind = kind_of(c->job.kind);
    struct err err = {0};
    int rc = kind ? kind->run(&jobs->with, &c->job, &err) : err_set(&err, ERR_INVALID, "no job kind of this name");
    struct scope scope = scope_brand(c->job.brand, STR("jobs"));
    c->released = rc == ERR_CANCELLED && jobs->ending;
    if (rc && !c->released) {
        bool last = !kind || c->job.attempts >= kind->tries || rc == kind->final;
        int64_t wait = last ? 0 : wait_after(kind, c->job.attempts);
        c->error = err.text[0] ? err.text : err_name(rc);
        c->run_at = last ? -1 : clock_wall_ms() + wait;
        log_warn("job", "kind=" STR_FMT " brand=" STR_FMT " attempt=%lld error=\"%s\"%s", STR_ARG(c->job.kind),
                 STR_ARG(c->job.brand), (long long)c->job.attempts, c->error, last ? " given_up=true" : "");
    }
    if (str_eq(c->job.kind, STR("mail.send")) && !c->released)
        metric_add(METRIC_MAILS,
                   METRIC_AT(metric_label(LABEL_MAIL, !rc ? STR("ok") : c->run_at < 0 ? STR("failed") : STR("retry"))),
                   1);
    struct err written = {0};
    if (store_write(jobs->with.store, &scope, finish, c, &written) != 0)
        log_warn("job", "kind=" STR_FMT " not_noted=true error=\"%s\"", STR_ARG(c->job.kind),
                 written.text); // its lease runs out
}

// Runs what is due; returns how long nothing more is.
static int64_t run_due(struct jobs *jobs)
{
    struct scope scope = scope_installation(STR("jobs"));
    struct err err;
    for (;;) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        atomic_store(&jobs->beat_ms, clock_mono_ms());
        int64_t rest = sweep_due(&jobs->with, &jobs->sweep);
        rest = rest < LONGEST_SLEEP_MS ? rest : LONGEST_SLEEP_MS;
        struct claim c = {.arena = arena};
        if (store_read(jobs->with.store, &scope, next_due, &c, &err) != 0 || c.found != 1)
            return rest;
        int64_t in = c.due - clock_wall_ms();
        if (in > 0)
            return in < rest ? in : rest;
        if (store_write(jobs->with.store, &scope, claim, &c, &err) != 0)
            return FIRST_BACK_OFF_MS;
        if (c.found == 1)
            run_one(jobs, &c);
        if (jobs->ending)
            return 0;
    }
}

static void *thread(void *arg)
{
    struct jobs *jobs = arg;
    pthread_setname_np(pthread_self(), "jobs");
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->ending) {
        jobs->work = false;
        pthread_mutex_unlock(&jobs->lock);
        int64_t wait = run_due(jobs);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += wait / 1000;
        until.tv_nsec += wait % 1000 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&jobs->lock);
        while (!jobs->ending && !jobs->work)
            if (pthread_cond_timedwait(&jobs->poked, &jobs->lock, &until) != 0)
                break;
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

int64_t jobs_beat_ms(const struct jobs *jobs)
{
    return atomic_load(&jobs->beat_ms);
}

const char *jobs_kind(size_t i)
{
    return i < sizeof kinds / sizeof *kinds ? kinds[i].name : NULL;
}

struct jobs *jobs_new(const struct jobs_options *options)
{
    struct jobs *jobs = mem_zalloc(sizeof *jobs);
    pthread_condattr_t attr;
    jobs->with = *options;
    jobs->with.ending = &jobs->ending;
    atomic_init(&jobs->beat_ms, clock_mono_ms());
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->poked, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&jobs->thread, NULL, thread, jobs) != 0)
        abort();
    return jobs;
}

void jobs_poke(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->work = true;
    pthread_cond_signal(&jobs->poked);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs || jobs->joined)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->ending = true;
    pthread_cond_signal(&jobs->poked);
    pthread_mutex_unlock(&jobs->lock);
    pthread_join(jobs->thread, NULL);
    jobs->joined = true;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs_stop(jobs);
    pthread_cond_destroy(&jobs->poked);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
