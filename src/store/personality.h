// SPDX-License-Identifier: Apache-2.0
// Which personality is a chatbot's default: at most one, and one fact with the chatbot's defaultPersonalityId.
#pragma once

#include "model/personality.h"
#include "store/store.h"

// 1, 0.
int personality_default_of(struct tx *tx, struct arena *arena, struct str chatbot_id, struct personality *ret,
                           struct err *err);
// Takes the flag from all others and writes it into both rows; STR_NULL: none is the default any more.
int personality_make_default(struct tx *tx, struct str chatbot_id, struct str id, int64_t now, struct err *err);
// The oldest one's id, STR_NULL when there is none.
int personality_oldest(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str *ret, struct err *err);
