// SPDX-License-Identifier: Apache-2.0
// The model in a turn: the prompt, the call and what comes back. Its text passes the marker filter (and in voice turns
// the sentence cutter) on the client's loop thread before any reader sees it. With tools a turn asks more than once.
#include "engine/turn_internal.h"

#include "base/clock.h"
#include "engine/chatbot_prompt.h"
#include "engine/money.h"
#include "engine/texts.h"

enum { PIECE_MOST = 1 << 16, ADVICE_TOKENS = 250, WORK_SIZE = 32 * 1024 };

static const struct chat_settings *chat_of(const struct turn *turn)
{
    return &turn->input.chatbot->chat;
}

// ---- prompt --------------------------------------------------------------------------------------------------------
// In an arena of its own: the call copies it, and the turn's arena stays while the turn waits.

static void fill_data(struct turn *turn, struct arena *arena, struct prompt_data *data)
{
    struct prompt_product *products = arena_calloc(arena, turn->found.n + 1, sizeof *products);
    struct prompt_passage *passages = arena_calloc(arena, turn->n_passages + 1, sizeof *passages);
    for (size_t i = 0; i < turn->n_block; i++) {
        const struct product *p = &turn->found.hits[i].product;
        products[i] = (struct prompt_product){p->id,    p->name,         p->category,    p->description,
                                              p->price, p->availability, p->features.at, p->features.n};
    }
    for (size_t i = 0; i < turn->n_passages; i++)
        passages[i] = (struct prompt_passage){turn->passages[i].title, STR_NULL, STR_NULL, turn->passages[i].text};
    *data = (struct prompt_data){
        .catalogue = chat_of(turn)->suggestions && (turn->n_block || turn->found.shopping),
        .currency = chat_of(turn)->currency,
        .products = products,
        .n_products = turn->n_block,
        .passages = passages,
        .n_passages = turn->n_passages,
    };
}

// The newest whole pairs, oldest first.
static size_t history_pairs(struct turn *turn, struct prompt_turn *pairs)
{
    size_t most = (size_t)chat_of(turn)->history_messages / 2, n = 0;
    for (size_t i = turn->n_history; i-- > 1 && n < most;) {
        if (!str_eq(turn->history[i].role, STR("assistant")) || !str_eq(turn->history[i - 1].role, STR("user")))
            continue;
        pairs[n++] = (struct prompt_turn){turn->history[i - 1].content, turn->history[i].content};
        i--;
    }
    for (size_t i = 0; i < n / 2; i++) {
        struct prompt_turn swap = pairs[i];
        pairs[i] = pairs[n - 1 - i];
        pairs[n - 1 - i] = swap;
    }
    return n;
}

// ---- the model -----------------------------------------------------------------------------------------------------

static bool look_up_marker(void *arg, enum marker_kind kind, struct str id, struct buf *out)
{
    struct turn *turn = arg;
    for (size_t i = 0; i < turn->found.n; i++) {
        const struct product *p = &turn->found.hits[i].product;
        if (!str_eq(p->id, id))
            continue;
        if (kind == MARKER_PRICE)
            money_write(out, p->price, chat_of(turn)->currency);
        else
            buf_adds(out, text_fixed(p->availability ? TEXT_IN_STOCK : TEXT_OUT_OF_STOCK, turn->language));
        return true;
    }
    return false;
}

// What was said before a tool was called, and what is said after it, are paragraphs of their own.
static void keep_apart(struct turn *turn, struct str text)
{
    if (!turn->tools || !turn->tools->gap)
        return;
    turn->tools->gap = false;
    if (!turn->input.voice && turn->text.n && text.p[0] != '\n')
        turn_append_soon(turn, STR("\n\n"));
}

// On the client's loop.
static bool on_delta(void *arg, struct str text)
{
    struct turn *turn = arg;
    AUTO_BUF struct buf plain = BUF_INIT(PIECE_MOST + text.n * 2);
    if (turn->stopped_early)
        return true;
    keep_apart(turn, text);
    marker_feed(&turn->marker, text, &plain);
    turn_take_text(turn, &plain, turn_append_soon);
    if (turn->voice_complete || turn->text_full) {
        turn->stopped_early = true;
        pthread_mutex_lock(&turn->lock);
        if (turn->call)
            llm_cancel(turn->call);
        pthread_mutex_unlock(&turn->lock);
    }
    return turn_has_room(turn);
}

// A turn that calls tools asks more than once: usage and attempts are those of all, the end is that of the last.
static void add_result(struct turn *turn, const struct llm_result *last)
{
    struct llm_result before = turn->result, *sum = &turn->result;
    *sum = *last;
    sum->calls = NULL;
    turn->used = last->usage.prompt + last->usage.completion;
    turn->cost = last->cost;
    if (before.n_attempts == 0)
        return;
    sum->any_text |= before.any_text;
    sum->usage.known &= before.usage.known;
    sum->usage.prompt += before.usage.prompt;
    sum->usage.completion += before.usage.completion;
    sum->cost += before.cost;
    sum->failovers += before.failovers;
    size_t n = before.n_attempts;
    memcpy(sum->attempts, before.attempts, n * sizeof sum->attempts[0]);
    for (size_t i = 0; i < last->n_attempts && n < LLM_MAX_ATTEMPTS; i++)
        sum->attempts[n++] = last->attempts[i];
    sum->n_attempts = n;
    if (!last->model[0])
        memcpy(sum->model, before.model, sizeof sum->model);
}

