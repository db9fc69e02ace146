// SPDX-License-Identifier: Apache-2.0
// Answers that are spoken (001-brands 11): one plain sentence of at most VOICE_MAX characters. Making plain is one pass
// over the text that can say how far its output is final, so the streamed and the whole text give the same sentence.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define VOICE_MAX 300      // characters
#define VOICE_MAX_RAW 8192 // bytes of model text that are looked at

// Without Markdown and list marks, tables, fenced code, emoji, URLs (a link keeps its text) and line breaks.
struct str voice_plain(struct arena *arena, struct str text);
// The sentence of a whole text; empty when nothing can be spoken. `cut`: the text was ended by the token limit.
struct str voice_sentence(struct arena *arena, struct str text, bool cut);

// The same while the text comes in. One per answer, one thread at a time.
struct voice {
    struct buf raw;
    bool complete, over; // over: there was more than VOICE_MAX_RAW
};
void voice_init(struct voice *voice);
void voice_done(struct voice *voice);
// True (and from then on) when the sentence is complete: the model's further text need not be awaited.
bool voice_feed(struct voice *voice, struct str chunk);
struct str voice_result(const struct voice *voice, struct arena *arena, bool cut);
