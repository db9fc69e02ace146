// SPDX-License-Identifier: Apache-2.0
// One write(2) a line, so that lines of several threads never mix.
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int least = LOG_INFO;
static _Atomic bool as_json;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_setup(enum log_level level, bool json)
{
    atomic_store(&least, (int)level);
    atomic_store(&as_json, json);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&least, memory_order_relaxed);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char text[2048], time[CLOCK_RFC3339_SIZE];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            *c = ' ';
    clock_rfc3339(clock_wall_ms(), time);
    AUTO_BUF struct buf line = BUF_INIT(8192);
    if (atomic_load(&as_json)) {
        buf_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"text\":", time, level_names[level],
                 event);
        json_quote(&line, str_from(text));
        buf_addz(&line, "}\n");
    } else {
        buf_addf(&line, "%s %-5s %s %s\n", time, level_names[level], event, text);
    }
    ssize_t written = write(STDERR_FILENO, line.p, line.n);
    (void)written; // nowhere left to say it
}
