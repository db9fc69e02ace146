// SPDX-License-Identifier: Apache-2.0
// For the tests of this room and of jobs: everything that a turn needs over a real store in a directory of its own,
// with the real migrations, with or without a model's double.
#pragma once

#include "base/test.h"

#include "base/pool.h"
#include "base/settings.h"
#include "engine/tools.h"
#include "engine/turn.h"
#include "llm/testing.h"

#include <pthread.h>

enum site_flags {
    SITE_MODEL = 1,   // a model's double, echoing
    SITE_VECTORS = 2, // an embedder: one dimension a letter (see site_vector)
};

struct site {
    char dir[64];
    struct arena *arena; // of what is made for the test's own thread
    struct store *store;
    struct settings *settings;
    struct crypto_keys *keys;
    struct pool *workers;
    struct llm *llm;
    struct fake fake;
    unsigned flags;
    struct embedder embedder;
    const char *model;      // key of the embedder
    const char *gone;       // key of a model that answers no more; NULL: all do
    _Atomic int embedded;   // texts so far
    _Atomic int embed_code; // what the embedder answers instead, if not 0
    struct brands *brands;
    struct catalogues *catalogues;
    struct engine *engine;
    _Atomic int jobs_told; // CHANGE_JOB so far
};

void site_open(struct site *site, unsigned flags);
// With a model that may call these tools (tools.builtin names `names`, comma-separated).
void site_open_tools(struct site *site, const char *names, const struct tool *tools, size_t n);
void site_close(struct site *site);

// Makes a brand (STR_NULL settings = the usual ones: `change`, if given, may alter them) and gives a snapshot of it.
struct brand_ref *site_brand(struct site *site, const char *id, void (*change)(struct brand_config *config));
struct brand_ref *site_brand_again(struct site *site, const char *id); // as it is now; NULL: none
// Price in the table's form ("12.50").
void site_product(struct site *site, const char *brand, const char *id, const char *name, const char *price,
                  const char *description);
void site_document(struct site *site, const struct brand_ref *brand, const char *title, const char *content);
void site_vector(struct site *site, const char *brand, const char *product, const char *letters);
// The same by a model of that key; the brand's index is its from now on.
void site_vector_of(struct site *site, const char *brand, const char *product, const char *model, const char *letters);
// Runs a write in the brand's scope; fails the test when that fails.
void site_write(struct site *site, const char *brand, store_fn fn, void *arg);
void site_read(struct site *site, const char *brand, store_fn fn, void *arg);
int64_t site_count(struct site *site, const char *brand, const struct store_sql *count); // a SELECT COUNT of the brand

struct row { // of messages, in the order of conversations and places
    struct str conversation, id, role, content, status;
};
size_t site_messages(struct site *site, const char *brand, struct row **ret);

struct turn *site_ask(struct site *site, struct brand_ref *brand, const char *session, const char *message);
struct turn *site_ask_with(struct site *site, struct turn_input *input);
size_t turn_wait_text(struct turn *turn, size_t bytes); // for so much text, or its end

struct hold { // keeps the store's writer busy
    struct site *site;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held, let_go;
};
void hold_begin(struct hold *hold, struct site *site);
void hold_end(struct hold *hold);
