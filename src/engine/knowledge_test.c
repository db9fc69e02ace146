// SPDX-License-Identifier: Apache-2.0
#include "engine/testing.h"

#include "base/clock.h"
#include "engine/chunk.h"
#include "engine/knowledge.h"
#include "store/crud.h"

#include <stdio.h>
#include <stdlib.h>

struct making {
    struct str chatbot;
    const char *name, *kind;
    bool active;
    double threshold;
    int64_t most;
    const char *const *texts; // title, content, …, NULL
    struct knowledge_base base;
    struct str *ids;
    struct arena *arena;
};

static int make_base(struct tx *tx, void *arg, struct err *err)
{
    struct making *m = arg;
    char *id = arena_alloc(m->arena, ID_SIZE);
    id_v7(id);
    m->base = (struct knowledge_base){.set = (UINT64_C(1) << knowledge_base_model.n) - 1,
                                      .id = str_from(id),
                                      .chatbot_id = m->chatbot,
                                      .name = str_from(m->name),
                                      .description = STR(""),
                                      .kind = str_from(m->kind),
                                      .is_active = m->active};
    model_defaults(&knowledge_base_model, m->arena, &m->base);
    m->base.settings.relevance_threshold = m->threshold;
    m->base.settings.max_results = m->most;
    tx_changed(tx, CHANGE_DOCUMENT, m->base.id);
    int rc = crud_insert(tx, &knowledge_base_model, &m->base, err);
    for (size_t i = 0; m->texts[i] && !rc; i += 2) {
        struct knowledge_item item = {.title = str_from(m->texts[i]), .content = str_from(m->texts[i + 1])};
        model_mark(&knowledge_item_model, &item, "title", true);
        model_mark(&knowledge_item_model, &item, "content", true);
        model_defaults(&knowledge_item_model, m->arena, &item);
        item.chunk_count = chunk_count(item.content);
        rc = knowledge_item_insert(tx, m->arena, &m->base, &item, clock_wall_ms(), err);
    }
    return rc;
}

static struct making base_of(struct site *site, const struct brand_ref *brand, struct making m)
{
    m.arena = site->arena;
    m.chatbot = brand->row.chatbot_id;
    site_write(site, brand->row.brand.id.p, make_base, &m);
    return m;
}

static struct knowledge_found ask(struct site *site, const struct brand_ref *brand, const char *text,
                                  const struct knowledge_filters *filters, size_t limit)
{
    struct knowledge_query query = {brand->row.chatbot_id, str_from(text), filters, 0.3, limit};
    struct knowledge_found found;
    struct err err = {0};
    if (knowledge_retrieve(site->catalogues, brand, site->arena, &query, &found, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < found.n; i++)
        assert_true(i == 0 || found.hits[i].fused <= found.hits[i - 1].fused);
    return found;
}

static const char *const LANTERNS[] = {"Lantern a", "The lantern shines.", "Lantern b", "The lantern shines.",
                                       "Lantern c", "The lantern shines.", NULL};
static const char *const SHOP[] = {"Shop", "The lantern shop opens on Monday.", NULL};

TEST(knowledge_bases_keep_their_bounds)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct making two = base_of(
        &site, brand,
        (struct making){.name = "a", .kind = "manual", .active = true, .threshold = 0.3, .most = 2, .texts = LANTERNS});
    (void)base_of(
        &site, brand,
        (struct making){.name = "b", .kind = "manual", .active = true, .threshold = 0.9, .most = 5, .texts = SHOP});
    (void)base_of(
        &site, brand,
        (struct making){.name = "c", .kind = "manual", .threshold = 0, .most = 5, .texts = LANTERNS}); // not active
    assert_int_equal(ask(&site, brand, "lantern", NULL, 10).n, 3);        // two of a, the shop
    assert_int_equal(ask(&site, brand, "lantern shines", NULL, 10).n, 2); // the shop is below its threshold
    assert_int_equal(ask(&site, brand, "lantern", NULL, 1).n, 1);
    assert_int_equal(ask(&site, brand, "zebra", NULL, 10).n, 0);
    struct knowledge_filters filters = {.knowledge_base_ids = {&two.base.id, 1}};
    model_mark(&knowledge_filters_model, &filters, "knowledgeBaseIds", true);
    assert_int_equal(ask(&site, brand, "lantern", &filters, 10).n, 2);
    filters.knowledge_base_ids.n = 0;
    assert_int_equal(ask(&site, brand, "lantern", &filters, 10).n, 0);
    assert_false(knowledge_allows_products(&filters));
    brand_ref_drop(brand);
    site_close(&site);
}

