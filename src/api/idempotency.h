// SPDX-License-Identifier: Apache-2.0
// Idempotency-Key (003-platform 1.1): the first reply of a request with a key is kept for 24 hours, encrypted, and sent
// again to whoever asks the same with the same key. That the request was taken is written in the transaction of what it
// does (call_store_write, turn_input.first), its reply before it is sent: a crash in between leaves a key that answers
// 409 until it is forgotten, and nothing is done twice. Handlers that write by other means note their key with the
// reply alone.
#pragma once

#include "api/call.h"

struct first_replies; // keys of requests under way here; thread-safe
struct first_replies *first_replies_new(struct store *store, const struct crypto_keys *keys, size_t workers);
void first_replies_free(struct first_replies *replies);

// Before the handler. False: answered, by the first reply or a refusal. A worker waits up to 30 s for a first request
// that still runs, as long as not too many wait already.
bool idempotency_enter(struct call *call);
// In the transaction of what the call does; `arg` is call->first. ERR_CONFLICT: another server has taken the key.
int idempotency_take(struct tx *tx, void *arg, struct err *err);

void idempotency_taken(struct first_reply *first, int rc); // how that ended: it is written once a request

// For answers that are not one body: from now on the caller keeps or drops it. NULL: the request has no key.
struct first_reply *first_reply_detach(struct call *call);
// Keeps `body` as what will be sent again; both end it.
void first_reply_keep(struct first_reply *first, int status, const char *type, struct str body);
void first_reply_drop(struct first_reply *first); // NULL is fine
