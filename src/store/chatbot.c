// SPDX-License-Identifier: Apache-2.0
#include "store/chatbot.h"

#include "base/id.h"
#include "base/vec.h"
#include "model/text.h"
#include "store/chatbot_key.h"
#include "store/crud.h"
#include "store/ids.h"
#include "store/knowledge.h"
#include "store/place.h"
#include "store/prompt.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLUG_TRIES = 10000 };

// ---- one row -------------------------------------------------------------------------------------------------------

int chatbot_choose_slug(struct tx *tx, struct arena *arena, struct chatbot *chatbot, const char *base, struct err *err)
{
    char slug[CHATBOT_SLUG_SIZE];
    struct place place;
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
    chatbot->slug = arena_str(arena, str_from(slug));
    model_mark(&chatbot_model, chatbot, "slug", true);
    return 0;
}

static int slug_from_name(struct tx *tx, struct arena *arena, struct chatbot *chatbot, struct err *err)
{
    char base[CHATBOT_SLUG_SIZE];
    chatbot_slug_from_name(chatbot->name, base);
    return chatbot_choose_slug(tx, arena, chatbot, base, err);
}

static int place_slug(struct tx *tx, const struct chatbot *chatbot, struct err *err)
{
    struct place place;
    int rc = place_find(tx, tx_arena(tx), "slug", chatbot->slug, &place, err);
    if (rc == 1)
        return err_set(err, ERR_CONFLICT, "The slug '" STR_FMT "' is taken", STR_ARG(chatbot->slug));
    return rc ? rc : place_add(tx, "slug", chatbot->slug, chatbot->id, err);
}

// The row as it is kept: what it is searched by is made of the rest.
static struct chatbot searchable(struct tx *tx, const struct chatbot *chatbot)
{
    struct chatbot row = *chatbot;
    bool described = model_has(&chatbot_model, chatbot, "description");
    struct str text = arena_strf(tx_arena(tx), STR_FMT " " STR_FMT, STR_ARG(chatbot->name),
                                 STR_ARG(described ? chatbot->description : STR("")));
    row.search_text = text_fold_case(tx_arena(tx), text);
    model_mark(&chatbot_model, &row, "searchText", true);
    return row;
}

int chatbot_insert(struct tx *tx, struct arena *arena, struct chatbot *chatbot, struct err *err)
{
    char publishable[PUBLISHABLE_KEY_SIZE];
    publishable_key_make(publishable);
    chatbot->publishable_key = arena_str(arena, str_from(publishable));
    model_mark(&chatbot_model, chatbot, "publishableKey", true);
    chatbot->prompt_version = 0; // counted by prompt_write
    model_mark(&chatbot_model, chatbot, "promptVersion", true);
    model_mark(&chatbot_model, chatbot, "systemPrompt", chatbot->system_prompt.p);
    int rc = chatbot->slug.n ? 0 : slug_from_name(tx, arena, chatbot, err);
    struct chatbot row = searchable(tx, chatbot);
    rc = rc ? rc : place_slug(tx, chatbot, err);
    rc = rc ? rc : crud_insert(tx, &chatbot_model, &row, err);
    rc = rc ? rc : place_add(tx, "chatbot", chatbot->id, chatbot->id, err);
    rc = rc ? rc : place_add(tx, "publishable", chatbot->publishable_key, chatbot->id, err);
    if (rc || !chatbot->system_prompt.p)
        return rc;
    struct prompt_version first = {.prompt = chatbot->system_prompt, .created_at = chatbot->created_at};
    rc = prompt_write(tx, chatbot->id, &first, err);
    chatbot->prompt_version = 1;
    return rc;
}

int chatbot_get(struct tx *tx, struct arena *arena, struct str id, struct chatbot *ret, struct err *err)
{
    struct chatbot key = {.id = id};
    model_mark(&chatbot_model, &key, "id", true);
    return crud_get(tx, &chatbot_model, arena, &key, ret, err);
}

void chatbot_changed(struct tx *tx, const struct chatbot *chatbot)
{
    tx_changed(tx, CHANGE_CHATBOT, chatbot->id);
    if (chatbot->is_default) // the brand's own view of it
        tx_changed(tx, CHANGE_BRAND, STR_NULL);
}

int chatbot_save(struct tx *tx, const struct chatbot *chatbot, struct str old_slug, struct err *err)
{
    struct chatbot row = searchable(tx, chatbot);
    int rc = 0;
    if (old_slug.p && !str_eq(old_slug, chatbot->slug)) {
        rc = place_slug(tx, chatbot, err);
        rc = rc ? rc : place_remove(tx, "slug", old_slug, err);
    }
    chatbot_changed(tx, chatbot);
    return rc ? rc : crud_update(tx, &chatbot_model, &row, err);
}

