// SPDX-License-Identifier: Apache-2.0
#include "store/account.h"

#include "base/id.h"
#include "base/vec.h"
#include "model/text.h"

#include <stdlib.h>

#define USER_COLUMNS                                                                                                   \
    "id, username, email, password_hash, first_name, last_name, super_admin, active, last_login, created_at, "         \
    "updated_at"
STORE_SQL_ALL(users_count, "SELECT COUNT(*) FROM users");
STORE_SQL_ALL(user_get, "SELECT " USER_COLUMNS " FROM users WHERE id = $1");
STORE_SQL_ALL(user_get_by_name, "SELECT " USER_COLUMNS " FROM users WHERE username_fold = $1 OR email_fold = $1");
STORE_SQL_ALL(
    user_row_insert,
    "INSERT INTO users (id, username, username_fold, email, email_fold, password_hash, first_name, last_name, "
    "super_admin, active, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)");
STORE_SQL_ALL(user_password_update, "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1");
STORE_SQL_ALL(user_active_update, "UPDATE users SET active = $2, updated_at = $3 WHERE id = $1");
STORE_SQL_ALL(user_login_update, "UPDATE users SET last_login = $2 WHERE id = $1");
STORE_SQL_ALL(user_all, "SELECT " USER_COLUMNS " FROM users ORDER BY created_at, id");
STORE_SQL(membership_upsert, "INSERT INTO memberships (brand_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) "
                             "ON CONFLICT (brand_id, user_id) DO UPDATE SET role = excluded.role");
STORE_SQL(membership_get, "SELECT role FROM memberships WHERE brand_id = $1 AND user_id = $2");
STORE_SQL_ALL(membership_of_user, "SELECT m.brand_id, b.name, m.role, CASE WHEN b.created_by = $1 THEN 1 ELSE 0 END "
                                  "FROM memberships m JOIN brands b ON b.id = m.brand_id "
                                  "WHERE m.user_id = $1 AND b.deleted_at IS NULL ORDER BY m.created_at, m.brand_id");
STORE_SQL_ALL(sign_in_row_insert, "INSERT INTO sign_ins (id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)");
STORE_SQL_ALL(sign_in_row_get, "SELECT id, user_id, expires_at, revoked_at FROM sign_ins WHERE id = $1");
STORE_SQL_ALL(sign_in_row_revoke, "UPDATE sign_ins SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
STORE_SQL_ALL(sign_in_user_revoke, "UPDATE sign_ins SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL");
STORE_SQL_ALL(refresh_row_insert,
              "INSERT INTO refresh_tokens (hash, sign_in_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)");
STORE_SQL_ALL(refresh_row_get, "SELECT sign_in_id, expires_at, used_at FROM refresh_tokens WHERE hash = $1");
STORE_SQL_ALL(refresh_row_use, "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL");
STORE_SQL_ALL(failures_get,
              "SELECT count, last_at FROM login_failures WHERE account = $1 AND address = $2 AND last_at > $3");
STORE_SQL_ALL(failures_put,
              "INSERT INTO login_failures (account, address, count, first_at, last_at) VALUES ($1, $2, 1, $3, $3) "
              "ON CONFLICT (account, address) DO UPDATE SET count = CASE WHEN login_failures.last_at > $4 THEN "
              "login_failures.count + 1 ELSE 1 END, last_at = excluded.last_at");
STORE_SQL_ALL(failures_clear, "DELETE FROM login_failures WHERE account = $1 AND address = $2");
STORE_SQL_ALL(user_key_find, "SELECT user_id, id FROM user_keys WHERE hash = $1 AND revoked_at IS NULL AND (expires_at "
                             "IS NULL OR expires_at > $2)");
STORE_SQL_ALL(chatbot_key_find,
              "SELECT k.brand_id, k.chatbot_id, k.id FROM places p JOIN api_keys k ON k.brand_id = p.brand_id AND "
              "k.id = p.object_id JOIN chatbots c ON c.brand_id = k.brand_id AND c.id = k.chatbot_id "
              "WHERE p.kind = 'key' AND p.name = $1 AND (k.revoked_at IS NULL OR k.revoked_at > $2) "
              "AND c.deleted_at IS NULL");
STORE_SQL_ALL(user_key_put,
              "INSERT INTO user_keys (id, user_id, name, hash, hint, created_at) VALUES ($1, $2, $3, $4, $5, $6)");

static void load_user(struct rows *rows, struct arena *arena, struct user_row *ret)
{
    *ret = (struct user_row){
        .id = arena_str(arena, rows_str(rows, 0)),
        .username = arena_str(arena, rows_str(rows, 1)),
        .email = arena_str(arena, rows_str(rows, 2)),
        .password_hash = arena_str(arena, rows_str(rows, 3)),
        .first_name = arena_str(arena, rows_str(rows, 4)),
        .last_name = arena_str(arena, rows_str(rows, 5)),
        .super_admin = rows_bool(rows, 6),
        .active = rows_bool(rows, 7),
        .last_login = rows_is_null(rows, 8) ? 0 : rows_int(rows, 8),
        .created_at = rows_int(rows, 9),
        .updated_at = rows_int(rows, 10),
    };
}

static int one_user(struct tx *tx, const struct store_sql *sql, struct str name, struct arena *arena,
                    struct user_row *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql, VALUES(v_str(name)), &rows, err);
    if (rc == 1)
        load_user(rows, arena, ret);
    return rc;
}

