// SPDX-License-Identifier: Apache-2.0
// Calls of tools from whatever bytes a server sends: whole, byte by byte and in steps, the same text and the same
// calls; within the bounds, valid UTF-8, each with a name and an id of its own. And pieces in any order.
#include "fuzz.h"

#include "base/utf8.h"
#include "llm/answer.h"

#include <stdlib.h>

static void collect(void *arg, struct str text)
{
    if (text.n == 0 || !utf8_valid(text))
        abort();
    buf_adds(arg, text);
}

static void check(const struct llm_tool_call *calls, size_t n)
{
    if (n > TOOLCALLS_MOST)
        abort();
    for (size_t i = 0; i < n; i++) {
        if (calls[i].name.n == 0 || calls[i].id.n == 0 || calls[i].arguments.n == 0 ||
            calls[i].arguments.n > TOOLCALL_ARGUMENTS_MOST)
            abort();
        for (size_t k = 0; k < i; k++)
            if (str_eq(calls[i].id, calls[k].id))
                abort();
    }
}

// Text, a mark, and the calls without their ids, which may be made up.
static struct str read_by(struct arena *arena, struct str body, size_t step)
{
    struct buf text = BUF_INIT(ANSWER_MAX_BYTES);
    struct answer answer;
    struct llm_tool_call *calls;
    answer_init(&answer, STR("text/event-stream"), false, true, collect, &text);
    for (size_t at = 0; at < body.n; at += step)
        if (!answer_feed(&answer, (struct str){body.p + at, body.n - at < step ? body.n - at : step}))
            break;
    answer_end(&answer, true);
    size_t n = toolcalls_end(&answer.calls, arena, &calls);
    check(calls, n);
    buf_addf(&text, "|%d|", (int)answer.fault);
    for (size_t i = 0; i < n && answer.fault == FAULT_NONE; i++)
        buf_addf(&text, STR_FMT "(" STR_FMT ")", STR_ARG(calls[i].name), STR_ARG(calls[i].arguments));
    answer_done(&answer);
    struct str out = arena_str(arena, buf_str(&text));
    buf_done(&text);
    return out;
}

static void feed_pieces(struct arena *arena, const uint8_t *data, size_t size)
{
    static const struct str texts[] = {{"", 0},  {"a", 1},  {"find", 4}, {"{", 1},
                                       {"}", 1}, {"{}", 2}, {"\"", 1},   {"\\", 1}};
    struct toolcalls calls = {0};
    struct llm_tool_call *list;
    for (size_t i = 0; i + 1 < size; i += 2)
        toolcalls_add(&calls, &(struct toolcall_piece){(int64_t)(data[i] & 7) - 1, texts[data[i] >> 3 & 1],
                                                       texts[data[i] >> 4 & 3], texts[data[i + 1] & 7]});
    size_t n = toolcalls_end(&calls, arena, &list);
    check(list, n);
    toolcalls_done(&calls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct arena *arena = arena_new(0);
    struct str body = {(const char *)data + 1, size - 1};
    struct str whole = read_by(arena, body, body.n ? body.n : 1);
    if (!str_eq(whole, read_by(arena, body, 1)) || !str_eq(whole, read_by(arena, body, 1 + data[0] % 23)))
        abort();
    feed_pieces(arena, data, size);
    arena_free(arena);
    return 0;
}
