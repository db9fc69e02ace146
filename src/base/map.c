// SPDX-License-Identifier: Apache-2.0
// Linear probing with backward-shift deletion (Knuth, TAOCP 3, 6.4 algorithm R).
#include "base/map.h"

#include "base/mem.h"

#include <stdlib.h>

struct slot {
    uint64_t hash;
    char *key; // NULL = free
    size_t key_n;
    void *value;
};

struct map {
    struct slot *slots;
    size_t mask, count;
};

struct map *map_new(void)
{
    struct map *map = mem_zalloc(sizeof *map);
    map->mask = 15;
    map->slots = mem_calloc(16, sizeof *map->slots);
    return map;
}

void map_free(struct map *map)
{
    if (!map)
        return;
    for (size_t i = 0; i <= map->mask; i++)
        free(map->slots[i].key);
    free(map->slots);
    free(map);
}

// The slot of the key, or the free one where it belongs.
static struct slot *find(const struct map *map, struct str key, uint64_t hash)
{
    for (size_t i = hash & map->mask;; i = (i + 1) & map->mask) {
        struct slot *slot = &map->slots[i];
        if (!slot->key || (slot->hash == hash && str_eq((struct str){slot->key, slot->key_n}, key)))
            return slot;
    }
}

static void grow(struct map *map)
{
    struct map bigger = {.mask = map->mask * 2 + 1, .count = map->count};
    bigger.slots = mem_calloc(bigger.mask + 1, sizeof *bigger.slots);
    for (size_t i = 0; i <= map->mask; i++) {
        struct slot *slot = &map->slots[i];
        if (slot->key)
            *find(&bigger, (struct str){slot->key, slot->key_n}, slot->hash) = *slot;
    }
    free(map->slots);
    *map = bigger;
}

void *map_get(const struct map *map, struct str key)
{
    struct slot *slot = find(map, key, str_hash(key));
    return slot->key ? slot->value : NULL;
}

void *map_set(struct map *map, struct str key, void *value)
{
    if (map->count * 4 >= (map->mask + 1) * 3)
        grow(map);
    uint64_t hash = str_hash(key);
    struct slot *slot = find(map, key, hash);
    void *before = slot->key ? slot->value : NULL;
    if (!slot->key) {
        *slot = (struct slot){hash, mem_strndup(key.n ? key.p : "", key.n), key.n, NULL};
        map->count++;
    }
    slot->value = value;
    return before;
}

void *map_remove(struct map *map, struct str key)
{
    struct slot *slot = find(map, key, str_hash(key));
    if (!slot->key)
        return NULL;
    void *value = slot->value;
    free(slot->key);
    map->count--;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t i = (hole + 1) & map->mask; map->slots[i].key; i = (i + 1) & map->mask) {
        size_t home = map->slots[i].hash & map->mask;
        if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].key = NULL;
    return value;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

bool map_next(const struct map *map, size_t *pos, struct str *ret_key, void **ret_value)
{
    for (; *pos <= map->mask; (*pos)++) {
        const struct slot *slot = &map->slots[*pos];
        if (!slot->key)
            continue;
        if (ret_key)
            *ret_key = (struct str){slot->key, slot->key_n};
        if (ret_value)
            *ret_value = slot->value;
        (*pos)++;
        return true;
    }
    return false;
}
