// SPDX-License-Identifier: Apache-2.0
// The number comes from the chatbot's row, which is written first: two writers stand in line there, and no number is
// left out or given twice.
#include "store/prompt.h"

#include "base/id.h"
#include "base/vec.h"
#include "store/chatbot.h"

#include <stdlib.h>

STORE_SQL(prompt_current,
          "UPDATE chatbots SET system_prompt = $3, prompt_version = prompt_version + 1, updated_at = $4 "
          "WHERE brand_id = $1 AND id = $2");
STORE_SQL(prompt_version_insert,
          "INSERT INTO prompt_versions (brand_id, chatbot_id, version, id, prompt, description, method, metadata, "
          "created_by, created_at) SELECT $1, $2, prompt_version, $3, $4, $5, $6, $7, $8, $9 FROM chatbots "
          "WHERE brand_id = $1 AND id = $2");
#define VERSIONS                                                                                                       \
    "SELECT p.id, p.version, p.prompt, p.description, p.method, p.metadata, p.created_at, u.id, u.username, "          \
    "u.first_name, u.last_name, u.email FROM prompt_versions p LEFT JOIN users u ON u.id = p.created_by "              \
    "WHERE p.brand_id = $1 AND p.chatbot_id = $2"
STORE_SQL(prompt_version_one, VERSIONS " AND p.version = $3");
STORE_SQL(prompt_version_list, VERSIONS " ORDER BY p.version DESC LIMIT $3 OFFSET $4");
STORE_SQL(prompt_version_count, "SELECT COUNT(*) FROM prompt_versions WHERE brand_id = $1 AND chatbot_id = $2");

int prompt_write(struct tx *tx, struct str chatbot_id, const struct prompt_version *version, struct err *err)
{
    char id[ID_SIZE];
    int64_t changed = 0;
    id_v7(id);
    int rc = tx_exec(tx, &prompt_current, VALUES(v_str(chatbot_id), v_str(version->prompt), v_int(version->created_at)),
                     &changed, err);
    if (!rc && !changed)
        return err_set(err, ERR_NOT_FOUND, "Chatbot not found");
    return rc ? rc
              : tx_exec(tx, &prompt_version_insert,
                        VALUES(v_str(chatbot_id), v_cstr(id), v_str(version->prompt), v_str(version->description),
                               v_str(version->method.p ? version->method : STR("manual")), v_str(version->metadata),
                               v_str(tx_scope(tx)->actor), v_int(version->created_at)),
                        NULL, err);
}

static void load(struct rows *rows, struct arena *arena, struct prompt_version *ret)
{
    *ret = (struct prompt_version){
        .id = arena_str(arena, rows_str(rows, 0)),
        .version = rows_int(rows, 1),
        .prompt = arena_str(arena, rows_str(rows, 2)),
        .description = arena_str(arena, rows_str(rows, 3)),
        .method = arena_str(arena, rows_str(rows, 4)),
        .metadata = arena_str(arena, rows_str(rows, 5)),
        .created_at = rows_int(rows, 6),
        .by_user = !rows_is_null(rows, 7),
    };
    if (ret->by_user)
        ret->creator = chatbot_creator_at(rows, 7, arena);
}

int prompt_get(struct tx *tx, struct arena *arena, struct str chatbot_id, int64_t version, struct prompt_version *ret,
               struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &prompt_version_one, VALUES(v_str(chatbot_id), v_int(version)), &rows, err);
    if (rc == 1)
        load(rows, arena, ret);
    return rc;
}

int prompt_list(struct tx *tx, struct arena *arena, struct str chatbot_id, int64_t limit, int64_t offset,
                struct prompt_version **ret, size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *total = NULL, *rows = NULL;
    VEC(struct prompt_version) list = {0};
    int rc = tx_query_one(tx, &prompt_version_count, VALUES(v_str(chatbot_id)), &total, err);
    if (rc < 0)
        return rc;
    *ret_total = rows_int(total, 0);
    rc = tx_query(tx, &prompt_version_list,
                  VALUES(v_str(chatbot_id), v_int(limit < 0 ? INT64_MAX : limit), v_int(offset)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct prompt_version one;
        load(rows, arena, &one);
        vec_add(&list, one);
        rc = 0;
    }
    vec_give(&list, arena, ret, ret_n);
    return rc;
}
