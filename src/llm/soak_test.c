// SPDX-License-Identifier: Apache-2.0
// Many calls with random knobs, order of arrival, the window a server tells, and what health is told.
#include "llm/testing.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>

static struct fake fake;
static struct llm *llm;
static struct arena *arena;

static void up(const char *kind)
{
    fake_start(&fake, NULL);
    struct llm_provider row = provider_on(&fake, "a", 1);
    row.kind = kind;
    row.retries = 0;
    row.first_token_ms = row.inter_token_ms = 200;
    row.max_concurrent = 20;
    llm = llm_on(&row, 1);
    arena = arena_new(0);
}

static void down(void)
{
    llm_free(llm);
    fake_stop(&fake);
    arena_free(arena);
}

TEST(soak_random_knobs) // upstream-llm#27
{
    static const char *const knobs[] = {
        "split=1",
        "split=3;eol=crlf",
        "eol=cr;comments=2",
        "bom=1",
        "oneBlock=1",
        "status=500",
        "status=429",
        "cutAfter=4",
        "cutAfter=4;cutHow=rst",
        "cutAfter=4;cutHow=hang",
        "noDone=1",
        "noFinish=1",
        "emptyFinish=1",
        "earlyDone=1",
        "emptyStream=1",
        "jsonBody=1",
        "ndjson=1",
        "html=1",
        "gzip=1",
        "garbageAt=3",
        "garbageAt=3,3,3",
        "hugeEvent=1",
        "badUtf8=1",
        "nullContent=1",
        "partsContent=1",
        "noDelta=1",
        "messageDelta=1",
        "usage=each",
        "usage=none",
        "reasoning=tags",
        "finish=length",
        "finish=content_filter",
        "noReply=rst",
        "noReply=fin",
        "closeIdle=1",
        "cutHow=errorField;cutAfter=2",
        "dialect=azure",
        "dialect=sglang;usage=each",
        "refuse=temperature",
        "ctx=3",
        "deltaDelayMs=1",
        "reasoning=field:reasoning",
    };
    enum { TURNS = 400, AT_ONCE = 25 };
    static struct chat chats[AT_ONCE];
    uint32_t random = 12345;
    up("openai");
    for (int i = 0; i < TURNS + AT_ONCE; i++) {
        struct chat *chat = &chats[i % AT_ONCE];
        if (i >= AT_ONCE) {
            chat_wait(chat);
            assert_true(chat->result.finish != LLM_CANCELLED || chat->cancel_after > 0);
            assert_true(chat->result.finish != LLM_ERROR || chat->result.reason != NULL);
            chat_free(chat);
        }
        if (i >= TURNS)
            continue;
        random = random * 1664525 + 1013904223;
        // A model of its own each: one lane's breaker would hide most of them.
        const char *model =
            arena_printf(arena, "f%d;answer=count:8;%s", i, knobs[(random >> 8) % (sizeof knobs / sizeof knobs[0])]);
        *chat = (struct chat){.cancel_after = (random >> 24) % 8 == 0};
        chat_start(chat, llm, model, NULL);
    }
    down();
}

TEST(soak_first_delta_before_the_second) // upstream-llm#28
{
    enum { N = 100 };
    static struct chat chats[N];
    up("openai");
    struct llm_provider row = provider_on(&fake, "a", 1);
    row.max_concurrent = N;
    assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
    chat_run(&chats[0], llm, "f;answer=count:3;deltaDelayMs=150"); // nothing is held back from a model that is known
    chat_free(&chats[0]);
    for (int i = 0; i < N; i++) {
        chats[i] = (struct chat){0};
        chat_start(&chats[i], llm, "f;answer=count:3;deltaDelayMs=150", NULL);
    }
    for (int i = 0; i < N; i++) {
        chat_wait(&chats[i]);
        assert_int_equal(chats[i].deltas, 3);
        assert_str(buf_str(&chats[i].text), "w1 w2 w3");
        chat_free(&chats[i]);
    }
    down();
}

// Sixteen bytes without a tag are enough: nobody waits until a first answer has come to its end.
TEST(soak_model_is_known_from_its_first_words)
{
    struct chat first = {0}, second = {0};
    up("openai");
    struct llm_provider row = provider_on(&fake, "a", 1);
    row.max_concurrent = 2;
    assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
    fake_control(&fake, "{\"queue\":[{\"answer\":\"count:1000\",\"deltaDelayMs\":20},"
                        "{\"answer\":\"count:3\",\"deltaDelayMs\":10}]}");
    chat_start(&first, llm, "f", NULL);
    chat_wait_text(&first, 20);
    chat_start(&second, llm, "f", NULL);
    chat_wait(&second);
    assert_int_equal(second.deltas, 3); // held back, the first two would come as one
    llm_cancel(first.call);
    chat_wait(&first);
    assert_int_equal(first.result.finish, LLM_CANCELLED);
    chat_free(&second);
    chat_free(&first);
    down();
}

