// SPDX-License-Identifier: Apache-2.0
// Vectors of the questions asked last, so that a turn asks for each of its texts once, before it searches, and holds no
// thread meanwhile. One that did not come is not asked for again for a second: a turn never waits twice. Thread-safe.
#pragma once

#include "engine/embedder.h"

enum { QUESTION_MS = 800 }; // an answer that comes later comes too late: words alone serve

struct questions;
struct questions *questions_new(const struct embedder *embedder);
void questions_free(struct questions *questions); // nobody asks any more, and all that was asked is answered

// The vector of a question by the model of that key, in the arena; false: there is none. Blocks where nobody has asked
// for it before.
bool question_vector(struct questions *questions, const char *key, struct str text, struct arena *arena,
                     const float **ret, size_t *ret_dims);
// Asks for those of up to four texts; `done` once, when all have come or can come no more, on any thread. false: there
// is nothing to wait for, and it is not called.
enum { QUESTIONS_AT_ONCE = 4 };
bool questions_ask(struct questions *questions, const char *key, const struct str *texts, size_t n,
                   void (*done)(void *arg), void *arg);
