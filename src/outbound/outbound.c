// SPDX-License-Identifier: Apache-2.0
// A look-up blocks for as long as the system's resolver likes, so each has a short-lived thread; their number is
// bounded, and whoever waits keeps a deadline of its own. Look-ups and waiters hold what they share by reference.
#include "outbound/outbound.h"

#include "base/vec.h"

#include <ctype.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOKUPS_MOST = 64, JUDGED_MOST = 64, THREAD_STACK = 256 << 10 };

struct outbound {
    const struct settings *settings;
    outbound_resolver resolver;
    void *resolver_arg;
    _Atomic int refs, lookups;
    pthread_mutex_t judging; // held while a look-up reads the settings, which may go when `ended` is set
    bool ended;
};

// ---- what the operator allows --------------------------------------------------------------------------------------

struct exception {
    struct network network; // bits 0: `host` instead
    struct str host;
    int64_t port;
};

// "host:port", "10.0.0.0/8:443", "[fd00::/8]:443", "fd00::/8:443".
static bool exception_parse(struct str text, struct exception *ret)
{
    text = str_trim(text);
    const char *colon = memrchr(text.p ? text.p : "", ':', text.n);
    struct exception e = {0};
    if (!colon)
        return false;
    struct str host = {text.p, (size_t)(colon - text.p)}, port = {colon + 1, text.n - host.n - 1};
    if (!str_to_int(port, 1, 65535, &e.port))
        return false;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){host.p + 1, host.n - 2};
    if (!network_parse(host, &e.network)) {
        for (size_t i = 0; i < host.n; i++)
            if (!isalnum((unsigned char)host.p[i]) && !memchr("-._", host.p[i], 3))
                return false;
        e.host = host;
        if (host.n == 0)
            return false;
    }
    *ret = e;
    return true;
}

// Is `ip` (or with NULL, whatever the name means) excepted?
static bool excepted(const struct outbound *outbound, const struct url *url, const struct ip *ip)
{
    size_t n;
    const struct str *entries = settings_list(outbound->settings, SET_OUTBOUND_ALLOW, &n);
    for (size_t i = 0; i < n; i++) {
        struct exception e;
        if (!exception_parse(entries[i], &e) || e.port != url->port)
            continue;
        if (e.host.p ? str_eq_nocase(e.host, str_from(url->host)) : ip && network_has(&e.network, ip))
            return true;
    }
    return false;
}

// ---- judging -------------------------------------------------------------------------------------------------------

static int check_scheme(const struct outbound *outbound, const struct url *url, struct err *err)
{
    bool production = strcmp(settings_str(outbound->settings, SET_ENVIRONMENT), "production") == 0;
    return production && !url->https ? err_set(err, ERR_DENIED, "only https is allowed in production") : 0;
}

static bool port_possible(enum outbound_ports ports, uint16_t port)
{
    return port == 80 || port == 443 || (ports == OUTBOUND_SERVICE && port >= 1024);
}

static int judge(const struct outbound *outbound, enum outbound_ports ports, const struct url *url,
                 const struct ip *ips, size_t n, struct err *err)
{
    bool all = excepted(outbound, url, NULL);
    for (size_t i = 0; i < n && !all; i++) {
        char text[IP_TEXT];
        if (excepted(outbound, url, &ips[i]))
            continue;
        ip_text(&ips[i], text);
        if (!ip_public(&ips[i]))
            return err_set(err, ERR_DENIED, "the address %s is not allowed", text);
        if (!port_possible(ports, url->port))
            return err_set(err, ERR_DENIED, "the port %u is not allowed", (unsigned)url->port);
    }
    return 0;
}

// A network of outbound.allow may hold what a name will mean: then its port is looked at when it is called.
static bool port_allowed_somewhere(const struct outbound *outbound, uint16_t port)
{
    size_t n;
    const struct str *entries = settings_list(outbound->settings, SET_OUTBOUND_ALLOW, &n);
    struct exception e;
    for (size_t i = 0; i < n; i++)
        if (exception_parse(entries[i], &e) && e.port == port)
            return true;
    return false;
}

static int check_url(const struct outbound *outbound, enum outbound_ports ports, struct str text, struct url *ret,
                     struct err *err)
{
    int rc = url_parse(text, ret, err);
    rc = rc ? rc : check_scheme(outbound, ret, err);
    if (rc)
        return rc;
    if (ret->literal)
        return judge(outbound, ports, ret, &ret->ip, 1, err);
    if (!port_possible(ports, ret->port) && !port_allowed_somewhere(outbound, ret->port))
        return err_set(err, ERR_DENIED, "the port %u is not allowed", (unsigned)ret->port);
    if (ret->local && !port_allowed_somewhere(outbound, ret->port))
        return err_set(err, ERR_DENIED, "the address of %s is not allowed", ret->host);
    return 0;
}

