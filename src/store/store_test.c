// SPDX-License-Identifier: Apache-2.0
// The store through its contract: scope, values, rows, errors, transactions, the change feed, opening.
#include "store/check.h"
#include "store/test_support.h"

#include <math.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

STORE_SQL(get_item, "SELECT title, size, bytes, weight, note FROM item WHERE brand_id = $1 AND id = $2");
STORE_SQL(list_items, "SELECT id, size FROM item WHERE brand_id = $1 AND size >= $2 ORDER BY id");
STORE_SQL(put_bytes, "UPDATE item SET weight = $4, bytes = $3 WHERE brand_id = $1 AND id = $2");
STORE_SQL(delete_items, "DELETE FROM item WHERE brand_id = $1");
STORE_SQL_ALL(all_brands, "SELECT brand_id, count(*) FROM item GROUP BY brand_id ORDER BY 1");

// Not registered: each is wrong in its own way.
static const struct store_sql gap = {"gap", "SELECT $1, $3", false};
static const struct store_sql no_brand = {"no_brand", "SELECT count(*) FROM item", false};
static const struct store_sql two = {"two", "SELECT $1; SELECT 2", false};
static const struct store_sql cast = {"cast", "SELECT $1::text", false};

static struct test_dir dir;
static struct store *store;

static void open_store(void)
{
    dir = test_dir_new();
    store = test_open(&dir);
}

static void close_store(void)
{
    store_close(store);
    test_dir_remove(&dir);
}

static int write_as(const char *brand, store_fn fn, void *arg, struct err *err)
{
    struct scope scope = scope_brand(str_from(brand), STR("test"));
    return store_write(store, &scope, fn, arg, err);
}

static void add(const char *brand, const char *id, int64_t size)
{
    struct test_item item = {id, "Lamp", size};
    struct err err = {0};
    if (write_as(brand, test_add, &item, &err) != 0)
        fail_msg("%s", err.text);
}

static int list(struct tx *tx, void *arg, struct err *err)
{
    char *out = arg;
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &list_items, VALUES(v_int(0)), &rows, err);
    while (rc == 0 && (rc = rows_next(rows, err)) > 0) {
        struct str id = rows_str(rows, 0);
        strncat(out, id.p, id.n);
        strcat(out, " ");
        rc = 0;
    }
    return rc;
}

static void assert_items(const char *brand, const char *expected)
{
    char out[256] = "";
    struct scope scope = scope_brand(str_from(brand), STR("test"));
    assert_int_equal(store_read(store, &scope, list, out, NULL), 0);
    assert_string_equal(out, expected);
}

TEST(brands_are_apart)
{
    open_store();
    add("acme", "a", 1);
    add("acme", "b", 2);
    add("other", "a", 3); // the same id again: the brand is part of the key
    assert_items("acme", "a b ");
    assert_items("other", "a ");
    assert_items("nobody", "");
    close_store();
}

static int all(struct tx *tx, void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query(tx, &all_brands, NO_VALUES, &rows, err);
    for (int64_t *n = arg; rc == 0 && rows_next(rows, err) > 0;)
        *n++ = rows_int(rows, 1);
    return rc;
}

TEST(scopes)
{
    open_store();
    add("acme", "a", 1);
    add("acme", "b", 1);
    add("beta", "c", 1);
    int64_t n[2] = {0};
    struct scope scope = scope_installation(STR("test"));
    assert_int_equal(store_read(store, &scope, all, n, NULL), 0);
    assert_int_equal(n[0], 2);
    assert_int_equal(n[1], 1);
    struct err err = {0};
    char out[16] = "";
    assert_int_equal(store_read(store, &scope, list, out, &err), ERR_INTERNAL);
    assert_string_equal(err.text, "list_items: asked without a brand");
    close_store();
}

