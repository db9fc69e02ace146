// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "jobs/sweep.h"
#include "store/conversation.h"

STORE_SQL(testing_open, "SELECT COUNT(*) FROM conversations WHERE brand_id = $1 AND status = 'open'");
STORE_SQL(testing_ended_events, "SELECT COUNT(*) FROM events WHERE brand_id = $1 AND name = 'conversation.ended' AND "
                                "data LIKE '%\"reason\":\"idle\"%'");

static void ask(struct site *site, struct brand_ref *brand, int64_t idle_ms)
{
    struct turn_input input = {.chatbot = &brand->chatbot,
                               .session = STR("brand:one"),
                               .message = STR("Is anybody there?"),
                               .idle_ms = idle_ms};
    struct turn *turn = site_ask_with(site, &input);
    turn_wait(turn);
    turn_unref(turn);
}

TEST(sweeps_end_what_is_idle_and_a_message_reopens_it)
{
    struct site site;
    _Atomic bool ending = false;
    struct sweep state = {0};
    site_open(&site, 0);
    struct jobs_options with = {.store = site.store, .brands = site.brands, .ending = &ending};
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    ask(&site, brand, 60000);
    assert_true(sweep_due(&with, &state) <= 30000);
    assert_int_equal(site_count(&site, "fern", &testing_open), 1);
    clock_advance(61000);
    (void)sweep_due(&with, &state);
    assert_int_equal(site_count(&site, "fern", &testing_open), 0);
    assert_int_equal(site_count(&site, "fern", &testing_ended_events), 1);
    clock_advance(61000);
    (void)sweep_due(&with, &state);
    assert_int_equal(site_count(&site, "fern", &testing_ended_events), 1);
    ask(&site, brand, 60000);
    assert_int_equal(site_count(&site, "fern", &testing_open), 1);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(sweeps_leave_what_never_ends)
{
    struct site site;
    _Atomic bool ending = false;
    struct sweep state = {0};
    site_open(&site, 0);
    struct jobs_options with = {.store = site.store, .brands = site.brands, .ending = &ending};
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    ask(&site, brand, 0);
    clock_advance(INT64_C(7) * 24 * 3600 * 1000);
    (void)sweep_due(&with, &state);
    assert_int_equal(site_count(&site, "fern", &testing_open), 1);
    brand_ref_drop(brand);
    site_close(&site);
}
