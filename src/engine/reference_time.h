// SPDX-License-Identifier: Apache-2.0
// Time words of English as dates. Private to reference.c.
#pragma once

#include "engine/tokens.h"

struct reference_day {
    int year, month, day;
};

// Tokens that a time expression takes at token `from`, or 0; *ret = ISO date or start/end, in the arena.
size_t reference_time_at(struct arena *arena, struct str text, struct tokens tokens, size_t from,
                         struct reference_day today, struct str *ret);
