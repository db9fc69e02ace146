// SPDX-License-Identifier: Apache-2.0
// Errors: functions that can fail return 0 or one of these negative codes and, where the cause is known, fill the
// caller's slot. Libraries never log an error that they return; the edge logs once with the request id.
#pragma once

#include <stdarg.h>

enum {
    ERR_INVALID = -1, // input breaks a rule; the text names the field and the rule
    ERR_NOT_FOUND = -2,
    ERR_CONFLICT = -3, // exists already, or cannot change now
    ERR_DENIED = -4,
    ERR_LIMIT = -5, // a bound was reached (queue, size, count)
    ERR_TIMEOUT = -6,
    ERR_CANCELLED = -7,
    ERR_IO = -8, // system call, network or library failed
    ERR_UNAVAILABLE = -9, // cannot be served now, may be later (store full, stopping)
    ERR_FORMAT = -10, // bytes are not what they claim to be
    ERR_INTERNAL = -11, // a bug of ours
};

struct err {
    int code;
    char text[240];
};

// Fills the slot (NULL is fine, a slot that is already filled is overwritten) and returns `code`.
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
const char *err_name(int code); // "invalid", "not_found", …
