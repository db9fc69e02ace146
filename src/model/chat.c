// SPDX-License-Identifier: Apache-2.0
#include "model/chat.h"

#include <ctype.h>

static bool conversation_id_valid(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!isascii(text.p[i]) || !(isalnum((unsigned char)text.p[i]) || strchr("._:~-", text.p[i])))
            return false;
    return true;
}

#define CONVERSATION_ID                                                                                                \
    .valid = conversation_id_valid, .pattern = "^[A-Za-z0-9._:~-]*$",                                                  \
    .pattern_help = "1 to 128 of A-Z a-z 0-9 . _ : ~ -"
#define AT(member) FIELD_AT(struct chat_request, member)
#define CHAT_FIELDS                                                                                                    \
    {"message",                                                                                                        \
     NULL,                                                                                                             \
     FIELD_STRING,                                                                                                     \
     FIELD_REQUIRED | FIELD_TRIM,                                                                                      \
     AT(message),                                                                                                      \
     1,                                                                                                                \
     MESSAGE_CHARS_LIMIT,                                                                                              \
     .shown_high = 2000,                                                                                               \
     .example = "\"Which tent for two?\""},                                                                            \
        {"conversation_id", NULL, FIELD_STRING, FIELD_EMPTY_NULL, AT(conversation_id), 1, 128, CONVERSATION_ID},       \
        {"user_id", NULL, FIELD_STRING, 0, AT(user_id), 0, 128},                                                       \
    {                                                                                                                  \
        "voice", NULL, FIELD_BOOL, 0, AT(voice), .fallback = "false"                                                   \
    }
static const struct field request_fields[] = {CHAT_FIELDS};
const struct model chat_request_model = {"ChatRequest", NULL, sizeof(struct chat_request),
                                         MODEL_FIELDS(request_fields)};

static const struct field frame_fields[] = {
    CHAT_FIELDS, {"new_conversation", NULL, FIELD_BOOL, 0, AT(new_conversation), .fallback = "false"}};
const struct model chat_frame_model = {"ChatFrame", NULL, sizeof(struct chat_request), MODEL_FIELDS(frame_fields)};
#undef AT

#define AT(member) FIELD_AT(struct resume_request, member)
static const struct field resume_fields[] = {
    {"conversation_id", NULL, FIELD_STRING, FIELD_REQUIRED, AT(conversation_id), 1, 128, CONVERSATION_ID},
    {"offset", NULL, FIELD_INT, 0, AT(offset), 0, 1e9, .fallback = "0"},
};
const struct model resume_model = {"ResumeFrame", NULL, sizeof(struct resume_request), MODEL_FIELDS(resume_fields)};
#undef AT

#define AT(member) FIELD_AT(struct message, member)
static const struct field message_fields[] = {
    {"role", "role", FIELD_STRING, 0, AT(role), .choices = "user|assistant"},
    {"content", "content", FIELD_STRING, 0, AT(content)},
    {"timestamp", "created_at", FIELD_TIME, 0, AT(timestamp)},
    {"message_id", "id", FIELD_STRING, 0, AT(message_id)},
};
const struct model message_model = {"Message", NULL, sizeof(struct message), MODEL_FIELDS(message_fields)};
