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

// A first question with long passages at a server whose window is smaller than thought: passages go, the answer comes.
TEST(pace_prompt_is_built_again_for_a_smaller_window)
{
    struct site site;
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    site_open(&site, SITE_MODEL);
    fake_control(&site.fake, "{\"default\":{\"answer\":\"echo\",\"ctx\":\"1500:400\"}}");
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    for (int i = 0; i < 12; i++) {
        buf_clear(&text);
        for (int k = 0; k < 40; k++)
            buf_addf(&text, "Walrus number %d of herd %d sleeps on the ice. ", k, i);
        site_document(&site, brand, "Walruses", arena_cstr(site.arena, buf_str(&text)));
    }
    struct turn *turn = site_ask(&site, brand, NULL, "Where does the walrus sleep?");
    turn_wait(turn);
    assert_str(turn_outcome(turn)->content, "Where does the walrus sleep?");
    yyjson_val *log = fake_log(&site.fake, site.arena);
    assert_true(yyjson_arr_size(log) >= 2);
    size_t first =
        json_get_str(yyjson_arr_get_last(json_get(json_get(yyjson_arr_get(log, 0), "body"), "messages")), "content").n;
    assert_int_equal(first, sizeof "Where does the walrus sleep?" - 1);
    size_t before = json_write_val(site.arena, json_get(yyjson_arr_get(log, 0), "body")).n;
    yyjson_val *again = json_get(yyjson_arr_get(log, 1), "body");
    struct str body = json_write_val(site.arena, again);
    assert_true(body.n < before);
    assert_true(str_find(body, STR("Walrus number")) >= 0); // the best passage stays
    end(&site, turn, brand);
}
