// SPDX-License-Identifier: Apache-2.0
// Which provider a call goes to: in order, the first that may be called, each once. Where none is left, what was passed
// over or given up too soon is looked at again: a server that only found the prompt too long gets a shorter one; one
// that opens in a moment is waited for; one whose breaker is open for some time is tried (upstream-llm 5.5).
#include "llm/client.h"

#include "base/clock.h"

#define MAX_CONTINUED 2
#define FORCE_AFTER_MS 5000
#define WAIT_MS 2000

enum {
    NOTE_ASKED = 1,
    NOTE_LONG = 2, // it found the prompt too long, and could have a shorter one
    NOTE_BACK = 4, // it was asked again for that
};

static void begin_on_provider(struct llm_call *call)
{
    call->notes[call->at] |= NOTE_ASKED;
    call->tries = call->refits = 0;
    call->silent = false;
    if (call->rebuilt) // for another window than this one's
        call_rebuild(call);
    if (call->result.n_attempts > 0)
        call->result.failovers++;
    call_send(call);
}

static void on_seat(struct seat *seat)
{
    struct llm_call *call = (struct llm_call *)(void *)((char *)seat - offsetof(struct llm_call, seat));
    begin_on_provider(call);
}

// True: the call has begun there or waits for a place.
static bool try_lane(struct llm_call *call)
{
    call->entered = true;
    switch (seat_take(&call->seat, call->lane->peer, call->request.brand, on_seat)) {
    case SEAT_TAKEN:
        begin_on_provider(call);
        return true;
    case SEAT_WAITING:
        call->notes[call->at] |= NOTE_ASKED;
        call->state = CALL_WAITS_SEAT;
        call->waits_since = now_ms(call->llm);
        call_arm(call);
        return true;
    default:
        breaker_leave(&call->lane->breaker);
        call->entered = false;
        return false;
    }
}

static const char *upstream_model(const struct llm_call *call, const struct llm_provider *provider)
{
    const char *model = llm_map_model(provider, call->model);
    return model[0] ? model : "default";
}

static struct lane *lane_at(const struct llm_call *call, size_t at)
{
    const struct llm_provider *provider = &call->set->at[at];
    return lane_get(call->llm, provider, upstream_model(call, provider));
}

static void set_provider(struct llm_call *call, size_t at)
{
    call->at = at;
    call->provider = &call->set->at[at];
    call->upstream_model = upstream_model(call, call->provider);
    call->lane = lane_get(call->llm, call->provider, call->upstream_model);
}

bool call_has_others(const struct llm_call *call)
{
    int64_t now = clock_mono_ms(), since;
    for (size_t at = 0; at < call->set->n; at++)
        if (at != call->at && !(call->notes[at] & NOTE_ASKED) && lane_closed(lane_at(call, at), now, &since) == 0)
            return true;
    return false;
}

// For a server that has said how long it wants to be left alone.
static bool wait_for(struct llm_call *call, int64_t ms)
{
    if (call->waited + ms > WAIT_MS || ms >= call_time_left(call))
        return false;
    call->waited += ms;
    call->state = CALL_WAITS_OPEN;
    call->retry_at = now_ms(call->llm) + ms + 1;
    call_arm(call);
    return true;
}

static bool try_shorter(struct llm_call *call)
{
    for (size_t at = 0; at < call->set->n; at++) {
        if (!(call->notes[at] & NOTE_LONG))
            continue;
        call->notes[at] = NOTE_ASKED | NOTE_BACK;
        set_provider(call, at);
        if (breaker_enter(&call->lane->breaker, clock_mono_ms()) && try_lane(call))
            return true;
    }
    return false;
}

static bool last_resort(struct llm_call *call)
{
    int64_t now = clock_mono_ms(), first = INT64_MAX, opens = INT64_MAX;
    size_t first_at = 0;
    if (try_shorter(call))
        return true;
    for (size_t at = 0; at < call->set->n; at++) {
        if (call->notes[at] & NOTE_ASKED)
            continue;
        const struct lane *lane = lane_at(call, at);
        int64_t since, until = lane_closed(lane, now, &since);
        bool breaker = lane->peer->closed_until <= now && lane->closed_until <= now;
        if (until > 0 && until < opens && !breaker)
            opens = until;
        if (now - since > FORCE_AFTER_MS && until < first) {
            first = until;
            first_at = at;
        }
    }
    if (!call->forced && first != INT64_MAX) {
        call->forced = true;
        set_provider(call, first_at);
        breaker_force(&call->lane->breaker);
        return try_lane(call);
    }
    return opens != INT64_MAX && wait_for(call, opens - now);
}

void call_try_provider(struct llm_call *call)
{
    int64_t now = clock_mono_ms(), since;
    for (size_t at = 0; at < call->set->n; at++) {
        if (call->notes[at] & NOTE_ASKED)
            continue;
        set_provider(call, at);
        if (lane_closed(call->lane, now, &since) == 0 && breaker_enter(&call->lane->breaker, now) && try_lane(call))
            return;
    }
    if (!last_resort(call))
        call_finish(call, LLM_ERROR, "all_failed");
}

void call_begin(struct llm_call *call)
{
    call->notes = arena_calloc(call->arena, call->set->n, sizeof *call->notes);
    call->first_window = provider_window(&call->set->at[0], lane_at(call, 0));
    call_try_provider(call);
}

void call_next_provider(struct llm_call *call, bool too_long)
{
    if (call->entered)
        breaker_leave(&call->lane->breaker);
    call->entered = false;
    seat_leave(&call->seat);
    if (too_long && call->refits < MAX_REFITS && !(call->notes[call->at] & NOTE_BACK))
        call->notes[call->at] |= NOTE_LONG;
    if (call->result.any_text && ++call->continued > MAX_CONTINUED) {
        call_finish(call, LLM_ERROR, "all_failed");
        return;
    }
    call_try_provider(call);
}
