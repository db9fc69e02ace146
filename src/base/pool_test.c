// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include "base/test.h"

#include <pthread.h>
#include <stdatomic.h>

// A gate that tasks stand at until the test opens it.
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    size_t arrived;
};
#define GATE                                                                                                           \
    {                                                                                                                  \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                                         \
    }

static void stand(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->lock);
    gate->arrived++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void wait_for(struct gate *gate, size_t arrived)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->arrived < arrived)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

struct record {
    pthread_mutex_t lock;
    int at[4096];
    size_t n;
};

struct step {
    struct record *record;
    int number;
};

static void note(void *arg)
{
    const struct step *step = arg;
    pthread_mutex_lock(&step->record->lock);
    step->record->at[step->record->n++] = step->number;
    pthread_mutex_unlock(&step->record->lock);
}

static void count(void *arg)
{
    atomic_fetch_add((_Atomic size_t *)arg, 1);
}

TEST(pool_runs_in_order_of_arrival_and_drains_at_the_end)
{
    struct gate gate = GATE;
    static struct record record;
    static struct step steps[1000];
    record = (struct record){.lock = PTHREAD_MUTEX_INITIALIZER};
    struct pool *pool = pool_new("test", 1, 2000);
    assert_true(pool_run(pool, stand, &gate));
    for (int i = 0; i < 1000; i++) {
        steps[i] = (struct step){&record, i};
        assert_true(pool_run(pool, note, &steps[i]));
    }
    wait_for(&gate, 1);
    assert_int_equal(pool_waiting(pool), 1000);
    open_gate(&gate);
    pool_free(pool);
    assert_int_equal(record.n, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(record.at[i], i);
}

TEST(pool_refuses_when_full)
{
    struct gate gate = GATE;
    _Atomic size_t ran = 0;
    struct pool *pool = pool_new("test", 2, 3);
    assert_true(pool_run(pool, stand, &gate));
    assert_true(pool_run(pool, stand, &gate));
    wait_for(&gate, 2);
    for (size_t i = 0; i < 3; i++)
        assert_true(pool_run(pool, count, &ran));
    assert_false(pool_run(pool, count, &ran));
    pool_must_run(pool, count, &ran); // was accepted before
    assert_int_equal(pool_waiting(pool), 4);
    open_gate(&gate);
    pool_free(pool);
    assert_int_equal(ran, 4);
}

TEST(pool_uses_all_its_threads)
{
    struct gate gate = GATE;
    struct pool *pool = pool_new("a-long-name-of-a-pool", 8, 100);
    for (size_t i = 0; i < 8; i++)
        assert_true(pool_run(pool, stand, &gate));
    wait_for(&gate, 8); // none of them ends before all have come
    open_gate(&gate);
    pool_free(pool);
    pool_free(NULL);
}

static void hand_over(void *arg)
{
    void **pair = arg;
    pool_must_run(pair[0], count, pair[1]);
}

TEST(pool_tasks_may_add_tasks_while_it_ends)
{
    _Atomic size_t ran = 0;
    struct pool *pool = pool_new("test", 3, 200);
    void *pair[2] = {pool, &ran};
    for (size_t i = 0; i < 100; i++)
        assert_true(pool_run(pool, hand_over, pair));
    pool_free(pool);
    assert_int_equal(ran, 100);
}

struct many {
    struct pool *pool;
    _Atomic size_t *ran;
};

static void *send_many(void *arg)
{
    struct many *many = arg;
    for (size_t i = 0; i < 2000; i++)
        pool_must_run(many->pool, count, many->ran);
    return NULL;
}

TEST(pool_loses_nothing_between_threads)
{
    _Atomic size_t ran = 0;
    struct pool *pool = pool_new("test", 3, 10);
    struct many many = {pool, &ran};
    pthread_t senders[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&senders[i], NULL, send_many, &many), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(senders[i], NULL), 0);
    pool_free(pool);
    assert_int_equal(ran, 8000);
}

