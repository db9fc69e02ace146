// SPDX-License-Identifier: Apache-2.0
// The index against the oracle: random collections with upserts, removals and filters between the queries.
#include "base/test.h"

#include "search/search_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define assert_near(a, b, within) assert_true(fabs((double)(a) - (double)(b)) <= (within))

static struct search_filter random_filter(struct model *m, struct str *values)
{
    static const char *const categories[] = {"tents", "Packs", "stoves", "CAF\xC3\xA9", "none"};
    struct search_filter f = SEARCH_ALL;
    if (model_random(m, 2)) {
        values[0] = str_from(categories[model_random(m, 5)]);
        values[1] = str_from(categories[model_random(m, 5)]);
        f.categories.given = true;
        f.categories.at = values;
        f.categories.n = model_random(m, 3);
    }
    if (model_random(m, 3) == 0) {
        values[2] = STR("PRODUCT");
        f.types.given = true;
        f.types.at = values + 2;
        f.types.n = 1;
    }
    if (model_random(m, 3) == 0) {
        values[3] = STR("b2");
        f.bases.given = true;
        f.bases.at = values + 3;
        f.bases.n = 1;
    }
    if (model_random(m, 3) == 0) { // not in order, one of them unknown
        static const char *const docs[] = {"doc-70", "doc-3", "doc-149", "none", "doc-21", "doc-8", "doc-100"};
        f.docs.given = true;
        f.docs.n = model_random(m, 8);
        f.docs.at = values + 4;
        for (size_t i = 0; i < f.docs.n; i++)
            values[4 + i] = str_from(docs[i]);
    }
    if (model_random(m, 3) == 0)
        f.price_max = (int64_t)model_random(m, 1000);
    if (model_random(m, 3) == 0)
        f.price_min = (int64_t)model_random(m, 500);
    f.available = (int)model_random(m, 3) - 1;
    return f;
}

static const struct model_hit *hit_of(const struct model_hit *hits, size_t n, struct str doc)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(hits[i].document->id, doc))
            return &hits[i];
    return NULL;
}

// One query by words, with room for every document: the very same documents, relevances and ranks.
static void compare(struct model *m, struct search_index *index, struct str text, const struct search_filter *filter)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_reader *reader = search_read(index);
    size_t n;
    struct model_hit *want = model_search(m, text, filter, reader->average, &n);
    struct search_query query = {
        .text = text, .filter = *filter, .limit = 1000, .keep_stop = true, .idf_at_least = 1000};
    struct search_result got;
    search_run(reader, arena, &query, &got);
    assert_int_equal(got.n, n);
    assert_int_equal(got.candidates, model_count(m, filter));
    for (size_t i = 0; i < got.n; i++) {
        const struct search_hit *hit = &got.hits[i];
        assert_near(hit->relevance, want[i].relevance, 1e-5);
        const struct model_hit *same = hit_of(want, n, hit->doc);
        assert_non_null(same);
        assert_near(hit->w, same->w, 1e-5);
        assert_true(hit->attrs.order == same->document->attrs.order);
        double most = 0;
        for (size_t t = 0; t < got.n_terms; t++)
            most += got.terms[t].idf * 2.2;
        assert_near(hit->bm25, same->bm25, most / 510 + 1e-4);
        assert_near(hit->fused, 0.8 * hit->bm25 / most, 1e-4);
        double share = 0;
        for (size_t t = 0; t < hit->n_matches; t++)
            share += (double)(hit->matches[t].idf * hit->matches[t].weight);
        assert_near(share / (most / 2.2), hit->w, 1e-4);
        if (i > 0) {
            assert_true(hit->relevance <= hit[-1].relevance);
            assert_true(hit->relevance < hit[-1].relevance || hit->fused <= hit[-1].fused);
        }
    }
    search_reader_done(reader);
}

static struct str document_id(struct model *m, uint64_t i)
{
    return arena_strf(m->arena, "doc-%llu", (unsigned long long)i);
}

