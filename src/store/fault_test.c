// SPDX-License-Identifier: Apache-2.0
// What must hold when the machine does not: full disk, failed writes and syncs, kill -9, power cuts. Each write inserts
// an item and counts it, so that after any accident: as many items as counted, and every acknowledged one among them.
#include "store/fault_vfs.h"
#include "store/test_support.h"

#include "base/clock.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 4, KILLS = 25, CUTS = 60, LONG = 3000 };

STORE_SQL(count_one, "INSERT INTO item (brand_id, id, title, size) VALUES ($1, '!', 'counter', 1) "
                     "ON CONFLICT (brand_id, id) DO UPDATE SET size = item.size + 1");
STORE_SQL(counted, "SELECT (SELECT size FROM item WHERE brand_id = $1 AND id = '!'), "
                   "(SELECT count(*) FROM item WHERE brand_id = $1 AND id <> '!')");
STORE_SQL(find_item, "SELECT 1 FROM item WHERE brand_id = $1 AND id = $2");

static struct test_dir dir;

static int add_counted(struct tx *tx, void *arg, struct err *err)
{
    struct test_item item = {arg, "Lamp", 0};
    int rc = test_add(tx, &item, err);
    return rc ? rc : tx_exec(tx, &count_one, NO_VALUES, NULL, err);
}

static int add_long(struct tx *tx, void *arg, struct err *err)
{
    static char title[LONG];
    memset(title, 'x', sizeof title - 1);
    struct test_item item = {arg, title, 0};
    return test_add(tx, &item, err);
}

static int write_one(struct store *store, store_fn fn, const char *id, struct err *err)
{
    struct scope scope = test_scope();
    return store_write(store, &scope, fn, (void *)id, err);
}

struct audit {
    const char (*ids)[16];
    size_t n;
    int missing;
    int64_t items, counter;
};

static int look(struct tx *tx, void *arg, struct err *err)
{
    struct audit *audit = arg;
    struct rows *rows = NULL;
    if (tx_query_one(tx, &counted, NO_VALUES, &rows, err) != 1)
        return ERR_INTERNAL;
    audit->counter = rows_int(rows, 0);
    audit->items = rows_int(rows, 1);
    rows_done(rows);
    for (size_t i = 0; i < audit->n; i++) {
        int rc = tx_query_one(tx, &find_item, VALUES(v_cstr(audit->ids[i])), &rows, err);
        audit->missing += rc != 1;
        rows_done(rows);
    }
    return 0;
}

static void audit(struct store *store, const char (*acknowledged)[16], size_t n)
{
    struct audit found = {.ids = acknowledged, .n = n};
    struct scope scope = test_scope();
    struct err err = {0};
    if (store_read(store, &scope, look, &found, &err) != 0)
        fail_msg("audit: %s", err.text);
    assert_int_equal(found.missing, 0);
    assert_int_equal(found.items, found.counter); // nothing half, nothing twice
    assert_true(found.items >= (int64_t)n);
}

// ---- kill -9 -------------------------------------------------------------------------------------------------------

struct child {
    struct store *store;
    int pipe, round, number;
};

static void *child_client(void *arg)
{
    const struct child *child = arg;
    for (int i = 0;; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d-%d-%d", child->round, child->number, i);
        if (write_one(child->store, add_counted, id, NULL) != 0 || write(child->pipe, id, sizeof id) != sizeof id)
            _exit(1);
    }
    return NULL;
}

static void child_main(int out, int round)
{
    struct store_options options = test_options(&dir);
    struct child children[CLIENTS];
    pthread_t threads[CLIENTS];
    struct store *store;
    struct err err = {0};
    if (store_open(&options, &store, NULL, &err) != 0) {
        fprintf(stderr, "child: %s\n", err.text);
        _exit(1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        children[i] = (struct child){store, out, round, i};
        pthread_create(&threads[i], NULL, child_client, &children[i]);
    }
    pthread_join(threads[0], NULL);
    _exit(1);
}

// program#5, second half. Killed after a number of acknowledgements that differs each time, never at rest.
TEST(kill_9_loses_and_doubles_nothing)
{
    dir = test_dir_new();
    enum { MOST = 40000 };
    char(*acknowledged)[16] = mem_calloc(MOST, sizeof *acknowledged);
    size_t n = 0;
    for (int round = 0; round < KILLS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(ends[0]);
            child_main(ends[1], round);
        }
        close(ends[1]);
        bool killed = false;
        size_t enough = n + 1 + (size_t)(round * 37 % 200);
        while (n < MOST && read(ends[0], acknowledged[n], 16) == 16)
            if (++n >= enough && !killed) {
                kill(pid, SIGKILL);
                killed = true; // what is still in the pipe was acknowledged too
            }
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); // and did not fail by itself
        struct store_options options = test_options(&dir);
        struct store *store;
        options.read_only = true; // a command that only looks must see what the dead one left in its log
        assert_int_equal(store_open(&options, &store, NULL, NULL), 0);
        audit(store, (const char(*)[16])acknowledged, n);
        store_close(store);
        store = test_open(&dir); // the lock of the dead is no obstacle
        audit(store, (const char(*)[16])acknowledged, n);
        store_close(store);
    }
    free(acknowledged);
    test_dir_remove(&dir);
}

