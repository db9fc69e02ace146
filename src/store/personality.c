// SPDX-License-Identifier: Apache-2.0
#include "store/personality.h"

#include "store/crud.h"

STORE_SQL(personality_default_id,
          "SELECT id FROM personalities WHERE brand_id = $1 AND chatbot_id = $2 AND is_default = 1");
STORE_SQL(personality_oldest_id, "SELECT id FROM personalities WHERE brand_id = $1 AND chatbot_id = $2 "
                                 "ORDER BY created_at, id LIMIT 1");
STORE_SQL(personality_flag,
          "UPDATE personalities SET is_default = CASE WHEN id = $3 THEN 1 ELSE 0 END, updated_at = $4 "
          "WHERE brand_id = $1 AND chatbot_id = $2 AND is_default <> CASE WHEN id = $3 THEN 1 ELSE 0 END");
STORE_SQL(chatbot_personality, "UPDATE chatbots SET default_personality_id = $3 WHERE brand_id = $1 AND id = $2");

static int one_id(struct tx *tx, struct arena *arena, const struct store_sql *sql, struct str chatbot_id,
                  struct str *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql, VALUES(v_str(chatbot_id)), &rows, err);
    *ret = rc == 1 ? arena_str(arena, rows_str(rows, 0)) : STR_NULL;
    return rc < 0 ? rc : 0;
}

int personality_default_of(struct tx *tx, struct arena *arena, struct str chatbot_id, struct personality *ret,
                           struct err *err)
{
    struct personality key = {0};
    int rc = one_id(tx, arena, &personality_default_id, chatbot_id, &key.id, err);
    if (rc || !key.id.p)
        return rc;
    model_mark(&personality_model, &key, "id", true);
    return crud_get(tx, &personality_model, arena, &key, ret, err);
}

int personality_make_default(struct tx *tx, struct str chatbot_id, struct str id, int64_t now, struct err *err)
{
    int rc =
        tx_exec(tx, &personality_flag, VALUES(v_str(chatbot_id), v_str(id.p ? id : STR("")), v_int(now)), NULL, err);
    tx_changed(tx, CHANGE_CHATBOT, chatbot_id);
    return rc ? rc : tx_exec(tx, &chatbot_personality, VALUES(v_str(chatbot_id), v_str(id)), NULL, err);
}

int personality_oldest(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str *ret, struct err *err)
{
    return one_id(tx, arena, &personality_oldest_id, chatbot_id, ret, err);
}
