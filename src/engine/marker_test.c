// SPDX-License-Identifier: Apache-2.0
#include "engine/marker.h"

#include "base/test.h"
#include "base/utf8.h"

// Knows laptop-002 and "a b".
static bool look_up(void *arg, enum marker_kind kind, struct str id, struct buf *out)
{
    (void)arg;
    if (str_eq(id, STR("half-way")))
        buf_addz(out, "never seen");
    if (!str_eq(id, STR("laptop-002")) && !str_eq(id, STR("a b")))
        return false;
    buf_addz(out, kind == MARKER_PRICE ? "1,299.00 USD" : "in stock");
    return true;
}

static const struct {
    const char *text, *want;
} CASES[] = {
    {"", ""},
    {"plain [text] with [brackets](x)", "plain [text] with [brackets](x)"},
    {"[[price:laptop-002]]", "1,299.00 USD"}, // 001-brands#17
    {"It costs [[price:laptop-002]], [[stock:laptop-002]].", "It costs 1,299.00 USD, in stock."},
    {"[[PRICE: laptop-002 ]]", "1,299.00 USD"},
    {"[[ price :a b]]", "1,299.00 USD"},
    {"[[price:laptop-002]][[stock:laptop-002]]", "1,299.00 USDin stock"},
    {"[[[price:laptop-002]]]", "[1,299.00 USD]"},
    // Unknown or broken: nothing.
    {"x [[price:nope]] y", "x  y"},
    {"x [[price:half-way]] y", "x  y"},
    {"x [[price:]] y", "x  y"},
    {"x [[price laptop-002]] y", "x  y"},
    {"x [[colour:laptop-002]] y", "x  y"},
    {"x [[laptop-002]] y", "x  y"},
    {"x [[prix:ราคา]] y", "x  y"},
    {"x [[price:laptop-002", "x "},
    {"x [[price:laptop-002]", "x "},
    {"x [[pri", "x "},
    {"x [[", "x "},
    {"x [", "x ["},
    {"x [[price:laptop-002] and more", "x  and more"},
    {"x [[price:laptop-002\nnext line", "x \nnext line"},
    {"x [[price:[[price:laptop-002]] y", "x 1,299.00 USD y"},
    {"x [[price:lap [[stock:laptop-002]] y", "x  in stock y"},
    {"[[price:0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890]] end",
     " end"},
    {"[[price:0123456789012345678901234567890123456789012345678901234567890123456789012]]] end", "] end"},
    {"[[price:0123456789012345678901234567890123456789012345678901234567890123456789012345 end", " end"},
    {"[[price:lap and then the answer goes on and on until nothing can be held back any more, as it must "
     "[[price:laptop-002]]",
     " and then the answer goes on and on until nothing can be held back any more, as it must 1,299.00 USD"},
    // Not markers at all.
    {"[[1,2],[3,4]]", "[[1,2],[3,4]]"},
    {"if [[ -f x ]]; then", "if [[ -f x ]]; then"},
    {"if [[ foo == bar ]]; then", "if [[ foo == bar ]]; then"},
    {"[[see the long remark that somebody opened with two brackets and never closed, which may happen in prose",
     "[[see the long remark that somebody opened with two brackets and never closed, which may happen in prose"},
    {"[[[[[[", "[[[["},
    {"ราคา [[price:laptop-002]] ค่ะ", "ราคา 1,299.00 USD ค่ะ"},
};

static void run(struct str text, size_t cut1, size_t cut2, struct buf *out)
{
    struct marker marker;
    marker_init(&marker, look_up, NULL);
    marker_feed(&marker, (struct str){text.p, cut1}, out);
    marker_feed(&marker, (struct str){text.p + cut1, cut2 - cut1}, out);
    marker_feed(&marker, (struct str){text.p + cut2, text.n - cut2}, out);
    marker_end(&marker, out);
}

// 001-brands#17
TEST(markers_are_replaced_at_every_pair_of_cuts)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct str text = str_from(CASES[i].text);
        for (size_t a = 0; a <= text.n; a++)
            for (size_t b = a; b <= text.n; b += a % 3 + 1) {
                if (utf8_whole((struct str){text.p, a}) != a || utf8_whole((struct str){text.p, b}) != b)
                    continue;
                AUTO_BUF struct buf out = BUF_INIT(1000);
                run(text, a, b, &out);
                if (!str_eq(buf_str(&out), str_from(CASES[i].want)))
                    fail_msg("%s (%zu, %zu): %s", CASES[i].text, a, b, out.n ? out.p : "");
            }
    }
}

TEST(a_chunk_of_one_code_point_each_never_shows_a_marker_and_holds_at_most_80)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct str text = str_from(CASES[i].text);
        AUTO_BUF struct buf out = BUF_INIT(1000);
        struct marker marker;
        marker_init(&marker, look_up, NULL);
        for (size_t pos = 0; pos < text.n;) {
            size_t from = pos;
            utf8_next(text, &pos);
            marker_feed(&marker, (struct str){text.p + from, pos - from}, &out);
            assert_true(utf8_count((struct str){marker.held, marker.n}) < MARKER_HOLD);
        }
        marker_end(&marker, &out);
        assert_true(str_eq(buf_str(&out), str_from(CASES[i].want)));
    }
}
