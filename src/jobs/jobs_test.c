// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "engine/background.h"
#include "jobs/kinds.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/conversation.h"
#include "store/usage.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LEASE_MS = 120000 };

#define COUNT(table) STORE_SQL(count_##table, "SELECT COUNT(*) FROM " #table " WHERE brand_id = $1")
COUNT(chatbots);
COUNT(prompt_versions);
COUNT(api_keys);
COUNT(memberships);
COUNT(products);
COUNT(knowledge_bases);
COUNT(documents);
COUNT(vectors);
COUNT(conversations);
COUNT(messages);
COUNT(events);
COUNT(brand_totals);
COUNT(jobs);
COUNT(audit);
COUNT(usage_rows);
COUNT(activities);
STORE_SQL(count_errors,
          "SELECT COUNT(*) FROM jobs WHERE brand_id = $1 AND state = 'waiting' AND error LIKE '%the test says so%'");
STORE_SQL(count_errors_any, "SELECT COUNT(*) FROM jobs WHERE brand_id = $1 AND error IS NOT NULL");

static const struct store_sql *const OWNED[] = {
    &count_chatbots,        &count_prompt_versions, &count_api_keys, &count_memberships,   &count_products,
    &count_knowledge_bases, &count_documents,       &count_vectors,  &count_conversations, &count_messages,
    &count_events,          &count_brand_totals,    &count_jobs,     &count_activities,
};

static struct jobs *start(struct site *site)
{
    struct jobs_options options = {.store = site->store, .brands = site->brands, .embedder = &site->embedder};
    return jobs_new(&options);
}

// Another thread works, and tells nobody when it is done.
static void wait_for_in(struct site *site, const char *brand, const struct store_sql *count, int64_t n)
{
    for (int i = 0; i < 20000; i++) {
        if (site_count(site, brand, count) == n)
            return;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    fail_msg("%s stays at %lld", count->text, (long long)site_count(site, brand, count));
}

static void wait_for(struct site *site, const struct store_sql *count, int64_t n)
{
    wait_for_in(site, "fern", count, n);
}

static int queue(struct tx *tx, void *arg, struct err *err)
{
    return job_insert(tx, arg, STR("{}"), clock_wall_ms(), err);
}

static void queue_job(struct site *site, const char *kind)
{
    site_write(site, "fern", queue, (void *)(uintptr_t)kind);
}

static int more(struct tx *tx, void *arg, struct err *err)
{
    int rc = membership_put(tx, STR("somebody"), STR("admin"), clock_wall_ms(), err);
    (void)arg;
    rc = rc ? rc : usage_write(tx, STR("chatbot"), STR("model"), 3, 4, false, 0, err);
    return rc ? rc : audit_write(tx, "product.create", STR("x"), STR("name"), err);
}

// 001-brands#6: a job erases everything of the brand; audit and usage rows stay.
TEST(job_erases_all_but_audit_and_usage)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL), *other = site_brand(&site, "moss", NULL);
    site_product(&site, "fern", "a", "Alpha", "1", "first");
    site_product(&site, "moss", "a", "Alpha", "1", "first");
    site_vector(&site, "fern", "a", "xyz");
    site_document(&site, brand, "Title", "Text.");
    site_write(&site, "fern", more, NULL);
    struct turn *turn = site_ask(&site, brand, "brand:c", "hello");
    turn_wait(turn);
    turn_unref(turn);
    queue_job(&site, "brand.erase");
    for (size_t i = 0; i < sizeof OWNED / sizeof *OWNED; i++)
        if (site_count(&site, "fern", OWNED[i]) < 1)
            fail_msg("%s: there is nothing to erase", OWNED[i]->text);
    int64_t audit = site_count(&site, "fern", &count_audit);
    struct jobs *jobs = start(&site);
    wait_for(&site, &count_jobs, 0);
    jobs_free(jobs);
    for (size_t i = 0; i < sizeof OWNED / sizeof *OWNED; i++)
        assert_int_equal(site_count(&site, "fern", OWNED[i]), 0);
    assert_int_equal(site_count(&site, "fern", &count_audit), audit);
    assert_int_equal(site_count(&site, "fern", &count_usage_rows), 1);
    assert_int_equal(site_count(&site, "moss", &count_products), 1);
    assert_null(site_brand_again(&site, "fern"));
    brand_ref_drop(brand);
    brand = site_brand(&site, "fern", NULL); // the id is free
    brand_ref_drop(brand);
    brand_ref_drop(other);
    site_close(&site);
}