static int values(struct tx *tx, void *arg __attribute__((unused)), struct err *err)
{
    struct test_item item = {"v", "Ünïcode 灯", INT64_MAX};
    int rc = test_add(tx, &item, err);
    int64_t changed = -1;
    char bytes[] = "a\0b";
    if (rc == 0)
        rc = tx_exec(tx, &put_bytes, VALUES(v_cstr("v"), v_blob((struct str){bytes, 3}), v_real(0.1)), &changed, err);
    assert_int_equal(changed, 1);
    if (rc == 0)
        rc = tx_exec(tx, &put_bytes, VALUES(v_cstr("none"), v_null(), v_null()), &changed, err);
    assert_int_equal(changed, 0);
    memset(bytes, 'x', 3);
    AUTO_ROWS struct rows *rows = NULL;
    char id[] = "v";
    assert_int_equal(rc, 0);
    assert_int_equal(tx_query(tx, &get_item, VALUES(v_cstr(id)), &rows, err), 0);
    id[0] = '-'; // the query keeps its own arguments
    assert_int_equal(rows_next(rows, err), 1);
    assert_int_equal(rows_columns(rows), 5);
    assert_str(rows_str(rows, 0), "Ünïcode 灯");
    assert_true(rows_int(rows, 1) == INT64_MAX);
    assert_true(rows_bool(rows, 1));
    struct str blob = rows_str(rows, 2);
    assert_int_equal(blob.n, 3);
    assert_memory_equal(blob.p, "a\0b", 3);
    assert_true(rows_real(rows, 3) == 0.1);
    assert_true(rows_is_null(rows, 4));
    assert_null(rows_str(rows, 4).p);
    assert_int_equal(rows_next(rows, err), 0);
    assert_int_equal(rows_next(rows, err), 0);
    return 0;
}

TEST(values_come_back_as_they_went)
{
    open_store();
    assert_int_equal(write_as("acme", values, NULL, NULL), 0);
    close_store();
}

static int empty_values(struct tx *tx, void *arg __attribute__((unused)), struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_exec(tx, &put_bytes, VALUES(v_cstr("a"), v_blob(STR("")), v_real(-INFINITY)), NULL, err);
    if (rc == 0)
        rc = tx_query_one(tx, &get_item, VALUES(v_cstr("a")), &rows, err);
    assert_int_equal(rc, 1);
    assert_non_null(rows_str(rows, 2).p);
    assert_int_equal(rows_str(rows, 2).n, 0);
    assert_true(isinf(rows_real(rows, 3)));
    struct rows *none = rows;
    assert_int_equal(tx_query_one(tx, &get_item, VALUES(v_cstr("zz")), &none, err), 0);
    assert_null(none);
    return 0;
}

TEST(empty_is_not_null)
{
    open_store();
    add("acme", "a", 0);
    assert_int_equal(write_as("acme", empty_values, NULL, NULL), 0);
    close_store();
}

struct wrong {
    const struct store_sql *sql;
    struct value value;
    size_t n;
    int rc;
};

static int run_wrong(struct tx *tx, void *arg, struct err *err)
{
    const struct wrong *wrong = arg;
    return tx_exec(tx, wrong->sql, &wrong->value, wrong->n, NULL, err);
}

