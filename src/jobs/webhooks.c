// SPDX-License-Identifier: Apache-2.0
// The thread owns the flights; the store, the resolver and callers of webhooks_test reach it by notes in an inbox
// alone. A flight is one attempt: looked up, on the wire, being recorded. It is freed when its last user lets go.
#include "jobs/webhooks.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/vec.h"
#include "jobs/webhook_call.h"
#include "jobs/webhook_sweep.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FLIGHTS_MOST = 64,
    FLIGHTS_PER_WEBHOOK = 4,
    TESTS_MOST = 16,
    LOOK_AT_MOST = 2 * FLIGHTS_MOST, // so that others are seen behind those that are busy
    LEASE_MARGIN_MS = 60000,
    LONGEST_SLEEP_MS = 60000,
    LONGEST_HOLD_S = 86400,
    SWEEP_MS = 3600000,
    AGAIN_MS = 1000, // after the store failed
};

struct note {
    struct note *next;
    void (*run)(struct webhooks *w, struct note *note); // w NULL: nobody is there any more, only free
};

struct inbox { // outlives the thread while a look-up still knows it
    pthread_mutex_t lock;
    struct note *first, **end;
    CURLM *multi; // NULL: closed
    bool poked, ending;
    int refs;
};

struct lane { // a webhook with something in the air
    char *brand, *id;
    size_t flights;
    bool claiming;
};

struct flight;

struct webhooks {
    struct webhooks_options with;
    struct inbox *inbox;
    pthread_t thread;
    bool joined;
    // The thread's own.
    CURLM *multi;
    VEC(struct lane *) lanes;
    VEC(struct flight *) flights; // tests too
    size_t reserved, tests;       // flights that claims under way may become
    size_t writes;                // that will still send a note
    int64_t look_at, sweep_at;    // monotonic
    char *sweep_brand;            // where a sweep goes on; NULL: none is under way
};

// ---- the inbox -----------------------------------------------------------------------------------------------------

