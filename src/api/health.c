// SPDX-License-Identifier: Apache-2.0
// Is the server well (003-platform 13)? /health and its like answer probes from one small read of the store;
// /health/status runs every row of `checks`, each of which says what it found and how bad that is. A part that is not
// used is `disabled`, which is as good as `ok`. The whole is as bad as its worst check.
#include "api/health.h"

#include "api/envelope.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/process.h"
#include "engine/builtin.h"
#include "jobs/jobs.h"
#include "store/health.h"
#include "store/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
    PING_MS = 1000,
    SLOW_MS = 100,
    REMEMBER_MS = 30000,
    INDEXES_MOST = 200,
    PENDING_MOST = 1000,
    PENDING_MS = 300000,
    BEAT_MS = 60000,
    DUE_S = 60,
    DAY_MS = 86400000,
};
#define LITTLE_ROOM (1LL << 30)
#define NO_ROOM (100LL << 20)
#define MEMORY_SHARE 0.8

// ---- probes --------------------------------------------------------------------------------------------------------

static double uptime(const struct app *app)
{
    return (double)(clock_mono_ms() - app->started_ms) / 1000;
}

static void reply_health(struct call *call, const char *fault)
{
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    http_header(call->req, "Cache-Control", "no-store");
    json_add_cstr(doc, root, "status", fault ? "error" : "ok");
    json_add_bool(doc, root, "success", !fault);
    if (fault) {
        json_add_cstr(doc, root, "message", fault);
        json_add_cstr(doc, root, "code", "UNAVAILABLE");
        json_add_cstr(doc, root, "requestId", http_request_id(call->req));
        http_header(call->req, "Retry-After", "5");
    } else {
        json_add_time(doc, root, "timestamp", clock_wall_ms());
        json_add_decimal(doc, root, "uptime", uptime(call->app), 3);
        json_add_cstr(doc, root, "version", PARLEY_VERSION);
    }
    call_json(call, fault ? 503 : 200, root);
}

static void health(struct call *call)
{
    bool stopping = atomic_load(&call->app->draining);
    bool reads = store_ping(call->app->store, PING_MS, &call->err) == 0;
    reply_health(call, stopping ? "the server is stopping" : reads ? NULL : "the store cannot be read");
}

static void readiness(struct call *call)
{
    if (store_writable(call->app->store))
        health(call);
    else
        reply_health(call, "the store cannot be written");
}

static void liveness(struct call *call)
{
    reply_health(call, NULL);
}

// ---- checks --------------------------------------------------------------------------------------------------------

enum level { LEVEL_DISABLED, LEVEL_OK, LEVEL_DEGRADED, LEVEL_ERROR };
static const char *const level_names[] = {"disabled", "ok", "degraded", "error"};

struct health {
    pthread_mutex_t lock; // held while one looks: the others wait for what he finds
    int64_t looked_ms;    // 0: never
    bool read, agrees;
    struct health_index index;
};

struct examination {
    struct call *call;
    yyjson_mut_doc *doc;
    struct process_facts process;
    bool reads;
    double read_ms, write_ms; // < 0: failed
    int64_t size, log;        // bytes; < 0: not known
    struct job_count *jobs;
    size_t n_jobs;
    struct health_webhooks webhooks;
};

static enum level worse(enum level a, enum level b)
{
    return a > b ? a : b;
}

static enum level check_database(struct examination *x, yyjson_mut_val *out)
{
    if (x->reads)
        json_add_decimal(x->doc, out, "readMs", x->read_ms, 3);
    if (x->write_ms >= 0)
        json_add_decimal(x->doc, out, "writeMs", x->write_ms, 3);
    if (x->size >= 0)
        json_add_int(x->doc, out, "sizeBytes", x->size);
    if (x->log >= 0)
        json_add_int(x->doc, out, "logBytes", x->log);
    if (!x->reads || x->write_ms < 0)
        return LEVEL_ERROR;
    return x->read_ms > SLOW_MS || x->write_ms > SLOW_MS ? LEVEL_DEGRADED : LEVEL_OK;
}

static enum level check_storage(struct examination *x, yyjson_mut_val *out)
{
    struct statvfs disk;
    if (statvfs(settings_str(x->call->app->settings, SET_DATA), &disk) != 0)
        return LEVEL_ERROR;
    int64_t left = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    json_add_int(x->doc, out, "freeBytes", left);
    return left < NO_ROOM ? LEVEL_ERROR : left < LITTLE_ROOM ? LEVEL_DEGRADED : LEVEL_OK;
}

struct index_look {
    struct call *call;
    struct str model;
    struct health_index *index;
    const struct catalogue_facts *facts;
    int64_t stored;
};

