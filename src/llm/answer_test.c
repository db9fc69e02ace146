// SPDX-License-Identifier: Apache-2.0
// The readers of what servers send: each body is read whole, byte by byte and cut in two at every place.
#include "base/test.h"

#include "llm/answer.h"

struct seen {
    struct buf text;
    unsigned pieces;
};

static void collect(void *arg, struct str text)
{
    struct seen *seen = arg;
    assert_true(text.n > 0);
    buf_adds(&seen->text, text);
    seen->pieces++;
}

struct expected {
    const char *name, *type, *body, *text;
    enum fault fault;
    const char *why; // NULL: do not care
    enum chunk_finish finish;
    int64_t prompt, completion; // -2: no usage
    bool unclean;
};

static void check(const struct expected *row, size_t cut, size_t step)
{
    struct seen seen = {.text = BUF_INIT(1 << 20)};
    struct answer answer;
    struct str body = str_from(row->body);
    answer_init(&answer, str_from(row->type), false, false, collect, &seen);
    for (size_t at = 0; at < body.n;) {
        size_t n = step ? step : at < cut ? cut - at : body.n - at;
        if (n > body.n - at)
            n = body.n - at;
        if (!answer_feed(&answer, (struct str){body.p + at, n}))
            break;
        at += n;
    }
    answer_end(&answer, !row->unclean);
    if (answer.fault != row->fault || (row->why && strcmp(row->why, answer.why ? answer.why : "") != 0))
        fail_msg("%s (cut %zu step %zu): fault %s, %s", row->name, cut, step, fault_rows[answer.fault].name,
                 answer.why ? answer.why : "-");
    if (!str_eq(buf_str(&seen.text), str_from(row->text)))
        fail_msg("%s (cut %zu step %zu): text '%s'", row->name, cut, step, seen.text.p ? seen.text.p : "");
    if (row->fault == FAULT_NONE)
        assert_int_equal(answer.finish, row->finish);
    if (answer.has_usage != (row->prompt != -2))
        fail_msg("%s (cut %zu step %zu): usage", row->name, cut, step);
    if (answer.has_usage) {
        assert_int_equal(answer.prompt, row->prompt);
        assert_int_equal(answer.completion, row->completion);
    }
    buf_done(&seen.text);
    answer_done(&answer);
}

#define DELTA(text) "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]}"
#define DATA(json) "data: " json "\n\n"
#define FINISH(reason) DATA("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}")
#define DONE DATA("[DONE]")
#define SSE "text/event-stream"

