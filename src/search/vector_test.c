// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "search/index.h"
#include "search/search_model.h"
#include "search/vector.h"
#include "search/vector_sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define assert_near(a, b, within) assert_true(fabs((double)(a) - (double)(b)) <= (within))

TEST(vector_kernels_agree)
{
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    for (size_t i = 0; i < 3; i++) {
        const struct vector_kernels *k = vector_kernels_named(names[i]);
        if (k)
            assert_true(vector_check(k));
    }
    assert_null(vector_kernels_named("abacus"));
    assert_non_null(vector_kernels()->name);
}

static uint32_t wrong_hamming(const uint64_t *a, const uint64_t *b, size_t words)
{
    return words > 1 ? 1 : vector_scalar.hamming(a, b, words);
}

TEST(vector_check_sees_a_wrong_kernel)
{
    struct vector_kernels broken = vector_scalar;
    broken.hamming = wrong_hamming;
    assert_false(vector_check(&broken));
}

TEST(vector_normalise_and_quantise)
{
    float v[3] = {3, 0, -4};
    assert_true(vector_normalise(v, 3));
    assert_near(v[0], 0.6, 1e-6);
    int8_t q[3];
    uint8_t u[3];
    float scale;
    vector_quantise(v, 3, q, &scale);
    assert_int_equal(q[2], -127);
    assert_near(q[0] * scale, 0.6, 0.004);
    vector_quantise_u7(v, 3, u, &scale);
    assert_int_equal(u[2], 1);
    assert_near((u[0] - 64) * scale, 0.6, 0.007);
    uint64_t bits[1];
    vector_bits(v, 3, bits);
    assert_int_equal(bits[0], 1);
    float zero[2] = {0, 0}, bad[2] = {NAN, 1}, huge[2] = {INFINITY, 0};
    assert_false(vector_normalise(zero, 2));
    assert_false(vector_normalise(bad, 2));
    assert_false(vector_normalise(huge, 2));
    vector_quantise(zero, 2, q, &scale);
    assert_int_equal(q[0], 0);
}

TEST(vector_rows_find_their_chunks)
{
    uint32_t expected = 0, in_chunk = 0;
    for (uint32_t row = 0; row < 100000; row++) {
        uint32_t at, chunk = rows_chunk(row, &at);
        assert_int_equal(chunk, expected);
        assert_int_equal(at, in_chunk);
        if (++in_chunk == rows_chunk_size(chunk)) {
            in_chunk = 0;
            expected++;
        }
    }
}

static struct str number_id(char *out, size_t size, uint32_t i)
{
    return (struct str){out, (size_t)snprintf(out, size, "%u", i)};
}

// Share of the 10 nearest by float32, over random clustered vectors; every third passage is replaced once.
static double recall(uint32_t n, size_t dims, size_t clusters, bool filtered)
{
    struct model *m = model_new(dims, 3);
    struct search_index *index = search_index_new(dims);
    float **vectors = mem_calloc(n, sizeof *vectors);
    for (uint32_t k = 0; k < n + n / 3; k++) {
        uint32_t i = k < n ? k : (k - n) * 3;
        char id[16];
        vectors[i] = model_vector(m, clusters, 0.5);
        struct search_passage p = {.vector = vectors[i], .attrs = {.available = i % 10 == 0, .price = i, .order = i}};
        assert_int_equal(search_put(index, number_id(id, sizeof id, i), &p, 1, NULL), 0);
        if (k % 20000 == 0)
            search_publish(index);
    }
    search_publish(index);
    struct search_reader *reader = search_read(index);
    size_t found = 0, asked = 20;
    for (size_t k = 0; k < asked; k++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_query query = {.vector = model_vector(m, clusters, 0.5), .filter = SEARCH_ALL, .limit = 10};
        query.filter.available = filtered ? 1 : -1;
        struct search_result r;
        search_run(reader, arena, &query, &r);
        assert_int_equal(r.n, 10);
        for (size_t h = 0; h < r.n; h++) {
            uint32_t hit = (uint32_t)strtoul(arena_cstr(arena, r.hits[h].doc), NULL, 10);
            float cosine = vector_scalar.dot_f32(query.vector, vectors[hit], dims);
            assert_near(r.hits[h].cosine, cosine, 1e-4); // the best are rescored with float32
            assert_true(!filtered || hit % 10 == 0);
            size_t nearer = 0;
            for (uint32_t i = 0; i < n; i++)
                nearer += (!filtered || i % 10 == 0) &&
                          vector_scalar.dot_f32(query.vector, vectors[i], dims) > cosine + 1e-6f;
            found += nearer < 10;
        }
    }
    search_reader_done(reader);
    search_index_free(index);
    free(vectors);
    model_free(m);
    return (double)found / (double)(asked * 10);
}

