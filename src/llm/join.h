// SPDX-License-Identifier: Apache-2.0
// Joins the beginning of an answer, P, with its continuation by another model (upstream-llm 5.4): an overlap of at
// least 8 characters with the end of P is dropped; a continuation that starts P again is skipped for as long as it
// repeats P; anything else is appended. At most 400 characters are held to find out, and only while it is in doubt.
#pragma once

#include "base/buf.h"

struct join {
    struct str prior; // P as delivered; the caller keeps it
    struct buf held;
    size_t matched; // bytes of P repeated so far
    enum { JOIN_HOLDING, JOIN_SKIPPING, JOIN_PASSING, JOIN_DEPARTED } state;
};

typedef void join_fn(void *arg, struct str text);

void join_init(struct join *join, struct str prior);
void join_done(struct join *join);
// False: it repeated P and then departed from it; nothing more is passed on.
bool join_feed(struct join *join, struct str text, join_fn *fn, void *arg);
// What is held is P's beginning, over at least 8 characters: it may well be P again.
bool join_repeats(const struct join *join);
// Decides now with what is held (the time is over, or the stream).
bool join_decide(struct join *join, join_fn *fn, void *arg);
