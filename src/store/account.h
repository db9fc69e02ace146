// SPDX-License-Identifier: Apache-2.0
// Users, their memberships and sign-ins, and the keys that stand for users and chatbots. Tables of the installation but
// for memberships and chatbot keys.
#pragma once

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
// ERR_CONFLICT: username or e-mail exist. The id and times must be set.
int user_insert(struct tx *tx, const struct user_row *user, struct err *err);
// ERR_NOT_FOUND.
int user_set_password(struct tx *tx, struct str id, struct str password_hash, int64_t now, struct err *err);
int user_set_active(struct tx *tx, struct str id, bool active, int64_t now, struct err *err);
int user_set_last_login(struct tx *tx, struct str id, int64_t now, struct err *err);
int user_list(struct tx *tx, struct arena *arena, struct user_row **ret, size_t *ret_n, struct err *err);

struct membership {
    struct str brand, brand_name, role;
    bool own; // the user made this brand
};
int membership_put(struct tx *tx, struct str user_id, struct str role, int64_t now, struct err *err); // scope's brand
// The user's role in the scope's brand: 1 = *ret_role set, 0 = no member.
int membership_role(struct tx *tx, struct arena *arena, struct str user_id, struct str *ret_role, struct err *err);
// Of brands that are not deleted, oldest first.
int membership_list(struct tx *tx, struct arena *arena, struct str user_id, struct membership **ret, size_t *ret_n,
                    struct err *err);

struct sign_in {
    struct str id, user_id;
    int64_t expires_at;
    bool revoked;
};
// Times are Unix ms.
int sign_in_insert(struct tx *tx, const struct sign_in *sign_in, int64_t now, struct err *err);
int sign_in_get(struct tx *tx, struct arena *arena, struct str id, struct sign_in *ret, struct err *err); // 1, 0
int sign_in_revoke(struct tx *tx, struct str id, int64_t now, struct err *err);
int sign_in_revoke_all(struct tx *tx, struct str user_id, int64_t now, struct err *err);

struct refresh_token {
    struct str sign_in_id;
    int64_t expires_at;
    bool used;
};
// `hash`: SHA-256 of the token, hex.
int refresh_insert(struct tx *tx, const char *hash, struct str sign_in_id, int64_t now, int64_t expires_at,
                   struct err *err);
// 1, 0.
int refresh_get(struct tx *tx, struct arena *arena, const char *hash, struct refresh_token *ret, struct err *err);
int refresh_use(struct tx *tx, const char *hash, int64_t now, struct err *err); // ERR_CONFLICT: used already

// Sign-in failures of an account and address. `limit_start`: older ones have lapsed.
int login_failures(struct tx *tx, struct str account, struct str address, int64_t limit_start, int64_t *ret_count,
                   int64_t *ret_last, struct err *err);
int login_failed(struct tx *tx, struct str account, struct str address, int64_t limit_start, int64_t now,
                 struct err *err);
int login_succeeded(struct tx *tx, struct str account, struct str address, struct err *err);

// Keys by the SHA-256 of the whole key, hex. Revoked and expired ones are not found.
struct key_owner { // exactly one of user and chatbot
    struct str key_id;
    struct str user_id;
    struct str brand, chatbot_id;
};
// 1, 0.
int key_find(struct tx *tx, struct arena *arena, const char *hash, int64_t now, struct key_owner *ret, struct err *err);
int user_key_insert(struct tx *tx, struct str user_id, struct str name, const char *hash, struct str hint, int64_t now,
                    struct err *err);
