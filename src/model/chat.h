// SPDX-License-Identifier: Apache-2.0
// What a visitor sends, and what is kept of a conversation.
#pragma once

#include "model/model.h"

struct chat_request {
    uint64_t set;
    struct str message, conversation_id, user_id;
    bool voice;
    bool new_conversation; // WebSocket only
};
extern const struct model chat_request_model; // HTTP
extern const struct model chat_frame_model; // WebSocket: with new_conversation
enum { MESSAGE_CHARS_LIMIT = 4000 }; // highest value of limits.message_chars

struct resume_request {
    uint64_t set;
    struct str conversation_id;
    int64_t offset;
};
extern const struct model resume_model;

struct message {
    uint64_t set;
    struct str role, content;
    int64_t timestamp;
    struct str message_id;
};
extern const struct model message_model;
