// SPDX-License-Identifier: Apache-2.0
// Which of many names a text names: the longest match at each place wins, case and accents folded, whole words only;
// names in scripts without spaces (Thai, Chinese, Japanese …) match as substrings. Made once for a catalogue (or for
// the few products of an answer), then read by any number of threads. Look-up costs the text's words, not the names.
#pragma once

#include "base/arena.h"

struct names;

enum names_flags {
    NAMES_LAST_WORD = 1, // also by its last word, when that holds a digit and no other name ends so ("the X3")
    NAMES_NO_MAKER = 2,  // also without its first word, when two words or more stay and no other name ends so
};

struct names_hit {
    size_t index;      // of the name, in order of adding
    size_t start, end; // bytes of the text
    bool whole;        // the whole name stood there
};

struct names *names_new(unsigned flags);
void names_free(struct names *names);
void names_free_slot(struct names **names);
#define AUTO_NAMES MEM_CLEANUP(names_free_slot)
void names_add(struct names *names, struct str name); // copied; an empty name takes its index and is never found
size_t names_count(const struct names *names);
void names_ready(struct names *names); // once, after the last names_add and before the first names_find
// Hits in the order of the text, not overlapping, at most `max`. Returns how many; *ret lives in the arena.
size_t names_find(const struct names *names, struct arena *arena, struct str text, size_t max, struct names_hit **ret);
