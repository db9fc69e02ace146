// SPDX-License-Identifier: Apache-2.0
// Group commit: closures of one group are apart from each other, each caller hears of its own, nothing is lost or done
// twice. Groups are made on purpose: a closure holds the writer until all others have queued up behind it.
#include "store/test_support.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, EACH = 60 };

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

// ---- holding the writer --------------------------------------------------------------------------------------------

static struct {
    pthread_t thread;
    sem_t running, go;
    store_fn then; // what it does when it is let go; NULL: nothing
} hold;

static int hold_in(struct tx *tx, void *arg, struct err *err)
{
    sem_post(&hold.running);
    sem_wait(&hold.go);
    return hold.then ? hold.then(tx, arg, err) : 0;
}

static void *hold_main(void *arg)
{
    struct scope scope = test_scope();
    return (void *)(intptr_t)store_write(store, &scope, hold_in, arg, NULL);
}

static void hold_writer_for(void *arg)
{
    sem_init(&hold.running, 0, 0);
    sem_init(&hold.go, 0, 0);
    assert_int_equal(pthread_create(&hold.thread, NULL, hold_main, arg), 0);
    sem_wait(&hold.running);
}

static void hold_writer(void)
{
    hold_writer_for(NULL);
}

static void let_go(void)
{
    sem_post(&hold.go);
    void *rc;
    pthread_join(hold.thread, &rc);
    assert_null(rc);
}

// ---- asynchronous writes -------------------------------------------------------------------------------------------

struct async {
    store_fn fn;
    void *arg;
    int rc;
    char text[240];
    int calls;
};

static sem_t async_done;

static int async_fn(struct tx *tx, void *arg, struct err *err)
{
    struct async *async = arg;
    return async->fn(tx, async->arg, err);
}

static void async_end(void *arg, int rc, const struct err *err)
{
    struct async *async = arg;
    async->rc = rc;
    async->calls++;
    snprintf(async->text, sizeof async->text, "%s", err ? err->text : "");
    sem_post(&async_done);
}

static void post(struct async *async)
{
    char brand[] = "acme";
    struct scope scope = scope_brand(str_from(brand), STR("test"));
    store_write_async(store, &scope, async_fn, async, async_end);
    brand[0] = '-'; // the scope was copied
}

static void wait_for(int n)
{
    for (int i = 0; i < n; i++)
        sem_wait(&async_done);
}

struct here {
    pthread_t thread; // that `done` ran on
    bool ended;
};

static int does_nothing(struct tx *tx, void *arg, struct err *err)
{
    (void)tx, (void)arg, (void)err;
    return 0;
}

static void here_end(void *arg, int rc, const struct err *err)
{
    struct here *here = arg;
    (void)err;
    assert_int_equal(rc, 0);
    here->thread = pthread_self();
    here->ended = true;
    sem_post(&async_done);
}

TEST(free_writer_is_led_by_who_writes_here)
{
    open_store();
    sem_init(&async_done, 0, 0);
    struct here here = {0};
    struct scope scope = scope_brand(STR("acme"), STR("test"));
    for (int i = 0; i < 100; i++) {
        here = (struct here){0};
        store_write_here(store, &scope, does_nothing, &here, here_end);
        if (here.ended && pthread_equal(here.thread, pthread_self()))
            break; // the store's thread may have been looking around before
        wait_for(1);
    }
    assert_true(here.ended && pthread_equal(here.thread, pthread_self()));
    sem_destroy(&async_done);
    close_store();
}

static int dangling(struct tx *tx, void *arg, struct err *err)
{
    tx_changed(tx, CHANGE_PRODUCT, STR("dangling"));
    return test_add_part(tx, arg, err);
}

static int forgets_a_row(struct tx *tx, void *arg, struct err *err)
{
    static const struct store_sql add = {
        "add", "INSERT INTO item (brand_id, id, title, size) VALUES ($1, $2, 'Lamp', 0) RETURNING id", false};
    struct rows *rows;
    return tx_query_one(tx, &add, VALUES(v_cstr(arg)), &rows, err) < 0 ? ERR_INTERNAL : 0;
}

static char told[512];

static void listen_to(void *arg, const struct change *changes, size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        strncat(strncat(told, changes[i].id.p, changes[i].id.n), " ", 2);
    strcat(told, "| ");
}

static int tells(struct tx *tx, void *arg, struct err *err)
{
    const struct test_item *item = arg;
    tx_changed(tx, CHANGE_PRODUCT, str_from(item->id));
    return test_add(tx, arg, err);
}

