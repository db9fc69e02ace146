// SPDX-License-Identifier: Apache-2.0
// One entry a (class, key) with a ring of the times of its counted requests: exact, and no larger than the limit. The
// ring grows with use (an address that calls once costs 16 bytes, not 300 × 8). Entries hang in one list by last use;
// the last is dropped when there are too many. A refused request still counts as use, so that hammering does not reset
// its own window.
#include "http/limit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    struct entry *newer, *older;
    int64_t *at; // ring of monotonic milliseconds
    size_t cap, first, n;
    size_t key_n;
    char key[];
};

struct limiter {
    pthread_mutex_t lock;
    struct map *entries;
    struct entry *newest, *oldest;
    size_t max_keys;
};

struct limiter *limiter_new(size_t max_keys)
{
    struct limiter *limiter = mem_zalloc(sizeof *limiter);
    pthread_mutex_init(&limiter->lock, NULL);
    limiter->entries = map_new();
    limiter->max_keys = max_keys ? max_keys : 1;
    return limiter;
}

static void unlink_entry(struct limiter *limiter, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &limiter->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &limiter->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void link_newest(struct limiter *limiter, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = limiter->newest;
    *(limiter->newest ? &limiter->newest->newer : &limiter->oldest) = entry;
    limiter->newest = entry;
}

static void drop_oldest(struct limiter *limiter)
{
    struct entry *entry = limiter->oldest;
    unlink_entry(limiter, entry);
    map_remove(limiter->entries, (struct str){entry->key, entry->key_n});
    free(entry->at);
    free(entry);
}

void limiter_free(struct limiter *limiter)
{
    if (!limiter)
        return;
    while (limiter->oldest)
        drop_oldest(limiter);
    map_free(limiter->entries);
    pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

static struct entry *find(struct limiter *limiter, struct str key)
{
    struct entry *entry = map_get(limiter->entries, key);
    if (entry) {
        unlink_entry(limiter, entry);
    } else {
        if (map_count(limiter->entries) >= limiter->max_keys)
            drop_oldest(limiter);
        entry = mem_zalloc(sizeof *entry + key.n);
        entry->key_n = key.n;
        memcpy(entry->key, key.p, key.n);
        map_set(limiter->entries, key, entry);
    }
    link_newest(limiter, entry);
    return entry;
}

static void push(struct entry *entry, int64_t now)
{
    if (entry->n == entry->cap) {
        size_t cap = entry->cap ? entry->cap * 2 : 2;
        int64_t *at = mem_calloc(cap, sizeof *at);
        for (size_t i = 0; i < entry->n; i++)
            at[i] = entry->at[(entry->first + i) % entry->cap];
        free(entry->at);
        entry->at = at;
        entry->cap = cap;
        entry->first = 0;
    }
    entry->at[(entry->first + entry->n++) % entry->cap] = now;
}

static struct limit_state take(struct entry *entry, int64_t limit, int64_t window_ms)
{
    int64_t now = clock_mono_ms();
    while (entry->n > 0 && entry->at[entry->first] + window_ms <= now) {
        entry->first = (entry->first + 1) % entry->cap;
        entry->n--;
    }
    struct limit_state state = {.limit = limit, .allowed = (int64_t)entry->n < limit};
    if (state.allowed)
        push(entry, now);
    state.remaining = limit - (int64_t)entry->n > 0 ? limit - (int64_t)entry->n : 0;
    // With a limit that was lowered meanwhile, room comes only when all that are too many have left.
    size_t leaves = state.allowed ? 0 : entry->n - (size_t)limit;
    int64_t wait = entry->at[(entry->first + leaves) % entry->cap] + window_ms - now;
    state.reset_wall_s = (clock_wall_ms() + entry->at[entry->first] + window_ms - now + 999) / 1000;
    if (!state.allowed)
        state.retry_after_s = wait > 1000 ? (wait + 999) / 1000 : 1;
    return state;
}

struct limit_state limiter_take(struct limiter *limiter, const char *class_name, struct str key, int64_t limit,
                                int64_t window_ms)
{
    if (limit <= 0)
        return (struct limit_state){.allowed = true};
    AUTO_BUF struct buf name = BUF_INIT(4096);
    buf_addz(&name, class_name);
    buf_addc(&name, '\0');
    buf_adds(&name, key);
    pthread_mutex_lock(&limiter->lock);
    struct limit_state state = take(find(limiter, buf_str(&name)), limit, window_ms);
    pthread_mutex_unlock(&limiter->lock);
    return state;
}
