// SPDX-License-Identifier: Apache-2.0
#include "jobs/jobs.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/calibrate.h"
#include "jobs/kinds.h"
#include "jobs/sweep.h"
#include "store/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LONGEST_SLEEP_MS = 30000, FIRST_BACK_OFF_MS = 1000, LONGEST_BACK_OFF_MS = 3600000 };
enum { THREADS_MOST = 72, LANE_LIST = 400 };

// A new kind without a lane is upkeep's. The first thread is upkeep's own: it sweeps too, and begins the others.
static const struct {
    const char *name;
    int threads, nice;
    bool endless; // its jobs may take hours
    bool setting; // jobs.workers says how many threads
} lanes[JOB_LANES] = {
    [LANE_UPKEEP] = {"jobs", 1, 0, false},
    [LANE_MAIL] = {"jobs-mail", 1, 0, false},
    [LANE_DOCUMENTS] = {"jobs-documents", 2, 0, false, .setting = true},
    [LANE_ERASING] = {"jobs-erasing", 1, 0, true},
    [LANE_EMBEDDING] = {"jobs-embedding", 1, 10, true},
};

struct worker {
    struct jobs *jobs;
    enum job_lane lane;
    pthread_t thread;
    _Atomic int64_t beat_ms;
    _Atomic bool busy; // in a job
};

struct jobs {
    struct jobs_options with;
    pthread_mutex_t lock;
    pthread_cond_t poked;
    _Atomic bool ending;
    uint64_t pokes; // under the lock
    struct worker workers[THREADS_MOST];
    _Atomic int n; // of workers; grows only, by the first of them
    bool joined;
    struct sweep sweep;
    char kinds[JOB_LANES][LANE_LIST]; // as struct job_choice has them; upkeep: all that others have
};

static const struct job_kind kinds[] = {
    {"brand.erase", job_erase_brand, 20, .lane = LANE_ERASING},
    {"chatbot.erase", job_erase_chatbot, 20, .lane = LANE_ERASING},
    {"embed", job_embed, 20, .final = ERR_CONFLICT, .lane = LANE_EMBEDDING},
    {"calibrate", job_calibrate, 20, .final = ERR_CONFLICT, .lane = LANE_EMBEDDING},
    {"document.process", job_process_document, 6, .lane = LANE_DOCUMENTS},
    {"document.erase", job_erase_document, 20},
    {"upload.erase", job_erase_upload, 20},
    {"mail.send", job_send_mail, 6, (const int[]){60, 300, 1800, 7200, 28800}, ERR_DENIED, LANE_MAIL},
    {"webhook.cancel", job_cancel_webhook, 20},
    {"webhook.erase", job_erase_webhook, 20},
};

struct claim {
    struct arena *arena;
    struct job_choice of;
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
    c->found = job_claim(tx, c->arena, c->of, clock_wall_ms(), JOB_LEASE_MS, &c->job, err);
    return c->found < 0 ? c->found : 0;
}

static int next_due(struct tx *tx, void *arg, struct err *err)
{
    struct claim *c = arg;
    c->found = job_next_due(tx, c->of, &c->due, err);
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
                   METRIC_AT(metric_label(LABEL_MAIL, !rc             ? STR("ok")
                                                      : c->run_at < 0 ? STR("failed")
                                                                      : STR("retry"))),
                   1);
    struct err written = {0};
    if (store_write(jobs->with.store, &scope, finish, c, &written) != 0)
        log_warn("job", "kind=" STR_FMT " not_noted=true error=\"%s\"", STR_ARG(c->job.kind),
                 written.text); // its lease runs out
}

static struct job_choice kinds_of(const struct jobs *jobs, enum job_lane lane)
{
    return (struct job_choice){jobs->kinds[lane], lane == LANE_UPKEEP};
}

// In how many ms the lane has something to do; negative or 0: now. LONGEST_SLEEP_MS: not before that, or nobody knows.
static int64_t due_in(struct jobs *jobs, enum job_lane lane)
{
    struct scope scope = scope_installation(STR("jobs"));
    struct claim c = {.of = kinds_of(jobs, lane)};
    struct err err;
    if (store_read(jobs->with.store, &scope, next_due, &c, &err) != 0 || c.found != 1)
        return LONGEST_SLEEP_MS;
    int64_t in = c.due - clock_wall_ms();
    return in < LONGEST_SLEEP_MS ? in : LONGEST_SLEEP_MS;
}

static void *thread(void *arg);

static void begin(struct jobs *jobs, enum job_lane lane)
{
    int n = jobs->n;
    struct worker *worker = &jobs->workers[n];
    worker->jobs = jobs;
    worker->lane = lane;
    atomic_init(&worker->beat_ms, clock_mono_ms());
    jobs->n = n + 1; // before it runs: the first one begins the others
    if (pthread_create(&worker->thread, NULL, thread, worker) != 0)
        abort();
}

static int threads_of(const struct jobs *jobs, enum job_lane lane)
{
    const struct settings *settings = jobs->with.settings;
    return lanes[lane].setting && settings ? (int)settings_int(settings, SET_JOBS_WORKERS) : lanes[lane].threads;
}

static void count_threads(const struct jobs *jobs, enum job_lane lane, int *ret_all, int *ret_busy)
{
    *ret_all = *ret_busy = 0;
    for (int i = 0; i < jobs->n; i++) {
        *ret_all += jobs->workers[i].lane == lane;
        *ret_busy += jobs->workers[i].lane == lane && jobs->workers[i].busy;
    }
}

