// SPDX-License-Identifier: Apache-2.0
// The built-in embedder (embed/embed.h) behind engine/embedder.h: finds its file, keeps working memory for those who
// call, and computes questions of callers that do not wait on a thread of its own. Thread-safe.
#pragma once

#include "base/settings.h"
#include "engine/embedder.h"

struct builtin;

// By the setting embedding.builtin: `off`; a file; `auto`: e5-small-q4.bin, else e5-small-enpt-q4.bin, beside the
// program or in its share directory. Never fails: without a model builtin_has is false.
struct builtin *builtin_new(const struct settings *settings);
void builtin_quit(struct builtin *builtin); // who embeds comes back soon with ERR_CANCELLED, questions go unanswered
void builtin_free(struct builtin *builtin); // nobody may be using it; NULL is fine

bool builtin_has(const struct builtin *builtin);                   // false too once its file was changed in place
bool builtin_owns(const struct builtin *builtin, const char *key); // the key is its model's
const char *builtin_name(const struct builtin *builtin);           // of the model; "" without one
const char *builtin_kernels(void);                                 // "avx2" … (checks them at the first call)
uint64_t builtin_computed(const struct builtin *builtin);          // passages since the start
// What is wrong with the file, for health; NULL: nothing.
const char *builtin_warning(const struct builtin *builtin);
// To be called now and then: gives back memory that nobody has used for a minute.
void builtin_rest(struct builtin *builtin);

// As in struct embedder.
void builtin_model(const struct builtin *builtin, struct embedder_model *ret);
int builtin_embed(struct builtin *builtin, struct arena *arena, const struct str *texts, size_t n, bool query,
                  const float ***ret, size_t *ret_dims, struct err *err);
void builtin_ask(struct builtin *builtin, enum embedder_text of, struct str text, int timeout_ms, embedder_done *done,
                 void *arg);
