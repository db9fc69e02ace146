// SPDX-License-Identifier: Apache-2.0
// A chat call. An attempt that fails before any text is repeated, repaired or handed to the next provider without
// anybody noticing; one that fails after text is continued by the next one (upstream-llm 5).
// One libuv timer a call: it is set to the earliest deadline and, when that has moved meanwhile, set again; deltas
// never touch it.
#include "llm/client.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <stdio.h>

#define MAX_REPAIRS 8
#define HOLD_MS 300
#define HOLD_REPEATED_MS 2000 // of what may be the answer's beginning again, from a slow server
#define DOUBT_MS 25           // how long the first bytes of a model's very first answer may wait for a lone </think>
#define LOOK_MS 2             // after a deadline, for what has come but was not read
#define AFTER_END_MS 200      // for the body to end by itself after the end mark, so that the connection can be kept
#define AFTER_FINISH_MS 1000  // for usage after the finish reason
#define DRAIN_MS 60000        // a reader that has not caught up by then gets the rest at once
#define RATE_WAIT_MS 2000

static int64_t less(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int response_timeout(const struct llm_call *call)
{
    return call->request.response_timeout_ms > 0 ? call->request.response_timeout_ms : 30000;
}

static int64_t response_deadline(const struct llm_call *call)
{
    return call->started + response_timeout(call);
}

// Does the time to answer still run? To the first text, or to the last where the answer is given in one piece.
static bool awaits_response(const struct llm_call *call)
{
    return !call->result.any_text || (call->request.whole && call->state != CALL_DRAINS);
}

int64_t call_time_left(const struct llm_call *call)
{
    return awaits_response(call) ? response_deadline(call) - now_ms(call->llm) : INT64_MAX;
}

static int retries_of(const struct llm_provider *provider)
{
    return provider->retries >= 0 ? provider->retries : 2;
}

// ---- asking

void call_send(struct llm_call *call)
{
    struct lane *lane = call->lane;
    const struct llm_provider *provider = call->provider;
    bool certain = lane->window > 0 || provider->context_window > 0;
    struct prompt prompt = {call->request.messages, call->request.n_messages, call->request.temperature,
                            call->request.max_tokens, buf_str(&call->delivered), call->request.tools,
                            call->request.no_calls, call->request.format,
                            // Some servers say only outside of a stream what they have against a request.
                            call->silent && !call_has_others(call)};
    struct buf body = BUF_INIT(64 << 20);
    call->estimated = request_write(&body, provider, lane, call->upstream_model, &prompt, lane_quirks(lane),
                                    certain ? provider_window(provider, lane) : 0);
    struct llm_result *result = &call->result;
    if (result->n_attempts < LLM_MAX_ATTEMPTS)
        result->n_attempts++;
    call->attempt = &result->attempts[result->n_attempts - 1];
    *call->attempt = (struct llm_attempt){.outcome = "none"};
    snprintf(call->attempt->provider, sizeof call->attempt->provider, "%s", provider->id);
    snprintf(call->attempt->model, sizeof call->attempt->model, "%s", call->upstream_model);
    call->answer_ascii = call->answer_other = 0;
    call->progress = 0;
    call->first_progress = call->last_progress = call->completed = call->held_since = call->doubt_since = 0;
    call->looked_again = false;
    call->late_since = 0;
    call->joining = result->any_text;
    if (call->joining)
        join_init(&call->join, buf_str(&call->delivered));
    call->state = CALL_RUNS;
    call->sent = now_ms(call->llm);
    call->transfer = transfer_new(call->llm, provider, "chat/completions", call->upstream_model, &body,
                                  "text/event-stream", &attempt_ops, call);
    call_arm(call);
}

// ---- what follows

static void retry_in(struct llm_call *call, int64_t ms)
{
    call->tries++;
    call->state = CALL_WAITS_RETRY;
    call->retry_at = now_ms(call->llm) + ms + 1; // the time leaves out a part of its millisecond: never too early
    call_arm(call);
}

static int64_t back_off(int tries)
{
    uint32_t random;
    crypto_random(&random, sizeof random);
    int64_t ms = tries > 4 ? 8000 : 500LL << tries;
    return ms > 8000 ? 8000 : ms - ms * (random % 251) / 1000;
}

// Wait before the same provider is asked again; -1: it is not.
static int64_t retry_wait(const struct llm_call *call, enum fault fault)
{
    const struct fault_row *row = &fault_rows[fault];
    int most = retries_of(call->provider);
    if (row->retries >= 0 && row->retries < most && call->should_retry != 1)
        most = row->retries;
    if (call->should_retry == 0 || call->tries >= most)
        return -1;
    int64_t left = response_deadline(call) - now_ms(call->llm), wait = back_off(call->tries);
    if (fault == FAULT_RATE) {
        if (call->wait_ms > RATE_WAIT_MS || (call->wait_ms < 0 && call_has_others(call)))
            return -1;
        wait = call->wait_ms >= 0 ? call->wait_ms : wait;
    }
    return wait < left ? wait : -1;
}

// The caller knows best what may be left out; without it, or where that is still too long, the oldest pairs go.
void call_rebuild(struct llm_call *call)
{
    struct llm_request *request = &call->request;
    int64_t window = provider_window(call->provider, call->lane);
    call->rebuilt = true;
    if (request->rebuild)
        request->n_messages = request->rebuild(request->arg, call->arena, less(window, call->first_window),
                                               lane_factor(call->lane), &request->messages);
}

// What a refusal tells is learnt in any case; the same provider gets a shorter prompt once, and again where there is
// nobody else to ask.
static bool refitted(struct llm_call *call)
{
    struct refusal refusal = {call->told_window, call->told_prompt, call->estimated, call->request.max_tokens,
                              call->refits > 0};
    lane_learn_refusal(call->llm, call->provider, call->lane, &refusal);
    if (call->refits >= (call_has_others(call) ? 1 : MAX_REFITS))
        return false;
    call->refits++;
    call_rebuild(call);
    return true;
}

static bool repaired(struct llm_call *call, enum fault fault)
{
    if (call->repairs >= MAX_REPAIRS)
        return false;
    if (fault == FAULT_PARAMETER && call->repair != 0)
        lane_learn_quirk(call->lane, call->repair);
    else if (fault != FAULT_CONTEXT || !refitted(call))
        return false;
    call->repairs++;
    call_send(call);
    return true;
}

static void succeed(struct llm_call *call)
{
    breaker_success(&call->lane->breaker, clock_mono_ms());
    call->entered = false;
    bool refused = call->refused;
    bool tools = call->result.n_calls > 0;
    call_finish(call, refused ? LLM_FILTERED : tools ? LLM_TOOLS : call->cut_short ? LLM_LENGTH : LLM_STOP, NULL);
}

void call_after(struct llm_call *call, enum fault fault)
{
    const struct fault_row *row = &fault_rows[fault];
    if (fault == FAULT_NONE) {
        succeed(call);
        return;
    }
    if (row->last) {
        call_finish(call, LLM_FILTERED, NULL);
        return;
    }
    // A request that was refused has said nothing: it may be sent again in another form, in mid-answer too.
    if (call->progress == 0 && repaired(call, fault))
        return;
    if (!call->result.any_text) {
        int64_t wait = retry_wait(call, fault);
        if (wait >= 0) {
            retry_in(call, wait);
            return;
        }
    }
    if (row->counts) {
        breaker_fault(&call->lane->breaker, clock_mono_ms());
        call->entered = false;
    }
    lane_close(call->lane, fault, fault == FAULT_RATE ? call->wait_ms : 0);
    call_next_provider(call, fault == FAULT_CONTEXT);
}

// ---- deadlines

static int64_t hold_deadline(const struct llm_call *call)
{
    return call->held_since + (join_repeats(&call->join) ? HOLD_REPEATED_MS : HOLD_MS);
}

static int64_t run_deadline(const struct llm_call *call)
{
    const struct llm_provider *provider = call->provider;
    int64_t at = call->sent + provider_time(provider, 't');
    if (call->doubt_since > 0 && call->answer.think.cautious)
        at = less(at, call->doubt_since + DOUBT_MS);
    if (call->held_since > 0)
        at = less(at, hold_deadline(call));
    if (call->completed > 0)
        return less(at, call->completed + AFTER_END_MS);
    if (call->late_since > 0)
        return call->late_since + LOOK_MS;
    if (call->first_progress == 0)
        return less(at, call->sent + provider_time(provider, 'f'));
    if (call->paused)
        return at;
    bool finished = call->answering && call->answer.finish != CHUNK_GOES_ON;
    return less(at, call->last_progress + (finished ? AFTER_FINISH_MS : provider_time(provider, 'i')));
}

static void on_timer(uv_timer_t *timer);

void call_arm(struct llm_call *call)
{
    int64_t at = INT64_MAX;
    if (call->state == CALL_RUNS)
        at = run_deadline(call);
    else if (call->state == CALL_WAITS_RETRY || call->state == CALL_WAITS_OPEN)
        at = call->retry_at;
    else if (call->state == CALL_WAITS_SEAT)
        at = call->waits_since + provider_time(call->provider, 'f');
    else if (call->state == CALL_DRAINS)
        at = now_ms(call->llm) + DRAIN_MS;
    else
        return;
    if (awaits_response(call))
        at = less(at, response_deadline(call));
    int64_t ms = at - now_ms(call->llm);
    uv_update_time(&call->llm->loop);
    uv_timer_start(&call->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

static void end_attempt(struct llm_call *call, enum fault fault)
{
    attempt_close(call, fault_rows[fault].name, fault == FAULT_NONE);
    call_after(call, fault);
}

static void run_timeout(struct llm_call *call, int64_t now)
{
    if (call->held_since > 0 && now >= hold_deadline(call))
        call_decide_join(call);
    if (call->doubt_since > 0 && call->answering && now >= call->doubt_since + DOUBT_MS) {
        if (call->looked_again) // as with the other deadlines
            think_release(&call->answer.think);
        else
            call->doubt_since = now - DOUBT_MS + LOOK_MS;
        call->looked_again = true;
    }
    if (call->answering && call->answer.fault != FAULT_NONE) {
        end_attempt(call, call->answer.fault);
        return;
    }
    if (now < run_deadline(call)) {
        call_arm(call);
        return;
    }
    bool finished = call->answering && call->answer.finish != CHUNK_GOES_ON;
    bool total = now >= call->sent + provider_time(call->provider, 't');
    if (call->late_since == 0 && call->completed == 0 && !total) {
        // A thread that was kept from running sees its clocks before its sockets: these get one more look.
        call->late_since = now;
        call_arm(call);
        return;
    }
    if (call->completed > 0 || finished) {
        // All there is to know is known; only the body does not end.
        end_attempt(call, attempt_verdict(call, CURLE_OK));
    } else if (call->result.any_text && total) {
        breaker_success(&call->lane->breaker, clock_mono_ms());
        call->entered = false;
        call_finish(call, LLM_LENGTH, NULL);
    } else {
        call->wait_ms = call->should_retry = -1;
        call->told_window = call->told_prompt = 0;
        call->repair = 0;
        end_attempt(call, FAULT_SLOW);
    }
}

// One that was asked when the others had used up the time is not at fault.
static bool had_its_time(const struct llm_call *call, int64_t now)
{
    int64_t time = less(provider_time(call->provider, 'f'), response_timeout(call));
    return now - call->sent >= time / 2;
}

static void on_timer(uv_timer_t *timer)
{
    struct llm_call *call = timer->data;
    int64_t now = now_ms(call->llm);
    if (awaits_response(call) && now >= response_deadline(call)) {
        if (call->entered && call->state == CALL_RUNS && !call->result.any_text && had_its_time(call, now)) {
            breaker_fault(&call->lane->breaker, clock_mono_ms());
            call->entered = false;
        }
        call_finish(call, call->result.any_text ? LLM_LENGTH : LLM_ERROR, "timeout");
        return;
    }
    switch (call->state) {
    case CALL_RUNS:
        run_timeout(call, now);
        break;
    case CALL_WAITS_RETRY:
        if (now >= call->retry_at)
            call_send(call);
        else
            call_arm(call);
        break;
    case CALL_WAITS_OPEN:
        if (now >= call->retry_at)
            call_try_provider(call);
        else
            call_arm(call);
        break;
    case CALL_WAITS_SEAT:
        if (now >= call->waits_since + provider_time(call->provider, 'f'))
            call_next_provider(call, false);
        else
            call_arm(call);
        break;
    case CALL_DRAINS:
        call_resumed(call);
        break;
    default:
        break;
    }
}

// ---- signals

static void start(struct llm_call *call, bool left)
{
    struct llm *llm = call->llm;
    call->next = llm->calls;
    call->link = &llm->calls;
    if (call->next)
        call->next->link = &call->next;
    llm->calls = call;
    call->set = set_ref(llm);
    call->started = now_ms(llm);
    call->result.usage.known = true;
    uv_timer_init(&llm->loop, &call->timer);
    call->timer.data = call;
    if (left)
        call_finish(call, LLM_CANCELLED, NULL);
    else if (call->set->n == 0)
        call_finish(call, LLM_ERROR, "no_model");
    else
        call_begin(call);
}

void call_signal(struct job *job, unsigned signals)
{
    struct llm_call *call = (struct llm_call *)(void *)job; // its first member
    if (signals & SIGNAL_START)
        start(call, (signals & SIGNAL_CANCEL) || call->llm->ending);
    else if (signals & SIGNAL_CANCEL)
        call_finish(call, LLM_CANCELLED, NULL);
    else if (signals & SIGNAL_RESUME)
        call_resumed(call);
}