TEST(wrong_statements_and_values)
{
    open_store();
    add("acme", "a", 0);
    const struct wrong wrongs[] = {
        {&gap, v_int(1), 1, ERR_INTERNAL},
        {&no_brand, v_null(), 0, ERR_INTERNAL},
        {&two, v_null(), 0, ERR_INTERNAL},
        {&cast, v_null(), 0, ERR_INTERNAL},
        {&list_items, v_null(), 0, ERR_INTERNAL},   // one argument missing
        {&delete_items, v_int(1), 1, ERR_INTERNAL}, // one too many
        {&list_items, v_str((struct str){"a\0b", 3}), 1, ERR_INVALID},
        {&list_items, v_str(STR("\xff")), 1, ERR_INVALID},
        {&list_items, v_real(NAN), 1, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct err err = {0};
        assert_int_equal(write_as("acme", run_wrong, (void *)&wrongs[i], &err), wrongs[i].rc);
        assert_int_equal(err.code, wrongs[i].rc);
        assert_non_null(strstr(err.text, wrongs[i].sql->name));
    }
    assert_items("acme", "a ");
    close_store();
}

TEST(constraints)
{
    open_store();
    add("acme", "a", 0);
    struct test_item again = {"a", "Lamp", 0}, negative = {"b", "Lamp", -1}, untitled = {"b", NULL, 0};
    struct err err = {0};
    assert_int_equal(write_as("acme", test_add, &again, &err), ERR_CONFLICT);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_int_equal(write_as("acme", test_add, &negative, &err), ERR_INVALID);
    assert_int_equal(write_as("acme", test_add, &untitled, &err), ERR_INVALID);
    assert_int_equal(write_as("acme", test_add_part, "nothing", &err), ERR_CONFLICT);
    assert_int_equal(write_as("acme", test_add_part, "a", &err), 0);
    assert_true(store_writable(store));
    close_store();
}

static int swallow(struct tx *tx, void *arg __attribute__((unused)), struct err *err)
{
    struct test_item first = {"first", "Lamp", 0}, taken = {"a", "Lamp", 0}, last = {"last", "Lamp", 0};
    assert_int_equal(test_add(tx, &first, err), 0);
    assert_int_equal(test_add(tx, &taken, err), ERR_CONFLICT);
    assert_int_equal(test_add(tx, &last, err), ERR_CONFLICT); // still the first failure
    struct rows *rows;
    assert_int_equal(tx_query(tx, &list_items, VALUES(v_int(0)), &rows, err), ERR_CONFLICT);
    return 0;
}

TEST(a_failed_statement_fails_its_transaction)
{
    open_store();
    add("acme", "a", 0);
    struct err err = {0};
    assert_int_equal(write_as("acme", swallow, NULL, &err), ERR_CONFLICT);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_items("acme", "a ");
    close_store();
}

static int change_mind(struct tx *tx, void *arg __attribute__((unused)), struct err *err)
{
    struct test_item item = {"x", "Lamp", 0};
    assert_int_equal(test_add(tx, &item, err), 0);
    return ERR_LIMIT;
}

TEST(a_closure_that_fails_leaves_nothing)
{
    open_store();
    struct err err = {0};
    assert_int_equal(write_as("acme", change_mind, NULL, &err), ERR_LIMIT);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_items("acme", "");
    close_store();
}

static int nested(struct tx *tx, void *arg, struct err *err)
{
    int *pairs = arg;
    AUTO_ROWS struct rows *outer = NULL;
    assert_int_equal(tx_query(tx, &list_items, VALUES(v_int(0)), &outer, err), 0);
    while (rows_next(outer, err) > 0) {
        struct rows *inner; // its rows_done is forgotten on purpose
        assert_int_equal(tx_query(tx, &list_items, VALUES(v_int(rows_int(outer, 1))), &inner, err), 0);
        while (rows_next(inner, err) > 0)
            ++*pairs;
    }
    return 0;
}

TEST(a_query_nests_in_itself)
{
    open_store();
    add("acme", "a", 1);
    add("acme", "b", 2);
    add("acme", "c", 3);
    int pairs = 0;
    struct scope scope = test_scope();
    assert_int_equal(store_read(store, &scope, nested, &pairs, NULL), 0);
    assert_int_equal(pairs, 6);
    pairs = 0;
    assert_int_equal(store_write(store, &scope, nested, &pairs, NULL), 0);
    assert_int_equal(pairs, 6);
    close_store();
}

TEST(a_reader_cannot_write)
{
    open_store();
    struct test_item item = {"x", "Lamp", 0};
    struct scope scope = test_scope();
    assert_int_equal(store_read(store, &scope, test_add, &item, NULL), ERR_INTERNAL);
    assert_items("acme", "");
    close_store();
}

static int read_while_written(struct tx *tx, void *arg, struct err *err)
{
    char before[64] = "", after[64] = "";
    assert_int_equal(list(tx, before, err), 0);
    add("acme", arg, 0); // by the writer, while this snapshot is open
    assert_int_equal(list(tx, after, err), 0);
    assert_string_equal(before, after);
    return 0;
}

TEST(a_read_is_one_snapshot)
{
    open_store();
    add("acme", "a", 0);
    struct scope scope = test_scope();
    assert_int_equal(store_read(store, &scope, read_while_written, "b", NULL), 0);
    assert_items("acme", "a b ");
    close_store();
}

static int read_deeper(struct tx *tx, void *arg, struct err *err)
{
    int *depth = arg;
    ++*depth;
    return store_read(tx_store(tx), tx_scope(tx), read_deeper, arg, err);
}

TEST(readers_are_bounded)
{
    open_store();
    store->wait_ms = 20;
    int depth = 0;
    struct err err = {0};
    struct scope scope = test_scope();
    assert_int_equal(store_read(store, &scope, read_deeper, &depth, &err), ERR_UNAVAILABLE);
    assert_int_equal(depth, STORE_READERS);
    add("acme", "a", 0);
    assert_items("acme", "a ");
    close_store();
}

// ---- the change feed ------------------------------------------------------------------------------------------------

static char told[256];

static void listen_to(void *arg, const struct change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char line[64];
        snprintf(line, sizeof line, "%d " STR_FMT " " STR_FMT ";", (int)changes[i].kind, STR_ARG(changes[i].brand),
                 STR_ARG(changes[i].id));
        strcat(told, line);
    }
    assert_ptr_equal(arg, told);
}

