// SPDX-License-Identifier: Apache-2.0
// Whatever a server sends: the reader of answers gets the bytes whole, one by one and cut in two at every place (short
// inputs) or at one; each way must give the same text, fault and usage, and only valid UTF-8 without U+0000.
#include "fuzz.h"

#include "base/utf8.h"
#include "llm/answer.h"
#include "llm/vectors.h"

#include <stdlib.h>

struct outcome {
    struct buf text;
    enum fault fault;
    enum chunk_finish finish;
    int64_t prompt, completion;
    bool has_usage;
};

static void collect(void *arg, struct str text)
{
    if (text.n == 0 || !utf8_valid(text) || memchr(text.p, 0, text.n))
        abort();
    buf_adds(arg, text);
}

static struct outcome read_by(struct str type, struct str body, bool cautious, bool clean, size_t cut, size_t step)
{
    struct outcome outcome = {.text = BUF_INIT(ANSWER_MAX_BYTES)};
    struct answer answer;
    answer_init(&answer, type, cautious, false, collect, &outcome.text);
    for (size_t at = 0; at < body.n;) {
        size_t n = step ? step : at < cut ? cut - at : body.n - at;
        n = n < body.n - at ? n : body.n - at;
        if (!answer_feed(&answer, (struct str){body.p + at, n}))
            break;
        at += n;
    }
    answer_end(&answer, clean);
    outcome.fault = answer.fault;
    outcome.finish = answer.finish;
    outcome.has_usage = answer.has_usage;
    outcome.prompt = answer.prompt;
    outcome.completion = answer.completion;
    answer_done(&answer);
    return outcome;
}

static void same(const struct outcome *whole, struct outcome other)
{
    // A fault may be found before later bytes are looked at, so usage counts only without one.
    if (whole->fault != other.fault || !str_eq(buf_str(&whole->text), buf_str(&other.text)))
        abort();
    if (whole->fault == FAULT_NONE && (whole->finish != other.finish || whole->has_usage != other.has_usage ||
                                       whole->prompt != other.prompt || whole->completion != other.completion))
        abort();
    buf_done(&other.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str types[] = {
        {"text/event-stream", 17}, {"application/json", 16}, {"application/x-ndjson", 20}, {"text/html", 9}};
    if (size < 2)
        return 0;
    struct str type = types[data[0] & 3], body = {(const char *)data + 1, size - 1};
    bool clean = data[0] & 4, cautious = data[0] & 8;
    struct outcome whole = read_by(type, body, cautious, clean, 0, 0);
    same(&whole, read_by(type, body, cautious, clean, 0, 1));
    same(&whole, read_by(type, body, cautious, clean, 0, 1 + data[0] % 7));
    if (body.n < 300)
        for (size_t cut = 1; cut < body.n; cut++)
            same(&whole, read_by(type, body, cautious, clean, cut, 0));
    else
        same(&whole, read_by(type, body, cautious, clean, body.n * data[0] / 256, 0));
    buf_done(&whole.text);

    struct arena *arena = arena_new(0);
    struct fault_text fault;
    fault_read(arena, body, &fault);
    fault_classify(200 + data[0], &fault);
    struct buf masked = BUF_INIT(1 << 20);
    fault_mask(&masked, fault.message, "key");
    buf_done(&masked);
    float *vectors;
    size_t dims;
    if (vectors_read(arena, body, 1 + (data[0] & 3), &vectors, &dims) == 0 && dims == 0)
        abort();
    arena_free(arena);
    return 0;
}
