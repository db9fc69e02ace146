// SPDX-License-Identifier: Apache-2.0
// Versions of a chatbot's system prompt: counted from 1 without gaps, never changed; the newest is the current one and
// stands in the chatbot's row too.
#pragma once

#include "model/chatbot.h"
#include "store/store.h"

struct prompt_version {
    struct str id;   // read only
    int64_t version; // read only
    struct str prompt, description;
    struct str method;   // "ai_generated"; STR_NULL when written: "manual"
    struct str metadata; // JSON
    bool by_user;        // `creator` is set; read only: who writes is the scope's actor
    struct chatbot_creator creator;
    int64_t created_at;
};

// Makes it the current one. What is kept of the chatbot elsewhere is the caller's to tell (chatbot_changed).
int prompt_write(struct tx *tx, struct str chatbot_id, const struct prompt_version *version, struct err *err);
// 1, 0.
int prompt_get(struct tx *tx, struct arena *arena, struct str chatbot_id, int64_t version, struct prompt_version *ret,
               struct err *err);
// Highest first; limit < 0: all. *ret_total counts before limit and offset.
int prompt_list(struct tx *tx, struct arena *arena, struct str chatbot_id, int64_t limit, int64_t offset,
                struct prompt_version **ret, size_t *ret_n, int64_t *ret_total, struct err *err);
