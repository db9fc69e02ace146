// SPDX-License-Identifier: Apache-2.0
#include "store/conversation.h"

#include "base/id.h"
#include "base/json.h"
#include "base/vec.h"

#include <stdlib.h>

enum { CONTEXT_KEYS_MOST = 100 };

#define CONVERSATION_COLUMNS                                                                                           \
    "id, chatbot_id, session_id, channel, user_label, issued, status, message_count, begun_by, context, event_count, " \
    "started_at, last_message_at, COALESCE(ended_at, 0), COALESCE(idle_at, 0)"
STORE_SQL(conversation_by_session, "SELECT " CONVERSATION_COLUMNS
                                   " FROM conversations WHERE brand_id = $1 AND chatbot_id = $2 AND session_id = $3");
STORE_SQL(conversation_by_name, "SELECT " CONVERSATION_COLUMNS " FROM conversations WHERE brand_id = $1 AND "
                                "(id = $2 OR session_id = $2 OR session_id = $3)");
STORE_SQL(conversation_insert,
          "INSERT INTO conversations (brand_id, id, chatbot_id, session_id, issued, channel, user_label, status, "
          "started_at, last_message_at, begun_by, message_count, event_count, idle_at) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $8, $9, 2, 2, $10)");
STORE_SQL(conversation_touch,
          "UPDATE conversations SET message_count = message_count + 2, last_message_at = $3, status = 'open', "
          "ended_at = NULL, user_label = $4, event_count = event_count + $5, idle_at = $6 "
          "WHERE brand_id = $1 AND id = $2");
STORE_SQL(conversation_context, "UPDATE conversations SET context = $3 WHERE brand_id = $1 AND id = $2");
STORE_SQL(conversation_event, "UPDATE conversations SET event_count = event_count + 1 WHERE brand_id = $1 AND id = $2 "
                              "RETURNING event_count");
STORE_SQL(conversation_answered,
          "UPDATE conversations SET event_count = event_count + 1, idle_at = $3 WHERE brand_id = $1 AND id = $2 "
          "RETURNING event_count");
STORE_SQL(conversation_shut, "UPDATE conversations SET status = 'ended', ended_at = $3, idle_at = NULL "
                             "WHERE brand_id = $1 AND id = $2 AND status <> 'ended'");
STORE_SQL(conversation_shut_idle,
          "UPDATE conversations SET status = 'ended', ended_at = $3, idle_at = NULL WHERE brand_id = $1 AND id = $2 "
          "AND status <> 'ended' AND idle_at <= $3 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.brand_id = $1 AND "
          "m.conversation_id = $2 AND m.status = 'running')");
STORE_SQL_ALL(conversations_due,
              "SELECT brand_id, id FROM conversations WHERE idle_at <= $1 AND NOT EXISTS (SELECT 1 FROM brands b WHERE "
              "b.id = conversations.brand_id AND b.deleted_at IS NOT NULL) ORDER BY idle_at LIMIT $2");
STORE_SQL(conversation_by_id, "SELECT " CONVERSATION_COLUMNS " FROM conversations WHERE brand_id = $1 AND "
                              "chatbot_id = $2 AND id = $3 AND session_id IS NOT NULL");
STORE_SQL(chatbot_there,
          "SELECT 1 FROM chatbots c JOIN brands b ON b.id = c.brand_id WHERE c.brand_id = $1 AND c.id = $2 "
          "AND c.deleted_at IS NULL AND b.deleted_at IS NULL");
STORE_SQL(message_next_seq,
          "SELECT COALESCE(MAX(seq), 0) + 1 FROM messages WHERE brand_id = $1 AND conversation_id = $2");
