// SPDX-License-Identifier: Apache-2.0
// Reads the whole body of a streamed answer, whatever form it really has (SSE, newline-delimited JSON, one JSON text,
// HTML), gives out the visible text as it comes and knows at the end whether the answer was whole and why not.
#pragma once

#include "llm/chunk.h"
#include "llm/sse.h"
#include "llm/think.h"
#include "llm/tooltext.h"

#define ANSWER_MAX_TEXT (8 << 20)
#define ANSWER_MAX_BYTES (32 << 20)   // of a body that is read as a whole
#define ANSWER_MAX_STREAM (512 << 20) // of events: a word of a few bytes comes in hundreds

struct answer {
    void (*text)(void *arg, struct str text); // visible text, whole code points
    void *arg;
    enum { ANSWER_UNKNOWN, ANSWER_SSE, ANSWER_LINES, ANSWER_JSON } form;
    struct sse sse;
    struct think think;
    bool offered; // tools: calls are also looked for in the text
    struct tooltext tooltext;
    struct toolcalls calls;
    struct buf body;                                       // JSON and line forms
    size_t bytes, text_bytes;                              // of the body, of the visible text
    unsigned garbage;                                      // events in a row that were no JSON
    unsigned skipped;                                      // all of them
    uint64_t progress;                                     // grows with each delta of text, reasoning or tool call
    bool has_text, reasoned, tools, refusal, marked, html; // marked: [DONE] came
    enum chunk_finish finish;
    bool has_usage;
    int64_t prompt, completion, cached;
    char tail[8]; // last bytes of the visible text
    // The verdict: FAULT_NONE while all is well.
    enum fault fault;
    const char *why; // "cut", "empty", "garbage", "not_an_llm", "too_big", "abort", "error"
    struct fault_text error;
    struct arena *error_arena; // owns `error`; NULL when none
};

// cautious: think_init's. offered: the request had tools.
void answer_init(struct answer *answer, struct str content_type, bool cautious, bool offered,
                 void (*text)(void *, struct str), void *arg);
void answer_done(struct answer *answer);
// False: nothing more is needed (a fault; see `fault`).
bool answer_feed(struct answer *answer, struct str bytes);
// The body has ended; clean: as HTTP says it should. Sets the verdict.
void answer_end(struct answer *answer, bool clean);
// All that will matter has come: the end mark, or finish reason and usage.
bool answer_complete(const struct answer *answer);
