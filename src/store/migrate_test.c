// SPDX-License-Identifier: Apache-2.0
// Migrations, the copy before them, backup and restore.
#include "store/backup.h"

#include "base/buf.h"
#include "store/migrations.h"
#include "store/test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test_dir dir;

static bool exists(const char *name)
{
    return access(test_dir_file(&dir, name), F_OK) == 0;
}

static int open_with(const struct migration *migrations, size_t n, struct store **ret, bool *ret_fresh, struct err *err)
{
    struct store_options options = test_options(&dir);
    options.migrations = migrations;
    options.n_migrations = n;
    return store_open(&options, ret, ret_fresh, err);
}

static void add(struct store *store, const char *id)
{
    struct test_item item = {id, "Lamp", 0};
    struct scope scope = test_scope();
    assert_int_equal(store_write(store, &scope, test_add, &item, NULL), 0);
}

TEST(migrations_go_forward_with_a_copy_before)
{
    dir = test_dir_new();
    struct store *store;
    bool fresh = false;
    assert_int_equal(open_with(test_migrations, 1, &store, &fresh, NULL), 0);
    assert_true(fresh);
    add(store, "a");
    store_close(store);
    assert_false(exists("parley.db.before-0001")); // nothing was there to keep

    assert_int_equal(open_with(test_migrations, 2, &store, &fresh, NULL), 0);
    assert_false(fresh);
    add(store, "b");
    store_close(store);
    assert_true(exists("parley.db.before-0002"));

    assert_int_equal(open_with(test_migrations, 3, &store, &fresh, NULL), 0);
    assert_int_equal(test_count(store), 2);
    store_close(store);
    assert_true(exists("parley.db.before-0003"));
    assert_false(exists("parley.db.before-0002"));

    // The copy is a database of its own, from before the change.
    struct test_dir first = dir;
    dir = test_dir_new();
    char copy[256];
    snprintf(copy, sizeof copy, "%s/parley.db.before-0003", first.path);
    assert_int_equal(store_restore(copy, dir.path, NULL), 0);
    assert_int_equal(open_with(test_migrations, 2, &store, &fresh, NULL), 0);
    assert_int_equal(test_count(store), 2);
    store_close(store);
    test_dir_remove(&dir);
    test_dir_remove(&first);
}

TEST(a_newer_database_is_refused)
{
    dir = test_dir_new();
    struct store *store;
    struct err err = {0};
    assert_int_equal(open_with(test_migrations, 3, &store, NULL, NULL), 0);
    store_close(store);
    assert_int_equal(open_with(test_migrations, 2, &store, NULL, &err), ERR_CONFLICT);
    assert_string_equal(err.text, "the database is at migration 3, this program knows only up to 2");
    assert_int_equal(open_with(test_migrations, 3, &store, NULL, &err), 0);
    store_close(store);
    test_dir_remove(&dir);
}

TEST(a_failed_migration_changes_nothing)
{
    dir = test_dir_new();
    struct store *store;
    struct err err = {0};
    assert_int_equal(open_with(test_migrations, 1, &store, NULL, NULL), 0);
    add(store, "a");
    store_close(store);
    const struct migration broken[] = {
        test_migrations[0],
        test_migrations[1],
        {3, "broken", "CREATE TABLE half (id TEXT); INSERT INTO nowhere VALUES (1);"},
    };
    assert_int_equal(open_with(broken, 3, &store, NULL, &err), ERR_INTERNAL);
    assert_non_null(strstr(err.text, "0003_broken"));
    assert_non_null(strstr(err.text, "nowhere"));
    // The second one has run, the third has left nothing: its correction runs.
    const struct migration mended[] = {
        test_migrations[0],
        test_migrations[1],
        {3, "mended", "CREATE TABLE half (id TEXT);"},
    };
    assert_int_equal(open_with(mended, 3, &store, NULL, &err), 0);
    assert_int_equal(test_count(store), 1);
    store_close(store);
    test_dir_remove(&dir);
}

