// SPDX-License-Identifier: Apache-2.0
// Users, their memberships and sign-ins, and the keys that stand for users and chatbots. Tables of the installation but
// for memberships and chatbot keys.
#pragma once

#include "model/account.h"
#include "store/store.h"

struct user_row {
    struct str id, username, email, password_hash, first_name, last_name;
    bool super_admin, active;
    int64_t last_login, created_at, updated_at;
};

int user_count(struct tx *tx, int64_t *ret, struct err *err);
int user_by_id(struct tx *tx, struct arena *arena, struct str id, struct user_row *ret, struct err *err); // 1, 0
// By username or e-mail, folded (model/text.h: text_fold_case). 1, 0.
int user_by_name(struct tx *tx, struct arena *arena, struct str folded, struct user_row *ret, struct err *err);
int user_by_email(struct tx *tx, struct arena *arena, struct str folded, struct user_row *ret, struct err *err);
// Whether one of these is somebody else's name or e-mail (`id` STR_NULL: anybody's).
int user_names_taken(struct tx *tx, struct str username, struct str email, struct str id, bool *ret, struct err *err);
// ERR_CONFLICT: username or e-mail exist. The id and times must be set.
int user_insert(struct tx *tx, const struct user_row *user, struct err *err);
// Everything but id, last_login and created_at. ERR_NOT_FOUND.
int user_save(struct tx *tx, const struct user_row *user, struct err *err);
int user_remove(struct tx *tx, struct str id, struct err *err); // the row alone
// ERR_NOT_FOUND.
int user_set_password(struct tx *tx, struct str id, struct str password_hash, int64_t now, struct err *err);
int user_set_active(struct tx *tx, struct str id, bool active, int64_t now, struct err *err);
int user_set_last_login(struct tx *tx, struct str id, int64_t now, struct err *err);
int user_list(struct tx *tx, struct arena *arena, struct user_row **ret, size_t *ret_n, struct err *err);
// 1 for the one user who claims it, for ever.
int user_claim_first(struct tx *tx, struct str id, struct err *err);

// Super_admins that are active, but for this one. Whoever counts them first waits for the others who do.
int super_admins_besides(struct tx *tx, struct str id, int64_t *ret, struct err *err);

enum user_sort { USERS_BY_CREATED, USERS_BY_USERNAME, USERS_BY_EMAIL, USERS_BY_LOGIN };
struct user_query {
    struct str role, q; // STR_NULL: any; `q` folded
    int active;         // -1: any
    enum user_sort sort;
    bool descending;
    int64_t limit, offset;
};
struct user_entry {                     // a line of a list
    struct user_row user;               // active: in the brand, where one was asked about
    struct str brand, brand_name, role; // the brand asked about, or the user's own or oldest one
};
// Members of the scope's brand, or (scope_installation) all users. *ret_total counts before limit and offset.
int user_page(struct tx *tx, struct arena *arena, const struct user_query *query, struct user_entry **ret,
              size_t *ret_n, int64_t *ret_total, struct err *err);

struct membership {
    struct str brand, brand_name, role;
    bool own; // the user made this brand
};
// In the scope's brand: the role, and whether it counts at present.
int membership_put(struct tx *tx, struct str user_id, struct str role, int64_t now, struct err *err);
int membership_set_active(struct tx *tx, struct str user_id, bool active, struct err *err);
int membership_remove(struct tx *tx, struct str user_id, struct err *err);
// The user's role in the scope's brand: 1 = *ret_role set, 0 = no member, or one that rests (see below).
int membership_role(struct tx *tx, struct arena *arena, struct str user_id, struct str *ret_role, struct err *err);
// The same whether it rests or not. 1, 0.
int membership_get(struct tx *tx, struct arena *arena, struct str user_id, struct membership *ret, bool *ret_active,
                   struct err *err);
// Of brands that are not deleted, oldest first; not those that rest.
int membership_list(struct tx *tx, struct arena *arena, struct str user_id, struct membership **ret, size_t *ret_n,
                    struct err *err);
