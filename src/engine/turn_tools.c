// SPDX-License-Identifier: Apache-2.0
// The round of tools in a turn (003-platform 8.3): the model's calls are checked and run, what they gave goes back to
// the model, and it is asked again, until it answers or a bound is reached. The step parks twice a round, while tools
// run and while the model does, and is entered again after each.
//
// A run is ended by whoever is first: its tool, the clock (deadline) or a cancel. The last end of a round resumes the
// turn.
#include "engine/turn_internal.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/utf8.h"
#include "engine/schema.h"

#include <stdio.h>
#include <stdlib.h>

enum { DETAILS_CHARS = 500, RESULT_BYTES = 1 << 20, LATE_AT_ONCE = 16, INVALID_MOST = 2 };

struct running {
    struct tool_run run; // first
    _Atomic int refs;    // the turn's and the tool's
    _Atomic bool ended;
    struct turn *turn; // only of who ended it
    struct tool_use *use;
    bool by_tool; // its products count
    int64_t began_us;
    struct buf content;
};

static const struct chatbot_plugins *bounds_of(const struct turn *turn)
{
    return &turn->input.chatbot->row.configuration.plugins;
}

// ---- runs ----------------------------------------------------------------------------------------------------------

static void running_unref(struct running *r)
{
    if (atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    chatbot_ref_drop(r->run.chatbot);
    buf_done(&r->content);
    arena_free(r->run.arena);
    free(r);
}

static void start_next(struct turn *turn);

static void add_event(struct turn *turn, const struct tool *tool, const char *status)
{
    char name[TOOL_NAME_MOST + 1];
    tool_name(tool, name);
    pthread_mutex_lock(&turn->lock);
    vec_reserve(&turn->tool_events, 1);
    struct turn_tool_event *event = &turn->tool_events.at[turn->tool_events.n++];
    *event = (struct turn_tool_event){.status = status, .offset = turn->text.n};
    snprintf(event->name, sizeof event->name, "%s", name);
    pthread_mutex_unlock(&turn->lock);
    turn_wake(turn);
}

// One of the round's open ends is closed; the last one lets the turn go on, which then must not be touched.
static void close_one(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    bool last = --turn->tool_open == 0;
    pthread_mutex_unlock(&turn->lock);
    if (last)
        turn_resume(turn);
}

static void end_run(struct running *r, bool by_tool, const char *error, int status, struct str content)
{
    if (atomic_exchange(&r->ended, true))
        return;
    struct turn *turn = r->turn;
    struct tool_use *use = r->use;
    use->error = error;
    use->status = status;
    use->latency_ms = r->began_us ? (clock_mono_us() - r->began_us) / 1000 : 0;
    use->bytes = content.n;
    r->by_tool = by_tool;
    if (content.n > RESULT_BYTES) {
        use->error = "response_too_large";
        content = STR("");
    }
    buf_adds(&r->content, content);
    if (r->began_us)
        add_event(turn, use->tool, use->error ? "error" : "ok");
    start_next(turn);
    close_one(turn);
}

void tool_run_end(struct tool_run *run, const char *error, int status, struct str content)
{
    struct running *r = (struct running *)(void *)run;
    end_run(r, true, error, status, content);
    running_unref(r);
}

static void run_one(void *arg)
{
    struct running *r = arg;
    if (atomic_load(&r->ended))
        running_unref(r);
    else
        r->run.tool->run(&r->run);
}

// Gives the next run that nobody has ended to a worker.
static void start_next(struct turn *turn)
{
    struct running *r = NULL;
    pthread_mutex_lock(&turn->lock);
    while (!r && turn->tool_next < turn->tool_runs.n) {
        r = turn->tool_runs.at[turn->tool_next++];
        if (atomic_load(&r->ended))
            r = NULL;
    }
    if (r) {
        int64_t until = clock_mono_ms() + r->run.tool->deadline_ms;
        r->run.deadline = until < r->run.deadline ? until : r->run.deadline;
        r->began_us = clock_mono_us();
        atomic_fetch_add(&r->refs, 1);
    }
    pthread_mutex_unlock(&turn->lock);
    if (!r)
        return;
    add_event(turn, r->run.tool, "running");
    pool_must_run(turn->engine->with.workers, run_one, r);
}

static size_t pick(struct turn *turn, int64_t due, struct running *late[LATE_AT_ONCE])
{
    size_t n = 0;
    pthread_mutex_lock(&turn->lock);
    for (size_t i = 0; i < turn->tool_runs.n && n < LATE_AT_ONCE; i++) {
        struct running *r = turn->tool_runs.at[i];
        if (!atomic_load(&r->ended) && r->run.deadline <= due) {
            atomic_fetch_add(&r->refs, 1);
            late[n++] = r;
        }
    }
    pthread_mutex_unlock(&turn->lock);
    return n;
}

void turn_tools_late(struct turn *turn, int64_t due, const char *error)
{
    struct running *late[LATE_AT_ONCE];
    size_t n = pick(turn, due, late);
    for (size_t i = 0; i < n; i++) {
        end_run(late[i], false, error, 0, STR(""));
        running_unref(late[i]);
    }
}

bool turn_tool_event(struct turn *turn, size_t index, struct turn_tool_event *ret)
{
    pthread_mutex_lock(&turn->lock);
    bool there = index < turn->tool_events.n;
    if (there)
        *ret = turn->tool_events.at[index];
    pthread_mutex_unlock(&turn->lock);
    return there;
}

void turn_tools_done(struct turn *turn)
{
    for (size_t i = 0; i < turn->tool_runs.n; i++)
        running_unref(turn->tool_runs.at[i]);
    vec_done(&turn->tool_runs);
    vec_done(&turn->tool_events);
}

// ---- a round -------------------------------------------------------------------------------------------------------

static struct str failure(struct arena *arena, const char *error, struct str details)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    details.n = utf8_offset(details, DETAILS_CHARS);
    json_add_cstr(doc, root, "error", error);
    if (details.n)
        json_add_str(doc, root, "details", details);
    return json_write(arena, root);
}

