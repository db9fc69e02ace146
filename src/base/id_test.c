// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

#include "base/clock.h"
#include "base/test.h"

#include <pthread.h>
#include <stdlib.h>

TEST(id_forms)
{
    char v7[ID_SIZE], v4[ID_SIZE];
    int64_t before = clock_wall_ms();
    id_v7(v7);
    id_v4(v4);
    assert_int_equal(strlen(v7), 36);
    assert_true(id_valid(str_from(v7)) && id_valid(str_from(v4)));
    assert_int_equal(v7[14], '7');
    assert_int_equal(v4[14], '4');
    assert_non_null(strchr("89ab", v7[19]));
    assert_non_null(strchr("89ab", v4[19]));
    assert_true(id_v7_ms(str_from(v7)) >= before);
    assert_true(id_v7_ms(str_from(v7)) <= clock_wall_ms() + 1000);
    assert_int_equal(id_v7_ms(str_from(v4)), -1);
}

// RFC 9562, appendix A.6
TEST(id_v7_time_of_a_known_id)
{
    assert_int_equal(id_v7_ms(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")), 1645557742000);
    assert_int_equal(id_v7_ms(STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398")), -1);
    assert_int_equal(id_v7_ms(STR_NULL), -1);
}

TEST(id_valid_table)
{
    static const struct {
        struct str text;
        bool valid;
    } rows[] = {
        {STR("00000000-0000-0000-0000-000000000000"), true},
        {STR("ABCDEFab-cdef-0123-4567-89abcdefABCD"), true},
        {STR("00000000-0000-0000-0000-00000000000"), false},
        {STR("00000000-0000-0000-0000-0000000000000"), false},
        {STR("00000000_0000-0000-0000-000000000000"), false},
        {STR("0000000-00000-0000-0000-000000000000"), false},
        {STR("g0000000-0000-0000-0000-000000000000"), false},
        {STR("{0000000-0000-0000-0000-00000000000}"), false},
        {STR("00000000-0000-0000-0000-00000000000\0"), false},
        {STR("0000000\xC3\xA9-0000-0000-0000-00000000000"), false},
        {STR_NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(id_valid(rows[i].text), rows[i].valid);
}

enum { THREADS = 4, EACH = 5000 };

static void *make_ids(void *arg)
{
    char(*out)[ID_SIZE] = arg;
    for (size_t i = 0; i < EACH; i++)
        id_v7(out[i]);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

// In each thread they rise, and the part that orders them (time and count) is never given twice in the process.
TEST(id_v7_rises_in_every_thread)
{
    static char ids[THREADS][EACH][ID_SIZE];
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, make_ids, ids[t]), 0);
    for (size_t t = 0; t < THREADS; t++)
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 1; i < EACH; i++)
            assert_true(memcmp(ids[t][i - 1], ids[t][i], 18) < 0);
    qsort(ids, THREADS * EACH, ID_SIZE, by_text);
    const char(*all)[ID_SIZE] = ids[0];
    for (size_t i = 1; i < THREADS * EACH; i++)
        assert_true(memcmp(all[i - 1], all[i], 18) != 0);
}

TEST(id_random_draws_from_the_whole_alphabet)
{
    static const char *const alphabets[] = {ID_ALNUM, ID_LOWER_ALNUM, ID_HEX, ID_BASE64URL};
    for (size_t a = 0; a < 4; a++) {
        size_t seen[256] = {0}, kinds = 0;
        for (size_t round = 0; round < 100; round++) {
            char text[257];
            id_random(text, 256, alphabets[a]);
            assert_int_equal(strlen(text), 256);
            for (size_t i = 0; i < 256; i++) {
                assert_non_null(strchr(alphabets[a], text[i]));
                kinds += seen[(unsigned char)text[i]]++ == 0;
            }
        }
        assert_int_equal(kinds, strlen(alphabets[a])); // a character missing in 25,600: once in 10^170 runs
    }
    char none[1] = {'x'};
    id_random(none, 0, ID_HEX);
    assert_int_equal(none[0], 0);
}
