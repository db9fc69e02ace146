// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "store/fault_vfs.h"
#include "store/conversation.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

STORE_SQL(testing_conversations, "SELECT COUNT(*) FROM conversations WHERE brand_id = $1");
STORE_SQL(testing_usage, "SELECT COUNT(*) FROM usage_rows WHERE brand_id = $1");
STORE_SQL(testing_sent, "SELECT COUNT(*) FROM events WHERE brand_id = $1 AND name = 'message.sent'");

static struct str text_of(struct site *site, struct turn *turn)
{
    struct buf out = BUF_INIT(4 << 20);
    (void)turn_text(turn, 0, SIZE_MAX, &out);
    struct str text = arena_str(site->arena, buf_str(&out));
    buf_done(&out);
    return text;
}

static void same(struct str a, struct str b)
{
    if (!str_eq(a, b))
        fail_msg("\"" STR_FMT "\" is not \"" STR_FMT "\"", STR_ARG(a), STR_ARG(b));
}

// What readers saw is what the outcome says and what the store has, behind the visitor's message.
static void check_stored(struct site *site, const char *brand, struct turn *turn, const char *status)
{
    const struct turn_outcome *outcome = turn_outcome(turn);
    struct row *rows;
    size_t n = site_messages(site, brand, &rows), at = 1;
    while (at < n && !str_eq(rows[at].id, outcome->answer_id))
        at++;
    assert_true(at < n);
    same(outcome->content, text_of(site, turn));
    same(rows[at].content, text_of(site, turn));
    same(rows[at].status, str_from(status));
    same(rows[at - 1].role, STR("user"));
    same(rows[at - 1].conversation, rows[at].conversation);
}

static void put_shop(struct site *site, struct brand_ref *brand)
{
    const char *id = brand->row.brand.id.p;
    site_product(site, id, "tent-2", "Skarv Tent", "349.00", "A tent for two people, light and tight");
    site_product(site, id, "stove", "Ember Stove", "59.90", "Burns wood");
    site_document(site, brand, "Returns", "Unused goods may be returned within thirty days. The postage is ours.");
}

TEST(turn_without_a_model_quotes_and_stores_what_it_says)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_shop(&site, brand);
    struct turn *turn = site_ask(&site, brand, NULL, "Can unused goods be returned?");
    turn_wait(turn);
    const struct turn_outcome *outcome = turn_outcome(turn);
    assert_int_equal(outcome->code, 0);
    assert_string_equal(outcome->mode, "quoted");
    assert_string_equal(outcome->finish_reason, "stop");
    assert_true(str_find(outcome->content, STR("thirty days")) >= 0);
    assert_int_equal(outcome->n_quoted, 1);
    same(outcome->quoted[0], STR("Unused goods may be returned within thirty days."));
    check_stored(&site, "fern", turn, "complete");
    same(outcome->conversation_id, turn_conversation(turn));
    assert_null(turn_find(site.engine, STR("fern"), brand->row.chatbot_id, STR("brand:x")));
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_with_a_model_sends_history_in_pairs)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_shop(&site, brand);
    const char *questions[] = {"Which tent for two?", "And which stove?", "Thank you kindly"};
    for (size_t i = 0; i < 3; i++) {
        struct turn *turn = site_ask(&site, brand, "brand:c1", questions[i]);
        turn_wait(turn);
        assert_int_equal(turn_outcome(turn)->code, 0);
        assert_string_equal(turn_outcome(turn)->mode, "model");
        same(turn_outcome(turn)->content, str_from(questions[i])); // the double echoes
        assert_str(turn_conversation(turn), "c1");
        check_stored(&site, "fern", turn, "complete");
        turn_unref(turn);
    }
    yyjson_val *messages =
        json_get(json_get(yyjson_arr_get(fake_wait(&site.fake, site.arena, 3), 2), "body"), "messages");
    const char *want[] = {"system", "user", "assistant", "user", "assistant", "user"};
    assert_int_equal(yyjson_arr_size(messages), 6);
    for (size_t i = 0; i < 6; i++)
        same(json_get_str(yyjson_arr_get(messages, i), "role"), str_from(want[i]));
    same(json_get_str(yyjson_arr_get(messages, 1), "content"), str_from(questions[0]));
    assert_int_equal(site_count(&site, "fern", &testing_conversations), 1);
    assert_int_equal(site_count(&site, "fern", &testing_usage), 3);
    assert_int_equal(site_count(&site, "fern", &testing_sent), 3);
    brand_ref_drop(brand);
    site_close(&site);
}

