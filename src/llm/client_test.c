// SPDX-License-Identifier: Apache-2.0
// The client against the test double: one provider.
#include "llm/testing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct fake fake;
static struct llm *llm;

static void up(struct llm_provider *ret_row)
{
    fake_start(&fake, NULL);
    struct llm_provider row = provider_on(&fake, "a", 1);
    if (ret_row)
        *ret_row = row;
    llm = llm_on(&row, 1);
}

static void down(void)
{
    llm_free(llm);
    fake_stop(&fake);
}

static void expect(const char *model, const char *text)
{
    struct chat chat;
    chat_run(&chat, llm, model);
    if (chat.result.finish != LLM_STOP || !str_eq(buf_str(&chat.text), str_from(text)))
        fail_msg("%s: finish %d %s, text '%s'", model, chat.result.finish,
                 chat.result.n_attempts ? chat.result.attempts[chat.result.n_attempts - 1].outcome : "",
                 chat.text.p ? chat.text.p : "");
    if (chat.result.n_attempts != 1)
        fail_msg("%s: %zu attempts", model, chat.result.n_attempts);
    chat_free(&chat);
}

TEST(client_no_provider) // upstream-llm#1
{
    struct chat chat;
    llm = llm_on(NULL, 0);
    assert_false(llm_has_model(llm));
    chat_run(&chat, llm, "x");
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_string_equal(chat.result.reason, "no_model");
    assert_false(chat.result.any_text);
    chat_free(&chat);
    llm_free(llm);
}

TEST(client_dialects_and_splits) // upstream-llm#2
{
    static const char *const dialects[] = {"openai",    "ollama", "llamacpp", "llamacpp-old", "vllm",
                                           "vllm-flat", "sglang", "lmstudio", "azure"};
    static const char *const shapes[] = {"",
                                         ";split=1",
                                         ";split=2;eol=crlf;comments=1",
                                         ";split=3;eol=cr;bom=1",
                                         ";split=7;eol=crlf;comments=2;bom=1",
                                         ";eol=cr;comments=1"};
    struct arena *arena = arena_new(0);
    up(NULL);
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
            expect(arena_printf(arena, "f;answer=count:200;dialect=%s%s", dialects[i], shapes[k]), words(arena, 200));
    down();
    arena_free(arena);
}

TEST(client_framing_faults_that_are_none) // upstream-llm#3
{
    static const char *const knobs[] = {"noDone",       "earlyDone", "emptyFinish", "nullContent",
                                        "partsContent", "noDelta",   "oneBlock",    "messageDelta",
                                        "jsonBody",     "ndjson",    "gzip",        "specialEnd"};
    struct arena *arena = arena_new(0);
    up(NULL);
    for (size_t i = 0; i < sizeof knobs / sizeof knobs[0]; i++) {
        expect(arena_printf(arena, "f;answer=count:40;%s=1", knobs[i]), words(arena, 40));
        expect(arena_printf(arena, "f;answer=count:40;%s=1;split=3", knobs[i]), words(arena, 40));
    }
    expect("f;answer=fixed:All is well.;noFinish=1;noDone=1", "All is well.");
    expect("f;answer=fixed:สวัสดีครับ ยินดีต้อนรับ 你好 😀;split=1", "สวัสดีครับ ยินดีต้อนรับ 你好 😀");
    expect("f;answer=fixed:ab;badUtf8=1", "\xef\xbf\xbd"
                                          "ab");
    down();
    arena_free(arena);
}

TEST(client_reasoning_is_never_shown) // upstream-llm#18
{
    static const char *const forms[] = {"field:reasoning_content", "field:reasoning", "field:thinking", "tags",
                                        "closeTagOnly"};
    struct arena *arena = arena_new(0);
    up(NULL);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        expect(arena_printf(arena, "f%zu;answer=count:9;reasoning=%s", i, forms[i]), words(arena, 9));
        expect(arena_printf(arena, "f%zu;answer=count:9;reasoning=%s;split=1", i, forms[i]), words(arena, 9));
    }
    down();
    arena_free(arena);
}

