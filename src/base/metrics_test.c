// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include "base/test.h"

#include <pthread.h>

enum { THREADS = 9, TIMES = 20000 };

static void read_one(void *arg, struct metric_out *out)
{
    (void)arg;
    if (out->metric == METRIC_UPTIME)
        metric_put(out, 1.5, NULL);
    if (out->metric == METRIC_DB_SIZE)
        metric_put(out, 4194304, NULL);
    if (out->metric == METRIC_JOBS)
        metric_put(out, 2, (const char *const[]){"say \"hi\"\\\n", "waiting"});
}

static bool shows(const char *line)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    metrics_print(&out, read_one, NULL);
    assert_false(out.overflow);
    ptrdiff_t at = str_find(buf_str(&out), str_from(line));
    return at == 0 || (at > 0 && out.p[at - 1] == '\n');
}

TEST(metrics_count_nothing_before_the_start)
{
    metric_add(METRIC_LLM_FAILOVERS, METRIC_AT(0), 1);
    metric_time(METRIC_RETRIEVAL, METRIC_AT(0), 5);
    metrics_start();
    assert_true(shows("parley_llm_failovers_total 0\n"));
    assert_true(shows("parley_retrieval_duration_seconds_count 0\n"));
    metrics_stop();
}

TEST(metrics_histogram_borders_belong_to_their_bucket)
{
    size_t n;
    metrics_start();
    metric_time(METRIC_RETRIEVAL, METRIC_AT(0), 1000);
    metric_time(METRIC_RETRIEVAL, METRIC_AT(0), 1001);
    metric_time(METRIC_RETRIEVAL, METRIC_AT(0), 61000000);
    metric_time(METRIC_RETRIEVAL, METRIC_AT(0), -3);
    assert_true(shows("parley_retrieval_duration_seconds_bucket{le=\"0.001\"} 2\n"));
    assert_true(shows("parley_retrieval_duration_seconds_bucket{le=\"0.0025\"} 3\n"));
    assert_true(shows("parley_retrieval_duration_seconds_bucket{le=\"60\"} 3\n"));
    assert_true(shows("parley_retrieval_duration_seconds_bucket{le=\"+Inf\"} 4\n"));
    assert_true(shows("parley_retrieval_duration_seconds_sum 61.002001\n"));
    assert_true(shows("parley_retrieval_duration_seconds_count 4\n"));
    for (int i = 0; i < 100; i++)
        metric_time(METRIC_RETRIEVAL, METRIC_AT(0), 7);
    assert_true(metric_recent_us(METRIC_RETRIEVAL, &n) == 7);
    assert_int_equal(n, 100);
    metrics_stop();
}

TEST(metrics_labels_are_closed_sets)
{
    unsigned route = metric_label_keep(LABEL_ROUTE, STR("/brands/{brand_id}"));
    metrics_start();
    assert_int_equal(metric_label_keep(LABEL_ROUTE, STR("/brands/{brand_id}")), route);
    assert_int_equal(metric_label_keep(LABEL_ROUTE, STR("/late")), 0);
    unsigned get = metric_label(LABEL_METHOD, STR("GET")), ok = metric_label(LABEL_CODE, STR("200"));
    assert_true(get && ok && route);
    assert_false(shows("parley_http_requests_total{"));
    metric_show(METRIC_HTTP_REQUESTS, METRIC_AT(get, 0, ok));
    metric_add(METRIC_HTTP_REQUESTS, METRIC_AT(get, route, ok), 2);
    metric_add(METRIC_HTTP_REQUESTS, METRIC_AT(99, 9999, 99), 1);
    assert_true(shows("parley_http_requests_total{method=\"GET\",route=\"/brands/{brand_id}\",code=\"200\"} 2\n"));
    assert_true(shows("parley_http_requests_total{method=\"GET\",route=\"unmatched\",code=\"200\"} 0\n"));
    assert_true(shows("parley_http_requests_total{method=\"other\",route=\"unmatched\",code=\"other\"} 1\n"));
    char name[] = "provider-00";
    for (int i = 0; i < 40; i++) {
        name[9] = (char)('0' + i / 10);
        name[10] = (char)('0' + i % 10);
        assert_int_equal(metric_label_keep(LABEL_PROVIDER, str_from(name)), i < 32 ? i + 1 : 0);
    }
    metrics_stop();
}

TEST(metrics_read_values)
{
    metrics_start();
    assert_true(shows("# TYPE parley_jobs gauge\nparley_jobs{type=\"say \\\"hi\\\"\\\\\\n\",state=\"waiting\"} 2\n"));
    assert_true(shows("chatbots_uptime_seconds 1.500000\n"));
    assert_true(shows("parley_db_size_bytes 4194304\n"));
    assert_true(shows("parley_auth_events_total{event=\"login_ok\"} 0\n"));
    assert_false(shows("parley_auth_events_total{event=\"other\"}"));
    metrics_stop();
}

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < TIMES; i++)
        metric_add(METRIC_LLM_FAILOVERS, METRIC_AT(0), 1);
    return NULL;
}

TEST(metrics_lose_no_count_of_any_thread)
{
    pthread_t threads[THREADS];
    metrics_start();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(shows("parley_llm_failovers_total 180000\n"));
    metrics_stop();
}