int user_count(struct tx *tx, int64_t *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &users_count, NO_VALUES, &rows, err);
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}

int user_by_id(struct tx *tx, struct arena *arena, struct str id, struct user_row *ret, struct err *err)
{
    return one_user(tx, &user_get, id, arena, ret, err);
}

int user_by_name(struct tx *tx, struct arena *arena, struct str folded, struct user_row *ret, struct err *err)
{
    return one_user(tx, &user_get_by_name, folded, arena, ret, err);
}

int user_insert(struct tx *tx, const struct user_row *user, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    return tx_exec(tx, &user_row_insert,
                   VALUES(v_str(user->id), v_str(user->username), v_str(text_fold_case(arena, user->username)),
                          v_str(user->email), v_str(text_fold_case(arena, user->email)), v_str(user->password_hash),
                          v_str(user->first_name.p ? user->first_name : STR("")),
                          v_str(user->last_name.p ? user->last_name : STR("")), v_bool(user->super_admin),
                          v_bool(user->active), v_int(user->created_at)),
                   NULL, err);
}

static int update_user(struct tx *tx, const struct store_sql *sql, struct str id, struct value value, int64_t now,
                       struct err *err)
{
    int64_t changed;
    int rc = tx_exec(tx, sql, VALUES(v_str(id), value, v_int(now)), &changed, err);
    tx_changed(tx, CHANGE_USER, id);
    return rc ? rc : changed ? 0 : err_set(err, ERR_NOT_FOUND, "User not found");
}

int user_set_password(struct tx *tx, struct str id, struct str password_hash, int64_t now, struct err *err)
{
    return update_user(tx, &user_password_update, id, v_str(password_hash), now, err);
}

int user_set_active(struct tx *tx, struct str id, bool active, int64_t now, struct err *err)
{
    return update_user(tx, &user_active_update, id, v_bool(active), now, err);
}

int user_set_last_login(struct tx *tx, struct str id, int64_t now, struct err *err)
{
    return tx_exec(tx, &user_login_update, VALUES(v_str(id), v_int(now)), NULL, err);
}

int user_list(struct tx *tx, struct arena *arena, struct user_row **ret, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct user_row) list = {0};
    int rc = tx_query(tx, &user_all, NO_VALUES, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct user_row user;
        load_user(rows, arena, &user);
        vec_add(&list, user);
        rc = 0;
    }
    *ret = arena_calloc(arena, list.n + 1, sizeof **ret);
    if (list.n)
        memcpy(*ret, list.at, list.n * sizeof **ret);
    *ret_n = list.n;
    vec_done(&list);
    return rc;
}

int membership_put(struct tx *tx, struct str user_id, struct str role, int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_USER, user_id);
    return tx_exec(tx, &membership_upsert, VALUES(v_str(user_id), v_str(role), v_int(now)), NULL, err);
}

int membership_role(struct tx *tx, struct arena *arena, struct str user_id, struct str *ret_role, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &membership_get, VALUES(v_str(user_id)), &rows, err);
    if (rc == 1)
        *ret_role = arena_str(arena, rows_str(rows, 0));
    return rc;
}

int membership_list(struct tx *tx, struct arena *arena, struct str user_id, struct membership **ret, size_t *ret_n,
                    struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct membership) list = {0};
    int rc = tx_query(tx, &membership_of_user, VALUES(v_str(user_id)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        vec_push(&list, arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                 arena_str(arena, rows_str(rows, 2)), rows_bool(rows, 3));
        rc = 0;
    }
    *ret = arena_calloc(arena, list.n + 1, sizeof **ret);
    if (list.n)
        memcpy(*ret, list.at, list.n * sizeof **ret);
    *ret_n = list.n;
    vec_done(&list);
    return rc;
}