// ---- beside the row ------------------------------------------------------------------------------------------------

STORE_SQL(chatbot_extras,
          "SELECT (SELECT k.hint FROM api_keys k WHERE k.brand_id = $1 AND k.chatbot_id = $2 AND k.is_primary = 1 AND "
          "k.revoked_at IS NULL LIMIT 1), u.id, u.username, u.first_name, u.last_name, u.email "
          "FROM chatbots c LEFT JOIN users u ON u.id = c.created_by WHERE c.brand_id = $1 AND c.id = $2");
STORE_SQL(chatbot_totals,
          "SELECT COUNT(*), COUNT(DISTINCT COALESCE(user_label, id)), MAX(last_message_at) FROM conversations "
          "WHERE brand_id = $1 AND chatbot_id = $2 AND channel <> 'playground'");
STORE_SQL(chatbots_live, "SELECT COUNT(*) FROM chatbots WHERE brand_id = $1 AND deleted_at IS NULL");

static int load_stats(struct tx *tx, struct chatbot *chatbot, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &chatbot_totals, VALUES(v_str(chatbot->id)), &rows, err);
    if (rc != 1)
        return rc;
    chatbot->stats = (struct chatbot_stats){.set = rows_is_null(rows, 2) ? 3 : 7, // the fields in order
                                            .total_conversations = rows_int(rows, 0),
                                            .unique_users = rows_int(rows, 1)};
    chatbot->stats.last_activity = chatbot->stats.set == 7 ? rows_int(rows, 2) : 0;
    model_mark(&chatbot_model, chatbot, "stats", true);
    return 0;
}

struct chatbot_creator chatbot_creator_at(struct rows *rows, size_t column, struct arena *arena)
{
    struct chatbot_creator creator = {.set = 15, .id = arena_str(arena, rows_str(rows, column))};
    struct str first = rows_str(rows, column + 2), last = rows_str(rows, column + 3);
    creator.username = arena_str(arena, rows_str(rows, column + 1));
    creator.name = str_trim(arena_strf(arena, STR_FMT " " STR_FMT, STR_ARG(first), STR_ARG(last)));
    creator.name = creator.name.n ? creator.name : creator.username;
    creator.email = arena_str(arena, rows_str(rows, column + 4));
    return creator;
}

int chatbot_extras_load(struct tx *tx, struct arena *arena, struct chatbot *chatbot, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &chatbot_extras, VALUES(v_str(chatbot->id)), &rows, err);
    if (rc != 1)
        return rc;
    chatbot->api_key_hint = arena_str(arena, rows_str(rows, 0));
    bool made = !rows_is_null(rows, 1);
    if (made) {
        chatbot->creator = chatbot_creator_at(rows, 1, arena);
        chatbot->owner = chatbot->creator.id;
    }
    chatbot->brand_id = arena_str(arena, tx_scope(tx)->brand);
    chatbot->default_personality = chatbot->default_personality_id;
    uint64_t *set = &chatbot->set;
    size_t owner = model_field_index(&chatbot_model, "owner");
    *set =
        made ? *set | UINT64_C(3) << (owner - 1) : *set & ~(UINT64_C(3) << (owner - 1)); // createdBy stands before it
    model_mark(&chatbot_model, chatbot, "brandId", true);
    model_mark(&chatbot_model, chatbot, "apiKeyHint", chatbot->api_key_hint.p);
    model_mark(&chatbot_model, chatbot, "defaultPersonality",
               model_has(&chatbot_model, chatbot, "defaultPersonalityId"));
    return load_stats(tx, chatbot, err);
}

STORE_SQL(chatbot_failures_add, "UPDATE chatbots SET model_failures = model_failures + 1 WHERE brand_id = $1 AND "
                                "id = $2 AND model_failures < 3");
STORE_SQL(chatbot_failures_end, "UPDATE chatbots SET model_failures = 0 WHERE brand_id = $1 AND id = $2");

int chatbot_model_reached(struct tx *tx, struct str id, bool reached, struct err *err)
{
    tx_changed(tx, CHANGE_CHATBOT, id);
    return tx_exec(tx, reached ? &chatbot_failures_end : &chatbot_failures_add, VALUES(v_str(id)), NULL, err);
}

int chatbot_count(struct tx *tx, int64_t *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &chatbots_live, NO_VALUES, &rows, err);
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}

