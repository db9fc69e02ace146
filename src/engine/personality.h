// SPDX-License-Identifier: Apache-2.0
// A personality as lines of the prompt (003-platform 5.2): a table of thresholds and sentences.
#pragma once

#include "model/personality.h"

// Sections separated by an empty line, without a newline at the end. The text is the arena's.
struct str personality_prompt(struct arena *arena, const struct personality *personality);
// What personalities/default makes; id, chatbot and times are the caller's.
void personality_default(struct arena *arena, struct str name, struct personality *ret);
