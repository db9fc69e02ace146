// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stddef.h>
#include <stdio.h>

static const char *const names[] = {"ok",       "invalid",   "not_found", "conflict",    "denied", "limit",
                                    "timeout",  "cancelled", "io",        "unavailable", "format", "internal"};

int err_set(struct err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    err->code = code;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

const char *err_name(int code)
{
    size_t i = code <= 0 ? (size_t)-code : sizeof names;
    return i < sizeof names / sizeof *names ? names[i] : "unknown";
}
