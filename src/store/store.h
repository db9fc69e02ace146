// SPDX-License-Identifier: Apache-2.0
// The store: rows, transactions, the change feed. One struct of functions per engine (store/driver.h) stands behind it;
// the SQL text is the same for all of them ($1 parameters, common dialect).
//
// Every call takes a scope. In a brand's statement (STORE_SQL) parameter $1 is always the scope's brand, bound by the
// store and never by the caller, whose arguments begin at $2: a tenant's table cannot be asked without its brand.
// Tables of the installation (users, sign-ins, migrations, look-ups by the hash of a key) are asked by STORE_SQL_ALL
// with a scope made by scope_installation.
//
// Writes are closures. With SQLite one thread at a time runs all that wait inside one transaction, each in a savepoint
// of its own, and commits once (group commit, synchronous=FULL); a caller returns only after that commit. That thread
// is the store's own, or a caller that found nobody writing. A closure must be quick, must not wait for anything, must
// not write again, and may run again from the start when the commit failed in a way worth repeating: it may have no
// effect but on the transaction and on its own `arg`.
//
// After a statement has failed nothing more runs in that transaction, and it is not committed whatever the closure
// returns (PostgreSQL behaves so, and SQLite is held to it): where a conflict is expected, use ON CONFLICT.
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct store;
struct tx;
struct rows;

// ---- scope ----------------------------------------------------------------------------------------------------------

enum actor_kind { ACTOR_ANONYMOUS, ACTOR_USER, ACTOR_KEY, ACTOR_SYSTEM };

struct scope { // passed by pointer, lives as long as the call
    struct str brand; // stored form of the brand's id; STR_NULL only for scope_installation
    enum actor_kind actor_kind;
    struct str actor; // user id, "demo", "import", "anonymous" … for audit rows
    struct str address, user_agent; // of the client, for audit rows
};

struct scope scope_installation(struct str actor); // for STORE_SQL_ALL only
struct scope scope_brand(struct str brand, struct str actor); // ACTOR_SYSTEM
// In place of a brand where the installation itself has rows in a tenant's table (audit, jobs); no brand has this id.
#define SCOPE_OWN STR("*")

// ---- statements -----------------------------------------------------------------------------------------------------

struct store_sql {
    const char *name; // the C identifier
    const char *text;
    bool installation; // asked without a brand
};

