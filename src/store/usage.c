// SPDX-License-Identifier: Apache-2.0
#include "store/usage.h"

#include "base/clock.h"
#include "base/id.h"

STORE_SQL(
    usage_insert,
    "INSERT INTO usage_rows (brand_id, id, chatbot_id, model, prompt_tokens, completion_tokens, estimated, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");

int usage_write(struct tx *tx, struct str chatbot_id, struct str model, int64_t prompt, int64_t completion,
                bool estimated, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    return tx_exec(tx, &usage_insert,
                   VALUES(v_cstr(id), v_str(chatbot_id), v_str(model), v_int(prompt), v_int(completion),
                          v_bool(estimated), v_int(clock_wall_ms())),
                   NULL, err);
}