STORE_SQL(message_insert,
          "INSERT INTO messages (brand_id, conversation_id, seq, id, role, content, status, created_at, metadata) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
STORE_SQL(
    message_finish,
    "UPDATE messages SET content = $4, status = $5, mode = $6, finish_reason = $7, confidence = $8, "
    "metadata = $9, created_at = $10 WHERE brand_id = $1 AND conversation_id = $2 AND seq = $3 AND status = 'running'");
STORE_SQL(message_partial, "UPDATE messages SET content = $4 WHERE brand_id = $1 AND conversation_id = $2 AND seq = $3 "
                           "AND status = 'running'");
STORE_SQL(totals_count,
          "UPDATE brand_totals SET conversations = conversations + $2, messages = messages + $3, last_activity = $4 "
          "WHERE brand_id = $1");
STORE_SQL(message_history,
          "SELECT id, role, content, status, metadata, seq, created_at FROM messages WHERE brand_id = $1 AND "
          "conversation_id = $2 AND seq < $3 AND status IN ('complete', 'interrupted') AND content <> '' "
          "ORDER BY seq DESC LIMIT $4");
STORE_SQL(message_newest_answer,
          "SELECT id, role, content, status, metadata, seq, created_at FROM messages WHERE brand_id = $1 AND "
          "conversation_id = $2 AND role = 'assistant' ORDER BY seq DESC LIMIT 1");
#define SHOWN                                                                                                          \
    "SELECT m.id, m.role, m.content, m.status, m.metadata, m.seq, m.created_at, (SELECT f.type FROM feedback f "       \
    "WHERE f.brand_id = m.brand_id AND f.message_id = m.id ORDER BY f.updated_at DESC LIMIT 1) FROM messages m "       \
    "WHERE m.brand_id = $1 AND m.conversation_id = $2 AND m.status <> 'running' AND m.content <> '' AND "              \
    "(CAST($3 AS TEXT) IS NULL OR m.seq < (SELECT b.seq FROM messages b WHERE b.brand_id = $1 AND "                    \
    "b.conversation_id = $2 AND b.id = $3)) "
STORE_SQL(messages_shown, SHOWN "ORDER BY m.seq DESC LIMIT $4");
STORE_SQL(messages_shown_after, SHOWN "AND m.seq > (SELECT a.seq FROM messages a WHERE a.brand_id = $1 AND "
                                      "a.conversation_id = $2 AND a.id = $5) ORDER BY m.seq LIMIT $4");
STORE_SQL(message_by_id, "SELECT id, role, content, status, metadata, seq, created_at FROM messages "
                         "WHERE brand_id = $1 AND conversation_id = $2 AND id = $3");
STORE_SQL(feedback_erase, "DELETE FROM feedback WHERE brand_id = $1 AND conversation_id = $2");
STORE_SQL(messages_erase, "DELETE FROM messages WHERE brand_id = $1 AND conversation_id = $2");
STORE_SQL(conversation_events_erase, "DELETE FROM events WHERE brand_id = $1 AND conversation_id = $2");
STORE_SQL(conversation_end,
          "UPDATE conversations SET status = 'ended', session_id = NULL, ended_at = $3, idle_at = NULL, "
          "context = '{}', metadata = NULL "
          "WHERE brand_id = $1 AND id = $2 AND session_id IS NOT NULL");
STORE_SQL_ALL(messages_mend,
              "UPDATE messages SET status = CASE WHEN content = '' THEN 'failed' ELSE 'interrupted' END, "
              "finish_reason = 'error' WHERE status = 'running'");

static void load_conversation(struct rows *rows, struct arena *arena, struct conversation *ret)
{
    *ret = (struct conversation){
        .id = arena_str(arena, rows_str(rows, 0)),
        .chatbot_id = arena_str(arena, rows_str(rows, 1)),
        .session_id = arena_str(arena, rows_str(rows, 2)),
        .channel = arena_str(arena, rows_str(rows, 3)),
        .user_label = arena_str(arena, rows_str(rows, 4)),
        .issued = rows_bool(rows, 5),
        .ended = str_eq(rows_str(rows, 6), STR("ended")),
        .message_count = rows_int(rows, 7),
        .begun_by = arena_str(arena, rows_str(rows, 8)),
        .context = arena_str(arena, rows_str(rows, 9)),
        .event_count = rows_int(rows, 10),
        .started_at = rows_int(rows, 11),
        .last_message_at = rows_int(rows, 12),
        .ended_at = rows_int(rows, 13),
        .idle_at = rows_int(rows, 14),
    };
}

struct str conversation_user(const struct conversation *conversation)
{
    return conversation->user_label.n ? conversation->user_label : conversation->session_id;
}

static int find(struct tx *tx, const struct store_sql *sql, struct value a, struct value b, struct arena *arena,
                struct conversation *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql, VALUES(a, b), &rows, err);
    if (rc == 1)
        load_conversation(rows, arena, ret);
    return rc;
}

int conversation_find(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str session_id,
                      struct conversation *ret, struct err *err)
{
    return find(tx, &conversation_by_session, v_str(chatbot_id), v_str(session_id), arena, ret, err);
}