// Declares a statement and registers it (linker section), so that tests can prepare each on every engine.
#define STORE_SQL_ROW_(id, sql, all)                                                                                   \
    static const struct store_sql id = {#id, sql, all};                                                                \
    static const struct store_sql *const id##_entry __attribute__((used, section("store_sql"))) = &id
#define STORE_SQL(id, sql) STORE_SQL_ROW_(id, sql, false)
#define STORE_SQL_ALL(id, sql) STORE_SQL_ROW_(id, sql, true)

// Walks every declared statement; NULL ends. *pos starts at 0.
const struct store_sql *store_sql_next(size_t *pos);

enum value_type { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

struct value {
    enum value_type type;
    union {
        int64_t i;
        double r;
        struct str s; // text (valid UTF-8, no NUL) or bytes
    };
};

static inline struct value v_null(void) { return (struct value){.type = VALUE_NULL}; }
static inline struct value v_int(int64_t i) { return (struct value){.type = VALUE_INT, .i = i}; }
static inline struct value v_bool(bool b) { return v_int(b ? 1 : 0); }
static inline struct value v_real(double r) { return (struct value){.type = VALUE_REAL, .r = r}; }
static inline struct value v_str(struct str s) // STR_NULL gives NULL
{
    return s.p ? (struct value){.type = VALUE_TEXT, .s = s} : v_null();
}
static inline struct value v_cstr(const char *s) { return v_str(str_from(s)); }
static inline struct value v_blob(struct str s) { return (struct value){.type = VALUE_BLOB, .s = s}; }
// VALUES(a, b, …): expands to the two arguments (array, count) of the calls below. NO_VALUES for none.
#define VALUES(...)                                                                                                    \
    (const struct value[]){__VA_ARGS__}, (sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value))
#define NO_VALUES NULL, (size_t)0

// ---- opening --------------------------------------------------------------------------------------------------------

struct migration { // numbered SQL, embedded in the binary from migrations/NNNN_name[.sqlite|.postgres].sql
    int number;
    const char *name;
    const char *sql; // several statements
};

struct store_options {
    const char *url; // "sqlite" or "postgresql://…"
    const char *data_dir; // made with mode 0700; the file is parley.db in it
    size_t readers; // reader connections kept (0 = 8)
    const struct migration *migrations; // in order
    size_t n_migrations;
    const char *schema; // what they make together of an empty database; NULL: they run there too
    bool read_only; // commands that only look; no lock, no migration
    bool shared; // another process may have it open (commands beside a running server): no directory lock
};

// Opens, takes the directory lock (ERR_CONFLICT names the other process id), migrates under a lock with a snapshot
// before the first change (`parley.db.before-NNNN`, the newest kept), refuses a newer database. *ret_fresh: no
// migration had run before.
int store_open(const struct store_options *options, struct store **ret, bool *ret_fresh, struct err *err);
void store_close(struct store *store); // finishes queued writes
const char *store_engine(const struct store *store); // "sqlite", "postgresql"
bool store_shared(const struct store *store); // another process may have it open, and own it
// In the process that owns it: no command that shares it was running at some moment during this call.
bool store_alone(const struct store *store);
// One import at a time, in whatever process: held until it has ended (store/undo.h). Waits for `wait_ms`; ERR_CONFLICT:
// another one is under way. The kernel drops it with the process.
int store_import_lock(struct store *store, int64_t wait_ms, int *ret, struct err *err);
void store_import_unlock(int lock);
// Bytes of the database and of its log on the disk; -1: not known.
void store_sizes(const struct store *store, int64_t *ret_database, int64_t *ret_log);
// Reads something small, waiting `wait_ms` at most for its turn. ERR_UNAVAILABLE.
int store_ping(struct store *store, int wait_ms, struct err *err);
// Consistent copy of a running store into a new file (SQLite only).
int store_backup(struct store *store, const char *path, struct err *err);
bool store_writable(const struct store *store); // false while the disk is full or the engine is away

// ---- transactions ---------------------------------------------------------------------------------------------------

// Returns 0 to commit; a negative code rolls its own work back and is handed to the caller.
typedef int (*store_fn)(struct tx *tx, void *arg, struct err *err);

// Runs `fn` on a reader connection in one snapshot, on the calling thread.
int store_read(struct store *store, const struct scope *scope, store_fn fn, void *arg, struct err *err)
    __attribute__((warn_unused_result));
// Returns after the commit. ERR_UNAVAILABLE: disk full, engine away or the queue (4096) full; nothing was written.
int store_write(struct store *store, const struct scope *scope, store_fn fn, void *arg, struct err *err)
    __attribute__((warn_unused_result));
// The same without waiting: `done` runs on the thread that commits, after the commit or failure, and must not block.
// `scope` is copied (its strings too), `arg` must live until `done`.
void store_write_async(struct store *store, const struct scope *scope, store_fn fn, void *arg,
                       void (*done)(void *arg, int rc, const struct err *err));
// For threads that may block: where nobody else writes the caller does it itself, and `done` has run when this returns;
// else as store_write_async.
void store_write_here(struct store *store, const struct scope *scope, store_fn fn, void *arg,
                      void (*done)(void *arg, int rc, const struct err *err));

const struct scope *tx_scope(const struct tx *tx);
struct store *tx_store(const struct tx *tx);
// Scratch memory until the transaction ends.
struct arena *tx_arena(struct tx *tx);

// Runs `fn` as a part of this transaction with scratch memory of its own, for loops over many rows; tx_in_brand also in
// the scope of a brand, for what fills several brands at once: only from the installation's scope, else ERR_INTERNAL.
// What fn returns; after a failure the whole transaction is lost.
int tx_part(struct tx *tx, store_fn fn, void *arg, struct err *err) __attribute__((warn_unused_result));
int tx_in_brand(struct tx *tx, struct str brand, store_fn fn, void *arg, struct err *err)
    __attribute__((warn_unused_result));

// Arguments are $2… for STORE_SQL, $1… for STORE_SQL_ALL. *ret_changed (may be NULL): rows changed.
int tx_exec(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, int64_t *ret_changed,
            struct err *err) __attribute__((warn_unused_result));
int tx_query(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, struct rows **ret,
             struct err *err) __attribute__((warn_unused_result));
// One row: 1 = found (rows stands on it, rows_done is the caller's), 0 = none (*ret NULL), negative = failed.
int tx_query_one(struct tx *tx, const struct store_sql *sql, const struct value *args, size_t n, struct rows **ret,
                 struct err *err) __attribute__((warn_unused_result));
// 1 = next row, 0 = end, negative = failed.
int rows_next(struct rows *rows, struct err *err);
void rows_done(struct rows *rows); // NULL is fine
void rows_done_slot(struct rows **rows);
#define AUTO_ROWS MEM_CLEANUP(rows_done_slot)
size_t rows_columns(const struct rows *rows);
bool rows_is_null(struct rows *rows, size_t column);
int64_t rows_int(struct rows *rows, size_t column);
double rows_real(struct rows *rows, size_t column);
bool rows_bool(struct rows *rows, size_t column);
// Bytes of the current row, valid until the next step; NULL gives STR_NULL. Copy with arena_str to keep.
struct str rows_str(struct rows *rows, size_t column);

// ---- changes --------------------------------------------------------------------------------------------------------

// What a transaction changed that is also kept in memory elsewhere (indexes, configuration caches). Told after the
// commit, before any caller of that commit goes on: the next search sees it.
enum change_kind {
    CHANGE_BRAND,
    CHANGE_PRODUCT,
    CHANGE_DOCUMENT,
    CHANGE_USER,
    CHANGE_KEY, // what opens an account or chatbot was ended; id: the user, the sign-in or the chatbot
    CHANGE_SETTING,
    CHANGE_JOB,
    CHANGE_CHATBOT, // its row, or what a turn reads with it (personality, keys)
    CHANGE_WEBHOOK, // something is to be delivered
    CHANGE_OUTSIDE, // another process wrote (a command beside the server): brand and id are STR_NULL, all may be stale
};

struct change {
    enum change_kind kind;
    struct str brand, id; // id STR_NULL: everything of that kind in the brand
};

void tx_changed(struct tx *tx, enum change_kind kind, struct str id); // brand is the scope's
// Nobody can see what this transaction changes (tx_changed apart): from a command beside a server it is not told as
// CHANGE_OUTSIDE. For the closure itself, not for its parts.
void tx_quiet(struct tx *tx);
// Runs `fn` once if and when this transaction has committed, on the thread that commits. Must not block.
void tx_after_commit(struct tx *tx, void (*fn)(void *arg), void *arg);
// One listener (the composition root fans out). Called on the committing thread with all changes of a commit. With
// SQLite it hears of other processes' commits at the next write here, or within a second.
void store_listen(struct store *store, void (*fn)(void *arg, const struct change *changes, size_t n), void *arg);
