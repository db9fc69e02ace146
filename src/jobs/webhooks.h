// SPDX-License-Identifier: Apache-2.0
// Delivers webhooks: one thread with its own connections takes what is due in the store, a few at a time, tries it and
// records what came of it (docs/internals/webhooks.md). Whatever it holds is also in the store, claimed for a while, so
// that it may end at any moment.
#pragma once

#include "base/crypto.h"
#include "outbound/outbound.h"
#include "store/webhook.h"

struct webhooks;

struct webhooks_options {
    struct store *store;
    const struct settings *settings;
    const struct crypto_keys *keys;
    struct outbound *outbound;
    bool alone; // no other server delivers from this store: what a crash cut off goes on at once
};

// ERR_INVALID: an entry of webhook.schedule is no duration.
int webhooks_check(const struct settings *settings, struct err *err);
int webhooks_new(const struct webhooks_options *options, struct webhooks **ret, struct err *err);
void webhooks_stop(struct webhooks *webhooks); // nothing is sent or written any more. NULL is fine
void webhooks_free(struct webhooks *webhooks); // stops it too; nobody may poke any more
void webhooks_poke(struct webhooks *webhooks); // something may be due; any thread, does not block

// Sends one `webhook.test` now, whatever the webhook's state, and records it. `done` is called exactly once, here or on
// another thread, and must not block. rc 0: `attempt` says what came of it, and lives as long as the call. ERR_LIMIT:
// too many at once; ERR_UNAVAILABLE: the program is stopping; others: the store's. Strings are copied.
typedef void (*webhooks_tested)(void *arg, int rc, const struct attempt *attempt, struct str delivery_id);
void webhooks_test(struct webhooks *webhooks, struct str brand, const struct webhook *webhook, webhooks_tested done,
                   void *arg);