static void inbox_unref(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    bool last = --inbox->refs == 0;
    pthread_mutex_unlock(&inbox->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

static void inbox_post(struct inbox *inbox, struct note *note)
{
    pthread_mutex_lock(&inbox->lock);
    bool open = inbox->multi;
    if (open) {
        note->next = NULL;
        *inbox->end = note;
        inbox->end = &note->next;
        curl_multi_wakeup(inbox->multi);
    }
    pthread_mutex_unlock(&inbox->lock);
    if (!open)
        note->run(NULL, note);
}

static void take_notes(struct webhooks *w)
{
    struct inbox *inbox = w->inbox;
    pthread_mutex_lock(&inbox->lock);
    struct note *note = inbox->first;
    inbox->first = NULL;
    inbox->end = &inbox->first;
    if (inbox->poked)
        w->look_at = 0;
    inbox->poked = false;
    pthread_mutex_unlock(&inbox->lock);
    while (note) {
        struct note *next = note->next;
        note->run(w, note);
        note = next;
    }
}

// ---- flights -------------------------------------------------------------------------------------------------------

struct lookup { // of a flight, until the resolver has answered
    struct note note;
    struct inbox *inbox;
    struct flight *flight; // the thread's; NULL: it waits no more
    int rc;
    struct outbound_target *target;
};

struct flight {
    struct note note;
    struct webhooks *w;
    struct arena *arena;
    struct lane *lane; // NULL: a test
    struct scope scope;
    struct webhook webhook;
    struct delivery_job job;
    struct webhook_call call;
    struct lookup *lookup; // not yet answered
    struct outbound_target *target;
    bool wired;       // the transfer is on its way
    int64_t deadline; // monotonic
    struct delivery_result result;
    int rc;
    webhooks_tested tested;
    void *tested_arg;
};

static struct lane *lane_of(struct webhooks *w, struct str brand, struct str id)
{
    for (size_t i = 0; i < w->lanes.n; i++)
        if (str_eq(str_from(w->lanes.at[i]->id), id) && str_eq(str_from(w->lanes.at[i]->brand), brand))
            return w->lanes.at[i];
    return NULL;
}

static void lane_leave(struct webhooks *w, struct lane *lane)
{
    if (lane->flights || lane->claiming)
        return;
    for (size_t i = 0; i < w->lanes.n; i++)
        if (w->lanes.at[i] == lane)
            w->lanes.at[i] = w->lanes.at[--w->lanes.n];
    free(lane->brand);
    free(lane->id);
    free(lane);
}

static struct webhook copy_webhook(struct arena *arena, const struct webhook *from)
{
    struct webhook to = *from; // what a call needs of it
    to.id = arena_str(arena, from->id);
    to.url = arena_str(arena, from->url);
    to.sealed_secret = arena_str(arena, from->sealed_secret);
    to.old_secret = arena_str(arena, from->old_secret);
    to.header_values = arena_str(arena, from->header_values);
    return to;
}

static struct flight *flight_new(struct webhooks *w, struct str brand, const struct webhook *webhook,
                                 const struct delivery_job *job)
{
    struct flight *f = mem_zalloc(sizeof *f);
    f->w = w;
    f->arena = arena_new(0);
    f->scope = scope_brand(arena_str(f->arena, brand), STR("webhooks"));
    f->webhook = copy_webhook(f->arena, webhook);
    f->job.id = arena_str(f->arena, job->id);
    f->job.event_brand = arena_str(f->arena, job->event_brand);
    f->job.tries = job->tries;
    f->job.event = (struct event){.id = arena_str(f->arena, job->event.id),
                                  .name = arena_str(f->arena, job->event.name),
                                  .sequence = job->event.sequence,
                                  .at = job->event.at,
                                  .data = arena_str(f->arena, job->event.data)};
    return f;
}

static void flight_free(struct flight *f)
{
    if (f->lookup)
        f->lookup->flight = NULL;
    if (f->call.easy)
        curl_easy_cleanup(f->call.easy);
    webhook_call_done(&f->call);
    outbound_target_free(f->target);
    arena_free(f->arena);
    free(f);
}

static void flight_leave(struct webhooks *w, struct flight *f)
{
    for (size_t i = 0; i < w->flights.n; i++)
        if (w->flights.at[i] == f)
            w->flights.at[i] = w->flights.at[--w->flights.n];
    if (f->lane) {
        f->lane->flights--;
        lane_leave(w, f->lane);
    } else {
        w->tests--;
    }
    flight_free(f);
}

// ---- what came of it -----------------------------------------------------------------------------------------------

static int record(struct tx *tx, void *arg, struct err *err)
{
    struct flight *f = arg;
    if (!f->lane)
        return delivery_record_test(tx, &f->result, &f->job.event, err);
    int rc = delivery_record(tx, &f->result, err);
    return rc || !f->result.failing ? rc : webhook_tell_failing(tx, f->w->with.keys, f->webhook.id, err);
}

static void on_recorded(struct webhooks *w, struct note *note)
{
    struct flight *f = (struct flight *)(void *)note;
    w->writes--;
    w->look_at = f->rc ? clock_mono_ms() + AGAIN_MS : 0;
    if (f->tested)
        f->tested(f->tested_arg, f->rc, &f->result.attempt, f->job.id);
    flight_leave(w, f);
}

static void recorded(void *arg, int rc, const struct err *err)
{
    struct flight *f = arg;
    f->rc = rc;
    if (rc) // its claim runs out, and it is tried again
        log_warn("webhook", "delivery=" STR_FMT " not_recorded=true error=\"%s\"", STR_ARG(f->job.id), err->text);
    inbox_post(f->w->inbox, &f->note);
}

static uint32_t random_number(void)
{
    uint32_t n;
    crypto_random(&n, sizeof n);
    return n;
}

static void decide(struct flight *f, int64_t retry_after_s)
{
    struct delivery_result *r = &f->result;
    int64_t now = clock_wall_ms(), hold_s = retry_after_s < LONGEST_HOLD_S ? retry_after_s : LONGEST_HOLD_S;
    int64_t wait = f->lane ? webhook_wait(f->w->with.settings, &f->webhook, f->job.tries + 1) : -1;
    r->webhook_id = f->webhook.id;
    r->delivery_id = f->job.id;
    r->now = now;
    r->failing_since = now - WEBHOOK_FAILING_MS;
    r->hold_until = hold_s > 0 ? now + hold_s * 1000 : 0;
    if (webhook_succeeded(&r->attempt)) {
        r->outcome = DELIVERY_DONE;
    } else if (r->attempt.status_code == 410 && f->lane) {
        r->outcome = DELIVERY_GONE;
    } else if (wait < 0) {
        r->outcome = DELIVERY_FAILED;
    } else {
        r->outcome = DELIVERY_AGAIN;
        r->next_at = now + webhook_jitter(wait, random_number());
        r->next_at = r->next_at > r->hold_until ? r->next_at : r->hold_until;
    }
}

static void measure(const struct delivery_result *r)
{
    bool blocked = str_eq(r->attempt.error, STR("blocked_address"));
    struct str outcome = r->outcome == DELIVERY_DONE    ? STR("ok")
                         : blocked                      ? STR("blocked")
                         : r->outcome == DELIVERY_AGAIN ? STR("retry")
                                                        : STR("failed");
    metric_add(METRIC_DELIVERIES, METRIC_AT(metric_label(LABEL_DELIVERY, outcome)), 1);
}

static void finish(struct flight *f, int64_t retry_after_s)
{
    if (f->wired)
        curl_multi_remove_handle(f->w->multi, f->call.easy);
    f->wired = false;
    if (f->lookup)
        f->lookup->flight = NULL;
    f->lookup = NULL;
    f->deadline = INT64_MAX;
    decide(f, retry_after_s);
    measure(&f->result);
    f->note.run = on_recorded;
    f->w->writes++;
    store_write_async(f->w->with.store, &f->scope, record, f, recorded);
}

static void fail(struct flight *f, const char *error)
{
    webhook_call_failed(&f->call, error, f->arena, &f->result.attempt);
    finish(f, 0);
}

static void collect(struct webhooks *w)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(w->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        struct flight *f;
        int64_t retry_after;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &f);
        webhook_call_result(&f->call, code, f->arena, &f->result.attempt, &retry_after);
        finish(f, retry_after);
    }
}