static void after(void *arg)
{
    strcat(told, arg);
}

static int change(struct tx *tx, void *arg, struct err *err)
{
    char id[] = "p1";
    tx_changed(tx, CHANGE_PRODUCT, str_from(id));
    id[0] = '-'; // was copied
    tx_after_commit(tx, after, "after;");
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    assert_true(told[0] == '\0');
    struct test_item item = {"a", "Lamp", 0};
    int rc = test_add(tx, &item, err);
    return rc ? rc : *(int *)arg;
}

TEST(changes_are_told_after_the_commit)
{
    open_store();
    store_listen(store, listen_to, told);
    told[0] = '\0';
    int result = ERR_LIMIT;
    assert_int_equal(write_as("acme", change, &result, NULL), ERR_LIMIT);
    assert_string_equal(told, "");
    result = 0;
    assert_int_equal(write_as("acme", change, &result, NULL), 0);
    assert_string_equal(told, "1 acme p1;0 acme ;after;");
    told[0] = '\0';
    assert_int_equal(write_as("acme", change, &result, NULL), ERR_CONFLICT);
    assert_string_equal(told, "");
    close_store();
}

static sem_t heard;

static void hear_outside(void *arg, const struct change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (changes[i].kind == CHANGE_OUTSIDE && !changes[i].brand.p) {
            ++*(atomic_int *)arg;
            sem_post(&heard);
        }
}

TEST(what_another_process_wrote_is_told)
{
    open_store();
    atomic_int times = 0;
    sem_init(&heard, 0, 0);
    store_listen(store, hear_outside, &times);
    add("acme", "a", 0);
    add("acme", "b", 0);
    assert_items("acme", "a b ");
    assert_int_equal(atomic_load(&times), 0);
    struct store_options options = test_options(&dir);
    options.shared = true;
    struct store *command;
    assert_int_equal(store_open(&options, &command, NULL, NULL), 0);
    struct test_item item = {"c", "Lamp", 0};
    struct scope scope = test_scope();
    assert_int_equal(store_write(command, &scope, test_add, &item, NULL), 0);
    sem_wait(&heard); // by looking
    assert_int_equal(store_write(command, &scope, test_add, &(struct test_item){"d", "Lamp", 0}, NULL), 0);
    add("acme", "e", 0); // or by the next write
    assert_int_equal(atomic_load(&times), 2);
    store_close(command);
    close_store();
}

static int add_quietly(struct tx *tx, void *item, struct err *err)
{
    tx_quiet(tx);
    return test_add(tx, item, err);
}

TEST(what_another_process_wrote_quietly_is_not_told)
{
    open_store();
    atomic_int times = 0;
    sem_init(&heard, 0, 0);
    store_listen(store, hear_outside, &times);
    struct store_options options = test_options(&dir);
    options.shared = true;
    struct store *command;
    struct scope scope = test_scope();
    assert_true(store_alone(store));
    assert_int_equal(store_open(&options, &command, NULL, NULL), 0);
    assert_false(store_alone(store));
    assert_int_equal(store_write(command, &scope, add_quietly, &(struct test_item){"a", "Lamp", 0}, NULL), 0);
    add("acme", "b", 0); // looks first
    assert_int_equal(store_write(command, &scope, add_quietly, &(struct test_item){"c", "Lamp", 0}, NULL), 0);
    add("acme", "d", 0);
    assert_int_equal(atomic_load(&times), 0);
    assert_int_equal(store_write(command, &scope, add_quietly, &(struct test_item){"e", "Lamp", 0}, NULL), 0);
    assert_int_equal(store_write(command, &scope, test_add, &(struct test_item){"f", "Lamp", 0}, NULL), 0);
    add("acme", "g", 0);
    assert_int_equal(atomic_load(&times), 1);
    store_close(command);
    assert_true(store_alone(store));
    close_store();
}

