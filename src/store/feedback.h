// SPDX-License-Identifier: Apache-2.0
// What people say of answers: one row a message and person, whichever surface it came from. Learning reads them
// (feedback.learned).
#pragma once

#include "store/conversation.h"

struct feedback {
    struct str id, chatbot_id, conversation_id, message_id;
    struct str user_label;                        // who says so
    struct str type;                              // helpful, neutral, not_helpful, inappropriate
    struct str comment;                           // STR_NULL: none
    const char *source;                           // platform, public, locale
    struct str reported_query, reported_response; // as a client claims; STR_NULL: nothing
    int64_t created_at, updated_at;
};
// Writes it, over what the same person said of the message before (its id and created_at stay then, and are written
// into *row).
int feedback_put(struct tx *tx, struct arena *arena, struct feedback *row, struct err *err);
