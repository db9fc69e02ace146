// SPDX-License-Identifier: Apache-2.0
#include "store/tool_call.h"

#include "base/id.h"

#define KEPT_MS ((int64_t)30 * 24 * 3600 * 1000)

STORE_SQL(tool_call_insert, "INSERT INTO tool_calls (brand_id, id, chatbot_id, conversation_id, plugin, tool, ok, "
                            "status, latency_ms, bytes, error, created_at) "
                            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
STORE_SQL_ALL(tool_call_sweep, "DELETE FROM tool_calls WHERE created_at < $1");

int tool_call_write(struct tx *tx, const struct tool_call_row *row, struct err *err)
{
    char id[ID_SIZE];
    id_v7(id);
    return tx_exec(tx, &tool_call_insert,
                   VALUES(v_cstr(id), v_str(row->chatbot_id), v_str(row->conversation_id), v_cstr(row->plugin),
                          v_cstr(row->tool), v_bool(!row->error), row->status ? v_int(row->status) : v_null(),
                          v_int(row->latency_ms), v_int(row->bytes), v_cstr(row->error), v_int(row->at)),
                   NULL, err);
}

int tool_calls_expire(struct tx *tx, int64_t now, struct err *err)
{
    return tx_exec(tx, &tool_call_sweep, VALUES(v_int(now - KEPT_MS)), NULL, err);
}
