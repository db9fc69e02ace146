// SPDX-License-Identifier: Apache-2.0
// From a logged request to its reply: paths, the control endpoints, and which knobs hold.
#pragma once

#include "fake.h"

struct routes;

struct routes *routes_new(uint64_t seed);
void routes_free(struct routes *routes);
struct entry *routes_log(struct routes *routes);                        // a new entry for a request that begins
struct reply *routes_reply(struct routes *routes, struct entry *entry); // on the heap with its own arena
const struct knobs *routes_knobs(const struct routes *routes);          // that stand now
bool routes_take_close_idle(struct routes *routes);                     // asked for by the last control request
