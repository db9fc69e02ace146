// SPDX-License-Identifier: Apache-2.0
// Is a message small talk: a greeting, thanks or a farewell of at most four words, and nothing else? No knowledge is
// missing where there is no answer to that (003-platform 4.1). Pure and thread-safe.
#pragma once

#include "base/str.h"

bool small_talk(struct str message);
