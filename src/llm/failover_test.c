// SPDX-License-Identifier: Apache-2.0
// Retries, the breaker, fail-over before and within an answer: two doubles, A first in order.
#include "llm/testing.h"

#include "base/clock.h"

#include <stdio.h>

static struct fake a, b;
static struct llm *llm;
static struct llm_provider rows[2];

static void up(void)
{
    fake_start(&a, NULL);
    fake_start(&b, NULL);
    rows[0] = provider_on(&a, "a", 1);
    rows[1] = provider_on(&b, "b", 2);
    fake_control(&b, "{\"default\":{\"answer\":\"fixed:B here\"}}");
    llm = llm_on(rows, 2);
}

static void down(void)
{
    llm_free(llm);
    fake_stop(&a);
    fake_stop(&b);
}

static void expect(struct chat *chat, const char *text, int failovers)
{
    chat_run(chat, llm, "f");
    if (chat->result.finish != LLM_STOP || !str_eq(buf_str(&chat->text), str_from(text)))
        fail_msg("finish %d, text '%s'", chat->result.finish, chat->text.p ? chat->text.p : "");
    assert_int_equal(chat->result.failovers, failovers);
}

static double arrived(struct fake *fake, struct arena *arena, size_t i)
{
    return yyjson_get_num(json_get(yyjson_arr_get(fake_wait(fake, arena, i + 1), i), "arrivedAt"));
}

// The last provider's stream ends without a word: it is asked once more in one piece, which tells the reason.
TEST(failover_from_a_stream_without_a_word)
{
    struct chat chat;
    struct arena *arena = arena_new(0);
    up();
    fake_control(&a, "{\"default\":{\"emptyStream\":true,\"answer\":\"fixed:A in one piece\"}}");
    rows[0].context_window = 5000;
    assert_int_equal(llm_set_providers(llm, rows, 1, NULL), 0);
    expect(&chat, "A in one piece", 0);
    yyjson_val *log = fake_wait(&a, arena, 2);
    assert_true(json_get_bool(json_get(yyjson_arr_get(log, 0), "body"), "stream", false));
    assert_false(json_get_bool(json_get(yyjson_arr_get(log, 1), "body"), "stream", true));
    assert_null(json_get(json_get(yyjson_arr_get(log, 1), "body"), "stream_options"));
    chat_free(&chat);
    arena_free(arena);
    down();
}

TEST(failover_before_text) // upstream-llm#4
{
    static const char *const knobs[] = {
        "{\"default\":{\"emptyStream\":true}}",
        "{\"default\":{\"html\":true}}",
        "{\"default\":{\"answer\":\"count:5\",\"garbageAt\":[0,0,0]}}",
        "{\"default\":{\"noReply\":\"rst\"}}",
        "{\"default\":{\"status\":404}}",
        "{\"default\":{\"status\":302,\"location\":\"http://127.0.0.1:1/\"}}",
        "{\"default\":{\"answer\":\"count:5\",\"cutAfter\":0,\"cutHow\":\"errorData\"}}",
        "{\"default\":{\"hugeEvent\":true}}",
    };
    struct chat chat;
    up();
    for (size_t i = 0; i < sizeof knobs / sizeof knobs[0]; i++) {
        rows[0].retries = 0;
        rows[0].context_window = 4096 + (int64_t)i; // another row: the breaker starts afresh
        assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
        fake_control(&a, knobs[i]);
        expect(&chat, "B here", 1);
        assert_string_equal(chat.result.attempts[1].provider, "b");
        chat_free(&chat);
    }
    // LM Studio's reply to a wrong path, with one retry.
    rows[0].retries = -1;
    char base[100];
    snprintf(base, sizeof base, "%s/wrong", a.url);
    rows[0].base_url = base;
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&a, "{\"default\":{\"dialect\":\"lmstudio\",\"errorBody\":\"{}\"}}");
    chat_run(&chat, llm, "f");
    chat_free(&chat);
    down();
}