TEST(a_table_is_rebuilt_without_harm_to_what_refers_to_it)
{
    dir = test_dir_new();
    struct store *store;
    struct err err = {0};
    const struct migration rebuild[] = {
        {1, "two",
         "CREATE TABLE item (brand_id TEXT NOT NULL, id TEXT NOT NULL PRIMARY KEY, title TEXT, size BIGINT);"
         "CREATE TABLE part (brand_id TEXT, id TEXT, item_id TEXT REFERENCES item ON DELETE CASCADE);"
         "INSERT INTO item VALUES ('acme', 'a', 'Lamp', 0); INSERT INTO part VALUES ('acme', 'p', 'a');"},
        {2, "rebuild",
         "CREATE TABLE item2 (brand_id TEXT NOT NULL, id TEXT NOT NULL PRIMARY KEY, title TEXT);"
         "INSERT INTO item2 SELECT brand_id, id, title FROM item; DROP TABLE item;"
         "ALTER TABLE item2 RENAME TO item;"},
        {3, "loss", "DELETE FROM item;"},
    };
    assert_int_equal(open_with(rebuild, 2, &store, NULL, &err), 0);
    struct scope scope = test_scope();
    assert_int_equal(store_write(store, &scope, test_add_part, "a", &err), 0); // enforced again, and satisfied
    assert_int_equal(store_write(store, &scope, test_add_part, "b", &err), ERR_CONFLICT);
    store_close(store);
    assert_int_equal(open_with(rebuild, 3, &store, NULL, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "table part"));
    assert_int_equal(open_with(rebuild, 2, &store, NULL, &err), 0);
    assert_int_equal(test_count(store), 1);
    store_close(store);
    test_dir_remove(&dir);
}

TEST(commands_beside_a_server_do_not_migrate)
{
    dir = test_dir_new();
    struct store *server, *command;
    struct err err = {0};
    assert_int_equal(open_with(test_migrations, 2, &server, NULL, NULL), 0);
    struct store_options options = test_options(&dir);
    options.shared = true;
    assert_int_equal(store_open(&options, &command, NULL, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "is at migration 2, this program needs 3"));
    store_close(server);
    options.shared = false;
    options.read_only = true;
    assert_int_equal(store_open(&options, &command, NULL, &err), ERR_CONFLICT);
    options.read_only = false;
    options.shared = true; // nobody is there any more
    assert_int_equal(store_open(&options, &command, NULL, &err), 0);
    store_close(command);
    test_dir_remove(&dir);
}

