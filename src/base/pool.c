// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct task {
    struct task *next;
    void (*run)(void *);
    void *arg;
};

struct queue {
    struct task *first, **last;
    size_t n, max;
};

static void queue_put(struct queue *queue, void (*run)(void *), void *arg)
{
    struct task *task = mem_alloc(sizeof *task);
    *task = (struct task){NULL, run, arg};
    if (!queue->first)
        queue->last = &queue->first;
    *queue->last = task;
    queue->last = &task->next;
    queue->n++;
}

static struct task *queue_take(struct queue *queue)
{
    struct task *task = queue->first;
    if (task) {
        queue->first = task->next;
        queue->n--;
    }
    return task;
}

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct queue queue;
    size_t threads, idle;
    bool ending;
    pthread_t *ids;
    char name[16];
};

static void *worker(void *arg)
{
    struct pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct task *task = queue_take(&pool->queue);
        if (task) {
            pthread_mutex_unlock(&pool->lock);
            task->run(task->arg);
            free(task);
            pthread_mutex_lock(&pool->lock);
            continue;
        }
        if (pool->ending)
            break;
        pool->idle++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->idle--;
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct pool *pool_new(const char *name, size_t threads, size_t queue)
{
    struct pool *pool = mem_zalloc(sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->queue.max = queue;
    pool->threads = threads;
    pool->ids = mem_calloc(threads, sizeof *pool->ids);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1 << 20); // touched pages count, not this
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&pool->ids[i], &attr, worker, pool) != 0)
            abort();
        (void)snprintf(pool->name, sizeof pool->name, "%.10s-%zu", name, i % 1000);
        pthread_setname_np(pool->ids[i], pool->name);
    }
    pthread_attr_destroy(&attr);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->threads; i++)
        pthread_join(pool->ids[i], NULL);
    free(pool->ids);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static bool put(struct pool *pool, void (*task)(void *), void *arg, bool force)
{
    pthread_mutex_lock(&pool->lock);
    bool taken = force || (!pool->ending && pool->queue.n < pool->queue.max);
    if (taken)
        queue_put(&pool->queue, task, arg);
    if (taken && pool->idle)
        pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
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
    struct task *task;
    while ((task = queue_take(&serial->queue)))
        free(task);
    pthread_mutex_destroy(&serial->lock);
    free(serial);
}

// Runs one task, then goes to the back of the pool's queue: a busy serial does not starve others.
static void serial_step(void *arg)
{
    struct serial *serial = arg;
    pthread_mutex_lock(&serial->lock);
    struct task *task = serial->ending ? NULL : queue_take(&serial->queue);
    pthread_mutex_unlock(&serial->lock);
    if (task) {
        task->run(task->arg);
        free(task);
    }
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
