// SPDX-License-Identifier: Apache-2.0
// Chatbots, their keys and the versions of their system prompt. All in the scope's brand.
#pragma once

#include "model/chatbot.h"
#include "store/store.h"

// The row's id, times and every set bit are the caller's; an absent or taken slug is chosen from the name, a
// publishable key is made, and a system prompt becomes version 1 (all three are written into *chatbot).
int chatbot_insert(struct tx *tx, struct chatbot *chatbot, struct err *err);
// 1, 0. Deleted ones too: see deleted_at.
int chatbot_get(struct tx *tx, struct arena *arena, struct str id, struct chatbot *ret, struct err *err);
// The chatbot's row changed: what is kept of it elsewhere is told.
int chatbot_save(struct tx *tx, const struct chatbot *chatbot, struct err *err);

// Writes the next version. `method`: "manual", "ai_generated". The chatbot's own columns are the caller's.
int prompt_version_add(struct tx *tx, struct str chatbot_id, struct str prompt, const char *method, int64_t now,
                       struct err *err);

// A key by the SHA-256 of the whole key, hex.
int chatbot_key_insert(struct tx *tx, struct str chatbot_id, struct str name, bool primary, const char *hash,
                       struct str hint, int64_t now, struct err *err);
