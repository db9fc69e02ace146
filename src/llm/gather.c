// SPDX-License-Identifier: Apache-2.0
// Questions that come together are embedded together: while one is under way, the next waits 5 ms for others and takes
// them along. A question that is alone waits for nobody.
#include "llm/client.h"

#include <time.h>

#define GATHER_MS 5
#define GATHER_MOST 16

struct gather {
    int refs;
    struct arena *arena; // of the texts and the vectors
    struct str texts[GATHER_MOST];
    size_t n;
    bool over;
    int error;
    struct err err;
    const float **vectors;
    size_t dims;
    pthread_cond_t changed;
};

static struct timespec in_ms(int ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + (int64_t)ms * 1000000;
    at.tv_sec += ns / 1000000000;
    at.tv_nsec = ns % 1000000000;
    return at;
}

static struct gather *gather_new(void)
{
    struct arena *arena = arena_new(0);
    struct gather *gather = ARENA_NEW(arena, struct gather);
    pthread_condattr_t attr;
    gather->arena = arena;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&gather->changed, &attr);
    pthread_condattr_destroy(&attr);
    return gather;
}

static void gather_drop(struct gather *gather)
{
    if (--gather->refs > 0)
        return;
    pthread_cond_destroy(&gather->changed);
    arena_free(gather->arena);
}

// Under the lock, as all below. The place of the text.
static size_t gather_add(struct gather *gather, struct str text)
{
    gather->refs++;
    gather->texts[gather->n] = arena_str(gather->arena, text);
    if (gather->n + 1 == GATHER_MOST)
        pthread_cond_broadcast(&gather->changed);
    return gather->n++;
}

static void lead(struct llm *llm, struct gather *gather, int timeout_ms)
{
    struct timespec until = in_ms(GATHER_MS);
    llm->gather = gather;
    while (gather->n < GATHER_MOST && pthread_cond_timedwait(&gather->changed, &llm->gather_lock, &until) == 0)
        continue;
    if (llm->gather == gather)
        llm->gather = NULL;
    llm->queries++;
    pthread_mutex_unlock(&llm->gather_lock);
    int error = embed_texts(llm, gather->arena, gather->texts, gather->n, true, timeout_ms, &gather->vectors,
                            &gather->dims, &gather->err);
    pthread_mutex_lock(&llm->gather_lock);
    llm->queries--;
    gather->error = error;
    gather->over = true;
    pthread_cond_broadcast(&gather->changed);
}

static void follow(struct llm *llm, struct gather *gather, int timeout_ms)
{
    struct timespec until = in_ms(timeout_ms);
    while (!gather->over && pthread_cond_timedwait(&gather->changed, &llm->gather_lock, &until) == 0)
        continue;
}

static int take(const struct gather *gather, size_t at, struct arena *arena, const float ***ret, size_t *ret_dims,
                struct err *err)
{
    if (!gather->over)
        return err_set(err, ERR_TIMEOUT, "the embedding did not come in time");
    if (gather->error)
        return err_set(err, gather->error, "%s", gather->err.text);
    const float **out = arena_calloc(arena, 1, sizeof *out);
    float *copy = arena_alloc(arena, gather->dims * sizeof *copy);
    memcpy(copy, gather->vectors[at], gather->dims * sizeof *copy);
    out[0] = copy;
    *ret = out;
    *ret_dims = gather->dims;
    return 0;
}

static int alone(struct llm *llm, struct arena *arena, const struct str *texts, int timeout_ms, const float ***ret,
                 size_t *ret_dims, struct err *err)
{
    int rc = embed_texts(llm, arena, texts, 1, true, timeout_ms, ret, ret_dims, err);
    pthread_mutex_lock(&llm->gather_lock);
    llm->queries--;
    pthread_mutex_unlock(&llm->gather_lock);
    return rc;
}

int llm_embed(struct llm *llm, struct arena *arena, const struct str *texts, size_t n, bool query, int timeout_ms,
              const float ***ret, size_t *ret_dims, struct err *err)
{
    if (!query || n != 1)
        return embed_texts(llm, arena, texts, n, query, timeout_ms, ret, ret_dims, err);
    timeout_ms = timeout_ms > 0 ? timeout_ms : 30000;
    pthread_mutex_lock(&llm->gather_lock);
    if (llm->queries == 0) {
        llm->queries++;
        pthread_mutex_unlock(&llm->gather_lock);
        return alone(llm, arena, texts, timeout_ms, ret, ret_dims, err);
    }
    struct gather *gather = llm->gather;
    bool leads = !gather || gather->n == GATHER_MOST;
    if (leads)
        gather = gather_new();
    size_t at = gather_add(gather, texts[0]);
    if (leads)
        lead(llm, gather, timeout_ms);
    else
        follow(llm, gather, timeout_ms);
    int rc = take(gather, at, arena, ret, ret_dims, err);
    gather_drop(gather);
    pthread_mutex_unlock(&llm->gather_lock);
    return rc;
}
