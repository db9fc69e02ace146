// SPDX-License-Identifier: Apache-2.0
#include "store/upload.h"

#include "base/vec.h"

#include <stdlib.h>

#define COLUMNS                                                                                                        \
    "u.brand_id, u.id, u.filename, u.status, u.file_size, u.products_added, u.products_updated, u.products_skipped, "  \
    "u.products_failed, u.created_at, u.errors"
#define ADMINISTERED                                                                                                   \
    "EXISTS (SELECT 1 FROM brands b WHERE b.id = u.brand_id AND b.deleted_at IS NULL) AND (CAST($1 AS TEXT) IS NULL "  \
    "OR EXISTS (SELECT 1 FROM memberships m WHERE m.brand_id = u.brand_id AND m.user_id = $1 AND m.role = 'admin'))"

STORE_SQL(upload_add, "INSERT INTO uploads (brand_id, id, filename, status, file_size, products_added, "
                      "products_updated, products_skipped, products_failed, created_at, errors) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
STORE_SQL_ALL(uploads_administered, "SELECT " COLUMNS " FROM uploads u WHERE " ADMINISTERED
                                    " ORDER BY u.created_at DESC, u.id DESC LIMIT $2 OFFSET $3");
STORE_SQL_ALL(upload_named, "SELECT " COLUMNS " FROM uploads u WHERE (u.id = $2 OR u.filename = $2) AND " ADMINISTERED
                            " ORDER BY u.created_at DESC, u.id DESC LIMIT 1");

int upload_insert(struct tx *tx, const struct upload *u, struct err *err)
{
    return tx_exec(tx, &upload_add,
                   VALUES(v_str(u->id), v_str(u->filename), v_str(u->status), v_int(u->size), v_int(u->added),
                          v_int(u->updated), v_int(u->skipped), v_int(u->failed), v_int(u->created_at),
                          v_str(u->errors)),
                   NULL, err);
}

static struct upload row_of(struct arena *arena, struct rows *rows)
{
    return (struct upload){
        .brand = arena_str(arena, rows_str(rows, 0)),
        .id = arena_str(arena, rows_str(rows, 1)),
        .filename = arena_str(arena, rows_str(rows, 2)),
        .status = arena_str(arena, rows_str(rows, 3)),
        .size = rows_int(rows, 4),
        .added = rows_int(rows, 5),
        .updated = rows_int(rows, 6),
        .skipped = rows_int(rows, 7),
        .failed = rows_int(rows, 8),
        .created_at = rows_int(rows, 9),
        .errors = arena_str(arena, rows_str(rows, 10)),
    };
}

int upload_list(struct tx *tx, struct arena *arena, struct str admin, int64_t limit, int64_t offset,
                struct upload **ret, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    *ret = arena_calloc(arena, (size_t)limit, sizeof **ret);
    *ret_n = 0;
    int rc = tx_query(tx, &uploads_administered, VALUES(v_str(admin), v_int(limit), v_int(offset)), &rows, err);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        (*ret)[(*ret_n)++] = row_of(arena, rows);
        rc = 0;
    }
    return rc;
}

int upload_get(struct tx *tx, struct arena *arena, struct str admin, struct str name, struct upload *ret,
               struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &upload_named, VALUES(v_str(admin), v_str(name)), &rows, err);
    if (rc == 1)
        *ret = row_of(arena, rows);
    return rc;
}
