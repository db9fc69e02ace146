// SPDX-License-Identifier: Apache-2.0
// What the surfaces are composed of. Made once by the command, read-only afterwards.
#pragma once

#include "base/settings.h"
#include "engine/accounts.h"
#include "engine/turn.h"
#include "http/http.h"
#include "http/limit.h"

struct builtin;
struct outbound;
struct sockets;
struct webhooks;

struct app {
    struct settings *settings;
    struct store *store;
    struct crypto_keys *keys;
    struct pool *workers;
    struct pool *readers; // for endpoints that read files
    char temp_dir[4096];   // for files on their way; emptied at the start
    struct pool *hashers; // for endpoints that hash passwords
    struct llm *llm;
    struct builtin *builtin; // the embedder where no provider makes vectors
    struct limiter *limiter;
    struct brands *brands;
    struct catalogues *catalogues;
    struct budgets *budgets;
    struct engine *engine;
    struct accounts *accounts;
    struct webhooks *webhooks; // NULL in commands beside a server
    struct outbound *outbound; // the guard before calls to addresses that users chose
    struct sockets *sockets; // open sockets by brand and address
    struct http_server *server;
    struct health *health;
    struct first_replies *first_replies; // of requests with an Idempotency-Key
    struct jobs *jobs; // NULL: none run here
    bool demo; // demo mode, and every listener is loopback
    const char *commit;
    bool (*embeds)(struct app *app); // somebody makes vectors
    int (*models_changed)(struct app *app, struct err *err); // providers: the client learns of them
    int64_t started_ms; // monotonic
    _Atomic bool draining; // readiness says so; nothing else changes
};
