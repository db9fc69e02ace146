// SPDX-License-Identifier: Apache-2.0
// One request of a call: bytes in, text out to the caller (with his pauses), the verdict at the end, the books; and the
// end of the whole call.
#include "llm/client.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

// ---- text

static void deliver(void *arg, struct str text)
{
    struct llm_call *call = arg;
    if (!call->result.any_text) {
        call->result.any_text = true;
        snprintf(call->result.model, sizeof call->result.model, "%s", call->upstream_model);
    }
    buf_adds(&call->delivered, text);
    if (call->paused)
        buf_adds(&call->pending, text);
    else if (!call->request.delta(call->request.arg, text))
        call->paused = true;
}

static void on_text(void *arg, struct str text)
{
    struct llm_call *call = arg;
    for (size_t i = 0; i < text.n; i++) {
        call->answer_ascii += (unsigned char)text.p[i] < 0x80;
        call->answer_other += (unsigned char)text.p[i] >= 0xc0;
    }
    if (!call->joining) {
        deliver(call, text);
        return;
    }
    if (!join_feed(&call->join, text, deliver, call) && call->answer.fault == FAULT_NONE) {
        call->answer.fault = FAULT_BROKEN;
        call->answer.why = "departed";
    }
    if (call->join.state == JOIN_HOLDING && call->held_since == 0) {
        call->held_since = now_ms(call->llm);
        call_arm(call);
    }
}

void call_decide_join(struct llm_call *call)
{
    call->held_since = 0;
    if (!join_decide(&call->join, deliver, call) && call->answer.fault == FAULT_NONE) {
        call->answer.fault = FAULT_BROKEN;
        call->answer.why = "departed";
    }
}

static void begin_answer(struct llm_call *call)
{
    call->answering = true;
    answer_init(&call->answer, str_from(call->transfer->content_type), call->lane->thinks || !call->lane->known,
                call->request.tools.n > 0, on_text, call);
}

static int on_body(void *arg, struct str bytes)
{
    struct llm_call *call = arg;
    if (call->transfer->status >= 300 || call->transfer->status < 200)
        return buf_adds(&call->error_body, bytes) ? BODY_GO_ON : BODY_STOP;
    if (call->paused) {
        call->stalled = true;
        return BODY_PAUSE;
    }
    if (!call->answering)
        begin_answer(call);
    bool more = answer_feed(&call->answer, bytes);
    int64_t now = now_ms(call->llm);
    if (call->answer.progress != call->progress) {
        call->progress = call->answer.progress;
        call->last_progress = now;
        call->late_since = 0;
        if (call->first_progress == 0) {
            call->first_progress = now;
            call_arm(call);
        }
    }
    // Once so much has come without a tag, nobody else's first bytes need to wait.
    const struct think *think = &call->answer.think;
    if (!call->lane->known && !think->cautious && think->seen >= THINK_HOLD && !think->seen_tag &&
        !call->answer.reasoned)
        call->lane->known = true;
    if (call->doubt_since == 0 && call->answer.think.cautious && call->answer.think.n > 0 && !call->lane->thinks) {
        call->doubt_since = now;
        call_arm(call);
    }
    if (call->completed == 0 && answer_complete(&call->answer)) {
        call->completed = now;
        call_arm(call);
    }
    return more && call->answer.fault == FAULT_NONE ? BODY_GO_ON : BODY_STOP;
}

// A connection that was kept, and is gone: nothing was said yet, so another one takes its place, once, and nobody
// counts it. (Over HTTP/1.1 libcurl does so by itself.)
static bool replace(struct llm_call *call, CURLcode code)
{
    bool again = code != CURLE_OK && !call->replaced && !call->transfer->answered && transfer_reused(call->transfer);
    call->replaced = again;
    if (!again)
        return false;
    transfer_free(call->transfer);
    call->transfer = NULL;
    if (call->joining)
        join_done(&call->join);
    call->result.n_attempts--;
    call_send(call);
    return true;
}

static void on_done(void *arg, CURLcode code)
{
    struct llm_call *call = arg;
    if (replace(call, code))
        return;
    enum fault fault = attempt_verdict(call, code);
    attempt_close(call, fault_rows[fault].name, fault == FAULT_NONE);
    call_after(call, fault);
}

const struct transfer_ops attempt_ops = {on_body, on_done};

// ---- verdict

