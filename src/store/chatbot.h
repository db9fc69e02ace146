// SPDX-License-Identifier: Apache-2.0
// Chatbots: their rows, lists, and what goes with one when it is erased. All in the scope's brand. Prompt versions are
// store/prompt.h, keys store/chatbot_key.h.
#pragma once

#include "model/chatbot.h"
#include "store/store.h"

// The row's id, times and every set bit are the caller's; an absent slug is chosen from the name, a publishable key is
// made, and a system prompt becomes version 1 (all three are written into *chatbot; new strings are the
// arena's). ERR_CONFLICT: the slug is taken.
int chatbot_insert(struct tx *tx, struct arena *arena, struct chatbot *chatbot, struct err *err);
// Gives it the slug itself if it is free, else with the lowest -2, -3 … that is. `base` is a valid slug.
int chatbot_choose_slug(struct tx *tx, struct arena *arena, struct chatbot *chatbot, const char *base, struct err *err);
// 1, 0. Deleted ones too: see deleted_at.
int chatbot_get(struct tx *tx, struct arena *arena, struct str id, struct chatbot *ret, struct err *err);
// Writes the row as it is given, its slug's place too (`old_slug` STR_NULL: it stays). ERR_CONFLICT: the slug is taken.
int chatbot_save(struct tx *tx, const struct chatbot *chatbot, struct str old_slug, struct err *err);
// What is kept of it elsewhere is told. chatbot_save does.
void chatbot_changed(struct tx *tx, const struct chatbot *chatbot);
// The members of *chatbot that replies show and its row does not have.
int chatbot_extras_load(struct tx *tx, struct arena *arena, struct chatbot *chatbot, struct err *err);
// The user of the columns id, username, first_name, last_name, email.
struct chatbot_creator chatbot_creator_at(struct rows *rows, size_t column, struct arena *arena);
int chatbot_count(struct tx *tx, int64_t *ret, struct err *err); // without deleted ones

enum chatbot_order { CHATBOTS_BY_CREATION, CHATBOTS_BY_NAME, CHATBOTS_BY_CHANGE, CHATBOTS_BY_ACTIVITY };
struct chatbot_query {
    struct str seen_by;    // user; STR_NULL: all of them
    struct str status;     // as shown
    struct str words, tag; // words: folded (text_fold_case)
    bool deleted;          // only those, else none
    enum chatbot_order order;
    bool descending;
    int64_t limit, offset;
};
// Rows without their extras. *ret_total counts before limit and offset.
int chatbot_list(struct tx *tx, struct arena *arena, const struct chatbot_query *query, struct chatbot **ret,
                 size_t *ret_n, int64_t *ret_total, struct err *err);

// A turn did or did not reach the model: counts up to CHATBOT_ERROR_TURNS, or from 0 again. updated_at stays.
int chatbot_model_reached(struct tx *tx, struct str id, bool reached, struct err *err);

// A supplier's code by its id, and its id by its code in any case: 1, 0.
int chatbot_supplier_code(struct tx *tx, struct arena *arena, struct str id, struct str *ret, struct err *err);
int chatbot_supplier_id(struct tx *tx, struct arena *arena, struct str code, struct str *ret, struct err *err);

// Erases some of a chatbot's conversations (*ret_more: there may be others), so that no transaction is long.
int chatbot_erase_conversations(struct tx *tx, struct str id, int64_t most, bool *ret_more, struct err *err);
// Erases the rest of it. Audit and usage rows stay, and the place of its id: that it was in this brand.
int chatbot_erase(struct tx *tx, struct str id, struct err *err);
