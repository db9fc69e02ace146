// SPDX-License-Identifier: Apache-2.0
// What chat over HTTP and over sockets share.
#pragma once

#include "api/call.h"
#include "model/chat.h"

extern const char CHAT_PREFIX[]; // of this surface's session ids

// Starts a turn for this request and keeps the request until the turn has ended; a client that goes away cancels it.
void call_turn(struct call *call, const struct turn_input *input,
               void (*reply)(struct http_req *req, const struct turn_outcome *outcome));
// limits.message_chars holds beside the model's own bound; adds the fault.
bool chat_message_fits(struct app *app, struct faults *faults, const struct chat_request *chat, const struct loc *root);
void chat_turn_input(struct brand_ref *brand, struct arena *arena, const struct chat_request *chat, struct str channel,
                     const struct scope *scope, struct turn_input *ret);
