// SPDX-License-Identifier: Apache-2.0
// Circuit breaker of one (provider, model): opens after 5 faults in a row or when at least half of at least 10 calls
// within 30 s failed; stays open 30 s, doubling up to 10 min; then lets one trial call through. Times are
// clock_mono_ms. Not thread-safe.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_TRIAL };

#define BREAKER_SLOTS 6

struct breaker {
    int in_row;
    bool trial;            // a trial call is under way
    int64_t opened, until; // until 0: closed
    int64_t open_ms;       // of the current opening
    struct {
        int64_t slot;
        int calls, faults;
    } window[BREAKER_SLOTS]; // 5 s each
};

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now);
// True: a call may go; takes the trial where one is due.
bool breaker_enter(struct breaker *breaker, int64_t now);
// Lets a call through an open breaker (when there is nothing better): it is the trial.
void breaker_force(struct breaker *breaker);
// The call that entered ended without a verdict (cancelled, or a fault that says nothing of the server's health).
void breaker_leave(struct breaker *breaker);
void breaker_success(struct breaker *breaker, int64_t now);
void breaker_fault(struct breaker *breaker, int64_t now);
