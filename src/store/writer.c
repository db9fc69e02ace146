// SPDX-License-Identifier: Apache-2.0
// Group commit: one connection, one queue, one thread at a time that leads. The leader takes all that waits, runs each
// closure in a savepoint of its own (the first in the transaction itself), takes what has come meanwhile, and commits
// once; listeners and callbacks run, then the callers wake. Nothing is ever delayed so that a group may form: while one
// commit syncs, the next group gathers by itself.
//
// The store's own thread leads wherever there is a queue. A caller that finds nobody leading leads its own group and is
// spared two changes of thread, which cost as much as a quarter of a sync; what has queued up behind it is handed to
// the store's thread, and so is the housekeeping.
//
// When the engine loses the transaction (disk full), everything in that group fails with ERR_UNAVAILABLE and nothing of
// it was written. When only the commit is refused (a constraint that the engine checks there), the group is repeated
// one closure a transaction, so that the guilty one fails alone.
#include "store/internal.h"

#include "base/clock.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    GROUP_MAX = 4096,
    GROUP_US = 20000, // a group takes in no more once it has run for so long
    LOOK_MS = 1000,   // a waiting caller looks whether it may go, the thread whether another process wrote
    REST_MS = 100,    // without work for so long, the writer counts as idle
};

enum request_state { REQUEST_WAITS, REQUEST_TAKEN };

struct request {
    struct request *next;
    const struct scope *scope;
    store_fn fn;
    void *arg;
    int rc;
    enum request_state state; // under the queue's lock
    struct err err;
    sem_t woken;                                            // of a caller that waits
    void (*done)(void *arg, int rc, const struct err *err); // else
    struct scope own;                                       // copied together with its strings behind this struct
};

struct list {
    struct request *first, **last;
    size_t n;
};

struct writer {
    struct store *store;
    struct driver_conn *conn;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping, probe;
    bool led, handed;           // somebody uses the connection; it was handed to the thread
    pthread_t leader;           // while led
    bool watching;              // the thread looks for a quiet moment by itself
    size_t groups;              // led so far
    bool crowd;                 // the last group had several
    int64_t outside;            // what the engine last said of other processes
    struct list queue, refused; // refused: asynchronous ones that found the queue full
    struct effects effects;     // of the group that runs
};

static void list_init(struct list *list)
{
    *list = (struct list){.last = &list->first};
}

static void list_add(struct list *list, struct request *request)
{
    request->next = NULL;
    *list->last = request;
    list->last = &request->next;
    list->n++;
}

// Moves all of `from` behind `to`.
static void list_move(struct list *to, struct list *from)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    to->n += from->n;
    list_init(from);
}

static void list_cut(struct list *list, struct request *request)
{
    for (struct request **at = &list->first; *at; at = &(*at)->next)
        if (*at == request) {
            *at = request->next;
            if (list->last == &request->next)
                list->last = at;
            list->n--;
            return;
        }
}

// ---- a group --------------------------------------------------------------------------------------------------------

static void answer(struct list *group)
{
    for (struct request *request = group->first, *next; request; request = next) {
        next = request->next; // a woken caller's request is gone
        if (!request->done) {
            sem_post(&request->woken);
            continue;
        }
        request->done(request->arg, request->rc, request->rc ? &request->err : NULL);
        free(request);
    }
    list_init(group);
}

static void fail_all(struct list *group, int rc, const struct err *err)
{
    for (struct request *request = group->first; request; request = request->next) {
        request->rc = rc;
        request->err = *err;
    }
}

