// SPDX-License-Identifier: Apache-2.0
// Brands with their default chatbot and configuration, as one aggregate. Functions run inside a transaction; strings
// read live in the given arena.
#pragma once

#include "model/brand.h"
#include "model/chatbot.h"
#include "store/store.h"

struct brand_row { // everything that one brand is
    struct brand brand;
    char fold_id[BRAND_ID_SIZE]; // brand_id_fold of its id: unique
    struct str created_by; // user id; STR_NULL: the installation
    bool deleted, pristine; // pristine: as the installation made it
    struct str chatbot_id, chatbot_status;
    bool allow_localhost;
    struct chatbot_configuration configuration; // of the chatbot
    struct brand_config config; // brand_id, updated_at included
};

// Look-ups before a brand's scope is known. 1 = found (deleted ones too: see `deleted`), 0 = none.
int brand_load(struct tx *tx, struct arena *arena, const char *fold_id, struct brand_row *ret, struct err *err);
// Every brand that is not deleted, oldest first; `user` restricts to those in which the user is admin (STR_NULL: all).
// limit < 0: all. *ret_total counts before the limit.
int brand_list(struct tx *tx, struct arena *arena, struct str user, bool active_only, int64_t limit, int64_t offset,
               struct brand **ret, size_t *ret_n, int64_t *ret_total, struct err *err);
int brand_made_by(struct tx *tx, struct str user, int64_t *ret, struct err *err); // live brands this user created
int brand_fold_taken(struct tx *tx, const char *fold_id, bool *ret, struct err *err); // also by one being erased

// The scope's brand is the new one. Makes the default chatbot (active) with its prompt version 1, and `owner` (if
// given) admin. The row's ids and times must be set.
int brand_insert(struct tx *tx, const struct brand_row *row, struct str owner, struct err *err);
int brand_save(struct tx *tx, const struct brand *brand, struct err *err); // name, description, is_active, updated_at
// As brand_save with the time of creation too, for what comes from elsewhere; it is no longer as the installation made
// it.
int brand_take_over(struct tx *tx, const struct brand *brand, struct err *err);
// Everything of the configuration; `prompt_changed` writes a version of the system prompt (`manual`).
int brand_save_config(struct tx *tx, const struct brand_row *row, bool prompt_changed, struct err *err);
// ERR_NOT_FOUND when the scope's brand is deleted or gone: whatever writes into a brand looks first, in its own
// transaction.
int brand_check_there(struct tx *tx, struct err *err);
// Out of every list from now on; its id stays taken until brand_erase.
int brand_mark_deleted(struct tx *tx, int64_t now, struct err *err);
// One that is being made, and is seen by nobody before brand_show: for all others as if it were deleted.
int brand_hide(struct tx *tx, int64_t now, struct err *err);
int brand_show(struct tx *tx, struct err *err);
// Erases `most` rows of what belongs to the brand; audit and usage rows stay. *ret_more false: what is left is little.
int brand_erase_some(struct tx *tx, int64_t most, bool *ret_more, struct err *err);
// All that is left, with the brand itself. The id is free afterwards.
int brand_erase(struct tx *tx, struct err *err);

struct brand_stats {
    int64_t products, available, conversations, messages;
    int64_t active_conversations; // with a message in the last 24 h
    int64_t last_activity; // 0: none
    double average_confidence; // of the last 30 days, over messages that are still stored
    bool has_confidence;
    struct str *categories; // sorted ignoring case
    size_t n_categories;
};
int brand_stats(struct tx *tx, struct arena *arena, int64_t now, struct brand_stats *ret, struct err *err);
// Distinct categories of the catalogue, sorted ignoring case.
int brand_categories(struct tx *tx, struct arena *arena, struct str **ret, size_t *ret_n, struct err *err);