int outbound_check(const struct outbound *outbound, enum outbound_ports ports, struct str url, struct err *err)
{
    struct url parsed;
    return check_url(outbound, ports, url, &parsed, err);
}

// ---- targets -------------------------------------------------------------------------------------------------------

void outbound_target_free(struct outbound_target *target)
{
    if (!target)
        return;
    curl_slist_free_all(target->resolve);
    arena_free(target->arena); // it is in there itself
}

static struct outbound_target *target_new(const struct url *url)
{
    struct arena *arena = arena_new(0);
    struct outbound_target *target = ARENA_NEW(arena, struct outbound_target);
    target->arena = arena;
    target->url = *url;
    target->url.rest = arena_str(arena, url->rest);
    return target;
}

static void set_addresses(struct outbound_target *target, const struct ip *ips, size_t n)
{
    struct buf line = BUF_INIT(4096);
    buf_addf(&line, "+%s:%u:", target->url.host, (unsigned)target->url.port);
    for (size_t i = 0; i < n && i < OUTBOUND_ADDRESSES; i++) {
        char text[IP_TEXT];
        target->ips[target->n++] = ips[i];
        ip_text(&ips[i], text);
        bool v6 = strchr(text, ':') != NULL;
        buf_addf(&line, "%s%s%s%s", i ? "," : "", v6 ? "[" : "", text, v6 ? "]" : "");
    }
    if (!target->url.literal)
        target->resolve = curl_slist_append(NULL, line.p);
    buf_done(&line);
}

static size_t system_resolver(const char *host, struct ip *out, size_t max)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    size_t n = 0;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return 0;
    for (const struct addrinfo *at = found; at && n < max; at = at->ai_next)
        n += ip_from(at->ai_addr, &out[n]);
    freeaddrinfo(found);
    return n;
}

// ---- look-ups ------------------------------------------------------------------------------------------------------

struct lookup {
    struct outbound *outbound;
    enum outbound_ports ports;
    struct outbound_target *target;
    outbound_done done;
    void *arg;
};

static void outbound_unref(struct outbound *outbound)
{
    if (atomic_fetch_sub(&outbound->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&outbound->judging);
    free(outbound);
}

static int judge_found(struct lookup *lookup, const struct ip *ips, size_t n, struct err *err)
{
    struct outbound *outbound = lookup->outbound;
    struct url *url = &lookup->target->url;
    if (outbound->ended)
        return err_set(err, ERR_CANCELLED, "the program is stopping");
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "the name %s has no address", url->host);
    int rc = judge(outbound, lookup->ports, url, ips, n, err);
    if (!rc)
        set_addresses(lookup->target, ips, n);
    return rc;
}

static int resolve(struct lookup *lookup, struct err *err)
{
    struct outbound *outbound = lookup->outbound;
    const char *host = lookup->target->url.host;
    struct ip ips[JUDGED_MOST];
    size_t n = outbound->resolver ? outbound->resolver(outbound->resolver_arg, host, ips, JUDGED_MOST)
                                  : system_resolver(host, ips, JUDGED_MOST);
    pthread_mutex_lock(&outbound->judging);
    int rc = judge_found(lookup, ips, n, err);
    pthread_mutex_unlock(&outbound->judging);
    return rc;
}

static void *run(void *arg)
{
    struct lookup *lookup = arg;
    struct err err = {0};
    pthread_setname_np(pthread_self(), "resolve");
    int rc = resolve(lookup, &err);
    if (rc)
        outbound_target_free(lookup->target);
    lookup->done(lookup->arg, rc, rc ? NULL : lookup->target, &err);
    atomic_fetch_sub(&lookup->outbound->lookups, 1);
    outbound_unref(lookup->outbound);
    free(lookup);
    return NULL;
}

static int start(struct lookup *lookup, struct err *err)
{
    pthread_t thread;
    pthread_attr_t attr;
    struct outbound *outbound = lookup->outbound;
    if (atomic_fetch_add(&outbound->lookups, 1) >= LOOKUPS_MOST) {
        atomic_fetch_sub(&outbound->lookups, 1);
        return err_set(err, ERR_LIMIT, "too many names are being looked up");
    }
    atomic_fetch_add(&outbound->refs, 1);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attr, run, lookup);
    pthread_attr_destroy(&attr);
    if (!failed)
        return 0;
    atomic_fetch_sub(&outbound->lookups, 1);
    outbound_unref(outbound);
    return err_set(err, ERR_LIMIT, "no thread for a look-up");
}