// 001-brands 9: two turns of one conversation run one after the other, in order of arrival.
TEST(turn_order_in_a_lane_is_that_of_arrival)
{
    enum { N = 8 };
    struct site site;
    struct hold hold;
    struct turn *turns[N];
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    hold_begin(&hold, &site);
    for (int i = 0; i < N; i++)
        turns[i] = site_ask(&site, brand, "brand:one", arena_printf(site.arena, "question %d", i));
    struct turn *found = turn_find(site.engine, STR("fern"), brand->row.chatbot_id, STR("brand:one"));
    assert_ptr_equal(found, turns[0]);
    turn_unref(found);
    hold_end(&hold);
    for (int i = 0; i < N; i++) {
        turn_wait(turns[i]);
        assert_int_equal(turn_outcome(turns[i])->code, 0);
        turn_unref(turns[i]);
    }
    struct row *rows;
    assert_int_equal(site_messages(&site, "fern", &rows), 2 * N);
    for (int i = 0; i < N; i++) {
        same(rows[2 * i].content, str_from(arena_printf(site.arena, "question %d", i)));
        same(rows[2 * i + 1].role, STR("assistant"));
        same(rows[2 * i + 1].status, STR("complete"));
    }
    engine_close(site.engine); // the last one has left its lane
    assert_null(turn_find(site.engine, STR("fern"), brand->row.chatbot_id, STR("brand:one")));
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_cancelled_while_it_waits_stores_nothing_and_lets_the_next_go)
{
    struct site site;
    struct hold hold;
    struct turn *turns[4];
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    hold_begin(&hold, &site);
    for (int i = 0; i < 4; i++)
        turns[i] = site_ask(&site, brand, "brand:one", i == 1 ? "second" : i == 3 ? "last" : "other");
    turn_cancel(turns[1]);
    turn_cancel(turns[1]); // again does nothing
    turn_cancel(turns[3]); // the end of the queue: the next is still put behind the right one
    turn_wait(turns[1]);   // although the first has not even begun
    assert_int_equal(turn_outcome(turns[1])->code, ERR_CANCELLED);
    assert_string_equal(turn_outcome(turns[1])->finish_reason, "cancelled");
    struct turn *after = site_ask(&site, brand, "brand:one", "after");
    hold_end(&hold);
    turn_wait(turns[0]);
    turn_wait(turns[2]);
    turn_wait(turns[3]);
    turn_wait(after);
    assert_int_equal(turn_outcome(after)->code, 0);
    struct row *rows;
    assert_int_equal(site_messages(&site, "fern", &rows), 6);
    same(rows[4].content, STR("after"));
    for (int i = 0; i < 4; i++)
        turn_unref(turns[i]);
    turn_unref(after);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_cancelled_before_its_commit_keeps_the_question)
{
    struct site site;
    struct hold hold;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    hold_begin(&hold, &site);
    struct turn *turn = site_ask(&site, brand, NULL, "a question");
    turn_cancel(turn);
    hold_end(&hold);
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, 0);
    assert_string_equal(turn_outcome(turn)->finish_reason, "cancelled");
    assert_int_equal(fake_count(&site.fake), 0);
    check_stored(&site, "fern", turn, "interrupted");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

static void stream_slowly(struct site *site)
{
    fake_control(&site->fake, "{\"default\":{\"answer\":\"count:5000\",\"deltaDelayMs\":5,\"prefill\":\"ignore\"}}");
}