TEST(vector_search_is_exact_in_small_collections)
{
    assert_true(recall(3000, 100, 100, false) >= 0.99);
    assert_true(recall(3000, 100, 100, true) >= 0.99);
}

TEST(vector_search_over_all_rows)
{
    assert_true(recall(21000, 64, 500, false) >= 0.99);
}

TEST(vector_search_by_sign_bits)
{
    assert_true(recall(51000, 128, 800, false) >= 0.99);
}

// Fusion as the definition says, over fewer than 50 vectors, so that all are rescored.
TEST(vector_fusion_equals_the_definition)
{
    enum { DIMS = 32 };
    struct model *m = model_new(DIMS, 9);
    struct search_index *index = search_index_new(DIMS);
    for (int i = 0; i < 20; i++)
        model_put(m, index, arena_strf(m->arena, "d%d", i), 1 + model_random(m, 2), 20);
    search_publish(index);
    struct search_reader *reader = search_read(index);
    for (int k = 0; k < 20; k++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        float *vector = model_vector(m, 50, 0.5);
        struct search_query query = {.text = model_text(m, 3),
                                     .vector = vector,
                                     .filter = SEARCH_ALL,
                                     .limit = 50,
                                     .keep_stop = true,
                                     .idf_at_least = 1000,
                                     .vector_floor = 0.1f};
        struct search_result r;
        search_run(reader, arena, &query, &r);
        double sum = 0, squares = 0;
        size_t with = 0, words_n;
        for (size_t d = 0; d < m->documents.n; d++)
            for (size_t i = 0; i < m->documents.at[d].n; i++)
                if (m->documents.at[d].passages[i].vector) {
                    double c = (double)vector_scalar.dot_f32(vector, m->documents.at[d].passages[i].vector, DIMS);
                    sum += c;
                    squares += c * c;
                    with++;
                }
        double mean = sum / (double)with, deviation = sqrt(squares / (double)with - mean * mean), idf = 0;
        for (size_t t = 0; t < r.n_terms; t++)
            idf += (double)r.terms[t].idf;
        model_search(m, query.text, &SEARCH_ALL, reader->average, &words_n);
        assert_true(r.n >= words_n); // all that match by words, and more by vectors
        for (size_t h = 0; h < r.n; h++) {
            const struct search_hit *hit = &r.hits[h];
            const struct model_document *d = NULL;
            for (size_t i = 0; i < m->documents.n; i++)
                if (str_eq(m->documents.at[i].id, hit->doc))
                    d = &m->documents.at[i];
            const float *own = d->passages[hit->ordinal].vector;
            double c = own ? (double)vector_scalar.dot_f32(vector, own, DIMS) : 0;
            double v = fmax(0, (c - 0.1) / 0.9), z = own ? (c - mean) / deviation : 0;
            assert_near(hit->v, own ? v : 0, 1e-4);
            assert_near(hit->relevance, 1 - (1 - (double)hit->w) * (1 - (own ? v : 0)), 1e-4);
            assert_near(hit->fused, z / 3 + (idf > 0 ? 0.8 * (double)hit->bm25 / 2.2 / idf : 0), 1e-3);
            assert_true(h == 0 || hit->relevance <= hit[-1].relevance);
        }
    }
    search_reader_done(reader);
    search_index_free(index);
    model_free(m);
}

