// SPDX-License-Identifier: Apache-2.0
// Does a provider answer?
#pragma once

#include "llm/llm.h"

struct models_trial {
    bool ok;
    int64_t first_token_ms, total_ms;
    struct str model;  // the provider's name for it
    size_t dimensions; // of its vectors; 0: it makes none, or failed before
    struct str error;  // its words, keys masked; STR_NULL: none
};
// Waits for the answer, at most half a minute for each of the two calls. `model` may be empty. For workers.
int models_try(const struct llm_provider *provider, struct str model, struct arena *arena, struct models_trial *ret,
               struct err *err);
