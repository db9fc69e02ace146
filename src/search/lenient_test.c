// SPDX-License-Identifier: Apache-2.0
// What stands in for unknown words, and what these weigh.
#include "base/test.h"

#include "search/search.h"

#include <math.h>

static const char *const texts[][2] = {
    {"tent", "The Skarv tent stands wind"}, {"grinder", "Coffee grinder LZ-1103 with steel burrs"},
    {"stove", "Model GLO200 burns gas"},    {"warranty", "The warranty holds five years"},
    {"shampoo", "แชมพูมะกรูดสำหรับผมแห้ง"},
};

static struct search_index *make(void)
{
    struct search_index *index = search_index_new(0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct search_passage p = {.n_zones = 1, .zones = {{str_from(texts[i][1]), 1}}, .attrs = {.order = (int64_t)i}};
        assert_int_equal(search_put(index, str_from(texts[i][0]), &p, 1, NULL), 0);
    }
    search_publish(index);
    return index;
}

static struct search_result ask(struct search_index *index, struct arena *arena, const char *text, bool lenient,
                                float unknown)
{
    struct search_result found;
    struct search_reader *reader = search_read(index);
    struct search_query query = {.text = str_from(text),
                                 .filter = SEARCH_ALL,
                                 .limit = 5,
                                 .idf_at_least = 1000,
                                 .lenient = lenient,
                                 .unknown = unknown};
    search_run(reader, arena, &query, &found);
    for (size_t i = 0; i < found.n; i++)
        found.hits[i].doc = arena_str(arena, found.hits[i].doc);
    search_reader_done(reader);
    return found;
}

TEST(lenient_finds_what_is_nearly_meant)
{
    static const struct {
        const char *text, *doc; // NULL: nothing
    } rows[] = {
        {"skrav", "tent"},        {"skav", NULL}, // four letters may be any word
        {"warrenty", "warranty"}, {"waranty", "warranty"}, {"warrantyy", "warranty"}, {"garranty", NULL},
        {"wbrrbnty", NULL},                         // the first letter differs; two do
        {"stpve", NULL},          {"sctove", NULL}, // another letter makes another word of a short one
        {"lz1103", "grinder"},    {"glo-200", "stove"},    {"GLO 200", NULL},         {"55555", NULL},
    };
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = make();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct search_result found = ask(index, arena, rows[i].text, true, 0);
        if (found.n != (rows[i].doc ? 1 : 0) || (found.n && !str_eq(found.hits[0].doc, str_from(rows[i].doc))))
            fail_msg("'%s' finds %zu", rows[i].text, found.n);
        assert_int_equal(ask(index, arena, rows[i].text, false, 0).n, 0); // only where it is asked for
    }
    search_index_free(index);
}

TEST(lenient_keeps_to_what_is_there)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = make();
    struct search_result found = ask(index, arena, "tent", true, 1);
    assert_int_equal(found.n, 1);
    assert_true(found.known > 0.999f && found.hits[0].relevance > 0.999f);
    search_index_free(index);
}

TEST(unknown_words_weigh)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = make();
    double known = log(1 + (1000 - 1 + 0.5) / 1.5), unknown = log(1 + 1000.5 / 0.5);
    struct search_result found = ask(index, arena, "tent zebra", false, 0);
    assert_true(fabs((double)found.hits[0].relevance - 1) < 1e-6); // left out, as in a catalogue's search
    assert_true(fabs((double)found.known - known / (known + unknown)) < 1e-6);
    found = ask(index, arena, "tent zebra", false, 0.5f);
    assert_true(fabs((double)found.hits[0].w - known / (known + unknown / 2)) < 1e-6);
    // A code that is unknown as a whole weighs by its parts.
    found = ask(index, arena, "tent zz-9", false, 1);
    assert_true(fabs((double)found.hits[0].w - known / (known + 2 * unknown)) < 1e-6);
    found = ask(index, arena, "zebra", false, 1);
    assert_true(found.n == 0 && found.known == 0);
    search_index_free(index);
}