int conversation_find_any(struct tx *tx, struct arena *arena, struct str name, struct str prefix,
                          struct conversation *ret, struct err *err)
{
    struct str prefixed = arena_strf(arena, STR_FMT STR_FMT, STR_ARG(prefix), STR_ARG(name));
    return find(tx, &conversation_by_name, v_str(name), v_str(prefixed), arena, ret, err);
}

int conversation_get(struct tx *tx, struct arena *arena, struct str chatbot_id, struct str id, struct conversation *ret,
                     struct err *err)
{
    return find(tx, &conversation_by_id, v_str(chatbot_id), v_str(id), arena, ret, err);
}

static struct value idle_at(int64_t idle_ms, int64_t now)
{
    return idle_ms ? v_int(now + idle_ms) : v_null();
}

// With the two messages and the two events of its first turn counted.
static int make_conversation(struct tx *tx, struct turn_begin *turn, bool issued, struct err *err)
{
    char *id = arena_alloc(turn->arena, ID_SIZE);
    id_v4(id);
    struct str session = issued ? arena_strf(turn->arena, STR_FMT "%s", STR_ARG(turn->prefix), id) : turn->session_id;
    turn->conversation = (struct conversation){
        .id = str_from(id),
        .chatbot_id = turn->chatbot_id,
        .session_id = session,
        .channel = turn->channel,
        .user_label = turn->user_label,
        .issued = issued,
        .begun_by = turn->begun_by,
        .context = STR("{}"),
        .message_count = 2,
        .event_count = 2,
        .started_at = turn->now,
    };
    turn->started = true;
    return tx_exec(tx, &conversation_insert,
                   VALUES(v_cstr(id), v_str(turn->chatbot_id), v_str(session), v_bool(issued), v_str(turn->channel),
                          v_str(turn->user_label), v_int(turn->now), v_str(turn->begun_by),
                          idle_at(turn->idle_ms, turn->now)),
                   NULL, err);
}

// One that goes on.
static int touch(struct tx *tx, struct turn_begin *turn, struct err *err)
{
    struct conversation *c = &turn->conversation;
    if (turn->only_of.p && !str_eq(c->begun_by, turn->only_of))
        return err_set(err, ERR_DENIED, "the conversation is another's");
    if (turn->one_user && turn->user_label.n && c->user_label.n && !str_eq(turn->user_label, c->user_label))
        return err_set(err, ERR_CONFLICT, "the conversation has another user");
    if (turn->one_user && !c->user_label.n)
        c->user_label = turn->user_label;
    int64_t events = c->ended ? 2 : 1;
    turn->reopened = c->ended;
    c->event_count += events;
    return tx_exec(
        tx, &conversation_touch,
        VALUES(v_str(c->id), v_int(turn->now), v_str(c->user_label), v_int(events), idle_at(turn->idle_ms, turn->now)),
        NULL, err);
}

static int merge_context(struct tx *tx, struct turn_begin *turn, struct err *err)
{
    struct conversation *c = &turn->conversation;
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *all = json_new_raw(doc, c->context);
    size_t i, max;
    yyjson_val *given = NULL, *key, *value;
    if (!turn->context.p || json_parse(tx_arena(tx), turn->context, JSON_RAW_NUMBERS, &given, NULL) != 0 ||
        yyjson_obj_size(given) == 0)
        return 0;
    if (!yyjson_mut_is_obj(all))
        all = yyjson_mut_obj(doc);
    yyjson_obj_foreach(given, i, max, key, value)
    {
        (void)yyjson_mut_obj_remove_keyn(all, yyjson_get_str(key), yyjson_get_len(key));
        (void)yyjson_mut_obj_add(all, json_new_str(doc, json_str(key)), yyjson_val_mut_copy(doc, value));
    }
    while (yyjson_mut_obj_size(all) > CONTEXT_KEYS_MOST) { // the oldest go
        yyjson_mut_obj_iter iter = yyjson_mut_obj_iter_with(all);
        (void)yyjson_mut_obj_iter_next(&iter);
        (void)yyjson_mut_obj_iter_remove(&iter);
    }
    c->context = json_write(turn->arena, all);
    return tx_exec(tx, &conversation_context, VALUES(v_str(c->id), v_str(c->context)), NULL, err);
}

