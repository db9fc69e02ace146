// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include "base/test.h"

TEST(arena_memory_is_aligned_and_apart)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    unsigned char *at[2000];
    for (size_t i = 0; i < 2000; i++) {
        at[i] = arena_alloc(arena, i % 37);
        assert_int_equal((uintptr_t)at[i] % 16, 0);
        memset(at[i], (int)(i & 0xFF), i % 37);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < i % 37; k++)
            assert_int_equal(at[i][k], i & 0xFF);
}

TEST(arena_takes_what_is_larger_than_any_block)
{
    AUTO_ARENA struct arena *arena = arena_new(300);
    char *small = arena_cstr(arena, STR("before"));
    char *large = arena_zalloc(arena, 5 << 20);
    assert_int_equal(large[0], 0);
    assert_int_equal(large[(5 << 20) - 1], 0);
    memset(large, 'x', 5 << 20);
    assert_string_equal(small, "before");
    assert_true(arena_used(arena) >= 5 << 20);
    assert_true(arena_used(arena) < (5 << 20) + 4096);
}

TEST(arena_zeroes_when_asked)
{
    AUTO_ARENA struct arena *arena = arena_new(4096);
    memset(arena_alloc(arena, 1000), 0xAA, 1000);
    const int *numbers = arena_calloc(arena, 3000, sizeof *numbers);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(numbers[i], 0);
    assert_non_null(arena_alloc(arena, 0));
}

TEST(arena_copies_end_with_nul)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str copy = arena_str(arena, (struct str){"abcdef", 3});
    assert_str(copy, "abc");
    assert_int_equal(copy.p[3], 0);
    assert_null(arena_str(arena, STR_NULL).p);
    assert_non_null(arena_str(arena, STR("")).p);
    assert_string_equal(arena_cstr(arena, STR_NULL), "");
    assert_str(arena_str(arena, (struct str){"a\0b", 3}), "a\0b");
}

TEST(arena_prints_short_and_long_texts)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    // Around the size of the buffer that the first try uses.
    for (int n = 250; n < 262; n++) {
        struct str text = arena_strf(arena, "%0*d", n, 5);
        assert_int_equal(text.n, n);
        assert_int_equal(text.p[n - 1], '5');
        assert_int_equal(text.p[n], 0);
    }
    assert_int_equal(arena_strf(arena, "%100000d", 1).n, 100000);
}

TEST(arena_free_of_null_is_nothing)
{
    arena_free(NULL);
    struct arena *none = NULL;
    arena_free_slot(&none);
}
