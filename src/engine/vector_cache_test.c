// SPDX-License-Identifier: Apache-2.0
// Turns that wait for the vectors of their questions hold no thread, and ask for each text once.
#include "engine/testing.h"

#include "engine/nearness.h"
#include "engine/vector_cache.h"

enum { ASKS_MOST = 64 };

static struct { // what the embedder was asked and has not answered yet
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ask {
        embedder_done *done;
        void *arg;
        char text[200];
    } at[ASKS_MOST];
    size_t n, all;
    enum embedder_text of; // that are expected
    bool sentences;        // the model makes vectors of sentences
} asks;

static void keep_ask(void *self, const char *key, enum embedder_text of, struct str text, int timeout_ms,
                     embedder_done *done, void *arg)
{
    (void)self;
    assert_string_equal(key, "letters");
    assert_int_equal(timeout_ms, of == EMBEDDER_QUESTION ? VECTOR_QUESTION_MS : NEARNESS_MS);
    pthread_mutex_lock(&asks.lock);
    assert_int_equal(of, asks.of);
    assert_true(asks.n < ASKS_MOST);
    asks.at[asks.n] = (struct ask){.done = done, .arg = arg};
    (void)snprintf(asks.at[asks.n++].text, sizeof asks.at->text, STR_FMT, STR_ARG(text));
    asks.all++;
    pthread_cond_broadcast(&asks.changed);
    pthread_mutex_unlock(&asks.lock);
}

static bool (*site_model)(void *self, struct embedder_model *ret);

static bool model(void *self, struct embedder_model *ret)
{
    bool has = site_model(self, ret);
    ret->sentences = asks.sentences;
    return has;
}

static void wait_asks(size_t n)
{
    pthread_mutex_lock(&asks.lock);
    while (asks.n < n)
        pthread_cond_wait(&asks.changed, &asks.lock);
    pthread_mutex_unlock(&asks.lock);
}

static void answer_all(bool good)
{
    static const float vector[32] = {1};
    pthread_mutex_lock(&asks.lock);
    size_t n = asks.n;
    struct ask all[ASKS_MOST];
    memcpy(all, asks.at, n * sizeof *all);
    asks.n = 0;
    pthread_mutex_unlock(&asks.lock);
    for (size_t i = 0; i < n; i++)
        all[i].done(all[i].arg, good ? vector : NULL, good ? 26 : 0);
}

static struct brand_ref *open_site(struct site *site)
{
    site_open(site, SITE_VECTORS);
    pthread_mutex_init(&asks.lock, NULL);
    pthread_cond_init(&asks.changed, NULL);
    asks.n = asks.all = 0;
    asks.of = EMBEDDER_QUESTION;
    asks.sentences = false;
    site->embedder.ask = keep_ask;
    site_model = site->embedder.model;
    site->embedder.model = model;
    struct brand_ref *brand = site_brand(site, "fern", NULL);
    site_product(site, "fern", "a", "Alpha", "1", "first");
    site_document(site, brand, "Returns", "Unused goods may be returned within thirty days.");
    site_vector(site, "fern", "a", "alpha");
    return brand;
}

static void close_site(struct site *site, struct brand_ref *brand)
{
    brand_ref_drop(brand);
    site_close(site);
    pthread_cond_destroy(&asks.changed);
    pthread_mutex_destroy(&asks.lock);
}

TEST(question_that_waits_holds_no_thread) // upstream-llm#26
{
    enum { N = 12 }; // three times as many as there are workers
    struct site site;
    struct turn *turns[N];
    struct brand_ref *brand = open_site(&site);
    for (int i = 0; i < N; i++)
        turns[i] = site_ask(&site, brand, arena_printf(site.arena, "brand:s%d", i),
                            arena_printf(site.arena, "Can goods number %d be returned?", i));
    wait_asks(N);
    answer_all(false);
    for (int i = 0; i < N; i++) {
        turn_wait(turns[i]);
        assert_int_equal(turn_outcome(turns[i])->code, 0);
        assert_true(str_find(turn_outcome(turns[i])->metadata, STR("\"retrieval\":\"keyword\"")) >= 0);
        assert_true(str_find(turn_outcome(turns[i])->content, STR("thirty days")) >= 0);
        turn_unref(turns[i]);
    }
    assert_int_equal(asks.all, N);
    assert_int_equal(site.embedded, 0); // nobody asked again while it searched
    close_site(&site, brand);
}