// Keeps a server's words, or our own, without keys and cut to whole code points.
static void keep_error(struct llm_call *call, struct str text)
{
    struct buf masked = BUF_INIT(64 << 10);
    fault_mask(&masked, text, call->provider->api_key);
    struct str words = buf_str(&masked);
    if (words.n > sizeof call->result.error - 1)
        words.n = sizeof call->result.error - 1;
    words.n = utf8_whole(words);
    memcpy(call->result.error, words.p, words.n);
    call->result.error[words.n] = '\0';
    buf_done(&masked);
}

static enum fault read_error(struct llm_call *call, int status, const struct fault_text *text)
{
    keep_error(call, text->message);
    const struct transfer *transfer = call->transfer;
    enum fault fault = fault_classify(status, text);
    call->told_window = text->window > 0 ? text->window : fault_window(text->message);
    call->told_prompt = text->prompt > 0 ? text->prompt : fault_prompt(text->message);
    call->repair = fault_repair(text, lane_quirks(call->lane));
    int64_t ms;
    if (transfer->retry_after_ms[0] && str_to_int(str_from(transfer->retry_after_ms), 0, 86400000, &ms))
        call->wait_ms = ms;
    else if (transfer->retry_after[0])
        call->wait_ms = fault_retry_after_ms(str_from(transfer->retry_after), clock_wall_ms());
    else
        call->wait_ms = fault_wait_ms(text->message);
    if (transfer->should_retry[0])
        call->should_retry = strcasecmp(transfer->should_retry, "true") == 0;
    return fault;
}

// The calls of an answer that is whole.
static void take_calls(struct llm_call *call)
{
    struct llm_tool_call *calls;
    struct llm_result *result = &call->result;
    result->n_calls = toolcalls_end(&call->answer.calls, call->arena, &calls);
    result->calls = calls;
    for (size_t i = 0; i < result->n_calls; i++)
        call->answer_ascii += (int64_t)(calls[i].name.n + calls[i].arguments.n);
    if (result->n_calls && !result->model[0])
        snprintf(result->model, sizeof result->model, "%s", call->upstream_model);
}

enum fault attempt_verdict(struct llm_call *call, CURLcode code)
{
    const struct transfer *transfer = call->transfer;
    call->wait_ms = call->should_retry = -1;
    call->told_window = call->told_prompt = 0;
    call->repair = 0;
    if (code != CURLE_OK)
        keep_error(call, str_from(curl_easy_strerror(code)));
    if (!transfer->answered || transfer->status == 0)
        return code == CURLE_OK ? FAULT_BROKEN : transfer_fault(code);
    if (transfer->status >= 300) {
        struct arena *arena = arena_new(0);
        struct fault_text text;
        fault_read(arena, json_repair(arena, buf_str(&call->error_body)), &text);
        enum fault fault = read_error(call, transfer->status, &text);
        arena_free(arena);
        return fault;
    }
    if (!call->answering)
        begin_answer(call);
    call->silent = call->answer.bytes == 0;
    if (call->answer.bytes == 0 && code != CURLE_OK)
        return transfer_fault(code);
    answer_end(&call->answer, code == CURLE_OK);
    // What was held of a continuation that failed may be the beginning of a repetition: nobody sees it.
    if (call->joining && call->answer.fault == FAULT_NONE)
        call_decide_join(call);
    if (call->answer.fault == FAULT_NONE)
        take_calls(call);
    call->refused = call->answer.refusal;
    call->cut_short = call->answer.finish == CHUNK_LENGTH;
    if (call->answer.error_arena)
        return read_error(call, 200, &call->answer.error);
    if (call->answer.fault != FAULT_NONE)
        keep_error(call, str_from(call->answer.why));
    return call->answer.fault;
}

// ---- books

static void count_usage(struct llm_call *call)
{
    struct llm_usage *usage = &call->attempt->usage, *sum = &call->result.usage;
    const struct answer *answer = &call->answer;
    bool told = call->answering && answer->has_usage;
    *usage =
        (struct llm_usage){told && answer->prompt > 0 && answer->completion >= 0, answer->prompt, answer->completion};
    if (!told || answer->prompt <= 0)
        usage->prompt = llround((double)call->estimated * lane_factor(call->lane));
    if (!told || answer->completion < 0)
        usage->completion = (call->answer_ascii + 3) / 4 + call->answer_other;
    call->result.cost += provider_cost(call->provider, usage->prompt, usage->completion);
    sum->prompt += usage->prompt;
    sum->completion += usage->completion;
    sum->known &= usage->known;
}