static int look(struct tx *tx, void *arg, struct err *err)
{
    struct index_look *l = arg;
    return health_index_read(tx, l->model, l->index, err);
}

static int count_stored(struct tx *tx, void *arg, struct err *err)
{
    struct index_look *l = arg;
    return l->facts->part == CATALOGUE_PRODUCTS ? health_products(tx, &l->stored, err)
                                                : health_documents(tx, l->facts->chatbot, &l->stored, err);
}

// An index that has another number of documents than the store; NULL: none of those in memory.
static const struct catalogue_facts *find_odd(struct call *call, const struct catalogue_facts *facts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct index_look l = {.call = call, .facts = &facts[i]};
        struct scope scope = scope_brand(facts[i].brand, STR("health"));
        AUTO_BRAND struct brand_ref *brand = NULL;
        struct err err;
        if (brands_get(call->app->brands, facts[i].brand, &brand, &err) != 1 ||
            store_read(call->app->store, &scope, count_stored, &l, &err) != 0)
            continue;
        if ((size_t)l.stored != facts[i].documents)
            return &facts[i];
    }
    return NULL;
}

// What differs may have been changed between the two looks: it counts when it still differs.
static bool indexes_agree(struct call *call)
{
    struct catalogue_facts *facts;
    for (int i = 0; i < 3; i++) {
        size_t n = catalogues_facts(call->app->catalogues, call->arena, INDEXES_MOST, &facts);
        if (!find_odd(call, facts, n))
            return true;
    }
    return false;
}

static void look_at_indexes(struct examination *x, struct health *found)
{
    struct health *own = x->call->app->health;
    struct scope everywhere = scope_installation(STR("health"));
    char model[EMBEDDER_KEY];
    catalogue_model(x->call->app->catalogues, model);
    pthread_mutex_lock(&own->lock);
    int64_t now = clock_mono_ms();
    if (!own->looked_ms || now - own->looked_ms >= REMEMBER_MS) {
        struct index_look l = {.model = str_from(model), .index = &own->index};
        own->read = store_read(x->call->app->store, &everywhere, look, &l, &x->call->err) == 0;
        if (!model[0])
            own->index.vectors = own->index.passages;
        own->agrees = indexes_agree(x->call);
        own->looked_ms = own->read ? now : 0;
    }
    *found = *own;
    pthread_mutex_unlock(&own->lock);
}

static enum level check_index(struct examination *x, yyjson_mut_val *out)
{
    struct health found;
    size_t searches;
    look_at_indexes(x, &found);
    if (!found.read)
        return LEVEL_ERROR;
    int64_t pending = found.index.passages - found.index.vectors;
    int64_t age = found.index.oldest_job ? clock_wall_ms() - found.index.oldest_job : 0;
    json_add_int(x->doc, out, "chunks", found.index.passages);
    json_add_int(x->doc, out, "pending", pending > 0 ? pending : 0);
    json_add_cstr(x->doc, out, "reindex", found.index.refused ? "needed" : found.index.changing ? "running" : "none");
    if (found.index.refused)
        json_add_cstr(x->doc, out, "warning",
                      "reindex needed: the vectors that come have other dimensions than those that are searched");
    json_add_decimal(x->doc, out, "averageSearchMs", metric_recent_us(METRIC_RETRIEVAL, &searches) / 1000, 3);
    if (!found.agrees)
        return LEVEL_ERROR;
    if (found.index.refused)
        return LEVEL_DEGRADED;
    return pending > PENDING_MOST || (pending > 0 && age > PENDING_MS) ? LEVEL_DEGRADED : LEVEL_OK;
}

static void add_server(struct examination *x, yyjson_mut_val *list, const struct llm_state *state)
{
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(x->doc, list), *warnings = yyjson_mut_arr(x->doc);
    json_add_cstr(x->doc, one, "provider", state->provider);
    json_add_cstr(x->doc, one, "model", state->model);
    json_add_cstr(x->doc, one, "circuit", state->circuit);
    if (state->last_ok_wall_ms)
        json_add_time(x->doc, one, "lastSuccess", state->last_ok_wall_ms);
    else
        json_add(x->doc, one, "lastSuccess", yyjson_mut_null(x->doc));
    json_add_int(x->doc, one, "failuresInRow", state->faults_in_row);
    json_add_decimal(x->doc, one, "averageMs", state->mean_ms, 1);
    if (state->silent_cut)
        (void)yyjson_mut_arr_add_str(x->doc, warnings, "the server cuts prompts without saying so");
    if (state->insecure)
        (void)yyjson_mut_arr_add_str(x->doc, warnings, "the server's certificate is not checked");
    json_add(x->doc, one, "warnings", warnings);
}