// The same answers by both ways, words and vectors together.
TEST(vector_both_ways_agree)
{
    enum { DIMS = 48 };
    struct model *m = model_new(DIMS, 21);
    struct search_index *index = search_index_new(DIMS);
    for (int i = 0; i < 90; i++)
        model_put(m, index, arena_strf(m->arena, "d%d", i), 1 + model_random(m, 2), 12);
    search_publish(index);
    struct search_reader *reader = search_read(index);
    for (int k = 0; k < 30; k++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct search_query query = {.text = model_text(m, 4),
                                     .vector = model_vector(m, 50, 0.5),
                                     .filter = SEARCH_ALL,
                                     .limit = 60,
                                     .keep_stop = true,
                                     .idf_at_least = 1000};
        query.filter.available = (int)model_random(m, 3) - 1;
        struct search_result all, few;
        reader->all_of = UINT32_MAX;
        search_run(reader, arena, &query, &all);
        reader->all_of = 0;
        search_run(reader, arena, &query, &few);
        assert_int_equal(all.n, few.n);
        for (size_t h = 0; h < all.n; h++) {
            assert_near(all.hits[h].relevance, few.hits[h].relevance, 1e-4);
            assert_near(all.hits[h].fused, few.hits[h].fused, 1e-3);
        }
    }
    search_reader_done(reader);
    search_index_free(index);
    model_free(m);
}

static size_t nearest(struct search_index *index, const float *vector, char *out, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_query query = {.vector = vector, .filter = SEARCH_ALL, .limit = 1, .vector_floor = 0.5f};
    struct search_reader *reader = search_read(index);
    struct search_result r;
    search_run(reader, arena, &query, &r);
    if (r.n)
        snprintf(out, size, STR_FMT "/%u", STR_ARG(r.hits[0].doc), r.hits[0].ordinal);
    search_reader_done(reader);
    return r.n;
}

TEST(vector_may_come_later_change_and_go)
{
    enum { DIMS = 8 };
    struct search_index *index = search_index_new(DIMS);
    const float x[DIMS] = {1}, y[DIMS] = {0, 1};
    struct search_passage p[2] = {{.n_zones = 1, .zones = {{STR("one"), 1}}, .ordinal = 0},
                                  {.n_zones = 1, .zones = {{STR("two"), 1}}, .ordinal = 5}};
    char hit[32];
    assert_int_equal(search_put(index, STR("a"), p, 2, NULL), 0);
    assert_int_equal(search_put(index, STR("b"), p, 1, NULL), 0);
    search_publish(index);
    assert_int_equal(nearest(index, x, hit, sizeof hit), 0);
    assert_int_equal(search_put_vector(index, STR("a"), 5, x), 0);
    assert_int_equal(nearest(index, x, hit, sizeof hit), 0);
    search_publish(index);
    assert_int_equal(nearest(index, x, hit, sizeof hit), 1);
    assert_string_equal(hit, "a/5");
    assert_int_equal(search_put_vector(index, STR("a"), 5, y), 0);
    assert_int_equal(search_put_vector(index, STR("b"), 0, x), 0);
    search_publish(index);
    assert_int_equal(nearest(index, x, hit, sizeof hit), 1);
    assert_string_equal(hit, "b/0");
    // Enough changes for the rows to be written anew.
    for (int i = 0; i < 300; i++) {
        assert_int_equal(search_put_vector(index, STR("b"), 0, i % 2 ? x : y), 0);
        if (i % 50 == 0)
            search_publish(index);
    }
    search_publish(index);
    struct search_reader *reader = search_read(index);
    assert_true(reader->rows.n < 100);
    search_reader_done(reader);
    assert_int_equal(nearest(index, x, hit, sizeof hit), 1);
    assert_string_equal(hit, "b/0");
    assert_int_equal(search_put(index, STR("b"), NULL, 0, NULL), 0);
    search_publish(index);
    assert_int_equal(nearest(index, x, hit, sizeof hit), 0);
    assert_int_equal(nearest(index, y, hit, sizeof hit), 1);
    assert_string_equal(hit, "a/5");
    search_index_free(index);
}

