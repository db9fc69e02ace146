// SPDX-License-Identifier: Apache-2.0
// A ring of entries with a map over it: the oldest makes room for the newest. A vector says the same as long as its
// model does, so that entries need no word of changes; they still end after a while, for a server may be given another
// model under the same name.
#include "engine/question.h"

#include "base/clock.h"
#include "base/map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ENTRIES = 256, KEPT_MS = 600000, FAILED_MS = 1000 };

struct entry {
    char *name; // NULL: a free place
    size_t name_n;
    float *vector; // NULL: it did not come
    size_t dims;
    int64_t until; // monotonic ms
};

struct questions {
    const struct embedder *embedder;
    pthread_mutex_t lock;
    struct map *by_name; // "<key>\n<text>" → entry
    struct entry ring[ENTRIES];
    size_t next;
};

struct questions *questions_new(const struct embedder *embedder)
{
    struct questions *questions = mem_zalloc(sizeof *questions);
    questions->embedder = embedder;
    questions->by_name = map_new();
    pthread_mutex_init(&questions->lock, NULL);
    return questions;
}

static void entry_clear(struct questions *questions, struct entry *entry)
{
    if (entry->name)
        (void)map_remove(questions->by_name, (struct str){entry->name, entry->name_n});
    free(entry->name);
    free(entry->vector);
    *entry = (struct entry){0};
}

void questions_free(struct questions *questions)
{
    if (!questions)
        return;
    for (size_t i = 0; i < ENTRIES; i++)
        entry_clear(questions, &questions->ring[i]);
    map_free(questions->by_name);
    pthread_mutex_destroy(&questions->lock);
    free(questions);
}

static struct str name_of(struct arena *arena, const char *key, struct str text)
{
    return arena_strf(arena, "%s\n" STR_FMT, key, STR_ARG(text));
}

// Under the lock. NULL: not known.
static const struct entry *find(struct questions *questions, struct str name)
{
    const struct entry *entry = map_get(questions->by_name, name);
    return entry && entry->until > clock_mono_ms() ? entry : NULL;
}

static void keep(struct questions *questions, struct str name, const float *vector, size_t dims)
{
    pthread_mutex_lock(&questions->lock);
    struct entry *entry = map_get(questions->by_name, name);
    if (!entry)
        entry = &questions->ring[questions->next++ % ENTRIES];
    entry_clear(questions, entry);
    *entry = (struct entry){mem_strndup(name.p, name.n), name.n, NULL, dims,
                            clock_mono_ms() + (vector ? KEPT_MS : FAILED_MS)};
    if (vector) {
        entry->vector = mem_calloc(dims, sizeof *entry->vector);
        memcpy(entry->vector, vector, dims * sizeof *entry->vector);
    }
    (void)map_set(questions->by_name, name, entry);
    pthread_mutex_unlock(&questions->lock);
}

// 1: in *ret, 0: it did not come, -1: nobody knows.
static int look(struct questions *questions, struct str name, struct arena *arena, const float **ret, size_t *ret_dims)
{
    pthread_mutex_lock(&questions->lock);
    const struct entry *entry = find(questions, name);
    int known = entry ? entry->vector != NULL : -1;
    if (known == 1 && arena) {
        float *copy = arena_calloc(arena, entry->dims, sizeof *copy);
        memcpy(copy, entry->vector, entry->dims * sizeof *copy);
        *ret = copy;
        *ret_dims = entry->dims;
    }
    pthread_mutex_unlock(&questions->lock);
    return known;
}

bool question_vector(struct questions *questions, const char *key, struct str text, struct arena *arena,
                     const float **ret, size_t *ret_dims)
{
    const struct embedder *embedder = questions->embedder;
    AUTO_ARENA struct arena *work = arena_new(0);
    struct str name = name_of(work, key, text);
    const float **vectors = NULL;
    size_t dims = 0;
    int known = look(questions, name, arena, ret, ret_dims);
    if (known >= 0)
        return known;
    int rc = embedder->embed(embedder->self, key, arena, &text, 1, true, QUESTION_MS, &vectors, &dims, NULL);
    keep(questions, name, rc ? NULL : vectors[0], dims);
    if (rc)
        return false;
    *ret = vectors[0];
    *ret_dims = dims;
    return true;
}

// ---- without a thread ----------------------------------------------------------------------------------------------

struct asking {
    struct questions *questions;
    struct arena *arena;
    void (*done)(void *arg);
    void *arg;
    _Atomic size_t left;
    struct asked {
        struct asking *asking;
        struct str name;
    } of[QUESTIONS_AT_ONCE];
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
    keep(asked->asking->questions, asked->name, vector, dims);
    one_less(asked->asking);
}

bool questions_ask(struct questions *questions, const char *key, const struct str *texts, size_t n,
                   void (*done)(void *arg), void *arg)
{
    const struct embedder *embedder = questions->embedder;
    struct str wanted[QUESTIONS_AT_ONCE];
    size_t n_wanted = 0;
    if (!embedder->ask)
        return false;
    struct arena *arena = arena_new(0);
    struct asking *asking = ARENA_NEW(arena, struct asking);
    *asking = (struct asking){.questions = questions, .arena = arena, .done = done, .arg = arg};
    for (size_t i = 0; i < n && n_wanted < QUESTIONS_AT_ONCE; i++) {
        struct str name = name_of(arena, key, texts[i]);
        bool twice = false;
        for (size_t k = 0; k < n_wanted; k++)
            twice |= str_eq(asking->of[k].name, name);
        if (twice || !texts[i].n || look(questions, name, NULL, NULL, NULL) >= 0)
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
        embedder->ask(embedder->self, key, wanted[i], QUESTION_MS, answered, &asking->of[i]);
    one_less(asking);
    return true;
}
