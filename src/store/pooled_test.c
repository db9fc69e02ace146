// SPDX-License-Identifier: Apache-2.0
// Writing without group commit, as an engine that takes many transactions at once does it. SQLite stands in for one:
// its lock makes the transactions follow each other.
#include "store/test_support.h"

#include "base/clock.h"

#include <semaphore.h>
#include <stdio.h>

enum { THREADS = 6, EACH = 40 };

static struct test_dir dir;
static struct store *store;
static struct driver driver;
static atomic_int repeats, lost_commits, wrong, listened;
static sem_t done_sem;

static int commit(struct driver_conn *conn, struct err *err)
{
    if (atomic_load(&repeats) > 0 && atomic_fetch_sub(&repeats, 1) > 0)
        return err_set(err, DRIVER_REPEAT, "deadlock on purpose");
    if (atomic_load(&lost_commits) > 0 && atomic_fetch_sub(&lost_commits, 1) > 0)
        return err_set(err, ERR_UNAVAILABLE, "away on purpose");
    return driver_sqlite.commit(conn, err);
}

static void listen_to(void *arg, const struct change *changes, size_t n)
{
    (void)arg, (void)changes;
    atomic_fetch_add(&listened, (int)n);
}

static void open_store(void)
{
    driver = driver_sqlite;
    driver.caps &= ~(unsigned)DRIVER_GROUP_COMMIT;
    driver.commit = commit;
    dir = test_dir_new();
    struct store_options options = test_options(&dir);
    assert_int_equal(store_open_driver(&driver, &options, &store, NULL, NULL), 0);
    store_listen(store, listen_to, NULL);
    atomic_store(&listened, 0);
    atomic_store(&wrong, 0);
    sem_init(&done_sem, 0, 0);
}

static void close_store(void)
{
    store_close(store);
    test_dir_remove(&dir);
}

static int tells(struct tx *tx, void *arg, struct err *err)
{
    tx_changed(tx, CHANGE_PRODUCT, STR("x"));
    return test_add(tx, arg, err);
}

static int write_one(const char *id, int64_t size, struct err *err)
{
    struct test_item item = {id, "Lamp", size};
    struct scope scope = test_scope();
    return store_write(store, &scope, tells, &item, err);
}

static void *client(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        char id[32];
        snprintf(id, sizeof id, "%d-%d", *(int *)arg, i);
        atomic_fetch_add(&wrong, write_one(id, 0, NULL) != 0);
        atomic_fetch_add(&wrong, i % 10 == 0 && write_one(id, 0, NULL) != ERR_CONFLICT);
        atomic_fetch_add(&wrong, i % 10 == 0 && write_one("negative", -1, NULL) != ERR_INVALID);
    }
    return NULL;
}

TEST(many_clients_without_groups)
{
    open_store();
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, client, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(test_count(store), THREADS * EACH);
    assert_int_equal(atomic_load(&listened), THREADS * EACH);
    close_store();
}

TEST(what_stood_in_anothers_way_is_repeated)
{
    open_store();
    struct err err = {0};
    atomic_store(&repeats, 3);
    assert_int_equal(write_one("a", 0, &err), 0);
    assert_int_equal(atomic_load(&listened), 1); // once, not for each attempt
    atomic_store(&repeats, 1000);
    assert_int_equal(write_one("b", 0, &err), ERR_UNAVAILABLE);
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    atomic_store(&repeats, 0);
    assert_true(store_writable(store)); // that was no fault of the engine
    assert_int_equal(test_count(store), 1);
    close_store();
}

TEST(an_engine_that_was_away_comes_back)
{
    open_store();
    atomic_store(&lost_commits, 1);
    assert_int_equal(write_one("a", 0, NULL), ERR_UNAVAILABLE);
    assert_int_equal(test_count(store), 0);
    for (int i = 0; !store_writable(store); i++) {
        assert_true(i < 10000);
        clock_advance(1100);
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
    assert_int_equal(write_one("a", 0, NULL), 0);
    close_store();
}

static void done(void *arg, int rc, const struct err *err)
{
    *(int *)arg = rc;
    assert_true((rc == 0) == (err == NULL));
    sem_post(&done_sem);
}

static int by_number(struct tx *tx, void *arg, struct err *err)
{
    char id[16];
    snprintf(id, sizeof id, "%d", *(int *)arg);
    struct test_item item = {id, "Lamp", 0};
    return test_add(tx, &item, err);
}

TEST(asynchronous_without_groups)
{
    open_store();
    int results[20];
    struct scope scope = test_scope();
    for (int i = 0; i < 20; i++) {
        results[i] = i / 2; // each number twice: one of the two gets there
        store_write_async(store, &scope, by_number, &results[i], done);
    }
    for (int i = 0; i < 20; i++)
        sem_wait(&done_sem);
    int good = 0, conflicts = 0;
    for (int i = 0; i < 20; i++) {
        good += results[i] == 0;
        conflicts += results[i] == ERR_CONFLICT;
    }
    assert_int_equal(good, 10);
    assert_int_equal(conflicts, 10);
    assert_int_equal(test_count(store), 10);
    close_store();
}