TEST(failover_retries_wait) // upstream-llm#5
{
    struct chat chat;
    struct arena *arena = arena_new(0);
    up();
    fake_control(&a, "{\"default\":{\"answer\":\"count:3\"},\"queue\":[{\"status\":500},{\"status\":500}]}");
    expect(&chat, "w1 w2 w3", 0);
    assert_int_equal(chat.result.n_attempts, 3);
    assert_string_equal(chat.result.attempts[0].outcome, "busy");
    assert_int_equal(chat.result.attempts[0].status, 500);
    assert_true(arrived(&a, arena, 1) - arrived(&a, arena, 0) >= 375);
    assert_true(arrived(&a, arena, 2) - arrived(&a, arena, 1) >= 750);
    chat_free(&chat);
    fake_control(&a, "{\"default\":{\"status\":500,\"shouldRetry\":\"false\"}}");
    expect(&chat, "B here", 1);
    assert_int_equal(chat.result.n_attempts, 2);
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(failover_rate) // upstream-llm#6
{
    struct chat chat;
    struct arena *arena = arena_new(0);
    up();
    fake_control(&a, "{\"default\":{\"answer\":\"count:3\"},\"queue\":[{\"status\":429,\"retryAfterMs\":300}]}");
    expect(&chat, "w1 w2 w3", 0);
    assert_true(arrived(&a, arena, 1) - arrived(&a, arena, 0) >= 300);
    chat_free(&chat);
    fake_control(&a, "{\"queue\":[{\"status\":429,\"retryAfter\":5}]}");
    expect(&chat, "B here", 1);
    chat_free(&chat);
    size_t asked = fake_count(&a);
    expect(&chat, "B here", 0);
    chat_free(&chat);
    assert_int_equal(fake_count(&a), asked);
    clock_advance(5000);
    expect(&chat, "w1 w2 w3", 0);
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(failover_key) // upstream-llm#7
{
    struct chat chat;
    up();
    rows[0].api_key = "sk-wrong";
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&a, "{\"default\":{\"auth\":\"sk-right\",\"answer\":\"count:2\"}}");
    for (int i = 0; i < 3; i++) {
        expect(&chat, "B here", i == 0);
        assert_null(strstr(chat.result.error, "sk-wrong")); // which A echoes
        assert_int_equal(i == 0, strstr(chat.result.error, "Incorrect API key") != NULL);
        chat_free(&chat);
    }
    assert_int_equal(fake_count(&a), 1);
    rows[0].api_key = "sk-right";
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    expect(&chat, "w1 w2", 0);
    chat_free(&chat);
    fake_control(&a, "{\"default\":{\"quota\":0}}");
    rows[0].max_concurrent = 7;
    expect(&chat, "B here", 1);
    assert_string_equal(chat.result.attempts[0].outcome, "quota");
    chat_free(&chat);
    down();
}

TEST(failover_slow) // upstream-llm#8, #9
{
    struct chat chat;
    up();
    rows[0].first_token_ms = rows[0].inter_token_ms = 300;
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&a, "{\"default\":{\"firstDelayMs\":20000,\"commentMs\":50}}");
    expect(&chat, "B here", 1);
    assert_string_equal(chat.result.attempts[0].outcome, "slow");
    assert_true(chat.result.attempts[0].ms >= 300 && chat.result.attempts[0].ms < 10000);
    chat_free(&chat);
    fake_control(&a, "{\"default\":{\"answer\":\"count:10\",\"cutAfter\":5,\"cutHow\":\"hang\"}}");
    fake_control(&b, "{\"default\":{\"answer\":\"count:10\"}}");
    expect(&chat, "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10", 1);
    chat_free(&chat);
    // A pause of the reader is not the server's fault.
    rows[0].first_token_ms = 20000;
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&a, "{\"default\":{\"answer\":\"count:9000\"}}");
    chat = (struct chat){.refuse = true};
    chat_start(&chat, llm, "f", NULL);
    chat_wait_text(&chat, 1);
    struct chat other = {0};
    chat_start(&other, llm, "f;answer=count:3;deltaDelayMs=250", NULL); // lasts longer than the deadline
    chat_wait(&other);
    chat_free(&other);
    pthread_mutex_lock(&chat.lock);
    assert_false(chat.done);
    chat.refuse = false;
    pthread_mutex_unlock(&chat.lock);
    llm_call_resume(chat.call);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_STOP);
    assert_int_equal(chat.result.failovers, 0);
    chat_free(&chat);
    down();
}

TEST(failover_within_an_answer) // upstream-llm#10
{
    static const char *const cuts[] = {"fin", "rst", "errorData", "errorField", "errorEvent"};
    static const char *const prefills[] = {"continue", "restart", "overlap:12", "ignore"};
    static const char *const kinds[] = {"openai", "vllm", "ollama"};
    struct chat chat;
    struct arena *arena = arena_new(0);
    up();
    size_t round = 0;
    for (size_t c = 0; c < 5; c++)
        for (size_t p = 0; p < 4; p++) {
            rows[0].context_window = rows[1].context_window = 100000 + (int64_t)round;
            rows[1].kind = kinds[round++ % 3];
            assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
            fake_control(&a, arena_printf(arena,
                                          "{\"default\":{\"answer\":\"count:100\",\"cutAfter\":50,\"cutHow\":\"%s\"}}",
                                          cuts[c]));
            fake_control(
                &b, arena_printf(arena, "{\"default\":{\"answer\":\"count:100\",\"prefill\":\"%s\"}}", prefills[p]));
            expect(&chat, words(arena, 100), 1);
            assert_true(chat.result.usage.completion >= 90); // the first part is estimated
            assert_false(chat.result.usage.known);
            assert_int_equal(chat.result.n_attempts, 2);
            chat_free(&chat);
        }
    down();
    arena_free(arena);
}