int sign_in_insert(struct tx *tx, const struct sign_in *sign_in, int64_t now, struct err *err)
{
    return tx_exec(tx, &sign_in_row_insert,
                   VALUES(v_str(sign_in->id), v_str(sign_in->user_id), v_int(now), v_int(sign_in->expires_at)), NULL,
                   err);
}

int sign_in_get(struct tx *tx, struct arena *arena, struct str id, struct sign_in *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &sign_in_row_get, VALUES(v_str(id)), &rows, err);
    if (rc == 1)
        *ret = (struct sign_in){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                                rows_int(rows, 2), !rows_is_null(rows, 3)};
    return rc;
}

int sign_in_revoke(struct tx *tx, struct str id, int64_t now, struct err *err)
{
    return tx_exec(tx, &sign_in_row_revoke, VALUES(v_str(id), v_int(now)), NULL, err);
}

int sign_in_revoke_all(struct tx *tx, struct str user_id, int64_t now, struct err *err)
{
    return tx_exec(tx, &sign_in_user_revoke, VALUES(v_str(user_id), v_int(now)), NULL, err);
}

int refresh_insert(struct tx *tx, const char *hash, struct str sign_in_id, int64_t now, int64_t expires_at,
                   struct err *err)
{
    return tx_exec(tx, &refresh_row_insert, VALUES(v_cstr(hash), v_str(sign_in_id), v_int(now), v_int(expires_at)),
                   NULL, err);
}

int refresh_get(struct tx *tx, struct arena *arena, const char *hash, struct refresh_token *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &refresh_row_get, VALUES(v_cstr(hash)), &rows, err);
    if (rc == 1)
        *ret = (struct refresh_token){arena_str(arena, rows_str(rows, 0)), rows_int(rows, 1), !rows_is_null(rows, 2)};
    return rc;
}

int refresh_use(struct tx *tx, const char *hash, int64_t now, struct err *err)
{
    int64_t changed;
    int rc = tx_exec(tx, &refresh_row_use, VALUES(v_cstr(hash), v_int(now)), &changed, err);
    return rc ? rc : changed ? 0 : err_set(err, ERR_CONFLICT, "the token was used already");
}

int login_failures(struct tx *tx, struct str account, struct str address, int64_t limit_start, int64_t *ret_count,
                   int64_t *ret_last, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &failures_get, VALUES(v_str(account), v_str(address), v_int(limit_start)), &rows, err);
    *ret_count = rc == 1 ? rows_int(rows, 0) : 0;
    *ret_last = rc == 1 ? rows_int(rows, 1) : 0;
    return rc < 0 ? rc : 0;
}

int login_failed(struct tx *tx, struct str account, struct str address, int64_t limit_start, int64_t now,
                 struct err *err)
{
    return tx_exec(tx, &failures_put, VALUES(v_str(account), v_str(address), v_int(now), v_int(limit_start)), NULL,
                   err);
}

int login_succeeded(struct tx *tx, struct str account, struct str address, struct err *err)
{
    return tx_exec(tx, &failures_clear, VALUES(v_str(account), v_str(address)), NULL, err);
}

int key_find(struct tx *tx, struct arena *arena, const char *hash, int64_t now, struct key_owner *ret, struct err *err)
{
    AUTO_ROWS struct rows *user = NULL, *chatbot = NULL;
    *ret = (struct key_owner){0};
    int rc = tx_query_one(tx, &user_key_find, VALUES(v_cstr(hash), v_int(now)), &user, err);
    if (rc == 1) {
        ret->user_id = arena_str(arena, rows_str(user, 0));
        ret->key_id = arena_str(arena, rows_str(user, 1));
    }
    if (rc != 0)
        return rc;
    rc = tx_query_one(tx, &chatbot_key_find, VALUES(v_cstr(hash), v_int(now)), &chatbot, err);
    if (rc == 1) {
        ret->brand = arena_str(arena, rows_str(chatbot, 0));
        ret->chatbot_id = arena_str(arena, rows_str(chatbot, 1));
        ret->key_id = arena_str(arena, rows_str(chatbot, 2));
    }
    return rc;
}

int user_key_insert(struct tx *tx, struct str user_id, struct str name, const char *hash, struct str hint, int64_t now,
                    struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    return tx_exec(tx, &user_key_put,
                   VALUES(v_cstr(id), v_str(user_id), v_str(name), v_cstr(hash), v_str(hint), v_int(now)), NULL, err);
}
