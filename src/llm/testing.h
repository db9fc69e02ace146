// SPDX-License-Identifier: Apache-2.0
// For this room's tests: parley-fake-llm as a child process, and chat calls that are waited for.
#pragma once

#include "base/test.h"

#include "base/buf.h"
#include "base/json.h"
#include "llm/llm.h"

#include <pthread.h>
#include <sys/types.h>

struct fake {
    pid_t pid;
    int lifeline;           // its standard input: it ends when this is closed, also by our death
    char url[64], base[80]; // base: url + "/v1"
};

// Starts the double with further arguments (NULL or one of "--tls …" words separated by spaces). Fails the test when it
// cannot.
void fake_start(struct fake *fake, const char *arguments);
void fake_stop(struct fake *fake);
void fake_control(struct fake *fake, const char *json);
// The raw reply to a POST.
void fake_post(struct fake *fake, const char *path, const char *body, struct buf *out);
void fake_clear(struct fake *fake);
// The log's requests, in the arena; entry(i) with a body of chat or embeddings.
yyjson_val *fake_log(struct fake *fake, struct arena *arena);
size_t fake_count(struct fake *fake); // requests so far
// Waits (at most 5 s) until n requests are in the log and the last of them ended.
yyjson_val *fake_wait(struct fake *fake, struct arena *arena, size_t n);

// One provider row on the double: quick deadlines.
struct llm_provider provider_on(const struct fake *fake, const char *id, int64_t order);

struct chat {
    struct llm_call *call;
    struct buf text;
    struct llm_result result;
    char calls[1000];  // "name arguments; name arguments"
    bool done, refuse; // refuse: delta answers false
    unsigned deltas;
    size_t cancel_after; // bytes; 0: never
    struct llm *llm;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

void chat_start(struct chat *chat, struct llm *llm, const char *model, const struct llm_request *more);
void chat_wait_text(struct chat *chat, size_t bytes); // at least so many, or done
void chat_wait(struct chat *chat);
void chat_free(struct chat *chat);
// All of it: model's name with knobs; the chat must be freed.
void chat_run(struct chat *chat, struct llm *llm, const char *model);
// "w1 w2 … wn" in the arena.
const char *words(struct arena *arena, int n);
struct llm *llm_on(const struct llm_provider *providers, size_t n);