void outbound_find(struct outbound *outbound, enum outbound_ports ports, struct str text, outbound_done done, void *arg)
{
    struct url url;
    struct err err = {0};
    int rc = check_url(outbound, ports, text, &url, &err);
    if (rc) {
        done(arg, rc, NULL, &err);
        return;
    }
    struct lookup *lookup = mem_zalloc(sizeof *lookup);
    *lookup = (struct lookup){outbound, ports, target_new(&url), done, arg};
    const char *ca_file = settings_str(outbound->settings, SET_OUTBOUND_CA_FILE);
    lookup->target->ca_file = ca_file ? arena_cstr(lookup->target->arena, str_from(ca_file)) : NULL;
    if (url.literal) {
        set_addresses(lookup->target, &url.ip, 1);
        done(arg, 0, lookup->target, &err);
        free(lookup);
        return;
    }
    rc = start(lookup, &err);
    if (!rc)
        return;
    outbound_target_free(lookup->target);
    free(lookup);
    done(arg, rc, NULL, &err);
}

// ---- waiting -------------------------------------------------------------------------------------------------------

struct waiting { // of the waiter and the look-up: whoever comes second frees it
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int refs, rc;
    bool done;
    struct outbound_target *target;
    struct err err;
};

static void waiting_leave(struct waiting *w) // unlocks
{
    bool last = --w->refs == 0;
    pthread_mutex_unlock(&w->lock);
    if (!last)
        return;
    outbound_target_free(w->target);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void on_found(void *arg, int rc, struct outbound_target *target, const struct err *err)
{
    struct waiting *w = arg;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->rc = rc;
    w->target = target;
    w->err = *err;
    pthread_cond_signal(&w->changed);
    waiting_leave(w);
}

int outbound_find_wait(struct outbound *outbound, enum outbound_ports ports, struct str url, int timeout_ms,
                       struct outbound_target **ret, struct err *err)
{
    struct waiting *w = mem_zalloc(sizeof *w);
    pthread_condattr_t attr;
    struct timespec until;
    w->refs = 2;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attr);
    pthread_condattr_destroy(&attr);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000 + (until.tv_nsec + timeout_ms % 1000 * 1000000L) / 1000000000L;
    until.tv_nsec = (until.tv_nsec + timeout_ms % 1000 * 1000000L) % 1000000000L;
    outbound_find(outbound, ports, url, on_found, w);
    pthread_mutex_lock(&w->lock);
    while (!w->done && pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0) {
    }
    int rc = w->done ? w->rc : err_set(err, ERR_TIMEOUT, "the name was not found in time");
    if (w->done && rc && err)
        *err = w->err;
    if (!rc) {
        *ret = w->target;
        w->target = NULL;
    }
    waiting_leave(w);
    return rc;
}

// ---- the transfer --------------------------------------------------------------------------------------------------

// The last word: whatever libcurl came to, a socket is opened to a judged address only.
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct outbound_target *target = arg;
    struct ip ip;
    (void)purpose;
    for (size_t i = 0; ip_from(&address->addr, &ip) && i < target->n; i++)
        if (ip_equal(&ip, &target->ips[i]))
            return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return CURL_SOCKET_BAD;
}

void outbound_apply(const struct outbound_target *target, CURL *easy)
{
    struct str url = url_text(target->arena, &target->url);
    curl_easy_setopt(easy, CURLOPT_URL, url.p);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, target->resolve);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, target);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, target->url.https ? "https" : "http");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, 250L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    // The system's own stay: they are in CURLOPT_CAPATH too.
    if (target->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, target->ca_file);
    // An old connection leads to an address that was judged long ago.
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 30L);
}

// ---- life ----------------------------------------------------------------------------------------------------------

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int outbound_new(const struct settings *settings, struct outbound **ret, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t n;
    const struct str *entries = settings_list(settings, SET_OUTBOUND_ALLOW, &n);
    struct exception e;
    for (size_t i = 0; i < n; i++)
        if (!exception_parse(entries[i], &e))
            return err_set(err, ERR_INVALID, "outbound.allow: '" STR_FMT "' is neither host:port nor CIDR:port",
                           STR_ARG(entries[i]));
    pthread_once(&once, init_curl);
    struct outbound *outbound = mem_zalloc(sizeof *outbound);
    outbound->settings = settings;
    outbound->refs = 1;
    pthread_mutex_init(&outbound->judging, NULL);
    *ret = outbound;
    return 0;
}

void outbound_free(struct outbound *outbound)
{
    if (!outbound)
        return;
    pthread_mutex_lock(&outbound->judging);
    outbound->ended = true;
    pthread_mutex_unlock(&outbound->judging);
    outbound_unref(outbound);
}

void outbound_use_resolver(struct outbound *outbound, outbound_resolver resolver, void *arg)
{
    outbound->resolver = resolver;
    outbound->resolver_arg = arg;
}
