// SPDX-License-Identifier: Apache-2.0
// Between reading and writing of brands_config.json.
#pragma once

#include "base/vec.h"
#include "engine/import_config.h"

struct import_config_entry {
    int64_t row; // among the brands
    struct str given_id;
    char id[BRAND_ID_SIZE];
    struct brand_patch brand;       // what is set was given and is valid
    struct brand_config config;     // likewise
    int64_t created_at, updated_at; // 0: not given
    bool has_config;
};

struct import_config {
    struct arena *arena;
    VEC(struct import_config_entry) entries;
};
