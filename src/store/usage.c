// SPDX-License-Identifier: Apache-2.0
#include "store/usage.h"

#include "base/clock.h"
#include "base/id.h"

#include <stdio.h>

STORE_SQL(usage_insert, "INSERT INTO usage_rows (brand_id, id, chatbot_id, model, prompt_tokens, completion_tokens, "
                        "estimated, cost, created_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
// Ids begin with their time: those before the period are not looked at.
STORE_SQL(usage_sum,
          "SELECT COALESCE(SUM(prompt_tokens + completion_tokens), 0), COALESCE(SUM(cost), 0) FROM usage_rows "
          "WHERE brand_id = $1 AND id >= $2 AND created_at >= $3");

int usage_write(struct tx *tx, struct str chatbot_id, struct str model, int64_t prompt, int64_t completion,
                bool estimated, int64_t cost, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    return tx_exec(tx, &usage_insert,
                   VALUES(v_cstr(id), v_str(chatbot_id), v_str(model), v_int(prompt), v_int(completion),
                          v_bool(estimated), v_int(cost), v_int(clock_wall_ms())),
                   NULL, err);
}

int usage_since(struct tx *tx, int64_t from, int64_t *ret_tokens, int64_t *ret_cost, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    char first[16];
    uint64_t ms = from > 0 ? (uint64_t)from : 0;
    (void)snprintf(first, sizeof first, "%08x-%04x", (unsigned)(ms >> 16), (unsigned)(ms & 0xffff));
    int rc = tx_query_one(tx, &usage_sum, VALUES(v_cstr(first), v_int(from)), &rows, err);
    if (rc != 1)
        return rc;
    *ret_tokens = rows_int(rows, 0);
    *ret_cost = rows_int(rows, 1);
    return 0;
}
