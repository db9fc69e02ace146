// SPDX-License-Identifier: Apache-2.0
// One attempt of a delivery: what is sent, signed in both ways, and what came of it (003-platform 14.3).
#pragma once

#include "base/crypto.h"
#include "outbound/outbound.h"
#include "store/webhook.h"

enum { WEBHOOK_EXCERPT = 1024 };

struct webhook_call {
    CURL *easy;
    struct curl_slist *fields;
    struct str body;
    char attempt_id[37];
    char excerpt[WEBHOOK_EXCERPT];
    size_t n;
    int64_t started_wall, started_mono; // ms
};

// Sets everything but the address. `brand` is the event's. Memory is the arena's, which must outlive the call; `easy`
// is the callee's until webhook_call_done. ERR_FORMAT: the stored secret cannot be opened.
int webhook_call_init(struct webhook_call *call, CURL *easy, struct arena *arena, const struct crypto_keys *keys,
                      const struct webhook *webhook, struct str brand, const struct event *event, int timeout_ms,
                      struct err *err);
void webhook_call_done(struct webhook_call *call); // not the easy handle
// What a transfer that ended says: the attempt in the arena, and the seconds that the receiver wants to be left alone
// (0: it did not say).
void webhook_call_result(const struct webhook_call *call, CURLcode code, struct arena *arena, struct attempt *ret,
                         int64_t *ret_retry_after);
// The same for one that never began.
void webhook_call_failed(const struct webhook_call *call, const char *error, struct arena *arena, struct attempt *ret);
bool webhook_succeeded(const struct attempt *attempt);

// A mail to who made the webhook, which was disabled in this transaction because it failed for too long.
int webhook_tell_failing(struct tx *tx, const struct crypto_keys *keys, struct str id, struct err *err);

// ---- the schedule --------------------------------------------------------------------------------------------------

// "5", "5s", "5m", "2h" in ms; false: none, or over 24 h.
bool webhook_wait_parse(struct str text, int64_t *ret_ms);
// How long to wait after the failure of attempt `tries` (from 1), without jitter; -1: that was the last.
int64_t webhook_wait(const struct settings *settings, const struct webhook *webhook, int64_t tries);
int64_t webhook_jitter(int64_t ms, uint32_t random); // ±10 %
