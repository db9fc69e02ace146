// SPDX-License-Identifier: Apache-2.0
#include "store/audit.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/vec.h"
#include "store/conversation.h"
#include "store/ids.h"
#include "store/place.h"

#include <stdlib.h>

STORE_SQL(audit_insert,
          "INSERT INTO audit (brand_id, id, at, actor, address, user_agent, action, target, fields, chatbot_id, "
          "old_value, new_value, seq, previous) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
// The head's row is written first, so that writers stand in line there.
STORE_SQL(audit_head_next, "INSERT INTO audit_heads (brand_id, seq, hash) VALUES ($1, 1, '') "
                           "ON CONFLICT (brand_id) DO UPDATE SET seq = audit_heads.seq + 1");
STORE_SQL(audit_head_get, "SELECT seq, hash FROM audit_heads WHERE brand_id = $1");
STORE_SQL(audit_head_set, "UPDATE audit_heads SET hash = $2 WHERE brand_id = $1");
STORE_SQL_ALL(audit_brands, "SELECT brand_id FROM audit_heads ORDER BY brand_id");
STORE_SQL(audit_chain, "SELECT id, at, actor, address, user_agent, action, target, fields, chatbot_id, old_value, "
                       "new_value, seq, previous FROM audit WHERE brand_id = $1 AND seq > 0 ORDER BY seq");
#define CHOSEN                                                                                                         \
    "FROM audit a LEFT JOIN users u ON u.id = a.actor WHERE a.brand_id = $1 "                                          \
    "AND (CAST($2 AS TEXT) IS NULL OR a.chatbot_id = $2) AND (CAST($3 AS TEXT) IS NULL OR a.actor = $3) "              \
    "AND (CAST($4 AS TEXT) IS NULL OR a.action = $4 OR a.action = $5) AND a.at >= $6 AND a.at < $7"
STORE_SQL(audit_newest,
          "SELECT a.id, a.at, a.actor, a.address, a.user_agent, a.action, a.target, a.fields, a.chatbot_id, "
          "a.old_value, a.new_value, u.username, u.first_name, u.last_name " CHOSEN " ORDER BY a.id DESC LIMIT $8 "
          "OFFSET $9");
STORE_SQL(audit_count, "SELECT COUNT(*) " CHOSEN);
STORE_SQL(event_insert,
          "INSERT INTO events (brand_id, id, name, conversation_id, data, created_at, sequence) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7)");
STORE_SQL_ALL(event_data, "SELECT data FROM events WHERE brand_id = $1 AND id = $2");
STORE_SQL_ALL(event_rewrite, "UPDATE events SET data = $3 WHERE brand_id = $1 AND id = $2");
STORE_SQL_ALL(answers_forget,
              "UPDATE attempts SET excerpt = NULL WHERE (brand_id, delivery_id) IN (SELECT d.brand_id, d.id FROM "
              "webhooks w JOIN deliveries d ON d.brand_id = w.brand_id AND d.webhook_id = w.id AND d.id >= $3 AND "
              "d.id < $4 WHERE (w.brand_id = $1 OR w.scope = 'installation') AND d.event_id = $2)");
STORE_SQL_ALL(registration_drop, "DELETE FROM places WHERE brand_id = $1 AND kind = 'registration' AND name = $2");

static struct str or_empty(struct str s)
{
    return s.p ? s : STR("");
}

enum { AUDIT_COLUMNS = 13 }; // that are hashed: all but the brand's, in the order of audit_insert

static void hash_row(struct arena *arena, const struct value *columns, char out[CRYPTO_HEX_SIZE])
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < AUDIT_COLUMNS; i++)
        (void)yyjson_mut_arr_append(list, columns[i].type == VALUE_INT    ? yyjson_mut_sint(doc, columns[i].i)
                                          : columns[i].type == VALUE_TEXT ? json_new_str(doc, columns[i].s)
                                                                          : yyjson_mut_null(doc));
    crypto_sha256_hex(json_write(arena, list), out);
}

// The next place in the brand's chain.
static int take_place(struct tx *tx, struct value *ret_seq, struct value *ret_previous, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_exec(tx, &audit_head_next, NO_VALUES, NULL, err);
    rc = rc ? rc : tx_query_one(tx, &audit_head_get, NO_VALUES, &rows, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_INTERNAL, "the chain of audit rows has no head");
    *ret_seq = v_int(rows_int(rows, 0));
    *ret_previous = v_str(arena_str(tx_arena(tx), rows_str(rows, 1)));
    return 0;
}

