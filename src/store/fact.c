// SPDX-License-Identifier: Apache-2.0
#include "store/fact.h"

STORE_SQL_ALL(fact_select, "SELECT value FROM facts WHERE name = $1");
STORE_SQL_ALL(fact_upsert, "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value");

int fact_get(struct tx *tx, struct arena *arena, const char *name, struct str *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &fact_select, VALUES(v_cstr(name)), &rows, err);
    if (rc == 1)
        *ret = arena_str(arena, rows_str(rows, 0));
    return rc;
}

int fact_put(struct tx *tx, const char *name, struct str value, struct err *err)
{
    return tx_exec(tx, &fact_upsert, VALUES(v_cstr(name), v_str(value)), NULL, err);
}
