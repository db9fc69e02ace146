// SPDX-License-Identifier: Apache-2.0
// A timer wheel: many deadlines, one timer. Putting a deadline off (the usual case, on every byte that arrives) only
// writes a number; the entry is moved when its old slot comes round. Deadlines are late by at most WHEEL_TICK_MS.
// Not thread-safe. Times are clock_mono_ms.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_TICK_MS = 100, WHEEL_SLOTS = 512 };

struct wheel_entry {
    struct wheel_entry *next, **link; // link NULL: not in the wheel
    int64_t deadline_ms, tick;
};

struct wheel {
    struct wheel_entry *slots[WHEEL_SLOTS];
    int64_t tick; // all slots up to and including this one have been run
    size_t count;
};

void wheel_init(struct wheel *wheel, int64_t now_ms);
void wheel_set(struct wheel *wheel, struct wheel_entry *entry, int64_t deadline_ms);
void wheel_remove(struct wheel *wheel, struct wheel_entry *entry); // also when not in the wheel
// Takes out entries whose deadline has come and calls `due` for each; it may set or remove any entry.
void wheel_run(struct wheel *wheel, int64_t now_ms, void (*due)(struct wheel_entry *entry, void *arg), void *arg);
// When wheel_run must be called next, or -1 when the wheel is empty.
int64_t wheel_next_ms(const struct wheel *wheel);
