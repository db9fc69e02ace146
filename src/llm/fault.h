// SPDX-License-Identifier: Apache-2.0
// What can go wrong upstream, as rows: how a fault is recognised (status, codes, words of the error text in any of the
// shapes that servers use) and what follows from it.
#pragma once

#include "base/buf.h"
#include "base/json.h"

enum fault {
    FAULT_NONE,
    FAULT_AUTH,
    FAULT_NO_MODEL,
    FAULT_CONTEXT,
    FAULT_PARAMETER,
    FAULT_FILTERED,
    FAULT_RATE,
    FAULT_QUOTA,
    FAULT_BUSY,
    FAULT_NETWORK,
    FAULT_CERTIFICATE,
    FAULT_SLOW,
    FAULT_BROKEN,
    FAULT_BAD_REQUEST,
    FAULT_N
};

struct fault_row {
    const char *name;    // as attempts and metrics show it
    int retries;         // same provider again: -1 as often as the provider says, else at most this often
    bool counts;         // towards the circuit breaker
    bool last;           // no other provider is asked
    int closed_ms;       // the model (or provider) is left alone that long; 0: not
    bool whole_provider; // closed_ms holds for all its models
};
extern const struct fault_row fault_rows[FAULT_N];

// An error as a server told it. Texts are in the caller's arena; empty strings where absent.
struct fault_text {
    bool found;
    struct str message, code, type, param;
    int status;     // told inside of the body
    int64_t window; // context size told, 0: none
    int64_t prompt; // tokens of the request as the server counts them, 0: not told
};

// Reads the error of a body: nested, flat, a bare string, a list, FastAPI's detail; also behind "data:".
void fault_read(struct arena *arena, struct str body, struct fault_text *ret);
// The same of a parsed chunk; false when it holds no error.
bool fault_read_json(struct arena *arena, yyjson_val *root, struct fault_text *ret);

enum fault fault_classify(int status, const struct fault_text *text);
// "retry after 20 seconds" or "try again in 1.5s" in a message; -1: none.
int64_t fault_wait_ms(struct str message);
int64_t fault_window(struct str message); // context size told in words; 0: none
int64_t fault_prompt(struct str message); // tokens of the prompt told in words; 0: none
// Retry-After as seconds or date; -1: neither.
int64_t fault_retry_after_ms(struct str value, int64_t wall_ms);

// What to leave out or change after a refused parameter: bits kept per provider and model.
enum {
    QUIRK_NO_STREAM_OPTIONS = 1,
    QUIRK_COMPLETION_TOKENS = 2, // max_completion_tokens instead of max_tokens
    QUIRK_NO_MAX_TOKENS = 4,
    QUIRK_NO_TEMPERATURE = 8,
    QUIRK_NO_SYSTEM = 16,    // system texts head the first user message
    QUIRK_SYSTEM_FIRST = 32, // later system messages head the next user message
    QUIRK_ALTERNATE = 64,    // neighbours of one role are joined
    QUIRK_NO_EXTRA = 128,    // extraBody's parameter was refused
    QUIRK_NO_TOOLS = 256,
    QUIRK_NO_PREFILL = 512, // an answer is continued by instruction
    QUIRK_NO_FORMAT = 1024, // response_format, ours: extraBody's may stay
};
// The bit to add to `quirks` so that the refusal goes away; 0: nothing to change.
unsigned fault_repair(const struct fault_text *text, unsigned quirks);

// Appends `text` with keys hidden: the key itself, sk-…, Bearer …. `key` may be NULL.
void fault_mask(struct buf *out, struct str text, const char *key);
