// SPDX-License-Identifier: Apache-2.0
// The frames that a chat socket sends (001-brands 10.2): each one JSON text in the given arena.
#pragma once

#include "api/call.h"

struct str frame_welcome(struct arena *arena, const struct brand_ref *brand);
// `conversation` is never STR_NULL here.
struct str frame_typing(struct arena *arena, struct str conversation, bool typing);
void frame_chunk(struct buf *out, struct str conversation, struct str content); // takes the place of what is there
struct str frame_pong(struct arena *arena); // with the time now
// conversation STR_NULL and retry_after 0 are left out.
struct str frame_error(struct arena *arena, const char *code, const char *message, struct str conversation,
                       int64_t retry_after_s);
// `error` NULL: of a turn's outcome; else of a frame that was refused with this code.
struct str frame_complete(struct arena *arena, struct str conversation, const struct turn_outcome *outcome,
                          const char *error);