TEST(client_usage) // upstream-llm#19
{
    static const struct {
        const char *mode;
        bool known;
    } rows[] = {{"end", true}, {"each", true}, {"late", true}, {"xgroq", true}, {"zeroPrompt", false}, {"none", false}};
    struct arena *arena = arena_new(0);
    int64_t prompt = 0;
    up(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chat chat;
        chat_run(&chat, llm, arena_printf(arena, "f;answer=count:50;usage=%s", rows[i].mode));
        assert_int_equal(chat.result.finish, LLM_STOP);
        assert_int_equal(chat.result.usage.known, rows[i].known);
        if (prompt == 0)
            prompt = chat.result.usage.prompt;
        assert_int_equal(chat.result.usage.prompt, prompt);
        if (i < 5)
            assert_int_equal(chat.result.usage.completion, 50);
        chat_free(&chat);
    }
    down();
    arena_free(arena);
}

TEST(client_sends_what_it_should)
{
    struct llm_provider row;
    struct arena *arena = arena_new(0);
    fake_start(&fake, NULL);
    row = provider_on(&fake, "a", 1);
    const struct llm_pair extra = {"X-Extra", "yes"}, models = {"small", "big;answer=count:2"};
    row.api_key = "sk-secret";
    row.extra_headers = &extra;
    row.n_extra_headers = 1;
    row.extra_body = "{\"top_k\":5,\"messages\":[],\"null\":null}";
    row.models = &models;
    row.n_models = 1;
    llm = llm_on(&row, 1);
    struct chat chat;
    chat_run(&chat, llm, "small");
    assert_str(buf_str(&chat.text), "w1 w2");
    assert_string_equal(chat.result.model, "big;answer=count:2");
    yyjson_val *entry = yyjson_arr_get(fake_wait(&fake, arena, 1), 0);
    yyjson_val *headers = json_get(entry, "headers"), *body = json_get(entry, "body");
    assert_str(json_get_str(entry, "path"), "/v1/chat/completions");
    assert_str(json_get_str(headers, "authorization"), "Bearer sk-secret");
    assert_str(json_get_str(headers, "accept"), "text/event-stream");
    assert_str(json_get_str(headers, "accept-encoding"), "identity");
    assert_str(json_get_str(headers, "content-type"), "application/json");
    assert_str(json_get_str(headers, "x-extra"), "yes");
    assert_true(str_starts(json_get_str(headers, "user-agent"), STR("Parley/")));
    assert_null(json_get(headers, "expect"));
    assert_true(json_get_bool(body, "stream", false));
    assert_true(json_get_bool(json_get(body, "stream_options"), "include_usage", false));
    assert_int_equal(json_get_int(body, "max_tokens", 0), 500);
    assert_int_equal(json_get_int(body, "top_k", 0), 5);
    assert_null(json_get(body, "null"));
    assert_int_equal(yyjson_arr_size(json_get(body, "messages")), 2);
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(client_refused_parameters) // upstream-llm#16
{
    static const char *const names[] = {"stream_options",
                                        "max_tokens",
                                        "temperature",
                                        "stream_options,max_tokens,temperature",
                                        "max_tokens,max_completion_tokens",
                                        "system"};
    static const size_t extra[] = {1, 1, 1, 3, 2, 1};
    struct arena *arena = arena_new(0);
    up(NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fake_clear(&fake);
        const char *model = arena_printf(arena, "f%zu;answer=count:3;refuse=%s", i, names[i]);
        for (int turn = 0; turn < 2; turn++) {
            struct chat chat;
            chat_run(&chat, llm, model);
            assert_str(buf_str(&chat.text), "w1 w2 w3");
            assert_int_equal(chat.result.n_attempts, turn == 0 ? 1 + extra[i] : 1);
            chat_free(&chat);
        }
        assert_int_equal(fake_count(&fake), 2 + extra[i]);
    }
    down();
    arena_free(arena);
}

// A question behind rules and forty messages of 400 characters.
static struct llm_request long_request(struct arena *arena)
{
    struct llm_message *messages = arena_calloc(arena, 42, sizeof *messages);
    char *filler = arena_alloc(arena, 400);
    memset(filler, 'x', 400);
    messages[0] = (struct llm_message){"system", STR("Rules.")};
    for (size_t i = 1; i < 41; i++)
        messages[i] = (struct llm_message){i % 2 ? "user" : "assistant", {filler, 400}};
    messages[41] = (struct llm_message){"user", STR("The question")};
    return (struct llm_request){.messages = messages, .n_messages = 42, .max_tokens = 300, .temperature = -1};
}

TEST(client_context) // upstream-llm#14
{
    static const char *const ways[] = {"400", "inStream"};
    struct arena *arena = arena_new(0);
    struct llm_request request = long_request(arena);
    up(NULL);
    for (size_t i = 0; i < 2; i++) {
        fake_clear(&fake);
        const char *model = arena_printf(arena, "f%zu;answer=echo;ctx=2000;ctxHow=%s", i, ways[i]);
        for (int turn = 0; turn < 2; turn++) {
            struct chat chat = {0};
            chat_start(&chat, llm, model, &request);
            chat_wait(&chat);
            assert_str(buf_str(&chat.text), "The question");
            assert_int_equal(chat.result.n_attempts, turn == 0 ? 2 : 1);
            chat_free(&chat);
        }
        yyjson_val *log = fake_wait(&fake, arena, 3);
        yyjson_val *sent = json_get(json_get(yyjson_arr_get(log, 1), "body"), "messages");
        assert_str(json_get_str(yyjson_arr_get_first(sent), "content"), "Rules.");
        assert_true(yyjson_arr_size(sent) > 10 && yyjson_arr_size(sent) < 42);
        assert_str(json_get_str(yyjson_arr_get(sent, 1), "role"), "user");
        assert_int_equal(llm_context_window(llm, str_from(model)), 2000);
    }
    // A server that cuts in silence is found out by the tokens it reports.
    struct chat chat = {0};
    chat_start(&chat, llm, "f9;answer=echo;ctx=900;ctxHow=silentCut", &request);
    chat_wait(&chat);
    chat_free(&chat);
    assert_int_equal(llm_context_window(llm, STR("f9;answer=echo;ctx=900;ctxHow=silentCut")), 902);
    down();
    arena_free(arena);
}

// A server that makes four tokens of each that is estimated: what it tells, or only that it refuses, is learnt until
// the prompt fits.
TEST(client_context_underestimated)
{
    static const char *const ways[] = {"400", "inStream", "noCount", "words"};
    struct arena *arena = arena_new(0);
    struct llm_request request = long_request(arena);
    up(NULL);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const char *model = arena_printf(arena, "f%zu;answer=echo;tokenFactor=4;ctx=4000;ctxHow=%s", i, ways[i]);
        for (int turn = 0; turn < 2; turn++) {
            struct chat chat = {0};
            chat_start(&chat, llm, model, &request);
            chat_wait(&chat);
            assert_str(buf_str(&chat.text), "The question");
            if (turn == 0)
                assert_in_range(chat.result.n_attempts, 2, i < 2 ? 2 : 5);
            else
                assert_int_equal(chat.result.n_attempts, 1);
            chat_free(&chat);
        }
        double factor = llm_estimate_factor(llm, str_from(model));
        assert_true(factor <= 8 && (i == 3 || factor > 3));
    }
    // One that nothing is short enough for is asked five times, and then no more.
    struct chat chat = {0};
    chat_start(&chat, llm, "f9;ctx=1", &request);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_int_equal(chat.result.n_attempts, 5);
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(client_filtered) // upstream-llm#20
{
    struct chat chat;
    up(NULL);
    fake_control(
        &fake,
        "{\"queue\":[{\"status\":400,\"errorBody\":{\"error\":{\"code\":\"content_filter\",\"message\":\"no\"}}},"
        "{\"answer\":\"count:3\",\"finish\":\"content_filter\"}]}");
    chat_run(&chat, llm, "f");
    assert_int_equal(chat.result.finish, LLM_FILTERED);
    assert_false(chat.result.any_text);
    chat_free(&chat);
    chat_run(&chat, llm, "f");
    assert_int_equal(chat.result.finish, LLM_FILTERED);
    assert_true(chat.result.any_text);
    chat_free(&chat);
    chat_run(&chat, llm, "f;answer=count:3;finish=length");
    assert_int_equal(chat.result.finish, LLM_LENGTH);
    chat_free(&chat);
    down();
}

TEST(client_cancel_closes_the_socket) // upstream-llm#12
{
    struct arena *arena = arena_new(0);
    up(NULL);
    for (size_t i = 0; i < 20; i++) {
        struct chat chat = {.cancel_after = 1};
        chat_start(&chat, llm, "f;answer=count:500;deltaDelayMs=20", NULL);
        chat_wait(&chat);
        assert_int_equal(chat.result.finish, LLM_CANCELLED);
        assert_true(chat.result.any_text);
        assert_false(chat.result.usage.known);
        assert_true(chat.result.usage.prompt > 0);
        yyjson_val *entry = yyjson_arr_get(fake_wait(&fake, arena, i + 1), i);
        assert_false(yyjson_is_null(json_get(entry, "clientClosedAt")));
        assert_true(json_get_int(entry, "bytesSent", 0) < 20000); // of about 100,000
        chat_free(&chat);
    }
    // While it waits for the first byte, and before it has begun at all.
    struct chat chat = {0};
    chat_start(&chat, llm, "f;headerDelayMs=60000", NULL);
    while (fake_count(&fake) < 21)
        ;
    llm_cancel(chat.call);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_CANCELLED);
    assert_false(yyjson_is_null(json_get(yyjson_arr_get(fake_wait(&fake, arena, 21), 20), "clientClosedAt")));
    chat_free(&chat);
    chat_start(&chat, llm, "f;status=500", NULL);
    llm_cancel(chat.call);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_CANCELLED);
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(client_pause_stops_the_stream)
{
    struct arena *arena = arena_new(0);
    up(NULL);
    struct chat chat = {.refuse = true};
    chat_start(&chat, llm, "f;answer=count:100000", NULL);
    chat_wait_text(&chat, 1);
    // What the kernel's buffers and one read hold may have come; the rest waits at the double.
    pthread_mutex_lock(&chat.lock);
    assert_false(chat.done);
    assert_int_equal(chat.deltas, 1);
    chat.refuse = false;
    pthread_mutex_unlock(&chat.lock);
    llm_call_resume(chat.call);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_STOP);
    assert_true(str_eq(buf_str(&chat.text), str_from(words(arena, 100000))));
    chat_free(&chat);
    // The end waits for room, too; a cancel does not.
    chat = (struct chat){.refuse = true};
    chat_start(&chat, llm, "f;answer=count:40", NULL);
    chat_wait_text(&chat, 1);
    fake_wait(&fake, arena, 2);
    pthread_mutex_lock(&chat.lock);
    chat.refuse = false;
    pthread_mutex_unlock(&chat.lock);
    llm_call_resume(chat.call);
    chat_wait(&chat);
    assert_true(str_eq(buf_str(&chat.text), str_from(words(arena, 40))));
    chat_free(&chat);
    chat = (struct chat){.refuse = true};
    chat_start(&chat, llm, "f;answer=count:100000", NULL);
    chat_wait_text(&chat, 1);
    llm_cancel(chat.call);
    chat_wait(&chat);
    assert_int_equal(chat.result.finish, LLM_CANCELLED);
    chat_free(&chat);
    down();
    arena_free(arena);
}