// Servers that were asked so far; one that nobody has asked yet is taken to be well.
static enum level check_servers(struct examination *x, yyjson_mut_val *out, bool embedding)
{
    char embeds[LLM_EMBEDDING_MODEL];
    const struct llm_state *states;
    struct app *app = x->call->app;
    if (embedding ? !llm_embedding_model(app->llm, embeds) : !llm_has_model(app->llm))
        return LEVEL_DISABLED;
    size_t n = llm_states(app->llm, x->call->arena, &states), known = 0, open = 0, warned = 0;
    yyjson_mut_val *list = yyjson_mut_arr(x->doc);
    for (size_t i = 0; i < n; i++) {
        if (states[i].embedding != embedding)
            continue;
        add_server(x, list, &states[i]);
        known++;
        open += strcmp(states[i].circuit, "closed") != 0;
        warned += states[i].silent_cut || states[i].insecure;
    }
    json_add(x->doc, out, "servers", list);
    return known && open == known ? LEVEL_ERROR : open || warned ? LEVEL_DEGRADED : LEVEL_OK;
}

static enum level check_model(struct examination *x, yyjson_mut_val *out)
{
    return check_servers(x, out, false);
}

// A provider's servers, else the built-in model; what is wrong with its file shows in any case.
static enum level check_embedding(struct examination *x, yyjson_mut_val *out)
{
    const struct builtin *builtin = x->call->app->builtin;
    const char *warning = builtin_warning(builtin);
    enum level level = check_servers(x, out, true);
    if (level == LEVEL_DISABLED && builtin_has(builtin)) {
        json_add_cstr(x->doc, out, "model", builtin_name(builtin));
        json_add_cstr(x->doc, out, "kernels", builtin_kernels());
        json_add_int(x->doc, out, "computedPassages", (int64_t)builtin_computed(builtin));
        level = LEVEL_OK;
    }
    if (warning)
        json_add_cstr(x->doc, out, "warning", warning);
    return warning && level != LEVEL_ERROR ? LEVEL_DEGRADED : level;
}

// Jobs in this state; kind NULL: of every kind. `recent`: of the last 24 hours.
static int64_t count_jobs(const struct examination *x, const char *kind, const char *state, bool recent)
{
    int64_t n = 0;
    for (size_t i = 0; i < x->n_jobs; i++)
        if ((!kind || str_eq(x->jobs[i].kind, str_from(kind))) && str_eq(x->jobs[i].state, str_from(state)))
            n += recent ? x->jobs[i].recent : x->jobs[i].n;
    return n;
}

static enum level check_mail(struct examination *x, yyjson_mut_val *out)
{
    static const char kind[] = "mail.send";
    json_add_cstr(x->doc, out, "transport", jobs_mail_transport(x->call->app->settings));
    int64_t failed = count_jobs(x, kind, "failed", true);
    json_add_int(x->doc, out, "queued", count_jobs(x, kind, "waiting", false) + count_jobs(x, kind, "running", false));
    json_add_int(x->doc, out, "failed24h", failed);
    return failed ? LEVEL_DEGRADED : LEVEL_OK;
}

static enum level check_webhooks(struct examination *x, yyjson_mut_val *out)
{
    int64_t waited = x->webhooks.oldest_due ? (clock_wall_ms() - x->webhooks.oldest_due) / 1000 : 0;
    json_add_int(x->doc, out, "due", x->webhooks.due);
    json_add_int(x->doc, out, "oldestDueSeconds", waited > 0 ? waited : 0);
    json_add_int(x->doc, out, "disabled", x->webhooks.disabled);
    return waited > DUE_S ? LEVEL_DEGRADED : LEVEL_OK;
}

static enum level check_jobs(struct examination *x, yyjson_mut_val *out)
{
    yyjson_mut_val *types = yyjson_mut_obj(x->doc);
    for (size_t i = 0; i < x->n_jobs; i++) {
        const char *kind = arena_cstr(x->call->arena, x->jobs[i].kind);
        const char *state =
            str_eq(x->jobs[i].state, STR("waiting")) ? "pending" : arena_cstr(x->call->arena, x->jobs[i].state);
        yyjson_mut_val *type = yyjson_mut_obj_get(types, kind);
        if (!type)
            json_add(x->doc, types, kind, type = yyjson_mut_obj(x->doc));
        json_add_int(x->doc, type, state, x->jobs[i].n);
    }
    json_add_int(x->doc, out, "pending", count_jobs(x, NULL, "waiting", false));
    json_add_int(x->doc, out, "running", count_jobs(x, NULL, "running", false));
    json_add_int(x->doc, out, "failed24h", count_jobs(x, NULL, "failed", true));
    json_add(x->doc, out, "types", types);
    const struct jobs *jobs = x->call->app->jobs;
    return jobs && clock_mono_ms() - jobs_beat_ms(jobs) > BEAT_MS ? LEVEL_DEGRADED : LEVEL_OK;
}

