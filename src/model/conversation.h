// SPDX-License-Identifier: Apache-2.0
// What callers of /api/v1 say to a chatbot and about its answers (003-platform 4).
#pragma once

#include "model/model.h"

struct conversation_request {
    uint64_t set;
    struct str message, session_id, conversation_id, user_id;
    struct str context, metadata; // JSON objects
    struct str personality_id;
    bool stream;
};
extern const struct model conversation_request_model;

struct conversation_name { // which one; at least one of the two
    uint64_t set;
    struct str conversation_id, session_id;
};
extern const struct model conversation_name_model;

struct rating_request {
    uint64_t set;
    struct str conversation_id, session_id, message_id, rating, comment, user_id;
    struct str query, response; // what older clients claim was asked and answered
};
extern const struct model rating_request_model;

struct external_conversation { // as the external API begins one
    uint64_t set;
    struct str chatbot_id;
    struct str metadata; // JSON object
};
extern const struct model external_conversation_model;

struct external_message {
    uint64_t set;
    struct str content, type;
    struct str metadata; // JSON object
};
extern const struct model external_message_model;

// Session ids that belong to other surfaces begin so.
bool session_id_reserved(struct str session_id);
