// SPDX-License-Identifier: Apache-2.0
#include "store/feedback.h"

#include "base/id.h"

STORE_SQL(feedback_upsert,
          "INSERT INTO feedback (brand_id, id, chatbot_id, conversation_id, message_id, user_label, type, comment, "
          "source, reported_query, reported_response, created_at, updated_at) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) "
          "ON CONFLICT (brand_id, message_id, user_label) DO UPDATE SET type = excluded.type, "
          "comment = excluded.comment, reported_query = excluded.reported_query, "
          "reported_response = excluded.reported_response, learned = 0, updated_at = excluded.updated_at "
          "RETURNING id, created_at");

int feedback_put(struct tx *tx, struct arena *arena, struct feedback *row, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    char id[ID_SIZE];
    id_v7(id);
    int rc =
        tx_query_one(tx, &feedback_upsert,
                     VALUES(v_cstr(id), v_str(row->chatbot_id), v_str(row->conversation_id), v_str(row->message_id),
                            v_str(row->user_label), v_str(row->type), v_str(row->comment), v_cstr(row->source),
                            v_str(row->reported_query), v_str(row->reported_response), v_int(row->updated_at)),
                     &rows, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_INTERNAL, "feedback was not written");
    row->id = arena_str(arena, rows_str(rows, 0));
    row->created_at = rows_int(rows, 1);
    return 0;
}
