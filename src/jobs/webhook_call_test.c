// SPDX-License-Identifier: Apache-2.0
#include "jobs/webhook_call.h"

#include "base/test.h"

TEST(waits_of_the_schedule)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"5", 5000},         {"5s", 5000},      {"5m", 300000},
                {"2h", 7200000},     {"24h", 86400000}, {"0", 0},
                {"86400", 86400000}, {" 1s ", 1000},    {"86401", -1},
                {"25h", -1},         {"1441m", -1},     {"", -1},
                {"s", -1},           {"-1", -1},        {"1.5s", -1},
                {"1d", -1},          {"5 m", -1},       {"9223372036854775807h", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        if (webhook_wait_parse(str_from(rows[i].text), &ms) != (rows[i].ms >= 0) || ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
    }
}

TEST(the_standard_schedule)
{
    static const int64_t seconds[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    char *none[] = {NULL};
    struct settings_source source = {.argv = none, .environment = none};
    struct settings *settings;
    struct err err = {0};
    struct webhook webhook = {0};
    assert_int_equal(settings_new(&source, &settings, &err), 0);
    for (int64_t i = 0; i < 9; i++)
        assert_int_equal(webhook_wait(settings, &webhook, i + 1), seconds[i] * 1000);
    assert_int_equal(webhook_wait(settings, &webhook, 10), -1); // the tenth attempt was the last
    settings_free(settings);
}

TEST(a_schedule_of_its_own_doubles)
{
    struct webhook webhook = {.retry_config = {3, 10, 3600000}};
    model_mark(&webhook_model, &webhook, "retryConfig", true);
    assert_int_equal(webhook_wait(NULL, &webhook, 1), 3600000);
    assert_int_equal(webhook_wait(NULL, &webhook, 2), 7200000);
    assert_int_equal(webhook_wait(NULL, &webhook, 5), 57600000);
    assert_int_equal(webhook_wait(NULL, &webhook, 6), 86400000); // not longer than a day
    assert_int_equal(webhook_wait(NULL, &webhook, 10), 86400000);
    assert_int_equal(webhook_wait(NULL, &webhook, 11), -1);
    webhook.retry_config.max_retries = 0;
    assert_int_equal(webhook_wait(NULL, &webhook, 1), -1);
}

TEST(jitter_is_a_tenth)
{
    assert_int_equal(webhook_jitter(10000, 0), 9000);
    assert_int_equal(webhook_jitter(10000, 1000), 10000);
    assert_int_equal(webhook_jitter(10000, 2000), 11000);
    assert_int_equal(webhook_jitter(86400000, 2001), 77760000);
}
