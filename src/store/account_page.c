// SPDX-License-Identifier: Apache-2.0
// Lists of users, with filters and an order: of a brand, or of the installation. Both are one text with two sets of
// expressions, because what "role" and "active" mean differs: in the brand asked about, or at home.
#include "store/account.h"

// The user's own brand, else the oldest membership.
#define HOME(column)                                                                                                   \
    "(SELECT " column " FROM memberships m JOIN brands b ON b.id = m.brand_id WHERE m.user_id = u.id AND "             \
    "m.active = 1 AND b.deleted_at IS NULL ORDER BY CASE WHEN b.created_by = m.user_id THEN 0 ELSE 1 END, "            \
    "m.created_at, "                                                                                                   \
    "m.brand_id LIMIT 1)"
#define SHOWN(role) "CASE WHEN u.super_admin = 1 THEN 'super_admin' ELSE COALESCE(" role ", 'user') END"
#define COLUMNS(active, brand, name, role)                                                                             \
    "SELECT u.id, u.username, u.email, u.first_name, u.last_name, u.super_admin, " active ", u.last_login, "           \
    "u.created_at, u.updated_at, " brand ", " name ", " SHOWN(role)
#define MATCHES(active, role, p_role, p_active, p_q)                                                                   \
    "(CAST(" p_role                                                                                                    \
    " AS TEXT) IS NULL OR " SHOWN(role) " = " p_role ") AND (CAST(" p_active " AS BIGINT) IS NULL OR " active          \
                                        " = " p_active ") AND (CAST(" p_q                                              \
                                        " AS TEXT) IS NULL OR u.username_fold LIKE " p_q " ESCAPE '\\' OR "            \
                                        "u.email_fold LIKE " p_q " ESCAPE '\\')"
#define TEXT_KEY(p_sort) "CASE CAST(" p_sort " AS BIGINT) WHEN 1 THEN u.username_fold WHEN 2 THEN u.email_fold END"
#define TIME_KEY(p_sort)                                                                                               \
    "CASE CAST(" p_sort " AS BIGINT) WHEN 0 THEN u.created_at WHEN 3 THEN COALESCE(u.last_login, 0) END"
#define DOWN(p_down, key) "CASE WHEN CAST(" p_down " AS BIGINT) = 1 THEN " key " END DESC"
#define UP(p_down, key) "CASE WHEN CAST(" p_down " AS BIGINT) = 0 THEN " key " END"
#define ORDER(p_sort, p_down)                                                                                          \
    " ORDER BY " DOWN(p_down, TEXT_KEY(p_sort)) ", " UP(p_down, TEXT_KEY(p_sort)) ", " DOWN(                           \
        p_down, TIME_KEY(p_sort)) ", " UP(p_down, TIME_KEY(p_sort)) ", u.id"

STORE_SQL_ALL(users_page,
              COLUMNS("u.active", HOME("m.brand_id"), HOME("b.name"),
                      HOME("m.role")) " FROM users u WHERE " MATCHES("u.active", HOME("m.role"), "$1", "$2", "$3")
                  ORDER("$4", "$5") " LIMIT $6 OFFSET $7");
STORE_SQL_ALL(users_page_count,
              "SELECT COUNT(*) FROM users u WHERE " MATCHES("u.active", HOME("m.role"), "$1", "$2", "$3"));
#define MEMBERS " FROM users u JOIN memberships m ON m.brand_id = $1 AND m.user_id = u.id JOIN brands b ON b.id = $1 "
#define BOTH "u.active * m.active"
STORE_SQL(members_page, COLUMNS(BOTH, "m.brand_id", "b.name", "m.role") MEMBERS
          "WHERE " MATCHES(BOTH, "m.role", "$2", "$3", "$4") ORDER("$5", "$6") " LIMIT $7 OFFSET $8");
STORE_SQL(members_page_count, "SELECT COUNT(*)" MEMBERS "WHERE " MATCHES(BOTH, "m.role", "$2", "$3", "$4"));

// The text as a LIKE pattern that finds it anywhere.
static struct str pattern(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.n * 2 + 3);
    size_t n = 0;
    out[n++] = '%';
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '%' || text.p[i] == '_' || text.p[i] == '\\')
            out[n++] = '\\';
        out[n++] = text.p[i];
    }
    out[n++] = '%';
    return (struct str){out, n};
}

static void load(struct rows *rows, struct arena *arena, struct user_entry *ret)
{
    struct user_row *user = &ret->user;
    struct str *const texts[] = {&user->id, &user->username, &user->email, &user->first_name, &user->last_name};
    for (size_t i = 0; i < 5; i++)
        *texts[i] = arena_str(arena, rows_str(rows, i));
    user->super_admin = rows_bool(rows, 5);
    user->active = rows_bool(rows, 6);
    user->last_login = rows_is_null(rows, 7) ? 0 : rows_int(rows, 7);
    user->created_at = rows_int(rows, 8);
    user->updated_at = rows_int(rows, 9);
    ret->brand = arena_str(arena, rows_str(rows, 10));
    ret->brand_name = arena_str(arena, rows_str(rows, 11));
    ret->role = arena_str(arena, rows_str(rows, 12));
}

int user_page(struct tx *tx, struct arena *arena, const struct user_query *query, struct user_entry **ret,
              size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *total = NULL, *rows = NULL;
    bool brand = tx_scope(tx)->brand.p && !str_eq(tx_scope(tx)->brand, SCOPE_OWN);
    struct value args[] = {v_str(query->role),
                           query->active < 0 ? v_null() : v_int(query->active),
                           query->q.p ? v_str(pattern(arena, query->q)) : v_null(),
                           v_int(query->sort),
                           v_bool(query->descending),
                           v_int(query->limit),
                           v_int(query->offset)};
    int rc = tx_query_one(tx, brand ? &members_page_count : &users_page_count, args, 3, &total, err);
    if (rc < 0)
        return rc;
    *ret_total = rows_int(total, 0);
    rc = tx_query(tx, brand ? &members_page : &users_page, args, sizeof args / sizeof *args, &rows, err);
    *ret = arena_calloc(arena, (size_t)query->limit + 1, sizeof **ret);
    for (*ret_n = 0; !rc && (rc = rows_next(rows, err)) == 1; rc = 0)
        load(rows, arena, &(*ret)[(*ret_n)++]);
    return rc;
}
