// SPDX-License-Identifier: Apache-2.0
#include "store/ids.h"

#include "base/vec.h"

#include <stdlib.h>

int ids_query(struct tx *tx, struct arena *arena, const struct store_sql *sql, const struct value *args, size_t n,
              struct strings *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct str) ids = {0};
    int rc = tx_query(tx, sql, args, n, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        vec_add(&ids, arena_str(arena, rows_str(rows, 0)));
        rc = 0;
    }
    *ret = (struct strings){arena_calloc(arena, ids.n + 1, sizeof(struct str)), ids.n};
    if (ids.n)
        memcpy(ret->at, ids.at, ids.n * sizeof *ids.at);
    vec_done(&ids);
    return rc;
}

int count_query(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, int64_t *ret,
                struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, sql, args, n, &rows, err);
    if (rc == 1)
        *ret = rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}

int ids_changed(struct tx *tx, enum change_kind kind, const struct store_sql *sql, struct str of, struct err *err)
{
    struct strings ids;
    int rc = ids_query(tx, tx_arena(tx), sql, VALUES(v_str(of), v_int(IDS_TOLD + 1)), &ids, err);
    for (size_t i = 0; i < ids.n && ids.n <= IDS_TOLD; i++)
        tx_changed(tx, kind, ids.at[i]);
    if (ids.n > IDS_TOLD)
        tx_changed(tx, kind, STR_NULL);
    return rc;
}

struct str id_bound(struct arena *arena, int64_t ms)
{
    return arena_strf(arena, "%08llx-%04llx-0000-0000-000000000000", (unsigned long long)ms >> 16,
                      (unsigned long long)ms & 0xffff);
}