static int insert(struct tx *tx, const struct audit_change *change, struct str fields, struct err *err)
{
    char id[ID_SIZE], hash[CRYPTO_HEX_SIZE];
    const struct scope *scope = tx_scope(tx);
    id_v7(id);
    struct value columns[AUDIT_COLUMNS] = {
        v_cstr(id),
        v_int(clock_wall_ms()),
        v_str(or_empty(scope->actor)),
        v_str(or_empty(scope->address)),
        v_str(or_empty(scope->user_agent)),
        v_cstr(change->action),
        v_str(or_empty(change->target)),
        v_str(or_empty(fields)),
        v_str(change->chatbot_id),
        v_str(change->old_value),
        v_str(change->new_value),
    };
    int rc = take_place(tx, &columns[11], &columns[12], err);
    rc = rc ? rc : tx_exec(tx, &audit_insert, columns, AUDIT_COLUMNS, NULL, err);
    hash_row(tx_arena(tx), columns, hash);
    return rc ? rc : tx_exec(tx, &audit_head_set, VALUES(v_cstr(hash)), NULL, err);
}

int audit_chains(struct tx *tx, struct arena *arena, struct str **ret_brands, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct str) list = {0};
    int rc = tx_query(tx, &audit_brands, NO_VALUES, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        vec_add(&list, arena_str(arena, rows_str(rows, 0)));
        rc = 0;
    }
    *ret_brands = arena_calloc(arena, list.n + 1, sizeof **ret_brands);
    if (list.n)
        memcpy(*ret_brands, list.at, list.n * sizeof **ret_brands);
    *ret_n = list.n;
    vec_done(&list);
    return rc;
}

int audit_verify(struct tx *tx, int64_t *ret_n, int64_t *ret_seq, struct err *err)
{
    AUTO_ROWS struct rows *head = NULL, *rows = NULL;
    char hash[CRYPTO_HEX_SIZE] = "";
    int64_t seq = 0;
    int rc = tx_query_one(tx, &audit_head_get, NO_VALUES, &head, err);
    if (rc < 0)
        return rc;
    bool known = rc == 1;
    rc = tx_query(tx, &audit_chain, NO_VALUES, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct value columns[AUDIT_COLUMNS];
        for (size_t i = 0; i < AUDIT_COLUMNS; i++)
            columns[i] = i == 1 || i == 11 ? v_int(rows_int(rows, i)) : v_str(rows_str(rows, i));
        *ret_seq = ++seq;
        if (columns[11].i != seq || !str_eq(columns[12].s, str_from(hash)))
            return 0;
        hash_row(arena, columns, hash);
        ++*ret_n;
        rc = 0;
    }
    if (rc < 0)
        return rc;
    *ret_seq = seq + 1; // whatever is behind the last one
    return known ? rows_int(head, 0) == seq && str_eq(rows_str(head, 1), str_from(hash)) : seq == 0;
}

int audit_write(struct tx *tx, const char *action, struct str target, struct str fields, struct err *err)
{
    return insert(tx, &(struct audit_change){.action = action, .target = target}, fields, err);
}

// The names of the members, comma separated.
static struct str names(struct arena *arena, struct str object)
{
    AUTO_BUF struct buf out = BUF_INIT(4096);
    yyjson_val *root = NULL, *key, *value;
    size_t i, max;
    if (!object.n || json_parse(arena, object, 0, &root, NULL) != 0)
        return STR("");
    yyjson_obj_foreach(root, i, max, key, value) buf_addf(&out, "%s%s", out.n ? "," : "", yyjson_get_str(key));
    return arena_str(arena, buf_str(&out));
}

int audit_change(struct tx *tx, const struct audit_change *change, struct err *err)
{
    return insert(tx, change, names(tx_arena(tx), change->new_value.n ? change->new_value : change->old_value), err);
}

static struct str full_name(struct arena *arena, struct rows *rows, size_t column)
{
    struct str first = rows_str(rows, column + 1), last = rows_str(rows, column + 2);
    struct str name = str_trim(arena_strf(arena, STR_FMT " " STR_FMT, STR_ARG(first), STR_ARG(last)));
    return name.n ? name : arena_str(arena, rows_str(rows, column));
}

static void load(struct rows *rows, struct arena *arena, struct audit_entry *ret)
{
    struct str *const texts[] = {&ret->id,       NULL,         &ret->actor,  &ret->address,    &ret->user_agent,
                                 &ret->action,   &ret->target, &ret->fields, &ret->chatbot_id, &ret->old_value,
                                 &ret->new_value};
    *ret = (struct audit_entry){.at = rows_int(rows, 1)};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i])
            *texts[i] = arena_str(arena, rows_str(rows, i));
    if (!rows_is_null(rows, 11))
        ret->user_name = full_name(arena, rows, 11);
}