static void put_many(struct site *site, struct brand_ref *brand)
{
    for (int i = 0; i < 40; i++)
        site_product(site, "fern", arena_printf(site->arena, "p%d", i), arena_printf(site->arena, "Thing %d", i), "1",
                     "useful");
    site_document(site, brand, "Title", "Text.");
}

TEST(job_embeds_each_text_once)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_many(&site, brand);
    queue_job(&site, "embed");
    struct jobs *jobs = start(&site);
    wait_for(&site, &count_jobs, 0);
    assert_int_equal(site_count(&site, "fern", &count_vectors), 41);
    assert_int_equal(site.embedded, 41);
    queue_job(&site, "embed");
    jobs_poke(jobs);
    wait_for(&site, &count_jobs, 0);
    assert_int_equal(site.embedded, 41); // all have theirs
    site_product(&site, "fern", "p7", "Thing seven", "1", "changed");
    queue_job(&site, "embed");
    jobs_poke(jobs);
    wait_for(&site, &count_jobs, 0);
    assert_int_equal(site.embedded, 42);
    assert_int_equal(site_count(&site, "fern", &count_vectors), 41);
    site.model = "other letters"; // another model: all anew
    queue_job(&site, "embed");
    jobs_poke(jobs);
    wait_for(&site, &count_jobs, 0);
    assert_int_equal(site.embedded, 42 + 41);
    jobs_free(jobs);
    brand_ref_drop(brand);
    site_close(&site);
}

static bool always(void *self, const char *key)
{
    (void)self;
    (void)key;
    return true;
}

static void embed_all(struct site *site, struct jobs *jobs, const char *brand)
{
    site_write(site, brand, queue, (void *)(uintptr_t) "embed");
    jobs_poke(jobs);
    wait_for_in(site, brand, &count_jobs, 0);
}

// One calibration a brand, of texts that are embedded once for all brands of a model, also where none comes of it.
TEST(job_embeds_the_background_once)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    site.embedder.calibrates = always;
    int texts = 41 + (int)(background_passages.n + background_questions.n);
    struct brand_ref *brand = site_brand(&site, "fern", NULL), *other = site_brand(&site, "moss", NULL);
    put_many(&site, brand);
    struct jobs *jobs = start(&site);
    embed_all(&site, jobs, "moss"); // which has nothing to embed
    assert_int_equal(site.embedded, 0);
    embed_all(&site, jobs, "fern");
    assert_int_equal(site_count(&site, "fern", &count_vectors), 42);
    assert_int_equal(site.embedded, texts);
    embed_all(&site, jobs, "fern");
    assert_int_equal(site.embedded, texts);
    site_product(&site, "moss", "p", "Thing", "1", "useful");
    embed_all(&site, jobs, "moss");
    assert_int_equal(site_count(&site, "moss", &count_vectors), 2);
    assert_int_equal(site.embedded, texts + 1);
    jobs_free(jobs);
    brand_ref_drop(other);
    brand_ref_drop(brand);
    site_close(&site);
}

struct claimed {
    struct arena *arena;
    struct job job;
};

static int claim(struct tx *tx, void *arg, struct err *err)
{
    struct claimed *claimed = arg;
    int rc = job_claim(tx, claimed->arena, JOB_ANY, clock_wall_ms(), LEASE_MS, &claimed->job, err);
    return rc < 0 ? rc : rc == 1 ? 0 : ERR_NOT_FOUND;
}

