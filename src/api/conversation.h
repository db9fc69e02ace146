// SPDX-License-Identifier: Apache-2.0
// What the conversation endpoints of /api/v1 share: a turn's outcome as their reply, at once or as a stream.
#pragma once

#include "api/call.h"

// The whole reply of 003-platform 4.1.
yyjson_mut_val *conversation_reply(yyjson_mut_doc *doc, struct arena *arena, const struct turn_outcome *outcome);
// Metadata of a stored answer as this surface shows it.
yyjson_mut_val *conversation_metadata(yyjson_mut_doc *doc, struct arena *arena, struct str metadata);
// A turn that ended without a reply of its own.
void conversation_refuse(struct http_req *req, const struct turn_outcome *outcome);
#define STREAM_MEDIA "text/event-stream; charset=utf-8"
// Starts the turn and answers with server-sent events once its conversation is known; a client that goes away cancels
// it.
void call_stream(struct call *call, const struct turn_input *input);