TEST(failover_both_cut) // upstream-llm#11
{
    struct chat chat;
    struct arena *arena = arena_new(0);
    up();
    fake_control(&a, "{\"default\":{\"answer\":\"count:100\",\"cutAfter\":20}}");
    fake_control(&b, "{\"default\":{\"answer\":\"count:100\",\"cutAfter\":30}}");
    chat_run(&chat, llm, "f");
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_string_equal(chat.result.reason, "all_failed");
    assert_true(chat.result.any_text);
    assert_true(str_eq(buf_str(&chat.text), str_from(words(arena, 50))));
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(failover_departs) // a continuation that starts again and then says something else is a fault
{
    struct chat chat;
    up();
    fake_control(
        &a, "{\"default\":{\"answer\":\"fixed:one two three four five six seven eight nine ten\",\"cutAfter\":9}}");
    fake_control(&b, "{\"default\":{\"answer\":\"fixed:one two three four five six seven eight "
                     "elephants\",\"prefill\":\"ignore\"}}");
    chat_run(&chat, llm, "f");
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_str(buf_str(&chat.text), "one two three four five six seven eight nine");
    chat_free(&chat);
    down();
}

TEST(failover_breaker) // upstream-llm#13
{
    struct chat chat;
    up();
    rows[0].retries = 0;
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&a, "{\"default\":{\"status\":500}}");
    for (int i = 0; i < 5; i++) {
        expect(&chat, "B here", 1);
        chat_free(&chat);
    }
    expect(&chat, "B here", 0);
    chat_free(&chat);
    assert_int_equal(fake_count(&a), 5);
    clock_advance(30000);
    expect(&chat, "B here", 1); // the trial; open for 60 s now
    chat_free(&chat);
    clock_advance(30000);
    expect(&chat, "B here", 0);
    chat_free(&chat);
    assert_int_equal(fake_count(&a), 6);
    clock_advance(30000);
    fake_control(&a, "{\"default\":{\"answer\":\"count:2\"}}");
    for (int i = 0; i < 2; i++) {
        expect(&chat, "w1 w2", 0);
        chat_free(&chat);
    }
    assert_int_equal(fake_count(&a), 8);
    down();
}

TEST(failover_all_failed_and_timeout)
{
    struct chat chat;
    up();
    rows[0].retries = rows[1].retries = 0;
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&a, "{\"default\":{\"status\":500}}");
    fake_control(&b, "{\"default\":{\"status\":401}}");
    chat_run(&chat, llm, "f");
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_string_equal(chat.result.reason, "all_failed");
    assert_false(chat.result.any_text);
    assert_int_equal(chat.result.n_attempts, 2);
    chat_free(&chat);
    fake_control(&a, "{\"default\":{\"firstDelayMs\":60000}}");
    struct llm_request request = {.response_timeout_ms = 200, .temperature = -1};
    chat = (struct chat){0};
    chat_start(&chat, llm, "f", &request);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_string_equal(chat.result.reason, "timeout");
    chat_free(&chat);
    // Cancelled within the wait for a retry: no other request follows.
    struct arena *arena = arena_new(0);
    rows[0].retries = 2;
    assert_int_equal(llm_set_providers(llm, rows, 1, NULL), 0);
    fake_control(&a, "{\"default\":{\"status\":500}}");
    size_t before = fake_count(&a);
    chat = (struct chat){0};
    chat_start(&chat, llm, "f", NULL);
    fake_wait(&a, arena, before + 1);
    llm_cancel(chat.call);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_CANCELLED);
    assert_int_equal(fake_count(&a), before + 1);
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(failover_full_provider_waits_its_turn)
{
    struct chat chats[4] = {0};
    up();
    rows[0].max_concurrent = 1;
    assert_int_equal(llm_set_providers(llm, rows, 2, NULL), 0);
    fake_control(&a, "{\"default\":{\"answer\":\"count:4\",\"deltaDelayMs\":10}}");
    for (int i = 0; i < 4; i++)
        chat_start(&chats[i], llm, "f", NULL);
    llm_cancel(chats[2].call);
    for (int i = 0; i < 4; i++) {
        chat_wait(&chats[i]);
        if (i != 2)
            assert_str(buf_str(&chats[i].text), "w1 w2 w3 w4");
        else
            assert_int_equal(chats[i].result.finish, LLM_CANCELLED);
        chat_free(&chats[i]);
    }
    down();
}