// ---- look-up and start ---------------------------------------------------------------------------------------------

static const char *lookup_error(int rc)
{
    switch (rc) {
    case ERR_DENIED:
        return "blocked_address";
    case ERR_NOT_FOUND:
        return "name_not_found";
    case ERR_LIMIT:
        return "resolver_busy";
    default:
        return "invalid_url";
    }
}

static void on_looked_up(struct webhooks *w, struct note *note)
{
    struct lookup *l = (struct lookup *)(void *)note;
    struct flight *f = w ? l->flight : NULL;
    int rc = l->rc;
    if (f) {
        f->lookup = NULL;
        f->target = l->target;
    } else {
        outbound_target_free(l->target);
    }
    inbox_unref(l->inbox);
    free(l);
    int64_t left = f ? f->deadline - clock_mono_ms() : 0;
    if (!f)
        return;
    if (rc || left <= 0) {
        fail(f, rc ? lookup_error(rc) : "timeout");
        return;
    }
    outbound_apply(f->target, f->call.easy);
    curl_easy_setopt(f->call.easy, CURLOPT_TIMEOUT_MS, (long)left);
    curl_easy_setopt(f->call.easy, CURLOPT_PRIVATE, f);
    f->wired = true;
    curl_multi_add_handle(w->multi, f->call.easy);
}

static void looked_up(void *arg, int rc, struct outbound_target *target, const struct err *err)
{
    struct lookup *l = arg;
    (void)err;
    l->rc = rc;
    l->target = target;
    inbox_post(l->inbox, &l->note);
}

