// SPDX-License-Identifier: Apache-2.0
// Who is calling, and what they may do: credentials to a caller, roles from the database at each request, sign-in with
// rotating refresh tokens, making, changing and ending accounts. Thread-safe; all functions block on the store and are
// for workers. Functions marked "hashes" take tens of milliseconds of one of four places (base/crypto.h) besides.
//
// `by` is the scope of who asks: its actor, address and user agent go into audit rows. Rows about an account itself are
// the installation's (SCOPE_OWN), those about a membership the brand's. Values of personal fields are in none of them:
// audit rows stay when an account is erased.
#pragma once

#include "base/crypto.h"
#include "base/settings.h"
#include "model/account.h"
#include "store/account.h"

struct accounts;
struct accounts *accounts_new(struct store *store, const struct crypto_keys *keys, const struct settings *settings);
void accounts_free(struct accounts *accounts);

enum caller_kind { CALLER_NOBODY, CALLER_USER, CALLER_CHATBOT_KEY, CALLER_DEMO };

struct caller { // strings are the arena's
    enum caller_kind kind;
    struct user_row user;         // CALLER_USER
    bool by_key;                  // by a user's key, not by a token
    struct str sign_in_id;        // by token
    struct str brand, chatbot_id; // CALLER_CHATBOT_KEY
    struct str key_id;            // of whichever key it was
    struct str mark;              // by which accounts_still knows it again; STR_NULL: came without
    int64_t until;                // its last moment (Unix ms); 0: it has none
};

// A bearer token (it has a dot) or key of any kind. ERR_DENIED: unknown, expired, revoked, or its user is disabled.
int accounts_identify(struct accounts *accounts, struct arena *arena, struct str credential, struct caller *ret,
                      struct err *err);

// Looks at a caller of before again, by its mark and its user (no user: STR_NULL). 1 = what it came with still holds:
// *ret as it is now (`until` 0 for a token: that moment does not move); 0 = it does not.
int accounts_still(struct accounts *accounts, struct arena *arena, struct str mark, struct str user_id,
                   struct caller *ret, struct err *err);

enum role { ROLE_NONE, ROLE_USER, ROLE_DEVELOPER, ROLE_ADMIN, ROLE_SUPER_ADMIN };
enum role role_of(struct str name); // "admin", "developer", "user"; others are ROLE_NONE
// The caller's role in a brand, read now. Demo and super_admin: ROLE_SUPER_ADMIN everywhere; chatbot keys: none.
int accounts_role(struct accounts *accounts, const struct caller *caller, struct str brand, enum role *ret,
                  struct err *err);
// `admin` of any brand, super_admin, or demo.
int accounts_admin_anywhere(struct accounts *accounts, const struct caller *caller, bool *ret, struct err *err);

// ---- an account as it is shown --------------------------------------------------------------------------------------

struct account {
    struct user_row user;
    struct membership *memberships;
    size_t n;
    struct str brand; // the current one; STR_NULL: none
    struct str role;  // in it, or super_admin
};
// `brand`: the current one (STR_NULL: the user's own, else the oldest membership). `alone`: nothing is shown of other
// brands, and active says whether the account counts in this one. 1, 0: no such user, or (alone) no member of it.
int account_load(struct tx *tx, struct arena *arena, struct str id, struct str brand, bool alone, struct account *ret,
                 struct err *err);
int accounts_read(struct accounts *accounts, struct arena *arena, struct str id, struct str brand, bool alone,
                  struct account *ret, struct err *err);

// ---- signing in -----------------------------------------------------------------------------------------------------

struct signed_in {
    struct account account;
    struct str access_token, refresh_token; // STR_NULL: an account was made without signing in
    int64_t expires_in_s;
};
// `name`: username or e-mail; `address`: the key of the client's address. ERR_DENIED: wrong or unknown; ERR_INVALID:
// disabled account with the right password; ERR_LIMIT: locked out after 20 failures of the account from this address
// within 15 min (*ret_retry_s says for how long). An unknown account takes as long as a wrong password. Hashes.
int accounts_login(struct accounts *accounts, struct arena *arena, const struct scope *by, struct str name,
                   struct str password, struct str address, struct str issuer, struct signed_in *ret,
                   int64_t *ret_retry_s, struct err *err);