// ---- opening --------------------------------------------------------------------------------------------------------

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

TEST(files_are_private)
{
    dir = test_dir_new();
    mode_t old = umask(0);
    struct store_options options = test_options(&dir);
    options.data_dir = mem_strdup(test_dir_file(&dir, "deep/data"));
    bool fresh = false;
    assert_int_equal(store_open(&options, &store, &fresh, NULL), 0);
    umask(old);
    assert_true(fresh);
    add("acme", "a", 0);
    assert_int_equal(mode_of(options.data_dir), 0700);
    assert_int_equal(mode_of(test_dir_file(&dir, "deep/data/parley.db")), 0600);
    assert_int_equal(mode_of(test_dir_file(&dir, "deep/data/parley.db-wal")), 0600);
    assert_int_equal(mode_of(test_dir_file(&dir, "deep/data/parley.db-shm")), 0600);
    assert_int_equal(mode_of(test_dir_file(&dir, "deep/data/parley.lock")), 0600);
    assert_string_equal(store_engine(store), "sqlite");
    free((char *)options.data_dir);
    close_store();
}

// program#5, for the lock itself.
TEST(one_process_a_directory)
{
    open_store();
    struct store_options options = test_options(&dir);
    struct store *second;
    struct err err = {0};
    assert_int_equal(store_open(&options, &second, NULL, &err), ERR_CONFLICT);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_non_null(strstr(err.text, pid));

    options.shared = true;
    assert_int_equal(store_open(&options, &second, NULL, &err), 0);
    struct test_item item = {"s", "Lamp", 0};
    struct scope scope = test_scope();
    assert_int_equal(store_write(second, &scope, test_add, &item, NULL), 0);
    assert_items("acme", "s ");
    store_close(second);
    add("acme", "t", 0); // closing the second has not taken the first one's locks along

    options.shared = false;
    options.read_only = true;
    assert_int_equal(store_open(&options, &second, NULL, &err), 0);
    assert_int_equal(test_count(second), 2);
    assert_int_equal(store_write(second, &scope, test_add, &item, NULL), ERR_INTERNAL);
    assert_false(store_writable(second));
    store_close(second);

    store_close(store);
    bool fresh = true;
    options.read_only = false;
    assert_int_equal(store_open(&options, &store, &fresh, &err), 0);
    assert_false(fresh);
    assert_items("acme", "s t ");
    close_store();
}

TEST(a_shared_opening_leaves_the_directory_free)
{
    dir = test_dir_new();
    struct store_options options = test_options(&dir);
    options.shared = true;
    struct store *command;
    assert_int_equal(store_open(&options, &command, NULL, NULL), 0);
    store = test_open(&dir);
    store_close(command);
    add("acme", "a", 0);
    close_store();
}

TEST(what_cannot_be_opened)
{
    dir = test_dir_new();
    struct store_options options = test_options(&dir);
    struct err err = {0};
    options.read_only = true;
    assert_int_equal(store_open(&options, &store, NULL, &err), ERR_NOT_FOUND);
    options.read_only = false;
    options.url = "oracle://scott:tiger@db";
    assert_int_equal(store_open(&options, &store, NULL, &err), ERR_INVALID);
    assert_null(strstr(err.text, "tiger"));
    options.url = "sqlite";
    options.data_dir = "";
    assert_int_equal(store_open(&options, &store, NULL, &err), ERR_INVALID);
    FILE *file = fopen(test_dir_file(&dir, "parley.db"), "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    options.data_dir = dir.path;
    assert_int_equal(store_open(&options, &store, NULL, &err), ERR_FORMAT);
    options.data_dir = test_dir_file(&dir, "parley.db");
    assert_int_equal(store_open(&options, &store, NULL, &err), ERR_IO);
    test_dir_remove(&dir);
}

TEST(many_statements_keep_their_bound)
{
    open_store();
    enum { MANY = 600 };
    static struct store_sql many[MANY];
    static char texts[MANY][48];
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "SELECT $1 || '%d'", i);
        many[i] = (struct store_sql){"many", texts[i], false};
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            struct wrong right = {&many[i], v_null(), 0, 0};
            struct scope scope = test_scope();
            assert_int_equal(store_read(store, &scope, run_wrong, &right, NULL), 0);
        }
    close_store();
}