static void learn(struct llm_call *call)
{
    const struct answer *answer = &call->answer;
    struct lane *lane = call->lane;
    lane->thinks |= answer->reasoned;
    lane->known = true;
    probe_window(call->llm, call->provider, lane);
    if (!answer->has_usage || answer->prompt <= 0)
        return;
    double expected = (double)call->estimated * lane->factor;
    if (call->estimated > 1000 && (double)answer->prompt * 2 < expected) {
        // It read only the end of the prompt and said nothing.
        lane->silent_cut = true;
        lane_learn_window(call->llm, lane, answer->prompt + (answer->completion > 0 ? answer->completion : 0));
        return;
    }
    lane_learn_usage(call->llm, lane, call->estimated, answer->prompt);
}

void attempt_close(struct llm_call *call, const char *outcome, bool ok)
{
    if (!call->transfer)
        return;
    int64_t now = now_ms(call->llm);
    struct llm_attempt *attempt = call->attempt;
    attempt->outcome = outcome;
    attempt->status = call->transfer->status;
    attempt->ms = now - call->sent;
    attempt->first_token_ms = call->first_progress ? call->first_progress - call->sent : 0;
    lane_ended(call->lane, outcome, attempt->ms, attempt->first_token_ms);
    bool begun = call->answering && (call->answer.progress > 0 || call->answer.has_usage);
    if (ok || begun || strcmp(outcome, "cancelled") == 0)
        count_usage(call);
    if (ok)
        learn(call);
    transfer_free(call->transfer);
    call->transfer = NULL;
    if (call->answering)
        answer_done(&call->answer);
    call->answering = call->stalled = false;
    if (call->joining)
        join_done(&call->join);
    call->joining = false;
    buf_clear(&call->error_body);
}

// ---- the end

static void on_closed(uv_handle_t *handle)
{
    struct llm_call *call = handle->data;
    arena_free(call->arena);
    buf_done(&call->pending);
    buf_done(&call->delivered);
    buf_done(&call->error_body);
    free(call);
}

static void over(struct llm_call *call)
{
    call->state = CALL_OVER;
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    call->request.done(call->request.arg, &call->result);
    llm_forget(call->llm, &call->job);
    set_unref(call->llm, call->set);
    uv_close((uv_handle_t *)&call->timer, on_closed);
}

static void measure_call(const struct llm_result *result)
{
    const struct llm_usage *usage = &result->usage;
    metric_add(METRIC_LLM_TOKENS, METRIC_AT(metric_label(LABEL_DIRECTION, STR("prompt"))), (uint64_t)usage->prompt);
    metric_add(METRIC_LLM_TOKENS, METRIC_AT(metric_label(LABEL_DIRECTION, STR("completion"))),
               (uint64_t)usage->completion);
    metric_add(METRIC_LLM_FAILOVERS, METRIC_AT(0), (uint64_t)result->failovers);
}

void call_finish(struct llm_call *call, enum llm_finish finish, const char *reason)
{
    if (call->state == CALL_OVER)
        return;
    attempt_close(call, finish == LLM_CANCELLED ? "cancelled" : finish == LLM_LENGTH ? "ok" : "slow", false);
    if (call->entered)
        breaker_leave(&call->lane->breaker);
    call->entered = false;
    seat_leave(&call->seat);
    uv_timer_stop(&call->timer);
    call->result.finish = finish;
    measure_call(&call->result);
    call->result.reason = reason;
    if (call->pending.n > 0 && finish != LLM_CANCELLED) {
        call->state = CALL_DRAINS; // until the caller has room or cancels
        call_arm(call);
    } else {
        over(call);
    }
}

void call_resumed(struct llm_call *call)
{
    if (!call->paused || call->state == CALL_OVER)
        return;
    call->paused = false;
    call->last_progress = now_ms(call->llm);
    if (call->pending.n > 0) {
        struct buf text = call->pending;
        call->pending = BUF_INIT(ANSWER_MAX_BYTES);
        call->paused = !call->request.delta(call->request.arg, buf_str(&text));
        buf_done(&text);
    }
    if (call->state == CALL_DRAINS) {
        over(call);
        return;
    }
    call_arm(call);
    if (!call->paused && call->stalled) {
        call->stalled = false;
        transfer_resume(call->transfer);
    }
}