// 0 whatever became of the closure; negative with *err when the transaction around it is lost. `first`: the transaction
// holds nothing yet, so it takes the savepoint's place, for which the engine would copy every page that is changed.
static int run_one(struct writer *writer, struct request *request, bool first, struct err *err)
{
    const struct driver *driver = writer->store->driver;
    int rc = first ? 0 : driver->savepoint(writer->conn, err);
    if (rc)
        return rc;
    bool lost = false;
    request->err = (struct err){0};
    size_t changes = writer->effects.changes.n, after = writer->effects.after.n;
    request->rc = tx_run(writer->store, writer->conn, &writer->effects, request->scope, request->fn, request->arg,
                         &lost, &request->err);
    if (lost) {
        *err = request->err;
        return request->rc;
    }
    if (request->rc == 0) {
        rc = driver->check(writer->conn, &request->err);
        if (rc == 0 && !first)
            rc = driver->release(writer->conn, &request->err);
        if (rc == ERR_UNAVAILABLE || rc == DRIVER_REPEAT) {
            *err = request->err;
            return rc;
        }
        request->rc = rc;
        if (rc == 0)
            return 0;
        writer->effects.changes.n = changes;
        writer->effects.after.n = after;
    }
    if (!first)
        return driver->rollback_to(writer->conn, err);
    driver->rollback(writer->conn);
    return driver->begin(writer->conn, true, err);
}

static int commit(struct writer *writer, struct err *err)
{
    if (writer->store->options.shared && writer->store->driver->note)
        writer->store->driver->note(writer->conn, writer->effects.loud);
    int rc = writer->store->driver->commit(writer->conn, err);
    if (rc)
        writer->store->driver->rollback(writer->conn);
    return rc;
}

// Before closures add their effects.
static void look_outside(struct writer *writer)
{
    const struct driver *driver = writer->store->driver;
    int64_t now = driver->outside ? driver->outside(writer->conn) : writer->outside;
    if (now == writer->outside)
        return;
    writer->outside = now;
    effects_clear(&writer->effects);
    vec_push(&writer->effects.changes, .kind = CHANGE_OUTSIDE);
    effects_tell(&writer->effects, writer->store);
    effects_clear(&writer->effects);
}

// Under the lock.
static void take_all(struct writer *writer, struct list *to)
{
    for (struct request *at = writer->queue.first; at; at = at->next)
        at->state = REQUEST_TAKEN;
    list_move(to, &writer->queue);
}

// Runs and commits `todo`, and what arrives meanwhile; what it took ends in `group`.
static int run_group(struct writer *writer, struct list *todo, struct list *group, struct err *err)
{
    const struct driver *driver = writer->store->driver;
    int rc = driver->begin(writer->conn, true, err);
    int64_t until = clock_mono_us() + GROUP_US;
    struct request *next = todo->first;
    list_move(group, todo);
    if (rc == 0)
        look_outside(writer); // within, it costs no snapshot of its own
    for (bool first = true; rc == 0 && next;) {
        struct request *request = next;
        rc = run_one(writer, request, first, err);
        first = first && request->rc;
        next = request->next;
        if (next || rc || group->n >= GROUP_MAX || clock_mono_us() >= until)
            continue;
        pthread_mutex_lock(&writer->lock);
        take_all(writer, group);
        pthread_mutex_unlock(&writer->lock);
        next = request->next;
    }
    if (rc == 0)
        return commit(writer, err);
    driver->rollback(writer->conn);
    return rc;
}

static void run_alone(struct writer *writer, struct list *group)
{
    const struct driver *driver = writer->store->driver;
    for (struct request *request = group->first; request; request = request->next) {
        struct err err = {0};
        effects_clear(&writer->effects);
        int rc = driver->begin(writer->conn, true, &err);
        if (rc == 0) {
            rc = run_one(writer, request, true, &err);
            if (rc)
                driver->rollback(writer->conn);
            else
                rc = commit(writer, &err);
        }
        if (rc) {
            request->rc = err.code = rc == DRIVER_REPEAT ? ERR_UNAVAILABLE : rc;
            request->err = err;
        } else {
            effects_tell(&writer->effects, writer->store);
        }
    }
}

// True: the group had several.
static bool work(struct writer *writer, struct list *todo)
{
    struct list group;
    list_init(&group);
    struct err err = {0};
    effects_clear(&writer->effects);
    int rc = run_group(writer, todo, &group, &err);
    if (rc == 0) {
        atomic_store(&writer->store->writable, true);
        effects_tell(&writer->effects, writer->store);
    } else if (rc == ERR_CONFLICT || rc == ERR_INVALID || rc == DRIVER_REPEAT) {
        run_alone(writer, &group);
    } else {
        atomic_store(&writer->store->writable, rc != ERR_UNAVAILABLE);
        fail_all(&group, rc, &err);
    }
    bool crowd = group.n > 1;
    answer(&group);
    return crowd;
}

