// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include "base/arena.h"
#include "base/test.h"

#include <stdio.h>

static struct str key_of(char out[16], size_t i)
{
    (void)snprintf(out, 16, "key-%zu", i);
    return str_from(out);
}

TEST(map_sets_gets_removes)
{
    struct map *map = map_new();
    int one, two;
    assert_null(map_get(map, STR("a")));
    assert_null(map_set(map, STR("a"), &one));
    assert_ptr_equal(map_set(map, STR("a"), &two), &one);
    assert_ptr_equal(map_get(map, STR("a")), &two);
    assert_int_equal(map_count(map), 1);
    assert_null(map_remove(map, STR("b")));
    assert_ptr_equal(map_remove(map, STR("a")), &two);
    assert_null(map_remove(map, STR("a")));
    assert_int_equal(map_count(map), 0);
    map_free(map);
    map_free(NULL);
}

TEST(map_keys_are_bytes_and_copied)
{
    struct map *map = map_new();
    int values[4];
    char key[] = "first";
    map_set(map, str_from(key), &values[0]);
    key[0] = 'F';
    assert_null(map_get(map, str_from(key)));
    assert_ptr_equal(map_get(map, STR("first")), &values[0]);
    map_set(map, STR("a\0b"), &values[1]);
    map_set(map, STR("a\0c"), &values[2]);
    map_set(map, STR_NULL, &values[3]);
    assert_ptr_equal(map_get(map, STR("a\0b")), &values[1]);
    assert_ptr_equal(map_get(map, STR("a\0c")), &values[2]);
    assert_ptr_equal(map_get(map, STR("")), &values[3]);
    map_free(map);
}

// Hashes are keyed by chance, so over thousands of entries every shape of a run of collisions comes up: at each size
// some are removed and the rest must still be found.
TEST(map_survives_growth_and_removal_in_any_order)
{
    enum { N = 20000 };
    static int values[N];
    struct map *map = map_new();
    char key[16];
    for (size_t i = 0; i < N; i++) {
        assert_null(map_set(map, key_of(key, i), &values[i]));
        if (i % 3 == 2)
            assert_ptr_equal(map_remove(map, key_of(key, i / 3)), &values[i / 3]);
    }
    size_t gone = N / 3;
    assert_int_equal(map_count(map), N - gone);
    for (size_t i = 0; i < N; i++)
        assert_ptr_equal(map_get(map, key_of(key, i)), i < gone ? NULL : &values[i]);
    for (size_t i = N; i-- > gone;) {
        assert_ptr_equal(map_remove(map, key_of(key, i)), &values[i]);
        if (i % 4096 == 0)
            for (size_t k = gone; k < N; k++)
                assert_ptr_equal(map_get(map, key_of(key, k)), k >= i ? NULL : &values[k]);
    }
    assert_int_equal(map_count(map), 0);
    map_free(map);
}

// A small full table: each key of it removed and put back, while the others stay reachable.
TEST(map_closes_every_hole)
{
    for (int round = 0; round < 200; round++) {
        struct map *map = map_new();
        int values[12];
        char key[16];
        for (size_t i = 0; i < 12; i++)
            map_set(map, key_of(key, (size_t)round * 100 + i), &values[i]);
        for (size_t gone = 0; gone < 12; gone++) {
            assert_ptr_equal(map_remove(map, key_of(key, (size_t)round * 100 + gone)), &values[gone]);
            for (size_t i = 0; i < 12; i++)
                assert_ptr_equal(map_get(map, key_of(key, (size_t)round * 100 + i)), i == gone ? NULL : &values[i]);
            map_set(map, key_of(key, (size_t)round * 100 + gone), &values[gone]);
        }
        map_free(map);
    }
}

TEST(map_walks_over_each_entry_once)
{
    struct map *map = map_new();
    int seen[300] = {0};
    char key[16];
    size_t pos = 0, n = 0;
    assert_false(map_next(map, &pos, NULL, NULL));
    for (size_t i = 0; i < 300; i++)
        map_set(map, key_of(key, i), &seen[i]);
    struct str name;
    void *value;
    for (pos = 0; map_next(map, &pos, &name, &value); n++) {
        ++*(int *)value;
        assert_ptr_equal(map_get(map, name), value);
    }
    assert_int_equal(n, 300);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(seen[i], 1);
    map_free(map);
}
