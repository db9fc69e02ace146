// SPDX-License-Identifier: Apache-2.0
// What the conversation endpoints of /api/v1 share: a turn's outcome as their reply, at once or as a stream.
#pragma once

#include "api/call.h"

// Is call->chatbot to be asked, and on the request's channel? False: answered (403).
bool conversation_open(struct call *call);
struct str conversation_channel(struct call *call);
struct str conversation_new_session(struct arena *arena); // sess_ and 32 hex digits that nobody guesses
// What turns on call->chatbot have in common; conversation and message are the caller's to add. The caller drops the
// reference when the turn has been started. False: answered.
bool conversation_turn(struct call *call, struct chatbot_ref **ret_chatbot, struct turn_input *ret);

// The whole reply of 003-platform 4.1.
yyjson_mut_val *conversation_reply(yyjson_mut_doc *doc, struct arena *arena, const struct turn_outcome *outcome);
// Metadata of a stored answer as this surface shows it.
yyjson_mut_val *conversation_metadata(yyjson_mut_doc *doc, struct arena *arena, struct str metadata);
// Answers with the outcome, as `shown` writes it.
void conversation_answer(struct http_req *req, int status,
                         yyjson_mut_val *(*shown)(yyjson_mut_doc *doc, struct arena *arena,
                                                  const struct turn_outcome *outcome),
                         const struct turn_outcome *outcome);
// A turn that ended without a reply of its own.
void conversation_refuse(struct http_req *req, const struct turn_outcome *outcome);
#define STREAM_MEDIA "text/event-stream; charset=utf-8"
// Starts the turn and answers with server-sent events once its conversation is known; a client that goes away cancels
// it.
void call_stream(struct call *call, const struct turn_input *input);
