// SPDX-License-Identifier: Apache-2.0
#include "store/activity.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/vec.h"
#include "store/ids.h"

#include <stdlib.h>

#define INSERT                                                                                                         \
    "INSERT INTO activities (brand_id, id, type, user_id, entity_type, entity_id, metadata, address, user_agent, "     \
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
STORE_SQL(activity_insert, INSERT);
STORE_SQL_ALL(activity_insert_in, INSERT);

#define TIMED                                                                                                          \
    " FROM activities a WHERE a.brand_id = $1 AND a.created_at >= $2 AND a.created_at < $3 AND "                       \
    "(CAST($4 AS TEXT) IS NULL OR a.user_id = $4)"
#define CHOSEN                                                                                                         \
    TIMED " AND (CAST($5 AS TEXT) IS NULL OR a.type = $5) AND (CAST($6 AS TEXT) IS NULL OR a.entity_type = $6) AND "   \
          "(CAST($7 AS TEXT) IS NULL OR a.entity_id = $7)"
STORE_SQL(activity_count_all, "SELECT COUNT(*)" TIMED " AND (CAST($5 AS TEXT) IS NULL OR a.type = $5)");
STORE_SQL(activity_count_entity, "SELECT COUNT(*)" CHOSEN);
STORE_SQL(activity_rows,
          "SELECT a.id, a.user_id, u.first_name, u.last_name, u.username, a.type, a.entity_type, "
          "a.entity_id, a.metadata, a.address, a.user_agent, a.created_at FROM (SELECT a.brand_id, a.id, "
          "a.user_id, a.type, a.entity_type, a.entity_id, a.metadata, a.address, a.user_agent, a.created_at" CHOSEN
          " ORDER BY a.created_at DESC, a.id DESC LIMIT $8 OFFSET $9) AS a LEFT JOIN users u ON "
          "u.id = a.user_id ORDER BY a.created_at DESC, a.id DESC");
STORE_SQL(activity_types, "SELECT a.type, '', '', '', 0, COUNT(*)" TIMED " GROUP BY a.type ORDER BY a.type");
STORE_SQL(activity_days, "SELECT '', '', '', '', a.created_at / 86400000, COUNT(*)" TIMED
                         " GROUP BY a.created_at / 86400000 ORDER BY a.created_at / 86400000");
STORE_SQL(activity_users,
          "SELECT t.user_id, u.first_name, u.last_name, u.username, 0, t.n FROM (SELECT a.user_id, "
          "COUNT(*) AS n" TIMED " AND a.user_id <> '' GROUP BY a.user_id ORDER BY COUNT(*) DESC, "
          "a.user_id LIMIT 10) AS t LEFT JOIN users u ON u.id = t.user_id ORDER BY t.n DESC, t.user_id");
STORE_SQL_ALL(activity_brand_behind, "SELECT MIN(brand_id) FROM activities WHERE brand_id > $1");
STORE_SQL(activity_delete, "DELETE FROM activities WHERE brand_id = $1 AND created_at < $2 AND id IN (SELECT id FROM "
                           "activities WHERE brand_id = $1 AND created_at < $2 ORDER BY created_at, id LIMIT $3)");

enum { COLUMNS = 9 };

static void columns_of(struct tx *tx, const struct activity *a, char id[ID_SIZE], struct value out[COLUMNS])
{
    const struct scope *scope = tx_scope(tx);
    bool user = scope->actor_kind == ACTOR_USER;
    id_v7(id);
    out[0] = v_cstr(id);
    out[1] = v_cstr(a->type);
    out[2] = v_str(user ? scope->actor : STR(""));
    out[3] = v_cstr(a->entity_type);
    out[4] = v_str(a->entity_id);
    out[5] = v_str(a->metadata.p ? a->metadata : STR("{}"));
    out[6] = v_str(user ? scope->address : STR_NULL);
    out[7] = v_str(user ? scope->user_agent : STR_NULL);
    out[8] = v_int(clock_wall_ms());
}

int activity_write(struct tx *tx, const struct activity *activity, struct err *err)
{
    char id[ID_SIZE];
    struct value columns[COLUMNS];
    columns_of(tx, activity, id, columns);
    return tx_exec(tx, &activity_insert, columns, COLUMNS, NULL, err);
}