TEST(turn_cancelled_in_mid_stream_stores_what_was_delivered)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    stream_slowly(&site);
    struct turn *turn = site_ask(&site, brand, "brand:s", "count");
    assert_true(turn_wait_text(turn, 20) >= 20);
    struct turn *found = turn_find(site.engine, STR("fern"), brand->row.chatbot_id, STR("brand:s"));
    assert_ptr_equal(found, turn);
    turn_unref(found);
    turn_cancel(turn);
    turn_wait(turn);
    const struct turn_outcome *outcome = turn_outcome(turn);
    assert_int_equal(outcome->code, 0);
    assert_string_equal(outcome->finish_reason, "cancelled");
    assert_false(outcome->broken);
    assert_true(str_starts(outcome->content, STR("w1 w2 w3")));
    check_stored(&site, "fern", turn, "interrupted");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

// The text so far is in the store long before the end; the end is not overwritten by it.
TEST(turn_saves_what_it_has_while_it_runs)
{
    struct site site;
    struct row *rows = NULL;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    stream_slowly(&site);
    struct turn *turn = site_ask(&site, brand, "brand:s", "count");
    size_t n = 0, at = 0;
    while (!n) {
        at = turn_wait_text(turn, at + 100);
        assert_false(turn_ended(turn));
        n = site_messages(&site, "fern", &rows) == 2 ? rows[1].content.n : 0;
    }
    same(rows[1].status, STR("running"));
    assert_true(str_starts(text_of(&site, turn), rows[1].content));
    turn_cancel(turn);
    turn_wait(turn);
    check_stored(&site, "fern", turn, "interrupted");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

static void count_call(struct turn *turn, void *arg)
{
    (void)turn;
    atomic_fetch_add((_Atomic int *)arg, 1);
}

// Who wants the end alone is called for the conversation, and at the end.
TEST(turn_for_the_whole_answer_is_not_told_of_its_parts)
{
    struct site site;
    _Atomic int calls = 0;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    fake_control(&site.fake, "{\"default\":{\"answer\":\"count:30\",\"deltaDelayMs\":10}}");
    struct turn_input input = {.chatbot = &brand->chatbot, .message = STR("count"), .prefix = STR("brand:")};
    input.whole = true;
    input.channel = STR("api");
    input.actor = STR("anonymous");
    struct turn *turn = turn_start(site.engine, &input, count_call, (void *)&calls, NULL);
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, 0);
    assert_true(turn_outcome(turn)->content.n > 60);
    assert_int_equal(atomic_load(&calls), 2);
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

// Many at once: they share writes, and each has its own text.
TEST(turns_are_saved_together_and_each_as_itself)
{
    enum { N = 30, WORDS = 2000 }; // a provider takes 32 at once
    struct site site;
    struct row *rows = NULL;
    struct turn *turns[N];
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    fake_control(&site.fake, "{\"default\":{\"answer\":\"echo\",\"deltaDelayMs\":5}}");
    for (int i = 0; i < N; i++) {
        AUTO_BUF struct buf message = BUF_INIT(1 << 20);
        for (int k = 0; k < WORDS; k++)
            buf_addf(&message, "%sn%d", k ? " " : "", i);
        turns[i] = site_ask(&site, brand, NULL, message.p);
    }
    for (size_t saved = 0, at = 0; saved < N;) {
        at = turn_wait_text(turns[0], at + 50);
        assert_false(turn_ended(turns[0]));
        size_t n = site_messages(&site, "fern", &rows);
        saved = 0;
        for (size_t i = 1; i < n; i += 2) {
            assert_true(str_starts(rows[i - 1].content, rows[i].content)); // the question is what comes back
            saved += rows[i].content.n > 20;
        }
    }
    for (int i = 0; i < N; i++)
        turn_cancel(turns[i]);
    for (int i = 0; i < N; i++) {
        turn_wait(turns[i]);
        turn_unref(turns[i]);
    }
    brand_ref_drop(brand);
    site_close(&site);
}

// A partial save that waits for the writer while the answer comes to its end.
TEST(turn_commit_wins_over_a_late_partial_save)
{
    struct site site;
    struct hold hold;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    stream_slowly(&site);
    for (int i = 0; i < 3; i++) {
        struct turn *turn = site_ask(&site, brand, NULL, "count");
        turn_wait_text(turn, 100);
        hold_begin(&hold, &site);
        turn_wait_text(turn, 400 + 100 * (size_t)i); // 250 ms of text and more: a save is in the queue
        turn_cancel(turn);
        hold_end(&hold);
        turn_wait(turn);
        check_stored(&site, "fern", turn, "interrupted");
        turn_unref(turn);
    }
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_whose_model_fails_before_text_quotes_or_says_so)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL), *empty = site_brand(&site, "bare", NULL);
    put_shop(&site, brand);
    fake_control(&site.fake, "{\"default\":{\"status\":500}}");
    struct turn *turn = site_ask(&site, brand, NULL, "Can unused goods be returned?");
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, 0);
    assert_string_equal(turn_outcome(turn)->mode, "quoted");
    assert_true(str_find(turn_outcome(turn)->metadata, STR("\"degraded\":true")) >= 0);
    check_stored(&site, "fern", turn, "complete");
    turn_unref(turn);
    turn = site_ask(&site, empty, NULL, "Can unused goods be returned?");
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, ERR_UNAVAILABLE);
    assert_true(turn_outcome(turn)->model_failed);
    check_stored(&site, "bare", turn, "failed");
    turn_unref(turn);
    brand_ref_drop(empty);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_whose_model_breaks_off_keeps_its_text)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    fake_control(&site.fake,
                 "{\"default\":{\"answer\":\"count:50\",\"cutAfter\":6,\"cutHow\":\"rst\",\"prefill\":\"ignore\"}}");
    struct turn *turn = site_ask(&site, brand, NULL, "count");
    turn_wait(turn);
    const struct turn_outcome *outcome = turn_outcome(turn);
    assert_int_equal(outcome->code, 0);
    assert_true(outcome->broken);
    assert_string_equal(outcome->finish_reason, "error");
    assert_true(str_starts(outcome->content, STR("w1 w2")));
    check_stored(&site, "fern", turn, "interrupted");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

