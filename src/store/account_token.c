// SPDX-License-Identifier: Apache-2.0
// What opens an account: sign-ins with their refresh tokens, failures, password resets, keys.
#include "store/account.h"
#include "store/ids.h"

STORE_SQL_ALL(sign_in_row_insert, "INSERT INTO sign_ins (id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)");
STORE_SQL_ALL(sign_in_row_get, "SELECT id, user_id, expires_at, revoked_at FROM sign_ins WHERE id = $1");
STORE_SQL_ALL(sign_in_row_revoke, "UPDATE sign_ins SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
STORE_SQL_ALL(sign_in_user_revoke,
              "UPDATE sign_ins SET revoked_at = $3 WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL");
STORE_SQL_ALL(refresh_purge, "DELETE FROM refresh_tokens WHERE sign_in_id IN (SELECT id FROM sign_ins WHERE user_id = "
                             "$1 AND expires_at <= $2)");
STORE_SQL_ALL(sign_in_row_purge, "DELETE FROM sign_ins WHERE user_id = $1 AND expires_at <= $2");
STORE_SQL_ALL(refresh_row_insert,
              "INSERT INTO refresh_tokens (hash, sign_in_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)");
STORE_SQL_ALL(refresh_row_get, "SELECT sign_in_id, successor, expires_at, used_at FROM refresh_tokens WHERE hash = $1");
STORE_SQL_ALL(refresh_row_use, "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL");
STORE_SQL_ALL(refresh_row_succeed, "UPDATE refresh_tokens SET successor = $2 WHERE hash = $1");
STORE_SQL_ALL(failures_get,
              "SELECT count, last_at FROM login_failures WHERE account = $1 AND address = $2 AND last_at > $3");
STORE_SQL_ALL(failures_put,
              "INSERT INTO login_failures (account, address, count, first_at, last_at) VALUES ($1, $2, 1, $3, $3) "
              "ON CONFLICT (account, address) DO UPDATE SET count = CASE WHEN login_failures.last_at > $4 THEN "
              "login_failures.count + 1 ELSE 1 END, last_at = excluded.last_at");
STORE_SQL_ALL(failures_clear, "DELETE FROM login_failures WHERE account = $1 AND address = $2");
STORE_SQL_ALL(failures_purge, "DELETE FROM login_failures WHERE last_at <= $1");
STORE_SQL_ALL(resets_count, "SELECT COUNT(*) FROM password_resets WHERE account = $1 AND created_at > $2");
STORE_SQL_ALL(reset_row_insert, "INSERT INTO password_resets (hash, account, created_at) VALUES ($1, $2, $3)");
STORE_SQL_ALL(reset_account_end, "UPDATE password_resets SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL");
STORE_SQL_ALL(reset_row_find,
              "SELECT account FROM password_resets WHERE hash = $1 AND created_at > $2 AND ended_at IS NULL");
STORE_SQL_ALL(resets_purge, "DELETE FROM password_resets WHERE created_at <= $1");
STORE_SQL_ALL(user_key_find, "SELECT user_id, id, expires_at FROM user_keys WHERE hash = $1 AND revoked_at IS NULL AND "
                             "(expires_at IS NULL OR expires_at > $2)");
STORE_SQL_ALL(
    chatbot_key_find,
    "SELECT k.brand_id, k.chatbot_id, k.id, k.revoked_at FROM places p JOIN api_keys k ON k.brand_id = p.brand_id AND "
    "k.id = p.object_id JOIN chatbots c ON c.brand_id = k.brand_id AND c.id = k.chatbot_id "
    "WHERE p.kind = 'key' AND p.name = $1 AND (k.revoked_at IS NULL OR k.revoked_at > $2) "
    "AND c.deleted_at IS NULL");
STORE_SQL_ALL(user_key_put, "INSERT INTO user_keys (id, user_id, name, hash, hint, created_at, expires_at) "
                            "VALUES ($1, $2, $3, $4, $5, $6, $7)");
STORE_SQL_ALL(user_keys_live, "SELECT COUNT(*) FROM user_keys WHERE user_id = $1 AND revoked_at IS NULL AND "
                              "(expires_at IS NULL OR expires_at > $2)");
STORE_SQL_ALL(user_keys_count, "SELECT COUNT(*) FROM user_keys WHERE user_id = $1 AND revoked_at IS NULL");
STORE_SQL_ALL(user_keys_page, "SELECT id, name, hint, created_at, expires_at FROM user_keys WHERE user_id = $1 AND "
                              "revoked_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3");
STORE_SQL_ALL(user_key_delete, "DELETE FROM user_keys WHERE user_id = $1 AND id = $2");

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
    tx_changed(tx, CHANGE_KEY, id);
    return tx_exec(tx, &sign_in_row_revoke, VALUES(v_str(id), v_int(now)), NULL, err);
}

int sign_in_revoke_all(struct tx *tx, struct str user_id, struct str besides, int64_t now, struct err *err)
{
    struct value but = v_str(besides.p ? besides : STR(""));
    tx_changed(tx, CHANGE_KEY, user_id);
    return tx_exec(tx, &sign_in_user_revoke, VALUES(v_str(user_id), but, v_int(now)), NULL, err);
}

int sign_in_purge(struct tx *tx, struct str user_id, int64_t now, struct err *err)
{
    int rc = tx_exec(tx, &refresh_purge, VALUES(v_str(user_id), v_int(now)), NULL, err);
    return rc ? rc : tx_exec(tx, &sign_in_row_purge, VALUES(v_str(user_id), v_int(now)), NULL, err);
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
        *ret = (struct refresh_token){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1)),
                                      rows_int(rows, 2), rows_is_null(rows, 3) ? 0 : rows_int(rows, 3)};
    return rc;
}

