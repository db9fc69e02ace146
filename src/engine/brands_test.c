// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "engine/personality.h"
#include "store/chatbot.h"
#include "store/crud.h"
#include "store/personality.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static int save(struct tx *tx, void *arg, struct err *err)
{
    struct brand brand = *(const struct brand *)arg;
    brand.updated_at = clock_wall_ms();
    return brand_save(tx, &brand, err);
}

static int mark_deleted(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return brand_mark_deleted(tx, clock_wall_ms(), err);
}

TEST(brands_are_found_by_any_spelling_and_kept)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL), *same = site_brand_again(&site, "FERN");
    assert_ptr_equal(brand, same);
    assert_true(brand->answers);
    assert_null(site_brand_again(&site, "nobody"));
    assert_null(site_brand_again(&site, "no such/id"));
    brand_ref_drop(same);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(brands_snapshot_stays_while_the_brand_changes)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct brand changed = brand->row.brand;
    changed.name = STR("Fern and Moss");
    changed.is_active = false;
    site_write(&site, "fern", save, &changed);
    struct brand_ref *after = site_brand_again(&site, "fern");
    assert_str(after->row.brand.name, "Fern and Moss");
    assert_false(after->answers);
    assert_str(brand->row.brand.name, "fern");
    assert_true(brand->answers);
    site_write(&site, "fern", mark_deleted, NULL);
    assert_null(site_brand_again(&site, "fern"));
    assert_str(after->row.brand.name, "Fern and Moss");
    brand_ref_drop(after);
    brand_ref_drop(brand);
    site_close(&site);
}

static int look_there(struct tx *tx, void *arg, struct err *err)
{
    *(int *)arg = brand_check_there(tx, err);
    return 0;
}

TEST(brands_deleted_take_no_more_writes)
{
    struct site site;
    int there;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    site_write(&site, "fern", look_there, &there);
    assert_int_equal(there, 0);
    site_write(&site, "fern", mark_deleted, NULL);
    site_write(&site, "fern", look_there, &there);
    assert_int_equal(there, ERR_NOT_FOUND);
    site_write(&site, "nobody", look_there, &there);
    assert_int_equal(there, ERR_NOT_FOUND);
    brand_ref_drop(brand);
    site_close(&site);
}

enum { ROUNDS = 150, READERS = 4 };

struct reader {
    struct site *site;
    _Atomic int *committed; // rounds whose commit has returned
    _Atomic int *stale;
};

static int round_of(const struct brand_ref *ref)
{
    return atoi(ref->row.brand.description.p);
}

// Whoever asks after a commit sees it.
static void *look(void *arg)
{
    struct reader *r = arg;
    for (int known = 0; known < ROUNDS;) {
        struct brand_ref *ref = NULL;
        struct err err = {0};
        known = atomic_load(r->committed);
        if (brands_get(r->site->brands, STR("fern"), &ref, &err) != 1 || round_of(ref) < known)
            atomic_fetch_add(r->stale, 1);
        brand_ref_drop(ref);
    }
    return NULL;
}

TEST(brands_are_never_older_than_the_last_commit)
{
    struct site site;
    pthread_t threads[READERS];
    static _Atomic int committed, stale;
    atomic_store(&committed, 0);
    atomic_store(&stale, 0);
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct reader reader = {&site, &committed, &stale};
    struct brand changed = brand->row.brand;
    changed.description = STR("0");
    site_write(&site, "fern", save, &changed);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, &reader), 0);
    for (int i = 1; i <= ROUNDS; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        changed.description = str_from(text);
        site_write(&site, "fern", save, &changed);
        atomic_store(&committed, i);
    }
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&stale), 0);
    brand_ref_drop(brand);
    site_close(&site);
}

// Another process wrote: nothing that is kept may be believed.
TEST(brands_are_all_read_again_after_a_write_from_outside)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    brands_changed(site.brands, STR_NULL);
    struct brand_ref *again = site_brand_again(&site, "fern");
    assert_ptr_not_equal(brand, again);
    brand_ref_drop(again);
    brand_ref_drop(brand);
    site_close(&site);
}

// ---- chatbots ------------------------------------------------------------------------------------------------------

struct second {
    struct str id;
    struct personality personality;
};

static int add_chatbot(struct tx *tx, void *arg, struct err *err)
{
    struct second *second = arg;
    struct chatbot chatbot = {.id = second->id, .name = STR("Second"), .description = STR("Knows lamps.")};
    model_defaults(&chatbot_model, tx_arena(tx), &chatbot);
    chatbot.status = STR("testing");
    chatbot.created_at = chatbot.updated_at = clock_wall_ms();
    static const char *const given[] = {"id", "name", "description", "status", "createdAt", "updatedAt"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        model_mark(&chatbot_model, &chatbot, given[i], true);
    return chatbot_insert(tx, tx_arena(tx), &chatbot, err);
}

static int add_personality(struct tx *tx, void *arg, struct err *err)
{
    struct second *second = arg;
    struct personality *p = &second->personality;
    personality_default(tx_arena(tx), STR("Default"), p);
    p->id = STR("0198c0e0-0002-7000-8000-000000000001");
    p->chatbot_id = second->id;
    p->created_at = p->updated_at = clock_wall_ms();
    static const char *const given[] = {"id", "chatbotId", "createdAt", "updatedAt"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        model_mark(&personality_model, p, given[i], true);
    int rc = crud_insert(tx, &personality_model, p, err);
    return rc ? rc : personality_make_default(tx, second->id, p->id, p->created_at, err);
}

TEST(brands_chatbots_are_kept_until_something_of_them_changes)
{
    struct site site;
    struct err err;
    struct second second = {.id = STR("0198c0e0-0001-7000-8000-000000000001")};
    struct chatbot_ref *own = NULL, *one = NULL, *same = NULL, *after = NULL;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    assert_int_equal(brands_chatbot(site.brands, brand, second.id, &one, &err), 0);
    assert_int_equal(brands_chatbot(site.brands, brand, brand->row.chatbot_id, &own, &err), 1);
    assert_ptr_equal(own, &brand->chatbot);
    site_write(&site, "fern", add_chatbot, &second);
    assert_int_equal(brands_chatbot(site.brands, brand, second.id, &one, &err), 1);
    assert_int_equal(brands_chatbot(site.brands, brand, second.id, &same, &err), 1);
    assert_ptr_equal(one, same);
    assert_true(one->answers);
    assert_str(one->base, "You are Second, an assistant. Knows lamps.");
    assert_int_equal(one->persona.n + one->company.n + one->personality.n, 0);
    site_write(&site, "fern", add_personality, &second);
    struct brand_ref *now = site_brand_again(&site, "fern");
    assert_int_equal(brands_chatbot(site.brands, now, second.id, &after, &err), 1);
    assert_ptr_not_equal(after, one);
    assert_str(after->personality_id, "0198c0e0-0002-7000-8000-000000000001");
    assert_true(str_starts(after->personality, STR("Personality: Default")));
    assert_int_equal(one->personality.n, 0);
    chatbot_ref_drop(one);
    chatbot_ref_drop(same);
    chatbot_ref_drop(after);
    chatbot_ref_drop(own);
    brand_ref_drop(now);
    brand_ref_drop(brand);
    site_close(&site);
}
