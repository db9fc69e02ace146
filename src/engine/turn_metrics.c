// SPDX-License-Identifier: Apache-2.0
#include "engine/turn_internal.h"

#include "base/clock.h"
#include "base/metrics.h"

// The surface is what stands before the colon of its sessions' prefix; /api/v1 has none.
static unsigned surface_of(const struct turn *turn)
{
    struct str rest = turn->input.prefix.n ? turn->input.prefix : STR("platform");
    return metric_label(LABEL_SURFACE, str_split(&rest, ':'));
}

void turn_measure(const struct turn *turn)
{
    if (turn->input.advice || turn->input.unstored)
        return; // a recommendation is no turn of a conversation
    const struct turn_outcome *outcome = &turn->outcome;
    unsigned surface = surface_of(turn), mode = metric_label(LABEL_MODE, str_from(outcome->mode));
    int64_t took = clock_mono_us() - turn->began_us, away = 0;
    for (size_t i = 0; i < turn->result.n_attempts && i < LLM_MAX_ATTEMPTS; i++)
        away += turn->result.attempts[i].ms * 1000;
    metric_add(METRIC_TURNS, METRIC_AT(surface, outcome->mode ? mode : 0), 1);
    metric_time(METRIC_TURN_DURATION, METRIC_AT(surface), took);
    metric_time(METRIC_TURN_OVERHEAD, METRIC_AT(surface), took - away);
    if (turn->first_us)
        metric_time(METRIC_TURN_FIRST, METRIC_AT(surface), turn->first_us - turn->began_us);
}