// More hits of one base than are looked at first must not hide another's.
TEST(knowledge_one_base_does_not_hide_another)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    const char *texts[2 * 150 + 1];
    for (size_t i = 0; i < 150; i++) {
        texts[2 * i] = "Lantern";
        texts[2 * i + 1] = "The lantern shines.";
    }
    texts[300] = NULL;
    (void)base_of(
        &site, brand,
        (struct making){.name = "a", .kind = "manual", .active = true, .threshold = 0.3, .most = 2, .texts = texts});
    (void)base_of(
        &site, brand,
        (struct making){.name = "b", .kind = "manual", .active = true, .threshold = 0.3, .most = 2, .texts = SHOP});
    struct knowledge_found found = ask(&site, brand, "lantern shines", NULL, 5);
    assert_int_equal(found.n, 3);
    brand_ref_drop(brand);
    site_close(&site);
}

static int curated(struct site *site, const struct brand_ref *brand, const char *text, struct knowledge_document *ret)
{
    struct knowledge_query query = {brand->row.chatbot_id, str_from(text), NULL, 0.3, 5};
    struct err err = {0};
    return knowledge_curated(site->catalogues, brand, site->arena, &query, ret, &err);
}

TEST(knowledge_learned_answers)
{
    static const char *const answers[] = {
        "Do you ship to Norway?",         "Yes.", "Do you ship to Sweden?", "No.", "What do lamps cost?",
        "We ship lamps to Norway for 5.", NULL};
    struct site site;
    struct knowledge_document answer;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    (void)base_of(&site, brand,
                  (struct making){.name = "a", .kind = "manual", .active = true, .most = 5, .texts = answers});
    assert_int_equal(curated(&site, brand, "Do you ship to Norway?", &answer), 0);
    (void)base_of(&site, brand,
                  (struct making){.name = "b", .kind = "learned", .active = true, .most = 5, .texts = answers});
    assert_int_equal(curated(&site, brand, "do you SHIP to norway", &answer), 1);
    assert_str(answer.content, "Yes.");
    assert_int_equal(curated(&site, brand, "Can you ship to Sweden", &answer), 1);
    assert_str(answer.content, "No.");
    // All its words stand in an answer's text, not in a question.
    assert_int_equal(curated(&site, brand, "ship lamps to Norway", &answer), 0);
    assert_int_equal(curated(&site, brand, "?", &answer), 0);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(knowledge_passages_have_names)
{
    char one[ID_SIZE], again[ID_SIZE], other[ID_SIZE];
    chunk_id(STR("0198c0e0-0004-7000-8000-000000000001"), 0, one);
    chunk_id(STR("0198c0e0-0004-7000-8000-000000000001"), 0, again);
    chunk_id(STR("0198c0e0-0004-7000-8000-000000000001"), 1, other);
    assert_true(id_valid(str_from(one)) && one[14] == '8');
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
}

// Only stop words: what they stand in by chance is no answer.
TEST(knowledge_words_without_content_find_nothing)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    (void)base_of(
        &site, brand,
        (struct making){.name = "b", .kind = "manual", .active = true, .threshold = 0.3, .most = 5, .texts = SHOP});
    assert_int_equal(ask(&site, brand, "the shop", NULL, 5).n, 1);
    assert_int_equal(ask(&site, brand, "on the", NULL, 5).n, 0);
    // Most of what was said is nowhere.
    assert_int_equal(ask(&site, brand, "shop zebra giraffe quagga okapi", NULL, 5).n, 0);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(knowledge_words_said_now_go_first)
{
    static const char *const texts[] = {"Bergen", "The shop in Bergen opens at nine.", "Voss",
                                        "The workshop in Voss opens at ten.", NULL};
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    (void)base_of(
        &site, brand,
        (struct making){.name = "b", .kind = "manual", .active = true, .threshold = 0.1, .most = 5, .texts = texts});
    struct knowledge_query query = {
        brand->row.chatbot_id, STR("When does the shop in Bergen open? And in Voss?"), NULL, 0.1, 5, STR_NULL};
    struct knowledge_found found;
    struct err err = {0};
    assert_int_equal(knowledge_retrieve(site.catalogues, brand, site.arena, &query, &found, &err), 0);
    assert_str(found.passages[0].title, "Bergen");
    query.fresh = STR("And in Voss?");
    assert_int_equal(knowledge_retrieve(site.catalogues, brand, site.arena, &query, &found, &err), 0);
    assert_int_equal(found.n, 2);
    assert_str(found.passages[0].title, "Voss");
    brand_ref_drop(brand);
    site_close(&site);
}