// ---- lists ---------------------------------------------------------------------------------------------------------

// REPLACE finds a text on every engine alike, whatever its letters and wildcards are.
#define SHOWN                                                                                                          \
    "CASE WHEN c.status = 'inactive' THEN c.status WHEN c.training = 1 THEN 'training' WHEN c.model_failures >= 3 "    \
    "THEN 'error' ELSE c.status END"
#define CHOSEN                                                                                                         \
    "FROM chatbots c WHERE c.brand_id = $1 AND (CAST($2 AS TEXT) IS NULL OR c.created_by = $2 OR c.is_public = 1) "    \
    "AND (CAST($3 AS TEXT) IS NULL OR " SHOWN " = $3) "                                                                \
    "AND (CAST($4 AS TEXT) IS NULL OR REPLACE(c.search_text, $4, '') <> c.search_text) "                               \
    "AND (CAST($5 AS TEXT) IS NULL OR REPLACE(c.tags, $5, '') <> c.tags) "                                             \
    "AND CASE WHEN c.deleted_at IS NULL THEN 0 ELSE 1 END = $6"
#define ACTIVITY                                                                                                       \
    "COALESCE((SELECT MAX(v.last_message_at) FROM conversations v WHERE v.brand_id = c.brand_id AND v.chatbot_id = "   \
    "c.id AND v.channel <> 'playground'), 0)"