TEST(client_keeps_connections) // upstream-llm#22
{
    struct arena *arena = arena_new(0);
    up(NULL);
    for (int i = 0; i < 100; i++)
        expect("f;answer=count:3", "w1 w2 w3");
    yyjson_val *log = fake_wait(&fake, arena, 100);
    int64_t most = 0;
    for (size_t i = 0; i < 100; i++) {
        int64_t number = json_get_int(yyjson_arr_get(log, i), "connection", 0);
        most = number > most ? number : most;
    }
    assert_true(most <= 2);
    fake_control(&fake, "{\"closeIdle\":true}");
    expect("f;answer=count:3", "w1 w2 w3"); // one attempt: the lost connection is not counted
    fake_control(&fake, "{\"queue\":[{\"closeIdle\":true},{}]}");
    expect("f;answer=count:3", "w1 w2 w3");
    expect("f;answer=count:3", "w1 w2 w3");
    down();
    arena_free(arena);
}

TEST(client_many_at_once)
{
    enum { N = 200 };
    static struct chat chats[N];
    struct arena *arena = arena_new(0);
    struct llm_provider row;
    fake_start(&fake, NULL);
    row = provider_on(&fake, "a", 1);
    row.max_concurrent = 64;
    llm = llm_on(&row, 1);
    for (int i = 0; i < N; i++) {
        chats[i] = (struct chat){0};
        chat_start(&chats[i], llm, "f;answer=count:20;deltaDelayMs=5", NULL);
    }
    for (int i = 0; i < N; i++) {
        chat_wait(&chats[i]);
        assert_int_equal(chats[i].result.finish, LLM_STOP);
        assert_true(str_eq(buf_str(&chats[i].text), str_from(words(arena, 20))));
        chat_free(&chats[i]);
    }
    yyjson_val *log = fake_wait(&fake, arena, N);
    int64_t most = 0;
    for (size_t i = 0; i < N; i++)
        if (json_get_int(yyjson_arr_get(log, i), "connection", 0) > most)
            most = json_get_int(yyjson_arr_get(log, i), "connection", 0);
    assert_true(most <= 64);
    down();
    arena_free(arena);
}

