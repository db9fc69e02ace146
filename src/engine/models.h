// SPDX-License-Identifier: Apache-2.0
// Which providers of models there are: those of the settings (environment and file), and over them, field by field,
// rows of the database (upstream-llm 1). Keys of rows are sealed with the installation's master key.
#pragma once

#include "base/crypto.h"
#include "base/settings.h"
#include "llm/llm.h"
#include "model/provider.h"
#include "store/store.h"

// Those of the settings, in no order. Memory is the arena's. ERR_INVALID names provider and field.
int models_of_settings(const struct settings *settings, struct arena *arena, struct llm_provider **ret, size_t *ret_n,
                       struct err *err);

struct models_source {
    struct store *store;
    const struct settings *settings;
    const struct crypto_keys *keys;
};
// All, merged. A row that is no provider (its settings are gone, its key cannot be opened) is left out.
int models_load(const struct models_source *source, struct arena *arena, struct llm_provider **ret, size_t *ret_n,
                struct err *err);
// Gives them to the client; calls that run finish with the old ones. Any thread, one at a time.
int models_apply(const struct models_source *source, struct llm *llm, struct err *err);

// One row over what the settings say of its id. ERR_INVALID: "field: rule".
int models_merge(const struct models_source *source, struct arena *arena, const struct provider *row,
                 struct llm_provider *ret, struct err *err);
// A key as it is kept: sealed for this provider and field.
struct str models_seal(const struct crypto_keys *keys, struct arena *arena, struct str id, const char *field,
                       struct str plain);
// As it was given: a value, env:NAME or file:/path. STR_NULL: it cannot be opened.
struct str models_open(const struct crypto_keys *keys, struct arena *arena, struct str id, const char *field,
                       struct str sealed);
// What may be shown: references as they are, values as "…" and their last 4 characters.
struct str models_hint(struct arena *arena, struct str key);
// All fields of a provider as they hold, defaults included, for showing; keys as hints, secrets of the proxy masked.
void models_show(struct arena *arena, const struct llm_provider *provider, struct provider *ret);
