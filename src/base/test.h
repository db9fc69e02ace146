// SPDX-License-Identifier: Apache-2.0
// Unit tests: TEST(name) { … } registers itself by linker section; one main for all (tests/unit_main.c) runs them
// under cmocka with TAP output. Assertions are cmocka's. Only *_test.c files include this.
#pragma once

// cmocka wants these four first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEST(name)                                                                                                     \
    static void test_##name(void **);                                                                                  \
    static const struct CMUnitTest test_row_##name __attribute__((used, section("unit_tests"), aligned(8))) = {        \
        #name, test_##name, NULL, NULL, NULL};                                                                         \
    static void test_##name(void **unused_state __attribute__((unused)))

#define assert_str(s, literal)                                                                                         \
    do {                                                                                                               \
        struct str s_ = (s);                                                                                           \
        assert_int_equal(s_.n, sizeof(literal) - 1);                                                                   \
        assert_memory_equal(s_.p ? s_.p : "", literal, sizeof(literal) - 1);                                           \
    } while (0)
