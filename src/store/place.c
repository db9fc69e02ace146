// SPDX-License-Identifier: Apache-2.0
#include "store/place.h"

STORE_SQL_ALL(place_get, "SELECT brand_id, object_id FROM places WHERE kind = $1 AND name = $2");
STORE_SQL(place_insert, "INSERT INTO places (brand_id, kind, name, object_id) VALUES ($1, $2, $3, $4)");
STORE_SQL(place_delete, "DELETE FROM places WHERE brand_id = $1 AND kind = $2 AND name = $3");

int place_find(struct tx *tx, struct arena *arena, const char *kind, struct str name, struct place *ret,
               struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &place_get, VALUES(v_cstr(kind), v_str(name)), &rows, err);
    if (rc == 1)
        *ret = (struct place){arena_str(arena, rows_str(rows, 0)), arena_str(arena, rows_str(rows, 1))};
    return rc;
}

int place_add(struct tx *tx, const char *kind, struct str name, struct str object_id, struct err *err)
{
    return tx_exec(tx, &place_insert, VALUES(v_cstr(kind), v_str(name), v_str(object_id)), NULL, err);
}

int place_remove(struct tx *tx, const char *kind, struct str name, struct err *err)
{
    return tx_exec(tx, &place_delete, VALUES(v_cstr(kind), v_str(name)), NULL, err);
}
