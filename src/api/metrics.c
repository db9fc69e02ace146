// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/metrics. What is counted lies in base/metrics; what is a state is read here, when it is asked for, by a
// row of `readers`.
#include "api/metrics.h"

#include "api/call.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/process.h"
#include "jobs/jobs.h"
#include "store/health.h"
#include "store/job.h"

#include <stdlib.h>

enum { PRINTED_MOST = 16 << 20, ENDPOINTS_MOST = 1000 };

// ---- requests ------------------------------------------------------------------------------------------------------

static unsigned routes[ENDPOINTS_MOST]; // of each endpoint; written before any thread

void metrics_begin(void)
{
    static const char own_path[] = "/api/v1/metrics";
    for (size_t i = 0; i < ENDPOINTS_MOST && endpoint_at(i); i++) {
        const struct endpoint *e = endpoint_at(i);
        routes[i] = metric_label_keep(LABEL_ROUTE, str_from(e->path));
        if (e->limit)
            (void)metric_label_keep(LABEL_CLASS, str_from(e->limit->name));
    }
    (void)metric_label_keep(LABEL_CLASS, STR("socket"));
    metrics_start();
    // Whoever counts series sees none appear by asking for them or for paths that do not exist.
    unsigned own = metric_label(LABEL_ROUTE, STR(own_path));
    unsigned ok = metric_label(LABEL_CODE, STR("200")), missing = metric_label(LABEL_CODE, STR("404"));
    metric_show(METRIC_HTTP_DURATION, METRIC_AT(own));
    metric_show(METRIC_HTTP_DURATION, METRIC_AT(0));
    metric_show(METRIC_HTTP_REQUESTS, METRIC_AT(metric_label(LABEL_METHOD, STR("GET")), own, ok));
    for (unsigned method = 0; metric_label_name(LABEL_METHOD, method); method++)
        metric_show(METRIC_HTTP_REQUESTS, METRIC_AT(method, 0, missing));
}

static unsigned code_label(int status)
{
    char text[12];
    int n = snprintf(text, sizeof text, "%d", status);
    return metric_label(LABEL_CODE, (struct str){text, (size_t)n});
}

void metrics_request(const struct http_req *req, int status, int64_t us)
{
    const struct endpoint *e = http_route_row(req);
    if (!e)
        e = http_preflight_row(req); // the path is known, the method not
    size_t i = e ? endpoint_index(e) : SIZE_MAX;
    unsigned route = i < ENDPOINTS_MOST ? routes[i] : 0;
    metric_add(METRIC_HTTP_REQUESTS,
               METRIC_AT(metric_label(LABEL_METHOD, str_from(http_method(req))), route, code_label(status)), 1);
    metric_time(METRIC_HTTP_DURATION, METRIC_AT(route), us);
}

// ---- what is read --------------------------------------------------------------------------------------------------

struct reading {
    struct call *call;
    struct process_facts process;
    int64_t database, log; // bytes; -1: not known
    size_t requests, sockets;
    const struct llm_state *lanes;
    size_t n_lanes;
    struct job_count *jobs;
    size_t n_jobs;
    struct health_webhooks webhooks;
};

static int load_jobs(struct tx *tx, void *arg, struct err *err)
{
    struct reading *r = arg;
    int rc = job_counts(tx, r->call->arena, 0, &r->jobs, &r->n_jobs, err);
    return rc ? rc : health_webhooks_read(tx, clock_wall_ms(), &r->webhooks, err);
}

static void read_all(struct call *call, struct reading *r)
{
    struct app *app = call->app;
    struct scope everywhere = scope_installation(STR("metrics"));
    *r = (struct reading){.call = call};
    process_read(&r->process);
    store_sizes(app->store, &r->database, &r->log);
    http_server_busy(app->server, &r->requests, &r->sockets);
    r->n_lanes = llm_states(app->llm, call->arena, &r->lanes);
    if (store_read(app->store, &everywhere, load_jobs, r, &call->err) != 0)
        r->n_jobs = 0; // a scrape during an outage shows the rest
}

static void read_info(const struct reading *r, struct metric_out *out)
{
    const char *environment = settings_str(r->call->app->settings, SET_ENVIRONMENT);
    metric_put(out, 1, (const char *const[]){PARLEY_VERSION, environment});
}

static void read_uptime(const struct reading *r, struct metric_out *out)
{
    metric_put(out, (double)(clock_mono_ms() - r->call->app->started_ms) / 1000, NULL);
}

static void read_memory(const struct reading *r, struct metric_out *out)
{
    const struct process_facts *p = &r->process;
    metric_put(out, (double)p->rss, (const char *const[]){"rss"});
    metric_put(out, (double)p->heap_total, (const char *const[]){"heapTotal"});
    metric_put(out, (double)p->heap_used, (const char *const[]){"heapUsed"});
    metric_put(out, (double)p->heap_mapped, (const char *const[]){"external"});
}