static void refuse(struct turn *turn, struct tool_use *use, const char *error, struct str details)
{
    use->error = error;
    use->result = failure(turn->arena, error, details);
}

// NULL: it cannot be run, and the use says why.
static struct running *prepare(struct turn *turn, struct tool_use *use)
{
    struct arena *arena = arena_new(1024);
    struct str why = STR("the arguments are not JSON");
    yyjson_val *schema = NULL, *arguments = NULL;
    use->tool = tools_find(turn->tools, use->call.name);
    bool good = use->tool && json_parse(arena, use->call.arguments, 0, &arguments, NULL) == 0 &&
                json_parse(arena, str_from(use->tool->parameters), 0, &schema, NULL) == 0;
    if (good && !yyjson_is_obj(arguments)) {
        why = STR("the arguments are not a JSON object");
        good = false;
    }
    if (!good || !schema_check(arena, schema, arguments, &why)) {
        turn->tools->invalid++;
        refuse(turn, use, use->tool ? "invalid_arguments" : "unknown_tool", use->tool ? why : STR(""));
        arena_free(arena);
        return NULL;
    }
    struct running *r = mem_zalloc(sizeof *r);
    atomic_init(&r->refs, 1);
    r->turn = turn;
    r->use = use;
    r->content = BUF_INIT(RESULT_BYTES);
    r->run = (struct tool_run){
        .tool = use->tool,
        .arena = arena,
        .arguments = arguments,
        .chatbot = chatbot_ref_take(turn->input.chatbot),
        .catalogues = turn->engine->with.catalogues,
        .deadline = turn->tools->until,
    };
    return r;
}

