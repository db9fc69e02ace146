// SPDX-License-Identifier: Apache-2.0
// What calls share: a provider's places, the time to answer, embeddings of questions; and requests that are mended in
// mid-answer.
#include "llm/testing.h"

#include <stdio.h>

static struct fake fake;
static struct llm_provider row;
static struct llm *llm;
static struct arena *arena;

static void up(void)
{
    fake_start(&fake, NULL);
    row = provider_on(&fake, "a", 1);
    row.retries = 0;
    llm = llm_on(&row, 1);
    arena = arena_new(0);
}

static void set_rows(const struct llm_provider *rows, size_t n)
{
    assert_int_equal(llm_set_providers(llm, rows, n, NULL), 0);
}

static void down(void)
{
    llm_free(llm);
    fake_stop(&fake);
    arena_free(arena);
}

static void ask(struct chat *chat, const char *model, const char *brand)
{
    struct llm_request request = {.brand = str_from(brand), .temperature = -1};
    *chat = (struct chat){0};
    chat_start(chat, llm, model, &request);
}

TEST(share_places_go_round_the_brands)
{
    enum { MANY = 6 };
    struct chat busy, many[MANY], one;
    up();
    row.max_concurrent = 1;
    set_rows(&row, 1);
    ask(&busy, "busy;answer=count:1000;deltaDelayMs=20", "oak");
    chat_wait_text(&busy, 1);
    for (int i = 0; i < MANY; i++)
        ask(&many[i], arena_printf(arena, "oak-%d", i), "oak");
    ask(&one, "fern", "fern");
    // The first one's end is behind all the others in the inbox.
    llm_cancel(busy.call);
    chat_wait(&one);
    chat_wait(&busy);
    for (int i = 0; i < MANY; i++)
        chat_wait(&many[i]);
    yyjson_val *log = fake_wait(&fake, arena, MANY + 2);
    assert_str(json_get_str(json_get(yyjson_arr_get(log, 1), "body"), "model"), "fern");
    for (int i = 0; i < MANY; i++) {
        yyjson_val *body = json_get(yyjson_arr_get(log, (size_t)i + 2), "body");
        assert_string_equal(arena_cstr(arena, json_get_str(body, "model")), arena_printf(arena, "oak-%d", i));
        chat_free(&many[i]);
    }
    chat_free(&busy);
    chat_free(&one);
    down();
}

// Also of a call that waits, the place is given back.
TEST(share_cancelled_while_waiting)
{
    struct chat busy, waits, last;
    up();
    row.max_concurrent = 1;
    set_rows(&row, 1);
    ask(&busy, "busy;answer=count:1000;deltaDelayMs=20", "oak");
    chat_wait_text(&busy, 1);
    ask(&waits, "never", "fern");
    ask(&last, "last", "fern");
    llm_cancel(waits.call);
    chat_wait(&waits);
    assert_int_equal(waits.result.finish, LLM_CANCELLED);
    assert_int_equal(waits.result.n_attempts, 0);
    llm_cancel(busy.call);
    chat_wait(&last);
    assert_int_equal(last.result.finish, LLM_STOP);
    chat_wait(&busy);
    assert_int_equal(fake_count(&fake), 2);
    chat_free(&busy);
    chat_free(&waits);
    chat_free(&last);
    down();
}

TEST(share_whole_answers_end_in_time)
{
    struct chat chat = {0};
    up();
    struct llm_request request = {.whole = true, .response_timeout_ms = 400, .temperature = -1};
    chat_start(&chat, llm, "f;answer=count:1000;deltaDelayMs=20", &request);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_LENGTH);
    assert_true(chat.text.n > 0 && chat.text.n < 1000);
    chat_free(&chat);
    down();
}

// llama.cpp while thinking is on: the continuation is asked for in words instead, of the same server.
TEST(share_prefill_refused_in_mid_answer)
{
    struct chat chat;
    struct fake second;
    struct llm_provider rows[2];
    up();
    fake_start(&second, NULL);
    rows[0] = row;
    rows[1] = provider_on(&second, "b", 2);
    rows[1].kind = "llamacpp";
    rows[1].retries = 0;
    set_rows(rows, 2);
    fake_control(&fake, "{\"default\":{\"answer\":\"count:40\",\"cutAfter\":20}}");
    fake_control(&second, "{\"default\":{\"answer\":\"count:40\",\"refuse\":\"prefill,stream_options\"}}");
    chat_run(&chat, llm, "f");
    assert_string_equal(arena_cstr(arena, buf_str(&chat.text)), words(arena, 40));
    assert_int_equal(chat.result.finish, LLM_STOP);
    assert_int_equal(chat.result.failovers, 1);
    assert_int_equal(chat.result.n_attempts, 4);
    assert_true(chat.result.attempts[0].usage.completion > 0 && !chat.result.attempts[0].usage.known);
    assert_int_equal(chat.result.attempts[1].usage.prompt, 0); // a refusal costs nothing
    int64_t sum = 0;
    for (size_t i = 0; i < chat.result.n_attempts; i++)
        sum += chat.result.attempts[i].usage.completion;
    assert_int_equal(chat.result.usage.completion, sum);
    chat_free(&chat);
    fake_stop(&second);
    down();
}

