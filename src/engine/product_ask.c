// SPDX-License-Identifier: Apache-2.0
// Budgets are set aside for all pieces before the first call, because that may read the store and ends of calls are
// told on the client's thread, where nothing may block; there the next call is begun too. Replies are kept as text and
// read when all are there, in the order of the pieces, on a thread that may take its time.
#include "engine/product_ask.h"

#include "base/clock.h"
#include "engine/product_file_internal.h"
#include "engine/product_reply.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 4, OUTPUT_MOST = 4096, OUTPUT_LEAST = 256 };

struct question { // of one piece
    struct product_ask *ask;
    const struct product_piece *piece;
    struct arena *arena;
    struct str text; // what is said of the piece
    int64_t output;
    struct buf reply;
    struct llm_call *call; // under the lock, while it runs
    struct reservation reservation;
    bool refused, late, asked, overlong;
    struct llm_result result;
};

struct product_ask {
    struct product_file *file;
    struct product_ask_options with;
    struct arena *arena;
    struct question *questions;
    size_t n;
    pthread_mutex_t lock;
    size_t next, running; // under the lock
    bool cancelled;
};

static void prepare(struct product_ask *ask, struct question *q, const struct product_piece *piece)
{
    AUTO_BUF struct buf text = BUF_INIT(PIECE_CHARS * 4 + 100);
    buf_addz(&text, "<text>\n");
    for (size_t i = 0; i < piece->n; i++) {
        buf_adds(&text, piece->lines[i].text);
        buf_addc(&text, '\n');
    }
    buf_addz(&text, "</text>");
    *q = (struct question){.ask = ask, .piece = piece, .text = arena_str(ask->arena, buf_str(&text))};
    q->reply = BUF_INIT(REPLY_BYTES_MOST);
    struct llm *llm = ask->with.llm;
    double factor = llm_estimate_factor(llm, ask->with.model);
    int64_t prompt = llm_estimate(q->text) + llm_estimate(str_from(product_reply_prompt)) + 16;
    int64_t window = llm_context_window(llm, ask->with.model);
    int64_t rest = window - (int64_t)((double)prompt * factor) - llm_window_reserve(window);
    q->output = rest > OUTPUT_MOST ? OUTPUT_MOST : rest < OUTPUT_LEAST ? OUTPUT_LEAST : rest;
    if (ask->with.budgets)
        q->refused = budgets_reserve(ask->with.budgets, ask->with.brand, prompt + q->output,
                                     llm_most_cost(llm, prompt, q->output), &q->reservation) != BUDGET_FITS;
}

struct product_ask *product_ask_new(struct product_file *file, const struct product_ask_options *options)
{
    const struct product_piece *pieces;
    struct product_ask *ask = mem_zalloc(sizeof *ask);
    ask->file = file;
    ask->with = *options;
    ask->arena = arena_new(0);
    pthread_mutex_init(&ask->lock, NULL);
    ask->n = product_pieces_take(file->pieces, &pieces);
    ask->questions = mem_calloc(ask->n + 1, sizeof *ask->questions);
    for (size_t i = 0; i < ask->n; i++)
        prepare(ask, &ask->questions[i], &pieces[i]);
    return ask;
}

void product_ask_free(struct product_ask *ask)
{
    if (!ask)
        return;
    for (size_t i = 0; i < ask->n; i++) {
        if (ask->with.budgets)
            budgets_settle(ask->with.budgets, &ask->questions[i].reservation, 0, 0); // where nobody took the answers
        buf_done(&ask->questions[i].reply);
    }
    pthread_mutex_destroy(&ask->lock);
    arena_free(ask->arena);
    free(ask->questions);
    free(ask);
}

// ---- calls ---------------------------------------------------------------------------------------------------------

static bool start_next(struct product_ask *ask);

// On the client's loop, as on_done.
static bool on_delta(void *arg, struct str text)
{
    struct question *q = arg;
    if (q->overlong || buf_adds(&q->reply, text))
        return true;
    q->overlong = true;
    pthread_mutex_lock(&q->ask->lock);
    if (q->call)
        llm_cancel(q->call);
    pthread_mutex_unlock(&q->ask->lock);
    return true;
}

static void on_done(void *arg, const struct llm_result *result)
{
    struct question *q = arg;
    struct product_ask *ask = q->ask;
    pthread_mutex_lock(&ask->lock);
    q->call = NULL;
    q->result = *result;
    q->result.calls = NULL;
    ask->running--;
    bool over = start_next(ask);
    pthread_mutex_unlock(&ask->lock);
    if (over)
        ask->with.done(ask->with.arg);
}

