// SPDX-License-Identifier: Apache-2.0
// Rate limits: an exact sliding window over (class, key). Refused requests do not count. Bounded: at most `max_keys`
// keys are kept (least recently used are dropped; their window starts anew). Thread-safe.
#pragma once

#include "base/str.h"

struct limiter;

struct limit_state {
    bool allowed;
    int64_t limit, remaining;
    int64_t reset_wall_s; // Unix seconds, rounded up, when the oldest counted request leaves the window
    int64_t retry_after_s; // >= 1 when refused
};

struct limiter *limiter_new(size_t max_keys);
void limiter_free(struct limiter *limiter);
// Counts one request. `limit` 0 = unlimited (always allowed, nothing kept). `window_ms` e.g. 60000.
struct limit_state limiter_take(struct limiter *limiter, const char *class_name, struct str key, int64_t limit,
                                int64_t window_ms);
