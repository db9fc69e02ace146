// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUEUE_FIRST = 1 }; // a power of two; thousands of serials have one task at a time

struct task {
    void (*run)(void *);
    void *arg;
};

struct queue { // a ring that grows and is kept
    struct task *at;
    size_t first, n, cap, max;
};

static void queue_put(struct queue *queue, void (*run)(void *), void *arg)
{
    if (queue->n == queue->cap) {
        size_t cap = queue->cap ? queue->cap * 2 : QUEUE_FIRST;
        struct task *at = mem_calloc(cap, sizeof *at);
        for (size_t i = 0; i < queue->n; i++)
            at[i] = queue->at[(queue->first + i) & (queue->cap - 1)];
        free(queue->at);
        queue->at = at;
        queue->cap = cap;
        queue->first = 0;
    }
    queue->at[(queue->first + queue->n++) & (queue->cap - 1)] = (struct task){run, arg};
}

static bool queue_take(struct queue *queue, struct task *ret)
{
    if (queue->n == 0)
        return false;
    *ret = queue->at[queue->first];
    queue->first = (queue->first + 1) & (queue->cap - 1);
    queue->n--;
    return true;
}

struct worker {
    struct pool *pool;
    struct worker *below; // in the stack of idle ones
    pthread_t id;
    sem_t wake;
};

struct pool {
    pthread_mutex_t lock;
    struct queue queue;
    struct worker *idle; // the one that has just become idle is the next to work: its caches are warm
    struct worker *workers;
    size_t threads;
    bool ending;
    char name[16];
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct pool *pool = worker->pool;
    struct task task;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        if (queue_take(&pool->queue, &task)) {
            pthread_mutex_unlock(&pool->lock);
            task.run(task.arg);
            pthread_mutex_lock(&pool->lock);
            continue;
        }
        if (pool->ending)
            break;
        worker->below = pool->idle;
        pool->idle = worker;
        pthread_mutex_unlock(&pool->lock);
        while (sem_wait(&worker->wake) != 0) {
        }
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct pool *pool_new(const char *name, size_t threads, size_t queue)
{
    struct pool *pool = mem_zalloc(sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pool->queue.max = queue;
    pool->threads = threads;
    pool->workers = mem_calloc(threads, sizeof *pool->workers);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1 << 20); // touched pages count, not this
    for (size_t i = 0; i < threads; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        sem_init(&worker->wake, 0, 0);
        if (pthread_create(&worker->id, &attr, work, worker) != 0)
            abort();
        (void)snprintf(pool->name, sizeof pool->name, "%.10s-%zu", name, i % 1000);
        pthread_setname_np(worker->id, pool->name);
    }
    pthread_attr_destroy(&attr);
    return pool;
}

// Under the lock: the worker to wake, if one is idle.
static struct worker *take_idle(struct pool *pool)
{
    struct worker *worker = pool->idle;
    if (worker)
        pool->idle = worker->below;
    return worker;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    for (struct worker *worker; (worker = take_idle(pool));)
        sem_post(&worker->wake);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->threads; i++) {
        pthread_join(pool->workers[i].id, NULL);
        sem_destroy(&pool->workers[i].wake);
    }
    free(pool->workers);
    free(pool->queue.at);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static bool put(struct pool *pool, void (*task)(void *), void *arg, bool force)
{
    struct worker *worker = NULL;
    pthread_mutex_lock(&pool->lock);
    bool taken = force || (!pool->ending && pool->queue.n < pool->queue.max);
    if (taken) {
        queue_put(&pool->queue, task, arg);
        worker = take_idle(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    if (worker)
        sem_post(&worker->wake); // without the lock, or it would wake to wait for it
    return taken;
}

bool pool_run(struct pool *pool, void (*task)(void *), void *arg)
{
    return put(pool, task, arg, false);
}

void pool_must_run(struct pool *pool, void (*task)(void *), void *arg)
{
    (void)put(pool, task, arg, true);
}

size_t pool_waiting(const struct pool *pool)
{
    struct pool *p = (struct pool *)(uintptr_t)pool;
    pthread_mutex_lock(&p->lock);
    size_t n = p->queue.n;
    pthread_mutex_unlock(&p->lock);
    return n;
}

struct serial {
    struct pool *pool;
    pthread_mutex_t lock;
    struct queue queue;
    bool running, ending;
};

static void serial_destroy(struct serial *serial)
{
    free(serial->queue.at);
    pthread_mutex_destroy(&serial->lock);
    free(serial);
}

// Runs one task, then goes to the back of the pool's queue: a busy serial does not starve others.
static void serial_step(void *arg)
{
    struct serial *serial = arg;
    pthread_mutex_lock(&serial->lock);
    struct task task;
    bool some = !serial->ending && queue_take(&serial->queue, &task);
    pthread_mutex_unlock(&serial->lock);
    if (some)
        task.run(task.arg);
    pthread_mutex_lock(&serial->lock);
    bool ended = serial->ending;
    serial->running = !ended && serial->queue.n > 0;
    bool again = serial->running;
    pthread_mutex_unlock(&serial->lock);
    if (ended)
        serial_destroy(serial);
    else if (again)
        pool_must_run(serial->pool, serial_step, serial);
}

struct serial *serial_new(struct pool *pool, size_t queue)
{
    struct serial *serial = mem_zalloc(sizeof *serial);
    serial->pool = pool;
    serial->queue.max = queue;
    pthread_mutex_init(&serial->lock, NULL);
    return serial;
}

void serial_free(struct serial *serial)
{
    if (!serial)
        return;
    pthread_mutex_lock(&serial->lock);
    serial->ending = true;
    bool running = serial->running;
    pthread_mutex_unlock(&serial->lock);
    if (!running)
        serial_destroy(serial);
}

bool serial_run(struct serial *serial, void (*task)(void *), void *arg)
{
    pthread_mutex_lock(&serial->lock);
    bool taken = !serial->ending && serial->queue.n < serial->queue.max;
    if (taken)
        queue_put(&serial->queue, task, arg);
    bool start = taken && !serial->running;
    if (start)
        serial->running = true;
    pthread_mutex_unlock(&serial->lock);
    if (start)
        pool_must_run(serial->pool, serial_step, serial);
    return taken;
}
