// SPDX-License-Identifier: Apache-2.0
// What "it", "the second one" or "what about the X3?" mean (003-platform 12.4): English by rules, other languages only
// by naming the entity for retrieval. Pure and thread-safe; changes nothing.
#pragma once

#include "base/arena.h"

#define REFERENCE_TURNS 5 // turns that are looked back at

struct reference_entity {
    struct str type, value; // "product", "Aurora X2"
    struct str id;          // row id, may be STR_NULL
    size_t start, end;      // bytes in its text; both 0 for one that was named through the API
};

struct reference_list { // entities of one text, in order of mention
    const struct reference_entity *at;
    size_t n;
};

struct reference_turn {
    struct str user, answer;
    struct reference_list in_user, in_answer;
};

struct reference_input {
    struct str text;
    const char *language; // of the text; NULL or "" = English
    struct reference_list in_text;
    const struct reference_turn *turns; // newest first; beyond REFERENCE_TURNS ignored
    size_t n_turns;
    struct reference_list named; // through the API: as if named by the user in the previous turn
    struct str current_topic;    // STR_NULL = none
    int year, month, day;        // today at the visitor; year 0 = time words are not resolved
};

struct reference {
    const char *type;                  // "pronoun", "demonstrative", "ordinal", "ellipsis", "time"
    struct str text;                   // in the original
    size_t start, end;                 // code points
    struct str resolved;               // value; ISO date or start/end for times
    struct str entity_type, entity_id; // STR_NULL for times
    double confidence;                 // 2 decimals
    bool replaced;                     // also in the resolved text
};
#define REFERENCE_MAX 16

struct reference_result {
    struct str resolved; // the text itself when nothing was replaced
    struct str search;   // for retrieval: resolved, with the newest entity's name appended where that helps
    const struct reference *at;
    size_t n; // confidence >= 0.6; replaced at >= 0.75
};
void reference_resolve(struct arena *arena, const struct reference_input *input, struct reference_result *ret);