static int insert_message(struct tx *tx, struct turn_begin *turn, int64_t seq, const char *role, struct str content,
                          const char *status, struct str metadata, struct str *ret_id, struct err *err)
{
    char *id = arena_alloc(turn->arena, ID_SIZE);
    id_v7(id);
    *ret_id = str_from(id);
    return tx_exec(tx, &message_insert,
                   VALUES(v_str(turn->conversation.id), v_int(seq), v_cstr(id), v_cstr(role), v_str(content),
                          v_cstr(status), v_int(turn->now), v_str(metadata)),
                   NULL, err);
}

// A turn may begin with what was known of a brand just before it was deleted: nothing of it may be written then, as the
// brand's rows may be erased already and its id belong to another.
static int check_there(struct tx *tx, const struct turn_begin *turn, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &chatbot_there, VALUES(v_str(turn->chatbot_id)), &rows, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "the chatbot was deleted") : rc < 0 ? rc : 0;
}

int conversation_begin_turn(struct tx *tx, struct turn_begin *turn, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    turn->started = turn->reopened = false;
    int rc = check_there(tx, turn, err);
    if (rc)
        return rc;
    rc = turn->session_id.p
             ? conversation_find(tx, turn->arena, turn->chatbot_id, turn->session_id, &turn->conversation, err)
             : 0;
    if (rc < 0)
        return rc;
    bool known = rc == 1;
    bool refuse = turn->only_issued && !(known && turn->conversation.issued);
    int64_t seq = 1;
    if (!known || refuse) {
        rc = make_conversation(tx, turn, !turn->session_id.p || refuse, err);
    } else {
        rc = tx_query_one(tx, &message_next_seq, VALUES(v_str(turn->conversation.id)), &rows, err);
        seq = rc == 1 ? rows_int(rows, 0) : seq;
        rc = rc < 0 ? rc : touch(tx, turn, err);
    }
    rc = rc < 0 ? rc : merge_context(tx, turn, err);
    if (rc < 0)
        return rc;
    turn->answer_seq = seq + 1;
    rc = insert_message(tx, turn, seq, "user", turn->message, "complete", turn->metadata, &turn->user_message_id, err);
    rc = rc ? rc : insert_message(tx, turn, seq + 1, "assistant", STR(""), "running", STR_NULL, &turn->answer_id, err);
    return rc ? rc : tx_exec(tx, &totals_count, VALUES(v_int(turn->started), v_int(1), v_int(turn->now)), NULL, err);
}

static int next_event(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, int64_t *ret,
                      struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql, args, n, &rows, err);
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc < 0 ? rc : rc == 0 ? err_set(err, ERR_NOT_FOUND, "Conversation not found") : 0;
}

int conversation_end_turn(struct tx *tx, const struct turn_end *turn, bool *ret_stored, int64_t *ret_sequence,
                          struct err *err)
{
    int64_t changed;
    int rc = tx_exec(tx, &message_finish,
                     VALUES(v_str(turn->conversation_id), v_int(turn->answer_seq), v_str(turn->content),
                            v_cstr(turn->status), v_cstr(turn->mode), v_cstr(turn->finish_reason),
                            turn->has_confidence ? v_real(turn->confidence) : v_null(), v_str(turn->metadata),
                            v_int(turn->now)),
                     &changed, err);
    *ret_stored = !rc && changed > 0;
    bool counts = *ret_stored && turn->content.n;
    if (counts)
        rc = next_event(tx, &conversation_answered,
                        VALUES(v_str(turn->conversation_id), idle_at(turn->idle_ms, turn->now)), ret_sequence, err);
    return rc || !counts ? rc : tx_exec(tx, &totals_count, VALUES(v_int(0), v_int(1), v_int(turn->now)), NULL, err);
}

int conversation_save_partial(struct tx *tx, struct str conversation_id, int64_t answer_seq, struct str content,
                              struct err *err)
{
    return tx_exec(tx, &message_partial, VALUES(v_str(conversation_id), v_int(answer_seq), v_str(content)), NULL, err);
}

static void load_message(struct rows *rows, struct arena *arena, struct stored_message *ret)
{
    *ret = (struct stored_message){
        .id = arena_str(arena, rows_str(rows, 0)),
        .role = arena_str(arena, rows_str(rows, 1)),
        .content = arena_str(arena, rows_str(rows, 2)),
        .status = arena_str(arena, rows_str(rows, 3)),
        .metadata = arena_str(arena, rows_str(rows, 4)),
        .seq = rows_int(rows, 5),
        .created_at = rows_int(rows, 6),
    };
}