static void read_in_flight(const struct reading *r, struct metric_out *out)
{
    metric_put(out, (double)r->requests, NULL);
}

static void read_sockets(const struct reading *r, struct metric_out *out)
{
    metric_put(out, (double)r->sockets, NULL);
}

static void read_streams(const struct reading *r, struct metric_out *out)
{
    metric_put(out, (double)http_server_streams(r->call->app->server), NULL);
}

static int circuit(const struct reading *r, const char *provider)
{
    int worst = 0;
    for (size_t i = 0; i < r->n_lanes; i++) {
        const char *state = r->lanes[i].circuit;
        int level = strcmp(state, "open") == 0 ? 2 : strcmp(state, "half_open") == 0 ? 1 : 0;
        if (strcmp(r->lanes[i].provider, provider) == 0 && level > worst)
            worst = level;
    }
    return worst;
}

static void read_circuit(const struct reading *r, struct metric_out *out)
{
    const char *provider;
    for (unsigned i = 1; (provider = metric_label_name(LABEL_PROVIDER, i)); i++)
        metric_put(out, circuit(r, provider), &provider);
}

// Every kind and state, so that a series does not come and go with its jobs.
static void read_jobs(const struct reading *r, struct metric_out *out)
{
    static const char *const states[] = {"waiting", "running", "failed"};
    for (size_t k = 0; jobs_kind(k); k++)
        for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
            int64_t n = 0;
            for (size_t i = 0; i < r->n_jobs; i++)
                if (str_eq(r->jobs[i].kind, str_from(jobs_kind(k))) && str_eq(r->jobs[i].state, str_from(states[s])))
                    n += r->jobs[i].n;
            metric_put(out, (double)n, (const char *const[]){jobs_kind(k), states[s]});
        }
}

static void read_due(const struct reading *r, struct metric_out *out)
{
    metric_put(out, (double)r->webhooks.due, NULL);
}

static void read_oldest(const struct reading *r, struct metric_out *out)
{
    int64_t waited = r->webhooks.oldest_due ? clock_wall_ms() - r->webhooks.oldest_due : 0;
    metric_put(out, waited > 0 ? (double)waited / 1000 : 0, NULL);
}

static void read_size(const struct reading *r, struct metric_out *out)
{
    if (r->database >= 0)
        metric_put(out, (double)r->database, NULL);
}

static void read_log(const struct reading *r, struct metric_out *out)
{
    if (r->log >= 0)
        metric_put(out, (double)r->log, NULL);
}

static void read_rss(const struct reading *r, struct metric_out *out)
{
    metric_put(out, (double)r->process.rss, NULL);
}

static void read_files(const struct reading *r, struct metric_out *out)
{
    metric_put(out, (double)r->process.open_files, NULL);
}

static void read_start(const struct reading *r, struct metric_out *out)
{
    metric_put(out, r->process.start_s, NULL);
}

static void read_cpu(const struct reading *r, struct metric_out *out)
{
    metric_put(out, r->process.cpu_s, NULL);
}

static void (*const readers[METRICS])(const struct reading *r, struct metric_out *out) = {
    [METRIC_INFO] = read_info,
    [METRIC_UPTIME] = read_uptime,
    [METRIC_MEMORY] = read_memory,
    [METRIC_HTTP_IN_FLIGHT] = read_in_flight,
    [METRIC_SOCKETS] = read_sockets,
    [METRIC_STREAMS] = read_streams,
    [METRIC_LLM_CIRCUIT] = read_circuit,
    [METRIC_JOBS] = read_jobs,
    [METRIC_DB_SIZE] = read_size,
    [METRIC_DB_LOG] = read_log,
    [METRIC_RSS] = read_rss,
    [METRIC_OPEN_FDS] = read_files,
    [METRIC_WEBHOOK_DUE] = read_due,
    [METRIC_WEBHOOK_OLDEST] = read_oldest,
    [METRIC_START_TIME] = read_start,
    [METRIC_CPU] = read_cpu,
};

static void read_one(void *arg, struct metric_out *out)
{
    if (readers[out->metric])
        readers[out->metric](arg, out);
}

static void send_metrics(struct call *call)
{
    AUTO_BUF struct buf out = BUF_INIT(PRINTED_MOST);
    struct reading reading;
    read_all(call, &reading);
    metrics_print(&out, read_one, &reading);
    http_header(call->req, "Cache-Control", "no-store");
    http_reply(call->req, 200, call->endpoint->media, buf_str(&out));
}

static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/metrics", .surface = &surface_platform, .tag = "Server", .who = WHO_OPERATOR,
     .summary = "Metrics as Prometheus text", .media = "text/plain; version=0.0.4; charset=utf-8", .run = send_metrics},
};

struct endpoints metrics_endpoints(void)
{
    return ENDPOINTS(rows);
}
