// SPDX-License-Identifier: Apache-2.0
#include "cmd/compose.h"

#include "base/clock.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/import.h"
#include "cmd/sample.h"
#include "engine/brand_make.h"
#include "engine/budget.h"
#include "engine/builtin.h"
#include "engine/builtin_table.h"
#include "engine/models.h"
#include "api/health.h"
#include "api/idempotency.h"
#include "api/sockets.h"
#include "ingest/files.h"
#include "outbound/outbound.h"
#include "store/conversation.h"
#include "store/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READERS = 2, READ_QUEUE = 64 };  // files that are read at once, and that wait
enum { HASHERS = 4, HASH_QUEUE = 256 }; // as many as may hash at once (base/crypto.h)
enum { LIMITER_KEYS = 100000, WORKER_QUEUE = 8192, INDEX_BUDGET = 1 << 30, SECRET_BYTES = 32 };

// ---- master key ----------------------------------------------------------------------------------------------------

static int read_key(const char *path, char *bytes, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    ssize_t n = read(fd, bytes, SECRET_BYTES);
    close(fd);
    return n == SECRET_BYTES ? 0 : err_set(err, ERR_FORMAT, "%s: has not 32 bytes", path);
}

// Complete before it is visible: a crash leaves no half of a key.
static int make_key(const char *path, char *bytes, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *temporary = arena_printf(arena, "%s.new", path);
    crypto_random(bytes, SECRET_BYTES);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, bytes, SECRET_BYTES) == SECRET_BYTES && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok && rename(temporary, path) == 0 ? 0 : err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

static int master_key(const struct settings *settings, struct crypto_keys **ret, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *given = settings_str(settings, SET_SECRET);
    char bytes[SECRET_BYTES];
    if (given) {
        *ret = crypto_keys_new(str_from(given));
        return 0;
    }
    const char *path = arena_printf(arena, "%s/secret.key", settings_str(settings, SET_DATA));
    int rc = read_key(path, bytes, err);
    if (rc == ERR_NOT_FOUND)
        rc = make_key(path, bytes, err);
    if (!rc)
        *ret = crypto_keys_new((struct str){bytes, sizeof bytes});
    crypto_wipe(bytes, sizeof bytes);
    return rc;
}

// ---- changes -------------------------------------------------------------------------------------------------------

static void on_changes(void *arg, const struct change *changes, size_t n)
{
    struct composition *c = arg;
    bool poke = false, deliver = false;
    for (size_t i = 0; i < n; i++) {
        bool outside = changes[i].kind == CHANGE_OUTSIDE; // its brand is null: all brands
        if (outside || changes[i].kind == CHANGE_BRAND || changes[i].kind == CHANGE_CHATBOT)
            brands_changed(c->app.brands, changes[i].brand);
        if (changes[i].kind != CHANGE_BRAND)
            catalogues_changed(c->app.catalogues, &changes[i]);
        sockets_changed(&c->app, &changes[i]);
        poke |= outside || changes[i].kind == CHANGE_JOB;
        deliver |= outside || changes[i].kind == CHANGE_WEBHOOK;
    }
    struct webhooks *webhooks = atomic_load(&c->webhooks);
    if (deliver && webhooks)
        webhooks_poke(webhooks);
    struct jobs *jobs = atomic_load(&c->jobs);
    if (poke && jobs)
        jobs_poke(jobs);
}

// ---- vectors -------------------------------------------------------------------------------------------------------

enum { PROVIDER_BATCH = 256 }; // four of its requests, which go at once

// A provider's, else the built-in one.
static bool embedding_model(void *self, struct embedder_model *ret)
{
    const struct app *app = self;
    *ret = (struct embedder_model){.batch = PROVIDER_BATCH};
    if (llm_embedding_model(app->llm, ret->key))
        return true;
    if (builtin_has(app->builtin))
        builtin_model(app->builtin, ret);
    ret->titles = ret->sentences = builtin_has(app->builtin);
    return builtin_has(app->builtin);
}