int activity_write_in(struct tx *tx, struct str brand, const struct activity *activity, struct err *err)
{
    char id[ID_SIZE];
    struct value columns[1 + COLUMNS] = {v_str(brand)};
    columns_of(tx, activity, id, columns + 1);
    return tx_exec(tx, &activity_insert_in, columns, 1 + COLUMNS, NULL, err);
}

// ---- reading -------------------------------------------------------------------------------------------------------

// Full name, else the username; STR_NULL: no such user any more.
static struct str name_of(struct arena *arena, struct rows *rows, size_t column)
{
    struct str first = rows_str(rows, column), last = rows_str(rows, column + 1);
    struct str name = str_trim(arena_strf(arena, STR_FMT " " STR_FMT, STR_ARG(first), STR_ARG(last)));
    return name.n ? name : arena_str(arena, rows_str(rows, column + 2));
}

static struct activity_entry entry_of(struct arena *arena, struct rows *rows)
{
    return (struct activity_entry){
        .id = arena_str(arena, rows_str(rows, 0)),
        .user_id = rows_str(rows, 1).n ? arena_str(arena, rows_str(rows, 1)) : STR_NULL,
        .user_name = name_of(arena, rows, 2),
        .type = arena_str(arena, rows_str(rows, 5)),
        .entity_type = arena_str(arena, rows_str(rows, 6)),
        .entity_id = arena_str(arena, rows_str(rows, 7)),
        .metadata = arena_str(arena, rows_str(rows, 8)),
        .address = arena_str(arena, rows_str(rows, 9)),
        .user_agent = arena_str(arena, rows_str(rows, 10)),
        .at = rows_int(rows, 11),
    };
}

int activity_list(struct tx *tx, struct arena *arena, const struct activity_query *q, struct activity_entry **ret,
                  size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct activity_entry) list = {0};
    bool entity = q->entity_type.p || q->entity_id.p;
    struct value args[] = {v_int(q->from),        v_int(q->to),        v_str(q->user_id), v_str(q->type),
                           v_str(q->entity_type), v_str(q->entity_id), v_int(q->limit),   v_int(q->offset)};
    int rc =
        count_query(tx, entity ? &activity_count_entity : &activity_count_all, args, entity ? 6 : 4, ret_total, err);
    rc = rc ? rc : tx_query(tx, &activity_rows, args, 8, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct activity_entry entry = entry_of(arena, rows);
        vec_add(&list, entry);
        rc = 0;
    }
    vec_give(&list, arena, ret, ret_n);
    return rc;
}

static int counts(struct tx *tx, struct arena *arena, const struct store_sql *sql, const struct activity_query *q,
                  struct activity_counts *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct activity_count) list = {0};
    int rc = tx_query(tx, sql, VALUES(v_int(q->from), v_int(q->to), v_str(q->user_id)), &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct activity_count one = {arena_str(arena, rows_str(rows, 0)), name_of(arena, rows, 1), rows_int(rows, 4),
                                     rows_int(rows, 5)};
        vec_add(&list, one);
        rc = 0;
    }
    vec_give(&list, arena, &ret->at, &ret->n);
    return rc;
}

int activity_stats(struct tx *tx, struct arena *arena, const struct activity_query *query, struct activity_stats *ret,
                   struct err *err)
{
    int rc = counts(tx, arena, &activity_types, query, &ret->types, err);
    rc = rc ? rc : counts(tx, arena, &activity_days, query, &ret->days, err);
    return rc ? rc : counts(tx, arena, &activity_users, query, &ret->users, err);
}

// ---- the end -------------------------------------------------------------------------------------------------------

int activity_next_brand(struct tx *tx, struct arena *arena, struct str after, struct str *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &activity_brand_behind, VALUES(v_str(after.p ? after : STR(""))), &rows, err);
    *ret = rc == 1 ? arena_str(arena, rows_str(rows, 0)) : STR_NULL;
    return rc < 0 ? rc : 0;
}

int activity_expire(struct tx *tx, int64_t before, int64_t most, int64_t *ret_deleted, struct err *err)
{
    return tx_exec(tx, &activity_delete, VALUES(v_int(before), v_int(most)), ret_deleted, err);
}
