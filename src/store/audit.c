// SPDX-License-Identifier: Apache-2.0
#include "store/audit.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/vec.h"

#include <stdlib.h>

STORE_SQL(audit_insert, "INSERT INTO audit (brand_id, id, at, actor, address, user_agent, action, target, fields, "
                        "chatbot_id, old_value, new_value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
STORE_SQL(audit_newest, "SELECT id, at, actor, address, action, target, fields FROM audit WHERE brand_id = $1 "
                        "AND at >= $2 ORDER BY id DESC LIMIT $3 OFFSET $4");
STORE_SQL(audit_count, "SELECT COUNT(*) FROM audit WHERE brand_id = $1 AND at >= $2");
STORE_SQL(event_insert,
          "INSERT INTO events (brand_id, id, name, conversation_id, data, created_at) VALUES ($1, $2, $3, $4, $5, $6)");

static struct str or_empty(struct str s)
{
    return s.p ? s : STR("");
}

static int insert(struct tx *tx, const struct audit_change *change, struct str fields, struct err *err)
{
    char id[ID_SIZE];
    const struct scope *scope = tx_scope(tx);
    id_v7(id);
    return tx_exec(tx, &audit_insert,
                   VALUES(v_cstr(id), v_int(clock_wall_ms()), v_str(or_empty(scope->actor)),
                          v_str(or_empty(scope->address)), v_str(or_empty(scope->user_agent)), v_cstr(change->action),
                          v_str(or_empty(change->target)), v_str(or_empty(fields)), v_str(change->chatbot_id),
                          v_str(change->old_value), v_str(change->new_value)),
                   NULL, err);
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

int audit_list(struct tx *tx, struct arena *arena, int64_t since, int64_t limit, int64_t offset,
               struct audit_entry **ret, size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *total = NULL, *rows = NULL;
    VEC(struct audit_entry) list = {0};
    int rc = tx_query_one(tx, &audit_count, VALUES(v_int(since)), &total, err);
    if (rc < 0)
        return rc;
    *ret_total = rows_int(total, 0);
    rc = tx_query(tx, &audit_newest, VALUES(v_int(since), v_int(limit), v_int(offset)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct audit_entry entry = {.at = rows_int(rows, 1)};
        struct str *const texts[] = {&entry.id,     NULL,          &entry.actor, &entry.address,
                                     &entry.action, &entry.target, &entry.fields};
        for (size_t i = 0; i < 7; i++)
            if (texts[i])
                *texts[i] = arena_str(arena, rows_str(rows, i));
        vec_add(&list, entry);
        rc = 0;
    }
    *ret = arena_calloc(arena, list.n + 1, sizeof **ret);
    if (list.n)
        memcpy(*ret, list.at, list.n * sizeof **ret);
    *ret_n = list.n;
    vec_done(&list);
    return rc;
}

int event_write(struct tx *tx, const char *name, struct str conversation_id, struct str data, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    return tx_exec(tx, &event_insert,
                   VALUES(v_cstr(id), v_cstr(name), v_str(conversation_id), v_str(data), v_int(clock_wall_ms())), NULL,
                   err);
}