TEST(share_capabilities)
{
    struct chat chat;
    up();
    row.usage = row.system_role = LLM_CANNOT;
    set_rows(&row, 1);
    chat_run(&chat, llm, "f");
    chat_free(&chat);
    yyjson_val *body = json_get(yyjson_arr_get(fake_wait(&fake, arena, 1), 0), "body");
    assert_null(json_get(body, "stream_options"));
    assert_int_equal(yyjson_arr_size(json_get(body, "messages")), 1);
    row.prefill = "sometimes";
    assert_int_equal(llm_set_providers(llm, &row, 1, NULL), ERR_INVALID);
    down();
}

// ---- embeddings ----------------------------------------------------------------------------------------------------

struct question {
    pthread_t thread;
    int number, rc;
    float first;
    size_t dims;
};

static void *embed_one(void *arg)
{
    struct question *q = arg;
    struct arena *own = arena_new(0);
    struct str text = arena_strf(own, "question %d", q->number);
    const float **vectors;
    struct err err;
    q->rc = llm_embed(llm, NULL, own, &text, 1, true, 10000, &vectors, &q->dims, &err);
    q->first = q->rc == 0 ? vectors[0][q->number] : 0;
    arena_free(own);
    return NULL;
}

TEST(share_questions_are_embedded_together)
{
    enum { MANY = 24 };
    struct question questions[MANY] = {0};
    const float **vectors;
    size_t dims, texts = 0;
    struct err err;
    up();
    row.embedding_model = "vec";
    row.api_key = "sk-chat-key";
    row.embedding_key = "sk-vector-key";
    set_rows(&row, 1);
    fake_control(&fake, "{\"default\":{\"firstDelayMs\":100}}");
    for (int i = 0; i < MANY; i++) {
        questions[i].number = i;
        assert_int_equal(pthread_create(&questions[i].thread, NULL, embed_one, &questions[i]), 0);
    }
    for (int i = 0; i < MANY; i++)
        pthread_join(questions[i].thread, NULL);
    yyjson_val *log = fake_wait(&fake, arena, 2), *entry;
    size_t n = yyjson_arr_size(log), i, max;
    assert_true(n < MANY);
    yyjson_arr_foreach(log, i, max, entry)
    {
        size_t inputs = yyjson_arr_size(json_get(json_get(entry, "body"), "input"));
        assert_true(inputs >= 1 && inputs <= 16);
        texts += inputs;
        assert_str(json_get_str(json_get(entry, "headers"), "authorization"), "Bearer sk-vector-key");
    }
    assert_int_equal(texts, MANY);
    fake_control(&fake, "{\"default\":{}}");
    for (int k = 0; k < MANY; k++) { // each has its own vector
        struct str text = arena_strf(arena, "question %d", k);
        assert_int_equal(questions[k].rc, 0);
        assert_int_equal(llm_embed(llm, NULL, arena, &text, 1, false, 10000, &vectors, &dims, &err), 0);
        assert_int_equal(dims, questions[k].dims);
        assert_true(vectors[0][k] == questions[k].first);
    }
    down();
}

TEST(share_embeddings_take_places)
{
    struct chat busy;
    const float **vectors;
    size_t dims;
    struct err err;
    struct str text = STR("where");
    up();
    row.embedding_model = "vec";
    row.max_concurrent = 1;
    set_rows(&row, 1);
    ask(&busy, "busy;answer=count:1000;deltaDelayMs=20", "oak");
    chat_wait_text(&busy, 1);
    assert_int_equal(llm_embed(llm, NULL, arena, &text, 1, true, 100, &vectors, &dims, &err), ERR_TIMEOUT);
    assert_int_equal(fake_count(&fake), 1); // it was never sent
    llm_cancel(busy.call);
    chat_wait(&busy);
    assert_int_equal(llm_embed(llm, NULL, arena, &text, 1, true, 10000, &vectors, &dims, &err), 0);
    chat_free(&busy);
    down();
}
