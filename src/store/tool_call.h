// SPDX-License-Identifier: Apache-2.0
// Calls of tools, one row each (003-platform 8.3): nothing of what was asked or answered.
#pragma once

#include "store/store.h"

struct tool_call_row {
    struct str chatbot_id, conversation_id;
    const char *plugin, *tool, *error; // error NULL: it went well
    int64_t at, latency_ms, bytes;     // at: wall ms
    int status;                        // 0: none
};

int tool_call_write(struct tx *tx, const struct tool_call_row *row, struct err *err);
int tool_calls_expire(struct tx *tx, int64_t now, struct err *err); // of all brands