static void start(struct question *q, int64_t left)
{
    struct product_ask *ask = q->ask;
    const struct llm_message messages[] = {{"system", str_from(product_reply_prompt)}, {"user", q->text}};
    struct llm_request request = {.brand = ask->with.brand,
                                  .model = ask->with.model,
                                  .messages = messages,
                                  .n_messages = 2,
                                  .temperature = 0,
                                  .max_tokens = q->output,
                                  .format = str_from(product_reply_format),
                                  .response_timeout_ms = (int)left,
                                  .whole = true,
                                  .delta = on_delta,
                                  .done = on_done,
                                  .arg = q};
    q->asked = true;
    ask->running++;
    q->call = llm_chat(ask->with.llm, &request);
}

// Under the lock. True: nothing runs, and nothing more will.
static bool start_next(struct product_ask *ask)
{
    while (ask->next < ask->n && ask->running < AT_ONCE && !ask->cancelled) {
        struct question *q = &ask->questions[ask->next++];
        int64_t left = ask->with.until - clock_mono_ms();
        q->late = left <= 0;
        if (!q->late && !q->refused)
            start(q, left < INT32_MAX ? left : INT32_MAX);
    }
    return ask->running == 0;
}

void product_ask_run(struct product_ask *ask)
{
    pthread_mutex_lock(&ask->lock);
    bool over = start_next(ask);
    pthread_mutex_unlock(&ask->lock);
    if (over)
        ask->with.done(ask->with.arg);
}

void product_ask_cancel(struct product_ask *ask)
{
    pthread_mutex_lock(&ask->lock);
    ask->cancelled = true;
    for (size_t i = 0; i < ask->n; i++)
        if (ask->questions[i].call)
            llm_cancel(ask->questions[i].call);
    pthread_mutex_unlock(&ask->lock);
}

// ---- answers -------------------------------------------------------------------------------------------------------

struct outcomes { // of how many pieces
    size_t failed, broken_off, refused, late;
};

static void take_answer(struct product_ask *ask, struct question *q, struct outcomes *n)
{
    const char *reason = q->result.reason;
    enum llm_finish finish = q->result.finish;
    bool late = q->late || (q->asked && reason && strcmp(reason, "timeout") == 0), cut = false;
    n->late += late;
    n->refused += q->refused && !late;
    if (!q->asked)
        return;
    enum product_listing listing = PRODUCTS_NOT_LISTED;
    if (finish == LLM_STOP || finish == LLM_LENGTH || q->overlong) {
        (void)product_file_list(ask->file, q->piece, buf_str(&q->reply), &listing);
        cut = finish == LLM_LENGTH || q->overlong || listing == PRODUCTS_BROKEN_OFF;
    }
    n->failed += !late && !cut && listing == PRODUCTS_NOT_LISTED;
    n->broken_off += !late && cut;
}

static void add_usage(struct product_usage *sum, const struct llm_result *result)
{
    sum->prompt += result->usage.prompt;
    sum->completion += result->usage.completion;
    sum->cost += result->cost;
    sum->estimated |= !result->usage.known;
    if (result->model[0])
        memcpy(sum->model, result->model, sizeof sum->model);
}

static void tell(struct product_ask *ask, size_t n, const char *code, const char *what)
{
    char text[160];
    (void)snprintf(text, sizeof text, "%s (%zu of %zu parts of the text)", what, n, ask->n);
    if (n)
        product_file_error(ask->file, code, text);
}

void product_ask_take(struct product_ask *ask, struct product_usage *ret)
{
    struct outcomes n = {0};
    *ret = (struct product_usage){0};
    for (size_t i = 0; i < ask->n; i++) {
        struct question *q = &ask->questions[i];
        if (q->asked)
            add_usage(ret, &q->result);
        if (ask->with.budgets)
            budgets_settle(ask->with.budgets, &q->reservation, q->result.usage.prompt + q->result.usage.completion,
                           q->result.cost);
        take_answer(ask, q, &n);
    }
    tell(ask, n.failed, "model_failed", "The model gave no list of products");
    tell(ask, n.broken_off, "model_failed", "The model's list of products broke off");
    tell(ask, n.refused, "model_failed", "The brand's budget for models is used up");
    tell(ask, n.late, "timeout", "The model could not read the text in time");
    if (product_pieces_cut(ask->file->pieces))
        product_file_error(ask->file, "too_many_rows", "Only the beginning of the text was read by the model");
}
