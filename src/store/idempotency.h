// SPDX-License-Identifier: Apache-2.0
// First replies of requests with an Idempotency-Key. A row without a reply belongs to a request whose reply is not
// known: it runs, or the server ended between its doing and its reply. Rows count for 24 hours.
#pragma once

#include "store/store.h"

struct idempotency {
    struct str caller, key; // caller: credential and path
    struct str fingerprint; // SHA-256 of the body
    bool replied;
    int64_t status;
    struct str headers, reply; // JSON; encrypted
    int64_t created_at;
};
#define IDEMPOTENCY_KEPT_MS (INT64_C(24) * 60 * 60 * 1000)

// 1, 0. Not those that no longer count at `now`.
int idempotency_get(struct tx *tx, struct arena *arena, struct str caller, struct str key, int64_t now,
                    struct idempotency *ret, struct err *err);
// Without a reply, over one that no longer counts. ERR_CONFLICT: there is one.
int idempotency_begin(struct tx *tx, const struct idempotency *row, struct err *err);
// The whole row.
int idempotency_keep(struct tx *tx, const struct idempotency *row, struct err *err);
// Removes those that no longer count.
int idempotency_expire(struct tx *tx, int64_t now, struct err *err);
