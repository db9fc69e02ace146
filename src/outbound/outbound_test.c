// SPDX-License-Identifier: Apache-2.0
#include "outbound/outbound.h"

#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// A resolver that says what the test wants, another thing at each question.
struct names {
    const char *answers[4][4]; // by question, then address; the last answer stays
    _Atomic size_t asked;
};

static size_t fake_resolver(void *arg, const char *host, struct ip *out, size_t max)
{
    struct names *names = arg;
    size_t question = atomic_fetch_add(&names->asked, 1), n = 0;
    (void)host;
    while (question > 0 && !names->answers[question][0])
        question--;
    while (n < max && n < 4 && names->answers[question][n]) {
        assert_true(ip_parse(str_from(names->answers[question][n]), &out[n]));
        n++;
    }
    return n;
}

struct fixture {
    struct settings *settings;
    struct outbound *outbound;
    struct names names;
};

static void fixture_init(struct fixture *f, const char *environment, const char *allow)
{
    char *argv[] = {"--environment", (char *)(uintptr_t)environment, "--outbound.allow", (char *)(uintptr_t)allow};
    char *none[] = {NULL};
    struct settings_source source = {.argc = allow ? 4 : 2, .argv = argv, .environment = none};
    struct err err = {0};
    *f = (struct fixture){0};
    assert_int_equal(settings_new(&source, &f->settings, &err), 0);
    assert_int_equal(outbound_new(f->settings, &f->outbound, &err), 0);
    outbound_use_resolver(f->outbound, fake_resolver, &f->names);
}

static void fixture_done(struct fixture *f)
{
    outbound_free(f->outbound);
    settings_free(f->settings);
}

static int find(struct fixture *f, const char *url, struct outbound_target **ret)
{
    struct err err = {0};
    *ret = NULL;
    return outbound_find_wait(f->outbound, OUTBOUND_SERVICE, str_from(url), 10000, ret, &err);
}

static int check(struct fixture *f, const char *url)
{
    return outbound_check(f->outbound, OUTBOUND_SERVICE, str_from(url), NULL);
}

