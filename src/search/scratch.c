// SPDX-License-Identifier: Apache-2.0
// One block a thread; what does not fit is allocated beside it, and the next query finds a block that is large enough.
#include "search/scratch.h"

#include "base/vec.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = 64, KEPT = 8 << 20 };

struct scratch {
    char *block;
    size_t cap, used, wanted;
    VEC(void *) more;
    bool taken, kept; // kept: belongs to a thread
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void scratch_free(void *p)
{
    struct scratch *s = p;
    free(s->block);
    vec_done(&s->more);
    free(s);
}

static void key_make(void)
{
    have_key = pthread_key_create(&key, scratch_free) == 0;
}

struct scratch *scratch_take(void)
{
    pthread_once(&once, key_make);
    struct scratch *s = have_key ? pthread_getspecific(key) : NULL;
    if (!s || s->taken) {
        bool first = have_key && !s;
        s = mem_zalloc(sizeof *s);
        s->kept = first && pthread_setspecific(key, s) == 0;
    }
    s->taken = true;
    return s;
}

void scratch_give(struct scratch *s)
{
    for (size_t i = 0; i < s->more.n; i++)
        free(s->more.at[i]);
    s->more.n = 0;
    s->taken = false;
    if (!s->kept) {
        scratch_free(s);
        return;
    }
    if (s->wanted > s->cap && s->wanted <= KEPT) {
        free(s->block);
        s->cap = (s->wanted + 4095) / 4096 * 4096;
        s->block = aligned_alloc(ALIGN, s->cap);
        s->cap = s->block ? s->cap : 0;
    }
    s->used = s->wanted = 0;
}

void *scratch_alloc(struct scratch *s, size_t bytes)
{
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    s->wanted += bytes;
    if (bytes <= s->cap - s->used) {
        void *p = s->block + s->used;
        s->used += bytes;
        return p;
    }
    char *p = mem_alloc(bytes + ALIGN);
    vec_push(&s->more, p);
    return p + (ALIGN - (uintptr_t)p % ALIGN) % ALIGN;
}
