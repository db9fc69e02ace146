// SPDX-License-Identifier: Apache-2.0
// What the fake says: the full answer as deltas, and what is left of it when the request carries the beginning of an
// answer that another server had begun (upstream-llm 5.4).
#include "fake.h"

#include "base/utf8.h"

#include <stdio.h>

typedef VEC(struct str) list;

static struct str content_of(struct arena *arena, yyjson_val *message)
{
    yyjson_val *content = json_get(message, "content");
    if (!yyjson_is_arr(content))
        return yyjson_is_str(content) ? json_str(content) : STR("");
    struct str out = STR("");
    size_t i, max;
    yyjson_val *part;
    yyjson_arr_foreach(content, i, max, part) out =
        arena_strf(arena, STR_FMT STR_FMT, STR_ARG(out), STR_ARG(json_get_str(part, "text")));
    return out;
}

static struct str last_of(struct reply *reply, const char *role, size_t before, size_t *ret_at)
{
    yyjson_val *messages = json_get(reply->request, "messages");
    for (size_t i = before; i-- > 0;) {
        yyjson_val *message = yyjson_arr_get(messages, i);
        if (!str_eq(json_get_str(message, "role"), str_from(role)))
            continue;
        *ret_at = i;
        return content_of(reply->arena, message);
    }
    return STR_NULL;
}

// The first passage: what follows "[1]" up to a blank line or "[2]"; without marks the prompt's last paragraph.
static struct str quote_of(struct reply *reply)
{
    yyjson_val *messages = json_get(reply->request, "messages");
    size_t i, max;
    yyjson_val *message;
    struct str system = STR("");
    yyjson_arr_foreach(messages, i, max, message)
    {
        struct str text = content_of(reply->arena, message);
        if (i == 0)
            system = text;
        ptrdiff_t at = str_find(text, STR("[1]"));
        if (at < 0)
            continue;
        struct str rest = {text.p + at + 3, text.n - (size_t)at - 3};
        ptrdiff_t end = str_find(rest, STR("[2]"));
        if (end >= 0)
            rest.n = (size_t)end;
        rest = str_trim(rest);
        end = str_find(rest, STR("\n\n"));
        if (end >= 0)
            rest.n = (size_t)end;
        return str_trim(rest);
    }
    system = str_trim(system);
    size_t at = system.n;
    while (at > 1 && !(system.p[at - 1] == '\n' && system.p[at - 2] == '\n'))
        at--;
    return at > 1 ? (struct str){system.p + at, system.n - at} : system;
}

// Words with the space before them; runs without spaces are cut every 12 code points.
static void push_words(list *out, struct str text)
{
    size_t start = 0, pos = 0, runes = 0;
    bool in_word = false;
    while (pos < text.n) {
        size_t at = pos;
        uint32_t rune = utf8_next(text, &pos);
        bool space = rune == ' ' || rune == '\n' || rune == '\t';
        if (at > start && ((space && in_word) || runes == 12)) {
            vec_push(out, text.p + start, at - start);
            start = at;
            runes = 0;
        }
        in_word = !space;
        runes++;
    }
    if (text.n > start)
        vec_push(out, text.p + start, text.n - start);
}

static void whole_answer(struct reply *reply, list *out)
{
    struct str how = str_from(reply->knobs.answer);
    yyjson_val *messages = json_get(reply->request, "messages");
    size_t at;
    if (str_starts(how, STR("count:"))) {
        int64_t n = 0;
        str_to_int((struct str){how.p + 6, how.n - 6}, 0, 1000000, &n);
        for (int64_t i = 1; i <= n; i++) {
            struct str word = arena_strf(reply->arena, "%sw%lld", i > 1 ? " " : "", (long long)i);
            vec_push(out, word.p, word.n);
        }
    } else if (str_starts(how, STR("script:"))) {
        yyjson_val *script, *delta;
        size_t i, max;
        if (json_parse(reply->arena, (struct str){how.p + 7, how.n - 7}, 0, &script, NULL) != 0)
            return;
        yyjson_arr_foreach(script, i, max, delta) vec_push(out, json_str(delta).p, json_str(delta).n);
    } else if (str_starts(how, STR("fixed:"))) {
        push_words(out, (struct str){how.p + 6, how.n - 6});
    } else if (str_eq(how, STR("quote"))) {
        push_words(out, quote_of(reply));
    } else {
        // An instruction to go on stands behind the unfinished answer: the question is the user text before that.
        size_t n = yyjson_arr_size(messages);
        struct str text = last_of(reply, "user", n, &at);
        if (text.p && at > 0 && str_find(text, STR("exactly where")) >= 0)
            text = last_of(reply, "user", at, &at);
        if (text.p)
            push_words(out, text);
        else if (json_get(reply->request, "prompt"))
            push_words(out, json_get_str(reply->request, "prompt"));
    }
}

