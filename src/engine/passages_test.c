// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/utf8.h"
#include "engine/passages.h"

#include <stdlib.h>

static void check(const struct passages *p)
{
    size_t pos = 0, n = 0;
    struct str chunk;
    while (chunk_next(buf_str(&p->text), &pos, &chunk)) {
        assert_true(utf8_valid(chunk));
        assert_true(utf8_count(chunk) <= CHUNK_MOST);
        assert_true(n < p->at.n && p->at.at[n].start <= p->at.at[n].end);
        n++;
    }
    assert_int_equal(n, p->at.n);
}

TEST(passages_of_any_text_are_valid_and_bounded)
{
    // Without spaces, without sentences, of characters of three bytes, and a form feed inside.
    static const char *const units[] = {"x", "ก", "word ", "A sentence. ", "a\fb ", "\n\n", "漢"};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        AUTO_BUF struct buf text = BUF_INIT(100000);
        struct passages p;
        for (size_t i = 0; i < 5000; i++)
            buf_addz(&text, units[u]);
        passages_init(&p, arena);
        passages_heading(&p, STR("Head"), 1);
        passages_paragraph(&p, buf_str(&text), 2);
        passages_row(&p, buf_str(&text), 1, 3);
        passages_row(&p, STR("a | b"), 1, 3);
        passages_row(&p, buf_str(&text), 2, 3);
        passages_end(&p);
        check(&p);
        assert_true(p.at.n > 0);
        passages_done(&p);
    }
}

TEST(headings_part_passages_and_rows_stay_under_theirs)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct passages p;
    passages_init(&p, arena);
    passages_paragraph(&p, STR("Before."), 1);
    passages_heading(&p, STR("One"), 1);
    passages_paragraph(&p, STR("First."), 1);
    passages_paragraph(&p, STR("Second."), 2);
    passages_row(&p, STR("name | n"), 1, 2);
    for (int i = 0; i < 200; i++)
        passages_row(&p, STR("part | 12345"), 1, 3);
    passages_end(&p);
    check(&p);
    struct str chunk;
    size_t pos = 0;
    assert_true(chunk_next(buf_str(&p.text), &pos, &chunk));
    assert_str(chunk, "Before.");
    assert_true(chunk_next(buf_str(&p.text), &pos, &chunk));
    assert_str(chunk, "One\n\nFirst.\n\nSecond.");
    assert_int_equal(p.at.at[1].page, 1);
    assert_str(p.at.at[1].heading, "One");
    while (chunk_next(buf_str(&p.text), &pos, &chunk))
        assert_true(str_starts(chunk, STR("name | n\npart | 12345")));
    assert_true(p.at.n > 4);
    passages_done(&p);
}
