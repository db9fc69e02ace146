// SPDX-License-Identifier: Apache-2.0
// The first system message of a chatbot's turns (000-management 11.1), from its snapshot: the same for the turn that
// sends it and for whoever asks what it would be. Pure and thread-safe.
#pragma once

#include "engine/brands.h"

struct chatbot_prompt {     // what a turn adds to its chatbot
    struct str personality; // lines; STR_NULL: those of the default one
    bool advice, voice, tools;
};
// The text is the arena's.
struct str chatbot_prompt_text(struct arena *arena, const struct chatbot_ref *chatbot,
                               const struct chatbot_prompt *asked);