// Its worker died: nobody will say that it is done.
TEST(job_runs_again_when_its_lease_is_over)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct claimed claimed = {.arena = site.arena};
    put_many(&site, brand);
    queue_job(&site, "embed");
    site_write(&site, "fern", claim, &claimed);
    struct jobs *jobs = start(&site);
    queue_job(&site, "nothing of this kind");
    jobs_poke(jobs);
    wait_for(&site, &count_errors, 0);
    assert_int_equal(site.embedded, 0);
    clock_advance(LEASE_MS + 1000);
    jobs_poke(jobs);
    wait_for(&site, &count_vectors, 41);
    wait_for(&site, &count_jobs, 1); // the one that nobody knows stays, with its error
    jobs_free(jobs);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(job_that_fails_waits_and_shows_why)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_many(&site, brand);
    site.embed_code = ERR_UNAVAILABLE;
    queue_job(&site, "embed");
    struct jobs *jobs = start(&site);
    wait_for(&site, &count_errors, 1);
    site.embed_code = 0;
    clock_advance(3600 * 1000);
    jobs_poke(jobs);
    wait_for(&site, &count_jobs, 0);
    assert_int_equal(site_count(&site, "fern", &count_vectors), 41);
    jobs_free(jobs);
    brand_ref_drop(brand);
    site_close(&site);
}

// ---- the end in the middle of a job -------------------------------------------------------------------------------

struct stopper {
    struct site *site;
    _Atomic bool ending;
    unsigned calls;
};

static bool stopper_model(void *self, struct embedder_model *ret)
{
    struct stopper *s = self;
    return s->site->embedder.model(s->site, ret);
}

static int stopper_embed(void *self, const char *key, struct arena *arena, const struct str *texts, size_t n,
                         bool query, int timeout_ms, const float ***ret, size_t *ret_dims, struct err *err)
{
    struct stopper *s = self;
    s->ending = ++s->calls == 1;
    return s->site->embedder.embed(s->site, key, arena, texts, n, query, timeout_ms, ret, ret_dims, err);
}

TEST(job_ends_between_batches_and_goes_on_where_it_was)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_many(&site, brand);
    struct stopper stopper = {.site = &site};
    struct embedder embedder = {&stopper, stopper_model, NULL, stopper_embed, NULL, NULL, NULL};
    struct jobs_options with = {site.store, site.brands, &embedder, &stopper.ending};
    struct job job = {.brand = STR("fern"), .kind = STR("embed")};
    struct err err = {0};
    assert_int_equal(job_embed(&with, &job, &err), ERR_CANCELLED);
    assert_int_equal(site_count(&site, "fern", &count_vectors), 32);
    stopper.ending = false;
    assert_int_equal(job_embed(&with, &job, &err), 0);
    assert_int_equal(site_count(&site, "fern", &count_vectors), 41);
    assert_int_equal(site.embedded, 41);
    brand_ref_drop(brand);
    site_close(&site);
}

// ---- lanes ---------------------------------------------------------------------------------------------------------

struct gate { // an embedder that does not come back until it is let go
    struct site *site;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, open;
};

static bool gate_model(void *self, struct embedder_model *ret)
{
    struct gate *g = self;
    return g->site->embedder.model(g->site, ret);
}

static int gate_embed(void *self, const char *key, struct arena *arena, const struct str *texts, size_t n, bool query,
                      int timeout_ms, const float ***ret, size_t *ret_dims, struct err *err)
{
    struct gate *g = self;
    pthread_mutex_lock(&g->lock);
    g->entered = true;
    pthread_cond_broadcast(&g->changed);
    while (!g->open)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return g->site->embedder.embed(g->site, key, arena, texts, n, query, timeout_ms, ret, ret_dims, err);
}

STORE_SQL(count_running, "SELECT COUNT(*) FROM jobs WHERE brand_id = $1 AND state = 'running'");

