// SPDX-License-Identifier: Apache-2.0
// Background work: rows of the store's job table, run with leases, retries and back-off. Kinds are rows {name, handler,
// tries, lane}; each lane has threads of its own, begun when it first has something to do. A job that fails every try
// stays `failed` with its error.
#pragma once

#include "base/crypto.h"
#include "base/settings.h"
#include "engine/brands.h"
#include "engine/builtin.h"
#include "engine/embedder.h"

struct jobs;

struct jobs_options {
    struct store *store;
    struct brands *brands;
    const struct embedder *embedder;
    _Atomic bool
        *ending; // set by jobs_new: a long job ends with ERR_CANCELLED when it turns true, and is run again later
    int64_t started_ms;              // set by jobs_new: wall clock
    const struct settings *settings; // these two for mails
    const struct crypto_keys *keys;
    struct calibrated *calibrated; // set by jobs_new
    struct builtin *builtin;       // is told to rest now and then; NULL: none
};
struct jobs *jobs_new(const struct jobs_options *options);
void jobs_stop(struct jobs *jobs); // returns after the step under way; nothing runs any more. NULL is fine
void jobs_free(struct jobs *jobs); // stops it too; nobody may poke any more
// When the thread that is furthest behind last looked for work (monotonic ms): at least every half minute, but for a
// job that takes longer. Embedding may take hours and does not count.
int64_t jobs_beat_ms(const struct jobs *jobs);
const char *jobs_kind(size_t i); // names of all kinds; NULL past the last
// Whether mails can leave as the settings say. ERR_INVALID names the setting that does not fit.
const char *jobs_mail_transport(const struct settings *settings); // as set, or what follows from other settings
int jobs_check_mail(const struct settings *settings, struct err *err);
void jobs_poke(struct jobs *jobs); // there may be new work; any thread, does not block