static enum level check_memory(struct examination *x, yyjson_mut_val *out)
{
    int64_t limit = settings_int(x->call->app->settings, SET_MEMORY_LIMIT);
    json_add_int(x->doc, out, "rss", x->process.rss);
    if (limit)
        json_add_int(x->doc, out, "limit", limit);
    else
        json_add(x->doc, out, "limit", yyjson_mut_null(x->doc));
    return limit && (double)x->process.rss > MEMORY_SHARE * (double)limit ? LEVEL_DEGRADED : LEVEL_OK;
}

static const struct {
    const char *name;
    enum level (*run)(struct examination *x, yyjson_mut_val *out);
} checks[] = {
    {"database", check_database}, {"storage", check_storage},     {"index", check_index},
    {"model", check_model},       {"embedding", check_embedding}, {"mail", check_mail},
    {"webhooks", check_webhooks}, {"jobs", check_jobs},           {"memory", check_memory},
};

// ---- /health/status ------------------------------------------------------------------------------------------------

static int write_row(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return health_write(tx, clock_wall_ms(), err);
}

static int load_jobs(struct tx *tx, void *arg, struct err *err)
{
    struct examination *x = arg;
    int64_t now = clock_wall_ms();
    int rc = job_counts(tx, x->call->arena, now - DAY_MS, &x->jobs, &x->n_jobs, err);
    return rc ? rc : health_webhooks_read(tx, now, &x->webhooks, err);
}

static void examine(struct call *call, struct examination *x)
{
    struct store *store = call->app->store;
    struct scope everywhere = scope_installation(STR("health"));
    *x = (struct examination){.call = call, .doc = call_doc(call), .write_ms = -1};
    process_read(&x->process);
    int64_t began = clock_mono_us();
    x->reads = store_ping(store, PING_MS, &call->err) == 0;
    x->read_ms = (double)(clock_mono_us() - began) / 1000;
    began = clock_mono_us();
    if (store_write(store, &everywhere, write_row, NULL, &call->err) == 0)
        x->write_ms = (double)(clock_mono_us() - began) / 1000;
    store_sizes(store, &x->size, &x->log);
    if (x->reads && store_read(store, &everywhere, load_jobs, x, &call->err) != 0)
        x->n_jobs = 0;
}

static yyjson_mut_val *system_facts(const struct examination *x)
{
    const struct process_facts *p = &x->process;
    yyjson_mut_val *system = yyjson_mut_obj(x->doc), *memory = yyjson_mut_obj(x->doc);
    struct utsname name;
    bool named = uname(&name) == 0;
    double used = p->memory_total > 0 ? 1 - (double)p->memory_free / (double)p->memory_total : 0;
    json_add_str(x->doc, system, "platform",
                 named ? arena_lower(x->call->arena, arena_str(x->call->arena, str_from(name.sysname))) : STR(""));
    json_add_str(x->doc, system, "arch", named ? arena_str(x->call->arena, str_from(name.machine)) : STR(""));
    json_add_int(x->doc, system, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    json_add_int(x->doc, memory, "total", p->memory_total);
    json_add_int(x->doc, memory, "free", p->memory_free);
    json_add_decimal(x->doc, memory, "usage", used, 4);
    json_add(x->doc, system, "memory", memory);
    json_add_int(x->doc, system, "uptime", (int64_t)p->machine_uptime_s);
    return system;
}

static yyjson_mut_val *process_facts(const struct examination *x)
{
    yyjson_mut_val *process = yyjson_mut_obj(x->doc), *memory = yyjson_mut_obj(x->doc);
    json_add_int(x->doc, process, "pid", getpid());
    json_add_int(x->doc, memory, "rss", x->process.rss);
    json_add_int(x->doc, memory, "heapUsed", x->process.heap_used);
    json_add(x->doc, process, "memory", memory);
    json_add_decimal(x->doc, process, "uptime", uptime(x->call->app), 3);
    json_add_int(x->doc, process, "openFiles", x->process.open_files);
    return process;
}

static yyjson_mut_val *run_checks(struct examination *x, enum level *ret_worst)
{
    yyjson_mut_val *all = yyjson_mut_obj(x->doc);
    *ret_worst = LEVEL_OK;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        yyjson_mut_val *one = yyjson_mut_obj(x->doc), *status = yyjson_mut_str(x->doc, "");
        json_add(x->doc, one, "status", status); // stands first, is known last
        enum level level = checks[i].run(x, one);
        (void)yyjson_mut_set_str(status, level_names[level]);
        json_add(x->doc, all, checks[i].name, one);
        *ret_worst = worse(*ret_worst, level);
    }
    return all;
}

