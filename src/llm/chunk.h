// SPDX-License-Identifier: Apache-2.0
// One piece of a streamed answer: a chat.completion.chunk, a whole completion, an old text completion or a line of
// Ollama's own stream, with every deviation of upstream-llm 3.2 and 3.3 that is known. Choice 0 only.
#pragma once

#include "llm/fault.h"
#include "llm/toolcall.h"

enum chunk_finish { CHUNK_GOES_ON, CHUNK_STOP, CHUNK_LENGTH, CHUNK_TOOLS, CHUNK_FILTERED, CHUNK_ABORT };

struct chunk {
    struct str text;      // empty: none; may hold U+FFFD, never U+0000
    bool reasoning, tool; // progress without text
    struct toolcall_piece *pieces;
    size_t n_pieces;
    bool refusal; // text is the model's refusal
    enum chunk_finish finish;
    bool has_usage;
    int64_t prompt, completion, cached; // -1: not told
    bool done;                          // Ollama's last line
    bool choices;                       // it is a completion at all
    struct fault_text error;            // .found: the chunk is an error
};

// Without U+0000, which no text of ours may hold; itself where there is none.
struct str text_without_nul(struct arena *arena, struct str text);
// All of *ret lives in the arena. False: not a JSON object.
bool chunk_read(struct arena *arena, struct str json, struct chunk *ret);