TEST(closures_of_a_group_are_apart)
{
    open_store();
    store_listen(store, listen_to, NULL);
    told[0] = '\0';
    sem_init(&async_done, 0, 0);
    struct test_item a = {"a", "Lamp", 0}, b = {"b", "Lamp", -1}, c = {"c", "Lamp", 0};
    struct async asyncs[] = {
        {tells, &a}, {tells, &b}, {tells, &a}, {dangling, "nothing"}, {forgets_a_row, "d"}, {tells, &c},
    };
    hold_writer();
    for (size_t i = 0; i < 6; i++)
        post(&asyncs[i]);
    let_go();
    wait_for(6);
    const int expected[] = {0, ERR_INVALID, ERR_CONFLICT, ERR_CONFLICT, 0, 0};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(asyncs[i].rc, expected[i]);
        assert_int_equal(asyncs[i].calls, 1);
        assert_int_equal(asyncs[i].text[0] != '\0', expected[i] != 0);
    }
    assert_int_equal(test_count(store), 3);
    assert_string_equal(told, "a c | "); // one commit
    close_store();
}

// The first has no savepoint of its own.
TEST(what_comes_first_in_a_group_may_fail)
{
    static char none[] = "nothing";
    open_store();
    store_listen(store, listen_to, NULL);
    told[0] = '\0';
    sem_init(&async_done, 0, 0);
    struct test_item a = {"a", "Lamp", 0}, b = {"b", "Lamp", -1}, c = {"c", "Lamp", 0};
    struct async asyncs[] = {{tells, &b}, {tells, &a}, {dangling, none}, {tells, &c}};
    hold.then = dangling;
    hold_writer_for(none);
    for (size_t i = 0; i < 4; i++)
        post(&asyncs[i]);
    sem_post(&hold.go);
    void *rc;
    pthread_join(hold.thread, &rc);
    hold.then = NULL;
    wait_for(4);
    assert_int_equal((int)(intptr_t)rc, ERR_CONFLICT);
    const int expected[] = {ERR_INVALID, 0, ERR_CONFLICT, 0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(asyncs[i].rc, expected[i]);
    assert_int_equal(test_count(store), 2);
    assert_string_equal(told, "a c | ");
    close_store();
}

TEST(a_full_queue_refuses)
{
    open_store();
    sem_init(&async_done, 0, 0);
    struct async *asyncs = mem_calloc(STORE_QUEUE_MAX + 2, sizeof *asyncs);
    struct test_item *items = mem_calloc(STORE_QUEUE_MAX + 2, sizeof *items);
    char(*ids)[16] = mem_calloc(STORE_QUEUE_MAX + 2, sizeof *ids);
    hold_writer();
    for (int i = 0; i < STORE_QUEUE_MAX + 2; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        items[i] = (struct test_item){ids[i], "Lamp", i};
        asyncs[i] = (struct async){test_add, &items[i], .rc = 1};
        post(&asyncs[i]);
    }
    struct err err = {0};
    struct scope scope = test_scope();
    assert_int_equal(store_write(store, &scope, test_add, &items[0], &err), ERR_UNAVAILABLE);
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    let_go();
    wait_for(STORE_QUEUE_MAX + 2);
    for (int i = 0; i < STORE_QUEUE_MAX + 2; i++)
        assert_int_equal(asyncs[i].rc, i < STORE_QUEUE_MAX ? 0 : ERR_UNAVAILABLE);
    assert_int_equal(test_count(store), STORE_QUEUE_MAX);
    assert_true(store_writable(store));
    close_store();
    free(asyncs);
    free(items);
    free(ids);
}

TEST(a_write_that_does_not_begin_is_taken_back)
{
    open_store();
    store->start_ms = 20;
    struct test_item item = {"late", "Lamp", 0};
    struct err err = {0};
    struct scope scope = test_scope();
    hold_writer();
    assert_int_equal(store_write(store, &scope, test_add, &item, &err), ERR_UNAVAILABLE);
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    let_go();
    assert_int_equal(test_count(store), 0);
    assert_int_equal(store_write(store, &scope, test_add, &item, &err), 0);
    close_store();
}

static int writes_again(struct tx *tx, void *arg, struct err *err)
{
    return store_write(tx_store(tx), tx_scope(tx), test_add, arg, err);
}

static void write_after(void *arg)
{
    struct scope scope = test_scope();
    struct test_item item = {"z", "Lamp", 0};
    *(int *)arg = store_write(store, &scope, test_add, &item, NULL);
}

static int writes_after(struct tx *tx, void *arg, struct err *err)
{
    (void)err;
    tx_after_commit(tx, write_after, arg);
    return 0;
}

TEST(a_write_inside_of_a_write_is_refused)
{
    open_store();
    struct test_item item = {"a", "Lamp", 0};
    struct scope scope = test_scope();
    assert_int_equal(store_write(store, &scope, writes_again, &item, NULL), ERR_INTERNAL);
    int rc = 1;
    assert_int_equal(store_write(store, &scope, writes_after, &rc, NULL), 0);
    assert_int_equal(rc, ERR_INTERNAL);
    assert_int_equal(test_count(store), 0);
    assert_int_equal(store_write(store, &scope, test_add, &item, NULL), 0);
    close_store();
}

TEST(closing_finishes_what_is_queued)
{
    open_store();
    sem_init(&async_done, 0, 0);
    struct test_item items[50];
    struct async asyncs[50];
    char ids[50][8];
    for (int i = 0; i < 50; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        items[i] = (struct test_item){ids[i], "Lamp", 0};
        asyncs[i] = (struct async){test_add, &items[i], .rc = 1};
        post(&asyncs[i]);
    }
    store_close(store);
    for (int i = 0; i < 50; i++)
        assert_int_equal(asyncs[i].rc, 0);
    store = test_open(&dir);
    assert_int_equal(test_count(store), 50);
    close_store();
}

// ---- many at once --------------------------------------------------------------------------------------------------

static atomic_int wrong, listened;

static int count_all(struct tx *tx, void *arg, struct err *err)
{
    static const struct store_sql find = {"find", "SELECT 1 FROM item WHERE brand_id = $1 AND id = $2", false};
    AUTO_ROWS struct rows *rows = NULL;
    return tx_query_one(tx, &find, VALUES(v_cstr(arg)), &rows, err) == 1 ? 0 : ERR_NOT_FOUND;
}

static void *client(void *arg)
{
    struct scope scope = test_scope();
    for (int i = 0; i < EACH; i++) {
        char id[32];
        snprintf(id, sizeof id, "%d-%d", *(int *)arg, i);
        struct test_item item = {id, "Lamp", i % 7 == 3 ? -1 : i};
        int rc = store_write(store, &scope, tells, &item, NULL);
        wrong += rc != (i % 7 == 3 ? ERR_INVALID : 0);
        wrong += store_read(store, &scope, count_all, id, NULL) != (i % 7 == 3 ? ERR_NOT_FOUND : 0);
        wrong += i % 7 != 3 && store_write(store, &scope, tells, &item, NULL) != ERR_CONFLICT;
    }
    return NULL;
}

static void count_changes(void *arg, const struct change *changes, size_t n)
{
    (void)arg, (void)changes;
    listened += (int)n;
}

TEST(many_clients_each_hear_of_their_own)
{
    open_store();
    store_listen(store, count_changes, NULL);
    atomic_store(&wrong, 0);
    atomic_store(&listened, 0);
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, client, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int good = 0;
    for (int i = 0; i < EACH; i++)
        good += i % 7 != 3;
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(test_count(store), THREADS * good);
    assert_int_equal(atomic_load(&listened), THREADS * good);
    close_store();
}

// ---- an engine that fails at a chosen call -------------------------------------------------------------------------

static struct {
    int countdown; // fails when it reaches 0
    int code;
    int refused_commits; // the next so many commits are refused with `code`
} fault;

static int hit(struct err *err)
{
    return fault.countdown > 0 && --fault.countdown == 0 ? err_set(err, fault.code, "a fault on purpose") : 0;
}

static int fault_prepare(struct driver_conn *conn, const struct store_sql *sql, struct driver_stmt **ret,
                         struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.prepare(conn, sql, ret, err);
}

static int fault_bind(struct driver_stmt *stmt, const struct value *args, size_t n, bool copy, struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.bind(stmt, args, n, copy, err);
}

static int fault_step(struct driver_stmt *stmt, struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.step(stmt, err);
}

static int fault_begin(struct driver_conn *conn, bool write, struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.begin(conn, write, err);
}

static int fault_commit(struct driver_conn *conn, struct err *err)
{
    if (fault.refused_commits > 0 && fault.refused_commits--)
        return err_set(err, fault.code, "refused on purpose");
    int rc = hit(err);
    return rc ? rc : driver_sqlite.commit(conn, err);
}

static int fault_savepoint(struct driver_conn *conn, struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.savepoint(conn, err);
}

static int fault_check(struct driver_conn *conn, struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.check(conn, err);
}

static int fault_release(struct driver_conn *conn, struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.release(conn, err);
}

static int fault_rollback_to(struct driver_conn *conn, struct err *err)
{
    int rc = hit(err);
    return rc ? rc : driver_sqlite.rollback_to(conn, err);
}

static void open_faulty(void)
{
    static struct driver driver;
    driver = driver_sqlite;
    driver.prepare = fault_prepare;
    driver.bind = fault_bind;
    driver.step = fault_step;
    driver.begin = fault_begin;
    driver.commit = fault_commit;
    driver.savepoint = fault_savepoint;
    driver.check = fault_check;
    driver.release = fault_release;
    driver.rollback_to = fault_rollback_to;
    dir = test_dir_new();
    struct store_options options = test_options(&dir);
    assert_int_equal(store_open_driver(&driver, &options, &store, NULL, NULL), 0);
}

static int failing(struct tx *tx, void *arg, struct err *err)
{
    int rc = test_add(tx, arg, err);
    return rc ? rc : ERR_LIMIT;
}

// Whatever call fails, however: what was acknowledged is there, what was not is not, and the store goes on.
static void fail_each_call(int code)
{
    open_faulty();
    sem_init(&async_done, 0, 0);
    char ids[4][32];
    struct test_item items[4];
    int64_t expected = 0;
    bool reached = true;
    for (int n = 1; reached; n++) {
        struct async asyncs[] = {
            {test_add, &items[0]}, {failing, &items[1]}, {test_add, &items[2]}, {test_add, &items[3]}};
        for (int i = 0; i < 4; i++) {
            snprintf(ids[i], sizeof ids[i], "%d-%d", n, i);
            items[i] = (struct test_item){ids[i], "Lamp", 0};
        }
        hold_writer();
        fault.countdown = n;
        fault.code = code;
        for (int i = 0; i < 4; i++)
            post(&asyncs[i]);
        sem_post(&hold.go);
        pthread_join(hold.thread, NULL); // may have failed along
        wait_for(4);
        reached = fault.countdown == 0;
        fault.countdown = 0;
        for (int i = 0; i < 4; i++) {
            assert_int_equal(asyncs[i].calls, 1);
            expected += asyncs[i].rc == 0;
            assert_true(asyncs[i].rc == 0 || asyncs[i].text[0]);
        }
        assert_true(asyncs[1].rc < 0);
        assert_int_equal(test_count(store), expected);
        assert_true(n < 500);
    }
    struct test_item last = {"last", "Lamp", 0};
    struct scope scope = test_scope();
    assert_int_equal(store_write(store, &scope, test_add, &last, NULL), 0);
    assert_true(store_writable(store));
    close_store();
}

TEST(fail_the_nth_call_as_unavailable)
{
    fail_each_call(ERR_UNAVAILABLE);
}

TEST(fail_the_nth_call_as_damaged)
{
    fail_each_call(ERR_IO);
}

TEST(a_refused_commit_is_repeated_one_by_one)
{
    open_faulty();
    sem_init(&async_done, 0, 0);
    struct test_item items[] = {{"a", "Lamp", 0}, {"b", "Lamp", 0}, {"c", "Lamp", 0}};
    struct async asyncs[] = {{test_add, &items[0]}, {test_add, &items[1]}, {test_add, &items[2]}};
    hold_writer();
    fault.countdown = 0;
    fault.code = ERR_CONFLICT;
    fault.refused_commits = 1;
    for (int i = 0; i < 3; i++)
        post(&asyncs[i]);
    sem_post(&hold.go); // the one that holds the writer runs twice
    sem_post(&hold.go);
    pthread_join(hold.thread, NULL);
    wait_for(3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(asyncs[i].rc, 0);
    assert_int_equal(test_count(store), 3);
    struct test_item alone = {"d", "Lamp", 0};
    struct scope scope = test_scope();
    fault.refused_commits = 2;
    assert_int_equal(store_write(store, &scope, test_add, &alone, NULL), ERR_CONFLICT);
    assert_int_equal(test_count(store), 3);
    close_store();
}
