// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "jobs/sweep.h"
#include "store/conversation.h"

STORE_SQL(testing_open, "SELECT COUNT(*) FROM conversations WHERE brand_id = $1 AND status = 'open'");
STORE_SQL(testing_ended_events, "SELECT COUNT(*) FROM events WHERE brand_id = $1 AND name = 'conversation.ended' AND "
                                "data LIKE '%\"reason\":\"idle\"%'");

STORE_SQL(testing_activities, "SELECT COUNT(*) FROM activities WHERE brand_id = $1");
STORE_SQL(testing_activity, "SELECT COUNT(*) FROM activities WHERE brand_id = $1 AND type = 'chatbot_message' AND "
                            "metadata LIKE '{\"platform\":\"api\",\"userId\":\"%\",\"messageLength\":17}'");

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

TEST(sweeps_delete_old_activities_of_every_brand)
{
    struct site site;
    _Atomic bool ending = false;
    struct sweep state = {0};
    site_open(&site, 0);
    struct jobs_options with = {.store = site.store, .brands = site.brands, .ending = &ending};
    struct brand_ref *brand = site_brand(&site, "fern", NULL), *other = site_brand(&site, "moss", NULL);
    ask(&site, brand, 0);
    ask(&site, other, 0);
    assert_int_equal(site_count(&site, "fern", &testing_activity), 1);
    clock_advance(INT64_C(179) * 24 * 3600 * 1000);
    (void)sweep_due(&with, &state);
    ask(&site, brand, 0);
    assert_int_equal(site_count(&site, "fern", &testing_activities), 2);
    clock_advance(INT64_C(2) * 24 * 3600 * 1000);
    (void)sweep_due(&with, &state);
    assert_int_equal(site_count(&site, "fern", &testing_activities), 1);
    assert_int_equal(site_count(&site, "moss", &testing_activities), 0);
    brand_ref_drop(brand);
    brand_ref_drop(other);
    site_close(&site);
}

static int mark_deleted(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_mark_deleted(tx, clock_wall_ms(), err);
}

TEST(sweeps_end_nothing_in_a_brand_that_is_being_erased)
{
    struct site site;
    struct err err;
    _Atomic bool ending = false;
    struct sweep state = {0};
    site_open(&site, 0);
    struct jobs_options with = {.store = site.store, .brands = site.brands, .ending = &ending};
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct scope scope = scope_brand(STR("fern"), STR("test"));
    ask(&site, brand, 60000);
    assert_int_equal(store_write(site.store, &scope, mark_deleted, NULL, &err), 0);
    clock_advance(61000);
    (void)sweep_due(&with, &state);
    assert_int_equal(site_count(&site, "fern", &testing_open), 1);
    assert_int_equal(site_count(&site, "fern", &testing_ended_events), 0);
    brand_ref_drop(brand);
    site_close(&site);
}
