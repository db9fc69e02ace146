// SPDX-License-Identifier: Apache-2.0
// Events of a conversation as webhooks and other readers get them (003-platform 14.2), written in the transaction of
// what they tell of.
#pragma once

#include "store/conversation.h"

// `sequence`: its place among the conversation's events.
int conversation_event_started(struct tx *tx, const struct conversation *conversation, bool reopened, int64_t sequence,
                               int64_t now, struct err *err);
// Counts its place itself. `reason`: explicit, idle, expired, cleared, left.
int conversation_event_ended(struct tx *tx, const struct conversation *conversation, const char *reason, int64_t now,
                             struct err *err);

struct message_event {
    struct str id, content;
    struct str metadata; // JSON; STR_NULL: {}
    int64_t created_at;
    // Of an answer; `in_reply_to` STR_NULL: it is a visitor's message.
    struct str in_reply_to;
    const char *mode;
    int answered; // 1, 0, -1: it cannot be said
    int64_t response_ms;
};
int conversation_event_message(struct tx *tx, const struct conversation *conversation,
                               const struct message_event *message, int64_t sequence, struct err *err);
