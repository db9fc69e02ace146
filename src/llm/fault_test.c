// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "llm/fault.h"
#include "llm/llm.h"

TEST(fault_classes)
{
    static const struct {
        int status;
        const char *body;
        enum fault fault;
    } rows[] = {
        {401, "", FAULT_AUTH},
        {403, "<html>", FAULT_AUTH},
        {404, "{\"detail\":\"Not Found\"}", FAULT_NO_MODEL},
        {400, "{\"error\":{\"message\":\"model 'x' not found, try pulling it first\"}}", FAULT_NO_MODEL},
        {400, "{\"error\":\"The model is not loaded\"}", FAULT_NO_MODEL},
        {413, "", FAULT_CONTEXT},
        {400, "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}", FAULT_CONTEXT},
        {400, "{\"error\":{\"code\":400,\"type\":\"exceed_context_size_error\",\"message\":\"x\",\"n_ctx\":512}}",
         FAULT_CONTEXT},
        {400, "{\"object\":\"error\",\"message\":\"This model's maximum context length is 2048 tokens.\",\"code\":400}",
         FAULT_CONTEXT},
        {400, "{\"error\":{\"message\":\"Unsupported parameter: 'temperature'\",\"param\":\"temperature\"}}",
         FAULT_PARAMETER},
        {422, "{\"detail\":[{\"loc\":[\"body\",\"stream_options\"],\"msg\":\"Extra inputs are not permitted\"}]}",
         FAULT_PARAMETER},
        {400, "{\"error\":{\"code\":\"content_filter\",\"message\":\"x\"}}", FAULT_FILTERED},
        {400,
         "{\"error\":{\"message\":\"x\",\"code\":null,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
         FAULT_FILTERED},
        {429, "{\"error\":{\"message\":\"slow down\"}}", FAULT_RATE},
        {529, "", FAULT_RATE},
        {429, "{\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}", FAULT_QUOTA},
        {429, "{\"error\":{\"message\":\"check your plan and billing details\"}}", FAULT_QUOTA},
        {402, "", FAULT_QUOTA},
        {408, "", FAULT_BUSY},
        {500, "oops", FAULT_BUSY},
        {503, "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}", FAULT_BUSY},
        {400, "{\"errors\":[\"strange\"]}", FAULT_BAD_REQUEST},
        {418, "", FAULT_BAD_REQUEST},
        {302, "", FAULT_BROKEN},
        {200, "data: {\"error\":{\"code\":429,\"message\":\"slow down\"}}", FAULT_RATE},
        {200, "{\"error\":{\"message\":\"overloaded\"}}", FAULT_BUSY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena *arena = arena_new(0);
        struct fault_text text;
        fault_read(arena, str_from(rows[i].body), &text);
        enum fault fault = fault_classify(rows[i].status, &text);
        if (fault != rows[i].fault)
            fail_msg("%d %s: %s", rows[i].status, rows[i].body, fault_rows[fault].name);
        arena_free(arena);
    }
}

TEST(fault_shapes)
{
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"boom\"}}",
        "{\"error\":\"boom\"}",
        "{\"message\":\"boom\"}",
        "{\"object\":\"error\",\"message\":\"boom\",\"code\":500}",
        "{\"detail\":\"boom\"}",
        "{\"detail\":[{\"msg\":\"boom\"}]}",
        "{\"errors\":[{\"message\":\"boom\"}]}",
        "{\"errors\":[\"boom\"]}",
        "{\"error_message\":\"boom\",\"choices\":null}",
        "[{\"error\":{\"message\":\"boom\"}}]",
        "data: {\"error\":{\"message\":\"boom\"}}\n\n",
        "event: error\ndata: {\"message\":\"boom\"}\n\n",
        "error: {\"message\":\"boom\"}",
        "boom",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct arena *arena = arena_new(0);
        struct fault_text text;
        fault_read(arena, str_from(bodies[i]), &text);
        assert_true(text.found);
        assert_str(text.message, "boom");
        arena_free(arena);
    }
}