static const struct expected rows[] = {
    // upstream-llm 3.1: bytes
    {"plain", SSE, DATA(DELTA("w1")) DATA(DELTA(" w2")) FINISH("stop") DONE, "w1 w2", 0, 0, CHUNK_STOP, -2},
    {"crlf", SSE, "data:" DELTA("w1") "\r\n\r\ndata: " DELTA(" w2") "\r\n\r\ndata: [DONE] \r\n\r\n", "w1 w2", 0, 0, 0,
     -2},
    {"cr and mark", SSE, "\xef\xbb\xbf: hi\r\rdata:" DELTA("w1") "\rid: 7\rretry: 10\rx: y\r\rdata: [DONE]\r\r", "w1",
     0, 0, 0, -2},
    {"two data lines", SSE, "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"}}]}\n\n" DONE, "a", 0, 0, 0, -2},
    {"event without data", SSE, "event: ping\n\n" DATA(DELTA("a")) DONE, "a", 0, 0, 0, -2},
    {"unclosed end", SSE, DATA(DELTA("a")) "data: [DONE]", "a", 0, 0, 0, -2},
    {"no mark", SSE, DATA(DELTA("a")) FINISH("stop"), "a", 0, 0, CHUNK_STOP, -2},
    {"cut", SSE, DATA(DELTA("a")), "a", FAULT_BROKEN, "cut", 0, -2},
    {"cut inside an event", SSE, DATA(DELTA("a")) "data: {\"choi", "a", FAULT_BROKEN, "cut", 0, -2, 0, true},
    {"ends with a sentence", SSE, DATA(DELTA("All is well.")), "All is well.", 0, 0, 0, -2},
    {"a sentence, broken off", SSE, DATA(DELTA("All is well.")), "All is well.", FAULT_BROKEN, "cut", 0, -2, 0, true},
    {"usage, no finish", SSE,
     DATA(DELTA("a")) DATA("{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}"), "a", 0, 0, 0, 3,
     1},
    {"empty", SSE, "", "", FAULT_BROKEN, "empty", 0, -2},
    {"only comments", SSE, ": PROCESSING\n\n: PROCESSING\n\n" DONE, "", FAULT_BROKEN, "empty", 0, -2},
    {"whole JSON", "application/json",
     "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"whole\"},\"finish_reason\":\"stop\"}],"
     "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}",
     "whole", 0, 0, CHUNK_STOP, 5, 2},
    {"JSON as a stream's type", SSE, " {\"choices\":[{\"message\":{\"content\":\"whole\"}}]}", "whole", 0, 0, 0, -2},
    {"events as JSON's type", "application/json", DATA(DELTA("a")) DONE, "a", 0, 0, 0, -2},
    {"error at 200", "application/json", "{\"error\":{\"message\":\"overloaded\"}}", "", FAULT_BUSY, "error", 0, -2},
    {"wrong path", "application/json", "{\"error\":\"Unexpected endpoint or method. (POST /x)\"}", "", FAULT_BROKEN,
     "not_an_llm", 0, -2},
    {"other JSON", "application/json", "{\"hello\":1}", "", FAULT_BROKEN, "not_an_llm", 0, -2},
    {"ndjson", "application/x-ndjson",
     "{\"message\":{\"content\":\"n\"},\"done\":false}\n{\"message\":{\"content\":\"d\"},\"done\":false}\n"
     "{\"done\":true,\"message\":{\"content\":\"\"},\"done_reason\":\"length\",\"prompt_eval_count\":4,\"eval_count\":"
     "2}\n",
     "nd", 0, 0, CHUNK_LENGTH, 4, 2},
    {"ndjson unnamed", "text/plain",
     "{\"message\":{\"content\":\"n\"},\"done\":false}\n{\"message\":{\"content\":\"d\"},\"done\":true}", "nd", 0, 0,
     CHUNK_STOP, -2},
    {"html", "text/html", "<!doctype html><p>data: x", "", FAULT_BROKEN, "not_an_llm", 0, -2},
    {"html as a stream", SSE, "\n<html></html>", "", FAULT_BROKEN, "not_an_llm", 0, -2},
    {"bytes that are not UTF-8", SSE, DATA(DELTA("a\xff z")) DONE, "a\xef\xbf\xbd z", 0, 0, 0, -2},
    {"half a surrogate pair", SSE, DATA(DELTA("a\\ud83d!")) DATA(DELTA("\\uD83D\\uDE00")) DONE, "a\xef\xbf\xbd!😀", 0, 0,
     0, -2},
    {"one bad event", SSE, DATA("{\"cho") DATA(DELTA("a")) DATA("nope") DATA(DELTA("b")) DONE, "ab", 0, 0, 0, -2},
    {"three bad events", SSE, DATA("{\"cho") DATA("x") DATA("y") DATA(DELTA("a")) DONE, "", FAULT_BROKEN, "garbage", 0,
     -2},
    // 3.2: chunks
    {"choices absent, null, empty", SSE,
     DATA("{}") DATA("{\"choices\":null}") DATA("{\"choices\":[]}") DATA(DELTA("a")) DONE, "a", 0, 0, 0, -2},
    {"delta absent, null", SSE,
     DATA("{\"choices\":[{\"index\":0}]}") DATA("{\"choices\":[{\"delta\":null}]}") DATA(DELTA("a")) DONE, "a", 0, 0, 0,
     -2},
    {"message, text", SSE,
     DATA("{\"choices\":[{\"message\":{\"content\":\"m\"}}]}") DATA("{\"choices\":[{\"text\":\"t\"}]}") DONE, "mt", 0,
     0, 0, -2},
    {"contents", SSE,
     DATA("{\"choices\":[{\"delta\":{\"content\":null}}]}") DATA(DELTA("")) DATA(
         "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"p\"},{\"type\":\"text\",\"text\":\"q\"},"
         "{\"type\":\"image\",\"text\":\"x\"}]}}]}") DONE,
     "pq", 0, 0, 0, -2},
    {"other choices", SSE,
     DATA("{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"}},{\"index\":0,\"delta\":"
          "{\"role\":\"assistant\",\"content\":\"yes\"}}]}")
         DATA("{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"},"
              "\"finish_reason\":\"stop\"}]}") DONE,
     "yes", 0, 0, 0, -2},
    {"empty finish inside", SSE,
     DATA("{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"}]}") DATA(DELTA("b")) FINISH("eos") DONE,
     "ab", 0, 0, CHUNK_STOP, -2},
    {"max_tokens", SSE, DATA(DELTA("a")) FINISH("max_tokens") DONE, "a", 0, 0, CHUNK_LENGTH, -2},
    {"abort", SSE, DATA(DELTA("a")) FINISH("abort") DONE, "a", FAULT_BROKEN, "abort", 0, -2},
    {"unknown finish", SSE, DATA(DELTA("a")) FINISH("whatever") DONE, "a", 0, 0, CHUNK_STOP, -2},
    {"content filter", SSE, DATA(DELTA("a")) FINISH("content_filter") DONE, "a", FAULT_FILTERED, "filtered", 0, -2},
    {"text after the finish", SSE,
     DATA(DELTA("a")) FINISH("stop") DATA(DELTA("late"))
         DATA("{\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":1}}") DONE,
     "a", 0, 0, CHUNK_STOP, 0, 1},
    {"early mark", SSE, DATA(DELTA("a")) DONE FINISH("stop"), "a", 0, 0, CHUNK_STOP, -2},
    {"reasoning fields", SSE,
     DATA("{\"choices\":[{\"delta\":{\"reasoning_content\":\"s\",\"content\":null}}]}")
         DATA("{\"choices\":[{\"delta\":{\"reasoning\":\"s\"}}]}")
             DATA("{\"choices\":[{\"delta\":{\"thinking\":\"s\"}}]}") DATA(DELTA("a")) DONE,
     "a", 0, 0, 0, -2},
    {"think tags", SSE,
     DATA(DELTA("<th")) DATA(DELTA("ink>\\nsecret <b")) DATA(DELTA("</thi")) DATA(DELTA("nk>\\n\\nHi"))
         DATA(DELTA(" <é> 3 < 4 </think>")) DONE,
     "Hi <é> 3 < 4 </think>", 0, 0, 0, -2},
    {"closing tag only", SSE, DATA(DELTA("hm</think>\\n\\nHi")) DONE, "Hi", 0, 0, 0, -2},
    {"closing tag late", SSE, DATA(DELTA("this is text and then </think> ok")) DONE,
     "this is text and then </think> ok", 0, 0, 0, -2},
    {"end token", SSE, DATA(DELTA("Hi")) DATA(DELTA("<|im")) DATA(DELTA("_end|>")) FINISH("stop") DONE, "Hi", 0, 0,
     CHUNK_STOP, -2},
    {"end token inside", SSE, DATA(DELTA("a</s>")) DATA(DELTA("b<")) FINISH("stop") DONE, "a</s>b<", 0, 0, CHUNK_STOP,
     -2},
    {"refusal", SSE, DATA("{\"choices\":[{\"delta\":{\"refusal\":\"I cannot\"}}]}") FINISH("stop") DONE, "I cannot", 0,
     0, CHUNK_STOP, -2},
    {"usage in x_groq", SSE,
     DATA(DELTA("a")) DATA("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":"
                           "{\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}}") DONE,
     "a", 0, 0, CHUNK_STOP, 7, 1},
    {"running usage", SSE,
     DATA("{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":7,"
          "\"completion_tokens\":1}}")
         DATA("{\"choices\":[{\"delta\":{\"content\":\"b\"}}],\"usage\":{\"prompt_tokens\":7,"
              "\"completion_tokens\":2}}") DATA("{\"choices\":[],\"usage\":null}") DONE,
     "ab", 0, 0, 0, 7, 2},
    // 4 and 5.1: errors in the stream
    {"error line", SSE,
     DATA(DELTA("a")) "error: {\"code\":500,\"message\":\"boom\",\"type\":\"server_error\"}\n\n" DONE, "a", FAULT_BUSY,
     "error", 0, -2},
    {"error event", SSE, DATA(DELTA("a")) "event: error\ndata: {\"error\":{\"message\":\"boom\"}}\n\n", "a", FAULT_BUSY,
     "error", 0, -2},
    {"error data", SSE,
     DATA("{\"error\":{\"code\":400,\"message\":\"The input (9 tokens) is longer than the model's context "
          "length (8 tokens).\"}}") DONE,
     "", FAULT_CONTEXT, "error", 0, -2},
    {"error fields", SSE,
     DATA("{\"choices\":null,\"error_type\":\"overloaded\",\"error_message\":\"Overloaded\"}") DONE, "", FAULT_BUSY,
     "error", 0, -2},
    {"error with 401", SSE, DATA("{\"error\":{\"code\":\"401\",\"message\":\"no\"}}"), "", FAULT_AUTH, "error", 0, -2},
};