static bool embeds(struct app *app)
{
    struct embedder_model model;
    return embedding_model(app, &model);
}

// embedding.floor: false where it is `auto`.
static bool floor_is_set(const struct app *app, double *ret)
{
    const char *floor = settings_str(app->settings, SET_EMBEDDING_FLOOR);
    return floor && str_to_double(str_from(floor), ret);
}

static void embedding_scale(void *self, const char *key, const float *question, const float *centre, size_t n,
                            size_t dims, float *ret_floor, float *ret_full)
{
    const struct app *app = self;
    double given;
    (void)dims;
    if (builtin_owns(app->builtin, key)) {
        calibration_scale(&builtin_calibration, question, centre, n, ret_floor, ret_full);
        return;
    }
    *ret_floor = floor_is_set(app, &given) ? (float)given : llm_embedding_floor(key);
    *ret_full = 1;
}

static void embedding_shape(void *self, const char *key, enum embedder_text of, float *vector, size_t dims)
{
    const struct app *app = self;
    if (dims == BUILTIN_DIMS && builtin_owns(app->builtin, key))
        calibration_shape(&builtin_calibration, of, vector);
}

// A floor that is set is a cosine of vectors as the provider gives them.
static bool embedding_calibrates(void *self, const char *key)
{
    const struct app *app = self;
    double given;
    return !builtin_owns(app->builtin, key) && !floor_is_set(app, &given);
}

static int embed(void *self, const char *key, struct arena *arena, const struct str *texts, size_t n, bool query,
                 int timeout_ms, const float ***ret, size_t *ret_dims, struct err *err)
{
    const struct app *app = self;
    if (builtin_owns(app->builtin, key))
        return builtin_embed(app->builtin, arena, texts, n, query, ret, ret_dims, err);
    return llm_embed(app->llm, key, arena, texts, n, query, timeout_ms, ret, ret_dims, err);
}

struct asked {
    embedder_done *done;
    void *arg;
};

static void answered(void *arg, int error, const float *vector, size_t dims)
{
    struct asked asked = *(struct asked *)arg;
    (void)error;
    free(arg);
    asked.done(asked.arg, vector, dims);
}

static void ask_embedder(void *self, const char *key, enum embedder_text of, struct str text, int timeout_ms,
                         embedder_done *done, void *arg)
{
    const struct app *app = self;
    if (builtin_owns(app->builtin, key)) {
        builtin_ask(app->builtin, of, text, timeout_ms, done, arg);
        return;
    }
    struct asked *asked = mem_zalloc(sizeof *asked);
    *asked = (struct asked){done, arg};
    llm_embed_question(app->llm, key, text, timeout_ms, answered, asked);
}

static int want_vectors(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return job_insert(tx, "embed", STR("{}"), clock_wall_ms(), err);
}

struct brand_names {
    struct arena *arena;
    struct brand *brands;
    size_t n;
};

static int load_brands(struct tx *tx, void *arg, struct err *err)
{
    struct brand_names *names = arg;
    int64_t total;
    return brand_list(tx, names->arena, STR_NULL, false, -1, 0, &names->brands, &names->n, &total, err);
}

// At the start each brand is looked at once; texts that have their vectors cost nothing.
static int queue_vectors(struct composition *c, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct brand_names names = {.arena = arena};
    struct scope all = scope_installation(STR("start"));
    struct embedder_model model;
    if (!c->embedder.model(c->embedder.self, &model))
        return 0;
    int rc = store_read(c->app.store, &all, load_brands, &names, err);
    for (size_t i = 0; i < names.n && !rc; i++) {
        struct scope scope = scope_brand(names.brands[i].id, STR("start"));
        rc = store_write(c->app.store, &scope, want_vectors, NULL, err);
    }
    return rc;
}

// ---- the whole -----------------------------------------------------------------------------------------------------

static int mend(struct tx *tx, void *arg, struct err *err)
{
    return conversation_mend(tx, arg, err);
}

