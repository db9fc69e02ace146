// SPDX-License-Identifier: Apache-2.0
// Long answers and slow readers: the model waits for the slowest that reports, and for nobody else.
#include "engine/testing.h"

enum { AHEAD = 256 << 10, SLACK = 64 << 10, WORDS = 100000, WHOLE = 688894 };

static void ignore(struct turn *turn, void *arg)
{
    (void)turn;
    (void)arg;
}

static size_t length(struct turn *turn)
{
    AUTO_BUF struct buf none = BUF_INIT(1);
    return turn_text(turn, SIZE_MAX, 0, &none);
}

// Starts a long answer and waits until the model is held for a reader that has taken nothing.
static struct turn *held(struct site *site, struct brand_ref **ret_brand)
{
    site_open(site, SITE_MODEL);
    fake_control(&site->fake, "{\"default\":{\"answer\":\"count:100000\"}}");
    *ret_brand = site_brand(site, "fern", NULL);
    struct turn *turn = site_ask(site, *ret_brand, NULL, "Count");
    turn_watch(turn, ignore, site);
    turn_read_to(turn, ignore, site, 0);
    assert_true(turn_wait_text(turn, AHEAD) >= AHEAD);
    for (int i = 0; i < 100; i++) { // the client's loop goes round, and the double has time to send more
        const struct llm_state *states;
        assert_int_equal(llm_states(site->llm, site->arena, &states), 1);
        (void)fake_count(&site->fake);
    }
    assert_true(length(turn) <= AHEAD + SLACK);
    assert_false(turn_ended(turn));
    return turn;
}

static void end(struct site *site, struct turn *turn, struct brand_ref *brand)
{
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(site);
}

TEST(pace_follows_the_slowest_reader)
{
    struct site site;
    struct brand_ref *brand;
    struct turn *turn = held(&site, &brand);
    size_t taken = length(turn);
    turn_read_to(turn, ignore, &site, taken); // it has caught up, and stops again
    assert_true(turn_wait_text(turn, taken + AHEAD) >= taken + AHEAD);
    assert_true(length(turn) <= taken + AHEAD + SLACK);
    while (!turn_ended(turn)) {
        turn_read_to(turn, ignore, &site, taken);
        taken = turn_wait_text(turn, taken + 1);
    }
    assert_int_equal(length(turn), WHOLE);
    assert_string_equal(turn_outcome(turn)->finish_reason, "stop");
    turn_unwatch(turn, ignore, &site);
    end(&site, turn, brand);
}

TEST(pace_forgets_a_reader_that_is_gone)
{
    struct site site;
    struct brand_ref *brand;
    struct turn *turn = held(&site, &brand);
    turn_unwatch(turn, ignore, &site);
    turn_wait(turn);
    assert_int_equal(length(turn), WHOLE);
    end(&site, turn, brand);
}

TEST(pace_cancel_needs_no_reader)
{
    struct site site;
    struct brand_ref *brand;
    struct turn *turn = held(&site, &brand);
    turn_cancel(turn);
    turn_wait(turn);
    assert_string_equal(turn_outcome(turn)->finish_reason, "cancelled");
    assert_true(length(turn) >= AHEAD);
    turn_unwatch(turn, ignore, &site);
    end(&site, turn, brand);
}

// An answer in one piece that does not come to its end in time: the whole sentences of it.
TEST(pace_whole_answer_runs_out_of_time)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    fake_control(&site.fake, "{\"default\":{\"answer\":[\"One is here. \",\"Two is \",\"here. \",\"Three is\",\" on\"],"
                             "\"cutAfter\":5,\"cutHow\":\"hang\"}}");
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    brand->chatbot.row.configuration.response_timeout = 1;
    struct turn_input input = {.chatbot = &brand->chatbot, .message = STR("Count"), .whole = true};
    struct turn *turn = site_ask_with(&site, &input);
    turn_wait(turn);
    assert_str(turn_outcome(turn)->content, "One is here. Two is here.");
    assert_string_equal(turn_outcome(turn)->finish_reason, "length");
    end(&site, turn, brand);
}
