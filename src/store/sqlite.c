// SPDX-License-Identifier: Apache-2.0
// The SQLite engine: WAL with synchronous=FULL, so a commit is one fdatasync of the log. Checkpoints are never made by
// a commit; the writer makes them between two transactions, early when nothing waits and late under load. The log is
// not truncated: overwriting it in place spares the file system a change of metadata at each sync.
//
// A connection keeps its prepared statements (at most STMTS_MAX, the least used goes first). `$7` is to SQLite a
// parameter named "$7", numbered by its first place in the text; each statement keeps the map from one to the other and
// refuses what PostgreSQL would refuse: gaps, other names, arguments that are not mentioned.
#include "store/internal.h"

#include "base/clock.h"
#include "base/err_file.h"
#include "base/map.h"
#include "store/sqlite_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    STMTS_MAX = 256,
    BUSY_MS = 30000,        // as long as a write may wait to begin
    BUSY_EACH_MS = 1,       // commands beside a server pause longer than this between two transactions
    CHECKPOINT_IDLE = 1000, // pages in the log: 4 MB
    CHECKPOINT_BUSY = 4000,
    LOG_KEPT = 64 << 20,         // bytes; a log that a long reader made longer is cut back to this
    APPLICATION_ID = 0x50524c59, // "PRLY"
};

struct driver_stmt {
    struct driver_conn *conn;
    sqlite3_stmt *stmt;
    const struct store_sql *sql;
    int n_params;
    uint16_t *index;  // [argument - 1] → number of SQLite's
    uint64_t used;    // tick of its last use
    bool busy, spare; // spare: not in the map, ends with its use
};

struct driver_conn {
    sqlite3 *db;
    struct map *stmts;
    uint64_t tick;
    bool writer;
    struct sqlite_log log; // the writer's
    int log_pages, checkpoint_idle, checkpoint_busy;
    int64_t busy_until;
    int64_t data_version, notes, outside; // notes: of the header, as last seen
};

// The header's free number holds what commands beside a server note of their commits: how many were loud and how many
// quiet, both modulo.
enum { NOTE_LOUD = 1, LOUD_MASK = 0xffff, NOTE_QUIET = 0x10000, QUIET_MASK = 0x7fff0000 };

static const struct store_sql sql_begin = {"begin", "BEGIN", true};
static const struct store_sql sql_begin_write = {"begin_write", "BEGIN IMMEDIATE", true};
static const struct store_sql sql_commit = {"commit", "COMMIT", true};
static const struct store_sql sql_rollback = {"rollback", "ROLLBACK", true};
static const struct store_sql sql_savepoint = {"savepoint", "SAVEPOINT one", true};
static const struct store_sql sql_release = {"release", "RELEASE one", true};
static const struct store_sql sql_rollback_to = {"rollback_to", "ROLLBACK TO one", true};

static int code_of(const struct driver_conn *conn, int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_DATATYPE:
        return ERR_INVALID;
    default:
        break;
    }
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_MISMATCH:
        return ERR_INVALID;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_READONLY:
        return conn->writer ? ERR_UNAVAILABLE : ERR_INTERNAL;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_BUSY:
    case SQLITE_NOMEM:
        return ERR_UNAVAILABLE;
    case SQLITE_CORRUPT:
        return ERR_IO;
    case SQLITE_NOTADB:
        return ERR_FORMAT;
    default:
        return ERR_INTERNAL;
    }
}

static int failed(struct driver_conn *conn, int rc, const char *what, struct err *err)
{
    return err_set(err, code_of(conn, rc), "%s: %s", what, sqlite3_errmsg(conn->db));
}

// ---- statements -----------------------------------------------------------------------------------------------------

static struct str stmt_key(const struct store_sql *const *sql)
{
    return (struct str){(const char *)sql, sizeof *sql};
}

static void stmt_free(struct driver_stmt *stmt)
{
    sqlite3_finalize(stmt->stmt);
    free(stmt->index);
    free(stmt);
}

static void stmts_trim(struct driver_conn *conn)
{
    if (map_count(conn->stmts) < STMTS_MAX)
        return;
    struct driver_stmt *oldest = NULL;
    struct str key;
    void *value;
    for (size_t pos = 0; map_next(conn->stmts, &pos, &key, &value);) {
        struct driver_stmt *stmt = value;
        if (!stmt->busy && (!oldest || stmt->used < oldest->used))
            oldest = stmt;
    }
    if (oldest) {
        map_remove(conn->stmts, stmt_key(&oldest->sql));
        stmt_free(oldest);
    }
}

