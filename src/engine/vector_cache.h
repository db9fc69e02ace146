// SPDX-License-Identifier: Apache-2.0
// Vectors of the questions asked last and of the sentences that were looked at for them, so that a turn asks for each
// of its texts once and holds no thread meanwhile. One that did not come is not asked for again for a second: a turn
// never waits twice. Thread-safe.
#pragma once

#include "engine/embedder.h"

enum { VECTOR_QUESTION_MS = 800 }; // an answer that comes later comes too late: words alone serve
enum { VECTORS_AT_ONCE = 32 };

struct vector_cache;
struct vector_cache *vector_cache_new(const struct embedder *embedder);
void vector_cache_free(struct vector_cache *cache); // nobody asks any more, and all that was asked is answered
const struct embedder *vector_cache_embedder(const struct vector_cache *cache);

// The vector of a text by the model of that key, in the arena; false: there is none, or nobody has asked for it.
bool vector_cache_look(struct vector_cache *cache, const char *key, enum embedder_text of, struct str text,
                       struct arena *arena, const float **ret, size_t *ret_dims);
// The same of a question. Blocks where nobody has asked for it before.
bool vector_cache_question(struct vector_cache *cache, const char *key, struct str text, struct arena *arena,
                           const float **ret, size_t *ret_dims);
// Asks for those of up to VECTORS_AT_ONCE texts; `done` once, when all have come or can come no more, on any thread.
// false: there is nothing to wait for, and it is not called.
bool vector_cache_ask(struct vector_cache *cache, const char *key, enum embedder_text of, const struct str *texts,
                      size_t n, int timeout_ms, void (*done)(void *arg), void *arg);
