// SPDX-License-Identifier: Apache-2.0
// Opening, checking, and walking the stored records; chroma_queue.c has what was not applied to them yet.
#include "ingest/chroma_internal.h"

#include "base/map.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALUE_MOST = 64 << 20, RECORD_BYTES_MOST = 128 << 20, COLLECTIONS_MOST = 100000 };
#define DOCUMENT "chroma:document"

// What must be there; the rest of the schema differs between versions.
static const struct {
    const char *table, *columns;
} needed[] = {
    {"collections", "id|name"},
    {"collection_metadata", "collection_id|key|str_value"},
    {"segments", "id|scope|collection"},
    {"embeddings", "id|segment_id|embedding_id"},
    {"embedding_metadata", "id|key|string_value|int_value|float_value"},
    {"embeddings_queue", "seq_id|operation|topic|id|metadata"},
    {"max_seq_id", "segment_id|seq_id"},
};

// ---- SQLite --------------------------------------------------------------------------------------------------------

int chroma_failed(const struct chroma *chroma, const char *what, struct err *err)
{
    int rc = sqlite3_errcode(chroma->db);
    bool damaged = rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_ERROR || rc == SQLITE_TOOBIG;
    return err_set(err, damaged ? ERR_FORMAT : ERR_IO, "the database is damaged (%s: %s)", what,
                   sqlite3_errmsg(chroma->db));
}

int chroma_prepare(struct chroma *chroma, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    int rc = sqlite3_prepare_v2(chroma->db, sql, -1, ret, NULL);
    return rc == SQLITE_OK ? 0 : chroma_failed(chroma, "tables", err);
}

void chroma_stmt_done(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
    *stmt = NULL;
}

struct str chroma_column(sqlite3_stmt *stmt, int column)
{
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        return STR_NULL;
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return (struct str){text ? text : "", (size_t)sqlite3_column_bytes(stmt, column)};
}

