// SPDX-License-Identifier: Apache-2.0
// HTTP/2 for the fake (--h2): the replies are those of HTTP/1.1, each on a stream of its own. What differs: an ending
// `rst` resets the stream (REFUSED_STREAM where nothing was said yet, else INTERNAL_ERROR), `goaway` says GOAWAY and
// closes the connection, `hang` says no more on that stream; the knob h2NoWindow takes requests of 65,535 bytes at
// most.
#pragma once

#include "route.h"

#include <uv.h>

struct h2;

struct h2_link { // the connection below
    uv_loop_t *loop;
    struct routes *routes;
    int64_t connection;
    void (*send)(void *arg, struct str bytes);
    void (*close)(void *arg); // soon, when what was sent is out
    void *arg;
};

struct h2 *h2_new(const struct h2_link *link);
bool h2_read(struct h2 *h2, struct str bytes); // false: the connection is to be closed
bool h2_busy(const struct h2 *h2);             // a stream is open
void h2_goaway(struct h2 *h2);                 // no new streams; closes when the open ones have ended
void h2_free(struct h2 *h2, bool left);        // NULL is fine; left: the client has gone, from all open streams