static void assert_runs_meanwhile(struct site *site, struct jobs *jobs)
{
    queue_job(site, "nothing of this kind"); // upkeep's: it fails at once
    jobs_poke(jobs);
    wait_for(site, &count_errors_any, 1);
    assert_int_equal(site_count(site, "fern", &count_running), 1);
}

TEST(job_that_hangs_delays_only_its_lane)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct gate gate = {.site = &site};
    struct embedder embedder = {&gate, gate_model, NULL, gate_embed, NULL, NULL, NULL};
    pthread_mutex_init(&gate.lock, NULL);
    pthread_cond_init(&gate.changed, NULL);
    put_many(&site, brand);
    queue_job(&site, "embed");
    struct jobs_options options = {.store = site.store, .brands = site.brands, .embedder = &embedder};
    struct jobs *jobs = jobs_new(&options);
    pthread_mutex_lock(&gate.lock);
    while (!gate.entered)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    assert_runs_meanwhile(&site, jobs);
    clock_advance(LEASE_MS + 1000); // its own lane does not take it a second time
    jobs_poke(jobs);
    assert_true(jobs_beat_ms(jobs) <= clock_mono_ms());
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    wait_for(&site, &count_vectors, 41);
    assert_int_equal(site.embedded, 41);
    jobs_free(jobs);
    pthread_cond_destroy(&gate.changed);
    pthread_mutex_destroy(&gate.lock);
    brand_ref_drop(brand);
    site_close(&site);
}

static int claim_mail(struct tx *tx, void *arg, struct err *err)
{
    struct claimed *claimed = arg;
    struct job_choice mail = {"|mail.send|", false};
    int64_t due = 0;
    int rc = job_claim(tx, claimed->arena, mail, clock_wall_ms(), LEASE_MS, &claimed->job, err);
    assert_int_equal(job_next_due(tx, mail, &due, err), rc);
    return rc < 0 ? rc : rc == 1 ? 0 : ERR_NOT_FOUND;
}

static int renew(struct tx *tx, void *arg, struct err *err)
{
    return job_renew(tx, ((struct claimed *)arg)->job.id, clock_wall_ms() + 3 * LEASE_MS, err);
}

static int claim_nothing(struct tx *tx, void *arg, struct err *err)
{
    struct claimed *claimed = arg;
    return job_claim(tx, claimed->arena, JOB_ANY, clock_wall_ms(), LEASE_MS, &claimed->job, err);
}

TEST(job_is_claimed_by_kind_and_renewed)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct claimed claimed = {.arena = site.arena}, other = {.arena = site.arena};
    queue_job(&site, "embed");
    queue_job(&site, "mail.send");
    site_write(&site, "fern", claim_mail, &claimed);
    assert_str(claimed.job.kind, "mail.send");
    site_write(&site, "fern", renew, &claimed);
    clock_advance(LEASE_MS + 1000);
    site_write(&site, "fern", claim, &other);
    assert_str(other.job.kind, "embed");
    site_write(&site, "fern", claim_nothing, &other); // its lease was made longer
    assert_str(other.job.kind, "embed");
    brand_ref_drop(brand);
    site_close(&site);
}

static int release(struct tx *tx, void *arg, struct err *err)
{
    return job_released(tx, ((struct claimed *)arg)->job.id, err);
}

TEST(job_that_was_released_was_not_tried)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct claimed claimed = {.arena = site.arena};
    queue_job(&site, "embed");
    for (int i = 0; i < 3; i++) {
        site_write(&site, "fern", claim, &claimed);
        assert_int_equal(claimed.job.attempts, 1);
        site_write(&site, "fern", release, &claimed);
    }
    struct jobs *jobs = start(&site);
    wait_for(&site, &count_jobs, 0); // no model for vectors: there is nothing to do
    jobs_stop(jobs);
    jobs_stop(jobs);
    jobs_poke(jobs); // too late, and harmless
    jobs_free(jobs);
    jobs_free(NULL);
    brand_ref_drop(brand);
    site_close(&site);
}