static void detailed(struct call *call)
{
    struct examination x;
    enum level worst;
    examine(call, &x);
    yyjson_mut_val *data = yyjson_mut_obj(x.doc), *database = yyjson_mut_obj(x.doc), *all = run_checks(&x, &worst);
    const char *engine = store_engine(call->app->store);
    json_add_cstr(x.doc, data, "status", level_names[worst]);
    json_add_time(x.doc, data, "timestamp", clock_wall_ms());
    json_add_decimal(x.doc, data, "uptime", uptime(call->app), 3);
    json_add_cstr(x.doc, data, "version", PARLEY_VERSION);
    json_add_cstr(x.doc, data, "environment", settings_str(call->app->settings, SET_ENVIRONMENT));
    json_add_cstr(x.doc, database, "status", x.reads ? "connected" : "disconnected");
    json_add_cstr(x.doc, database, "name", strcmp(engine, "sqlite") == 0 ? "parley.db" : engine);
    json_add(x.doc, data, "database", database);
    json_add(x.doc, data, "checks", all);
    json_add(x.doc, data, "system", system_facts(&x));
    json_add(x.doc, data, "process", process_facts(&x));
    call_data(call, 200, NULL, x.doc, data);
}

struct health *health_new(void)
{
    struct health *health = mem_zalloc(sizeof *health);
    pthread_mutex_init(&health->lock, NULL);
    return health;
}

void health_free(struct health *health)
{
    if (health)
        pthread_mutex_destroy(&health->lock);
    free(health);
}

// clang-format off
#define HEALTH                                                                                                         \
    "{\"status\":\"ok\",\"success\":true,\"timestamp\":\"2026-03-02T09:15:04.120Z\",\"uptime\":3600.5,\"version\":"    \
    "\"0.1.0\"}"
#define STATUS                                                                                                         \
    "{\"status\":\"success\",\"success\":true,\"data\":{\"status\":\"ok\",\"timestamp\":\"2026-11-20T09:25:00.000Z\"," \
    "\"uptime\":3600.5,\"version\":\"0.1.0\",\"environment\":\"development\",\"database\":{\"status\":\"connected\","  \
    "\"name\":\"parley.db\"},\"checks\":{\"database\":{\"status\":\"ok\"},\"storage\":{\"status\":\"ok\"},\"index\":{" \
    "\"status\":\"ok\"},\"model\":{\"status\":\"disabled\"},\"embedding\":{\"status\":\"disabled\"},\"mail\":{"        \
    "\"status\":\"disabled\"},\"webhooks\":{\"status\":\"disabled\"},\"jobs\":{\"status\":\"ok\"},\"memory\":{"        \
    "\"status\":\"ok\",\"rss\":18874368,\"limit\":null}},\"system\":{\"platform\":\"linux\",\"arch\":\"x86_64\","      \
    "\"cpus\":4,\"memory\":{\"total\":8589934592,\"free\":4294967296,\"usage\":0.5},\"uptime\":86400},\"process\":{"   \
    "\"pid\":4321,\"memory\":{\"rss\":18874368,\"heapUsed\":9437184},\"uptime\":3600.5,\"openFiles\":31}}}"
// clang-format on
#define PROBE .tag = "Server", .who = WHO_ANYBODY, .reply_example = HEALTH
static const struct endpoint rows[] = {
    {HTTP_GET, "/health", .surface = &surface_brands, PROBE, .summary = "Is the process alive", .run = health},
    {HTTP_GET, "/health/readiness", .surface = &surface_brands, PROBE, .summary = "May it be sent requests",
     .run = readiness},
    {HTTP_GET, "/health/liveness", .surface = &surface_brands, PROBE, .summary = "Does the process answer",
     .run = liveness},
    {HTTP_GET, "/api/v1/health", .surface = &surface_platform, PROBE, .summary = "Is the process alive", .run = health},
    {HTTP_GET, "/api/v1/health/status", .surface = &surface_platform, .tag = "Server", .who = WHO_OPERATOR,
     .summary = "Every check with what it found", .reply_example = STATUS, .run = detailed},
};

struct endpoints health_endpoints(void)
{
    return ENDPOINTS(rows);
}
