// SPDX-License-Identifier: Apache-2.0
#include "store/account.h"
#include "store/ids.h"

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
STORE_SQL_ALL(user_get_by_email, "SELECT " USER_COLUMNS " FROM users WHERE email_fold = $1");
STORE_SQL_ALL(user_names_find, "SELECT 1 FROM users WHERE id <> $3 AND (username_fold = $1 OR username_fold = $2 OR "
                               "email_fold = $1 OR email_fold = $2) LIMIT 1");
STORE_SQL_ALL(user_row_update,
              "UPDATE users SET username = $2, username_fold = $3, email = $4, email_fold = $5, password_hash = $6, "
              "first_name = $7, last_name = $8, super_admin = $9, active = $10, updated_at = $11 WHERE id = $1");
STORE_SQL_ALL(user_row_delete, "DELETE FROM users WHERE id = $1");
STORE_SQL_ALL(user_first_claim,
              "INSERT INTO facts (name, value) VALUES ('first_user', $1) ON CONFLICT (name) DO NOTHING");
STORE_SQL_ALL(super_admins_lock, "UPDATE users SET super_admin = 1 WHERE super_admin = 1");
STORE_SQL_ALL(super_admins_count, "SELECT COUNT(*) FROM users WHERE super_admin = 1 AND active = 1 AND id <> $1");
STORE_SQL_ALL(user_password_update, "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1");
STORE_SQL_ALL(user_active_update, "UPDATE users SET active = $2, updated_at = $3 WHERE id = $1");
STORE_SQL_ALL(user_login_update, "UPDATE users SET last_login = $2 WHERE id = $1");
STORE_SQL_ALL(user_all, "SELECT " USER_COLUMNS " FROM users ORDER BY created_at, id");
STORE_SQL(membership_upsert, "INSERT INTO memberships (brand_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) "
                             "ON CONFLICT (brand_id, user_id) DO UPDATE SET role = excluded.role");
STORE_SQL(membership_role_get, "SELECT role FROM memberships WHERE brand_id = $1 AND user_id = $2 AND active = 1");
STORE_SQL(membership_row_get,
          "SELECT m.brand_id, b.name, m.role, CASE WHEN b.created_by = $2 THEN 1 ELSE 0 END, m.active FROM "
          "memberships m JOIN brands b ON b.id = m.brand_id WHERE m.brand_id = $1 AND m.user_id = $2");
STORE_SQL(membership_active_update, "UPDATE memberships SET active = $3 WHERE brand_id = $1 AND user_id = $2");
STORE_SQL(membership_delete, "DELETE FROM memberships WHERE brand_id = $1 AND user_id = $2");
STORE_SQL(brand_admins_lock, "UPDATE brands SET name = name WHERE id = $1");
STORE_SQL(brand_admins_count,
          "SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.brand_id = $1 AND "
          "m.user_id <> $2 AND m.role = 'admin' AND m.active = 1 AND u.active = 1");
STORE_SQL_ALL(brands_of_user_lock,
              "UPDATE brands SET name = name WHERE id IN (SELECT brand_id FROM memberships WHERE user_id = $1)");
// A brand in which the user is admin, with another member but no other admin; the user's own brand may be left empty.
STORE_SQL_ALL(brands_orphaned,
              "SELECT COUNT(*) FROM memberships m JOIN brands b ON b.id = m.brand_id WHERE m.user_id = $1 AND "
              "m.role = 'admin' AND m.active = 1 AND b.deleted_at IS NULL AND (b.created_by IS NULL OR "
              "b.created_by <> $1 OR EXISTS (SELECT 1 FROM memberships o WHERE o.brand_id = m.brand_id AND "
              "o.user_id <> $1)) AND NOT EXISTS (SELECT 1 FROM memberships a JOIN users u ON u.id = a.user_id "
              "WHERE a.brand_id = m.brand_id AND a.user_id <> $1 AND a.role = 'admin' AND a.active = 1 AND "
              "u.active = 1)");
#define HEIR                                                                                                           \
    "(SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.brand_id = chatbots.brand_id AND "  \
    "m.user_id <> "
