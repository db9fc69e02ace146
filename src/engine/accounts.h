// SPDX-License-Identifier: Apache-2.0
// Who is calling, and what they may do: credentials to a caller, roles from the database at each request, sign-in with
// rotating refresh tokens. Thread-safe; all functions block on the store and are for workers.
#pragma once

#include "base/crypto.h"
#include "base/settings.h"
#include "store/account.h"

struct accounts;
struct accounts *accounts_new(struct store *store, const struct crypto_keys *keys, const struct settings *settings);
void accounts_free(struct accounts *accounts);

enum caller_kind { CALLER_NOBODY, CALLER_USER, CALLER_CHATBOT_KEY, CALLER_DEMO };

struct caller { // strings are the arena's
    enum caller_kind kind;
    struct user_row user; // CALLER_USER
    bool by_key; // by a user's key, not by a token
    struct str sign_in_id; // by token
    struct str brand, chatbot_id; // CALLER_CHATBOT_KEY
    struct str key_id; // of whichever key it was
};

// A bearer token (it has a dot) or key of any kind. ERR_DENIED: unknown, expired, revoked, or its user is disabled.
int accounts_identify(struct accounts *accounts, struct arena *arena, struct str credential, struct caller *ret,
                      struct err *err);

enum role { ROLE_NONE, ROLE_USER, ROLE_DEVELOPER, ROLE_ADMIN, ROLE_SUPER_ADMIN };
enum role role_of(struct str name); // "admin", "developer", "user"; others are ROLE_NONE
// The caller's role in a brand, read now. Demo and super_admin: ROLE_SUPER_ADMIN everywhere; chatbot keys: none.
int accounts_role(struct accounts *accounts, const struct caller *caller, struct str brand, enum role *ret,
                  struct err *err);
// `admin` of any brand, super_admin, or demo.
int accounts_admin_anywhere(struct accounts *accounts, const struct caller *caller, bool *ret, struct err *err);

struct signed_in {
    struct user_row user;
    struct membership *memberships;
    size_t n_memberships;
    struct str access_token, refresh_token;
    int64_t expires_in_s;
};
// `name`: username or e-mail. ERR_DENIED: wrong or unknown; ERR_INVALID: disabled account with the right password;
// ERR_LIMIT: locked out after 20 failures of the account from this address within 15 min (*ret_retry_s says for how
// long). An unknown account takes as long as a wrong password.
int accounts_login(struct accounts *accounts, struct arena *arena, struct str name, struct str password,
                   struct str address, struct str issuer, struct signed_in *ret, int64_t *ret_retry_s, struct err *err);
// ERR_DENIED: unknown, used (which revokes the sign-in), expired or revoked.
int accounts_refresh(struct accounts *accounts, struct arena *arena, struct str refresh_token, struct str issuer,
                     struct signed_in *ret, struct err *err);
// Ends the sign-in of the refresh token, if it is known.
int accounts_logout_token(struct accounts *accounts, struct arena *arena, struct str refresh_token, struct err *err);
// Ends the caller's sign-in (CALLER_USER by token), or all sign-ins of the user.
int accounts_logout(struct accounts *accounts, const struct caller *caller, bool all_devices, struct err *err);

// ERR_INVALID names the rule; ERR_CONFLICT: taken. `username` STR_NULL: the e-mail itself. The first user of the
// installation is super_admin. Brands are the caller's to make.
int accounts_create(struct accounts *accounts, struct arena *arena, struct str username, struct str email,
                    struct str password, bool super_admin, struct user_row *ret, struct err *err);
// By username or e-mail. ERR_NOT_FOUND, ERR_INVALID. Both end every sign-in of the user.
int accounts_set_password(struct accounts *accounts, struct arena *arena, struct str name, struct str password,
                          struct err *err);
int accounts_disable(struct accounts *accounts, struct arena *arena, struct str name, struct err *err);
