// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "store/product.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static size_t find(struct site *site, struct brand_ref *brand, enum catalogue_part part, const char *text,
                   struct search_hit **ret)
{
    struct search_query query = {.text = str_from(text), .filter = SEARCH_ALL, .limit = 10, .idf_at_least = 1000};
    struct search_result found = {0};
    struct err err = {0};
    if (catalogue_search(site->catalogues, brand, part, site->arena, &query, &found, &err) != 0)
        fail_msg("%s", err.text);
    if (ret)
        *ret = found.hits;
    return found.n;
}

static int remove_product(struct tx *tx, void *arg, struct err *err)
{
    return product_remove(tx, str_from(arg), err);
}

TEST(catalogue_finds_what_was_committed_before)
{
    struct site site;
    struct search_hit *hits;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL), *other = site_brand(&site, "moss", NULL);
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "kettle", NULL), 0);
    site_product(&site, "fern", "k1", "Copper kettle", "20", "boils");
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "kettle", &hits), 1);
    assert_str(hits[0].doc, "k1");
    assert_int_equal(find(&site, other, CATALOGUE_PRODUCTS, "kettle", NULL), 0);
    site_product(&site, "fern", "k1", "Copper pan", "20", "fries");
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "kettle", NULL), 0);
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "pan", NULL), 1);
    site_write(&site, "fern", remove_product, (void *)(uintptr_t) "k1");
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "pan", NULL), 0);
    site_document(&site, brand, "Opening hours", "We are open on Sundays.");
    assert_int_equal(find(&site, brand, CATALOGUE_PASSAGES, "sundays", &hits), 1);
    struct passage *passages;
    size_t n;
    struct err err = {0};
    assert_int_equal(catalogue_passages(site.catalogues, brand, site.arena, hits, 1, &passages, &n, &err), 0);
    assert_int_equal(n, 1);
    assert_str(passages[0].text, "We are open on Sundays.");
    brand_ref_drop(other);
    brand_ref_drop(brand);
    site_close(&site);
}

enum { THREADS = 8, ROUNDS = 40 };

struct searcher {
    struct site *site;
    struct brand_ref *brand;
    pthread_barrier_t *start;
    unsigned number;
    _Atomic int *missed;
};

static size_t find_alone(struct searcher *s, const char *text)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_query query = {.text = str_from(text), .filter = SEARCH_ALL, .limit = 10, .idf_at_least = 1000};
    struct search_result found = {0};
    struct err err = {0};
    int rc = catalogue_search(s->site->catalogues, s->brand, CATALOGUE_PRODUCTS, arena, &query, &found, &err);
    return rc ? 0 : found.n;
}

static void *search_first(void *arg)
{
    struct searcher *s = arg;
    pthread_barrier_wait(s->start);
    if (find_alone(s, "lantern") == 0)
        atomic_fetch_add(s->missed, 1);
    return NULL;
}

static void run_all(struct site *site, struct brand_ref *brand, void *(*task)(void *))
{
    pthread_t threads[THREADS];
    struct searcher searchers[THREADS];
    pthread_barrier_t start;
    static _Atomic int missed;
    atomic_store(&missed, 0);
    pthread_barrier_init(&start, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        searchers[i] = (struct searcher){site, brand, &start, i, &missed};
        assert_int_equal(pthread_create(&threads[i], NULL, task, &searchers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    assert_int_equal(atomic_load(&missed), 0);
}

// Those who come while the index is being built wait for it.
TEST(catalogue_many_ask_first)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    for (int i = 0; i < 100; i++)
        site_product(&site, "fern", arena_printf(site.arena, "p%d", i), "Lantern", "5", "glows");
    struct change all = {.kind = CHANGE_OUTSIDE};
    for (int i = 0; i < 10; i++) {
        catalogues_changed(site.catalogues, &all);
        run_all(&site, brand, search_first);
    }
    brand_ref_drop(brand);
    site_close(&site);
}

static int put_word(struct tx *tx, void *arg, struct err *err)
{
    const char *word = arg;
    struct product product = {.set = (UINT64_C(1) << product_model.n) - 1,
                              .id = str_from(word),
                              .name = str_from(word),
                              .category = STR("Words"),
                              .description = STR("said"),
                              .specifications = STR("{}"),
                              .availability = true};
    return product_insert(tx, &product, 100000, err);
}

static void *write_and_find(void *arg)
{
    struct searcher *s = arg;
    struct scope scope = scope_brand(STR("fern"), STR("test"));
    for (unsigned i = 0; i < ROUNDS; i++) {
        char word[40];
        struct err err = {0};
        (void)snprintf(word, sizeof word, "qx%uz%uy", s->number, i);
        if (store_write(s->site->store, &scope, put_word, word, &err) != 0 || find_alone(s, word) != 1)
            atomic_fetch_add(s->missed, 1);
    }
    return NULL;
}

// A search sees its own thread's commits, also when another thread took the list of what is stale just before.
TEST(catalogue_each_sees_its_own_writes)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    run_all(&site, brand, write_and_find);
    brand_ref_drop(brand);
    site_close(&site);
}

static float nearness(struct site *site, struct brand_ref *brand, const char *product, const char *letters)
{
    struct search_hit *hits;
    size_t n = find(site, brand, CATALOGUE_PRODUCTS, letters, &hits);
    for (size_t i = 0; i < n; i++)
        if (str_eq(hits[i].doc, str_from(product)))
            return hits[i].v;
    return -1;
}

// Vectors that come later, or anew after a change, are searched like those of a first build.
TEST(catalogue_takes_in_vectors_as_they_come)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    site_product(&site, "fern", "a", "Alpha", "1", "first");
    site_product(&site, "fern", "b", "Beta", "1", "second");
    assert_true(nearness(&site, brand, "a", "xyz") < 0); // an index without any vectors
    site_vector(&site, "fern", "a", "xyz");
    assert_true(nearness(&site, brand, "a", "xyz") > 0.9f); // no word matches: by its vector alone
    site_vector(&site, "fern", "b", "uvw");
    assert_true(nearness(&site, brand, "b", "uvw") > 0.9f);
    assert_true(nearness(&site, brand, "a", "xyz") > 0.9f);
    site_product(&site, "fern", "a", "Alpha two", "1", "changed"); // its vector is gone with the old text
    assert_true(nearness(&site, brand, "a", "xyz") < 0.9f);
    site_vector(&site, "fern", "a", "qrs");
    assert_true(nearness(&site, brand, "a", "qrs") > 0.9f);
    brand_ref_drop(brand);
    site_close(&site);
}