TEST(what_is_refused_when_it_is_saved)
{
    struct fixture f;
    fixture_init(&f, "development", NULL);
    static const char *const denied[] = {
        "http://127.0.0.1:1/",      "http://[::ffff:10.0.0.1]/",
        "http://0x7f.1/",           "http://169.254.169.254/x",
        "http://localhost/",        "http://LOCALHOST./",
        "http://x.localhost/",      "http://[::1]/",
        "http://[fe80::1]/",        "http://8.8.8.8:22/",
        "http://hooks.example:25/", "http://hooks.example:1023/",
        "http://192.168.1.1:8080/",
    };
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
        if (check(&f, denied[i]) != ERR_DENIED)
            fail_msg("%s", denied[i]);
    assert_int_equal(check(&f, "ftp://hooks.example/"), ERR_INVALID);
    static const char *const fine[] = {"http://hooks.example/", "http://hooks.example:1024/", "https://8.8.8.8/",
                                       "https://hooks.example:65535/", "http://hooks.example:443/"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_int_equal(check(&f, fine[i]), 0);
    assert_int_equal(outbound_check(f.outbound, OUTBOUND_WEB, STR("http://hooks.example:8080/"), NULL), ERR_DENIED);
    assert_int_equal(f.names.asked, 0);
    fixture_done(&f);
}

TEST(production_wants_https)
{
    struct fixture f;
    fixture_init(&f, "production", "127.0.0.1:9099");
    assert_int_equal(check(&f, "http://hooks.example/"), ERR_DENIED);
    assert_int_equal(check(&f, "http://127.0.0.1:9099/"), ERR_DENIED);
    assert_int_equal(check(&f, "https://hooks.example/"), 0);
    fixture_done(&f);
}

TEST(one_forbidden_address_forbids_the_name)
{
    struct fixture f;
    struct outbound_target *target;
    fixture_init(&f, "development", NULL);
    f.names.answers[0][0] = "8.8.8.8";
    f.names.answers[0][1] = "10.0.0.1";
    assert_int_equal(find(&f, "http://hooks.example/", &target), ERR_DENIED);
    assert_null(target);
    fixture_done(&f);
}

TEST(a_name_without_addresses)
{
    struct fixture f;
    struct outbound_target *target;
    fixture_init(&f, "development", NULL);
    assert_int_equal(find(&f, "http://hooks.example/", &target), ERR_NOT_FOUND);
    fixture_done(&f);
}

TEST(exceptions)
{
    static const struct {
        const char *allow, *url, *address;
        int rc;
    } rows[] = {
        {"127.0.0.1:9099", "http://127.0.0.1:9099/", NULL, 0},
        {"127.0.0.1:9099", "http://127.0.0.1:9098/", NULL, ERR_DENIED},
        {"127.0.0.1:9099", "http://127.0.0.2:9099/", NULL, ERR_DENIED},
        {"10.0.0.0/8:8080", "http://hooks.example:8080/", "10.2.3.4", 0},
        {"10.0.0.0/8:8080", "http://hooks.example:8081/", "10.2.3.4", ERR_DENIED},
        {"10.0.0.0/8:8080", "http://hooks.example:8080/", "192.168.1.1", ERR_DENIED},
        {"hooks.example:8080", "http://Hooks.Example:8080/", "192.168.1.1", 0},
        {"hooks.example:8080", "http://other.example:8080/", "192.168.1.1", ERR_DENIED},
        {"hooks.example:25", "http://hooks.example:25/", "8.8.8.8", 0},
        {"10.0.0.0/8:25", "http://hooks.example:25/", "8.8.8.8", ERR_DENIED},
        {"[::1]:9099", "http://[::1]:9099/", NULL, 0},
        {"[fd00::/8]:9099", "http://[fd00::5]:9099/", NULL, 0},
        {"fd00::/8:9099", "http://[fd00::5]:9099/", NULL, 0},
        {"1.2.3.4:5,127.0.0.0/8:9099", "http://localhost:9099/", "127.0.0.1", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct outbound_target *target;
        fixture_init(&f, "development", rows[i].allow);
        f.names.answers[0][0] = rows[i].address;
        if (find(&f, rows[i].url, &target) != rows[i].rc)
            fail_msg("%s %s", rows[i].allow, rows[i].url);
        outbound_target_free(target);
        fixture_done(&f);
    }
}

TEST(exceptions_that_are_none)
{
    static const char *const bad[] = {"127.0.0.1",      "host",           ":80",     "host:",  "host:0", "host:65536",
                                      "10.0.0.0/40:80", "http://host:80", "[::1:80", "a b:80", "*:80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *argv[] = {"--outbound.allow", (char *)(uintptr_t)bad[i]}, *none[] = {NULL};
        struct settings_source source = {.argc = 2, .argv = argv, .environment = none};
        struct settings *settings;
        struct outbound *outbound;
        struct err err = {0};
        assert_int_equal(settings_new(&source, &settings, &err), 0);
        if (outbound_new(settings, &outbound, &err) != ERR_INVALID)
            fail_msg("%s", bad[i]);
        settings_free(settings);
    }
}

// ---- the connection ------------------------------------------------------------------------------------------------

struct receiver { // answers every connection on 127.0.0.1 with a redirect to itself
    int fd;
    uint16_t port;
    pthread_t thread;
    _Atomic int connections;
};

static void *receive(void *arg)
{
    struct receiver *r = arg;
    int fd;
    while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
        char bytes[4096], reply[200];
        atomic_fetch_add(&r->connections, 1);
        (void)!read(fd, bytes, sizeof bytes);
        int n = snprintf(reply, sizeof reply,
                         "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/again\r\nContent-Length: 0\r\n"
                         "Connection: close\r\n\r\n",
                         (unsigned)r->port);
        (void)!write(fd, reply, (size_t)n);
        close(fd);
    }
    return NULL;
}

static void receiver_start(struct receiver *r)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    *r = (struct receiver){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(r->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(r->fd, 16), 0);
    assert_int_equal(getsockname(r->fd, (struct sockaddr *)&at, &n), 0);
    r->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&r->thread, NULL, receive, r), 0);
}

static void receiver_stop(struct receiver *r)
{
    (void)shutdown(r->fd, SHUT_RDWR);
    pthread_join(r->thread, NULL);
    close(r->fd);
}