int refresh_use(struct tx *tx, const char *hash, int64_t now, struct err *err)
{
    int64_t changed = 0;
    int rc = tx_exec(tx, &refresh_row_use, VALUES(v_cstr(hash), v_int(now)), &changed, err);
    return rc ? rc : changed > 0;
}

int refresh_set_successor(struct tx *tx, const char *hash, const char *successor, struct err *err)
{
    return tx_exec(tx, &refresh_row_succeed, VALUES(v_cstr(hash), v_cstr(successor)), NULL, err);
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
    int rc = tx_exec(tx, &failures_purge, VALUES(v_int(limit_start)), NULL, err);
    return rc ? rc
              : tx_exec(tx, &failures_put, VALUES(v_str(account), v_str(address), v_int(now), v_int(limit_start)), NULL,
                        err);
}

int login_succeeded(struct tx *tx, struct str account, struct str address, struct err *err)
{
    return tx_exec(tx, &failures_clear, VALUES(v_str(account), v_str(address)), NULL, err);
}

int reset_count(struct tx *tx, struct str account, int64_t since, int64_t *ret, struct err *err)
{
    return count_query(tx, &resets_count, VALUES(v_str(account), v_int(since)), ret, err);
}

int reset_insert(struct tx *tx, const char *hash, struct str account, int64_t now, struct err *err)
{
    return tx_exec(tx, &reset_row_insert, VALUES(v_cstr(hash), v_str(account), v_int(now)), NULL, err);
}

int reset_end_all(struct tx *tx, struct str account, int64_t now, struct err *err)
{
    return tx_exec(tx, &reset_account_end, VALUES(v_str(account), v_int(now)), NULL, err);
}

int reset_find(struct tx *tx, struct arena *arena, const char *hash, int64_t since, struct str *ret_account,
               struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &reset_row_find, VALUES(v_cstr(hash), v_int(since)), &rows, err);
    if (rc == 1)
        *ret_account = arena_str(arena, rows_str(rows, 0));
    return rc;
}

int reset_purge(struct tx *tx, int64_t before, struct err *err)
{
    return tx_exec(tx, &resets_purge, VALUES(v_int(before)), NULL, err);
}

int key_find(struct tx *tx, struct arena *arena, const char *hash, int64_t now, struct key_owner *ret, struct err *err)
{
    AUTO_ROWS struct rows *user = NULL, *chatbot = NULL;
    *ret = (struct key_owner){0};
    int rc = tx_query_one(tx, &user_key_find, VALUES(v_cstr(hash), v_int(now)), &user, err);
    if (rc == 1) {
        ret->user_id = arena_str(arena, rows_str(user, 0));
        ret->key_id = arena_str(arena, rows_str(user, 1));
        ret->until = rows_is_null(user, 2) ? 0 : rows_int(user, 2);
    }
    if (rc != 0)
        return rc;
    rc = tx_query_one(tx, &chatbot_key_find, VALUES(v_cstr(hash), v_int(now)), &chatbot, err);
    if (rc == 1) {
        ret->brand = arena_str(arena, rows_str(chatbot, 0));
        ret->chatbot_id = arena_str(arena, rows_str(chatbot, 1));
        ret->key_id = arena_str(arena, rows_str(chatbot, 2));
        ret->until = rows_is_null(chatbot, 3) ? 0 : rows_int(chatbot, 3);
    }
    return rc;
}

int user_key_insert(struct tx *tx, struct str user_id, const struct user_key *key, const char *hash, struct err *err)
{
    bool ends = model_has(&user_key_model, key, "expiresAt");
    return tx_exec(tx, &user_key_put,
                   VALUES(v_str(key->id), v_str(user_id), v_str(key->name), v_cstr(hash), v_str(key->hint),
                          v_int(key->created_at), ends ? v_int(key->expires_at) : v_null()),
                   NULL, err);
}

int user_key_live(struct tx *tx, struct str user_id, int64_t now, int64_t *ret, struct err *err)
{
    return count_query(tx, &user_keys_live, VALUES(v_str(user_id), v_int(now)), ret, err);
}

int user_key_list(struct tx *tx, struct arena *arena, struct str user_id, int64_t limit, int64_t offset,
                  struct user_key **ret, size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = count_query(tx, &user_keys_count, VALUES(v_str(user_id)), ret_total, err);
    *ret = arena_calloc(arena, (size_t)limit + 1, sizeof **ret);
    *ret_n = 0;
    rc = rc ? rc : tx_query(tx, &user_keys_page, VALUES(v_str(user_id), v_int(limit), v_int(offset)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct user_key *key = &(*ret)[(*ret_n)++];
        key->id = arena_str(arena, rows_str(rows, 0));
        key->name = arena_str(arena, rows_str(rows, 1));
        key->hint = arena_str(arena, rows_str(rows, 2));
        key->created_at = rows_int(rows, 3);
        key->expires_at = rows_is_null(rows, 4) ? 0 : rows_int(rows, 4);
        key->set = (UINT64_C(1) << user_key_model.n) - 1;
        model_mark(&user_key_model, key, "apiKey", false);
        model_mark(&user_key_model, key, "expiresAt", key->expires_at);
        rc = 0;
    }
    return rc;
}

int user_key_remove(struct tx *tx, struct str user_id, struct str id, struct err *err)
{
    int64_t changed = 0;
    tx_changed(tx, CHANGE_KEY, user_id);
    int rc = tx_exec(tx, &user_key_delete, VALUES(v_str(user_id), v_str(id)), &changed, err);
    return rc ? rc : changed ? 0 : err_set(err, ERR_NOT_FOUND, "Not found");
}