#define LIST(name, by)                                                                                                 \
    STORE_SQL(name##_up, "SELECT c.id " CHOSEN " ORDER BY " by ", c.id LIMIT $7 OFFSET $8");                           \
    STORE_SQL(name##_down, "SELECT c.id " CHOSEN " ORDER BY " by " DESC, c.id DESC LIMIT $7 OFFSET $8")
LIST(chatbots_by_creation, "c.created_at");
LIST(chatbots_by_name, "c.search_text");
LIST(chatbots_by_change, "c.updated_at");
LIST(chatbots_by_activity, ACTIVITY);
STORE_SQL(chatbots_chosen, "SELECT COUNT(*) " CHOSEN);

static const struct store_sql *const lists[][2] = {
    [CHATBOTS_BY_CREATION] = {&chatbots_by_creation_up, &chatbots_by_creation_down},
    [CHATBOTS_BY_NAME] = {&chatbots_by_name_up, &chatbots_by_name_down},
    [CHATBOTS_BY_CHANGE] = {&chatbots_by_change_up, &chatbots_by_change_down},
    [CHATBOTS_BY_ACTIVITY] = {&chatbots_by_activity_up, &chatbots_by_activity_down},
};

int chatbot_list(struct tx *tx, struct arena *arena, const struct chatbot_query *query, struct chatbot **ret,
                 size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *total = NULL;
    struct strings ids = {0};
    struct str quoted = STR_NULL;
    if (query->tag.p)
        quoted = json_write(tx_arena(tx), json_new_str(json_doc(tx_arena(tx)), query->tag));
    struct value args[] = {v_str(query->seen_by),  v_str(query->status), v_str(query->words), v_str(quoted),
                           v_bool(query->deleted), v_int(query->limit),  v_int(query->offset)};
    int rc = tx_query_one(tx, &chatbots_chosen, args, 5, &total, err);
    if (rc < 0)
        return rc;
    *ret_total = rows_int(total, 0);
    rc = ids_query(tx, arena, lists[query->order][query->descending], args, 7, &ids, err);
    void *found = NULL;
    rc = rc ? rc : crud_pick(tx, &chatbot_model, arena, ids.at, ids.n, &found, ret_n, err);
    *ret = found;
    return rc;
}

// ---- suppliers that filters name -----------------------------------------------------------------------------------

STORE_SQL(supplier_code_by_id, "SELECT code FROM suppliers WHERE brand_id = $1 AND id = $2");
STORE_SQL(supplier_id_by_code, "SELECT id FROM suppliers WHERE brand_id = $1 AND code_fold = $2");

static int one_text(struct tx *tx, struct arena *arena, const struct store_sql *sql, struct str key, struct str *ret,
                    struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql, VALUES(v_str(key)), &rows, err);
    if (rc == 1)
        *ret = arena_str(arena, rows_str(rows, 0));
    return rc;
}

int chatbot_supplier_code(struct tx *tx, struct arena *arena, struct str id, struct str *ret, struct err *err)
{
    return one_text(tx, arena, &supplier_code_by_id, id, ret, err);
}

int chatbot_supplier_id(struct tx *tx, struct arena *arena, struct str code, struct str *ret, struct err *err)
{
    return one_text(tx, arena, &supplier_id_by_code, text_fold_case(tx_arena(tx), code), ret, err);
}

// ---- erasing -------------------------------------------------------------------------------------------------------

#define SOME "(SELECT id FROM conversations WHERE brand_id = $1 AND chatbot_id = $2 ORDER BY id LIMIT $3)"
STORE_SQL(chatbot_messages_some, "DELETE FROM messages WHERE brand_id = $1 AND conversation_id IN " SOME);
STORE_SQL(chatbot_events_some, "DELETE FROM events WHERE brand_id = $1 AND conversation_id IN " SOME);
STORE_SQL(chatbot_feedback_some, "DELETE FROM feedback WHERE brand_id = $1 AND conversation_id IN " SOME);
STORE_SQL(chatbot_conversations_some, "DELETE FROM conversations WHERE brand_id = $1 AND id IN " SOME);

int chatbot_erase_conversations(struct tx *tx, struct str id, int64_t most, bool *ret_more, struct err *err)
{
    const struct value args[] = {v_str(id), v_int(most)};
    int64_t n = 0;
    int rc = tx_exec(tx, &chatbot_messages_some, args, 2, NULL, err);
    rc = rc ? rc : tx_exec(tx, &chatbot_feedback_some, args, 2, NULL, err);
    rc = rc ? rc : tx_exec(tx, &chatbot_events_some, args, 2, NULL, err);
    rc = rc ? rc : tx_exec(tx, &chatbot_conversations_some, args, 2, &n, err);
    *ret_more = n >= most;
    return rc;
}

// What belongs to a chatbot and goes with it, in one place, in this order: rows that point to others first.
#define ERASE(name, table) STORE_SQL(name, "DELETE FROM " table " WHERE brand_id = $1 AND chatbot_id = $2")
#define ERASE_PLACES(name, kind_, column, table)                                                                       \
    STORE_SQL(name, "DELETE FROM places WHERE brand_id = $1 AND kind = '" kind_ "' AND name IN (SELECT " column        \
                    " FROM " table " WHERE brand_id = $1 AND chatbot_id = $2)")
ERASE_PLACES(chatbot_erase_key_places, "key", "hash", "api_keys");
ERASE(chatbot_erase_keys, "api_keys");
ERASE(chatbot_erase_old_publishable, "old_publishable_keys");
ERASE(chatbot_erase_prompts, "prompt_versions");
ERASE_PLACES(chatbot_erase_personality_places, "personality", "id", "personalities");
ERASE(chatbot_erase_personalities, "personalities");
STORE_SQL(chatbot_erase_vectors, "DELETE FROM vectors WHERE brand_id = $1 AND document_id IN (SELECT id FROM documents "
                                 "WHERE brand_id = $1 AND chatbot_id = $2)");
STORE_SQL(chatbot_erase_tags, "DELETE FROM document_tags WHERE brand_id = $1 AND document_id IN (SELECT id FROM "
                              "documents WHERE brand_id = $1 AND chatbot_id = $2)");
ERASE_PLACES(chatbot_erase_document_places, "document", "id", "documents");
ERASE(chatbot_erase_documents, "documents");
ERASE_PLACES(chatbot_erase_base_places, "knowledge_base", "id", "knowledge_bases");
ERASE(chatbot_erase_bases, "knowledge_bases");
STORE_SQL(chatbot_erase_places, "DELETE FROM places WHERE brand_id = $1 AND object_id = $2 AND kind IN ('slug', "
                                "'publishable')");
STORE_SQL(chatbot_erase_row, "DELETE FROM chatbots WHERE brand_id = $1 AND id = $2");

int chatbot_erase(struct tx *tx, struct str id, struct err *err)
{
    static const struct store_sql *const parts[] = {
        &chatbot_erase_key_places,
        &chatbot_erase_keys,
        &chatbot_erase_old_publishable,
        &chatbot_erase_prompts,
        &chatbot_erase_personality_places,
        &chatbot_erase_personalities,
        &chatbot_erase_vectors,
        &chatbot_erase_tags,
        &chatbot_erase_document_places,
        &chatbot_erase_documents,
        &chatbot_erase_base_places,
        &chatbot_erase_bases,
        &chatbot_erase_places,
        &chatbot_erase_row,
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !rc; i++)
        rc = tx_exec(tx, parts[i], VALUES(v_str(id)), NULL, err);
    rc = rc ? rc : vector_texts_sweep(tx, INT64_MAX, err);
    tx_changed(tx, CHANGE_CHATBOT, id);
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    return rc;
}