TEST(client_free_cancels)
{
    struct chat chats[3] = {0};
    up(NULL);
    for (int i = 0; i < 3; i++)
        chat_start(&chats[i], llm, "f;answer=count:500;deltaDelayMs=50", NULL);
    chat_wait_text(&chats[0], 1);
    down();
    for (int i = 0; i < 3; i++) {
        assert_true(chats[i].done);
        assert_int_equal(chats[i].result.finish, LLM_CANCELLED);
        chat_free(&chats[i]);
    }
}

TEST(client_tls) // upstream-llm#23
{
    char file[] = "/tmp/parley-llm-XXXXXX", arguments[200];
    struct chat chat;
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    static const char *const hosts[] = {"127.0.0.1", "other.example"};
    for (int i = 0; i < 2; i++) {
        snprintf(arguments, sizeof arguments, "--tls --cert-host %s --cert-out %s", hosts[i], file);
        fake_start(&fake, arguments);
        struct llm_provider row = provider_on(&fake, "a", 1);
        llm = llm_on(&row, 1);
        chat_run(&chat, llm, "f;answer=count:2");
        assert_int_equal(chat.result.finish, LLM_ERROR);
        assert_int_equal(chat.result.n_attempts, 1); // no retry
        assert_string_equal(chat.result.attempts[0].outcome, "certificate");
        chat_free(&chat);
        row.ca_file = file;
        assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
        chat_run(&chat, llm, "f;answer=count:2");
        assert_int_equal(chat.result.finish, i == 0 ? LLM_STOP : LLM_ERROR);
        chat_free(&chat);
        row.tls_no_verify = true;
        assert_int_equal(llm_set_providers(llm, &row, 1, NULL), 0);
        chat_run(&chat, llm, "f;answer=count:2");
        assert_int_equal(chat.result.finish, LLM_STOP);
        chat_free(&chat);
        down();
    }
    unlink(file);
}