static void count_pause(void *arg)
{
    atomic_fetch_add((_Atomic int *)arg, 1);
}

TEST(soak_pause_follows_what_was_delivered)
{
    struct chat chat = {0};
    _Atomic int pauses = 0;
    up("openai");
    llm_on_pause(llm, count_pause, &pauses);
    chat_start(&chat, llm, "f;answer=count:1000;deltaDelayMs=20", NULL);
    chat_wait_text(&chat, 1);
    int before = atomic_load(&pauses);
    chat_wait_text(&chat, 40);
    assert_true(atomic_load(&pauses) > before);
    llm_cancel(chat.call);
    chat_wait(&chat);
    llm_on_pause(llm, NULL, NULL);
    chat_free(&chat);
    down();
}

TEST(soak_window_is_learnt)
{
    static const char *const kinds[] = {"vllm", "llamacpp", "auto"};
    for (size_t i = 0; i < 3; i++) {
        struct chat chat;
        up(kinds[i]);
        fake_control(&fake, "{\"default\":{\"ctx\":\"5000:400\"}}");
        int64_t before = llm_context_window(llm, STR("m"));
        chat_run(&chat, llm, "m");
        assert_int_equal(chat.result.finish, LLM_STOP);
        chat_free(&chat);
        fake_wait(&fake, arena, 2);
        // The reply is read behind the request: the loop is asked until it has.
        for (int tries = 0; llm_context_window(llm, STR("m")) == before && tries < 100000; tries++) {
            const struct llm_state *states;
            assert_int_equal(llm_states(llm, arena, &states), 1);
        }
        assert_int_equal(llm_context_window(llm, STR("m")), 5000);
        down();
    }
}

TEST(soak_states)
{
    const struct llm_state *states;
    struct chat chat;
    up("openai");
    assert_int_equal(llm_states(llm, arena, &states), 0);
    chat_run(&chat, llm, "f;answer=count:2");
    chat_free(&chat);
    for (int i = 0; i < 6; i++) {
        chat_run(&chat, llm, "f;status=500");
        chat_free(&chat);
    }
    assert_int_equal(llm_states(llm, arena, &states), 2);
    const struct llm_state *bad = &states[strcmp(states[0].model, "f;status=500") == 0 ? 0 : 1],
                           *good = &states[bad == states];
    assert_string_equal(good->provider, "a");
    assert_string_equal(good->circuit, "closed");
    assert_int_equal(good->n_counts, 1);
    assert_string_equal(good->counts[0].outcome, "ok");
    assert_string_equal(bad->circuit, "open");
    assert_true(bad->reopens_in_ms > 0 && bad->reopens_in_ms <= 30000);
    assert_string_equal(bad->counts[0].outcome, "busy");
    assert_int_equal(bad->counts[0].n, 5);
    clock_advance(30000);
    assert_int_equal(llm_states(llm, arena, &states), 2);
    assert_string_equal(states[strcmp(states[0].model, "f;status=500") == 0 ? 0 : 1].circuit, "half_open");
    down();
}

TEST(soak_double_is_deterministic) // upstream-llm#29
{
    static const char *const models[] = {"f;answer=count:30",          "f;answer=count:30;split=3;eol=crlf;comments=2",
                                         "f;dialect=azure;usage=each", "f;gzip=1",
                                         "f;reasoning=tags",           "f;ndjson=1"};
    struct fake one, other, seeded;
    arena = arena_new(0);
    fake_start(&one, "--seed 7");
    fake_start(&other, "--seed 7");
    fake_start(&seeded, "--seed 8");
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20), c = BUF_INIT(1 << 20);
        const char *body = arena_printf(arena,
                                        "{\"model\":\"%s\",\"stream\":true,\"messages\":[{\"role\":\"user\","
                                        "\"content\":\"Good morning\"}]}",
                                        models[i]);
        fake_post(&one, "/v1/chat/completions", body, &a);
        fake_post(&other, "/v1/chat/completions", body, &b);
        fake_post(&seeded, "/v1/chat/completions", body, &c);
        assert_true(a.n > 100 && str_eq(buf_str(&a), buf_str(&b)));
        assert_true(i == 5 || !str_eq(buf_str(&a), buf_str(&c))); // Ollama's lines carry no id
        buf_done(&a);
        buf_done(&b);
        buf_done(&c);
    }
    const char *body = "{\"model\":\"v\",\"input\":[\"a shirt\",\"a shirt, blue\"]}";
    struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
    fake_post(&one, "/v1/embeddings", body, &a);
    fake_post(&other, "/v1/embeddings", body, &b);
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
    buf_done(&a);
    buf_done(&b);
    fake_stop(&one);
    fake_stop(&other);
    fake_stop(&seeded);
    arena_free(arena);
}