// What is shown of a product is its row at the end of the turn, not what was found at its beginning.
TEST(turn_shows_products_as_they_are_at_its_end)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_shop(&site, brand);
    stream_slowly(&site);
    for (int change = 0; change < 2; change++) {
        struct turn *turn = site_ask(&site, brand, NULL, "What does the Skarv Tent cost?");
        assert_true(turn_wait_text(turn, 1) > 0);
        if (change)
            site_product(&site, "fern", "tent-2", "Skarv Tent", "351.00", "A tent for two people");
        turn_cancel(turn);
        turn_wait(turn);
        const struct turn_outcome *outcome = turn_outcome(turn);
        assert_true(outcome->n_products > 0);
        assert_str(outcome->products[0].id, "tent-2");
        assert_int_equal(outcome->products[0].price, change ? 3510000 : 3490000);
        turn_unref(turn);
    }
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_fills_markers_and_corrects_prices)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_shop(&site, brand);
    fake_control(&site.fake, "{\"default\":{\"answer\":\"fixed:It costs [[price:tent-2]], [[stock:tent-2]].\"}}");
    struct turn *turn = site_ask(&site, brand, NULL, "What does the Skarv Tent cost?");
    turn_wait(turn);
    assert_str(turn_outcome(turn)->content, "It costs 349.00 USD, in stock.");
    check_stored(&site, "fern", turn, "complete");
    turn_unref(turn);
    fake_control(&site.fake, "{\"default\":{\"answer\":\"fixed:The Skarv Tent costs $99.\"}}");
    turn = site_ask(&site, brand, NULL, "What does the Skarv Tent cost?");
    turn_wait(turn);
    assert_true(str_starts(turn_outcome(turn)->content, STR("The Skarv Tent costs $99.")));
    assert_true(str_find(turn_outcome(turn)->content, STR("349.00 USD")) >= 0);
    assert_true(str_find(turn_outcome(turn)->metadata, STR("\"actual\":349")) >= 0);
    check_stored(&site, "fern", turn, "complete");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_by_voice_is_one_sentence)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    fake_control(
        &site.fake,
        "{\"default\":{\"answer\":\"fixed:The **first** one here. And a second one. And many more of them.\"}}");
    struct turn_input input = {.chatbot = &brand->chatbot, .message = STR("Say something"), .voice = true};
    struct turn *turn = site_ask_with(&site, &input);
    turn_wait(turn);
    assert_str(turn_outcome(turn)->content, "The first one here.");
    assert_string_equal(turn_outcome(turn)->finish_reason, "stop");
    check_stored(&site, "fern", turn, "complete");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(turn_over_a_failing_store_says_so_and_the_next_goes_on)
{
    struct site site;
    fault_vfs_install();
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    fault_vfs_fail(1, SQLITE_FULL, true);
    struct turn *turn = site_ask(&site, brand, "brand:f", "a question");
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, ERR_UNAVAILABLE);
    assert_false(turn_outcome(turn)->model_failed);
    assert_null(turn_conversation(turn).p);
    turn_unref(turn);
    fault_vfs_fail(0, 0, false);
    // Full in the middle of the answer: it was delivered, and said to have failed.
    stream_slowly(&site);
    turn = site_ask(&site, brand, "brand:f", "count");
    turn_wait_text(turn, 10);
    fault_vfs_fail(1, SQLITE_FULL, true);
    turn_cancel(turn);
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, ERR_UNAVAILABLE);
    turn_unref(turn);
    fault_vfs_fail(0, 0, false);
    fake_control(&site.fake, "{\"default\":{\"answer\":\"echo\"}}");
    turn = site_ask(&site, brand, "brand:f", "again");
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, 0);
    assert_str(turn_outcome(turn)->content, "again");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
    fault_vfs_remove();
}

