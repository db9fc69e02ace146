// SPDX-License-Identifier: Apache-2.0
// Uploads of product files and what came of them (001-brands 14.7).
#pragma once

#include "store/store.h"

struct upload {
    struct str brand, id, filename, status;
    int64_t size, added, updated, skipped, failed, created_at;
    struct str errors; // JSON list
};

int upload_insert(struct tx *tx, const struct upload *upload, struct err *err);
// Of all brands that `admin` administers (STR_NULL: of all), newest first; the caller has a scope of the installation.
int upload_list(struct tx *tx, struct arena *arena, struct str admin, int64_t limit, int64_t offset,
                struct upload **ret, size_t *ret_n, struct err *err);
// The one of this id, or the newest of this name. 1, 0.
int upload_get(struct tx *tx, struct arena *arena, struct str admin, struct str name, struct upload *ret,
               struct err *err);