// On the client's loop.
static void on_done(void *arg, const struct llm_result *result)
{
    struct turn *turn = arg;
    turn_settled(turn);
    pthread_mutex_lock(&turn->lock);
    turn->call = NULL;
    add_result(turn, result);
    pthread_mutex_unlock(&turn->lock);
    turn_tools_take(turn, result);
    turn_resume(turn);
}

static bool within_budget(struct turn *turn, int64_t prompt, int64_t output)
{
    struct budgets *budgets = turn->engine->with.budgets;
    struct str brand = turn->input.chatbot->brand->row.brand.id;
    if (!budgets)
        return true;
    enum budget_answer answer = budgets_reserve(
        budgets, brand, prompt + output, llm_most_cost(turn->engine->with.llm, prompt, output), &turn->reservation);
    turn->refused = answer == BUDGET_REFUSE;
    return answer == BUDGET_FITS;
}

static int64_t output_of(const struct turn *turn)
{
    const struct chat_settings *chat = chat_of(turn);
    return turn->input.advice ? ADVICE_TOKENS : turn->input.voice ? chat->voice_max_tokens : chat->max_tokens;
}

// What tools have said stands behind the visitor's message.
static void add_tools(struct arena *arena, struct prompt *prompt, const struct llm_message *more, size_t n)
{
    struct llm_message *all = arena_calloc(arena, prompt->n + n + 1, sizeof *all);
    memcpy(all, prompt->messages, prompt->n * sizeof *all);
    if (n)
        memcpy(all + prompt->n, more, n * sizeof *all);
    prompt->messages = all;
    prompt->n += n;
}

static void make_prompt(struct turn *turn, struct arena *arena, int64_t window, double factor, struct prompt *ret)
{
    struct llm_message *tools = NULL;
    int64_t tokens, output = output_of(turn);
    int64_t half = (int64_t)((double)llm_prompt_budget(window, output) / 2 / factor);
    size_t n_tools = turn_tools_messages(turn, arena, half, &tools, &tokens);
    struct prompt_turn *pairs = arena_calloc(arena, turn->n_history + 1, sizeof *pairs);
    struct prompt_input input = {
        .system = chatbot_prompt_text(arena, turn->input.chatbot,
                                      &(struct chatbot_prompt){turn->input.personality, turn->input.advice > 0,
                                                               turn->input.voice, turn->tools != NULL}),
        .history = pairs,
        .n_history = history_pairs(turn, pairs),
        .message = turn->input.message,
        .window = window,
        .output = output,
        .tools = (int64_t)((double)tokens * factor) + (tokens > 0),
        .factor = factor,
        .estimate = llm_estimate,
    };
    fill_data(turn, arena, &input.data);
    prompt_build(arena, &input, ret);
    add_tools(arena, ret, tools, n_tools);
    turn->cut = (struct turn_cut){ret->cut_pairs, ret->cut_passages, ret->cut_message, ret->cut_system};
}

// On the client's loop, while the turn is parked: a server has told that the prompt is too long for it.
static size_t rebuild(void *arg, struct arena *arena, int64_t window, double factor, const struct llm_message **ret)
{
    struct prompt prompt;
    make_prompt(arg, arena, window, factor, &prompt);
    *ret = prompt.messages;
    return prompt.n;
}

// To the first text, over all calls of the turn; where there is text already, to the next one.
static int time_left(const struct turn *turn)
{
    int64_t whole = turn->input.chatbot->row.configuration.response_timeout * 1000;
    int64_t left = whole - (clock_mono_ms() - turn->asked_mono);
    if (turn->result.any_text && !turn->input.whole)
        left = whole;
    return left > 1 ? (int)left : 1;
}

static enum step_result ask_model(struct turn *turn, bool again)
{
    const struct chat_settings *chat = chat_of(turn);
    struct str model = turn->input.chatbot->row.configuration.model;
    AUTO_ARENA struct arena *arena = arena_new(WORK_SIZE);
    struct llm *llm = turn->engine->with.llm;
    struct prompt prompt;
    make_prompt(turn, arena, llm_context_window(llm, model), llm_estimate_factor(llm, model), &prompt);
    struct llm_request request = {
        .model = model,
        .messages = prompt.messages,
        .n_messages = prompt.n,
        .brand = turn->input.chatbot->brand->row.brand.id,
        .whole = turn->input.whole,
        .temperature = chat->temperature,
        .max_tokens = output_of(turn),
        .tools = turn->tools ? turn->tools->definitions : STR_NULL,
        .no_calls = turn->tools && turn->tools->last,
        .response_timeout_ms = time_left(turn),
        .rebuild = rebuild,
        .delta = on_delta,
        .done = on_done,
        .arg = turn,
    };
    if (!within_budget(turn, prompt.tokens, output_of(turn)))
        return turn_exhausted(turn);
    turn->outcome.mode = "model";
    if (again)
        turn_stay(turn);
    (void)turn_ref(turn); // `done` may end the turn before the lock is given back
    pthread_mutex_lock(&turn->lock);
    turn->call = llm_chat(llm, &request);
    if (atomic_load(&turn->cancelled))
        llm_cancel(turn->call);
    pthread_mutex_unlock(&turn->lock);
    turn_unref(turn);
    return STEP_PARK;
}

enum step_result turn_ask_first(struct turn *turn)
{
    turn->n_block = turn->found.n;
    turn->asked_mono = clock_mono_ms();
    marker_init(&turn->marker, look_up_marker, turn);
    tools_offer(turn);
    return ask_model(turn, false);
}

enum step_result turn_ask_again(struct turn *turn)
{
    turn->tools->gap = turn->result.any_text;
    return ask_model(turn, true);
}