TEST(turn_waits_no_longer_than_it_may)
{
    struct site site;
    struct hold hold;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    hold_begin(&hold, &site);
    struct turn *first = site_ask(&site, brand, "brand:w", "first");
    struct turn_input input = {
        .chatbot = &brand->chatbot, .session = STR("brand:w"), .message = STR("hasty"), .wait_ms = 30000};
    struct turn *hasty = site_ask_with(&site, &input);
    struct turn *patient = site_ask(&site, brand, "brand:w", "patient");
    clock_advance(29000);
    assert_false(turn_ended(hasty));
    clock_advance(2000);
    turn_wait(hasty);
    assert_int_equal(turn_outcome(hasty)->code, ERR_LIMIT);
    hold_end(&hold);
    turn_wait(first);
    turn_wait(patient);
    assert_int_equal(turn_outcome(patient)->code, 0);
    struct row *rows;
    assert_int_equal(site_messages(&site, "fern", &rows), 4);
    turn_unref(first);
    turn_unref(hasty);
    turn_unref(patient);
    brand_ref_drop(brand);
    site_close(&site);
}

// ---- many ----------------------------------------------------------------------------------------------------------

enum { CROWD = 4, EACH = 300, LANES = 5 };

struct crowd {
    struct site *site;
    struct brand_ref *brand;
    unsigned number;
    _Atomic int *wakes;
};

static void count_wake(struct turn *turn, void *arg)
{
    struct buf out = BUF_INIT(64);
    (void)turn_text(turn, 0, 64, &out);
    (void)turn_conversation(turn);
    buf_done(&out);
    atomic_fetch_add((_Atomic int *)arg, 1);
}