// program#5, first half, with a real second process.
TEST(a_running_server_is_named)
{
    dir = test_dir_new();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *store = test_open(&dir);
        if (write(ends[1], "!", 1) == 1)
            pause();
        store_close(store);
        _exit(1);
    }
    char ready;
    assert_int_equal(read(ends[0], &ready, 1), 1);
    struct store_options options = test_options(&dir);
    struct store *store;
    struct err err = {0};
    assert_int_equal(store_open(&options, &store, NULL, &err), ERR_CONFLICT);
    char named[32];
    snprintf(named, sizeof named, "process %d", (int)pid);
    assert_non_null(strstr(err.text, named));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(ends[0]);
    close(ends[1]);
    store = test_open(&dir);
    store_close(store);
    test_dir_remove(&dir);
}

// ---- power cuts ----------------------------------------------------------------------------------------------------

struct cut_client {
    struct store *store;
    int number, cut;
    size_t n;
    char acknowledged[200][16];
};

static void *write_until_it_fails(void *arg)
{
    struct cut_client *client = arg;
    while (client->n < 200) {
        char *id = client->acknowledged[client->n];
        snprintf(id, 16, "%d-%d-%zu", client->cut, client->number, client->n);
        if (write_one(client->store, add_counted, id, NULL) != 0)
            break;
        client->n++;
    }
    return NULL;
}

// The power goes at a write or sync; unsynced writes are lost, torn and reordered. Commits sync the log before they are
// acknowledged, or this test fails (it does with synchronous=NORMAL).
TEST(a_power_cut_loses_nothing_acknowledged)
{
    dir = test_dir_new();
    fault_vfs_install();
    struct cut_client *clients = mem_calloc(2, sizeof *clients);
    struct store *store = test_open(&dir);
    assert_int_equal(write_one(store, add_counted, "first", NULL), 0);
    store_close(store);
    for (int cut = 0; cut < CUTS; cut++) {
        fault_vfs_record();
        store = test_open(&dir);
        fault_vfs_cut(1 + cut * 13 % 97);
        pthread_t threads[2];
        for (int i = 0; i < 2; i++) {
            clients[i] = (struct cut_client){.store = store, .number = i, .cut = cut};
            pthread_create(&threads[i], NULL, write_until_it_fails, &clients[i]);
        }
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        store_close(store);
        assert_true(fault_vfs_failed());
        fault_vfs_settle((unsigned)cut);
        store = test_open(&dir);
        for (int i = 0; i < 2; i++)
            audit(store, (const char(*)[16])clients[i].acknowledged, clients[i].n);
        store_close(store);
    }
    fault_vfs_remove();
    free(clients);
    test_dir_remove(&dir);
}

// ---- failing writes ------------------------------------------------------------------------------------------------

// Each write and sync in turn fails once; nothing acknowledged is lost then and there, nor after opening again.
static void fail_each_write(int code)
{
    dir = test_dir_new();
    fault_vfs_install();
    struct store *store = test_open(&dir);
    char acknowledged[800][16];
    size_t n = 0;
    int failures = 0;
    for (int nth = 1; nth <= 40; nth++) {
        fault_vfs_fail(nth, code, false);
        for (int i = 0; i < 20; i++) { // a commit is a write and a sync
            char *id = acknowledged[n];
            snprintf(id, 16, "%d-%d", nth, i);
            struct err err = {0};
            int rc = write_one(store, add_counted, id, &err);
            n += rc == 0;
            failures += rc != 0;
            assert_true(rc == 0 || (rc == ERR_UNAVAILABLE && err.code == rc && err.text[0]));
            assert_int_equal(atomic_load(&store->writable), rc == 0);
        }
        audit(store, (const char(*)[16])acknowledged, n);
    }
    fault_vfs_fail(0, 0, false);
    assert_true(failures >= 40);
    assert_int_equal(write_one(store, add_counted, "last", NULL), 0);
    store_close(store);
    store = test_open(&dir);
    audit(store, (const char(*)[16])acknowledged, n);
    store_close(store);
    fault_vfs_remove();
    test_dir_remove(&dir);
}

TEST(fail_the_nth_write_as_full)
{
    fail_each_write(SQLITE_FULL);
}