// Newest first in the statement, or with `upwards` oldest first; oldest first in the list.
static int load_messages(struct tx *tx, struct arena *arena, const struct store_sql *sql, const struct value *args,
                         size_t n_args, bool upwards, struct stored_message **ret, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct stored_message) list = {0};
    int rc = tx_query(tx, sql, args, n_args, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct stored_message message;
        load_message(rows, arena, &message);
        if (rows_columns(rows) > 7)
            message.rating = arena_str(arena, rows_str(rows, 7));
        vec_add(&list, message);
        rc = 0;
    }
    *ret = arena_calloc(arena, list.n + 1, sizeof **ret);
    for (size_t i = 0; i < list.n; i++)
        (*ret)[i] = list.at[upwards ? i : list.n - 1 - i];
    *ret_n = list.n;
    vec_done(&list);
    return rc;
}

int conversation_messages(struct tx *tx, struct arena *arena, struct str conversation_id, int64_t before_seq,
                          int64_t limit, struct stored_message **ret, size_t *ret_n, struct err *err)
{
    return load_messages(tx, arena, &message_history, VALUES(v_str(conversation_id), v_int(before_seq), v_int(limit)),
                         false, ret, ret_n, err);
}

int conversation_newest_answer(struct tx *tx, struct arena *arena, struct str conversation_id,
                               struct stored_message *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &message_newest_answer, VALUES(v_str(conversation_id)), &rows, err);
    if (rc == 1)
        load_message(rows, arena, ret);
    return rc;
}

int conversation_shown(struct tx *tx, struct arena *arena, struct str conversation_id, struct str before,
                       struct str after, int64_t limit, struct stored_message **ret, size_t *ret_n, struct err *err)
{
    const struct value args[] = {v_str(conversation_id), v_str(before), v_int(limit), v_str(after)};
    return load_messages(tx, arena, after.p ? &messages_shown_after : &messages_shown, args, after.p ? 4 : 3, after.p,
                         ret, ret_n, err);
}

int conversation_message(struct tx *tx, struct arena *arena, struct str conversation_id, struct str id,
                         struct stored_message *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &message_by_id, VALUES(v_str(conversation_id), v_str(id)), &rows, err);
    if (rc == 1)
        load_message(rows, arena, ret);
    return rc;
}

int conversation_next_event(struct tx *tx, struct str conversation_id, int64_t *ret, struct err *err)
{
    return next_event(tx, &conversation_event, VALUES(v_str(conversation_id)), ret, err);
}

int conversation_close(struct tx *tx, struct str conversation_id, bool idle, int64_t now, bool *ret_ended,
                       struct err *err)
{
    int64_t changed = 0;
    int rc = tx_exec(tx, idle ? &conversation_shut_idle : &conversation_shut,
                     VALUES(v_str(conversation_id), v_int(now)), &changed, err);
    *ret_ended = !rc && changed > 0;
    return rc;
}

int conversations_idle(struct tx *tx, struct arena *arena, int64_t now, int64_t limit, struct conversation_place **ret,
                       size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    *ret = arena_calloc(arena, (size_t)limit, sizeof **ret);
    *ret_n = 0;
    int rc = tx_query(tx, &conversations_due, VALUES(v_int(now), v_int(limit)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        (*ret)[(*ret_n)++] =
            (struct conversation_place){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1))};
        rc = 0;
    }
    return rc;
}

int conversation_clear(struct tx *tx, struct str conversation_id, int64_t now, struct err *err)
{
    int64_t changed;
    int rc = tx_exec(tx, &conversation_end, VALUES(v_str(conversation_id), v_int(now)), &changed, err);
    if (!rc && !changed)
        return err_set(err, ERR_NOT_FOUND, "Conversation not found");
    rc = rc ? rc : tx_exec(tx, &feedback_erase, VALUES(v_str(conversation_id)), NULL, err);
    rc = rc ? rc : tx_exec(tx, &messages_erase, VALUES(v_str(conversation_id)), NULL, err);
    return rc ? rc : tx_exec(tx, &conversation_events_erase, VALUES(v_str(conversation_id)), NULL, err);
}

int conversation_mend(struct tx *tx, int64_t *ret_mended, struct err *err)
{
    return tx_exec(tx, &messages_mend, NO_VALUES, ret_mended, err);
}