TEST(client_proxy) // upstream-llm#24; the double answers absolute addresses, as a proxy is asked with
{
    struct arena *arena = arena_new(0);
    struct chat chat;
    fake_start(&fake, NULL);
    struct llm_provider row = provider_on(&fake, "a", 1);
    row.base_url = "http://llm.example.test/v1"; // no such host
    row.retries = 0;
    row.proxy = arena_printf(arena, "http://user:pass@%s", fake.url + 7);
    llm = llm_on(&row, 1);
    chat_run(&chat, llm, "f;answer=count:2");
    assert_str(buf_str(&chat.text), "w1 w2");
    chat_free(&chat);
    yyjson_val *entry = yyjson_arr_get(fake_wait(&fake, arena, 1), 0);
    assert_str(json_get_str(entry, "path"), "http://llm.example.test/v1/chat/completions");
    assert_str(json_get_str(json_get(entry, "headers"), "proxy-authorization"), "Basic dXNlcjpwYXNz");
    llm_free(llm);
    // From the environment, with an exception.
    row.proxy = NULL;
    setenv("HTTP_PROXY", fake.url, 1);
    llm = llm_on(&row, 1);
    chat_run(&chat, llm, "f;answer=count:2");
    assert_str(buf_str(&chat.text), "w1 w2");
    chat_free(&chat);
    llm_free(llm);
    setenv("NO_PROXY", "example.test", 1);
    llm = llm_on(&row, 1);
    chat_run(&chat, llm, "f;answer=count:2");
    assert_int_equal(chat.result.finish, LLM_ERROR);
    assert_string_equal(chat.result.attempts[0].outcome, "network");
    chat_free(&chat);
    unsetenv("HTTP_PROXY");
    unsetenv("NO_PROXY");
    down();
    arena_free(arena);
}
