// SPDX-License-Identifier: Apache-2.0
#include "llm/breaker.h"

#define IN_ROW 5
#define LEAST_CALLS 10
#define OPEN_MS 30000
#define OPEN_MAX_MS 600000
#define SLOT_MS 5000

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now)
{
    if (breaker->until == 0)
        return BREAKER_CLOSED;
    return now < breaker->until ? BREAKER_OPEN : BREAKER_TRIAL;
}

bool breaker_enter(struct breaker *breaker, int64_t now)
{
    switch (breaker_state(breaker, now)) {
    case BREAKER_CLOSED:
        return true;
    case BREAKER_TRIAL:
        if (breaker->trial)
            return false;
        breaker->trial = true;
        return true;
    default:
        return false;
    }
}

void breaker_force(struct breaker *breaker)
{
    breaker->trial = true;
}

void breaker_leave(struct breaker *breaker)
{
    breaker->trial = false;
}

static void count(struct breaker *breaker, int64_t now, bool fault, int *ret_calls, int *ret_faults)
{
    int64_t slot = now / SLOT_MS;
    int at = (int)(slot % BREAKER_SLOTS);
    if (breaker->window[at].slot != slot) {
        breaker->window[at].slot = slot;
        breaker->window[at].calls = breaker->window[at].faults = 0;
    }
    breaker->window[at].calls++;
    breaker->window[at].faults += fault;
    *ret_calls = *ret_faults = 0;
    for (int i = 0; i < BREAKER_SLOTS; i++) {
        if (slot - breaker->window[i].slot >= BREAKER_SLOTS)
            continue;
        *ret_calls += breaker->window[i].calls;
        *ret_faults += breaker->window[i].faults;
    }
}

void breaker_success(struct breaker *breaker, int64_t now)
{
    int calls, faults;
    count(breaker, now, false, &calls, &faults);
    breaker->in_row = 0;
    if (breaker->trial || breaker_state(breaker, now) == BREAKER_TRIAL) {
        *breaker = (struct breaker){0};
        return;
    }
    breaker->trial = false;
}

void breaker_fault(struct breaker *breaker, int64_t now)
{
    int calls, faults;
    count(breaker, now, true, &calls, &faults);
    breaker->in_row++;
    bool was_open = breaker->until != 0;
    if (was_open && now < breaker->until) { // forced, or begun before it opened
        breaker->trial = false;
        return;
    }
    if (!was_open && breaker->in_row < IN_ROW && (calls < LEAST_CALLS || faults * 2 < calls))
        return;
    int64_t next = breaker->open_ms * 2;
    breaker->open_ms = !was_open ? OPEN_MS : next > OPEN_MAX_MS ? OPEN_MAX_MS : next;
    breaker->trial = false;
    breaker->opened = now;
    breaker->until = now + breaker->open_ms;
}
