// SPDX-License-Identifier: Apache-2.0
// Is a message small talk: a greeting, thanks or a farewell of at most four words, and nothing else? No knowledge is
// missing where there is no answer to that (003-platform 4.1). Pure and thread-safe.
#pragma once

#include "engine/texts.h"

enum small_talk { SMALL_TALK_NONE, SMALL_TALK_GREETING, SMALL_TALK_THANKS, SMALL_TALK_FAREWELL };

// What it ends with counts: "Thanks, bye" is a farewell.
enum small_talk small_talk(struct str message);
// What is said to it without a model; TEXT_NO_ANSWER where it is none.
enum text_key small_talk_reply(enum small_talk talk);