static int free_jobs(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return jobs_orphaned(tx, clock_wall_ms(), err);
}

static int count_users(struct tx *tx, void *arg, struct err *err)
{
    return user_count(tx, arg, err);
}

static int first_user(struct composition *c, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope scope = scope_installation(STR("start"));
    const char *email = settings_str(c->app.settings, SET_ADMIN_EMAIL),
               *password = settings_str(c->app.settings, SET_ADMIN_PASSWORD);
    struct user_row user;
    int64_t users = 0;
    int rc = store_read(c->app.store, &scope, count_users, &users, err);
    if (rc || users || !email || !password)
        return rc;
    return accounts_create(c->app.accounts, arena, STR_NULL, str_from(email), str_from(password), true, &user, err);
}

static struct models_source models_of(const struct app *app)
{
    return (struct models_source){app->store, app->settings, app->keys};
}

static int start_model(struct composition *c, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct models_source source = models_of(&c->app);
    struct llm_provider *providers;
    size_t n;
    int rc = models_load(&source, arena, &providers, &n, err);
    return rc ? rc : llm_new(providers, n, &c->app.llm, err);
}

// Vectors of another model are another language: all texts are looked at again. The old ones serve until then.
static int models_changed(struct app *app, struct err *err)
{
    struct composition *c = (struct composition *)(void *)app; // its first member
    struct models_source source = models_of(app);
    struct embedder_model before, after;
    (void)embedding_model(app, &before);
    int rc = models_apply(&source, app->llm, err);
    (void)embedding_model(app, &after);
    return rc || strcmp(before.key, after.key) == 0 ? rc : queue_vectors(c, err);
}

static size_t worker_count(const struct settings *settings)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return settings_given(settings, SET_WORKERS) ? (size_t)settings_int(settings, SET_WORKERS)
                                                 : (size_t)(cores > 0 ? cores : 1) * 4;
}

static void start_engine(struct composition *c)
{
    struct app *app = &c->app;
    app->embeds = embeds;
    app->models_changed = models_changed;
    app->workers = pool_new("worker", worker_count(app->settings), WORKER_QUEUE);
    app->hashers = pool_new("hasher", HASHERS, HASH_QUEUE);
    app->readers = pool_new("reader", READERS, READ_QUEUE);
    app->limiter = limiter_new(LIMITER_KEYS);
    app->sockets = sockets_new();
    app->first_replies = first_replies_new(app->store, app->keys, worker_count(app->settings));
    app->health = health_new();
    app->brands = brands_new(app->store);
    app->builtin = builtin_new(app->settings);
    if (builtin_warning(app->builtin))
        log_warn("embedding", "error=\"%s\"", builtin_warning(app->builtin));
    c->embedder = (struct embedder){app,          embedding_model, embedding_scale,     embed,
                                    ask_embedder, embedding_shape, embedding_calibrates};
    app->catalogues = catalogues_new(app->store, &c->embedder, INDEX_BUDGET);
    app->budgets = budgets_new(app->store);
    app->accounts = accounts_new(app->store, app->keys, app->settings);
    struct engine_options options = {app->store,  app->llm,        app->settings, app->workers,
                                     app->brands, app->catalogues, app->budgets,  app->keys};
    app->engine = engine_new(&options);
    store_listen(app->store, on_changes, c);
}

static int start_webhooks(struct composition *c, struct err *err)
{
    struct app *app = &c->app;
    struct webhooks_options options = {app->store, app->settings, app->keys, app->outbound,
                                       strcmp(store_engine(app->store), "sqlite") == 0};
    int rc = webhooks_new(&options, &app->webhooks, err);
    atomic_store(&c->webhooks, app->webhooks);
    return rc;
}

static void warn_of_reserved(const struct settings *settings)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (setting_rows[i].flags & SETTING_RESERVED && settings_given(settings, (enum setting_id)i))
            log_warn("setting", "name=%s error=\"not used by this version\"", setting_rows[i].name);
}