static bool has_work(const struct writer *writer)
{
    return writer->queue.first || writer->refused.first || writer->probe || writer->stopping;
}

static enum driver_tidy untidy(const struct writer *writer)
{
    const struct driver *driver = writer->store->driver;
    return driver->untidy ? driver->untidy(writer->conn) : TIDY_NO;
}

enum lead { LEAD_WORK, LEAD_TIDY, LEAD_LOOK };

// Under the lock: waits until there is something to lead. In a quiet moment that may be tidying up, and from time to
// time a look at what other processes did.
static enum lead take_lead(struct writer *writer)
{
    enum lead lead = LEAD_WORK;
    if (writer->led && !writer->handed && pthread_equal(writer->leader, pthread_self()))
        writer->led = false; // its last round is over
    while (!writer->handed && lead == LEAD_WORK && (writer->led || !has_work(writer))) {
        writer->watching = !writer->led && untidy(writer) != TIDY_NO;
        int64_t ms = writer->watching ? REST_MS : LOOK_MS;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += ms % 1000 * 1000000L;
        until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        size_t groups = writer->groups;
        int rc = pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
        if (rc == ETIMEDOUT && !writer->led && groups == writer->groups && !has_work(writer))
            lead = writer->watching ? LEAD_TIDY : LEAD_LOOK;
    }
    writer->watching = writer->handed = false;
    writer->led = true;
    writer->leader = pthread_self();
    return lead;
}

static void *writer_main(void *arg)
{
    struct writer *writer = arg;
    const struct driver *driver = writer->store->driver;
    struct list todo, refused;
    bool crowd = false;
    for (bool end = false; !end;) {
        list_init(&todo);
        list_init(&refused);
        pthread_mutex_lock(&writer->lock);
        writer->crowd = crowd;
        enum lead lead = take_lead(writer);
        crowd = writer->crowd;
        take_all(writer, &todo);
        list_move(&refused, &writer->refused);
        bool probe = writer->probe;
        writer->probe = false;
        end = writer->stopping && !todo.first && !refused.first;
        pthread_mutex_unlock(&writer->lock);
        answer(&refused);
        if (lead == LEAD_TIDY || untidy(writer) == TIDY_NOW)
            driver->tidy(writer->conn);
        if (lead == LEAD_LOOK)
            look_outside(writer);
        if (todo.first)
            crowd = work(writer, &todo);
        else if (probe)
            atomic_store(&writer->store->writable, driver->probe(writer->conn, NULL) == 0);
    }
    return NULL;
}

// ---- callers --------------------------------------------------------------------------------------------------------

// Under the lock. False: full, or ending.
static bool enqueue(struct writer *writer, struct request *request)
{
    if (writer->queue.n >= STORE_QUEUE_MAX || writer->stopping)
        return false;
    list_add(&writer->queue, request);
    if (!writer->led)
        pthread_cond_signal(&writer->wake);
    return true;
}

// Waits for the answer. A request that has not begun in time is taken back; one that has begun is always waited for,
// for only its commit tells what became of it.
static void await(struct writer *writer, struct request *request)
{
    int64_t until = clock_mono_ms() + writer->store->start_ms;
    bool begun = false;
    for (;;) {
        int64_t left = until - clock_mono_ms();
        left = left < 1 ? 1 : left > LOOK_MS ? LOOK_MS : left;
        struct timespec at;
        clock_gettime(CLOCK_REALTIME, &at); // what sem_timedwait knows; a jump of that clock only makes it look again
        at.tv_nsec += left * 1000000L;
        at.tv_sec += at.tv_nsec / 1000000000L;
        at.tv_nsec %= 1000000000L;
        if ((begun ? sem_wait(&request->woken) : sem_timedwait(&request->woken, &at)) == 0)
            return;
        if (errno != ETIMEDOUT || clock_mono_ms() < until)
            continue;
        pthread_mutex_lock(&writer->lock);
        begun = request->state == REQUEST_TAKEN;
        if (!begun)
            list_cut(&writer->queue, request);
        pthread_mutex_unlock(&writer->lock);
        if (begun)
            continue;
        request->rc = err_set(&request->err, ERR_UNAVAILABLE, "the store is too busy to write");
        return;
    }
}

