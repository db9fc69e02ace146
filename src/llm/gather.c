// SPDX-License-Identifier: Apache-2.0
// Questions that come together are embedded together: while some are under way, the next waits 5 ms for others and
// takes them along. A question that is alone waits for nobody. And the callers that do wait for vectors, on threads of
// theirs.
#include "llm/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATHER_MS = 5, GATHER_MOST = 16, TEXTS_MOST = 100000 };

struct question {
    struct job job;
    struct llm *llm;
    struct question *next;
    char model[LLM_EMBEDDING_MODEL]; // "": the one in use
    char *text;
    size_t n;
    int timeout_ms;
    llm_vector_done *done;
    void *arg;
};

struct group { // questions under way together
    struct llm *llm;
    struct question *of[GATHER_MOST];
    struct str texts[GATHER_MOST];
    size_t n;
};

static void question_end(struct question *question, int error, const float *vector, size_t dims)
{
    question->done(question->arg, error, vector, dims);
    free(question->text);
    free(question);
}

static void group_done(void *arg, int error, float *const *vectors, size_t dims)
{
    struct group *group = arg;
    group->llm->groups--;
    for (size_t i = 0; i < group->n; i++)
        question_end(group->of[i], error, error ? NULL : vectors[i], dims);
    free(group);
}

// Those that want the same model as the first, taken out of the list.
static struct group *take_group(struct llm *llm)
{
    struct group *group = mem_zalloc(sizeof *group);
    struct question **at = &llm->questions;
    const char *model = llm->questions->model;
    group->llm = llm;
    while (*at && group->n < GATHER_MOST) {
        struct question *question = *at;
        if (strcmp(question->model, model) != 0) {
            at = &question->next;
            continue;
        }
        *at = question->next;
        group->texts[group->n] = (struct str){question->text, question->n};
        group->of[group->n++] = question;
    }
    return group;
}

static void send_all(struct llm *llm)
{
    uv_timer_stop(&llm->gather);
    while (llm->questions) {
        struct group *group = take_group(llm);
        const struct question *first = group->of[0];
        struct embed_order order = {.model = first->model[0] ? first->model : NULL,
                                    .texts = group->texts,
                                    .n = group->n,
                                    .query = true,
                                    .timeout_ms = first->timeout_ms,
                                    .done = group_done,
                                    .arg = group};
        llm->groups++;
        embed_start(llm, &order);
    }
}

static void on_gathered(uv_timer_t *timer)
{
    send_all(timer->data);
}

static void question_signal(struct job *job, unsigned signals)
{
    struct question *question = (struct question *)(void *)job; // its first member
    struct llm *llm = question->llm;
    struct question **end = &llm->questions;
    size_t n = 1;
    (void)signals;
    if (llm->ending) {
        question_end(question, ERR_CANCELLED, NULL, 0);
        return;
    }
    for (; *end; end = &(*end)->next)
        n++;
    *end = question;
    if (llm->groups == 0 || n >= GATHER_MOST) {
        send_all(llm);
    } else if (!uv_is_active((uv_handle_t *)&llm->gather)) {
        uv_update_time(&llm->loop);
        uv_timer_start(&llm->gather, on_gathered, GATHER_MS, 0);
    }
}

void questions_setup(struct llm *llm)
{
    uv_timer_init(&llm->loop, &llm->gather);
    llm->gather.data = llm;
}

void questions_cancel(struct llm *llm)
{
    for (struct question *question; (question = llm->questions);) {
        llm->questions = question->next;
        question_end(question, ERR_CANCELLED, NULL, 0);
    }
}

void llm_embed_question(struct llm *llm, const char *model, struct str text, int timeout_ms, llm_vector_done *done,
                        void *arg)
{
    struct question *question = mem_zalloc(sizeof *question);
    *question = (struct question){.llm = llm, .n = text.n, .timeout_ms = timeout_ms, .done = done, .arg = arg};
    question->job.run = question_signal;
    question->text = mem_strndup(text.p ? text.p : "", text.n);
    (void)snprintf(question->model, sizeof question->model, "%s", model ? model : "");
    llm_post(llm, &question->job, SIGNAL_START);
}

// ---- callers that wait ---------------------------------------------------------------------------------------------

struct waiting {
    struct job job;
    struct llm *llm;
    struct embed_order order;
    struct arena *arena; // the caller's: it sleeps meanwhile
    const float **vectors;
    size_t dims;
    int error;
    bool over;
    pthread_mutex_t lock;
    pthread_cond_t ended;
};

static void waiting_done(void *arg, int error, float *const *vectors, size_t dims)
{
    struct waiting *w = arg;
    if (vectors)
        w->vectors = arena_calloc(w->arena, w->order.n, sizeof *w->vectors);
    for (size_t i = 0; vectors && i < w->order.n; i++) {
        if (!vectors[i])
            continue;
        float *copy = arena_alloc(w->arena, dims * sizeof *copy);
        memcpy(copy, vectors[i], dims * sizeof *copy);
        w->vectors[i] = copy;
    }
    pthread_mutex_lock(&w->lock);
    w->dims = dims;
    w->error = error;
    w->over = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->lock);
}

static void waiting_answered(void *arg, int error, const float *vector, size_t dims)
{
    float *const one[] = {(float *)(uintptr_t)vector};
    waiting_done(arg, error, error ? NULL : one, dims);
}

static void waiting_signal(struct job *job, unsigned signals)
{
    struct waiting *w = (struct waiting *)(void *)job; // its first member
    (void)signals;
    embed_start(w->llm, &w->order);
}

int llm_embed(struct llm *llm, const char *model, struct arena *arena, const struct str *texts, size_t n, bool query,
              int timeout_ms, const float ***ret, size_t *ret_dims, struct err *err)
{
    if (n == 0 || n > TEXTS_MOST)
        return err_set(err, ERR_INVALID, "between 1 and %d texts can be embedded at once", TEXTS_MOST);
    struct waiting w = {.llm = llm, .arena = arena};
    w.order = (struct embed_order){model, texts, n, query, timeout_ms, waiting_done, &w};
    w.job.run = waiting_signal;
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.ended, NULL);
    if (query && n == 1)
        llm_embed_question(llm, model, texts[0], timeout_ms, waiting_answered, &w);
    else
        llm_post(llm, &w.job, SIGNAL_START);
    pthread_mutex_lock(&w.lock);
    while (!w.over)
        pthread_cond_wait(&w.ended, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_mutex_destroy(&w.lock);
    pthread_cond_destroy(&w.ended);
    *ret = w.vectors;
    *ret_dims = w.dims;
    return embed_fault(w.error, err);
}
