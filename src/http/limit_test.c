// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/clock.h"
#include "http/limit.h"

#include <stdio.h>

TEST(limit_slides_exactly)
{
    struct limiter *limiter = limiter_new(100);
    struct str key = STR("192.0.2.1");
    for (int i = 0; i < 3; i++) {
        struct limit_state s = limiter_take(limiter, "chat", key, 3, 60000);
        assert_true(s.allowed);
        assert_int_equal(s.remaining, 2 - i);
        assert_int_equal(s.limit, 3);
        clock_advance(10000);
    }
    struct limit_state s = limiter_take(limiter, "chat", key, 3, 60000); // 30 s after the first
    assert_false(s.allowed);
    assert_int_equal(s.remaining, 0);
    assert_in_range(s.retry_after_s, 25, 30); // the real clock goes on meanwhile
    assert_in_range(s.reset_wall_s, clock_wall_ms() / 1000 + 25, clock_wall_ms() / 1000 + 31);
    for (int i = 0; i < 50; i++) // refused ones do not count
        assert_false(limiter_take(limiter, "chat", key, 3, 60000).allowed);
    clock_advance(30001); // the first leaves, the second not yet
    assert_true(limiter_take(limiter, "chat", key, 3, 60000).allowed);
    assert_false(limiter_take(limiter, "chat", key, 3, 60000).allowed);
    limiter_free(limiter);
}

TEST(limit_keeps_classes_and_keys_apart)
{
    struct limiter *limiter = limiter_new(100);
    assert_true(limiter_take(limiter, "a", STR("k"), 1, 60000).allowed);
    assert_false(limiter_take(limiter, "a", STR("k"), 1, 60000).allowed);
    assert_true(limiter_take(limiter, "b", STR("k"), 1, 60000).allowed);
    assert_true(limiter_take(limiter, "a", STR("l"), 1, 60000).allowed);
    assert_true(limiter_take(limiter, "", STR("ak"), 1, 60000).allowed);
    for (int i = 0; i < 1000; i++)
        assert_true(limiter_take(limiter, "a", STR("k"), 0, 60000).allowed); // 0: no limit
    limiter_free(limiter);
}

TEST(limit_forgets_the_least_recently_used)
{
    struct limiter *limiter = limiter_new(3);
    char key[16];
    assert_true(limiter_take(limiter, "c", STR("first"), 1, 60000).allowed);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_true(limiter_take(limiter, "c", str_from(key), 1, 60000).allowed);
    }
    assert_false(limiter_take(limiter, "c", STR("first"), 1, 60000).allowed); // used: k0 is the oldest now
    assert_true(limiter_take(limiter, "c", STR("new"), 1, 60000).allowed);
    assert_false(limiter_take(limiter, "c", STR("first"), 1, 60000).allowed);
    assert_false(limiter_take(limiter, "c", STR("k1"), 1, 60000).allowed);
    assert_true(limiter_take(limiter, "c", STR("k0"), 1, 60000).allowed);
    limiter_free(limiter);
}

TEST(limit_that_was_lowered)
{
    struct limiter *limiter = limiter_new(3);
    for (int i = 0; i < 10; i++) {
        assert_true(limiter_take(limiter, "c", STR("k"), 10, 60000).allowed);
        clock_advance(1000);
    }
    struct limit_state s = limiter_take(limiter, "c", STR("k"), 2, 60000);
    assert_false(s.allowed);
    assert_in_range(s.retry_after_s, 54, 59); // until eight more... the ninth has left
    clock_advance(54000);
    assert_false(limiter_take(limiter, "c", STR("k"), 2, 60000).allowed);
    clock_advance(5001);
    assert_true(limiter_take(limiter, "c", STR("k"), 2, 60000).allowed);
    limiter_free(limiter);
}
