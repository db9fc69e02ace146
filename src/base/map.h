// SPDX-License-Identifier: Apache-2.0
// Hash map from bytes to a pointer; copies its keys. Open addressing, no order. Not thread-safe.
#pragma once

#include "base/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map *map); // values are the caller's
void *map_get(const struct map *map, struct str key); // NULL when absent
// Sets and returns the value that stood there before, or NULL. `value` must not be NULL.
void *map_set(struct map *map, struct str key, void *value);
void *map_remove(struct map *map, struct str key); // returns the removed value, or NULL
size_t map_count(const struct map *map);
// Walks all entries: start with *pos = 0; false at the end. The map must not change during a walk.
bool map_next(const struct map *map, size_t *pos, struct str *ret_key, void **ret_value);