TEST(the_embedded_migrations_run)
{
    dir = test_dir_new();
    struct store_options options = test_options(&dir);
    store_use_migrations(&options);
    struct store *store;
    struct err err = {0};
    bool fresh = false;
    if (store_open(&options, &store, &fresh, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(fresh);
    store_close(store);
    options.url = "postgresql://localhost/x";
    store_use_migrations(&options);
    assert_int_equal(options.n_migrations, store_migrations_postgres_n);
    assert_int_equal(store_migrations_postgres_n, store_migrations_n);
    test_dir_remove(&dir);
}

STORE_SQL_ALL(all_schema, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2");
STORE_SQL_ALL(all_migrations, "SELECT number, name FROM schema_migrations ORDER BY 1");

static int dump(struct tx *tx, void *arg, struct err *err)
{
    struct buf *text = arg;
    const struct store_sql *both[] = {&all_schema, &all_migrations};
    for (size_t k = 0; k < 2; k++) {
        AUTO_ROWS struct rows *rows;
        int rc = tx_query(tx, both[k], NULL, 0, &rows, err);
        while (rc >= 0 && (rc = rows_next(rows, err)) > 0)
            for (size_t i = 0; i < rows_columns(rows); i++) {
                buf_adds(text, rows_str(rows, i));
                buf_addc(text, '\n');
            }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static struct str made(bool at_once, struct buf *text)
{
    dir = test_dir_new();
    struct store_options options = test_options(&dir);
    struct store *store;
    struct scope scope = scope_installation(STR("test"));
    store_use_migrations(&options);
    options.schema = at_once ? options.schema : NULL;
    assert_int_equal(store_open(&options, &store, NULL, NULL), 0);
    assert_int_equal(store_read(store, &scope, dump, text, NULL), 0);
    store_close(store);
    test_dir_remove(&dir);
    return buf_str(text);
}

TEST(an_empty_database_gets_what_the_migrations_make)
{
    AUTO_BUF struct buf walked = BUF_INIT(1 << 20), at_once = BUF_INIT(1 << 20);
    struct str a = made(false, &walked), b = made(true, &at_once);
    assert_true(a.n > 10000);
    assert_true(str_eq(a, b));
}

// ---- backup --------------------------------------------------------------------------------------------------------

static struct {
    struct store *store;
    atomic_bool stop;
    atomic_int written;
} load;

// Two rows a transaction: a copy of one moment has an even number.
static int add_pair(struct tx *tx, void *arg, struct err *err)
{
    char id[32];
    for (int half = 0; half < 2; half++) {
        snprintf(id, sizeof id, "%d.%d", *(int *)arg, half);
        struct test_item item = {id, "Lamp", 0};
        int rc = test_add(tx, &item, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void *write_on(void *arg)
{
    struct scope scope = test_scope();
    for (int i = 0; !atomic_load(&load.stop); i++)
        if (store_write(load.store, &scope, add_pair, &i, NULL) == 0)
            atomic_fetch_add(&load.written, 1);
    return arg;
}

// program#7
TEST(a_backup_is_one_moment_of_a_running_store)
{
    dir = test_dir_new();
    load.store = test_open(&dir);
    atomic_store(&load.stop, false);
    atomic_store(&load.written, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, write_on, NULL);
    struct err err = {0};
    for (int i = 0; i < 5; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/copy-%d", dir.path, i);
        int before = atomic_load(&load.written);
        if (store_backup(load.store, path, &err) != 0)
            fail_msg("%s", err.text);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(store_backup(load.store, path, &err), ERR_CONFLICT);

        struct test_dir other = test_dir_new();
        assert_int_equal(store_restore(path, other.path, &err), 0);
        assert_int_equal(store_restore(path, other.path, &err), ERR_CONFLICT);
        struct store *store = test_open(&other);
        int64_t n = test_count(store);
        assert_int_equal(n % 2, 0);
        assert_true(n >= 2 * before);
        store_close(store);
        test_dir_remove(&other);
    }
    atomic_store(&load.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(store_backup(load.store, "/nowhere/at/all", &err), ERR_IO);
    store_close(load.store);
    test_dir_remove(&dir);
}

TEST(what_is_no_copy_is_not_restored)
{
    dir = test_dir_new();
    struct store *store = test_open(&dir);
    for (int i = 0; i < 200; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        add(store, id);
    }
    char copy[256], text[256], target[256];
    snprintf(copy, sizeof copy, "%s/copy", dir.path);
    snprintf(text, sizeof text, "%s/text", dir.path);
    snprintf(target, sizeof target, "%s/target", dir.path);
    assert_int_equal(store_backup(store, copy, NULL), 0);
    store_close(store);
    FILE *file = fopen(text, "w");
    fputs("not a database at all, but long enough to be looked at as one, line by line\n", file);
    fclose(file);
    assert_int_equal(store_restore(text, target, NULL), ERR_FORMAT);
    assert_int_equal(store_restore("/nowhere/at/all", target, NULL), ERR_NOT_FOUND);
    struct stat st;
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(truncate(copy, st.st_size - 4096), 0);
    assert_int_equal(store_restore(copy, target, NULL), ERR_FORMAT);
    assert_false(exists("target/parley.db"));
    test_dir_remove(&dir);
}