static bool rebuilt(struct site *site, struct brand_ref *brand)
{
    site_product(site, "fern", "other", "Other", "1", "a change of the brand's products");
    catalogues_changed(site->catalogues, &(struct change){.kind = CHANGE_PRODUCT, .brand = brand->row.brand.id});
    return true;
}

// Another model makes the vectors from now on: until its own are there, questions are put to the one before, if that
// one still makes the vectors that are stored, and to none otherwise.
TEST(catalogue_never_compares_vectors_of_two_models)
{
    static const char own_text[] = "Alpha. Things. first"; // what the stored vector is of
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    site_product(&site, "fern", "a", "Alpha", "1", "first");
    site_vector(&site, "fern", "a", "xyz");
    assert_true(nearness(&site, brand, "a", "xyz") > 0.9f);
    site.model = "other letters";
    assert_true(rebuilt(&site, brand));
    assert_true(nearness(&site, brand, "a", "xyz") < 0); // "letters" gives another vector for that text now
    site_vector_of(&site, "fern", "a", "letters", own_text);
    assert_true(rebuilt(&site, brand));
    assert_true(nearness(&site, brand, "a", "xyz") < 0.9f);
    assert_true(nearness(&site, brand, "a", own_text) > 0.9f); // proven
    site.gone = "letters";
    assert_true(rebuilt(&site, brand));
    assert_true(nearness(&site, brand, "a", "gshntr") < 0); // nobody answers for it
    site.model = "letters";
    site.gone = NULL;
    assert_true(nearness(&site, brand, "a", own_text) > 0.9f);
    brand_ref_drop(brand);
    site_close(&site);
}

// Without an answer in time, words alone serve.
TEST(catalogue_without_its_embedder_goes_on_with_words)
{
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    site_product(&site, "fern", "a", "Alpha", "1", "first");
    site_vector(&site, "fern", "a", "alpha");
    site.embed_code = ERR_TIMEOUT;
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "alpha", NULL), 1);
    brand_ref_drop(brand);
    site_close(&site);
}

static int erase(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_erase(tx, err);
}

// 001-brands 6: the id is free after the job; nothing of the brand before is found under it.
TEST(catalogue_forgets_an_erased_brand)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    site_product(&site, "fern", "a", "Alpha", "1", "first");
    site_document(&site, brand, "Secret", "The cellar door is green.");
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "alpha", NULL), 1);
    assert_int_equal(find(&site, brand, CATALOGUE_PASSAGES, "cellar", NULL), 1);
    brand_ref_drop(brand);
    site_write(&site, "fern", erase, NULL);
    brand = site_brand(&site, "fern", NULL);
    site_product(&site, "fern", "b", "Beta", "1", "second");
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "alpha", NULL), 0);
    assert_int_equal(find(&site, brand, CATALOGUE_PASSAGES, "cellar", NULL), 0);
    assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "beta", NULL), 1);
    brand_ref_drop(brand);
    site_close(&site);
}

// Over its budget it keeps what is asked for last, and builds the rest anew.
TEST(catalogue_over_its_budget_still_answers)
{
    struct site site;
    site_open(&site, 0);
    catalogues_free(site.catalogues);
    site.catalogues = catalogues_new(site.store, &site.embedder, 1);
    struct brand_ref *brand = site_brand(&site, "fern", NULL), *other = site_brand(&site, "moss", NULL);
    site_product(&site, "fern", "a", "Alpha", "1", "first");
    site_product(&site, "moss", "b", "Beta", "1", "second");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(find(&site, brand, CATALOGUE_PRODUCTS, "alpha", NULL), 1);
        assert_int_equal(find(&site, other, CATALOGUE_PRODUCTS, "beta", NULL), 1);
    }
    brand_ref_drop(other);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(catalogue_products_are_rows_as_they_are_now)
{
    struct site site;
    struct product *rows;
    size_t n;
    struct err err = {0};
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    site_product(&site, "fern", "a", "Alpha", "1", "first");
    site_product(&site, "fern", "b", "Beta", "2", "second");
    const struct str ids[] = {STR("b"), STR("gone"), STR("a")};
    assert_int_equal(catalogue_products(site.catalogues, brand, site.arena, ids, 3, &rows, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_str(rows[0].id, "b");
    assert_str(rows[1].id, "a");
    assert_str(rows[1].brand_id, "fern");
    brand_ref_drop(brand);
    site_close(&site);
}
