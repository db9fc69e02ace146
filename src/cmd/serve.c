// SPDX-License-Identifier: Apache-2.0
// The server: listeners, signals, drain. The main thread only waits for signals.
#include "cmd/command.h"
#include "cmd/compose.h"
#include "cmd/demo.h"

#include "api/call.h"
#include "api/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmd/notify.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DRAIN_STEP_MS = 20, CLOSE_GOING_AWAY = 1001 };

static void access_log(const struct http_req *req, int status, size_t body_bytes, int64_t us)
{
    struct str path = http_path(req);
    metrics_request(req, status, us);
    log_info("request", "id=%s method=%s path=" STR_FMT " status=%d bytes=%zu ms=%.1f", http_request_id(req),
             http_method(req), STR_ARG(path), status, body_bytes, (double)us / 1000);
}

static void harden(void)
{
    umask(077);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); // no core with secrets
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void set_log(const struct settings *settings)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    const char *level = settings_str(settings, SET_LOG_LEVEL);
    for (int i = 0; i < 4; i++)
        if (strcmp(levels[i], level) == 0)
            log_setup((enum log_level)i, strcmp(settings_str(settings, SET_LOG_FORMAT), "json") == 0);
}

// Demo mode answers without credentials: only ever on loopback. Known before anything is made.
static bool demo_is_local(const struct settings *settings)
{
    size_t n;
    const struct str *list = settings_list(settings, SET_LISTEN, &n);
    static const struct str local[] = {STR("127."), STR("localhost:"), STR("[::1]:"), STR("unix:")};
    for (size_t i = 0; i < n; i++) {
        bool ok = false;
        for (size_t k = 0; k < sizeof local / sizeof *local; k++)
            ok |= str_starts(list[i], local[k]);
        if (!ok)
            return false;
    }
    return true;
}

static int listen_all(struct composition *c, struct http_route *routes, size_t n_routes, struct err *err)
{
    size_t n, n_trusted;
    const struct settings *s = c->app.settings;
    const struct str *list = settings_list(s, SET_LISTEN, &n);
    const char *addresses[16];
    int inherited[16];
    for (size_t i = 0; i < n && i < 16; i++)
        addresses[i] = list[i].p;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct http_options options = {
        .listen = addresses,
        .n_listen = n,
        .inherited = inherited,
        .n_inherited = notify_inherited(inherited, 16),
        .loops = settings_given(s, SET_LOOPS) ? (size_t)settings_int(s, SET_LOOPS) : (size_t)(cores > 0 ? cores : 1),
        .workers = c->app.workers,
        .routes = routes,
        .n_routes = n_routes,
        .app = &c->app,
        .trusted_proxies = settings_list(s, SET_TRUSTED_PROXIES, &n_trusted),
        .refuse = call_refuse,
        .preflight = call_preflight,
        .done = access_log,
        .temp_dir = c->app.temp_dir,
    };
    endpoint_routes_bound(routes, n_routes, s);
    options.n_trusted = n_trusted;
    int rc = http_server_new(&options, &c->app.server, err);
    if (rc)
        return rc;
    c->app.demo = settings_bool(s, SET_DEMO) && http_server_loopback_only(c->app.server);
    return http_server_start(c->app.server, err);
}

static void say_listening(const struct http_server *server)
{
    for (size_t i = 0; http_server_url(server, i); i++)
        printf("listening %s\n", http_server_url(server, i));
    (void)fflush(stdout);
}

// Waits until nothing runs, a second signal comes (false), or the time is over.
static bool drain(struct composition *c, const sigset_t *signals)
{
    int64_t until = clock_mono_ms() + (int64_t)(settings_number(c->app.settings, SET_DRAIN_SECONDS) * 1000);
    atomic_store(&c->app.draining, true);
    http_server_drain(c->app.server);
    for (bool told = false; clock_mono_ms() < until;) {
        size_t requests, sockets;
        http_server_busy(c->app.server, &requests, &sockets);
        if (requests == 0 && engine_running(c->app.engine) == 0 && !told) {
            http_server_close_sockets(c->app.server, CLOSE_GOING_AWAY);
            told = true;
        }
        if (told && sockets == 0)
            return true;
        struct timespec step = {0, DRAIN_STEP_MS * 1000000L};
        int signal = sigtimedwait(signals, NULL, &step);
        if (signal == SIGTERM || signal == SIGINT)
            return false;
    }
    http_server_close_sockets(c->app.server, CLOSE_GOING_AWAY);
    return true;
}

static void reload(struct composition *c, struct http_route *routes, size_t n_routes)
{
    struct err err = {0};
    size_t n_trusted;
    int rc = settings_reload(c->app.settings, &err);
    rc = rc ? rc : c->app.models_changed(&c->app, &err);
    if (!rc) {
        const struct str *trusted = settings_list(c->app.settings, SET_TRUSTED_PROXIES, &n_trusted);
        rc = http_set_trusted(c->app.server, trusted, n_trusted, &err);
    }
    set_log(c->app.settings);
    endpoint_routes_bound(routes, n_routes, c->app.settings);
    if (rc)
        log_error("settings", "kept the old ones: %s", err.text);
    else
        log_info("settings", "read again");
}

static int run(struct settings *settings, bool demo)
{
    struct composition c;
    struct err err = {0};
    sigset_t signals;
    size_t n_routes;
    if (settings_bool(settings, SET_DEMO) && !demo_is_local(settings))
        return command_fault("listen: demo mode needs loopback addresses alone");
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); // before any thread: all inherit it
    (void)signal(SIGPIPE, SIG_IGN);
    harden();
    set_log(settings);
    metrics_begin();
    int code = compose(settings, COMPOSE_JOBS, &c);
    if (code)
        return code;
    struct http_route *routes = endpoint_routes(&n_routes);
    if (listen_all(&c, routes, n_routes, &err) != 0) {
        code = command_fault("%s", err.text);
    } else {
        say_listening(c.app.server);
        notify_ready();
        if (demo)
            demo_show(&c.app);
        int got;
        while ((got = sigwaitinfo(&signals, NULL)) == SIGHUP || (got < 0 && errno == EINTR))
            if (got == SIGHUP)
                reload(&c, routes, n_routes);
        notify_stopping();
        if (!drain(&c, &signals))
            _exit(EXIT_FAILED); // a second signal: at once; what was acknowledged is on disk
    }
    engine_close(c.app.engine);
    webhooks_stop(c.app.webhooks);
    if (c.app.server)
        http_server_free(c.app.server);
    compose_end(&c);
    free(routes);
    return code;
}

int command_serve(int argc, char **argv)
{
    struct settings *settings;
    int code = command_read_settings(argc, argv, false, &settings);
    if (code)
        return code;
    code = run(settings, false);
    settings_free(settings);
    return code;
}

int command_demo(int argc, char **argv)
{
    struct settings *settings;
    int code = command_read_settings(argc, argv, true, &settings);
    if (code)
        return code;
    code = run(settings, true);
    settings_free(settings);
    return code;
}