TEST(question_is_embedded_once)
{
    struct site site;
    struct brand_ref *brand = open_site(&site);
    for (int i = 0; i < 2; i++) {
        struct turn *turn = site_ask(&site, brand, NULL, "Can goods be returned?");
        if (i == 0) {
            wait_asks(1);
            answer_all(true);
        }
        turn_wait(turn);
        assert_true(str_find(turn_outcome(turn)->metadata, STR("\"retrieval\":\"hybrid\"")) >= 0);
        turn_unref(turn);
    }
    assert_int_equal(asks.all, 1);
    assert_int_equal(site.embedded, 0);
    close_site(&site, brand);
}

TEST(question_that_is_cancelled_ends_its_turn)
{
    struct site site;
    struct brand_ref *brand = open_site(&site);
    struct turn *turn = site_ask(&site, brand, NULL, "Can goods be returned?");
    wait_asks(1);
    turn_cancel(turn);
    answer_all(true);
    turn_wait(turn);
    assert_string_equal(turn_outcome(turn)->finish_reason, "cancelled");
    turn_unref(turn);
    close_site(&site, brand);
}

#define CARE                                                                                                           \
    "Goods are packed in paper. Goods may be returned within thirty days. The van comes on Monday. Wool is washed "    \
    "cold."

// A turn that quotes, as far as it waits for the vectors of sentences.
static struct turn *ask_about_wool(struct site *site, struct brand_ref *brand)
{
    site_document(site, brand, "Goods", CARE);
    asks.sentences = true;
    struct turn *turn = site_ask(site, brand, NULL, "Which goods are washed?");
    wait_asks(1);
    asks.of = EMBEDDER_PASSAGE;
    answer_all(true);
    wait_asks(4 + 1); // and one of the other document
    return turn;
}

TEST(sentences_of_an_answer_are_chosen_by_meaning)
{
    static const float unlike[32] = {0, 1}, like[32] = {1};
    struct site site;
    struct brand_ref *brand = open_site(&site);
    struct turn *turn = ask_about_wool(&site, brand);
    for (size_t i = 0; i < asks.n; i++)
        asks.at[i].done(asks.at[i].arg, strstr(asks.at[i].text, "Goods\nWool") ? like : unlike, 26);
    turn_wait(turn);
    assert_true(str_ends(turn_outcome(turn)->content, STR("From our documents:\nWool is washed cold.")));
    turn_unref(turn);
    // The vectors are kept: asked again there is nothing to wait for.
    asks.n = 0;
    turn = site_ask(&site, brand, NULL, "Which goods are washed?");
    turn_wait(turn);
    assert_int_equal(asks.n, 0);
    assert_true(str_ends(turn_outcome(turn)->content, STR("From our documents:\nWool is washed cold.")));
    turn_unref(turn);
    close_site(&site, brand);
}

TEST(sentences_whose_meaning_does_not_come_are_chosen_by_words)
{
    struct site site;
    struct brand_ref *brand = open_site(&site);
    struct turn *turn = ask_about_wool(&site, brand);
    answer_all(false);
    turn_wait(turn);
    assert_true(str_find(turn_outcome(turn)->content, STR("Wool is washed cold.")) >= 0);
    assert_true(str_find(turn_outcome(turn)->content, STR("Goods")) >= 0);
    assert_string_equal(turn_outcome(turn)->finish_reason, "stop");
    turn_unref(turn);
    close_site(&site, brand);
}

TEST(turn_that_is_cancelled_while_it_weighs_says_nothing)
{
    struct site site;
    struct brand_ref *brand = open_site(&site);
    struct turn *turn = ask_about_wool(&site, brand);
    turn_cancel(turn);
    answer_all(true);
    turn_wait(turn);
    assert_string_equal(turn_outcome(turn)->finish_reason, "cancelled");
    assert_int_equal(turn_outcome(turn)->content.n, 0);
    turn_unref(turn);
    close_site(&site, brand);
}