TEST(answer_every_split) // upstream-llm#2, #3, #4, #18, #19
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].body);
        check(&rows[i], 0, 0);
        for (size_t step = 1; step <= 7; step++)
            check(&rows[i], 0, step);
        for (size_t cut = 1; cut < n; cut++)
            check(&rows[i], cut, 0);
    }
}

TEST(answer_bounds)
{
    struct seen seen = {.text = BUF_INIT(16 << 20)};
    struct answer answer;
    char *huge = mem_alloc(SSE_MAX_EVENT + 100);
    memset(huge, 'x', SSE_MAX_EVENT + 100);
    answer_init(&answer, STR(SSE), false, false, collect, &seen);
    assert_true(answer_feed(&answer, STR("data: \"")));
    assert_false(answer_feed(&answer, (struct str){huge, SSE_MAX_EVENT + 100}));
    answer_end(&answer, true);
    assert_int_equal(answer.fault, FAULT_BROKEN);
    assert_string_equal(answer.why, "too_big");
    answer_done(&answer);

    // 8 MiB of text in events that are small enough.
    answer_init(&answer, STR(SSE), false, false, collect, &seen);
    bool more = true;
    for (int i = 0; i < 20 && more; i++) {
        answer_feed(&answer, STR("data: {\"choices\":[{\"delta\":{\"content\":\""));
        answer_feed(&answer, (struct str){huge, 900000});
        more = answer_feed(&answer, STR("\"}}]}\n\n"));
    }
    assert_false(more);
    assert_string_equal(answer.why, "too_big");
    answer_done(&answer);
    buf_done(&seen.text);
    free(huge);
}

TEST(answer_cautious_holds_sixteen_bytes)
{
    struct seen seen = {.text = BUF_INIT(1 << 20)};
    struct answer answer;
    answer_init(&answer, STR(SSE), true, false, collect, &seen);
    answer_feed(&answer, STR(DATA(DELTA("thought"))));
    assert_int_equal(seen.text.n, 0);
    answer_feed(&answer, STR(DATA(DELTA("</think>"))));
    answer_feed(&answer, STR(DATA(DELTA(" Hello there")) DONE));
    answer_end(&answer, true);
    assert_str(buf_str(&seen.text), "Hello there");
    answer_done(&answer);
    buf_clear(&seen.text);
    answer_init(&answer, STR(SSE), true, false, collect, &seen);
    answer_feed(&answer, STR(DATA(DELTA("short")) DONE));
    answer_end(&answer, true);
    assert_str(buf_str(&seen.text), "short");
    answer_done(&answer);
    buf_done(&seen.text);
}
