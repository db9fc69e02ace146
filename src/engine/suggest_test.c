// SPDX-License-Identifier: Apache-2.0
#include "engine/suggest.h"
#include "engine/testing.h"

#include <stdlib.h>

static void shelf(struct site *site)
{
    site_product(site, "fern", "tent-1", "Skarv tent", "349.00", "A light tent for one");
    site_product(site, "fern", "tent-2", "Halden tent", "199.50", "A tent for two");
    site_product(site, "fern", "tent-3", "Norrby tent", "899.00", "A tent for four");
    site_product(site, "fern", "stove", "Ember stove", "59.90", "Burns wood and twigs");
}

static struct suggestions ask(struct site *site, struct brand_ref *brand, struct suggest_query query)
{
    struct suggestions found;
    struct err err = {0};
    query.keep = query.keep ? query.keep : SUGGEST_HITS;
    query.limit = query.limit ? query.limit : 3;
    if (suggest_products(site->catalogues, brand, site->arena, &query, &found, &err) != 0)
        fail_msg("%s", err.text);
    return found;
}

static bool has(const struct suggestions *found, const char *id)
{
    for (size_t i = 0; i < found->n_suggested; i++)
        if (str_eq(found->suggested[i], str_from(id)))
            return true;
    return false;
}

TEST(suggest_finds_what_is_asked_for)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    struct suggestions found = ask(&site, brand, (struct suggest_query){.message = STR("Do you have a stove?")});
    assert_int_equal(found.n_suggested, 1);
    assert_true(has(&found, "stove"));
    assert_true(found.has_confidence && found.confidence > 0 && found.confidence <= 1);
    found = ask(&site, brand, (struct suggest_query){.message = STR("Tell me about violins")});
    assert_int_equal(found.n, 0);
    found = ask(&site, brand, (struct suggest_query){.message = STR("hello")});
    assert_int_equal(found.n, 0);
    assert_false(found.has_confidence);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(suggest_by_price)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    struct suggestions found = ask(&site, brand, (struct suggest_query){.message = STR("the cheapest tent, please")});
    assert_true(found.n_suggested >= 1);
    assert_str(found.suggested[0], "tent-2");
    found = ask(&site, brand, (struct suggest_query){.message = STR("a tent under 400")});
    assert_true(has(&found, "tent-1") && has(&found, "tent-2") && !has(&found, "tent-3"));
    found = ask(&site, brand, (struct suggest_query){.message = STR("a tent under 400"), .limit = 1});
    assert_int_equal(found.n_suggested, 1);
    assert_true(found.n >= 2);
    brand_ref_drop(brand);
    site_close(&site);
}

// The words of the message are asked; another text only where it has none.
TEST(suggest_falls_back_only_without_words)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    struct suggestions found =
        ask(&site, brand, (struct suggest_query){.message = STR("How much is it?"), .fallback = STR("Ember stove")});
    assert_true(has(&found, "stove"));
    found = ask(&site, brand,
                (struct suggest_query){.message = STR("How much is the Halden tent?"), .fallback = STR("Ember stove")});
    assert_true(has(&found, "tent-2") && !has(&found, "stove"));
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(suggest_of_a_bare_shelf_is_nothing)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    struct suggestions found = ask(&site, brand, (struct suggest_query){.message = STR("the cheapest tent, please")});
    assert_int_equal(found.n, 0);
    assert_int_equal(found.n_suggested, 0);
    brand_ref_drop(brand);
    site_close(&site);
}