static void start(struct webhooks *w, struct flight *f)
{
    struct err err = {0};
    int timeout = (int)(settings_number(w->with.settings, SET_WEBHOOK_TIMEOUT) * 1000);
    CURL *easy = curl_easy_init();
    if (!easy)
        abort(); // out of memory, as in base/mem
    vec_add(&w->flights, f);
    f->deadline = clock_mono_ms() + timeout;
    if (webhook_call_init(&f->call, easy, f->arena, w->with.keys, &f->webhook, f->job.event_brand, &f->job.event,
                          timeout, &err) != 0) {
        log_warn("webhook", "delivery=" STR_FMT " error=\"%s\"", STR_ARG(f->job.id), err.text);
        fail(f, "secret_unreadable");
        return;
    }
    struct lookup *l = mem_zalloc(sizeof *l);
    *l = (struct lookup){.note.run = on_looked_up, .inbox = w->inbox, .flight = f};
    pthread_mutex_lock(&w->inbox->lock);
    w->inbox->refs++;
    pthread_mutex_unlock(&w->inbox->lock);
    f->lookup = l;
    outbound_find(w->with.outbound, OUTBOUND_SERVICE, f->webhook.url, looked_up, l);
}

// ---- claims --------------------------------------------------------------------------------------------------------

struct claim {
    struct note note;
    struct webhooks *w;
    struct arena *arena;
    struct lane *lane;
    struct scope scope;
    size_t most;
    int64_t lease_ms;
    struct delivery_claim got;
    int rc;
};

static int run_claim(struct tx *tx, void *arg, struct err *err)
{
    struct claim *c = arg;
    int64_t now = clock_wall_ms();
    return webhook_claim(tx, c->arena, str_from(c->lane->id), c->most, now, now + c->lease_ms, &c->got, err);
}

static void on_claimed(struct webhooks *w, struct note *note)
{
    struct claim *c = (struct claim *)(void *)note;
    struct lane *lane = c->lane;
    w->writes--;
    w->reserved -= c->most;
    lane->claiming = false;
    w->look_at = c->rc ? clock_mono_ms() + AGAIN_MS : 0;
    for (size_t i = 0; i < c->got.n && !c->rc; i++) {
        struct flight *f = flight_new(w, str_from(lane->brand), &c->got.webhook, &c->got.jobs[i]);
        f->lane = lane;
        lane->flights++;
        start(w, f);
    }
    lane_leave(w, lane);
    arena_free(c->arena);
    free(c);
}

static void claimed(void *arg, int rc, const struct err *err)
{
    struct claim *c = arg;
    c->rc = rc;
    if (rc)
        log_warn("webhook", "webhook=%s not_claimed=true error=\"%s\"", c->lane->id, err->text);
    inbox_post(c->w->inbox, &c->note);
}

static void claim(struct webhooks *w, const struct webhook_due *due, size_t most)
{
    struct lane *lane = lane_of(w, due->brand, due->id);
    if (!lane) {
        lane = mem_zalloc(sizeof *lane);
        lane->brand = mem_strndup(due->brand.p, due->brand.n);
        lane->id = mem_strndup(due->id.p, due->id.n);
        vec_add(&w->lanes, lane);
    }
    struct claim *c = mem_zalloc(sizeof *c);
    *c = (struct claim){.note.run = on_claimed, .w = w, .arena = arena_new(0), .lane = lane, .most = most};
    c->scope = scope_brand(str_from(lane->brand), STR("webhooks"));
    c->lease_ms = (int64_t)(settings_number(w->with.settings, SET_WEBHOOK_TIMEOUT) * 1000) + LEASE_MARGIN_MS;
    lane->claiming = true;
    w->reserved += most;
    w->writes++;
    store_write_async(w->with.store, &c->scope, run_claim, c, claimed);
}

struct looking {
    struct arena *arena;
    struct webhook_due *due;
    size_t n;
};

static int list_due(struct tx *tx, void *arg, struct err *err)
{
    struct looking *l = arg;
    return webhook_due_list(tx, l->arena, LOOK_AT_MOST, &l->due, &l->n, err);
}

static size_t free_slots(const struct webhooks *w)
{
    size_t taken = w->flights.n - w->tests + w->reserved;
    return taken < FLIGHTS_MOST ? FLIGHTS_MOST - taken : 0;
}