TEST(fault_windows)
{
    static const struct {
        const char *body;
        int64_t window, prompt;
    } rows[] = {
        {"{\"error\":{\"message\":\"x\",\"n_prompt_tokens\":900,\"n_ctx\":512,\"type\":\"exceed_context_size_error\"}}",
         512, 900},
        {"{\"error\":{\"message\":\"maximum context length is 4096 tokens. However, you requested 5000\"}}", 4096,
         5000},
        {"{\"error\":{\"message\":\"This model's maximum context length is 4096 tokens. However, your messages "
         "resulted in 5001 tokens.\"}}",
         4096, 5001},
        {"{\"message\":\"maximum context length is 4096 tokens. However, you requested 5500 tokens (5000 in the "
         "messages, 500 in the completion).\"}",
         4096, 5000},
        {"{\"error\":{\"message\":\"You passed 9000 input tokens and requested 500 output tokens. However, the model's "
         "context length is only 8192 tokens\"}}",
         8192, 9000},
        {"{\"error\":{\"message\":\"The input (9000 tokens) is longer than the model's context length (8192 "
         "tokens).\"}}",
         8192, 9000},
        {"{\"error\":{\"message\":\"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 "
         "maximum context length\"}}",
         32768, 40000},
        {"{\"error\":{\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"}}", 200000, 210000},
        {"{\"error\":{\"message\":\"The input token count (12345) exceeds the maximum number of tokens allowed "
         "(8192).\"}}",
         8192, 12345},
        {"{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 6000 "
         "`inputs` tokens and 500 `max_new_tokens`\"}",
         4096, 6000},
        {"{\"error\":\"Trying to keep the first 4546 tokens when context the overflows. However, the model is loaded "
         "with context length of only 4096 tokens\"}",
         4096, 0},
        {"{\"error\":{\"message\":\"exceeds the available context size (2048 tokens)\"}}", 2048, 0},
        {"{\"error\":{\"message\":\"too many tokens\"}}", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena *arena = arena_new(0);
        struct fault_text text;
        fault_read(arena, str_from(rows[i].body), &text);
        int64_t window = text.window ? text.window : fault_window(text.message);
        assert_int_equal(fault_classify(400, &text), FAULT_CONTEXT);
        assert_int_equal(window, rows[i].window);
        assert_int_equal(text.prompt ? text.prompt : fault_prompt(text.message), rows[i].prompt);
        arena_free(arena);
    }
}

TEST(fault_waits)
{
    assert_int_equal(fault_wait_ms(STR("Please retry after 20 seconds.")), 20000);
    assert_int_equal(fault_wait_ms(STR("Please try again in 1.5s. Visit")), 1500);
    assert_int_equal(fault_wait_ms(STR("Please try again in 250ms.")), 250);
    assert_int_equal(fault_wait_ms(STR("try again in a moment")), -1);
    assert_int_equal(fault_retry_after_ms(STR("5"), 0), 5000);
    assert_int_equal(fault_retry_after_ms(STR("0.3"), 0), 300);
    assert_int_equal(fault_retry_after_ms(STR("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000 - 3000), 3000);
    assert_int_equal(fault_retry_after_ms(STR("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000 + 3000), 0);
    assert_int_equal(fault_retry_after_ms(STR("soon"), 0), -1);
}

static unsigned repair(const char *message, const char *param, unsigned quirks)
{
    struct fault_text text = {.found = true, .message = str_from(message), .param = str_from(param)};
    return fault_repair(&text, quirks);
}

TEST(fault_repairs) // upstream-llm#16
{
    assert_int_equal(repair("Unrecognized request argument supplied: stream_options", "", 0), QUIRK_NO_STREAM_OPTIONS);
    assert_int_equal(repair("Use 'max_completion_tokens' instead.", "max_tokens", 0), QUIRK_COMPLETION_TOKENS);
    assert_int_equal(repair("x", "max_completion_tokens", QUIRK_COMPLETION_TOKENS), QUIRK_NO_MAX_TOKENS);
    assert_int_equal(repair("x", "max_tokens", QUIRK_COMPLETION_TOKENS | QUIRK_NO_MAX_TOKENS), 0);
    assert_int_equal(repair("x", "temperature", 0), QUIRK_NO_TEMPERATURE);
    assert_int_equal(repair("x", "response_format", 0), QUIRK_NO_FORMAT);
    assert_int_equal(repair("x", "response_format", QUIRK_NO_FORMAT), QUIRK_NO_EXTRA);
    assert_int_equal(repair("json_schema is not supported", "", 0), QUIRK_NO_FORMAT);
    assert_int_equal(repair("x", "temperature", QUIRK_NO_TEMPERATURE), 0);
    assert_int_equal(repair("Conversation roles must alternate user/assistant", "", 0), QUIRK_ALTERNATE);
    assert_int_equal(repair("System role not supported", "", 0), QUIRK_NO_SYSTEM);
    assert_int_equal(repair("System message must be at the beginning.", "", 0), QUIRK_SYSTEM_FIRST);
    assert_int_equal(repair("no idea", "", 0), 0);
}

static void masked(const char *text, const char *key, const char *expected)
{
    struct buf out = BUF_INIT(1000);
    fault_mask(&out, str_from(text), key);
    assert_string_equal(out.p, expected);
    buf_done(&out);
}

TEST(fault_keys_are_masked) // upstream-llm#7
{
    masked("Incorrect API key provided: sk-abc123.", NULL, "Incorrect API key provided: sk-***");
    masked("key my-secret-key, ok", "my-secret-key", "key ***, ok");
    masked("Authorization: bearer abc.def x", NULL, "Authorization: Bearer *** x");
    masked("ask-me task-list", NULL, "ask-me task-list");
}

TEST(estimate)
{
    assert_int_equal(llm_estimate(STR("")), 0);
    assert_int_equal(llm_estimate(STR("abcde")), 2);
    assert_int_equal(llm_estimate(STR("ab日本語")), 4);
}