// Checks the calls of the model's answer; returns how many are to be run.
static size_t check_calls(struct turn *turn)
{
    struct turn_tools *tools = turn->tools;
    struct tool_round *round = &tools->rounds[tools->n_rounds++];
    size_t n = 0;
    round->uses = tools->asked;
    round->n = tools->n_asked;
    round->text_from = tools->text_from;
    round->text_end = tools->text_from = turn->text.n;
    tools->until = clock_mono_ms() + bounds_of(turn)->budget_ms - tools->spent_ms;
    for (size_t i = 0; i < round->n; i++) {
        struct tool_use *use = &round->uses[i];
        use->at = clock_wall_ms();
        bool spent = tools->calls >= (size_t)bounds_of(turn)->max_calls || tools->invalid >= INVALID_MOST;
        tools->last |= spent;
        if (spent || i >= TOOL_CALLS_A_ROUND) {
            refuse(turn, use, "budget_exhausted", STR(""));
            continue;
        }
        use->running = prepare(turn, use);
        if (!use->running)
            continue;
        tools->calls++;
        n++;
    }
    return n;
}

static enum step_result run_calls(struct turn *turn, size_t n)
{
    const struct tool_round *round = &turn->tools->rounds[turn->tools->n_rounds - 1];
    turn->tools->runs = true;
    turn->tools->began = clock_mono_ms();
    pthread_mutex_lock(&turn->lock);
    turn->tool_next = turn->tool_runs.n;
    for (size_t i = 0; i < round->n; i++)
        if (round->uses[i].running)
            vec_add(&turn->tool_runs, round->uses[i].running);
    turn->tool_open = n + 1; // one for this function
    pthread_mutex_unlock(&turn->lock);
    turn_stay(turn);
    for (size_t i = 0; i < TOOL_CALLS_AT_ONCE; i++)
        start_next(turn);
    if (atomic_load(&turn->cancelled))
        turn_tools_late(turn, INT64_MAX, "cancelled");
    close_one(turn);
    return STEP_PARK;
}

// Products that a tool has named: their prices are known from here on.
static void take_products(struct turn *turn, const struct tool_run *run)
{
    struct suggestions *found = &turn->found;
    struct suggest_hit *hits = arena_calloc(turn->arena, found->n + run->n_products + 1, sizeof *hits);
    size_t n = found->n;
    if (found->n)
        memcpy(hits, found->hits, found->n * sizeof *hits);
    for (size_t i = 0; i < run->n_products; i++) {
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = str_eq(hits[k].product.id, run->products[i].id);
        if (!known)
            hits[n++] = (struct suggest_hit){run->products[i], 0};
    }
    found->hits = hits;
    found->n = n;
}

static struct str result_of(struct turn *turn, const struct tool_use *use)
{
    struct str content = buf_str(&use->running->content);
    if (use->error)
        return failure(turn->arena, use->error, content);
    size_t end = utf8_offset(content, TOOL_RESULT_CHARS);
    if (end < content.n)
        return arena_strf(turn->arena, STR_FMT "[truncated]", (int)end, content.p);
    return content.n ? arena_str(turn->arena, content) : STR("{}");
}

static void count_use(const struct tool_use *use)
{
    unsigned type = metric_label(LABEL_PLUGIN, str_from(use->tool->type));
    const char *outcome = !use->error ? "ok" : strcmp(use->error, "timeout") == 0 ? "timeout" : "failed";
    metric_add(METRIC_PLUGIN_CALLS, METRIC_AT(type, metric_label(LABEL_OUTCOME, str_from(outcome))), 1);
    metric_time(METRIC_PLUGIN_DURATION, METRIC_AT(type), use->latency_ms * 1000);
}

// The round's runs have ended.
static void collect(struct turn *turn)
{
    struct turn_tools *tools = turn->tools;
    const struct tool_round *round = &tools->rounds[tools->n_rounds - 1];
    if (tools->runs)
        tools->spent_ms += clock_mono_ms() - tools->began;
    tools->runs = false;
    for (size_t i = 0; i < round->n; i++) {
        struct tool_use *use = &round->uses[i];
        if (!use->running)
            continue;
        if (use->running->by_tool && !use->error) {
            take_products(turn, &use->running->run);
            tools->good++;
        }
        use->result = result_of(turn, use);
        count_use(use);
        if (!use->error || strcmp(use->error, "cancelled") != 0)
            tools_note(turn->engine, turn->input.chatbot, use->tool, !use->error);
    }
    tools->last |= tools->n_rounds >= (size_t)bounds_of(turn)->max_rounds || tools->invalid >= INVALID_MOST ||
                   tools->calls >= (size_t)bounds_of(turn)->max_calls || tools->spent_ms >= bounds_of(turn)->budget_ms;
}