// What is due is claimed; what is not yet sets the alarm. Where a bound is reached, the end of a flight looks again.
static void look(struct webhooks *w)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct looking l = {.arena = arena};
    struct scope scope = scope_installation(STR("webhooks"));
    struct err err;
    int64_t now = clock_wall_ms();
    if (store_read(w->with.store, &scope, list_due, &l, &err) != 0) {
        w->look_at = clock_mono_ms() + AGAIN_MS;
        return;
    }
    w->look_at = clock_mono_ms() + LONGEST_SLEEP_MS;
    for (size_t i = 0; i < l.n && free_slots(w); i++) {
        const struct lane *lane = lane_of(w, l.due[i].brand, l.due[i].id);
        size_t flying = lane ? lane->flights : 0;
        if (l.due[i].due_at > now) {
            int64_t wait = l.due[i].due_at - now;
            w->look_at = clock_mono_ms() + (wait < LONGEST_SLEEP_MS ? wait : LONGEST_SLEEP_MS);
            break;
        }
        if (flying >= FLIGHTS_PER_WEBHOOK || (lane && lane->claiming))
            continue;
        size_t most = FLIGHTS_PER_WEBHOOK - flying, slots = free_slots(w);
        claim(w, &l.due[i], most < slots ? most : slots);
    }
}

// ---- tests ---------------------------------------------------------------------------------------------------------

struct test {
    struct note note;
    struct flight *flight;
};

static void on_test(struct webhooks *w, struct note *note)
{
    struct test *t = (struct test *)(void *)note;
    struct flight *f = t->flight;
    free(t);
    if (w && w->tests < TESTS_MOST) {
        w->tests++;
        start(w, f);
        return;
    }
    f->tested(f->tested_arg, w ? ERR_LIMIT : ERR_UNAVAILABLE, NULL, f->job.id);
    flight_free(f);
}

static struct str test_data(struct arena *arena, const struct webhook *webhook, const char *id)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_cstr(doc, data, "id", id);
    json_add_str(doc, data, "chatbotId", webhook->chatbot_id);
    json_add_str(doc, data, "webhookId", webhook->id);
    return json_write(arena, data);
}

void webhooks_test(struct webhooks *webhooks, struct str brand, const struct webhook *webhook, webhooks_tested done,
                   void *arg)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    char event_id[ID_SIZE], delivery_id[ID_SIZE];
    id_v7(event_id);
    id_v7(delivery_id);
    struct delivery_job job = {.id = str_from(delivery_id),
                               .event_brand = brand,
                               .event = {.id = str_from(event_id),
                                         .name = STR("webhook.test"),
                                         .at = clock_wall_ms(),
                                         .data = test_data(arena, webhook, delivery_id)}};
    struct test *t = mem_zalloc(sizeof *t);
    t->note.run = on_test;
    t->flight = flight_new(webhooks, brand, webhook, &job);
    t->flight->tested = done;
    t->flight->tested_arg = arg;
    inbox_post(webhooks->inbox, &t->note);
}

// ---- the thread ----------------------------------------------------------------------------------------------------

static void expire_lookups(struct webhooks *w)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < w->flights.n; i++)
        if (w->flights.at[i]->lookup && w->flights.at[i]->deadline <= now)
            fail(w->flights.at[i], "timeout");
}

static int time_to_sleep(const struct webhooks *w)
{
    int64_t now = clock_mono_ms(), until = w->look_at < w->sweep_at ? w->look_at : w->sweep_at;
    for (size_t i = 0; i < w->flights.n; i++)
        if (w->flights.at[i]->lookup && w->flights.at[i]->deadline < until)
            until = w->flights.at[i]->deadline;
    return until <= now ? 0 : (int)(until - now);
}

static bool is_ending(struct webhooks *w)
{
    pthread_mutex_lock(&w->inbox->lock);
    bool ending = w->inbox->ending;
    pthread_mutex_unlock(&w->inbox->lock);
    return ending;
}

// What is on its way is left: its claim lets it be tried again.
static void drop_flights(struct webhooks *w)
{
    for (size_t i = 0; i < w->flights.n;) {
        struct flight *f = w->flights.at[i];
        if (!f->lookup && !f->wired) { // is being recorded
            i++;
            continue;
        }
        if (f->wired)
            curl_multi_remove_handle(w->multi, f->call.easy);
        if (f->tested)
            f->tested(f->tested_arg, ERR_UNAVAILABLE, NULL, f->job.id);
        flight_leave(w, f);
    }
}