#define HEIR_ENDS " AND m.role = 'admin' AND m.active = 1 AND u.active = 1 ORDER BY m.created_at, m.user_id LIMIT 1)"
STORE_SQL(chatbots_hand_over,
          "UPDATE chatbots SET created_by = " HEIR "$2" HEIR_ENDS " WHERE brand_id = $1 AND created_by = $2");
STORE_SQL_ALL(chatbots_hand_over_all, "UPDATE chatbots SET created_by = " HEIR "$1" HEIR_ENDS " WHERE created_by = $1");
STORE_SQL(invite_places_purge,
          "DELETE FROM places WHERE brand_id = $1 AND kind IN ('invite', 'invite-token') AND object_id IN (SELECT id "
          "FROM invites WHERE brand_id = $1 AND expires_at <= $2)");
STORE_SQL(invites_purge, "DELETE FROM invites WHERE brand_id = $1 AND expires_at <= $2");
STORE_SQL_ALL(user_memberships_delete, "DELETE FROM memberships WHERE user_id = $1");
STORE_SQL_ALL(user_refresh_delete,
              "DELETE FROM refresh_tokens WHERE sign_in_id IN (SELECT id FROM sign_ins WHERE user_id = $1)");
STORE_SQL_ALL(user_sign_ins_delete, "DELETE FROM sign_ins WHERE user_id = $1");
STORE_SQL_ALL(user_keys_delete, "DELETE FROM user_keys WHERE user_id = $1");
STORE_SQL_ALL(user_resets_delete, "DELETE FROM password_resets WHERE account = $1");
STORE_SQL_ALL(user_failures_delete, "DELETE FROM login_failures WHERE account = $1");
STORE_SQL_ALL(membership_of_user,
              "SELECT m.brand_id, b.name, m.role, CASE WHEN b.created_by = $1 THEN 1 ELSE 0 END "
              "FROM memberships m JOIN brands b ON b.id = m.brand_id "
              "WHERE m.user_id = $1 AND m.active = 1 AND b.deleted_at IS NULL ORDER BY m.created_at, m.brand_id");

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

int user_by_email(struct tx *tx, struct arena *arena, struct str folded, struct user_row *ret, struct err *err)
{
    return one_user(tx, &user_get_by_email, folded, arena, ret, err);
}

int user_names_taken(struct tx *tx, struct str username, struct str email, struct str id, bool *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct arena *arena = tx_arena(tx);
    int rc = tx_query_one(
        tx, &user_names_find,
        VALUES(v_str(text_fold_case(arena, username)), v_str(text_fold_case(arena, email)), v_str(id.p ? id : STR(""))),
        &rows, err);
    *ret = rc == 1;
    return rc < 0 ? rc : 0;
}

int user_claim_first(struct tx *tx, struct str id, struct err *err)
{
    int64_t changed = 0;
    int rc = tx_exec(tx, &user_first_claim, VALUES(v_str(id)), &changed, err);
    return rc ? rc : changed > 0;
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

int user_save(struct tx *tx, const struct user_row *user, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    int64_t changed = 0;
    tx_changed(tx, CHANGE_USER, user->id);
    int rc = tx_exec(tx, &user_row_update,
                     VALUES(v_str(user->id), v_str(user->username), v_str(text_fold_case(arena, user->username)),
                            v_str(user->email), v_str(text_fold_case(arena, user->email)), v_str(user->password_hash),
                            v_str(user->first_name), v_str(user->last_name), v_bool(user->super_admin),
                            v_bool(user->active), v_int(user->updated_at)),
                     &changed, err);
    return rc ? rc : changed ? 0 : err_set(err, ERR_NOT_FOUND, "User not found");
}

int user_remove(struct tx *tx, struct str id, struct err *err)
{
    tx_changed(tx, CHANGE_USER, id);
    return tx_exec(tx, &user_row_delete, VALUES(v_str(id)), NULL, err);
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
    vec_give(&list, arena, ret, ret_n);
    return rc;
}

int membership_put(struct tx *tx, struct str user_id, struct str role, int64_t now, struct err *err)
{
    tx_changed(tx, CHANGE_USER, user_id);
    return tx_exec(tx, &membership_upsert, VALUES(v_str(user_id), v_str(role), v_int(now)), NULL, err);
}

int membership_set_active(struct tx *tx, struct str user_id, bool active, struct err *err)
{
    tx_changed(tx, CHANGE_USER, user_id);
    return tx_exec(tx, &membership_active_update, VALUES(v_str(user_id), v_bool(active)), NULL, err);
}

int membership_remove(struct tx *tx, struct str user_id, struct err *err)
{
    tx_changed(tx, CHANGE_USER, user_id);
    return tx_exec(tx, &membership_delete, VALUES(v_str(user_id)), NULL, err);
}

static struct membership load_membership(struct rows *rows, struct arena *arena)
{
    return (struct membership){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                               arena_str(arena, rows_str(rows, 2)), rows_bool(rows, 3)};
}

int membership_get(struct tx *tx, struct arena *arena, struct str user_id, struct membership *ret, bool *ret_active,
                   struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &membership_row_get, VALUES(v_str(user_id)), &rows, err);
    if (rc == 1) {
        *ret = load_membership(rows, arena);
        *ret_active = rows_bool(rows, 4);
    }
    return rc;
}

