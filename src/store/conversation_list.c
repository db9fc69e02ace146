// SPDX-License-Identifier: Apache-2.0
// Conversations as their beginners list them: those of a user, and those that a chatbot's key began beforehand. One
// statement gives a conversation with its first and its newest message.
#include "store/conversation.h"

#include "base/id.h"
#include "base/utf8.h"
#include "store/ids.h"

enum { TITLE_MOST = 80 }; // characters

STORE_SQL(conversation_beforehand,
          "INSERT INTO conversations (brand_id, id, chatbot_id, session_id, issued, channel, status, started_at, "
          "last_message_at, begun_by, message_count, event_count, idle_at, metadata) "
          "VALUES ($1, $2, $3, $4, 1, $5, 'open', $6, $6, $7, 0, 1, $8, $9)");
STORE_SQL(conversation_counted,
          "UPDATE brand_totals SET conversations = conversations + 1, last_activity = $2 WHERE brand_id = $1");

#define SUMMARY                                                                                                        \
    "SELECT c.id, c.chatbot_id, c.session_id, b.name, c.metadata, (SELECT f.content FROM messages f WHERE f.brand_id " \
    "= c.brand_id AND f.conversation_id = c.id AND f.role = 'user' ORDER BY f.seq LIMIT 1), m.role, m.content, "       \
    "COALESCE(m.created_at, 0), c.started_at, c.last_message_at "
#define FOUND                                                                                                          \
    "FROM conversations c JOIN chatbots b ON b.brand_id = c.brand_id AND b.id = c.chatbot_id "                         \
    "AND b.deleted_at IS NULL "
#define NEWEST                                                                                                         \
    "LEFT JOIN messages m ON m.brand_id = c.brand_id AND m.conversation_id = c.id AND m.seq = (SELECT MAX(x.seq) "     \
    "FROM "                                                                                                            \
    "messages x WHERE x.brand_id = c.brand_id AND x.conversation_id = c.id AND x.status <> 'running' AND x.content "   \
    "<> '') "
#define OF_USER                                                                                                        \
    "WHERE c.brand_id = $1 AND c.begun_by = $2 AND c.session_id IS NOT NULL AND (CAST($3 AS TEXT) IS NULL OR "         \
    "c.chatbot_id = $3) AND (CAST($4 AS BIGINT) = 1 OR b.is_public = 1 OR b.created_by = $2) "
#define OF_KEY                                                                                                         \
    "WHERE c.brand_id = $1 AND c.chatbot_id = $2 AND c.begun_by IS NULL AND c.metadata IS NOT NULL "                   \
    "AND c.session_id IS NOT NULL "
#define NEWEST_FIRST "ORDER BY c.last_message_at DESC, c.id DESC "
STORE_SQL(conversations_of_user, SUMMARY FOUND NEWEST OF_USER NEWEST_FIRST "LIMIT $5 OFFSET $6");
STORE_SQL(conversations_of_user_counted, "SELECT COUNT(*) " FOUND OF_USER);
STORE_SQL(conversations_of_key, SUMMARY FOUND NEWEST OF_KEY NEWEST_FIRST "LIMIT $3 OFFSET $4");
STORE_SQL(conversations_of_key_counted, "SELECT COUNT(*) " FOUND OF_KEY);
STORE_SQL(conversation_of_user, SUMMARY FOUND NEWEST "WHERE c.brand_id = $1 AND c.id = $2 AND c.chatbot_id = $3 AND "
                                                     "c.begun_by = $4 AND c.session_id IS NOT NULL");
STORE_SQL(conversation_of_key, SUMMARY FOUND NEWEST OF_KEY "AND c.id = $3");
STORE_SQL_ALL(conversation_begun_by,
              "SELECT chatbot_id FROM conversations WHERE begun_by = $1 AND id = $2 AND session_id IS NOT NULL");

int conversation_make(struct tx *tx, struct arena *arena, struct conversation *c, struct str metadata, int64_t idle_ms,
                      int64_t now, struct err *err)
{
    char *id = arena_alloc(arena, ID_SIZE);
    id_v4(id);
    c->id = str_from(id);
    c->issued = true;
    c->context = STR("{}");
    c->event_count = 1;
    c->started_at = c->last_message_at = now;
    c->idle_at = idle_ms ? now + idle_ms : 0;
    int rc = tx_exec(tx, &conversation_beforehand,
                     VALUES(v_str(c->id), v_str(c->chatbot_id), v_str(c->session_id), v_str(c->channel), v_int(now),
                            v_str(c->begun_by), idle_ms ? v_int(c->idle_at) : v_null(), v_str(metadata)),
                     NULL, err);
    return rc ? rc : tx_exec(tx, &conversation_counted, VALUES(v_int(now)), NULL, err);
}

static struct str title_of(struct arena *arena, struct str text)
{
    if (!text.p)
        return text;
    struct str rest = utf8_trim(text), line = str_split(&rest, '\n');
    line.n = utf8_offset(line, TITLE_MOST);
    return arena_str(arena, line);
}

static void load_summary(struct rows *rows, struct arena *arena, struct conversation_summary *ret)
{
    struct str *const texts[] = {&ret->id, &ret->chatbot_id, &ret->session_id, &ret->chatbot_name, &ret->metadata};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(arena, rows_str(rows, i));
    ret->title = title_of(arena, rows_str(rows, 5));
    ret->last_role = arena_str(arena, rows_str(rows, 6));
    ret->last_content = arena_str(arena, rows_str(rows, 7));
    ret->last_at = rows_int(rows, 8);
    ret->started_at = rows_int(rows, 9);
    ret->last_message_at = rows_int(rows, 10);
}

int conversations_own(struct tx *tx, struct arena *arena, const struct conversations_own *query,
                      struct conversation_summary **ret, size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    bool user = query->user.p;
    struct value of_user[] = {v_str(query->user), v_str(query->chatbot_id), v_bool(query->all_chatbots),
                              v_int(query->limit), v_int(query->offset)};
    struct value of_key[] = {v_str(query->chatbot_id), v_int(query->limit), v_int(query->offset)};
    const struct value *args = user ? of_user : of_key;
    size_t n = user ? 3 : 1;
    *ret = arena_calloc(arena, (size_t)query->limit + 1, sizeof **ret);
    *ret_n = 0;
    int rc =
        count_query(tx, user ? &conversations_of_user_counted : &conversations_of_key_counted, args, n, ret_total, err);
    rc = rc < 0 ? rc : tx_query(tx, user ? &conversations_of_user : &conversations_of_key, args, n + 2, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        load_summary(rows, arena, &(*ret)[(*ret_n)++]);
        rc = 0;
    }
    return rc;
}

int conversation_own(struct tx *tx, struct arena *arena, struct str user, struct str chatbot_id, struct str id,
                     struct conversation_summary *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc =
        user.p ? tx_query_one(tx, &conversation_of_user, VALUES(v_str(id), v_str(chatbot_id), v_str(user)), &rows, err)
               : tx_query_one(tx, &conversation_of_key, VALUES(v_str(chatbot_id), v_str(id)), &rows, err);
    if (rc == 1)
        load_summary(rows, arena, ret);
    return rc;
}

int conversation_begun(struct tx *tx, struct arena *arena, struct str user, struct str id, struct str *ret_chatbot_id,
                       struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &conversation_begun_by, VALUES(v_str(user), v_str(id)), &rows, err);
    if (rc == 1)
        *ret_chatbot_id = arena_str(arena, rows_str(rows, 0));
    return rc;
}