static void *ask_often(void *arg)
{
    struct crowd *c = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct turn *turns[8] = {0};
    unsigned dice = c->number;
    for (unsigned i = 0; i < EACH; i++) {
        dice = dice * 1103515245 + 12345;
        unsigned act = dice >> 16;
        struct turn_input input = {.chatbot = &c->brand->chatbot,
                                   .message = STR("Can goods be returned?"),
                                   .prefix = STR("brand:"),
                                   .channel = STR("api"),
                                   .actor = STR("anonymous")};
        if (act % 4)
            input.session = arena_strf(arena, "brand:lane-%u", act % LANES);
        struct turn **slot = &turns[i % 8];
        if (*slot)
            turn_wait(*slot);
        turn_unref(*slot);
        *slot = turn_start(c->site->engine, &input, count_wake, c->wakes, NULL);
        struct turn *found = turn_find(c->site->engine, STR("fern"), c->brand->row.chatbot_id,
                                       arena_strf(arena, "brand:lane-%u", act % LANES));
        if (act % 7 == 0)
            turn_cancel(*slot);
        if (act % 11 == 0 && found)
            turn_cancel(found);
        turn_unref(found);
    }
    for (size_t i = 0; i < 8; i++) {
        turn_wait(turns[i]);
        turn_unref(turns[i]);
    }
    return NULL;
}

TEST(turn_crowds_end_each_once_and_in_order)
{
    struct site site;
    pthread_t threads[CROWD];
    struct crowd crowd[CROWD];
    static _Atomic int wakes;
    atomic_store(&wakes, 0);
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    put_shop(&site, brand);
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowd){&site, brand, i, &wakes};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    engine_close(site.engine);
    assert_int_equal(engine_running(site.engine), 0);
    assert_true(atomic_load(&wakes) >= CROWD * EACH);
    struct row *rows;
    size_t n = site_messages(&site, "fern", &rows);
    assert_true(n >= (size_t)CROWD * EACH && n <= 2 * CROWD * EACH && n % 2 == 0);
    for (size_t i = 0; i < n; i += 2) {
        same(rows[i].role, STR("user"));
        same(rows[i + 1].role, STR("assistant"));
        same(rows[i + 1].conversation, rows[i].conversation);
        assert_false(str_eq(rows[i + 1].status, STR("running")));
    }
    brand_ref_drop(brand);
    site_close(&site);
}

static void mark(struct turn *turn, void *arg)
{
    (void)turn;
    atomic_store((_Atomic bool *)arg, true);
}

// Many sockets may follow one answer.
TEST(turn_tells_every_watcher)
{
    enum { MANY = 50 };
    struct site site;
    struct hold hold;
    static _Atomic bool told[MANY];
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    hold_begin(&hold, &site);
    struct turn *turn = site_ask(&site, brand, NULL, "hello");
    for (int i = 0; i < MANY; i++) {
        atomic_store(&told[i], false);
        turn_watch(turn, mark, (void *)&told[i]);
    }
    hold_end(&hold);
    turn_wait(turn);
    engine_close(site.engine); // the last round of calls is over
    for (int i = 0; i < MANY; i++)
        assert_true(atomic_load(&told[i]));
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

// ---- conversations ------------------------------------------------------------------------------------------------

static int clear(struct tx *tx, void *arg, struct err *err)
{
    const struct brand_ref *brand = arg;
    struct conversation conversation;
    int rc = conversation_find(tx, tx_arena(tx), brand->row.chatbot_id, STR("brand:c"), &conversation, err);
    return rc == 1 ? conversation_clear(tx, conversation.id, clock_wall_ms(), err) : ERR_NOT_FOUND;
}

TEST(turn_of_a_conversation_that_is_cleared_stores_nothing)
{
    struct site site;
    struct row *rows;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    stream_slowly(&site);
    struct turn *turn = site_ask(&site, brand, "brand:c", "count");
    turn_wait_text(turn, 30);
    site_write(&site, "fern", clear, brand);
    turn_cancel(turn);
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, 0);
    assert_int_equal(site_messages(&site, "fern", &rows), 0);
    assert_int_equal(site_count(&site, "fern", &testing_sent), 0);
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}

static void only_issued(struct brand_config *config)
{
    config->chat_settings.conversation_ids = STR("issued");
}

