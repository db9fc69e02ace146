// SPDX-License-Identifier: Apache-2.0
// A ring of entries for each kind of text, with a map over them: the oldest makes room for the newest. A vector says
// the same as long as its model does, so that entries need no word of changes; they still end after a while, for a
// server may be given another model under the same name.
#include "engine/vector_cache.h"

#include "base/clock.h"
#include "base/map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { KINDS = EMBEDDER_TITLE + 1, ENTRIES_MOST = 1024, KEPT_MS = 600000, FAILED_MS = 1000 };

static const size_t entries[KINDS] = {[EMBEDDER_PASSAGE] = ENTRIES_MOST, [EMBEDDER_QUESTION] = 256};

struct entry {
    char *name; // NULL: a free place
    size_t name_n;
    float *vector; // NULL: it did not come
    size_t dims;
    int64_t until; // monotonic ms
};

struct vector_cache {
    const struct embedder *embedder;
    pthread_mutex_t lock;
    struct map *by_name; // "<key>\n<kind>\n<text>" → entry
    struct ring {
        struct entry *at; // NULL: none yet
        size_t next;
    } rings[KINDS];
};

struct vector_cache *vector_cache_new(const struct embedder *embedder)
{
    struct vector_cache *cache = mem_zalloc(sizeof *cache);
    cache->embedder = embedder;
    cache->by_name = map_new();
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void entry_clear(struct vector_cache *cache, struct entry *entry)
{
    if (entry->name)
        (void)map_remove(cache->by_name, (struct str){entry->name, entry->name_n});
    free(entry->name);
    free(entry->vector);
    *entry = (struct entry){0};
}

void vector_cache_free(struct vector_cache *cache)
{
    if (!cache)
        return;
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t i = 0; i < entries[k] && cache->rings[k].at; i++)
            entry_clear(cache, &cache->rings[k].at[i]);
        free(cache->rings[k].at);
    }
    map_free(cache->by_name);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

const struct embedder *vector_cache_embedder(const struct vector_cache *cache)
{
    return cache->embedder;
}

static struct str name_of(struct arena *arena, const char *key, enum embedder_text of, struct str text)
{
    return arena_strf(arena, "%s\n%d\n" STR_FMT, key, (int)of, STR_ARG(text));
}

// Under the lock. NULL: not known.
static const struct entry *find(struct vector_cache *cache, struct str name)
{
    const struct entry *entry = map_get(cache->by_name, name);
    return entry && entry->until > clock_mono_ms() ? entry : NULL;
}

// Under the lock.
static struct entry *next_place(struct vector_cache *cache, enum embedder_text of)
{
    struct ring *ring = &cache->rings[of];
    if (!ring->at)
        ring->at = mem_calloc(entries[of], sizeof *ring->at);
    return &ring->at[ring->next++ % entries[of]];
}

static void keep(struct vector_cache *cache, enum embedder_text of, struct str name, const float *vector, size_t dims)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = map_get(cache->by_name, name);
    if (!entry)
        entry = next_place(cache, of);
    entry_clear(cache, entry);
    *entry = (struct entry){mem_strndup(name.p, name.n), name.n, NULL, dims,
                            clock_mono_ms() + (vector ? KEPT_MS : FAILED_MS)};
    if (vector) {
        entry->vector = mem_calloc(dims, sizeof *entry->vector);
        memcpy(entry->vector, vector, dims * sizeof *entry->vector);
    }
    (void)map_set(cache->by_name, name, entry);
    pthread_mutex_unlock(&cache->lock);
}

// 1: in *ret, 0: it did not come, -1: nobody knows.
static int look(struct vector_cache *cache, struct str name, struct arena *arena, const float **ret, size_t *ret_dims)
{
    pthread_mutex_lock(&cache->lock);
    const struct entry *entry = find(cache, name);
    int known = entry ? entry->vector != NULL : -1;
    if (known == 1 && arena) {
        float *copy = arena_calloc(arena, entry->dims, sizeof *copy);
        memcpy(copy, entry->vector, entry->dims * sizeof *copy);
        *ret = copy;
        *ret_dims = entry->dims;
    }
    pthread_mutex_unlock(&cache->lock);
    return known;
}

