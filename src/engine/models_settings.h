// SPDX-License-Identifier: Apache-2.0
// Providers as the settings name them: rows llm.providers.<id>.* of base/settings_rows.h.
#pragma once

#include "base/settings.h"
#include "llm/provider.h"

// The provider of this id, unchecked; false: the settings name none. Strings are the arena's or the settings'.
bool models_settings_one(const struct settings *settings, struct arena *arena, struct str id, struct llm_provider *ret);
