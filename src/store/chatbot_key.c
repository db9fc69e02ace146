// SPDX-License-Identifier: Apache-2.0
#include "store/chatbot_key.h"

#include "base/id.h"

STORE_SQL(chatbot_key_put,
          "INSERT INTO api_keys (brand_id, id, chatbot_id, name, is_primary, hash, hint, created_by, created_at) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
STORE_SQL(chatbot_key_hint_of, "SELECT hint FROM api_keys WHERE brand_id = $1 AND chatbot_id = $2 AND is_primary = 1 "
                               "AND revoked_at IS NULL");
STORE_SQL(chatbot_key_end,
          "UPDATE api_keys SET is_primary = 0, revoked_at = $3 WHERE brand_id = $1 AND chatbot_id = $2 "
          "AND is_primary = 1 AND revoked_at IS NULL");
STORE_SQL(chatbot_keys_end_all, "UPDATE api_keys SET is_primary = 0, revoked_at = $3 WHERE brand_id = $1 AND "
                                "chatbot_id = $2 AND (revoked_at IS NULL OR revoked_at > $3)");
STORE_SQL(old_publishable_put,
          "INSERT INTO old_publishable_keys (brand_id, key, chatbot_id, valid_until) VALUES ($1, $2, $3, $4)");
STORE_SQL(old_publishable_places, "DELETE FROM places WHERE brand_id = $1 AND kind = 'publishable' AND name IN (SELECT "
                                  "key FROM old_publishable_keys WHERE brand_id = $1 AND chatbot_id = $2 AND "
                                  "valid_until <= $3)");
STORE_SQL(old_publishable_drop,
          "DELETE FROM old_publishable_keys WHERE brand_id = $1 AND chatbot_id = $2 AND valid_until <= $3");
STORE_SQL_ALL(publishable_find,
              "SELECT p.brand_id, p.object_id FROM places p JOIN chatbots c ON c.brand_id = p.brand_id AND "
              "c.id = p.object_id LEFT JOIN old_publishable_keys o ON o.brand_id = p.brand_id AND o.key = p.name "
              "WHERE p.kind = 'publishable' AND p.name = $1 AND c.deleted_at IS NULL AND "
              "(o.valid_until IS NULL OR o.valid_until > $2)");

void chatbot_key_make(char out[CHATBOT_KEY_SIZE])
{
    memcpy(out, "ck_", 3);
    id_random(out + 3, 40, ID_ALNUM);
}

struct str chatbot_key_hint(struct str key)
{
    return key.n < KEY_HINT ? key : (struct str){key.p + key.n - KEY_HINT, KEY_HINT};
}

int chatbot_key_insert(struct tx *tx, struct str chatbot_id, struct str name, bool primary, const char *hash,
                       struct str hint, int64_t now, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    struct str maker = tx_scope(tx)->actor_kind == ACTOR_USER ? tx_scope(tx)->actor : STR_NULL;
    int rc = tx_exec(tx, &chatbot_key_put,
                     VALUES(v_cstr(id), v_str(chatbot_id), v_str(name), v_bool(primary), v_cstr(hash), v_str(hint),
                            v_str(maker), v_int(now)),
                     NULL, err);
    return rc ? rc : place_add(tx, "key", str_from(hash), str_from(id), err);
}

int chatbot_key_primary(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str *ret_hint,
                        struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &chatbot_key_hint_of, VALUES(v_str(chatbot_id)), &rows, err);
    *ret_hint = rc == 1 ? arena_str(arena, rows_str(rows, 0)) : STR_NULL;
    return rc < 0 ? rc : 0;
}

int chatbot_keys_end(struct tx *tx, struct str chatbot_id, bool all, int64_t until, struct err *err)
{
    tx_changed(tx, CHANGE_KEY, chatbot_id);
    return tx_exec(tx, all ? &chatbot_keys_end_all : &chatbot_key_end, VALUES(v_str(chatbot_id), v_int(until)), NULL,
                   err);
}

void publishable_key_make(char out[PUBLISHABLE_KEY_SIZE])
{
    memcpy(out, "pk_", 3);
    id_random(out + 3, 24, ID_ALNUM);
}

int publishable_key_replace(struct tx *tx, struct str chatbot_id, struct str old, struct str key, int64_t now,
                            int64_t until, struct err *err)
{
    int rc = tx_exec(tx, &old_publishable_places, VALUES(v_str(chatbot_id), v_int(now)), NULL, err);
    rc = rc ? rc : tx_exec(tx, &old_publishable_drop, VALUES(v_str(chatbot_id), v_int(now)), NULL, err);
    if (!rc && old.n)
        rc = tx_exec(tx, &old_publishable_put, VALUES(v_str(old), v_str(chatbot_id), v_int(until)), NULL, err);
    return rc ? rc : place_add(tx, "publishable", key, chatbot_id, err);
}

int publishable_key_find(struct tx *tx, struct arena *arena, struct str key, int64_t now, struct place *ret,
                         struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &publishable_find, VALUES(v_str(key), v_int(now)), &rows, err);
    if (rc == 1)
        *ret = (struct place){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1))};
    return rc;
}
