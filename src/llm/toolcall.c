// SPDX-License-Identifier: Apache-2.0
// The one question is to which call a piece belongs; rules_find answers it. Arguments are never parsed: a counter of
// brackets tells whether they are complete, so that no server can make this slow.
#include "llm/toolcall.h"

#include "base/crypto.h"

#include <stdio.h>
#include <stdlib.h>

static void call_done(struct toolcall *call)
{
    buf_done(&call->id);
    buf_done(&call->name);
    buf_done(&call->arguments);
}

void toolcalls_done(struct toolcalls *calls)
{
    for (size_t i = 0; i < calls->calls.n; i++)
        call_done(&calls->calls.at[i]);
    vec_done(&calls->calls);
}

static bool is(const struct buf *buf, struct str text)
{
    return str_eq(buf_str(buf), text);
}

static bool complete(const struct toolcall *call)
{
    return call->arguments.n > 0 && call->depth == 0 && !call->in_string;
}

static void add_arguments(struct toolcall *call, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (call->in_string) {
            call->in_string = c != '"' || call->escaped;
            call->escaped = c == '\\' && !call->escaped;
        } else if (c == '"') {
            call->in_string = true;
        } else if (c == '{' || c == '[') {
            call->depth++;
        } else if ((c == '}' || c == ']') && call->depth > 0) {
            call->depth--;
        }
    }
    size_t room = call->arguments.max - call->arguments.n;
    if (text.n > room)
        text.n = room;
    buf_adds(&call->arguments, text);
}

static struct toolcall *with_id(struct toolcalls *calls, const struct toolcall_piece *piece)
{
    for (size_t i = calls->calls.n; i-- > 0;) {
        struct toolcall *call = &calls->calls.at[i];
        bool apart = piece->index >= 0 && call->index >= 0 && piece->index != call->index;
        if (is(&call->id, piece->id) && !apart)
            return call;
    }
    return NULL;
}

// The call that a piece without an id of its own would go on with: the newest of its index, else the last one.
static struct toolcall *candidate(struct toolcalls *calls, const struct toolcall_piece *piece)
{
    if (piece->index < 0)
        return calls->calls.n ? &calls->calls.at[calls->last] : NULL;
    for (size_t i = calls->calls.n; i-- > 0;)
        if (calls->calls.at[i].index == piece->index)
            return &calls->calls.at[i];
    return NULL;
}

// NULL: a new call begins.
static struct toolcall *rules_find(struct toolcalls *calls, const struct toolcall_piece *piece)
{
    struct toolcall *found = piece->id.n ? with_id(calls, piece) : NULL, *near = candidate(calls, piece);
    bool named = piece->name.n > 0;
    if (found || !near)
        return found;
    if (piece->id.n && named && near->name.n) // a new id with a name; without one some servers change it in every piece
        return near->id.n || complete(near) ? NULL : near;
    if (!named || near->name.n == 0)
        return near;
    return complete(near) || !is(&near->name, piece->name) ? NULL : near;
}

static struct toolcall *begin(struct toolcalls *calls, int64_t index)
{
    if (calls->calls.n == TOOLCALLS_MOST)
        return NULL;
    vec_push(&calls->calls, .index = index, .id = BUF_INIT(TOOLCALL_NAME_MOST), .name = BUF_INIT(TOOLCALL_NAME_MOST),
             .arguments = BUF_INIT(TOOLCALL_ARGUMENTS_MOST));
    return &calls->calls.at[calls->calls.n - 1];
}

void toolcalls_add(struct toolcalls *calls, const struct toolcall_piece *piece)
{
    struct toolcall *call = rules_find(calls, piece);
    if (!call)
        call = begin(calls, piece->index);
    if (!call)
        return;
    calls->last = (size_t)(call - calls->calls.at);
    if (call->id.n == 0)
        buf_adds(&call->id, piece->id);
    if (call->name.n == 0)
        buf_adds(&call->name, piece->name);
    add_arguments(call, piece->arguments);
}

static bool taken(const struct llm_tool_call *calls, size_t n, struct str id)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(calls[i].id, id))
            return true;
    return false;
}

static struct str made_id(struct arena *arena)
{
    unsigned char random[12];
    char text[30] = "call_";
    crypto_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(text + 5 + 2 * i, 3, "%02x", random[i]);
    return arena_str(arena, str_from(text));
}

size_t toolcalls_end(struct toolcalls *calls, struct arena *arena, struct llm_tool_call **ret)
{
    size_t n = 0;
    struct llm_tool_call *list = arena_calloc(arena, calls->calls.n + 1, sizeof *list);
    for (size_t i = 0; i < calls->calls.n; i++) {
        const struct toolcall *call = &calls->calls.at[i];
        struct str id = buf_str(&call->id), arguments = str_trim(buf_str(&call->arguments));
        if (call->name.n == 0)
            continue;
        list[n].id = id.n && !taken(list, n, id) ? arena_str(arena, id) : made_id(arena);
        list[n].name = arena_str(arena, buf_str(&call->name));
        list[n].arguments = arena_str(arena, arguments.n ? arguments : STR("{}"));
        n++;
    }
    *ret = list;
    return n;
}