// An id that was not issued here is answered in a new conversation, whose turns stand in a lane of their own.
TEST(turn_under_the_issued_rule_runs_in_the_lane_of_its_conversation)
{
    struct site site;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", only_issued);
    stream_slowly(&site);
    struct turn *turn = site_ask(&site, brand, "brand:guessed", "count"),
                *other = site_ask(&site, brand, "brand:guessed", "count");
    turn_wait_text(turn, 10);
    turn_wait_text(other, 10); // another conversation: it does not wait for the first
    struct str id = turn_conversation(turn);
    assert_false(str_eq(id, STR("guessed")));
    assert_false(str_eq(id, turn_conversation(other)));
    const char *session = arena_printf(site.arena, "brand:" STR_FMT, STR_ARG(id));
    struct turn *found = turn_find(site.engine, STR("fern"), brand->row.chatbot_id, str_from(session));
    assert_ptr_equal(found, turn);
    turn_unref(found);
    assert_null(turn_find(site.engine, STR("fern"), brand->row.chatbot_id, STR("brand:guessed")));
    struct turn *next = site_ask(&site, brand, session, "next");
    found = turn_find(site.engine, STR("fern"), brand->row.chatbot_id, str_from(session));
    assert_ptr_equal(found, turn); // which still runs: the next one waits
    turn_unref(found);
    fake_control(&site.fake, "{\"default\":{\"answer\":\"echo\"}}");
    turn_cancel(turn);
    turn_wait(turn);
    turn_wait(next);
    assert_int_equal(turn_outcome(next)->code, 0);
    same(turn_conversation(next), id);
    turn_cancel(other);
    turn_wait(other);
    turn_unref(turn);
    turn_unref(other);
    turn_unref(next);
    brand_ref_drop(brand);
    site_close(&site);
}

static int delete_brand(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_mark_deleted(tx, clock_wall_ms(), err);
}

static int erase_brand(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_erase(tx, err);
}

// What was known of a brand before it was deleted cannot write into it any more.
TEST(turn_of_a_deleted_brand_writes_nothing)
{
    struct site site;
    struct row *rows;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    stream_slowly(&site);
    struct turn *running = site_ask(&site, brand, "brand:r", "count");
    turn_wait_text(running, 10);
    site_write(&site, "fern", delete_brand, NULL);
    engine_cancel_brand(site.engine, STR("fern"));
    turn_wait(running);
    assert_string_equal(turn_outcome(running)->finish_reason, "cancelled");
    struct turn *late = site_ask(&site, brand, "brand:l", "late");
    turn_wait(late);
    assert_int_equal(turn_outcome(late)->code, ERR_NOT_FOUND);
    site_write(&site, "fern", erase_brand, NULL);
    struct brand_ref *again = site_brand(&site, "fern", NULL);
    struct turn *latest = site_ask(&site, brand, "brand:l", "latest"); // with the old brand's snapshot
    turn_wait(latest);
    assert_int_equal(turn_outcome(latest)->code, ERR_NOT_FOUND);
    assert_int_equal(site_messages(&site, "fern", &rows), 0);
    assert_int_equal(site_count(&site, "fern", &testing_conversations), 0);
    turn_unref(running);
    turn_unref(late);
    turn_unref(latest);
    brand_ref_drop(again);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(engine_close_ends_what_runs_and_takes_nothing_more)
{
    struct site site;
    struct row *rows;
    site_open(&site, SITE_MODEL);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    stream_slowly(&site);
    struct turn *turn = site_ask(&site, brand, "brand:a", "count"), *waits = site_ask(&site, brand, "brand:a", "count");
    turn_wait_text(turn, 10);
    engine_close(site.engine);
    assert_true(turn_ended(turn) && turn_ended(waits));
    check_stored(&site, "fern", turn, "interrupted");
    struct turn *late = site_ask(&site, brand, "brand:a", "late");
    turn_wait(late);
    assert_int_equal(turn_outcome(late)->code, ERR_UNAVAILABLE);
    assert_int_equal(site_messages(&site, "fern", &rows), 2);
    turn_unref(turn);
    turn_unref(waits);
    turn_unref(late);
    brand_ref_drop(brand);
    site_close(&site);
}
