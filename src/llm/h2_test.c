// SPDX-License-Identifier: Apache-2.0
// The client over HTTP/2: one connection for many calls, cancels as resets of streams, and what can go wrong there.
#include "llm/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct fake a, b;
static struct llm *llm;
static struct arena *arena;
static char papers[2][64];

static struct llm_provider providers[2];

static void up(void)
{
    arena = arena_new(0);
    for (int i = 0; i < 2; i++) {
        struct fake *fake = i ? &b : &a;
        snprintf(papers[i], sizeof papers[i], "/tmp/parley-h2-%d-%d.pem", (int)getpid(), i);
        fake_start(fake, arena_printf(arena, "--h2 --cert-out %s", papers[i]));
        providers[i] = provider_on(fake, i ? "b" : "a", i + 1);
        providers[i].ca_file = papers[i];
        providers[i].retries = 0;
        providers[i].inter_token_ms = 300;
        providers[i].max_concurrent = 64;
    }
    llm = llm_on(providers, 2);
}

static void down(void)
{
    llm_free(llm);
    fake_stop(&a);
    fake_stop(&b);
    unlink(papers[0]);
    unlink(papers[1]);
    arena_free(arena);
}

static void expect(const char *model, const char *text, int failovers)
{
    struct chat chat;
    chat_run(&chat, llm, model);
    if (chat.result.finish != LLM_STOP || !str_eq(buf_str(&chat.text), str_from(text)) ||
        chat.result.failovers != failovers)
        fail_msg("%s: finish %d, %d fail-overs, %s: %s, text '%s'", model, chat.result.finish, chat.result.failovers,
                 chat.result.attempts[0].outcome, chat.result.error, chat.text.p ? chat.text.p : "");
    chat_free(&chat);
}

static int64_t connections(yyjson_val *log)
{
    int64_t most = 0, seen[64] = {0}, n = 0;
    size_t i, max;
    yyjson_val *entry;
    yyjson_arr_foreach(log, i, max, entry)
    {
        int64_t number = json_get_int(entry, "connection", 0);
        bool known = false;
        for (int64_t k = 0; k < n; k++)
            known |= seen[k] == number;
        if (!known && n < 64)
            seen[n++] = number;
        most = n;
        assert_str(json_get_str(entry, "alpn"), "h2");
    }
    return most;
}

TEST(h2_connections_are_used_again) // upstream-llm#22, #2 over HTTP/2
{
    enum { N = 30 };
    static struct chat chats[N];
    up();
    expect("f;answer=count:200;split=3", words(arena, 200), 0);
    expect("f;answer=count:40;gzip=1", words(arena, 40), 0);
    expect("f;answer=count:40;jsonBody=1", words(arena, 40), 0);
    assert_int_equal(connections(fake_wait(&a, arena, 3)), 1);
    for (int i = 0; i < N; i++) {
        chats[i] = (struct chat){0};
        chat_start(&chats[i], llm, "f;answer=count:20;deltaDelayMs=5", NULL);
    }
    for (int i = 0; i < N; i++) {
        chat_wait(&chats[i]);
        assert_true(str_eq(buf_str(&chats[i].text), str_from(words(arena, 20))));
        chat_free(&chats[i]);
    }
    for (int i = 0; i < 20; i++)
        expect("f;answer=count:3", words(arena, 3), 0);
    assert_true(connections(fake_wait(&a, arena, N + 23)) <= N);
    down();
}

static int by_size(const void *x, const void *y)
{
    double p = *(const double *)x, q = *(const double *)y;
    return (p > q) - (p < q);
}

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

// The double sees each at once; B is not called.
TEST(h2_cancel_resets_the_stream) // upstream-llm#12
{
    enum { N = 100 };
    static double took[N];
    up();
    for (size_t i = 0; i < N; i++) {
        struct chat chat = {0};
        chat_start(&chat, llm, "f;answer=count:500;deltaDelayMs=20", NULL);
        chat_wait_text(&chat, 1);
        double asked = wall();
        llm_cancel(chat.call);
        chat_wait(&chat);
        assert_int_equal(chat.result.finish, LLM_CANCELLED);
        assert_false(chat.result.usage.known);
        assert_true(chat.result.usage.prompt > 0);
        yyjson_val *entry = yyjson_arr_get(fake_wait(&a, arena, i + 1), i);
        if (!yyjson_is_num(json_get(entry, "clientClosedAt")))
            fail_msg("%zu: " STR_FMT, i, STR_ARG(json_write_val(arena, entry)));
        took[i] = yyjson_get_num(json_get(entry, "clientClosedAt")) - asked;
        chat_free(&chat);
    }
    qsort(took, N, sizeof took[0], by_size);
    if (took[N / 2] > 50 || took[N - 1] > 1000)
        fail_msg("median %.1f ms, most %.1f ms", took[N / 2], took[N - 1]);
    assert_int_equal(fake_count(&b), 0);
    // While it waits for the first byte; and while it waits to ask again.
    struct chat chat = {0};
    chat_start(&chat, llm, "f;headerDelayMs=60000", NULL);
    while (fake_count(&a) < N + 1)
        ;
    llm_cancel(chat.call);
    chat_wait(&chat);
    assert_true(yyjson_is_num(json_get(yyjson_arr_get(fake_wait(&a, arena, N + 1), N), "clientClosedAt")));
    chat_free(&chat);
    down();
}