bool vector_cache_look(struct vector_cache *cache, const char *key, enum embedder_text of, struct str text,
                       struct arena *arena, const float **ret, size_t *ret_dims)
{
    AUTO_ARENA struct arena *work = arena_new(0);
    return look(cache, name_of(work, key, of, text), arena, ret, ret_dims) == 1;
}

bool vector_cache_question(struct vector_cache *cache, const char *key, struct str text, struct arena *arena,
                           const float **ret, size_t *ret_dims)
{
    const struct embedder *embedder = cache->embedder;
    AUTO_ARENA struct arena *work = arena_new(0);
    struct str name = name_of(work, key, EMBEDDER_QUESTION, text);
    const float **vectors = NULL;
    size_t dims = 0;
    int known = look(cache, name, arena, ret, ret_dims);
    if (known >= 0)
        return known;
    int rc = embedder->embed(embedder->self, key, arena, &text, 1, true, VECTOR_QUESTION_MS, &vectors, &dims, NULL);
    keep(cache, EMBEDDER_QUESTION, name, rc ? NULL : vectors[0], dims);
    if (rc)
        return false;
    *ret = vectors[0];
    *ret_dims = dims;
    return true;
}

// ---- without a thread ----------------------------------------------------------------------------------------------

struct asking {
    struct vector_cache *cache;
    enum embedder_text kind;
    struct arena *arena;
    void (*done)(void *arg);
    void *arg;
    _Atomic size_t left;
    struct asked {
        struct asking *asking;
        struct str name;
    } of[VECTORS_AT_ONCE];
};

static void one_less(struct asking *asking)
{
    if (atomic_fetch_sub(&asking->left, 1) != 1)
        return;
    void (*done)(void *) = asking->done;
    void *arg = asking->arg;
    arena_free(asking->arena); // it lives in it
    done(arg);
}

static void answered(void *arg, const float *vector, size_t dims)
{
    const struct asked *asked = arg;
    keep(asked->asking->cache, asked->asking->kind, asked->name, vector, dims);
    one_less(asked->asking);
}

bool vector_cache_ask(struct vector_cache *cache, const char *key, enum embedder_text of, const struct str *texts,
                      size_t n, int timeout_ms, void (*done)(void *arg), void *arg)
{
    const struct embedder *embedder = cache->embedder;
    struct str wanted[VECTORS_AT_ONCE];
    size_t n_wanted = 0;
    if (!embedder->ask)
        return false;
    struct arena *arena = arena_new(0);
    struct asking *asking = ARENA_NEW(arena, struct asking);
    *asking = (struct asking){.cache = cache, .kind = of, .arena = arena, .done = done, .arg = arg};
    for (size_t i = 0; i < n && n_wanted < VECTORS_AT_ONCE; i++) {
        struct str name = name_of(arena, key, of, texts[i]);
        bool twice = false;
        for (size_t k = 0; k < n_wanted; k++)
            twice |= str_eq(asking->of[k].name, name);
        if (twice || !texts[i].n || look(cache, name, NULL, NULL, NULL) >= 0)
            continue;
        asking->of[n_wanted] = (struct asked){asking, name};
        wanted[n_wanted++] = texts[i];
    }
    if (!n_wanted) {
        arena_free(arena);
        return false;
    }
    atomic_init(&asking->left, n_wanted + 1); // one for this loop: answers may come inside of it
    for (size_t i = 0; i < n_wanted; i++)
        embedder->ask(embedder->self, key, of, wanted[i], timeout_ms, answered, &asking->of[i]);
    one_less(asking);
    return true;
}
