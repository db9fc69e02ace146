// SPDX-License-Identifier: Apache-2.0
// The log on standard error, one line an event, as text or JSON (settings log.level, log.format). Only edges log
// (handlers, loops, commands); libraries return errors. Never pass secrets or message texts. Thread-safe.
#pragma once

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(enum log_level level, bool json);
bool log_enabled(enum log_level level);
// `event` is a short constant name ("request", "store.full"); the format continues it with key=value pairs separated
// by single spaces; control characters become spaces.
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_error(event, ...) log_event(LOG_ERROR, (event), __VA_ARGS__)
#define log_warn(event, ...) log_event(LOG_WARN, (event), __VA_ARGS__)
#define log_info(event, ...) log_event(LOG_INFO, (event), __VA_ARGS__)
#define log_debug(event, ...)                                                                                          \
    do {                                                                                                               \
        if (log_enabled(LOG_DEBUG))                                                                                    \
            log_event(LOG_DEBUG, (event), __VA_ARGS__);                                                                \
    } while (0)