int compose(struct settings *settings, unsigned flags, struct composition *c)
{
    struct err err = {0};
    int64_t mended = 0;
    struct scope scope = scope_installation(STR("start"));
    *c = (struct composition){.app = {.settings = settings, .started_ms = clock_mono_ms()}};
    int rc = jobs_check_mail(settings, &err);
    enum command_store how = flags & COMPOSE_SHARED ? STORE_SHARED : STORE_OWNED;
    rc = rc ? rc : command_open_store(settings, how, &c->app.store, &c->fresh, &err);
    rc = rc ? rc : master_key(settings, &c->app.keys, &err);
    rc = rc ? rc : start_model(c, &err);
    rc = rc ? rc : outbound_new(settings, &c->app.outbound, &err);
    rc = rc ? rc : webhooks_check(settings, &err);
    if (rc) {
        (void)command_fault("%s", err.text);
        compose_end(c);
        return rc == ERR_CONFLICT || rc == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
    }
    start_engine(c);
    // Another process may be running its turns: only the one that owns the directory mends.
    rc = flags & COMPOSE_SHARED ? 0 : store_write(c->app.store, &scope, mend, &mended, &err);
    if (!rc && mended)
        log_info("turns.mended", "interrupted=%lld", (long long)mended);
    // The directory's lock says that nobody else runs any.
    if (!rc && flags & COMPOSE_JOBS && strcmp(store_engine(c->app.store), "sqlite") == 0)
        rc = store_write(c->app.store, &scope, free_jobs, NULL, &err);
    rc = rc ? rc : first_user(c, &err);
    rc = rc ? rc : sample_install(&c->app, &err);
    const char *data = settings_str(settings, SET_DATA);
    if (!rc && flags & COMPOSE_JOBS && !files_temp_dir(data, c->app.temp_dir, sizeof c->app.temp_dir))
        rc = err_set(&err, ERR_IO, "data: the folder for temporary files cannot be made");
    if (!rc && flags & COMPOSE_JOBS)
        import_first(&c->app);
    if (!rc && flags & COMPOSE_JOBS) {
        warn_of_reserved(settings);
        struct jobs_options options = {.store = c->app.store,
                                       .brands = c->app.brands,
                                       .embedder = &c->embedder,
                                       .builtin = c->app.builtin,
                                       .settings = settings,
                                       .keys = c->app.keys};
        rc = queue_vectors(c, &err);
        c->app.jobs = jobs_new(&options);
        atomic_store(&c->jobs, c->app.jobs);
        rc = rc ? rc : start_webhooks(c, &err);
    }
    if (!rc)
        return 0;
    (void)command_fault("%s", err.text);
    compose_end(c);
    return EXIT_FAILED;
}

void compose_end(struct composition *c)
{
    struct app *app = &c->app;
    if (app->hashers)
        pool_free(app->hashers);
    if (app->readers)
        pool_free(app->readers);
    engine_close(app->engine); // first: what parks comes back to a pool and a store that are there
    if (app->llm)
        llm_quit(app->llm); // a job may wait for vectors
    builtin_quit(app->builtin);
    jobs_stop(atomic_load(&c->jobs));
    webhooks_stop(app->webhooks);
    if (app->llm)
        llm_free(app->llm);
    pool_free(app->workers);
    engine_free(app->engine);
    accounts_free(app->accounts);
    if (app->store)
        store_close(app->store);
    webhooks_free(app->webhooks);
    jobs_free(atomic_load(&c->jobs)); // as the rest: the store tells of changes until it is closed
    catalogues_free(app->catalogues);
    builtin_free(app->builtin);
    budgets_free(app->budgets);
    brands_free(app->brands);
    sockets_free(app->sockets);
    first_replies_free(app->first_replies);
    health_free(app->health);
    outbound_free(app->outbound);
    if (app->limiter)
        limiter_free(app->limiter);
    crypto_keys_free(app->keys);
}
