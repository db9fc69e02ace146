// SPDX-License-Identifier: Apache-2.0
// Reader of server-sent events (WHATWG HTML 9.2), fed with any split of the bytes: line ends LF, CRLF or CR, a byte
// order mark, several data lines, comments, unknown fields. One deviation that real servers need: a line "error: …" is
// an event of type "error" by itself, and an event that the end of the stream leaves unclosed is still reported.
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define SSE_MAX_EVENT (1 << 20)

struct sse_event {
    struct str type; // "" when none was given
    struct str data; // valid during the callback
};

struct sse {
    struct buf line, data, type;
    bool has_data, after_cr;
    unsigned bom; // bytes of the mark seen so far; 4 = settled
};

typedef bool sse_fn(void *arg, const struct sse_event *event); // false stops the feed

void sse_init(struct sse *sse);
void sse_done(struct sse *sse);
// ERR_LIMIT: a line or an event is over SSE_MAX_EVENT; ERR_CANCELLED: the callback stopped it.
int sse_feed(struct sse *sse, struct str bytes, sse_fn *fn, void *arg);
int sse_end(struct sse *sse, sse_fn *fn, void *arg);