static void property(uint64_t seed, uint32_t all_of)
{
    struct model *m = model_new(0, seed);
    struct search_index *index = search_index_new(0);
    search_tune(index, all_of, 50000);
    for (int round = 0; round < 25; round++) {
        size_t changes = model_random(m, 30);
        for (size_t i = 0; i < changes; i++) {
            if (m->documents.n && model_random(m, 4) == 0)
                model_remove(m, index, model_random(m, m->documents.n));
            else
                model_put(m, index, document_id(m, model_random(m, 150)), model_random(m, 4), 20);
        }
        search_publish(index);
        assert_int_equal(search_documents(index), model_count(m, &SEARCH_ALL));
        for (int q = 0; q < 4; q++) {
            struct str values[4 + 8];
            struct search_filter filter = model_random(m, 2) ? random_filter(m, values) : SEARCH_ALL;
            compare(m, index, model_text(m, 1 + model_random(m, 6)), &filter);
        }
    }
    assert_true(search_bytes(index) > 0);
    search_index_free(index);
    model_free(m);
}

TEST(search_every_match_is_considered)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        property(seed, 20000);
}

// The same through MaxScore: up to 200 matching passages nothing may be lost.
TEST(search_candidates_equal_the_oracle)
{
    for (uint64_t seed = 11; seed <= 14; seed++)
        property(seed, 0);
}

static int descending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

// More matches than candidates, over the border of a chunk: the 200 best scores by BM25, exactly.
TEST(search_maxscore_finds_the_best_200)
{
    enum { N = 66500 };
    struct model *m = model_new(0, 5);
    struct search_index *index = search_index_new(0);
    for (uint32_t i = 0; i < N; i++) {
        struct arena *texts = m->arena;
        m->arena = arena_new(0);
        struct search_passage p = {.n_zones = 1, .zones = {{model_text(m, 2 + model_random(m, 8)), 1}}};
        char id[16];
        assert_int_equal(search_put(index, (struct str){id, (size_t)snprintf(id, sizeof id, "%u", i)}, &p, 1, NULL), 0);
        arena_free(m->arena);
        m->arena = texts;
    }
    search_publish(index);
    struct search_reader *reader = search_read(index);
    for (int k = 0; k < 20; k++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_query query = {.text = model_text(m, 1 + model_random(m, 6)),
                                     .filter = SEARCH_ALL,
                                     .limit = 1000,
                                     .keep_stop = true,
                                     .idf_at_least = 1000};
        struct search_result all, best;
        reader->all_of = UINT32_MAX; // the plain way gives what the clever one is held against
        query.limit = 1000;
        search_run(reader, arena, &query, &all);
        reader->all_of = 0;
        query.limit = 200;
        search_run(reader, arena, &query, &best);
        // `all` is cut by relevance, not by BM25: take every passage's score from its own postings instead.
        double *scores = mem_calloc(N, sizeof *scores);
        for (size_t t = 0; t < best.n_terms; t++)
            for (size_t p = 0; p < reader->n_parts; p++) {
                const struct segment *s = reader->parts[p].segment;
                const struct entry *e = segment_find(s, best.terms[t].term, (uint32_t)str_hash(best.terms[t].term));
                for (uint32_t passage = 0; e && passage < s->n_passages; passage++) {
                    uint32_t at = entry_find(s, e, passage);
                    scores[s->slots[passage]] +=
                        at == NONE ? 0 : (double)best.terms[t].idf * s->impacts[at] / 255 * 2.2;
                }
            }
        qsort(scores, N, sizeof *scores, descending);
        double got[200];
        size_t n = best.n;
        for (size_t i = 0; i < n; i++)
            got[i] = (double)best.hits[i].bm25;
        qsort(got, n, sizeof *got, descending);
        for (size_t i = 0; i < n; i++)
            assert_near(got[i], scores[i], 1e-4);
        assert_true(n == 200 || scores[n] == 0);
        free(scores);
    }
    search_reader_done(reader);
    search_index_free(index);
    model_free(m);
}

static void put(struct search_index *index, const char *id, const char *name, const char *text, int64_t price,
                const char *category, int64_t order)
{
    struct search_passage p = {
        .n_zones = 2,
        .zones = {{str_from(name), 1}, {str_from(text), 0.6f}},
        .attrs = {.price = price, .category = str_from(category), .available = true, .order = order}};
    assert_int_equal(search_put(index, str_from(id), &p, 1, NULL), 0);
}