TEST(h2_faults_in_mid_answer) // upstream-llm#10
{
    static const char *const hows[] = {"rst", "goaway", "fin", "hang", "errorData", "errorEvent"};
    up();
    fake_control(&b, "{\"default\":{\"answer\":\"count:40\"}}");
    for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++) {
        fake_control(&a, arena_printf(arena, "{\"default\":{\"answer\":\"count:40\",\"cutAfter\":7,\"cutHow\":\"%s\"}}",
                                      hows[i]));
        expect(arena_printf(arena, "f%zu", i), words(arena, 40), 1);
        // The connection, or the next one, serves as before.
        fake_control(&a, "{\"default\":{\"answer\":\"count:5\"}}");
        expect(arena_printf(arena, "g%zu", i), words(arena, 5), 0);
    }
    down();
}

// Before any byte: a refused stream and a connection that says goodbye are asked again without counting; silence and
// an end without a word go to the next provider.
TEST(h2_faults_before_the_answer)
{
    static const struct {
        const char *how;
        int failovers;
    } rows[] = {{"rst", 0}, {"goaway", 0}, {"hang", 1}};
    up();
    fake_control(&b, "{\"default\":{\"answer\":\"count:5\"}}");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_control(&a, "{\"default\":{\"answer\":\"count:5\"}}");
        expect(arena_printf(arena, "f%zu", i), words(arena, 5), 0);
        fake_control(&a, arena_printf(arena, "{\"default\":{\"answer\":\"count:5\"},\"queue\":[{\"noReply\":\"%s\"}]}",
                                      rows[i].how));
        struct llm_request request = {.temperature = 0.5, .max_tokens = 500, .response_timeout_ms = 60000};
        struct chat chat = {0};
        chat_start(&chat, llm, arena_printf(arena, "g%zu", i), &request);
        chat_wait(&chat);
        if (chat.result.finish != LLM_STOP || !str_eq(buf_str(&chat.text), str_from(words(arena, 5))) ||
            chat.result.failovers != rows[i].failovers)
            fail_msg("%s: finish %d, %d fail-overs, %zu attempts, %s", rows[i].how, chat.result.finish,
                     chat.result.failovers, chat.result.n_attempts, chat.result.error);
        chat_free(&chat);
    }
    down();
}

// The server takes no more of the request than its first window: the deadline to the first token ends that.
TEST(h2_window_that_never_opens)
{
    char *text = mem_alloc(200000);
    memset(text, 'a', 200000);
    up();
    fake_control(&a, "{\"default\":{\"h2NoWindow\":true,\"answer\":\"count:5\"}}");
    fake_control(&b, "{\"default\":{\"answer\":\"count:5\"}}");
    providers[0].first_token_ms = 400;
    assert_int_equal(llm_set_providers(llm, providers, 2, NULL), 0);
    const struct llm_message messages[] = {{"user", {text, 200000}}};
    struct llm_request request = {.messages = messages, .n_messages = 1, .temperature = 0.5, .max_tokens = 500};
    struct chat chat = {0};
    chat_start(&chat, llm, "f", &request);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_STOP);
    assert_string_equal(chat.result.attempts[0].outcome, "slow");
    assert_true(str_eq(buf_str(&chat.text), str_from(words(arena, 5))));
    chat_free(&chat);
    free(text);
    down();
}

// A reader that stops gets nothing until it goes on, and then all; others on the same connection do not notice.
TEST(h2_slow_reader_holds_nobody_up)
{
    up();
    expect("f;answer=count:1", "w1", 0);
    struct chat slow = {.refuse = true};
    chat_start(&slow, llm, "f;answer=count:100000", NULL);
    chat_wait_text(&slow, 1);
    for (int i = 0; i < 5; i++)
        expect("f;answer=count:50", words(arena, 50), 0);
    pthread_mutex_lock(&slow.lock);
    assert_false(slow.done);
    assert_int_equal(slow.deltas, 1);
    slow.refuse = false;
    pthread_mutex_unlock(&slow.lock);
    llm_call_resume(slow.call);
    chat_wait(&slow);
    assert_int_equal(slow.result.finish, LLM_STOP);
    assert_true(str_eq(buf_str(&slow.text), str_from(words(arena, 100000))));
    chat_free(&slow);
    down();
}
