// SPDX-License-Identifier: Apache-2.0
// Streaming replacement of [[price:ID]] and [[stock:ID]] in an answer (001-brands 8.4). From `[[` on at most
// MARKER_HOLD characters are held back until the marker is whole. What looks like a marker but is broken, unknown or
// names no product becomes nothing; `[[` of another kind (nested lists, shell tests) passes as it is. The output does
// not depend on how the text was cut into chunks. One filter belongs to one answer and one thread at a time.
#pragma once

#include "base/buf.h"

#define MARKER_HOLD 80 // characters, the `[[` included

enum marker_kind { MARKER_PRICE, MARKER_STOCK };
// Appends what the marker stands for; false: no such product. `id` is trimmed, valid only during the call.
typedef bool marker_lookup(void *arg, enum marker_kind kind, struct str id, struct buf *out);

struct marker {
    marker_lookup *lookup;
    void *arg;
    size_t n;       // held bytes
    size_t swallow; // characters of an overlong id that may still be dropped
    bool bracket;   // the last one swallowed was `]`
    char held[MARKER_HOLD * 4];
};

void marker_init(struct marker *marker, marker_lookup *lookup, void *arg);
// Appends to `out` what is certain by now. `chunk` is whole code points.
void marker_feed(struct marker *marker, struct str chunk, struct buf *out);
void marker_end(struct marker *marker, struct buf *out); // end of the answer: releases or drops what is held