// Whether all threads that the lane has are in a job, and it may have one more.
static bool wants_thread(const struct jobs *jobs, enum job_lane lane)
{
    int all, busy;
    count_threads(jobs, lane, &all, &busy);
    return busy == all && all < threads_of(jobs, lane) && jobs->n < THREADS_MOST;
}

// As many as may are in a job; others are there from a time when more might be.
static bool is_full(const struct jobs *jobs, enum job_lane lane)
{
    int all, busy;
    count_threads(jobs, lane, &all, &busy);
    return busy >= threads_of(jobs, lane);
}

static int64_t begin_lanes(struct jobs *jobs)
{
    int64_t rest = LONGEST_SLEEP_MS;
    for (enum job_lane lane = LANE_UPKEEP + 1; lane < JOB_LANES; lane++) {
        int64_t in = wants_thread(jobs, lane) ? due_in(jobs, lane) : LONGEST_SLEEP_MS;
        if (in <= 0 && !jobs->ending)
            begin(jobs, lane);
        else if (in < rest)
            rest = in;
    }
    return rest;
}

// Runs what is due; returns how long nothing more is.
static int64_t run_due(struct worker *worker)
{
    struct jobs *jobs = worker->jobs;
    struct scope scope = scope_installation(STR("jobs"));
    struct err err;
    for (;;) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        int64_t rest = LONGEST_SLEEP_MS;
        atomic_store(&worker->beat_ms, clock_mono_ms());
        if (worker->lane == LANE_UPKEEP) {
            int64_t sweep = sweep_due(&jobs->with, &jobs->sweep), lane = begin_lanes(jobs);
            rest = sweep < lane ? sweep : lane;
        }
        int64_t in = due_in(jobs, worker->lane);
        if (in > 0 || is_full(jobs, worker->lane))
            return in > 0 && in < rest ? in : rest;
        struct claim c = {.arena = arena, .of = kinds_of(jobs, worker->lane)};
        if (store_write(jobs->with.store, &scope, claim, &c, &err) != 0)
            return FIRST_BACK_OFF_MS;
        worker->busy = c.found == 1;
        if (wants_thread(jobs, worker->lane))
            jobs_poke(jobs); // the next may have come when this thread was still free
        if (c.found == 1)
            run_one(jobs, &c);
        worker->busy = false;
        if (jobs->ending)
            return 0;
    }
}

static void *thread(void *arg)
{
    struct worker *worker = arg;
    struct jobs *jobs = worker->jobs;
    pthread_setname_np(pthread_self(), lanes[worker->lane].name);
    if (lanes[worker->lane].nice) // of this thread alone
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), lanes[worker->lane].nice);
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->ending) {
        uint64_t seen = jobs->pokes;
        pthread_mutex_unlock(&jobs->lock);
        int64_t wait = run_due(worker);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += wait / 1000;
        until.tv_nsec += wait % 1000 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&jobs->lock);
        while (!jobs->ending && jobs->pokes == seen)
            if (pthread_cond_timedwait(&jobs->poked, &jobs->lock, &until) != 0)
                break;
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

int64_t jobs_beat_ms(const struct jobs *jobs)
{
    int64_t oldest = INT64_MAX;
    for (int i = 0; i < jobs->n; i++) {
        const struct worker *worker = &jobs->workers[i];
        if (worker->busy && lanes[worker->lane].endless)
            continue;
        int64_t beat = worker->beat_ms;
        oldest = beat < oldest ? beat : oldest;
    }
    return oldest;
}

const char *jobs_kind(size_t i)
{
    return i < sizeof kinds / sizeof *kinds ? kinds[i].name : NULL;
}

static void list_kinds(struct jobs *jobs)
{
    for (enum job_lane lane = 0; lane < JOB_LANES; lane++)
        (void)snprintf(jobs->kinds[lane], LANE_LIST, "|");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        enum job_lane of[] = {kinds[i].lane, LANE_UPKEEP};
        for (size_t k = 0; k < 2 && kinds[i].lane != LANE_UPKEEP; k++) {
            char *list = jobs->kinds[of[k]];
            size_t n = strlen(list);
            if ((size_t)snprintf(list + n, LANE_LIST - n, "%s|", kinds[i].name) >= LANE_LIST - n)
                abort();
        }
    }
}

struct jobs *jobs_new(const struct jobs_options *options)
{
    struct jobs *jobs = mem_zalloc(sizeof *jobs);
    pthread_condattr_t attr;
    jobs->with = *options;
    jobs->with.ending = &jobs->ending;
    jobs->with.started_ms = clock_wall_ms();
    jobs->with.calibrated = calibrated_new();
    list_kinds(jobs);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->poked, &attr);
    pthread_condattr_destroy(&attr);
    begin(jobs, LANE_UPKEEP);
    return jobs;
}

void jobs_poke(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->pokes++;
    pthread_cond_broadcast(&jobs->poked);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_stop(struct jobs *jobs)
{
    if (!jobs || jobs->joined)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->ending = true;
    pthread_cond_broadcast(&jobs->poked);
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < jobs->n; i++) // the first, which begins the others, has ended before they are counted
        pthread_join(jobs->workers[i].thread, NULL);
    jobs->joined = true;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs_stop(jobs);
    calibrated_free(jobs->with.calibrated);
    pthread_cond_destroy(&jobs->poked);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
