// SPDX-License-Identifier: Apache-2.0
#include "model/conversation.h"

bool session_id_reserved(struct str session_id)
{
    static const char *const prefixes[] = {"line-", "brand:", "locale:", "conv_", "session_", "playground-"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (str_starts(session_id, str_from(prefixes[i])))
            return true;
    return false;
}

static bool session_id_valid(struct str text)
{
    return !session_id_reserved(text);
}

#define SESSION_ID                                                                                                     \
    .valid = session_id_valid, .pattern = "^(?!line-|brand:|locale:|conv_|session_|playground-)",                      \
    .pattern_help = "without the prefix of another channel", .example = "\"web-42\""
#define METADATA(member)                                                                                               \
    FIELD_JSON, 0, AT(member), 0, 1000, .item_high = 255, .bytes = 16384, .depth = 31, .fallback = "{}"
#define PLACE FIELD_TRIM | FIELD_LINE | FIELD_NULL

#define AT(member) FIELD_AT(struct conversation_request, member)
static const struct field request_fields[] = {
    {"message", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_CLEAN, AT(message), 1, 4000,
     .example = "\"How long is the warranty?\""},
    {"sessionId", NULL, FIELD_STRING, PLACE, AT(session_id), 1, 255, SESSION_ID},
    {"conversationId", NULL, FIELD_STRING, PLACE, AT(conversation_id), 1, 255},
    {"userId", NULL, FIELD_STRING, PLACE, AT(user_id), 1, 255, .help = "The end user as the caller knows them"},
    {"context", NULL, FIELD_JSON, 0, AT(context), 0, 100, .item_high = 255, .bytes = 16384, .depth = 31,
     .fallback = "{}"},
    {"metadata", NULL, METADATA(metadata), .help = "Kept with the message"},
    {"personalityId", NULL, FIELD_STRING, PLACE, AT(personality_id), 1, 64},
    {"stream", NULL, FIELD_BOOL, 0, AT(stream), .fallback = "false"},
};
const struct model conversation_request_model = {"ConversationRequest", NULL, sizeof(struct conversation_request),
                                                 MODEL_FIELDS(request_fields)};
#undef AT

// One of the two, or both where they name the same.
#define WHICH                                                                                                          \
    .shape = "\"anyOf\":[{\"required\":[\"sessionId\"],\"properties\":{\"sessionId\":{\"type\":\"string\"}}},"         \
             "{\"required\":[\"conversationId\"],\"properties\":{\"conversationId\":{\"type\":\"string\"}}}]"
#define AT(member) FIELD_AT(struct conversation_name, member)
static const struct field name_fields[] = {
    {"conversationId", NULL, FIELD_STRING, PLACE, AT(conversation_id), 1, 255},
    {"sessionId", NULL, FIELD_STRING, PLACE, AT(session_id), 1, 255, SESSION_ID},
};
const struct model conversation_name_model = {"ConversationName", NULL, sizeof(struct conversation_name),
                                              MODEL_FIELDS(name_fields), WHICH};
#undef AT

#define AT(member) FIELD_AT(struct rating_request, member)
static const struct field rating_fields[] = {
    {"conversationId", NULL, FIELD_STRING, PLACE, AT(conversation_id), 1, 255},
    {"sessionId", NULL, FIELD_STRING, PLACE, AT(session_id), 1, 255, SESSION_ID},
    {"messageId", NULL, FIELD_STRING, PLACE, AT(message_id), 1, 64, .help = "An answer; absent: the newest"},
    {"rating", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(rating), .choices = "positive|neutral|negative"},
    {"comment", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(comment), 0, 2000},
    {"userId", NULL, FIELD_STRING, PLACE, AT(user_id), 1, 255},
    {"query", NULL, FIELD_STRING, FIELD_NULL, AT(query), 0, 4000, .help = "Of older clients; never taken for fact"},
    {"response", NULL, FIELD_STRING, FIELD_NULL, AT(response), 0, 4000,
     .help = "Of older clients; never taken for fact"},
};
const struct model rating_request_model = {"RatingRequest", NULL, sizeof(struct rating_request),
                                           MODEL_FIELDS(rating_fields), WHICH};
#undef AT

#define AT(member) FIELD_AT(struct external_conversation, member)
static const struct field external_conversation_fields[] = {
    {"chatbotId", NULL, FIELD_STRING, PLACE, AT(chatbot_id), 1, 64, .help = "Id or slug; absent: the key's chatbot"},
    {"metadata", NULL, METADATA(metadata), .help = "Kept with the conversation"},
};
const struct model external_conversation_model = {"ExternalConversation", NULL, sizeof(struct external_conversation),
                                                  MODEL_FIELDS(external_conversation_fields)};
#undef AT

#define AT(member) FIELD_AT(struct external_message, member)
static const struct field external_message_fields[] = {
    {"content", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_CLEAN, AT(content), 1, 4000,
     .example = "\"How long is the warranty?\""},
    {"type", NULL, FIELD_STRING, FIELD_TRIM, AT(type), .choices = "text", .fallback = "\"text\""},
    {"metadata", NULL, METADATA(metadata), .help = "Kept with the message"},
};
const struct model external_message_model = {"ExternalMessage", NULL, sizeof(struct external_message),
                                             MODEL_FIELDS(external_message_fields)};
#undef AT