TEST(serial_runs_one_after_the_other)
{
    enum { SERIALS = 8, EACH = 200 };
    static struct record records[SERIALS];
    static struct step steps[SERIALS][EACH];
    struct pool *pool = pool_new("test", 4, 10);
    struct serial *serials[SERIALS];
    for (size_t s = 0; s < SERIALS; s++) {
        records[s] = (struct record){.lock = PTHREAD_MUTEX_INITIALIZER};
        serials[s] = serial_new(pool, EACH);
    }
    for (int i = 0; i < EACH; i++)
        for (size_t s = 0; s < SERIALS; s++) {
            steps[s][i] = (struct step){&records[s], i};
            assert_true(serial_run(serials[s], note, &steps[s][i]));
        }
    pool_free(pool); // drains
    for (size_t s = 0; s < SERIALS; s++) {
        assert_int_equal(records[s].n, EACH);
        for (int i = 0; i < EACH; i++)
            assert_int_equal(records[s].at[i], i);
        serial_free(serials[s]);
    }
}

struct room {
    _Atomic int inside, overlaps;
};

static void alone(void *arg)
{
    struct room *room = arg;
    if (atomic_fetch_add(&room->inside, 1) != 0)
        atomic_fetch_add(&room->overlaps, 1);
    sched_yield();
    atomic_fetch_sub(&room->inside, 1);
}

TEST(serial_tasks_never_overlap)
{
    struct room room = {0};
    struct pool *pool = pool_new("test", 4, 10);
    struct serial *serial = serial_new(pool, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(serial_run(serial, alone, &room));
    pool_free(pool);
    serial_free(serial);
    assert_int_equal(room.overlaps, 0);
}

TEST(serial_is_bounded)
{
    struct gate gate = GATE;
    _Atomic size_t ran = 0;
    struct pool *pool = pool_new("test", 1, 10);
    struct serial *serial = serial_new(pool, 3);
    assert_true(serial_run(serial, stand, &gate));
    wait_for(&gate, 1);
    for (size_t i = 0; i < 3; i++)
        assert_true(serial_run(serial, count, &ran));
    assert_false(serial_run(serial, count, &ran));
    open_gate(&gate);
    pool_free(pool);
    assert_int_equal(ran, 3);
    serial_free(serial);
}

TEST(serial_does_not_starve_others)
{
    struct gate gate = GATE;
    static struct record record;
    record = (struct record){.lock = PTHREAD_MUTEX_INITIALIZER};
    struct step steps[] = {{&record, 0}, {&record, 1}, {&record, 2}, {&record, 100}};
    struct pool *pool = pool_new("test", 1, 10);
    struct serial *serial = serial_new(pool, 10);
    assert_true(pool_run(pool, stand, &gate));
    for (size_t i = 0; i < 3; i++)
        assert_true(serial_run(serial, note, &steps[i]));
    assert_true(pool_run(pool, note, &steps[3]));
    open_gate(&gate);
    pool_free(pool);
    serial_free(serial);
    assert_int_equal(record.n, 4);
    assert_int_equal(record.at[1], 100); // before the serial's second task
}

TEST(serial_freed_at_work_runs_nothing_more)
{
    struct gate gate = GATE;
    _Atomic size_t ran = 0;
    struct pool *pool = pool_new("test", 2, 10);
    struct serial *serial = serial_new(pool, 10);
    assert_true(serial_run(serial, stand, &gate));
    wait_for(&gate, 1);
    assert_true(serial_run(serial, count, &ran));
    serial_free(serial);
    open_gate(&gate);
    pool_free(pool);
    assert_int_equal(ran, 0);
    serial_free(NULL);
}

TEST(serial_freed_while_its_step_waits_or_ends)
{
    _Atomic size_t ran = 0;
    struct pool *pool = pool_new("test", 3, 100);
    for (int i = 0; i < 2000; i++) {
        struct serial *serial = serial_new(pool, 2);
        assert_true(serial_run(serial, count, &ran));
        if (i % 2)
            sched_yield();
        serial_free(serial);
    }
    pool_free(pool);
    assert_true(ran <= 2000);
}