static int stmt_params(struct driver_stmt *stmt, struct err *err)
{
    int n = sqlite3_bind_parameter_count(stmt->stmt);
    stmt->n_params = n;
    stmt->index = mem_calloc((size_t)n + 1, sizeof *stmt->index);
    for (int i = 1; i <= n; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->stmt, i);
        int64_t number = 0;
        if (!name || name[0] != '$' || !str_to_int(str_from(name + 1), 1, n, &number) || stmt->index[number - 1])
            return err_set(err, ERR_INTERNAL, "%s: parameters must be $1 to $%d, not %s", stmt->sql->name, n,
                           name ? name : "?");
        stmt->index[number - 1] = (uint16_t)i;
    }
    return 0;
}

static int sqlite_prepare(struct driver_conn *conn, const struct store_sql *sql, struct driver_stmt **ret,
                          struct err *err)
{
    struct driver_stmt *stmt = map_get(conn->stmts, stmt_key(&sql));
    bool spare = stmt && stmt->busy;
    if (!stmt || spare) {
        sqlite3_stmt *made;
        const char *tail;
        int rc = sqlite3_prepare_v3(conn->db, sql->text, -1, spare ? 0 : SQLITE_PREPARE_PERSISTENT, &made, &tail);
        if (rc != SQLITE_OK)
            return failed(conn, rc, sql->name, err);
        stmt = mem_zalloc(sizeof *stmt);
        *stmt = (struct driver_stmt){.conn = conn, .stmt = made, .sql = sql, .spare = spare};
        rc = made && str_trim(str_from(tail)).n == 0
                 ? stmt_params(stmt, err)
                 : err_set(err, ERR_INTERNAL, "%s: must be one statement", sql->name);
        if (rc) {
            stmt_free(stmt);
            return rc;
        }
        if (!spare) {
            stmts_trim(conn);
            map_set(conn->stmts, stmt_key(&sql), stmt);
        }
    }
    stmt->busy = true;
    stmt->used = ++conn->tick;
    *ret = stmt;
    return 0;
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct value *v, bool copy)
{
    sqlite3_destructor_type life = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
    const char *bytes = v->s.p ? v->s.p : "";
    switch (v->type) {
    case VALUE_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case VALUE_REAL:
        return sqlite3_bind_double(stmt, at, v->r);
    case VALUE_TEXT:
        return sqlite3_bind_text64(stmt, at, bytes, v->s.n, life, SQLITE_UTF8);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(stmt, at, bytes, v->s.n, life);
    case VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

static int sqlite_bind(struct driver_stmt *stmt, const struct value *args, size_t n, bool copy, struct err *err)
{
    if (n != (size_t)stmt->n_params)
        return err_set(err, ERR_INTERNAL, "%s: has %d parameters, was given %zu", stmt->sql->name, stmt->n_params, n);
    for (size_t i = 0; i < n; i++) {
        int rc = bind_one(stmt->stmt, stmt->index[i], &args[i], copy);
        if (rc != SQLITE_OK)
            return failed(stmt->conn, rc, stmt->sql->name, err);
    }
    return 0;
}

static int sqlite_step(struct driver_stmt *stmt, struct err *err)
{
    int rc = sqlite3_step(stmt->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : failed(stmt->conn, rc, stmt->sql->name, err);
}

static void sqlite_reset(struct driver_stmt *stmt)
{
    if (stmt->spare) {
        stmt_free(stmt);
        return;
    }
    sqlite3_reset(stmt->stmt);
    stmt->busy = false;
}

static int64_t sqlite_changed(struct driver_stmt *stmt)
{
    return sqlite3_stmt_readonly(stmt->stmt) ? 0 : sqlite3_changes64(stmt->conn->db);
}

static size_t sqlite_columns(struct driver_stmt *stmt)
{
    return (size_t)sqlite3_column_count(stmt->stmt);
}

static enum value_type sqlite_type(struct driver_stmt *stmt, size_t column)
{
    switch (sqlite3_column_type(stmt->stmt, (int)column)) {
    case SQLITE_INTEGER:
        return VALUE_INT;
    case SQLITE_FLOAT:
        return VALUE_REAL;
    case SQLITE_TEXT:
        return VALUE_TEXT;
    case SQLITE_BLOB:
        return VALUE_BLOB;
    default:
        return VALUE_NULL;
    }
}

static int64_t sqlite_get_int(struct driver_stmt *stmt, size_t column)
{
    return sqlite3_column_int64(stmt->stmt, (int)column);
}

static double sqlite_get_real(struct driver_stmt *stmt, size_t column)
{
    return sqlite3_column_double(stmt->stmt, (int)column);
}

static struct str sqlite_get_str(struct driver_stmt *stmt, size_t column)
{
    int type = sqlite3_column_type(stmt->stmt, (int)column);
    if (type == SQLITE_NULL)
        return STR_NULL;
    const void *bytes = type == SQLITE_BLOB ? sqlite3_column_blob(stmt->stmt, (int)column)
                                            : (const void *)sqlite3_column_text(stmt->stmt, (int)column);
    size_t n = (size_t)sqlite3_column_bytes(stmt->stmt, (int)column);
    return (struct str){bytes ? bytes : "", bytes ? n : 0};
}

// ---- transactions ---------------------------------------------------------------------------------------------------

static int run(struct driver_conn *conn, const struct store_sql *sql, struct err *err)
{
    struct driver_stmt *stmt;
    int rc = sqlite_prepare(conn, sql, &stmt, err);
    if (rc)
        return rc;
    rc = sqlite_step(stmt, err);
    sqlite_reset(stmt);
    return rc < 0 ? rc : 0;
}

static int sqlite_begin(struct driver_conn *conn, bool write, struct err *err)
{
    return run(conn, write ? &sql_begin_write : &sql_begin, err);
}

static int sqlite_commit(struct driver_conn *conn, struct err *err)
{
    sqlite_log_begin(&conn->log);
    int rc = run(conn, &sql_commit, err);
    sqlite_log_end(&conn->log);
    return rc;
}

static void sqlite_rollback(struct driver_conn *conn)
{
    if (!sqlite3_get_autocommit(conn->db))
        run(conn, &sql_rollback, NULL);
}

static int sqlite_savepoint(struct driver_conn *conn, struct err *err)
{
    return run(conn, &sql_savepoint, err);
}

static int sqlite_check(struct driver_conn *conn, struct err *err)
{
    // Left to the commit, one closure's open reference would fail all of its batch.
    int unresolved = 0, highest = 0;
    sqlite3_db_status(conn->db, SQLITE_DBSTATUS_DEFERRED_FKS, &unresolved, &highest, 0);
    return unresolved ? err_set(err, ERR_CONFLICT, "commit: FOREIGN KEY constraint failed") : 0;
}

static int sqlite_release(struct driver_conn *conn, struct err *err)
{
    return run(conn, &sql_release, err);
}

static int sqlite_rollback_to(struct driver_conn *conn, struct err *err)
{
    int rc = run(conn, &sql_rollback_to, err);
    return rc ? rc : run(conn, &sql_release, err);
}

static int sqlite_script(struct driver_conn *conn, const char *sql, struct err *err)
{
    int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : failed(conn, rc, "script", err);
}

static int sqlite_begin_schema(struct driver_conn *conn, struct err *err)
{
    int rc = sqlite_script(conn, "PRAGMA foreign_keys=OFF", err); // has no effect inside a transaction
    return rc ? rc : sqlite_begin(conn, true, err);
}

static int sqlite_commit_schema(struct driver_conn *conn, struct err *err)
{
    static const struct store_sql check = {"foreign_key_check", "SELECT \"table\" FROM pragma_foreign_key_check", true};
    struct driver_stmt *stmt;
    int rc = sqlite_prepare(conn, &check, &stmt, err);
    if (rc)
        return rc;
    rc = sqlite_step(stmt, err);
    if (rc > 0) {
        struct str table = sqlite_get_str(stmt, 0);
        rc = err_set(err, ERR_CONFLICT, "rows of table " STR_FMT " refer to rows that are gone", STR_ARG(table));
    }
    sqlite_reset(stmt);
    if (rc == 0)
        rc = sqlite_commit(conn, err);
    return rc ? rc : sqlite_script(conn, "PRAGMA foreign_keys=ON", err);
}

// ---- the writer's housekeeping --------------------------------------------------------------------------------------

static int on_commit(void *arg, sqlite3 *db __attribute__((unused)), const char *name __attribute__((unused)),
                     int pages)
{
    struct driver_conn *conn = arg;
    conn->log_pages = pages;
    if (pages < CHECKPOINT_IDLE) { // the log began anew
        conn->checkpoint_idle = CHECKPOINT_IDLE;
        conn->checkpoint_busy = CHECKPOINT_BUSY;
    }
    return SQLITE_OK;
}

static enum driver_tidy sqlite_untidy(struct driver_conn *conn)
{
    if (conn->log_pages < conn->checkpoint_idle)
        return TIDY_NO;
    return conn->log_pages < conn->checkpoint_busy ? TIDY_IDLE : TIDY_NOW;
}

static void sqlite_tidy(struct driver_conn *conn)
{
    // Passive waits for nobody. What a reader still holds back is tried again once the log has grown by as much; an
    // error (a full disk) only leaves the log as it is.
    sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    conn->checkpoint_idle = conn->log_pages + CHECKPOINT_IDLE;
    conn->checkpoint_busy = conn->log_pages + CHECKPOINT_BUSY;
}

static int64_t get_number(struct driver_conn *conn, const struct store_sql *sql)
{
    struct driver_stmt *stmt;
    if (sqlite_prepare(conn, sql, &stmt, NULL) != 0)
        return -1;
    int64_t number = sqlite_step(stmt, NULL) > 0 ? sqlite_get_int(stmt, 0) : -1;
    sqlite_reset(stmt);
    return number;
}

static const struct store_sql sql_notes = {"notes", "PRAGMA user_version", true};

// Adds one to the loud or the quiet notes.
static int add_note(struct driver_conn *conn, bool loud, struct err *err)
{
    int64_t notes = get_number(conn, &sql_notes);
    if (notes < 0)
        return err_set(err, ERR_UNAVAILABLE, "the header cannot be read");
    int64_t mask = loud ? LOUD_MASK : QUIET_MASK;
    char sql[64];
    notes = (notes & ~mask) | ((notes + (loud ? NOTE_LOUD : NOTE_QUIET)) & mask);
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", (int)notes);
    return sqlite_script(conn, sql, err);
}

static void sqlite_note(struct driver_conn *conn, bool loud)
{
    (void)add_note(conn, loud, NULL);
}

// Who notes nothing is loud.
static int64_t sqlite_outside(struct driver_conn *conn)
{
    static const struct store_sql get = {"data_version", "PRAGMA data_version", true};
    int64_t version = get_number(conn, &get);
    if (version == conn->data_version)
        return conn->outside;
    int64_t notes = get_number(conn, &sql_notes), differ = notes ^ conn->notes;
    bool quiet = notes >= 0 && conn->data_version && (differ & QUIET_MASK) && !(differ & LOUD_MASK);
    conn->outside += !quiet;
    conn->data_version = version;
    conn->notes = notes;
    return conn->outside;
}

static int sqlite_probe(struct driver_conn *conn, struct err *err)
{
    return add_note(conn, true, err); // a write that needs no table
}

static int sqlite_backup(struct driver_conn *conn, const char *path, struct err *err)
{
    // Neither restarts with each write, as the backup interface does, nor blocks writers: one read transaction.
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(conn->db, "VACUUM INTO $1", -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return failed(conn, rc, "backup", err);
    if (!conn->writer)
        sqlite_script(conn, "PRAGMA query_only=OFF", NULL);
    sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    int result = rc == SQLITE_DONE ? 0 : failed(conn, rc, "backup", err);
    sqlite3_finalize(stmt);
    if (!conn->writer)
        sqlite_script(conn, "PRAGMA query_only=ON", NULL);
    return result;
}

// ---- connections ----------------------------------------------------------------------------------------------------

static void sqlite_disconnect(struct driver_conn *conn)
{
    if (!conn)
        return;
    struct str key;
    void *value;
    for (size_t pos = 0; map_next(conn->stmts, &pos, &key, &value);)
        stmt_free(value);
    map_free(conn->stmts);
    sqlite3_close_v2(conn->db);
    sqlite_log_done(&conn->log);
    free(conn);
}

static int get_text(struct driver_conn *conn, const char *pragma, char *out, size_t size, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(conn->db, pragma, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    int result = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : failed(conn, rc, pragma, err);
    if (rc == SQLITE_ROW)
        snprintf(out, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return result;
}

static int check_ours(struct driver_conn *conn, struct err *err)
{
    char id[32] = "", tables[32] = "", want[32];
    int rc = get_text(conn, "PRAGMA application_id", id, sizeof id, err);
    if (rc == 0)
        rc = get_text(conn, "SELECT count(*) FROM sqlite_schema", tables, sizeof tables, err);
    snprintf(want, sizeof want, "%d", APPLICATION_ID);
    if (rc || strcmp(id, want) == 0)
        return rc;
    if (strcmp(id, "0") != 0 || strcmp(tables, "0") != 0)
        return err_set(err, ERR_FORMAT, "%s is a database of another program", sqlite3_db_filename(conn->db, "main"));
    if (!conn->writer)
        return 0;
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d", APPLICATION_ID);
    return sqlite_script(conn, sql, err);
}

// SQLite's own way of waiting sleeps longer and longer, so that who comes later is often first.
static int wait_for_lock(void *arg, int tries)
{
    struct driver_conn *conn = arg;
    int64_t now = clock_mono_ms();
    if (tries == 0)
        conn->busy_until = now + BUSY_MS;
    if (now >= conn->busy_until)
        return 0;
    (void)nanosleep(&(struct timespec){.tv_nsec = BUSY_EACH_MS * 1000000L}, NULL);
    return 1;
}

static int set_up(struct driver_conn *conn, struct err *err)
{
    sqlite3 *db = conn->db;
    sqlite3_busy_handler(db, wait_for_lock, conn);
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
    // Sub-journals of savepoints stay in memory; secure_delete=FAST is the strictest that costs no further write.
    int rc = sqlite_script(conn,
                           "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
                           "PRAGMA secure_delete=FAST; PRAGMA cell_size_check=ON",
                           err);
    if (rc)
        return rc;
    if (!conn->writer) {
        rc = sqlite_script(conn, "PRAGMA cache_size=-1024; PRAGMA query_only=ON", err);
        return rc ? rc : check_ours(conn, err);
    }
    char mode[16] = "";
    rc = get_text(conn, "PRAGMA journal_mode=WAL", mode, sizeof mode, err);
    if (rc == 0 && strcmp(mode, "wal") != 0)
        rc = err_set(err, ERR_IO, "the file system of %s cannot hold a write-ahead log",
                     sqlite3_db_filename(db, "main"));
    char sql[128];
    snprintf(sql, sizeof sql, "PRAGMA cache_size=-4096; PRAGMA journal_size_limit=%d", LOG_KEPT);
    if (rc == 0)
        rc = sqlite_script(conn, sql, err);
    if (rc == 0)
        rc = check_ours(conn, err);
    sqlite3_wal_hook(db, on_commit, conn); // takes the place of automatic checkpoints
    if (rc == 0)
        sqlite_log_init(&conn->log, db);
    return rc;
}

static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); // its one mutex is what readers would meet at; refused when too late
    sqlite3_initialize();
}

static int sqlite_connect(const struct store_options *options, bool writer, struct driver_conn **ret, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/parley.db", options->data_dir) >= sizeof path)
        return err_set(err, ERR_INVALID, "path of the data directory is too long");
    if (writer) {
        // SQLite gives the log and its index the mode of the database. O_EXCL: closing a file that another connection
        // of this process has open would drop that one's locks.
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return err_file(err, "make", path);
        if (fd >= 0)
            close(fd);
    } else if (access(path, F_OK) != 0) {
        return err_set(err, ERR_NOT_FOUND, "no database at %s", path);
    }
    struct driver_conn *conn = mem_zalloc(sizeof *conn);
    conn->writer = writer;
    conn->stmts = map_new();
    conn->checkpoint_idle = CHECKPOINT_IDLE;
    conn->checkpoint_busy = CHECKPOINT_BUSY;
    int flags = (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &conn->db, flags, NULL);
    rc = rc == SQLITE_OK ? set_up(conn, err) : failed(conn, rc, path, err);
    if (rc) {
        sqlite_disconnect(conn);
        return rc;
    }
    *ret = conn;
    return 0;
}

static int64_t file_size(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat file;
    int n = snprintf(path, sizeof path, "%s/%s", directory, name);
    return n > 0 && (size_t)n < sizeof path && stat(path, &file) == 0 ? file.st_size : -1;
}

static void sqlite_sizes(const struct store_options *options, int64_t *ret_database, int64_t *ret_log)
{
    *ret_database = file_size(options->data_dir, "parley.db");
    *ret_log = file_size(options->data_dir, "parley.db-wal");
}

const struct driver driver_sqlite = {
    .name = "sqlite",
    .caps = DRIVER_GROUP_COMMIT | DRIVER_BACKUP | DRIVER_ONE_PROCESS,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .script = sqlite_script,
    .prepare = sqlite_prepare,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .changed = sqlite_changed,
    .columns = sqlite_columns,
    .type = sqlite_type,
    .get_int = sqlite_get_int,
    .get_real = sqlite_get_real,
    .get_str = sqlite_get_str,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .check = sqlite_check,
    .release = sqlite_release,
    .rollback_to = sqlite_rollback_to,
    .begin_schema = sqlite_begin_schema,
    .commit_schema = sqlite_commit_schema,
    .backup = sqlite_backup,
    .outside = sqlite_outside,
    .note = sqlite_note,
    .untidy = sqlite_untidy,
    .tidy = sqlite_tidy,
    .sizes = sqlite_sizes,
    .probe = sqlite_probe,
};