int audit_list(struct tx *tx, struct arena *arena, const struct audit_query *query, struct audit_entry **ret,
               size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *total = NULL, *rows = NULL;
    VEC(struct audit_entry) list = {0};
    struct value args[] = {v_str(query->chatbot_id), v_str(query->actor), v_str(query->action), v_str(query->or_action),
                           v_int(query->from),       v_int(query->to),    v_int(query->limit),  v_int(query->offset)};
    int rc = tx_query_one(tx, &audit_count, args, 6, &total, err);
    if (rc < 0)
        return rc;
    *ret_total = rows_int(total, 0);
    rc = tx_query(tx, &audit_newest, args, 8, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct audit_entry entry;
        load(rows, arena, &entry);
        vec_add(&list, entry);
        rc = 0;
    }
    vec_give(&list, arena, ret, ret_n);
    return rc;
}

int event_put(struct tx *tx, const struct event *event, struct err *err)
{
    return tx_exec(tx, &event_insert,
                   VALUES(v_str(event->id), v_str(event->name), v_str(event->conversation_id), v_str(event->data),
                          v_int(event->at), v_int(event->sequence)),
                   NULL, err);
}

int event_write(struct tx *tx, const char *name, struct str conversation_id, struct str data, struct err *err)
{
    int64_t sequence = 0;
    int rc = conversation_id.p ? conversation_next_event(tx, conversation_id, &sequence, err) : 0;
    return rc ? rc : event_write_at(tx, name, conversation_id, sequence, data, err);
}

static int write_at(struct tx *tx, const char *id, const char *name, struct str conversation_id, int64_t sequence,
                    struct str data, struct err *err)
{
    struct event event = {str_from(id), str_from(name), conversation_id, sequence, clock_wall_ms(), data};
    int rc = event_put(tx, &event, err);
    return rc ? rc : webhook_fan_out(tx, &event, err);
}

int event_write_at(struct tx *tx, const char *name, struct str conversation_id, int64_t sequence, struct str data,
                   struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    return write_at(tx, id, name, conversation_id, sequence, data, err);
}

int event_write_registration(struct tx *tx, struct str user_id, struct str data, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    int rc = write_at(tx, id, "user.registered", STR_NULL, 0, data, err);
    return rc ? rc : place_add(tx, "registration", user_id, str_from(id), err);
}

static struct str without_person(struct arena *arena, struct str data)
{
    static const char *const personal[] = {"username", "email"};
    yyjson_val *root;
    yyjson_mut_doc *doc = json_doc(arena);
    if (json_parse(arena, data, 0, &root, NULL) != 0)
        return STR("{}");
    yyjson_mut_val *object = yyjson_val_mut_copy(doc, root);
    for (size_t i = 0; i < sizeof personal / sizeof *personal; i++)
        (void)yyjson_mut_obj_put(object, yyjson_mut_str(doc, personal[i]), yyjson_mut_null(doc));
    return json_write(arena, object);
}

// Its deliveries were made in its own transaction: their ids begin with about the same time.
static int forget_answers(struct tx *tx, const struct place *at, struct err *err)
{
    enum { TIME = 13, NEAR_MS = 600000 };
    struct arena *arena = tx_arena(tx);
    uint64_t ms = 0;
    for (size_t i = 0; i < TIME && i < at->object_id.n; i++) {
        char c = at->object_id.p[i];
        ms = c == '-' ? ms : ms << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return tx_exec(tx, &answers_forget,
                   VALUES(v_str(at->brand), v_str(at->object_id), v_str(id_bound(arena, (int64_t)ms)),
                          v_str(id_bound(arena, (int64_t)ms + NEAR_MS))),
                   NULL, err);
}

int event_forget_person(struct tx *tx, struct str user_id, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct arena *arena = tx_arena(tx);
    struct place at;
    int rc = place_find(tx, arena, "registration", user_id, &at, err);
    if (rc != 1)
        return rc;
    rc = tx_query_one(tx, &event_data, VALUES(v_str(at.brand), v_str(at.object_id)), &rows, err);
    if (rc == 1)
        rc = tx_exec(tx, &event_rewrite,
                     VALUES(v_str(at.brand), v_str(at.object_id), v_str(without_person(arena, rows_str(rows, 0)))), NULL,
                     err);
    rc = rc < 0 ? rc : forget_answers(tx, &at, err);
    return rc ? rc : tx_exec(tx, &registration_drop, VALUES(v_str(at.brand), v_str(user_id)), NULL, err);
}