TEST(registered_statements)
{
    open_store();
    struct err err = {0};
    if (store_prepare_all(store, &err) != 0)
        fail_msg("%s", err.text);
    size_t n = 0, found = 0;
    const struct store_sql *sql;
    for (size_t pos = 0; (sql = store_sql_next(&pos)); n++)
        found += sql == &all_brands || sql == &get_item;
    assert_int_equal(found, 2);
    assert_true(n >= 8);
    assert_int_equal(store_sql_check(&gap, &err), ERR_INVALID);
    assert_int_equal(store_sql_check(&no_brand, &err), ERR_INVALID);
    static const struct store_sql quoted = {"quoted", "SELECT '$1', \"$1\" /* $1 */ -- $1", false};
    static const struct store_sql named = {"named", "SELECT $1, $name", false};
    static const struct store_sql fine = {"fine", "SELECT '$9', $2 -- $8\n, $1", false};
    assert_int_equal(store_sql_check(&quoted, &err), ERR_INVALID);
    assert_int_equal(store_sql_check(&named, &err), ERR_INVALID);
    assert_int_equal(store_sql_check(&fine, &err), 0);
    close_store();
}

static int add_part(struct tx *tx, void *arg, struct err *err)
{
    (void)arena_alloc(tx_arena(tx), 1000);
    return test_add(tx, arg, err);
}

static int fill_two(struct tx *tx, void *arg, struct err *err)
{
    struct test_item item = {"a", "Lamp", 1};
    int rc = tx_in_brand(tx, STR("acme"), add_part, &item, err);
    rc = rc ? rc : tx_in_brand(tx, STR("bolt"), add_part, &item, err);
    item.size = *(int64_t *)arg;
    item.id = "b";
    (void)!tx_in_brand(tx, STR("bolt"), add_part, &item, err); // what it returns is remembered by the transaction
    return rc;
}

TEST(one_transaction_fills_two_brands)
{
    struct scope all = scope_installation(STR("test"));
    int64_t size = -1;
    open_store();
    assert_int_equal(store_write(store, &all, fill_two, &size, NULL), ERR_INVALID);
    assert_items("acme", "");
    assert_items("bolt", "");
    size = 2;
    assert_int_equal(store_write(store, &all, fill_two, &size, NULL), 0);
    assert_items("acme", "a ");
    assert_items("bolt", "a b ");
    close_store();
}

static int leave_brand(struct tx *tx, void *arg, struct err *err)
{
    return tx_in_brand(tx, STR("bolt"), test_add, arg, err);
}

TEST(a_brands_transaction_stays_in_its_brand)
{
    struct test_item item = {"a", "Lamp", 1};
    open_store();
    assert_int_equal(write_as("acme", leave_brand, &item, NULL), ERR_INTERNAL);
    assert_items("bolt", "");
    close_store();
}

static int change_many(struct tx *tx, void *arg, struct err *err)
{
    (void)arg, (void)err;
    tx_changed(tx, CHANGE_PRODUCT, STR("x"));
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    tx_changed(tx, CHANGE_PRODUCT, STR("y"));
    tx_changed(tx, CHANGE_DOCUMENT, STR("z"));
    return 0;
}

static void count_changes(void *arg, const struct change *changes, size_t n)
{
    (void)changes;
    *(size_t *)arg += n;
}

TEST(a_change_of_all_covers_those_behind_it)
{
    size_t n = 0;
    open_store();
    store_listen(store, count_changes, &n);
    assert_int_equal(write_as("acme", change_many, NULL, NULL), 0);
    assert_int_equal(n, 3);
    close_store();
}