// Beyond the best 50 a hit's cosine comes from int8.
TEST(vector_quantised_cosines_are_close)
{
    enum { DIMS = 100, N = 400 };
    struct model *m = model_new(DIMS, 31);
    struct search_index *index = search_index_new(DIMS);
    float *vectors[N];
    for (uint32_t i = 0; i < N; i++) {
        char id[16];
        vectors[i] = model_vector(m, 5, 0.8);
        struct search_passage p = {.vector = vectors[i]};
        assert_int_equal(search_put(index, number_id(id, sizeof id, i), &p, 1, NULL), 0);
    }
    search_publish(index);
    struct search_reader *reader = search_read(index);
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_query query = {
        .vector = model_vector(m, 5, 0.8), .filter = SEARCH_ALL, .limit = N, .vector_floor = -1};
    struct search_result r;
    search_run(reader, arena, &query, &r);
    assert_int_equal(r.n, N);
    for (size_t h = 0; h < r.n; h++) {
        uint32_t i = (uint32_t)strtoul(arena_cstr(arena, r.hits[h].doc), NULL, 10);
        assert_near(r.hits[h].cosine, vector_scalar.dot_f32(query.vector, vectors[i], DIMS), h < 20 ? 1e-5 : 0.006);
        assert_int_equal(r.hits[h].vector_rank, h < 200 ? h + 1 : 0);
    }
    search_reader_done(reader);
    search_index_free(index);
    model_free(m);
}

// A document whose passages have several windows, one with an own direction each: found by any of them, once, and gone
// with the document; by both ways of searching, and after the rows were written anew.
static void check_windows(uint32_t all_of)
{
    enum { DIMS = 8, DOCS = 300 };
    struct search_index *index = search_index_new(DIMS);
    search_tune(index, all_of, UINT32_MAX);
    AUTO_ARENA struct arena *arena = arena_new(0);
    for (size_t round = 0; round < 2; round++)
        for (size_t d = 0; d < DOCS; d++) {
            float windows[3 * DIMS] = {0};
            for (size_t k = 0; k < 3; k++) {
                windows[k * DIMS + (d + 2 * k) % DIMS] = 1;
                windows[k * DIMS + (d + 2 * k + 1) % DIMS] = 0.01f * (float)(d + 1);
            }
            struct search_passage passage = {
                .doc = arena_strf(arena, "d%zu", d), .vector = windows, .n_vectors = 1 + d % 3};
            passage.zones[0] = (struct search_zone){STR("words"), 1};
            passage.n_zones = 1;
            passage.attrs.price = INT64_MIN;
            assert_int_equal(search_put(index, passage.doc, &passage, 1, NULL), 0);
            if (d % 50 == 0)
                search_publish(index);
        }
    assert_int_equal(search_put(index, STR("d5"), NULL, 0, NULL), 0);
    search_publish(index);
    for (size_t d = 0; d < 12; d++) {
        size_t window = d % 3;
        float question[DIMS] = {0}, length;
        question[(d + 2 * window) % DIMS] = 1;
        question[(d + 2 * window + 1) % DIMS] = 0.01f * (float)(d + 1);
        length = sqrtf(1 + 0.0001f * (float)((d + 1) * (d + 1)));
        for (size_t i = 0; i < DIMS; i++)
            question[i] /= length;
        struct search_query query = {.text = STR(""), .vector = question, .filter = SEARCH_ALL, .limit = 300};
        struct search_result found;
        struct search_reader *reader = search_read(index);
        search_run(reader, arena, &query, &found);
        size_t times = 0;
        for (size_t i = 0; i < found.n; i++)
            if (str_eq(found.hits[i].doc, arena_strf(arena, "d%zu", d))) {
                assert_near(found.hits[i].cosine, 1, 0.002);
                times++;
            }
        assert_int_equal(times, d == 5 ? 0 : 1);
        search_reader_done(reader);
    }
    search_index_free(index);
}

TEST(vector_windows_of_a_passage_are_one_hit)
{
    check_windows(20000);
    check_windows(0);
}
