// SPDX-License-Identifier: Apache-2.0
// What is known is the loop's alone: the asking thread posts a job and waits for the loop to fill it in.
#include "llm/client.h"

#include "base/clock.h"
#include "base/metrics.h"

enum { MEAN_OVER = 100 };

void lane_ended(struct lane *lane, const char *outcome, int64_t ms, int64_t first_ms)
{
    unsigned provider = metric_label_keep(LABEL_PROVIDER, str_from(lane->peer->id));
    metric_add(METRIC_LLM_REQUESTS, METRIC_AT(provider, metric_label_keep(LABEL_LLM_OUTCOME, str_from(outcome))), 1);
    if (first_ms > 0)
        metric_time(METRIC_LLM_FIRST, METRIC_AT(provider), first_ms * 1000);
    lane->cancelled += strcmp(outcome, "cancelled") == 0;
    for (size_t i = 0; i < FAULT_N; i++)
        if (strcmp(fault_rows[i].name, outcome) == 0) {
            lane->outcomes[i]++;
            lane->faults_in_row += fault_rows[i].counts;
        }
    if (strcmp(outcome, fault_rows[FAULT_NONE].name) != 0)
        return;
    int64_t n = lane->outcomes[FAULT_NONE] < MEAN_OVER ? lane->outcomes[FAULT_NONE] : MEAN_OVER;
    lane->mean_ms += ((double)ms - lane->mean_ms) / (double)n;
    lane->last_ok_wall = clock_wall_ms();
    lane->faults_in_row = 0;
}

struct question {
    struct job job;
    struct llm *llm;
    struct arena *arena; // the asker's; he waits
    struct llm_state *states;
    size_t n;
    bool answered;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static const struct llm_provider *row_of(const struct provider_set *set, const struct lane *lane)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->at[i].id, lane->peer->id) == 0)
            return &set->at[i];
    return NULL;
}

static void fill(struct arena *arena, const struct llm_provider *provider, const struct lane *lane,
                 struct llm_state *state)
{
    int64_t now = clock_mono_ms(), since, until = lane_closed(lane, now, &since);
    bool half = breaker_state(&lane->breaker, now) == BREAKER_TRIAL;
    *state = (struct llm_state){
        .provider = arena_cstr(arena, str_from(provider->id)),
        .model = arena_cstr(arena, str_from(lane->model)),
        .circuit = half        ? "half_open"
                   : until > 0 ? "open"
                               : "closed",
        .reopens_in_ms = !half && until > 0 ? until - now : 0,
        .context_window = provider_window(provider, lane),
        .embedding = lane->embeds,
        .silent_cut = lane->silent_cut,
        .insecure = provider->tls_no_verify,
        .last_ok_wall_ms = lane->last_ok_wall,
        .faults_in_row = lane->faults_in_row,
        .mean_ms = lane->mean_ms,
        .counts = arena_calloc(arena, FAULT_N + 1, sizeof *state->counts),
    };
    for (size_t i = 0; i < FAULT_N; i++)
        if (lane->outcomes[i] > 0)
            state->counts[state->n_counts++] = (struct llm_count){fault_rows[i].name, lane->outcomes[i]};
    if (lane->cancelled > 0)
        state->counts[state->n_counts++] = (struct llm_count){"cancelled", lane->cancelled};
}

static void answer(struct job *job, unsigned signals)
{
    (void)signals;
    struct question *question = (struct question *)(void *)job; // its first member
    struct llm *llm = question->llm;
    struct provider_set *set = set_ref(llm);
    question->states = arena_calloc(question->arena, map_count(llm->lanes) + 1, sizeof *question->states);
    size_t pos = 0;
    struct str key;
    void *value;
    while (map_next(llm->lanes, &pos, &key, &value)) {
        const struct lane *lane = value;
        const struct llm_provider *provider = row_of(set, lane);
        if (provider)
            fill(question->arena, provider, lane, &question->states[question->n++]);
    }
    set_unref(llm, set);
    pthread_mutex_lock(&question->lock);
    question->answered = true;
    pthread_cond_signal(&question->changed);
    pthread_mutex_unlock(&question->lock);
}

size_t llm_states(struct llm *llm, struct arena *arena, const struct llm_state **ret)
{
    struct question question = {.job.run = answer, .llm = llm, .arena = arena};
    pthread_mutex_init(&question.lock, NULL);
    pthread_cond_init(&question.changed, NULL);
    llm_post(llm, &question.job, SIGNAL_START);
    pthread_mutex_lock(&question.lock);
    while (!question.answered)
        pthread_cond_wait(&question.changed, &question.lock);
    pthread_mutex_unlock(&question.lock);
    pthread_mutex_destroy(&question.lock);
    pthread_cond_destroy(&question.changed);
    *ret = question.states;
    return question.n;
}
