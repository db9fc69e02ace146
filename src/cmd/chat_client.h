// SPDX-License-Identifier: Apache-2.0
// The chat of 001-brands 10 as a client speaks it: one conversation, one question at a time, over a WebSocket that is
// found again when it is lost. Frames may come in any order; what is unknown is passed over.
#pragma once

#include "base/json.h"
#include "cmd/ws_client.h"

// What a client is told, while it waits.
struct chat_view {
    void *arg;
    void (*frame)(void *arg, yyjson_val *frame);  // every frame (numbers raw)
    void (*text)(void *arg, struct str text);     // a piece of the answer
    void (*error)(void *arg, struct str message); // an error frame
    void (*note)(void *arg, const char *text);    // the connection: lost, found
};

struct chat_options {
    const struct ws_target *target;
    const char *brand;
    const char *conversation; // NULL: a new one
    bool voice;
    int64_t patience_ms; // silence after which a connection counts as lost; an answer may take ten times as long
    struct chat_view view;
};

struct chat_client;
struct chat_client *chat_client_new(const struct chat_options *options);
void chat_client_free(struct chat_client *client); // NULL is fine

// Connects and waits for the welcome. ERR_DENIED: refused or closed for good; ERR_IO, ERR_TIMEOUT: cannot connect.
int chat_client_connect(struct chat_client *client, struct err *err);
struct str chat_client_welcome(const struct chat_client *client);
struct str chat_client_brand_name(const struct chat_client *client);
const char *chat_client_conversation(const struct chat_client *client);

struct chat_answer {
    struct arena *arena;    // the caller's
    size_t runes;           // of its text
    yyjson_val *products;   // list, or NULL
    yyjson_val *confidence; // number as written, or NULL
    bool failed;            // an error frame came, or it ended with an error
};
// Sends one message and waits for its `complete`. On a lost connection: connects again (1 s, × 1.5 up to 30 s) and
// resumes at the character where it was lost, or asks again what never arrived. Errors as chat_client_connect.
int chat_client_ask(struct chat_client *client, struct str message, struct chat_answer *answer, struct err *err);

// Serves the connection until `input` can be read. A connection lost meanwhile is found again by the next question.
// ERR_DENIED: closed for good.
int chat_client_wait(struct chat_client *client, int input, struct err *err);