static CURLcode call(const struct outbound_target *target, long *ret_status)
{
    CURL *easy = curl_easy_init();
    outbound_apply(target, easy);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 5000L);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, ret_status);
    curl_easy_cleanup(easy);
    return code;
}

// The name means an allowed address when it is judged, and another one whenever it is asked again: only the first
// counts, and nobody asks again.
TEST(the_connection_goes_to_the_judged_address)
{
    struct fixture f;
    struct receiver r;
    struct outbound_target *target;
    char allow[40], url[60];
    long status = 0;
    receiver_start(&r);
    (void)snprintf(allow, sizeof allow, "127.0.0.1:%u", (unsigned)r.port);
    (void)snprintf(url, sizeof url, "http://hooks.example:%u/x", (unsigned)r.port);
    fixture_init(&f, "development", allow);
    f.names.answers[0][0] = "127.0.0.1";
    f.names.answers[1][0] = "10.0.0.1";
    setenv("http_proxy", "http://127.0.0.1:9/", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:9/", 1);
    assert_int_equal(find(&f, url, &target), 0);
    assert_int_equal(call(target, &status), CURLE_OK);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(status, 302); // and not followed
    assert_int_equal(r.connections, 1);
    assert_int_equal(f.names.asked, 1);
    outbound_target_free(target);
    assert_int_equal(find(&f, url, &target), ERR_DENIED); // the next call is judged anew
    receiver_stop(&r);
    fixture_done(&f);
}

TEST(no_socket_to_another_address)
{
    struct fixture f;
    struct receiver r;
    struct outbound_target *target;
    char url[60], lie[80];
    long status = 0;
    receiver_start(&r);
    fixture_init(&f, "development", NULL);
    (void)snprintf(url, sizeof url, "http://hooks.example:%u/x", (unsigned)r.port);
    f.names.answers[0][0] = "8.8.8.8";
    assert_int_equal(find(&f, url, &target), 0);
    // Were libcurl to find another address by whatever way, it gets no socket.
    curl_slist_free_all(target->resolve);
    (void)snprintf(lie, sizeof lie, "+hooks.example:%u:127.0.0.1", (unsigned)r.port);
    target->resolve = curl_slist_append(NULL, lie);
    assert_int_equal(call(target, &status), CURLE_COULDNT_CONNECT);
    assert_int_equal(r.connections, 0);
    outbound_target_free(target);
    receiver_stop(&r);
    fixture_done(&f);
}

// ---- a resolver that hangs -----------------------------------------------------------------------------------------

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    _Atomic int inside;
};

static size_t hanging_resolver(void *arg, const char *host, struct ip *out, size_t max)
{
    struct gate *gate = arg;
    (void)host;
    (void)max;
    pthread_mutex_lock(&gate->lock);
    while (!gate->open)
        pthread_cond_wait(&gate->opened, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    (void)ip_parse(STR("8.8.8.8"), out);
    atomic_fetch_add(&gate->inside, 1);
    return 1;
}

static void count_denied(void *arg, int rc, struct outbound_target *target, const struct err *err)
{
    (void)err;
    outbound_target_free(target);
    if (rc == ERR_LIMIT)
        atomic_fetch_add((_Atomic int *)arg, 1);
}

TEST(waiting_has_a_deadline_and_look_ups_a_bound)
{
    struct fixture f;
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct outbound_target *target = NULL;
    _Atomic int refused = 0;
    fixture_init(&f, "development", NULL);
    outbound_use_resolver(f.outbound, hanging_resolver, &gate);
    assert_int_equal(outbound_find_wait(f.outbound, OUTBOUND_SERVICE, STR("http://a.example/"), 1, &target, NULL),
                     ERR_TIMEOUT);
    for (int i = 0; i < 70; i++)
        outbound_find(f.outbound, OUTBOUND_SERVICE, STR("http://b.example/"), count_denied, &refused);
    assert_int_equal(refused, 7); // one of the 64 is the one that nobody waits for any more
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
    while (atomic_load(&gate.inside) < 64)
        usleep(1000);
    outbound_use_resolver(f.outbound, fake_resolver, &f.names);
    f.names.answers[0][0] = "8.8.8.8";
    while (find(&f, "http://a.example/", &target) == ERR_LIMIT)
        usleep(1000);
    assert_non_null(target);
    outbound_target_free(target);
    fixture_done(&f);
}