static struct search_result ask(struct search_index *index, struct arena *arena, struct search_query query)
{
    struct search_reader *reader = search_read(index);
    struct search_result result;
    query.idf_at_least = 1000;
    search_run(reader, arena, &query, &result);
    search_reader_done(reader); // the index lives on in these tests, so do the strings
    return result;
}

// 001-brands#13: filters first.
TEST(search_a_cheap_match_is_found_among_dearer_ones)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = search_index_new(0);
    for (int i = 0; i < 9; i++)
        put(index, arena_printf(arena, "w%d", i), arena_printf(arena, "Widget %c", 'A' + i), "widget", 500, "W", i);
    put(index, "small", "Small Widget", "", 50, "W", 10);
    search_publish(index);
    struct search_query query = {.text = STR("widget"), .filter = SEARCH_ALL, .limit = 1};
    query.filter.price_max = 100;
    struct search_result r = ask(index, arena, query);
    assert_int_equal(r.n, 1);
    assert_str(r.hits[0].doc, "small");
    assert_int_equal(r.candidates, 1);
    search_index_free(index);
}

TEST(search_unmatched_follow_in_order)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = search_index_new(0);
    put(index, "c", "Stove", "burns", 1, "X", 3);
    put(index, "a", "Tent", "sleeps", 2, "X", 1);
    put(index, "b", "Pack", "carries", 3, "X", 2);
    put(index, "d", "Tent two", "sleeps", 3, "Y", 0);
    search_publish(index);
    struct str category = STR("x");
    struct search_query query = {.text = STR("pack"), .filter = SEARCH_ALL, .limit = 5, .no_match_too = true};
    query.filter.categories.given = true;
    query.filter.categories.at = &category;
    query.filter.categories.n = 1;
    struct search_result r = ask(index, arena, query);
    assert_int_equal(r.n, 3);
    assert_str(r.hits[0].doc, "b");
    assert_true(r.hits[0].relevance > 0.99f);
    assert_str(r.hits[1].doc, "a");
    assert_true(r.hits[1].relevance == 0);
    assert_str(r.hits[2].doc, "c");
    query.text = STR("");
    query.limit = 2;
    r = ask(index, arena, query);
    assert_int_equal(r.n, 2);
    assert_true(r.no_terms);
    assert_str(r.hits[0].doc, "a");
    assert_str(r.hits[1].doc, "b");
    query.no_match_too = false;
    assert_int_equal(ask(index, arena, query).n, 0);
    query.filter.categories.n = 0; // a given empty list
    query.no_match_too = true;
    r = ask(index, arena, query);
    assert_int_equal(r.n, 0);
    assert_int_equal(r.candidates, 0);
    search_index_free(index);
}

TEST(search_exact_names)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = search_index_new(0);
    put(index, "skarv-2", "Skarv 2", "tent", 1, "X", 1);
    put(index, "skarv-22", "Skarv 2 Skarv 2", "skarv skarv", 1, "X", 0);
    put(index, "stars", "***", "nothing to index", 1, "X", 0);
    search_publish(index);
    struct search_query query = {.text = STR("skarv  2!"), .exact = STR("skarv  2!"), .filter = SEARCH_ALL, .limit = 5};
    struct search_result r = ask(index, arena, query);
    assert_int_equal(r.n, 2);
    assert_true(r.hits[0].relevance == 1);
    query.text = query.exact = STR("SKARV-22");
    r = ask(index, arena, query);
    assert_str(r.hits[0].doc, "skarv-22");
    assert_true(r.hits[0].relevance == 1);
    query.filter.price_max = 0; // the filter holds for exact names too
    assert_int_equal(ask(index, arena, query).n, 0);
    search_index_free(index);
}

