// SPDX-License-Identifier: Apache-2.0
// What the files of accounts share; nobody else includes this.
#pragma once

#include "engine/accounts.h"

enum { LOCK_FAILURES = 20, LOCK_MS = 15 * 60 * 1000 };

struct accounts {
    struct store *store;
    const struct crypto_keys *keys;
    const struct settings *settings;
};

// The installation's own rows, by this user (STR_NULL: whoever `by` is).
struct scope accounts_scope(const struct scope *by, struct str actor);

// ---- accounts_sign.c ------------------------------------------------------------------------------------------------

struct sign { // one sign-in on its way
    struct accounts *accounts;
    struct arena *arena;
    int64_t now;
    struct sign_in sign_in;
    struct signed_in *ret;
};
// In the transaction: the sign-in and its refresh token, for the user ret->account.user. Loads the account.
int sign_begin(struct tx *tx, struct sign *sign, struct err *err);
void sign_access(struct sign *sign, struct str issuer); // after it: the access token

// Wrong passwords of an account (`account`: its id, or the folded name that nobody has) from one address.
// ERR_LIMIT: locked out, for *ret_retry_s.
int lock_check(struct tx *tx, struct str account, struct str address, int64_t now, int64_t *ret_retry_s,
               struct err *err);
int lock_note(struct tx *tx, struct str account, struct str address, int64_t now, struct err *err);

// ---- accounts_make.c ------------------------------------------------------------------------------------------------

// Hashes. ERR_INVALID: its length.
int password_hash(struct arena *arena, struct str password, struct str *ret, struct err *err);
