// SPDX-License-Identifier: Apache-2.0
// What was written to the collection and not yet taken into its tables: operations in order, joined by record.
#include "ingest/chroma_internal.h"

#include "base/map.h"

enum { QUEUE_BYTES_MOST = 1 << 30 };

// An integer, or a big-endian number of 8 or 24 bytes. False: there is none.
static bool read_number(sqlite3_stmt *stmt, int column, int64_t *ret)
{
    int type = sqlite3_column_type(stmt, column);
    if (type == SQLITE_NULL)
        return false;
    *ret = sqlite3_column_int64(stmt, column);
    if (type != SQLITE_BLOB)
        return true;
    const unsigned char *bytes = sqlite3_column_blob(stmt, column);
    int n = sqlite3_column_bytes(stmt, column);
    uint64_t number = 0;
    for (int i = n > 8 ? n - 8 : 0; i < n; i++)
        number = number << 8 | bytes[i];
    *ret = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    return n > 0;
}

static int applied_until(struct chroma *chroma, struct str segment, int64_t *ret, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    *ret = INT64_MIN;
    int rc = chroma_prepare(chroma, "SELECT seq_id FROM max_seq_id WHERE segment_id = ?1", &stmt, err);
    if (rc || !segment.p)
        return rc;
    sqlite3_bind_text64(stmt, 1, segment.p, segment.n, SQLITE_STATIC, SQLITE_UTF8);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        (void)read_number(stmt, 0, ret);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : chroma_failed(chroma, "max_seq_id", err);
}

static void note(struct chroma_queue *queue, int64_t operation, struct str id, struct str metadata)
{
    struct chroma_pending *pending = map_get(queue->by_id, id);
    if (!pending) {
        pending = ARENA_NEW(queue->arena, struct chroma_pending);
        pending->id = arena_str(queue->arena, id);
        pending->last = &pending->first;
        (void)map_set(queue->by_id, pending->id, pending);
        vec_add(&queue->all, pending);
    }
    struct chroma_change *change = ARENA_NEW(queue->arena, struct chroma_change);
    *change = (struct chroma_change){operation, arena_str(queue->arena, metadata), NULL};
    *pending->last = change;
    pending->last = &change->next;
}

int chroma_queue_load(struct chroma *chroma, const struct chroma_collection *collection, struct chroma_queue *ret,
                      struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int64_t until = 0;
    *ret = (struct chroma_queue){.arena = arena_new(0), .by_id = map_new()};
    int rc = applied_until(chroma, collection->segment, &until, err);
    rc = rc ? rc
            : chroma_prepare(chroma,
                             "SELECT operation, topic, id, metadata FROM embeddings_queue WHERE seq_id > ?1 "
                             "ORDER BY seq_id",
                             &stmt, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, until);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct str id = chroma_column(stmt, 2);
        if (str_ends(chroma_column(stmt, 1), collection->id) && collection->id.n && id.p)
            note(ret, sqlite3_column_int64(stmt, 0), id, chroma_column(stmt, 3));
        if (arena_used(ret->arena) > QUEUE_BYTES_MOST)
            return err_set(err, ERR_LIMIT, "too much is queued: let Chroma open the folder once");
    }
    return rc == SQLITE_DONE ? 0 : chroma_failed(chroma, "embeddings_queue", err);
}

void chroma_queue_done(struct chroma_queue *queue)
{
    map_free(queue->by_id);
    vec_done(&queue->all);
    arena_free(queue->arena);
}

// Given keys replace, null removes, others stay.
static void merge(struct str metadata, yyjson_mut_doc *doc, struct arena *arena, yyjson_mut_val *object)
{
    yyjson_val *given, *key, *value;
    size_t i, max;
    if (!metadata.p || json_parse(arena, metadata, JSON_RAW_NUMBERS, &given, NULL) != 0 || !yyjson_is_obj(given))
        return;
    yyjson_obj_foreach(given, i, max, key, value)
    {
        (void)yyjson_mut_obj_remove_keyn(object, yyjson_get_str(key), yyjson_get_len(key));
        if (!yyjson_is_null(value))
            (void)yyjson_mut_obj_add(object, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, value));
    }
}

void chroma_apply(const struct chroma_pending *pending, yyjson_mut_doc *doc, struct arena *arena,
                  yyjson_mut_val **object)
{
    for (const struct chroma_change *change = pending->first; change; change = change->next) {
        bool makes = !*object && (change->operation == CHROMA_ADD || change->operation == CHROMA_UPSERT);
        bool changes = *object && (change->operation == CHROMA_UPDATE || change->operation == CHROMA_UPSERT);
        if (change->operation == CHROMA_DELETE)
            *object = NULL;
        if (makes)
            *object = yyjson_mut_obj(doc);
        if (makes || changes)
            merge(change->metadata, doc, arena, *object);
    }
}
