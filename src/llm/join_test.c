// SPDX-License-Identifier: Apache-2.0
// Joining of continuations, the breaker's clock and the request's shape: no network.
#include "base/test.h"

#include "llm/client.h"

static void collect(void *arg, struct str text)
{
    buf_adds(arg, text);
}

static void join(const char *prior, const char *more, const char *expected, bool ok)
{
    size_t n = strlen(more);
    for (size_t step = 1; step <= n; step++) {
        struct buf out = BUF_INIT(100000);
        struct join join;
        bool fine = true;
        join_init(&join, str_from(prior));
        for (size_t at = 0; fine && at < n;) {
            size_t end = at + step < n ? at + step : n;
            while (end < n && ((unsigned char)more[end] & 0xc0) == 0x80)
                end++;
            fine = join_feed(&join, (struct str){more + at, end - at}, collect, &out);
            at = end;
        }
        fine = fine && join_decide(&join, collect, &out);
        if (fine != ok || !str_eq(buf_str(&out), str_from(expected)))
            fail_msg("'%s' + '%s' by %zu: '%s'", prior, more, step, out.p ? out.p : "");
        join_done(&join);
        buf_done(&out);
    }
}

TEST(join_every_split)
{
    join("one two three", " four", " four", true);
    join("one two three ", " four", "four", true);
    join("one two three", "two three four", " four", true);  // 9 characters
    join("one two three", "three four", "three four", true); // 5: too short to be sure
    join("one two three", "one two three four", " four", true);
    join("a long beginning that is over forty characters, then more",
         "a long beginning that is over forty characters, else", "", false);
    join("a long beginning that is over forty characters, then more",
         "a long beginning that is over forty characters, then more and more", " and more", true);
    join("short", "shore", "shore", true);
    join("สวัสดีครับ ยินดีต้อนรับ", "ยินดีต้อนรับสู่ร้าน", "สู่ร้าน", true);
    join("hello", "", "", true);
    join("w1 w2 w3", "w1 w2 w3", "", true);
}

