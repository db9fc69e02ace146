// SPDX-License-Identifier: Apache-2.0
#include "store/chatbot.h"

#include "base/id.h"
#include "store/crud.h"
#include "store/place.h"

#include <stdio.h>

enum { PUBLISHABLE_SIZE = 3 + 24 + 1, SLUG_TRIES = 10000 };

STORE_SQL(prompt_version_insert,
          "INSERT INTO prompt_versions (brand_id, chatbot_id, version, prompt, method, created_by, created_at) "
          "SELECT $1, $2, COALESCE(MAX(version), 0) + 1, $3, $4, $5, $6 FROM prompt_versions "
          "WHERE brand_id = $1 AND chatbot_id = $2");
STORE_SQL(chatbot_key_put,
          "INSERT INTO api_keys (brand_id, id, chatbot_id, name, is_primary, hash, hint, created_by, created_at) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");

// The name's slug, or with the lowest -2, -3 … that is free.
static int choose_slug(struct tx *tx, struct chatbot *chatbot, struct err *err)
{
    char base[CHATBOT_SLUG_SIZE], slug[CHATBOT_SLUG_SIZE];
    struct place place;
    chatbot_slug_from_name(chatbot->name, base);
    (void)snprintf(slug, sizeof slug, "%s", base);
    for (int i = 2; i < SLUG_TRIES; i++) {
        int rc = place_find(tx, tx_arena(tx), "slug", str_from(slug), &place, err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            break;
        char suffix[16];
        int n = snprintf(suffix, sizeof suffix, "-%d", i);
        (void)snprintf(slug, sizeof slug, "%.*s%s", (int)sizeof slug - 1 - n, base, suffix);
    }
    chatbot->slug = arena_str(tx_arena(tx), str_from(slug));
    model_mark(&chatbot_model, chatbot, "slug", true);
    return 0;
}

int chatbot_insert(struct tx *tx, struct chatbot *chatbot, struct err *err)
{
    char publishable[PUBLISHABLE_SIZE] = "pk_";
    id_random(publishable + 3, 24, ID_ALNUM);
    chatbot->publishable_key = arena_str(tx_arena(tx), str_from(publishable));
    model_mark(&chatbot_model, chatbot, "publishableKey", true);
    chatbot->prompt_version = chatbot->system_prompt.p ? 1 : 0;
    model_mark(&chatbot_model, chatbot, "promptVersion", true);
    model_mark(&chatbot_model, chatbot, "systemPrompt", chatbot->system_prompt.p);
    int rc = chatbot->slug.n ? 0 : choose_slug(tx, chatbot, err);
    rc = rc ? rc : crud_insert(tx, &chatbot_model, chatbot, err);
    rc = rc ? rc : place_add(tx, "chatbot", chatbot->id, chatbot->id, err);
    rc = rc ? rc : place_add(tx, "slug", chatbot->slug, chatbot->id, err);
    rc = rc ? rc : place_add(tx, "publishable", chatbot->publishable_key, chatbot->id, err);
    if (!rc && chatbot->system_prompt.p)
        rc = prompt_version_add(tx, chatbot->id, chatbot->system_prompt, "manual", chatbot->created_at, err);
    return rc;
}

int chatbot_get(struct tx *tx, struct arena *arena, struct str id, struct chatbot *ret, struct err *err)
{
    struct chatbot key = {.id = id};
    model_mark(&chatbot_model, &key, "id", true);
    return crud_get(tx, &chatbot_model, arena, &key, ret, err);
}

int chatbot_save(struct tx *tx, const struct chatbot *chatbot, struct err *err)
{
    tx_changed(tx, CHANGE_CHATBOT, chatbot->id);
    if (chatbot->is_default) // the brand's own view of it
        tx_changed(tx, CHANGE_BRAND, STR_NULL);
    return crud_update(tx, &chatbot_model, chatbot, err);
}

int prompt_version_add(struct tx *tx, struct str chatbot_id, struct str prompt, const char *method, int64_t now,
                       struct err *err)
{
    return tx_exec(tx, &prompt_version_insert,
                   VALUES(v_str(chatbot_id), v_str(prompt), v_cstr(method), v_str(tx_scope(tx)->actor), v_int(now)),
                   NULL, err);
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
