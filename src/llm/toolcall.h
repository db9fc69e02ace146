// SPDX-License-Identifier: Apache-2.0
// Puts together the tool calls of one answer from what servers send of them (upstream-llm 3.4): fragments with or
// without index and id, whole calls, arguments as text or as an object, names that are repeated. What is over a bound
// is left out: calls beyond the 32nd, bytes of arguments beyond 64 KiB (which are then no JSON any more).
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "llm/llm.h"

enum { TOOLCALLS_MOST = 32, TOOLCALL_NAME_MOST = 256, TOOLCALL_ARGUMENTS_MOST = 64 << 10 };

struct toolcall_piece { // absent strings are empty
    int64_t index;      // -1: absent
    struct str id, name, arguments;
};

struct toolcall {
    int64_t index;
    struct buf id, name, arguments;
    unsigned depth; // of the arguments so far
    bool in_string, escaped;
};

struct toolcalls { // all zero is empty
    VEC(struct toolcall) calls;
    size_t last; // that was added to
};

void toolcalls_done(struct toolcalls *calls);
void toolcalls_add(struct toolcalls *calls, const struct toolcall_piece *piece);
// The calls in the arena, in the order in which they began; those without a name are left out. Each has an id of its
// own, and arguments that are not empty (whether they are JSON is not looked at).
size_t toolcalls_end(struct toolcalls *calls, struct arena *arena, struct llm_tool_call **ret);
