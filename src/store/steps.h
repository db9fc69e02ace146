// SPDX-License-Identifier: Apache-2.0
// Work over many rows in many small transactions, so that no other write waits long: each is held for a few
// milliseconds, measured on the clock. Beside another process there is a pause between two, since SQLite lets those who
// wait for its lock ask again and again instead of queueing.
#pragma once

#include "store/store.h"

enum { STEP_HOLD_US = 5000 }; // of a transaction

// store_write, and the pause where it is due.
int store_step(struct store *store, const struct scope *scope, store_fn fn, void *arg, struct err *err)
    __attribute__((warn_unused_result));

// One statement's worth: about `most` rows (1 to 512). *ret_more false: nothing is left. May be run again, as a
// closure.
typedef int (*store_some)(struct tx *tx, void *arg, int64_t most, bool *ret_more, struct err *err);
// Until nothing is left; as many rows at a time as fit. ERR_CANCELLED: *ending (may be NULL) turned true.
int store_steps(struct store *store, const struct scope *scope, store_some fn, void *arg, const _Atomic bool *ending,
                struct err *err) __attribute__((warn_unused_result));
