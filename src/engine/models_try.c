// SPDX-License-Identifier: Apache-2.0
// One tiny completion, and one embedding where the provider makes them, with a client of its own: what the others have
// learnt of the provider neither hinders nor is touched.
#include "engine/models_try.h"

#include "base/clock.h"

#include <pthread.h>

enum { TRY_MS = 30000, TRY_TOKENS = 8 };

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    struct llm_result result;
};

static bool on_delta(void *arg, struct str text)
{
    (void)arg;
    (void)text;
    return true;
}

static void on_done(void *arg, const struct llm_result *result)
{
    struct waiting *w = arg;
    pthread_mutex_lock(&w->lock);
    w->result = *result;
    w->done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void complete(struct llm *llm, struct str model, struct llm_result *ret)
{
    static const struct llm_message messages[] = {{"user", {"Say OK.", 7}}};
    struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct llm_request request = {.model = model,
                                  .messages = messages,
                                  .n_messages = 1,
                                  .temperature = -1,
                                  .max_tokens = TRY_TOKENS,
                                  .response_timeout_ms = TRY_MS,
                                  .whole = true,
                                  .delta = on_delta,
                                  .done = on_done,
                                  .arg = &w};
    (void)llm_chat(llm, &request);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.changed, &w.lock);
    pthread_mutex_unlock(&w.lock);
    *ret = w.result;
}

int models_try(const struct llm_provider *provider, struct str model, struct arena *arena, struct models_trial *ret,
               struct err *err)
{
    struct llm_provider alone = *provider;
    struct llm *llm;
    struct llm_result result;
    alone.disabled = false;
    alone.retries = 0;
    int rc = llm_new(&alone, 1, &llm, err);
    if (rc)
        return rc;
    int64_t began = clock_mono_ms();
    complete(llm, model, &result);
    const struct llm_attempt *last = result.n_attempts ? &result.attempts[result.n_attempts - 1] : NULL;
    *ret = (struct models_trial){.ok = result.finish != LLM_ERROR, .total_ms = clock_mono_ms() - began};
    if (last && last->first_token_ms > 0)
        ret->first_token_ms = last->first_token_ms;
    ret->model = last ? arena_str(arena, str_from(last->model)) : STR_NULL;
    if (!ret->ok)
        ret->error = arena_strf(arena, "%s: %s", last ? last->outcome : result.reason, result.error);
    if (ret->ok && alone.embedding_model) {
        struct str text = STR("OK");
        struct err why = {0};
        const float **vectors;
        rc = llm_embed(llm, NULL, arena, &text, 1, true, TRY_MS, &vectors, &ret->dimensions, &why);
        ret->ok = rc == 0;
        ret->error = rc ? arena_strf(arena, "embedding: %s", why.text) : STR_NULL;
    }
    llm_free(llm);
    return 0;
}
