// SPDX-License-Identifier: Apache-2.0
// Worker threads that run small blocking tasks from one bounded queue, in order of arrival. Handlers, resumed turns
// and other straight-line code run here; event loops never do.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;

// `threads` 1..1024, `queue` = tasks that may wait. `name` (<= 10 characters) is shown as the threads' name.
struct pool *pool_new(const char *name, size_t threads, size_t queue);
// Runs what is queued, then joins the threads.
void pool_free(struct pool *pool);
// False: the queue is full or the pool is ending; the task will not run. Any thread.
bool pool_run(struct pool *pool, void (*task)(void *), void *arg) __attribute__((warn_unused_result));
// Like pool_run but never refused while the pool lives: for tasks that finish something already accepted.
void pool_must_run(struct pool *pool, void (*task)(void *), void *arg);
size_t pool_waiting(const struct pool *pool);

// Tasks of one serial run one after the other, in order of arrival, on whatever worker is free. Bounded like the pool.
struct serial;
struct serial *serial_new(struct pool *pool, size_t queue);
// Runs no further task after the one under way; frees when that has ended. Any thread.
void serial_free(struct serial *serial);
bool serial_run(struct serial *serial, void (*task)(void *), void *arg) __attribute__((warn_unused_result));