TEST(join_doubts_a_repetition)
{
    static const struct {
        const char *held;
        bool repeats;
    } rows[] = {{"w1 w2 w", false}, {"w1 w2 w3", true}, {"w1 w2 wx", false}, {"", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = BUF_INIT(1000);
        struct join join;
        join_init(&join, STR("w1 w2 w3 w4 w5 w6"));
        assert_true(join_feed(&join, str_from(rows[i].held), collect, &out));
        assert_int_equal(join_repeats(&join), rows[i].repeats);
        join_done(&join);
        buf_done(&out);
    }
}

TEST(breaker_rules)
{
    struct breaker breaker = {0};
    for (int i = 0; i < 4; i++)
        breaker_fault(&breaker, 1000);
    assert_true(breaker_enter(&breaker, 1000));
    breaker_success(&breaker, 1000);
    for (int i = 0; i < 5; i++)
        breaker_fault(&breaker, 60000);
    assert_int_equal(breaker_state(&breaker, 60000), BREAKER_OPEN);
    assert_false(breaker_enter(&breaker, 89999));
    assert_true(breaker_enter(&breaker, 90000));
    assert_false(breaker_enter(&breaker, 90001)); // one trial only
    breaker_fault(&breaker, 90001);
    assert_false(breaker_enter(&breaker, 150000));
    assert_true(breaker_enter(&breaker, 150001));
    breaker_success(&breaker, 150002);
    assert_int_equal(breaker_state(&breaker, 150003), BREAKER_CLOSED);
    // Half of ten within 30 s, never five in a row.
    breaker = (struct breaker){0};
    for (int i = 0; i < 5; i++) {
        breaker_success(&breaker, 1000000 + i * 1000);
        assert_int_equal(breaker_state(&breaker, 1000000), BREAKER_CLOSED);
        breaker_fault(&breaker, 1000000 + i * 1000);
    }
    assert_int_equal(breaker_state(&breaker, 1005000), BREAKER_OPEN);
    // Doubling ends at ten minutes.
    breaker = (struct breaker){0};
    int64_t now = 1000;
    for (int i = 0; i < 5; i++)
        breaker_fault(&breaker, now);
    for (int i = 0; i < 10; i++) {
        now = breaker.until;
        assert_true(breaker_enter(&breaker, now));
        breaker_fault(&breaker, now);
    }
    assert_int_equal(breaker.until - now, 600000);
}

static yyjson_val *request(struct arena *arena, const char *kind, const struct llm_message *messages, size_t n,
                           unsigned quirks, int64_t window, const char *prior)
{
    struct llm_provider provider = {.id = "a", .kind = kind};
    struct lane lane = {.factor = 1};
    struct prompt prompt = {messages, n, 0.7, 100, prior ? str_from(prior) : STR("")};
    struct buf body = BUF_INIT(1 << 20);
    yyjson_val *root = NULL;
    request_write(&body, &provider, &lane, "m", &prompt, quirks, window);
    assert_int_equal(json_parse(arena, arena_str(arena, buf_str(&body)), 0, &root, NULL), 0);
    buf_done(&body);
    return root;
}

static void shape(yyjson_val *root, const char *expected)
{
    struct buf out = BUF_INIT(10000);
    size_t i, max;
    yyjson_val *message;
    yyjson_arr_foreach(json_get(root, "messages"), i, max, message) buf_addf(
        &out, "%c:" STR_FMT "|", json_get_str(message, "role").p[0], STR_ARG(json_get_str(message, "content")));
    assert_string_equal(out.p, expected);
    buf_done(&out);
}

TEST(request_shapes)
{
    struct arena *arena = arena_new(0);
    const struct llm_message messages[] = {{"system", STR("S")},    {"user", STR("a")}, {"assistant", STR("b")},
                                           {"system", STR("late")}, {"user", STR("c")}, {"user", {"d\0e", 3}}};
    shape(request(arena, "openai", messages, 6, 0, 0, NULL), "s:S|u:a|a:b|s:late|u:c|u:de|");
    shape(request(arena, "openai", messages, 6, QUIRK_NO_SYSTEM, 0, NULL), "u:S\n\na|a:b|u:late\n\nc|u:de|");
    shape(request(arena, "openai", messages, 6, QUIRK_SYSTEM_FIRST, 0, NULL), "s:S|u:a|a:b|u:late\n\nc|u:de|");
    shape(request(arena, "openai", messages, 6, QUIRK_SYSTEM_FIRST | QUIRK_ALTERNATE, 0, NULL),
          "s:S|u:a|a:b|u:late\n\nc\n\nde|");
    yyjson_val *root = request(arena, "vllm", messages, 2, 0, 0, "Begun ");
    shape(root, "s:S|u:a|a:Begun|");
    assert_true(json_get_bool(root, "continue_final_message", false));
    assert_false(json_get_bool(root, "add_generation_prompt", true));
    root = request(arena, "ollama", messages, 2, 0, 0, "Begun");
    shape(root, "s:S|u:a|a:Begun|");
    assert_null(json_get(root, "continue_final_message"));
    assert_int_equal(yyjson_arr_size(json_get(request(arena, "openai", messages, 2, 0, 0, "Begun"), "messages")), 4);
    root = request(arena, "openai", messages, 2,
                   QUIRK_NO_STREAM_OPTIONS | QUIRK_COMPLETION_TOKENS | QUIRK_NO_TEMPERATURE, 0, NULL);
    assert_null(json_get(root, "stream_options"));
    assert_null(json_get(root, "temperature"));
    assert_null(json_get(root, "max_tokens"));
    assert_int_equal(json_get_int(root, "max_completion_tokens", 0), 100);
    arena_free(arena);
}

TEST(request_fits_the_window) // upstream-llm#15
{
    struct arena *arena = arena_new(0);
    static struct llm_message messages[402];
    static char filler[400];
    memset(filler, 'x', sizeof filler);
    messages[0] = (struct llm_message){"system", STR("Rules")};
    for (size_t i = 1; i < 401; i++)
        messages[i] = (struct llm_message){i % 2 ? "user" : "assistant", {filler, sizeof filler}};
    messages[401] = (struct llm_message){"user", STR("Question")};
    yyjson_val *sent = json_get(request(arena, "openai", messages, 402, 0, 4096, NULL), "messages");
    size_t n = yyjson_arr_size(sent);
    assert_true(n > 30 && n < 40);
    assert_str(json_get_str(yyjson_arr_get(sent, 0), "content"), "Rules");
    assert_str(json_get_str(yyjson_arr_get(sent, 1), "role"), "user");
    assert_str(json_get_str(yyjson_arr_get(sent, n - 1), "content"), "Question");
    arena_free(arena);
}
