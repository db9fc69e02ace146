// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include "base/err.h"
#include "base/test.h"
#include "base/vec.h"

#include <stdlib.h>

TEST(buf_appends_and_ends_with_nul)
{
    AUTO_BUF struct buf buf = BUF_INIT(1000);
    assert_str(buf_str(&buf), "");
    assert_true(buf_addz(&buf, "one "));
    assert_true(buf_adds(&buf, STR("two ")));
    assert_true(buf_addc(&buf, '3'));
    assert_true(buf_addf(&buf, " %s=%d", "four", 4));
    assert_true(buf_add_rune(&buf, 0x20AC));
    assert_str(buf_str(&buf), "one two 3 four=4€");
    assert_int_equal(buf.p[buf.n], 0);
    assert_false(buf.overflow);
}

TEST(buf_stops_at_its_maximum)
{
    AUTO_BUF struct buf buf = BUF_INIT(10);
    assert_true(buf_addz(&buf, "12345678"));
    assert_false(buf_addz(&buf, "abc"));
    assert_true(buf.overflow);
    assert_str(buf_str(&buf), "12345678");
    assert_true(buf_addz(&buf, "9a"));
    assert_true(buf.overflow);
    assert_false(buf_addf(&buf, "%d", 1));
    assert_false(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf_add(&buf, "", 0));
    assert_str(buf_str(&buf), "123456789a");
    assert_int_equal(buf.p[10], 0);
    assert_true(buf.cap <= 11);
    buf_clear(&buf);
    assert_false(buf.overflow);
    assert_str(buf_str(&buf), "");
    assert_true(buf_addz(&buf, "0123456789"));
}

TEST(buf_of_nothing_takes_nothing)
{
    AUTO_BUF struct buf buf = BUF_INIT(0);
    assert_true(buf_adds(&buf, STR_NULL));
    assert_false(buf_addc(&buf, 'x'));
    assert_str(buf_str(&buf), "");
}

TEST(buf_grows_over_many_appends)
{
    AUTO_BUF struct buf buf = BUF_INIT(1 << 20);
    for (int i = 0; i < 20000; i++)
        assert_true(buf_addf(&buf, "%05d,", i));
    assert_int_equal(buf.n, 120000);
    assert_memory_equal(buf.p + 119994, "19999,", 6);
    assert_true(buf.cap <= (1 << 20) + 1);
}

TEST(buf_consumes_from_the_front)
{
    AUTO_BUF struct buf buf = BUF_INIT(100);
    buf_consume(&buf, 0); // nothing was ever there
    buf_addz(&buf, "abcdef");
    buf_consume(&buf, 2);
    assert_str(buf_str(&buf), "cdef");
    assert_int_equal(buf.p[4], 0);
    buf_consume(&buf, 4);
    assert_str(buf_str(&buf), "");
    assert_int_equal(buf.p[0], 0);
}

TEST(buf_done_can_be_used_again)
{
    AUTO_BUF struct buf buf = BUF_INIT(8);
    buf_addz(&buf, "text");
    buf_done(&buf);
    assert_null(buf.p);
    assert_int_equal(buf.max, 8);
    assert_true(buf_addz(&buf, "again"));
}

TEST(vec_grows_and_keeps)
{
    VEC(int) numbers = {0};
    for (int i = 0; i < 1000; i++)
        vec_push(&numbers, i * 3);
    vec_add(&numbers, 7);
    assert_int_equal(numbers.n, 1001);
    assert_int_equal(numbers.at[999], 2997);
    assert_int_equal(numbers.at[1000], 7);
    vec_done(&numbers);
    assert_int_equal(numbers.n + numbers.cap, 0);
}

TEST(err_keeps_code_and_text)
{
    struct err err = {0};
    assert_int_equal(err_set(&err, ERR_LIMIT, "%s over %d", "size", 5), ERR_LIMIT);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.text, "size over 5");
    assert_int_equal(err_set(NULL, ERR_IO, "%s", "nobody asks"), ERR_IO);
    assert_int_equal(err_set(&err, ERR_IO, "%0500d", 1), ERR_IO);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

TEST(err_names_every_code)
{
    assert_string_equal(err_name(0), "ok");
    assert_string_equal(err_name(ERR_INVALID), "invalid");
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_name(ERR_UNAVAILABLE), "unavailable");
    assert_string_equal(err_name(ERR_INTERNAL), "internal");
    assert_string_equal(err_name(ERR_INTERNAL - 1), "unknown");
    assert_string_equal(err_name(5), "unknown");
}