TEST(search_terms_that_count)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = search_index_new(0);
    put(index, "a", "Tent", "for the cold nights", 1, "X", 1);
    put(index, "b", "Stove", "for price lists", 900, "X", 1);
    search_publish(index);
    struct search_query query = {.text = STR("the tent unicorn"), .filter = SEARCH_ALL, .limit = 5};
    struct search_result r = ask(index, arena, query);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.n_terms, 1); // "the" is a stop word, "unicorn" stands nowhere
    assert_str(r.terms[0].term, "tent");
    assert_true(r.hits[0].relevance > 0.999f);
    assert_int_equal(r.hits[0].word_rank, 1);
    assert_int_equal(r.hits[0].n_matches, 1);
    query.text = STR("the"); // nothing else is left
    r = ask(index, arena, query);
    assert_true(r.no_terms);
    assert_int_equal(r.n, 1);
    query.text = STR("unicorn");
    r = ask(index, arena, query);
    assert_false(r.no_terms);
    assert_int_equal(r.n, 0);
    // A word counts when the collection holds it, whatever the filter leaves.
    query.text = STR("tent price");
    query.filter.price_max = 100;
    r = ask(index, arena, query);
    assert_int_equal(r.n_terms, 2);
    assert_true(r.hits[0].relevance < 0.6f);
    // Cue words go, unless nothing else is left.
    struct terms terms = analyse(arena, STR("price tent"), 0);
    terms.at[0].flags |= TERM_CUE;
    query.terms = &terms;
    query.drop_flags = TERM_CUE;
    r = ask(index, arena, query);
    assert_int_equal(r.n_terms, 1);
    assert_true(r.hits[0].relevance > 0.999f);
    terms.n = 1;
    query.filter = SEARCH_ALL;
    r = ask(index, arena, query);
    assert_true(r.no_terms);
    assert_int_equal(r.n, 1);
    assert_str(r.hits[0].doc, "b");
    search_index_free(index);
}

TEST(search_replaced_and_removed_documents_are_gone)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_index *index = search_index_new(0);
    put(index, "a", "old name", "", 1, "X", 1);
    put(index, "a", "newer name", "", 1, "X", 1); // before any publish
    search_publish(index);
    struct search_query query = {.text = STR("old"), .filter = SEARCH_ALL, .limit = 5};
    assert_int_equal(ask(index, arena, query).n, 0);
    query.text = STR("newer");
    assert_int_equal(ask(index, arena, query).n, 1);
    struct search_reader *before = search_read(index);
    put(index, "a", "newest name", "", 1, "X", 1);
    assert_int_equal(ask(index, arena, query).n, 1); // nothing is seen before it is published
    search_publish(index);
    assert_int_equal(ask(index, arena, query).n, 0);
    struct search_result r;
    search_run(before, arena, &query, &r); // a reader keeps what it took
    assert_int_equal(r.n, 1);
    search_reader_done(before);
    assert_int_equal(search_put(index, STR("a"), NULL, 0, NULL), 0);
    search_publish(index);
    assert_int_equal(search_documents(index), 0);
    query.text = STR("name");
    assert_int_equal(ask(index, arena, query).n, 0);
    search_index_free(index);
}

TEST(search_refuses_what_it_cannot_hold)
{
    struct search_index *index = search_index_new(4);
    struct err err = {0};
    struct search_passage p = {.n_zones = 1, .zones = {{STR("x"), 1}}};
    assert_int_equal(search_put(index, STR(""), &p, 1, &err), ERR_INVALID);
    p.zones[0].weight = 2;
    assert_int_equal(search_put(index, STR("a"), &p, 1, &err), ERR_INVALID);
    p.zones[0].weight = 1;
    p.n_zones = 5;
    assert_int_equal(search_put(index, STR("a"), &p, 1, &err), ERR_INVALID);
    p.n_zones = 1;
    const float zero[4] = {0};
    p.vector = zero;
    assert_int_equal(search_put(index, STR("a"), &p, 1, &err), ERR_INVALID);
    p.vector = NULL;
    assert_int_equal(search_put(index, STR("a"), &p, 1, &err), 0);
    const float one[4] = {0, 2, 0, 0};
    assert_int_equal(search_put_vector(index, STR("b"), 0, one), ERR_NOT_FOUND);
    assert_int_equal(search_put_vector(index, STR("a"), 1, one), ERR_NOT_FOUND);
    assert_int_equal(search_put_vector(index, STR("a"), 0, zero), ERR_INVALID);
    assert_int_equal(search_put_vector(index, STR("a"), 0, one), 0);
    search_publish(index);
    assert_int_equal(search_put_vector(index, STR("a"), 1, one), ERR_NOT_FOUND);
    assert_int_equal(search_put_vector(index, STR("a"), 0, one), 0);
    search_index_free(index);
}