enum step_result turn_step_tools(struct turn *turn)
{
    struct turn_tools *tools = turn->tools;
    turn_settle_budget(turn);
    if (!tools || turn->outcome.code || strcmp(turn->outcome.mode, "model") != 0)
        return STEP_NEXT;
    if (!tools->runs) {
        bool wanted = turn->result.finish == LLM_TOOLS && !turn->stopped_early && !tools->last;
        if (!wanted)
            return STEP_NEXT;
        size_t n = check_calls(turn);
        if (n)
            return run_calls(turn, n);
    }
    collect(turn);
    if (atomic_load(&turn->cancelled)) {
        turn->result.finish = LLM_CANCELLED;
        return STEP_NEXT;
    }
    return turn_ask_again(turn);
}

// On the client's thread, at the end of a call.
void turn_tools_take(struct turn *turn, const struct llm_result *result)
{
    struct turn_tools *tools = turn->tools;
    if (!tools || result->finish != LLM_TOOLS)
        return;
    struct arena *arena = turn->arena;
    tools->asked = arena_calloc(arena, result->n_calls, sizeof *tools->asked);
    tools->n_asked = result->n_calls;
    for (size_t i = 0; i < result->n_calls; i++)
        tools->asked[i].call =
            (struct llm_tool_call){arena_str(arena, result->calls[i].id), arena_str(arena, result->calls[i].name),
                                   arena_str(arena, result->calls[i].arguments)};
}

// ---- what the model is told ----------------------------------------------------------------------------------------

static struct str shortened(struct arena *arena, struct str result, size_t most)
{
    size_t end = utf8_offset(result, most);
    return end < result.n ? arena_strf(arena, STR_FMT "[truncated]", (int)end, result.p) : result;
}

static size_t transcript(const struct turn *turn, struct arena *arena, size_t most, struct llm_message *out)
{
    size_t n = 0;
    for (size_t i = 0; i < turn->tools->n_rounds; i++) {
        const struct tool_round *round = &turn->tools->rounds[i];
        struct llm_tool_call *calls = arena_calloc(arena, round->n, sizeof *calls);
        for (size_t k = 0; k < round->n; k++)
            calls[k] = round->uses[k].call;
        struct str said = {buf_str(&turn->text).p + round->text_from, round->text_end - round->text_from};
        out[n++] = (struct llm_message){"assistant", said, calls, round->n};
        for (size_t k = 0; k < round->n; k++)
            out[n++] = (struct llm_message){"tool", shortened(arena, round->uses[k].result, most),
                                            .call_id = round->uses[k].call.id};
    }
    return n;
}

size_t turn_tools_messages(const struct turn *turn, struct arena *arena, int64_t budget, struct llm_message **ret,
                           int64_t *ret_tokens)
{
    size_t room = 1, n = 0;
    *ret_tokens = 0;
    if (!turn->tools)
        return 0;
    for (size_t i = 0; i < turn->tools->n_rounds; i++)
        room += turn->tools->rounds[i].n + 1;
    *ret = arena_calloc(arena, room, sizeof **ret);
    for (size_t most = TOOL_RESULT_CHARS + 16; most >= 250; most /= 2) {
        n = transcript(turn, arena, most, *ret);
        *ret_tokens = 0;
        for (size_t i = 0; i < n; i++)
            *ret_tokens += llm_estimate_message(&(*ret)[i]);
        if (*ret_tokens <= budget)
            break;
    }
    *ret_tokens += llm_estimate(turn->tools->definitions);
    return n;
}