// Admins of the scope's brand that count, but for this user. Whoever counts them first waits for the others who do.
int brand_admins_besides(struct tx *tx, struct str user_id, int64_t *ret, struct err *err);
// Brands that have other members and, without this user, no admin that counts.
int brands_without_admin(struct tx *tx, struct str user_id, int64_t *ret, struct err *err);

// Invitations into the scope's brand that have expired, with their places.
int invite_purge(struct tx *tx, int64_t now, struct err *err);

// What is left of a user everywhere: memberships end, sign-ins and keys too, chatbots pass to the oldest admin of their
// brand. The row itself is user_remove's.
int user_release(struct tx *tx, struct str id, struct err *err);
// The user's chatbots in the scope's brand alone.
int membership_release(struct tx *tx, struct str user_id, struct err *err);

struct sign_in {
    struct str id, user_id;
    int64_t expires_at;
    bool revoked;
};
// Times are Unix ms.
int sign_in_insert(struct tx *tx, const struct sign_in *sign_in, int64_t now, struct err *err);
int sign_in_get(struct tx *tx, struct arena *arena, struct str id, struct sign_in *ret, struct err *err); // 1, 0
int sign_in_revoke(struct tx *tx, struct str id, int64_t now, struct err *err);
// All of the user's, but for `besides` (STR_NULL: all).
int sign_in_revoke_all(struct tx *tx, struct str user_id, struct str besides, int64_t now, struct err *err);
int sign_in_purge(struct tx *tx, struct str user_id, int64_t now, struct err *err); // those that have expired

struct refresh_token {
    struct str sign_in_id, successor; // successor: hash, STR_NULL while there is none
    int64_t expires_at, used_at;      // used_at 0: not yet
};
// `hash`: SHA-256 of the token, hex.
int refresh_insert(struct tx *tx, const char *hash, struct str sign_in_id, int64_t now, int64_t expires_at,
                   struct err *err);
// 1, 0.
int refresh_get(struct tx *tx, struct arena *arena, const char *hash, struct refresh_token *ret, struct err *err);
// 1, 0: used already.
int refresh_use(struct tx *tx, const char *hash, int64_t now, struct err *err);
int refresh_set_successor(struct tx *tx, const char *hash, const char *successor, struct err *err);

// Sign-in failures of an account and address. `limit_start`: older ones have lapsed.
int login_failures(struct tx *tx, struct str account, struct str address, int64_t limit_start, int64_t *ret_count,
                   int64_t *ret_last, struct err *err);
int login_failed(struct tx *tx, struct str account, struct str address, int64_t limit_start, int64_t now,
                 struct err *err);
int login_succeeded(struct tx *tx, struct str account, struct str address, struct err *err);

// Requests for a new password. `account`: a user's id, or what stands for an address that nobody has.
int reset_count(struct tx *tx, struct str account, int64_t since, int64_t *ret, struct err *err);
int reset_insert(struct tx *tx, const char *hash, struct str account, int64_t now, struct err *err);
int reset_end_all(struct tx *tx, struct str account, int64_t now, struct err *err);
// The account of a token that was made after `since` and has not ended. 1, 0.
int reset_find(struct tx *tx, struct arena *arena, const char *hash, int64_t since, struct str *ret_account,
               struct err *err);
int reset_purge(struct tx *tx, int64_t before, struct err *err);

// Keys by the SHA-256 of the whole key, hex. Revoked and expired ones are not found.
struct key_owner { // exactly one of user and chatbot
    struct str key_id;
    struct str user_id;
    struct str brand, chatbot_id;
    int64_t until; // its last moment; 0: it has none
};
// 1, 0.
int key_find(struct tx *tx, struct arena *arena, const char *hash, int64_t now, struct key_owner *ret, struct err *err);

int user_key_insert(struct tx *tx, struct str user_id, const struct user_key *key, const char *hash, struct err *err);
int user_key_live(struct tx *tx, struct str user_id, int64_t now, int64_t *ret, struct err *err);
// Newest first, expired ones too.
int user_key_list(struct tx *tx, struct arena *arena, struct str user_id, int64_t limit, int64_t offset,
                  struct user_key **ret, size_t *ret_n, int64_t *ret_total, struct err *err);
int user_key_remove(struct tx *tx, struct str user_id, struct str id, struct err *err); // ERR_NOT_FOUND