int membership_role(struct tx *tx, struct arena *arena, struct str user_id, struct str *ret_role, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &membership_role_get, VALUES(v_str(user_id)), &rows, err);
    if (rc == 1)
        *ret_role = arena_str(arena, rows_str(rows, 0));
    return rc;
}

static int count_after(struct tx *tx, const struct store_sql *lock, const struct value *lock_args, size_t n_lock,
                       const struct store_sql *sql, struct str user_id, int64_t *ret, struct err *err)
{
    int rc = tx_exec(tx, lock, lock_args, n_lock, NULL, err);
    return rc ? rc : count_query(tx, sql, VALUES(v_str(user_id)), ret, err);
}

int super_admins_besides(struct tx *tx, struct str id, int64_t *ret, struct err *err)
{
    return count_after(tx, &super_admins_lock, NO_VALUES, &super_admins_count, id, ret, err);
}

int brand_admins_besides(struct tx *tx, struct str user_id, int64_t *ret, struct err *err)
{
    return count_after(tx, &brand_admins_lock, NO_VALUES, &brand_admins_count, user_id, ret, err);
}

int brands_without_admin(struct tx *tx, struct str user_id, int64_t *ret, struct err *err)
{
    return count_after(tx, &brands_of_user_lock, VALUES(v_str(user_id)), &brands_orphaned, user_id, ret, err);
}

int invite_purge(struct tx *tx, int64_t now, struct err *err)
{
    int rc = tx_exec(tx, &invite_places_purge, VALUES(v_int(now)), NULL, err);
    return rc ? rc : tx_exec(tx, &invites_purge, VALUES(v_int(now)), NULL, err);
}

int membership_release(struct tx *tx, struct str user_id, struct err *err)
{
    tx_changed(tx, CHANGE_CHATBOT, STR_NULL);
    return tx_exec(tx, &chatbots_hand_over, VALUES(v_str(user_id)), NULL, err);
}

int user_release(struct tx *tx, struct str id, struct err *err)
{
    static const struct store_sql *const parts[] = {
        &chatbots_hand_over_all, &user_memberships_delete, &user_refresh_delete,  &user_sign_ins_delete,
        &user_keys_delete,       &user_resets_delete,      &user_failures_delete,
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !rc; i++)
        rc = tx_exec(tx, parts[i], VALUES(v_str(id)), NULL, err);
    return rc;
}

int membership_list(struct tx *tx, struct arena *arena, struct str user_id, struct membership **ret, size_t *ret_n,
                    struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct membership) list = {0};
    int rc = tx_query(tx, &membership_of_user, VALUES(v_str(user_id)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct membership one = load_membership(rows, arena);
        vec_add(&list, one);
        rc = 0;
    }
    vec_give(&list, arena, ret, ret_n);
    return rc;
}