static void bind(sqlite3_stmt *stmt, int at, struct str text)
{
    sqlite3_bind_text64(stmt, at, text.p, text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

// 1 = a row, 0 = end.
static int step(struct chroma *chroma, sqlite3_stmt *stmt, const char *what, struct err *err)
{
    int rc = sqlite3_step(stmt);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : chroma_failed(chroma, what, err);
}

// 1, 0. A view of that name is no table.
static int has_column(struct chroma *chroma, const char *table, struct str column, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int rc = chroma_prepare(chroma,
                            "SELECT 1 FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = 'table' AND "
                            "s.name = ?1 AND (?2 IS NULL OR c.name = ?2)",
                            &stmt, err);
    if (rc)
        return rc;
    bind(stmt, 1, str_from(table));
    bind(stmt, 2, column);
    return step(chroma, stmt, table, err);
}

static int check_table(struct chroma *chroma, const char *table, const char *columns, struct err *err)
{
    int rc = has_column(chroma, table, STR_NULL, err);
    if (rc == 0)
        return err_set(err, ERR_FORMAT, "is no Chroma database: the table %s is missing", table);
    for (struct str rest = str_from(columns); rest.p && rc == 1;) {
        struct str column = str_split(&rest, '|');
        rc = has_column(chroma, table, column, err);
        if (rc == 0)
            return err_set(err, ERR_FORMAT, "is no Chroma database: the column %s." STR_FMT " is missing", table,
                           STR_ARG(column));
    }
    return rc < 0 ? rc : 0;
}

// The pages of the table and of its indexes.
static int check_pages(struct chroma *chroma, const char *table, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    char sql[100];
    (void)snprintf(sql, sizeof sql, "PRAGMA integrity_check(%s)", table);
    int rc = chroma_prepare(chroma, sql, &stmt, err);
    rc = rc ? rc : step(chroma, stmt, table, err);
    if (rc < 0)
        return rc;
    struct str said = rc ? chroma_column(stmt, 0) : STR("nothing");
    if (!str_eq(said, STR("ok")))
        return err_set(err, ERR_FORMAT, "the database is damaged (%s: %.*s)", table, (int)(said.n < 100 ? said.n : 100),
                       said.p);
    return 0;
}

static int open_copy(struct chroma *chroma, const char *copy, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    if (sqlite3_open_v2(copy, &chroma->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return err_set(err, ERR_IO, "the temporary copy cannot be opened");
    sqlite3_extended_result_codes(chroma->db, 0);
    sqlite3_limit(chroma->db, SQLITE_LIMIT_LENGTH, VALUE_MOST);
    (void)sqlite3_db_config(chroma->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(chroma->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(chroma->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(chroma->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    // One process has it: the log needs no shared memory, and goes into the copy.
    int rc = sqlite3_exec(chroma->db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return chroma_failed(chroma, "opening", err);
    rc = chroma_prepare(chroma, "PRAGMA journal_mode = DELETE", &stmt, err);
    rc = rc ? rc : step(chroma, stmt, "its log", err);
    return rc < 0 ? rc : 0;
}

static int by_name(const void *a, const void *b)
{
    const struct chroma_collection *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : str_cmp(x->id, y->id);
}

static int load_collections(struct chroma *chroma, struct err *err)
{
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int rc = chroma_prepare(chroma,
                            "SELECT c.id, c.name, (SELECT m.str_value FROM collection_metadata m WHERE m.collection_id "
                            "= c.id AND m.key = 'brand_id'), (SELECT s.id FROM segments s WHERE s.collection = c.id "
                            "AND s.scope = 'METADATA') FROM collections c",
                            &stmt, err);
    while (!rc && (rc = step(chroma, stmt, "collections", err)) == 1) {
        struct arena *arena = chroma->arena;
        vec_push(&chroma->collections, .id = arena_str(arena, chroma_column(stmt, 0)),
                 .name = arena_str(arena, chroma_column(stmt, 1)), .brand = arena_str(arena, chroma_column(stmt, 2)),
                 .segment = arena_str(arena, chroma_column(stmt, 3)));
        rc = chroma->collections.n <= COLLECTIONS_MOST ? 0 : err_set(err, ERR_LIMIT, "has too many collections");
    }
    if (chroma->collections.n)
        qsort(chroma->collections.at, chroma->collections.n, sizeof *chroma->collections.at, by_name);
    return rc;
}

static int check(struct chroma *chroma, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !rc; i++) {
        rc = check_table(chroma, needed[i].table, needed[i].columns, err);
        rc = rc ? rc : check_pages(chroma, needed[i].table, err);
    }
    rc = rc ? rc : has_column(chroma, "embedding_metadata", STR("bool_value"), err);
    chroma->has_bool = rc == 1;
    return rc < 0 ? rc : 0;
}

// ---- opening -------------------------------------------------------------------------------------------------------

bool chroma_detects(const char *path)
{
    static const char name[] = "chroma.sqlite3";
    char file[PATH_MAX], head[16] = "";
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    if (S_ISDIR(st.st_mode))
        return (size_t)snprintf(file, sizeof file, "%s/%s", path, name) < sizeof file && stat(file, &st) == 0;
    const char *slash = strrchr(path, '/');
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool sqlite = fd >= 0 && read(fd, head, sizeof head) == sizeof head && memcmp(head, "SQLite format 3", 16) == 0;
    if (fd >= 0)
        close(fd);
    return sqlite || strcmp(slash ? slash + 1 : path, name) == 0;
}

int chroma_open(const char *path, const char *temp_dir, struct chroma **ret, struct err *err)
{
    char copy[PATH_MAX];
    struct chroma *chroma = mem_zalloc(sizeof *chroma);
    chroma->arena = arena_new(0);
    int rc = chroma_copy(path, temp_dir, copy, sizeof copy, err);
    rc = rc ? rc : open_copy(chroma, copy, err);
    rc = rc ? rc : check(chroma, err);
    rc = rc ? rc : load_collections(chroma, err);
    if (!rc)
        *ret = chroma;
    else
        chroma_close(chroma);
    return rc;
}

void chroma_close(struct chroma *chroma)
{
    if (!chroma)
        return;
    const char *copy = chroma->db ? sqlite3_db_filename(chroma->db, "main") : NULL;
    if (copy)
        (void)unlink(copy);
    chroma_stmt_done(&chroma->text);
    (void)sqlite3_close_v2(chroma->db);
    vec_done(&chroma->collections);
    arena_free(chroma->arena);
    free(chroma);
}

const struct chroma_collection *chroma_collections(const struct chroma *chroma, size_t *ret_n)
{
    *ret_n = chroma->collections.n;
    return chroma->collections.at;
}

// ---- texts kept for searching --------------------------------------------------------------------------------------

// Where the copies of texts are: the table behind the virtual one, whose module is then not needed. Some files name the
// record in a column of their own; those are put into a table where they can be found.
static const char by_rowid[] = "SELECT c0 FROM embedding_fulltext_search_content WHERE id = ?1",
                  by_virtual[] = "SELECT string_value FROM embedding_fulltext_search WHERE rowid = ?1",
                  by_id[] = "SELECT text FROM temp.texts WHERE id = ?1";

static int ask_texts(struct chroma *chroma, struct err *err)
{
    static const char shadow[] = "embedding_fulltext_search_content";
    const char *sql = NULL;
    chroma->text_asked = true;
    int rc = has_column(chroma, shadow, STR("c1"), err);
    if (rc == 1) {
        rc = sqlite3_exec(chroma->db,
                          "CREATE TEMP TABLE texts (id INTEGER PRIMARY KEY, text);"
                          "INSERT OR REPLACE INTO temp.texts SELECT CAST(c0 AS INTEGER), c1 FROM "
                          "embedding_fulltext_search_content WHERE c0 IS NOT NULL",
                          NULL, NULL, NULL);
        if (rc != SQLITE_OK)
            return chroma_failed(chroma, shadow, err);
        sql = by_id;
    } else if (rc == 0 && (rc = has_column(chroma, shadow, STR("c0"), err)) >= 0) {
        sql = rc == 1 ? by_rowid : by_virtual;
    }
    if (rc < 0)
        return rc;
    // No copies at all: the texts are simply not there.
    if (sqlite3_prepare_v2(chroma->db, sql, -1, &chroma->text, NULL) != SQLITE_OK)
        chroma->text = NULL;
    return 0;
}

static int find_text(struct chroma *chroma, int64_t number, struct arena *arena, struct str *ret, struct err *err)
{
    int rc = chroma->text_asked ? 0 : ask_texts(chroma, err);
    if (rc || !chroma->text)
        return rc;
    sqlite3_bind_int64(chroma->text, 1, number);
    rc = step(chroma, chroma->text, "texts", err);
    if (rc == 1)
        *ret = arena_str(arena, chroma_column(chroma->text, 0));
    sqlite3_reset(chroma->text);
    return rc < 0 ? rc : 0;
}

// ---- records -------------------------------------------------------------------------------------------------------

struct walk {
    struct chroma *chroma;
    struct chroma_queue queue;
    int (*each)(void *arg, const struct chroma_record *record);
    void *arg;
    // The record under way:
    struct arena *arena; // NULL: none
    yyjson_mut_doc *doc;
    yyjson_mut_val *object;
    int64_t number;
    struct str id;
    size_t bytes;
};

static void set_value(struct walk *w, sqlite3_stmt *stmt)
{
    struct str key = chroma_column(stmt, 2);
    yyjson_mut_val *value = NULL;
    double real = sqlite3_column_double(stmt, 5);
    w->bytes += key.n;
    if (sqlite3_column_type(stmt, 3) != SQLITE_NULL) {
        struct str text = arena_str(w->arena, chroma_column(stmt, 3));
        w->bytes += text.n;
        value = json_new_str(w->doc, text);
    } else if (w->chroma->has_bool && sqlite3_column_type(stmt, 6) != SQLITE_NULL) {
        value = yyjson_mut_bool(w->doc, sqlite3_column_int64(stmt, 6) != 0);
    } else if (sqlite3_column_type(stmt, 4) != SQLITE_NULL) {
        value = yyjson_mut_sint(w->doc, sqlite3_column_int64(stmt, 4));
    } else if (sqlite3_column_type(stmt, 5) != SQLITE_NULL && isfinite(real)) {
        value = yyjson_mut_real(w->doc, real);
    }
    if (value && key.n)
        (void)yyjson_mut_obj_add(w->object, json_new_str(w->doc, arena_str(w->arena, key)), value);
}

static void begin_record(struct walk *w, int64_t number, struct str id)
{
    w->arena = arena_new(0);
    w->doc = json_doc(w->arena);
    w->object = yyjson_mut_obj(w->doc);
    w->number = number;
    w->id = arena_str(w->arena, id);
    w->bytes = 0;
}

static int hand_over(struct walk *w, bool stored, struct err *err)
{
    struct chroma_record record = {.id = w->id};
    yyjson_mut_val *text;
    yyjson_mut_val *document = yyjson_mut_obj_remove_key(w->object, DOCUMENT);
    if (yyjson_mut_is_str(document))
        record.document = (struct str){yyjson_mut_get_str(document), yyjson_mut_get_len(document)};
    int rc = record.document.p || !stored ? 0 : find_text(w->chroma, w->number, w->arena, &record.document, err);
    if (rc || json_parse(w->arena, json_write(w->arena, w->object), JSON_RAW_NUMBERS, &record.metadata, NULL) != 0)
        return rc ? rc : err_set(err, ERR_FORMAT, "the database is damaged (a record is no text)");
    if (record.document.p && (text = json_new_str(w->doc, record.document))) // valid UTF-8 from here on
        record.document = (struct str){yyjson_mut_get_str(text), yyjson_mut_get_len(text)};
    text = json_new_str(w->doc, record.id);
    record.id = (struct str){yyjson_mut_get_str(text), yyjson_mut_get_len(text)};
    return w->each(w->arg, &record);
}

static int end_record(struct walk *w, struct err *err)
{
    if (!w->arena)
        return 0;
    struct chroma_pending *pending = map_get(w->queue.by_id, w->id);
    if (pending) {
        pending->met = true;
        chroma_apply(pending, w->doc, w->arena, &w->object);
    }
    int rc = w->object ? hand_over(w, true, err) : 0;
    arena_free(w->arena);
    w->arena = NULL;
    return rc;
}

static int walk_stored(struct walk *w, const struct chroma_collection *collection, struct err *err)
{
    // The + keeps the walk in the order of the rows, where nothing has to be sorted.
    static const char with_bool[] =
        "SELECT e.id, e.embedding_id, m.key, m.string_value, m.int_value, m.float_value, m.bool_value FROM embeddings "
        "e LEFT JOIN embedding_metadata m ON m.id = e.id WHERE +e.segment_id = ?1 ORDER BY e.id";
    static const char without[] =
        "SELECT e.id, e.embedding_id, m.key, m.string_value, m.int_value, m.float_value FROM embeddings "
        "e LEFT JOIN embedding_metadata m ON m.id = e.id WHERE +e.segment_id = ?1 ORDER BY e.id";
    AUTO_STMT sqlite3_stmt *stmt = NULL;
    int rc = chroma_prepare(w->chroma, w->chroma->has_bool ? with_bool : without, &stmt, err);
    if (rc)
        return rc;
    bind(stmt, 1, collection->segment);
    while (!rc && (rc = step(w->chroma, stmt, "embeddings", err)) == 1) {
        int64_t number = sqlite3_column_int64(stmt, 0);
        rc = !w->arena || number == w->number ? 0 : end_record(w, err);
        if (rc)
            return rc;
        if (!w->arena)
            begin_record(w, number, chroma_column(stmt, 1));
        set_value(w, stmt);
        if (w->bytes > RECORD_BYTES_MOST)
            rc = err_set(err, ERR_LIMIT, "a record is too large");
    }
    return rc ? rc : end_record(w, err);
}

static int walk_queued(struct walk *w, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < w->queue.all.n && !rc; i++) {
        const struct chroma_pending *pending = w->queue.all.at[i];
        if (pending->met)
            continue;
        begin_record(w, 0, pending->id);
        w->object = NULL;
        chroma_apply(pending, w->doc, w->arena, &w->object);
        rc = w->object ? hand_over(w, false, err) : 0;
        arena_free(w->arena);
        w->arena = NULL;
    }
    return rc;
}

int chroma_each(struct chroma *chroma, const struct chroma_collection *collection,
                int (*each)(void *arg, const struct chroma_record *record), void *arg, struct err *err)
{
    struct walk w = {.chroma = chroma, .each = each, .arg = arg};
    int rc = chroma_queue_load(chroma, collection, &w.queue, err);
    if (!rc && collection->segment.p)
        rc = walk_stored(&w, collection, err);
    rc = rc ? rc : walk_queued(&w, err);
    arena_free(w.arena);
    chroma_queue_done(&w.queue);
    return rc;
}
