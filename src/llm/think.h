// SPDX-License-Identifier: Apache-2.0
// Takes out of a model's text what is not answer: <think>…</think> at the start of the text or of a line, a lone
// closing tag within the first 16 bytes, and special end tokens at the very end. At most 16 bytes are held back to
// recognise one of these, and only when they begin like one.
#pragma once

#include "base/buf.h"

#define THINK_HOLD 16

typedef void think_fn(void *arg, struct str text);

struct think {
    think_fn *fn;
    void *arg;
    char hold[THINK_HOLD * 2];
    size_t n;
    uint64_t seen; // bytes of text so far
    bool inside, shown, seen_tag, line_start, swallow, cautious;
};

// cautious: hold the first 16 bytes in any case (a model that thinks, or of which nothing is known yet).
void think_init(struct think *think, bool cautious, think_fn *fn, void *arg);
// Whole code points in, whole code points out.
void think_feed(struct think *think, struct str text);
// Gives up being cautious: what is held for no other reason goes out.
void think_release(struct think *think);
void think_end(struct think *think);