// ERR_DENIED: unknown, used (which revokes the sign-in, but see auth.refresh_reuse_window), expired or revoked.
int accounts_refresh(struct accounts *accounts, struct arena *arena, const struct scope *by, struct str refresh_token,
                     struct str issuer, struct signed_in *ret, struct err *err);
// Ends the sign-in of the refresh token, if it is known.
int accounts_logout_token(struct accounts *accounts, struct arena *arena, const struct scope *by,
                          struct str refresh_token, struct err *err);
// Ends the caller's sign-in (CALLER_USER by token), or all sign-ins of the user.
int accounts_logout(struct accounts *accounts, const struct scope *by, const struct caller *caller, bool all_devices,
                    struct err *err);

// ---- making accounts ------------------------------------------------------------------------------------------------

// A password that many have; refused where the setting environment is production. Case does not count.
bool password_common(struct str password);
// May this password be chosen here? Its length is the models' to check.
bool accounts_password_allowed(const struct accounts *accounts, struct str password);

struct registering {
    const struct register_request *request;
    struct str brand, role; // an admin makes a member of this brand; STR_NULL: somebody registers
    struct str issuer;
    bool sign_in;
};
// With a brand of its own, or in the brand that invited, in one transaction. ERR_CONFLICT: name or e-mail is taken;
// ERR_DENIED: registration is closed, or the invitation does not hold. Hashes.
int accounts_register(struct accounts *accounts, struct arena *arena, const struct scope *by,
                      const struct registering *registering, struct signed_in *ret, struct err *err);

// ERR_INVALID names the rule; ERR_CONFLICT: taken. `username` STR_NULL: the e-mail itself. The first user of the
// installation is super_admin. Brands are the caller's to make. Hashes.
int accounts_create(struct accounts *accounts, struct arena *arena, struct str username, struct str email,
                    struct str password, bool super_admin, struct user_row *ret, struct err *err);
// By username or e-mail. ERR_NOT_FOUND, ERR_INVALID. Both end every sign-in of the user. The first hashes.
int accounts_set_password(struct accounts *accounts, struct arena *arena, struct str name, struct str password,
                          struct err *err);
int accounts_disable(struct accounts *accounts, struct arena *arena, struct str name, struct err *err);

// ---- passwords that were forgotten ----------------------------------------------------------------------------------

// Queues a mail if the address is an active account's, at most 5 an hour. Does the same work for any other address.
// `base`: the server's own address, for the link.
int accounts_request_reset(struct accounts *accounts, struct arena *arena, const struct scope *by, struct str email,
                           struct str base, struct err *err);
// ERR_DENIED: unknown, used or expired. Ends all sign-ins and reset tokens of the user. Hashes.
int accounts_reset(struct accounts *accounts, struct arena *arena, const struct scope *by, struct str token,
                   struct str password, struct err *err);

// ---- changing accounts ----------------------------------------------------------------------------------------------

enum account_fault { // what else may be wrong with a change: ERR_INVALID
    ACCOUNT_FINE,
    ACCOUNT_PASSWORD_MISSING, // currentPassword
    ACCOUNT_PASSWORD_WRONG,
    ACCOUNT_LOCKED_OUT, // too many wrong ones: as accounts_login
};
// By the user. `change` holds what the body set (profile_model). ERR_CONFLICT: taken. A new e-mail is told to the old
// address; a new password ends all other sign-ins. Hashes if it names passwords.
int accounts_change_own(struct accounts *accounts, struct arena *arena, const struct scope *by,
                        const struct caller *caller, struct str address, const struct user_object *change,
                        enum account_fault *ret_fault, int64_t *ret_retry_s, struct err *err);
// By a super_admin (`brand`: the one that was named, STR_NULL: none; `home`: where a changed role counts then,
// STR_NULL: ERR_INVALID), or by an admin of the brand, who may only change role and active there. ERR_DENIED: another
// field; ERR_CONFLICT: taken, or the last admin; ERR_NOT_FOUND. Hashes if it names a password.
int accounts_change(struct accounts *accounts, struct arena *arena, const struct scope *by, bool super,
                    struct str brand, struct str home, struct str id, const struct user_object *change,
                    struct err *err);
// By a super_admin: the account; by an admin: the membership. ERR_CONFLICT: oneself, or the last admin.
int accounts_remove(struct accounts *accounts, struct arena *arena, const struct scope *by, bool super,
                    struct str brand, struct str id, struct err *err);
