// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "http/wheel.h"

#include <string.h>

static int fired;
static struct wheel_entry *last, *to_remove;
static struct wheel *of;

static void due(struct wheel_entry *entry, void *arg)
{
    (void)arg;
    fired++;
    last = entry;
    if (to_remove)
        wheel_remove(of, to_remove);
    to_remove = NULL;
}

static int run(struct wheel *wheel, int64_t now)
{
    of = wheel;
    fired = 0;
    wheel_run(wheel, now, due, NULL);
    return fired;
}

TEST(wheel_fires_when_due_and_not_before)
{
    struct wheel wheel;
    struct wheel_entry a = {0}, b = {0};
    wheel_init(&wheel, 1000);
    assert_int_equal(wheel_next_ms(&wheel), -1);
    wheel_set(&wheel, &a, 1550);
    wheel_set(&wheel, &b, 200000); // beyond one turn of the wheel
    assert_int_equal(run(&wheel, 1549), 0);
    assert_in_range(wheel_next_ms(&wheel), 1550, 1550 + WHEEL_TICK_MS);
    assert_int_equal(run(&wheel, 1550 + WHEEL_TICK_MS), 1);
    assert_ptr_equal(last, &a);
    for (int64_t now = 2000; now < 200000; now += 777)
        assert_int_equal(run(&wheel, now), 0);
    assert_int_equal(run(&wheel, 200000 + WHEEL_TICK_MS), 1);
    assert_int_equal(wheel.count, 0);
}

TEST(wheel_deadlines_move)
{
    struct wheel wheel;
    struct wheel_entry a = {0};
    wheel_init(&wheel, 0);
    wheel_set(&wheel, &a, 1000);
    wheel_set(&wheel, &a, 5000); // put off
    assert_int_equal(run(&wheel, 4000), 0);
    wheel_set(&wheel, &a, 4300); // brought forward
    assert_int_equal(run(&wheel, 4300 + WHEEL_TICK_MS), 1);
    wheel_set(&wheel, &a, 4500);
    wheel_remove(&wheel, &a);
    wheel_remove(&wheel, &a);
    assert_int_equal(run(&wheel, 9000), 0);
    assert_int_equal(wheel.count, 0);
}

TEST(wheel_survives_jumps_and_removal_while_it_runs)
{
    struct wheel wheel;
    struct wheel_entry e[20];
    memset(e, 0, sizeof e);
    wheel_init(&wheel, 0);
    for (int i = 0; i < 20; i++)
        wheel_set(&wheel, &e[i], 1000);
    of = &wheel;
    to_remove = &e[7];
    assert_int_equal(run(&wheel, 100000000), 19);
    to_remove = NULL;
    wheel_set(&wheel, &e[0], 5); // long past
    assert_int_equal(run(&wheel, 100000000 + WHEEL_TICK_MS), 1);
}
