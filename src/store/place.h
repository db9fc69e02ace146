// SPDX-License-Identifier: Apache-2.0
// Where an object lives that a caller names without its brand: by id, slug or the hash of a key. Unique across brands
// within a kind.
#pragma once

#include "store/store.h"

struct place {
    struct str brand, object_id;
};
// 1, 0.
int place_find(struct tx *tx, struct arena *arena, const char *kind, struct str name, struct place *ret,
               struct err *err);
// In the scope's brand. ERR_CONFLICT: taken.
int place_add(struct tx *tx, const char *kind, struct str name, struct str object_id, struct err *err);
// 0, also when it was not there.
int place_remove(struct tx *tx, const char *kind, struct str name, struct err *err);