TEST(fail_the_nth_write_as_broken)
{
    fail_each_write(SQLITE_IOERR_WRITE);
}

TEST(a_commit_is_one_write_and_one_sync)
{
    dir = test_dir_new();
    fault_vfs_install();
    struct store *store = test_open(&dir);
    assert_int_equal(write_one(store, add_counted, "first", NULL), 0); // begins the log
    fault_vfs_fail(3, SQLITE_FULL, false);
    assert_int_equal(write_one(store, add_counted, "second", NULL), 0);
    assert_int_not_equal(write_one(store, add_counted, "third", NULL), 0);
    fault_vfs_fail(0, 0, false);
    store_close(store);
    fault_vfs_remove();
    test_dir_remove(&dir);
}

static void until_writable(struct store *store)
{
    for (int i = 0; !store_writable(store); i++) {
        assert_true(i < 10000);
        clock_advance(1100); // the next look is due
        usleep(1000);
    }
}

TEST(a_store_that_is_only_asked_recovers_too)
{
    dir = test_dir_new();
    fault_vfs_install();
    struct store *store = test_open(&dir);
    assert_true(store_writable(store));
    fault_vfs_fail(1, SQLITE_FULL, true);
    assert_int_equal(write_one(store, add_counted, "a", NULL), ERR_UNAVAILABLE);
    assert_false(store_writable(store));
    assert_int_equal(test_count(store), 0); // reading goes on
    fault_vfs_fail(0, 0, false);
    until_writable(store);
    assert_int_equal(write_one(store, add_counted, "a", NULL), 0);
    store_close(store);
    fault_vfs_remove();
    test_dir_remove(&dir);
}

// ---- a disk that is full -------------------------------------------------------------------------------------------

TEST(a_full_disk_stops_writing_and_nothing_else)
{
    dir = test_dir_new();
    if (mount("none", dir.path, "tmpfs", 0, "size=2m") != 0) {
        test_dir_remove(&dir);
        skip(); // wants root; the failing writes above cover the rest
    }
    struct store *store = test_open(&dir);
    int64_t n = 0;
    struct err err = {0};
    int rc = 0;
    for (; n < 2000 && rc == 0; n += rc == 0) {
        char id[16];
        snprintf(id, sizeof id, "%d", (int)n);
        rc = write_one(store, add_long, id, &err);
    }
    assert_int_equal(rc, ERR_UNAVAILABLE);
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    assert_int_equal(test_count(store), n);
    assert_int_equal(store_backup(store, test_dir_file(&dir, "copy"), &err), ERR_UNAVAILABLE);
    assert_int_not_equal(access(test_dir_file(&dir, "copy"), F_OK), 0);
    store_close(store);
    store = test_open(&dir); // starts without room to write, too
    assert_int_equal(test_count(store), n);
    assert_int_equal(mount("none", dir.path, "tmpfs", MS_REMOUNT, "size=16m"), 0); // somebody made room
    until_writable(store);
    assert_int_equal(write_one(store, add_long, "more", &err), 0);
    assert_int_equal(test_count(store), n + 1);
    store_close(store);
    assert_int_equal(umount2(dir.path, MNT_DETACH), 0);
    test_dir_remove(&dir);
}

// ---- the log -------------------------------------------------------------------------------------------------------

static int64_t size_of(const char *name)
{
    struct stat st;
    return stat(test_dir_file(&dir, name), &st) == 0 ? (int64_t)st.st_size : -1;
}

static int add_many(struct tx *tx, void *arg, struct err *err)
{
    int *next = arg, rc = 0;
    for (int i = 0; rc == 0 && i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", (*next)++);
        rc = add_long(tx, id, err);
    }
    return rc;
}

TEST(the_log_stays_bounded_under_load_and_is_emptied_at_rest)
{
    dir = test_dir_new();
    struct store *store = test_open(&dir);
    struct scope scope = test_scope();
    int next = 0;
    for (int i = 0; i < 150; i++) // 45 MB
        assert_int_equal(store_write(store, &scope, add_many, &next, NULL), 0);
    assert_true(size_of("parley.db-wal") > 0);
    assert_true(size_of("parley.db-wal") < 24 << 20);
    // At rest what is in the log goes into the database; the file of the log stays.
    store_close(store);
    store = test_open(&dir);
    int64_t before = size_of("parley.db");
    for (int i = 0; i < 20; i++) // 6 MB: too little to press for it
        assert_int_equal(store_write(store, &scope, add_many, &next, NULL), 0);
    assert_int_equal(size_of("parley.db"), before);
    for (int i = 0; size_of("parley.db") < before + (5 << 20); i++) {
        assert_true(i < 10000);
        usleep(1000);
    }
    assert_int_equal(test_count(store), next);
    store_close(store);
    test_dir_remove(&dir);
}