// Under the lock. True: the caller leads from now on.
static bool may_lead(struct writer *writer)
{
    if (writer->led || has_work(writer))
        return false;
    writer->led = true;
    writer->leader = pthread_self();
    return true;
}

static void lead_own(struct writer *writer, struct request *request)
{
    struct list todo;
    list_init(&todo);
    list_add(&todo, request);
    bool crowd = work(writer, &todo);
    pthread_mutex_lock(&writer->lock);
    writer->groups++;
    writer->crowd = crowd;
    enum driver_tidy wish = untidy(writer);
    if (has_work(writer) || wish == TIDY_NOW) {
        writer->leader = writer->thread;
        writer->handed = true; // not merely let go, or the next caller would take it again and again
        pthread_cond_signal(&writer->wake);
    } else {
        writer->led = false;
        if (wish != TIDY_NO && !writer->watching)
            pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
}

int writer_run(struct writer *writer, const struct scope *scope, store_fn fn, void *arg, struct err *err)
{
    struct request request = {.scope = scope, .fn = fn, .arg = arg};
    sem_init(&request.woken, 0, 0);
    pthread_mutex_lock(&writer->lock);
    bool nested = writer->led && pthread_equal(pthread_self(), writer->leader);
    bool lead = may_lead(writer);
    bool queued = !nested && !lead && enqueue(writer, &request);
    pthread_mutex_unlock(&writer->lock);
    if (lead)
        lead_own(writer, &request);
    else if (queued)
        await(writer, &request);
    else if (nested)
        request.rc = err_set(&request.err, ERR_INTERNAL, "store_write inside of a write");
    else
        request.rc = err_set(&request.err, ERR_UNAVAILABLE, "too many writes wait");
    sem_destroy(&request.woken);
    if (request.rc && err)
        *err = request.err;
    return request.rc;
}

void writer_post(struct writer *writer, const struct scope *scope, store_fn fn, void *arg,
                 void (*done)(void *arg, int rc, const struct err *err), bool here)
{
    struct request *request = mem_zalloc(sizeof *request + scope_bytes(scope));
    request->own = scope_copy(scope, (char *)(request + 1));
    request->scope = &request->own;
    request->fn = fn;
    request->arg = arg;
    request->done = done;
    pthread_mutex_lock(&writer->lock);
    // Among many, groups of one would only stand in the way of larger ones.
    bool lead = here && !writer->crowd && may_lead(writer);
    if (!lead && !enqueue(writer, request)) {
        request->rc = err_set(&request->err, ERR_UNAVAILABLE, "too many writes wait");
        list_add(&writer->refused, request);
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
    if (lead)
        lead_own(writer, request);
}

void writer_probe(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->probe = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
}

struct writer *writer_new(struct store *store, struct driver_conn *conn)
{
    struct writer *writer = mem_zalloc(sizeof *writer);
    writer->store = store;
    writer->conn = conn;
    if (store->driver->outside)
        writer->outside = store->driver->outside(conn);
    list_init(&writer->queue);
    list_init(&writer->refused);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->wake, &attr);
    pthread_condattr_destroy(&attr);
    sigset_t all, old; // signals are for the main thread
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&writer->thread, NULL, writer_main, writer);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        pthread_cond_destroy(&writer->wake);
        pthread_mutex_destroy(&writer->lock);
        free(writer);
        return NULL;
    }
    pthread_setname_np(writer->thread, "store");
    return writer;
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    effects_done(&writer->effects);
    writer->store->driver->disconnect(writer->conn);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}