// Only what the store still knows must come back.
static void wind_up(struct webhooks *w)
{
    drop_flights(w);
    while (w->writes) {
        take_notes(w);
        if (w->writes)
            curl_multi_poll(w->multi, NULL, 0, 1000, NULL);
    }
    drop_flights(w); // of claims that came back
}

static void *run(void *arg)
{
    struct webhooks *w = arg;
    sigset_t pipe;
    int running;
    pthread_setname_np(pthread_self(), "webhooks");
    sigemptyset(&pipe); // OpenSSL writes to sockets that the receiver may have closed
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    while (!is_ending(w)) {
        take_notes(w);
        curl_multi_perform(w->multi, &running);
        collect(w);
        expire_lookups(w);
        if (clock_mono_ms() >= w->look_at)
            look(w);
        if (clock_mono_ms() >= w->sweep_at)
            w->sweep_at = webhook_sweep(&w->with, &w->sweep_brand) ? 0 : clock_mono_ms() + SWEEP_MS;
        curl_multi_poll(w->multi, NULL, 0, time_to_sleep(w), NULL);
    }
    wind_up(w);
    return NULL;
}

// ---- life ----------------------------------------------------------------------------------------------------------

static int mend(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return delivery_mend(tx, clock_wall_ms(), err);
}

int webhooks_check(const struct settings *settings, struct err *err)
{
    size_t n;
    const struct str *waits = settings_list(settings, SET_WEBHOOK_SCHEDULE, &n);
    int64_t ms;
    for (size_t i = 0; i < n; i++)
        if (!webhook_wait_parse(waits[i], &ms))
            return err_set(err, ERR_INVALID, "webhook.schedule: '" STR_FMT "' is no time of at most 24h",
                           STR_ARG(waits[i]));
    return 0;
}

int webhooks_new(const struct webhooks_options *options, struct webhooks **ret, struct err *err)
{
    struct scope scope = scope_installation(STR("webhooks"));
    int rc = options->alone ? store_write(options->store, &scope, mend, NULL, err) : 0;
    if (rc)
        return rc;
    struct webhooks *w = mem_zalloc(sizeof *w);
    w->with = *options;
    w->multi = curl_multi_init();
    w->inbox = mem_zalloc(sizeof *w->inbox);
    *w->inbox = (struct inbox){.multi = w->multi, .refs = 1};
    w->inbox->end = &w->inbox->first;
    pthread_mutex_init(&w->inbox->lock, NULL);
    if (!w->multi || pthread_create(&w->thread, NULL, run, w) != 0)
        abort();
    *ret = w;
    return 0;
}

void webhooks_poke(struct webhooks *w)
{
    pthread_mutex_lock(&w->inbox->lock);
    w->inbox->poked = true;
    if (w->inbox->multi)
        curl_multi_wakeup(w->inbox->multi);
    pthread_mutex_unlock(&w->inbox->lock);
}

void webhooks_stop(struct webhooks *w)
{
    if (!w || w->joined)
        return;
    pthread_mutex_lock(&w->inbox->lock);
    w->inbox->ending = true;
    curl_multi_wakeup(w->inbox->multi);
    pthread_mutex_unlock(&w->inbox->lock);
    pthread_join(w->thread, NULL);
    w->joined = true;
    pthread_mutex_lock(&w->inbox->lock);
    struct note *note = w->inbox->first;
    w->inbox->multi = NULL;
    w->inbox->first = NULL;
    pthread_mutex_unlock(&w->inbox->lock);
    while (note) {
        struct note *next = note->next;
        note->run(NULL, note);
        note = next;
    }
    curl_multi_cleanup(w->multi);
}

void webhooks_free(struct webhooks *w)
{
    if (!w)
        return;
    webhooks_stop(w);
    vec_done(&w->lanes);
    vec_done(&w->flights);
    free(w->sweep_brand);
    inbox_unref(w->inbox);
    free(w);
}