// Is the assistant's message at `at` an answer to go on with? It stands last, or only the instruction to go on follows:
// behind another user message it is history, even where the same answer was given before.
static bool is_prefill(struct reply *reply, size_t at, size_t n)
{
    if (at + 1 == n)
        return true;
    yyjson_val *next = yyjson_arr_get(json_get(reply->request, "messages"), at + 1);
    return at + 2 == n && str_eq(json_get_str(next, "role"), STR("user")) &&
           str_find(content_of(reply->arena, next), STR("exactly where")) >= 0;
}

// Bytes of the answer that the request already holds and that are not repeated.
static size_t skip_of(struct reply *reply, struct str whole)
{
    size_t n = yyjson_arr_size(json_get(reply->request, "messages")), at = 0;
    struct str begun = last_of(reply, "assistant", n, &at);
    if (!begun.p || begun.n == 0 || !is_prefill(reply, at, n) || !str_starts(whole, begun))
        return 0;
    int64_t overlap = 0;
    const char *prefill = reply->knobs.prefill;
    if (knobs_is(prefill, "continue"))
        return begun.n;
    if (prefill && sscanf(prefill, "overlap:%ld", &overlap) == 1 && overlap >= 0)
        return (size_t)overlap < begun.n ? utf8_whole((struct str){begun.p, begun.n - (size_t)overlap}) : 0;
    return 0;
}

struct deltas answer_deltas(struct reply *reply)
{
    list deltas = {0};
    whole_answer(reply, &deltas);
    struct buf whole = BUF_INIT(64 << 20);
    for (size_t i = 0; i < deltas.n; i++)
        buf_adds(&whole, deltas.at[i]);
    struct str text = arena_str(reply->arena, buf_str(&whole));
    buf_done(&whole);
    size_t skip = skip_of(reply, text);
    struct deltas out = {arena_calloc(reply->arena, deltas.n + 1, sizeof(struct str)), 0};
    size_t at = 0;
    for (size_t i = 0; i < deltas.n; i++) {
        size_t n = deltas.at[i].n;
        size_t drop = at >= skip ? 0 : (skip - at < n ? skip - at : n);
        if (n > drop)
            out.at[out.n++] = arena_str(reply->arena, (struct str){deltas.at[i].p + drop, n - drop});
        at += n;
    }
    if (reply->knobs.one_block && out.n > 1) {
        out.at[0] = (struct str){text.p + skip, text.n - skip};
        out.n = 1;
    }
    vec_done(&deltas);
    return out;
}

static int64_t estimate(struct str text)
{
    int64_t ascii = 0, others = 0;
    for (size_t pos = 0; pos < text.n;) {
        if (utf8_next(text, &pos) < 0x80)
            ascii++;
        else
            others++;
    }
    return (ascii + 3) / 4 + others;
}

int64_t tokens_of_prompt(yyjson_val *request)
{
    int64_t tokens = 2;
    size_t i, max;
    yyjson_val *message;
    struct arena *arena = arena_new(0);
    yyjson_arr_foreach(json_get(request, "messages"), i, max, message)
    {
        yyjson_val *calls = json_get(message, "tool_calls");
        tokens += 4 + estimate(content_of(arena, message));
        tokens += calls ? estimate(json_write_val(arena, calls)) : 0;
    }
    yyjson_val *tools = json_get(request, "tools");
    tokens += tools ? estimate(json_write_val(arena, tools)) : 0;
    arena_free(arena);
    return tokens;
}
