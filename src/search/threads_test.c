// SPDX-License-Identifier: Apache-2.0
// Readers beside a writer: each sees one published state, whole.
#include "base/test.h"

#include "search/search_model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOCUMENTS = 12, ROUNDS = 150, READERS = 3, DIMS = 16 };

struct stage {
    struct search_index *index;
    pthread_barrier_t start;
    atomic_bool done;
    atomic_size_t searches, faults;
};

static void put_round(struct stage *stage, int round)
{
    for (int i = 0; i < DOCUMENTS; i++) {
        char id[16], text[64];
        float vector[DIMS] = {1, (float)i, (float)round};
        struct search_passage p = {
            .n_zones = 1,
            .zones = {{{text, (size_t)snprintf(text, sizeof text, "common round%d member%d", round, i)}, 1}},
            .attrs = {.order = round, .category = round % 2 ? STR("odd") : STR("even")},
            .vector = i % 2 ? vector : NULL};
        struct str doc = {id, (size_t)snprintf(id, sizeof id, "d%d", i)};
        if (search_put(stage->index, doc, &p, 1, NULL) != 0 ||
            (i % 3 == 0 && search_put_vector(stage->index, doc, 0, vector) != 0))
            atomic_fetch_add(&stage->faults, 1);
    }
}

static void *write_rounds(void *arg)
{
    struct stage *stage = arg;
    pthread_barrier_wait(&stage->start);
    for (int round = 1; round <= ROUNDS; round++) {
        put_round(stage, round);
        search_publish(stage->index);
    }
    atomic_store(&stage->done, true);
    return NULL;
}

// All documents of one state carry the same round.
static bool whole(struct search_reader *reader)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    float vector[DIMS] = {1, 1, 1};
    struct search_query query = {
        .text = STR("common"), .vector = vector, .filter = SEARCH_ALL, .limit = 50, .idf_at_least = 1000};
    struct search_result r;
    search_run(reader, arena, &query, &r);
    if (r.n != DOCUMENTS || r.candidates != DOCUMENTS)
        return false;
    for (size_t i = 0; i < r.n; i++)
        if (r.hits[i].attrs.order != r.hits[0].attrs.order || r.hits[i].n_matches != 1 || r.hits[i].doc.p[0] != 'd')
            return false;
    struct str category = r.hits[0].attrs.order % 2 ? STR("EVEN") : STR("ODD");
    query.filter.categories.given = true;
    query.filter.categories.at = &category;
    query.filter.categories.n = 1;
    search_run(reader, arena, &query, &r);
    return r.n == 0;
}

static void *read_states(void *arg)
{
    struct stage *stage = arg;
    pthread_barrier_wait(&stage->start);
    struct search_reader *kept = search_read(stage->index);
    for (bool last = false; !last;) {
        last = atomic_load(&stage->done);
        struct search_reader *reader = search_read(stage->index);
        if (!whole(reader) || !whole(kept) || search_documents(stage->index) != DOCUMENTS)
            atomic_fetch_add(&stage->faults, 1);
        atomic_fetch_add(&stage->searches, 1);
        search_reader_done(kept); // an older state is held for a while
        kept = reader;
    }
    search_reader_done(kept);
    return NULL;
}

TEST(search_readers_beside_a_writer)
{
    struct stage stage = {.index = search_index_new(DIMS)};
    pthread_t threads[READERS + 1];
    assert_int_equal(pthread_barrier_init(&stage.start, NULL, READERS + 1), 0);
    put_round(&stage, 0);
    search_publish(stage.index);
    assert_int_equal(pthread_create(&threads[0], NULL, write_rounds, &stage), 0);
    for (size_t i = 1; i <= READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_states, &stage), 0);
    for (size_t i = 0; i <= READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&stage.faults), 0);
    assert_true(atomic_load(&stage.searches) >= READERS);
    pthread_barrier_destroy(&stage.start);
    search_index_free(stage.index);
}

// Two writers at once are serialised inside.
static void *write_own(void *arg)
{
    struct stage *stage = arg;
    pthread_barrier_wait(&stage->start);
    for (int i = 0; i < 100; i++) {
        char id[40];
        struct search_passage p = {.n_zones = 1, .zones = {{STR("common"), 1}}};
        struct str doc = {id, (size_t)snprintf(id, sizeof id, "%lu-%d", (unsigned long)pthread_self(), i)};
        if (search_put(stage->index, doc, &p, 1, NULL) != 0)
            atomic_fetch_add(&stage->faults, 1);
        search_publish(stage->index);
    }
    return NULL;
}

TEST(search_writers_take_turns)
{
    struct stage stage = {.index = search_index_new(0)};
    pthread_t threads[2];
    assert_int_equal(pthread_barrier_init(&stage.start, NULL, 2), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_own, &stage), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&stage.faults), 0);
    assert_int_equal(search_documents(stage.index), 200);
    struct search_reader *reader = search_read(stage.index);
    assert_true(reader->n_parts < 12); // small segments are merged as they come
    search_reader_done(reader);
    pthread_barrier_destroy(&stage.start);
    search_index_free(stage.index);
}
