// SPDX-License-Identifier: Apache-2.0
// What chat.c (text and framing) and tool.c (calls of tools) share.
#pragma once

#include "fake.h"

struct chat {
    struct reply *reply;
    const struct knobs *knobs;
    const char *eol;
    struct str model;
    char id[40];
    int64_t events, delay; // delay: for the next event
    int64_t prompt, completion;
    bool usage_wanted;
    bool calls; // it calls tools instead of answering
};

bool chat_is(const struct chat *chat, const char *dialect);
yyjson_mut_val *chat_chunk(struct chat *chat, yyjson_mut_doc *doc);
// Appends {"choices":[{index, delta, finish_reason}]}; delta NULL leaves it out, finish NULL says null or "".
void chat_choice(struct chat *chat, yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_mut_val *delta,
                 const char *finish);
void chat_json(struct chat *chat, yyjson_mut_val *root);
void chat_text(struct chat *chat, const char *field, struct str text); // field: "content" or a name for reasoning
bool chat_cut(struct chat *chat);
void chat_finish(struct chat *chat, const char *finish);

// The request offers tools, the knobs want calls, and there were not enough of them since the visitor's last message.
bool tool_wanted(const struct chat *chat);
void tool_stream(struct chat *chat);
void tool_whole(struct chat *chat, yyjson_mut_doc *doc, yyjson_mut_val *message); // of a reply in one piece
