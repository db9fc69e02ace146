// SPDX-License-Identifier: Apache-2.0
#include "engine/suggest.h"
#include "engine/testing.h"
#include "store/product.h"

#include <math.h>
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

static struct suggestions ask_text(struct site *site, struct brand_ref *brand, const char *text)
{
    return ask(site, brand, (struct suggest_query){.message = str_from(text), .threshold = 0.35});
}

TEST(suggest_leaves_out_what_is_not_wanted)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    struct suggestions found = ask_text(&site, brand, "A tent, but not the Skarv");
    assert_int_equal(found.n_suggested, 2);
    assert_false(has(&found, "tent-1"));
    // Only its description speaks of it: others are better, where there are any.
    found = ask_text(&site, brand, "a tent that is not light");
    assert_false(has(&found, "tent-1"));
    assert_int_equal(found.n_suggested, 2);
    found = ask_text(&site, brand, "not the Skarv tent, not the Halden tent and not the Norrby tent");
    assert_int_equal(found.n_suggested, 0);
    brand_ref_drop(brand);
    site_close(&site);
}

TEST(suggest_the_rest_of_a_question)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    struct str about[] = {STR("tent-2")};
    struct suggest_query query = {
        .message = STR("and for four or two?"), .about = about, .n_about = 1, .threshold = 0.35};
    assert_int_equal(ask(&site, brand, query).n, 0); // two words of descriptions, unless it goes on
    query.message = STR("and a tent?");
    assert_int_equal(ask(&site, brand, query).n, 3);
    query.continues = true;
    struct suggestions found = ask(&site, brand, query);
    assert_int_equal(found.n, 1);
    assert_true(has(&found, "tent-2"));
    query.message = STR("How heavy?");
    query.continues = false;
    query.fallback = STR("How heavy? (Halden tent)");
    assert_true(has((found = ask(&site, brand, query), &found), "tent-2"));
    brand_ref_drop(brand);
    site_close(&site);
}

// One word of many, by chance, in a feature or description is no reason to show a product.
TEST(suggest_nothing_for_other_subjects)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    assert_int_equal(ask_text(&site, brand, "Who burns wood at Hogmanay festivals abroad?").n, 0);
    assert_int_equal(ask_text(&site, brand, "Something that burns wood").n, 1);
    assert_int_equal(ask_text(&site, brand, "Is the Skarv made by robots abroad?").n, 1); // it is named
    brand_ref_drop(brand);
    site_close(&site);
}

// Words of a description, where meaning says that it is about something else.
TEST(suggest_nothing_that_means_something_else)
{
    static const char asked[] = "Something that burns wood";
    struct site site;
    site_open(&site, SITE_VECTORS);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    assert_int_equal(ask_text(&site, brand, asked).n, 1); // it has no vector yet
    site_vector(&site, "fern", "stove", "jkqxz");
    assert_int_equal(ask_text(&site, brand, asked).n, 0);
    assert_int_equal(ask_text(&site, brand, "The Ember stove, please").n, 1); // it is named
    assert_int_equal(ask_text(&site, brand, "Ember's brother Lorenz plays violins abroad").n, 0);
    site_vector(&site, "fern", "stove", "somethingburns");
    assert_int_equal(ask_text(&site, brand, asked).n, 1);
    brand_ref_drop(brand);
    site_close(&site);
}

static struct suggestions weighed(enum suggest_asked asked, bool by_vectors, float near, float passage)
{
    struct suggestions found = {.n_suggested = 2, .has_confidence = true, .confidence = 0.9, .shopping = true};
    found.asked = asked;
    found.by_vectors = by_vectors;
    found.near = near;
    suggest_weigh(&found, passage);
    assert_true(found.has_confidence == (found.n_suggested > 0) && (found.confidence > 0) == found.has_confidence);
    assert_false(found.alone && !found.n_suggested);
    return found;
}

TEST(suggest_nothing_where_passages_are_clearly_nearer)
{
    assert_int_equal(weighed(SUGGEST_UNASKED, true, 0.4f, 0.6f).n_suggested, 0);
    assert_int_equal(weighed(SUGGEST_UNASKED, true, 0.4f, 0.5f).n_suggested, 2);  // not clearly
    assert_int_equal(weighed(SUGGEST_UNASKED, false, 0.4f, 0.6f).n_suggested, 2); // words tell less
    assert_int_equal(weighed(SUGGEST_UNASKED, false, 0.4f, 0.8f).n_suggested, 0);
    assert_int_equal(weighed(SUGGEST_UNASKED, true, 0, 0.4f).n_suggested, 2); // that passage is not near
    assert_int_equal(weighed(SUGGEST_UNASKED, true, 0, 0).n_suggested, 2);    // there is none
    assert_int_equal(weighed(SUGGEST_CUE, true, 0.4f, 0.8f).n_suggested, 2);
    assert_int_equal(weighed(SUGGEST_CUE, true, 0.1f, 0.8f).n_suggested, 0); // "how much is a visit?"
    assert_int_equal(weighed(SUGGEST_NAMED, true, 0, 1).n_suggested, 2);
    assert_int_equal(weighed(SUGGEST_SHOWN, true, 0, 1).n_suggested, 2);
    assert_int_equal(weighed(SUGGEST_UNASKED, true, NAN, 1).n_suggested, 2); // nobody knows
    assert_int_equal(weighed(SUGGEST_UNASKED, true, 0, NAN).n_suggested, 2);
}

TEST(suggest_alone_where_products_are_clearly_nearer)
{
    assert_true(weighed(SUGGEST_UNASKED, true, 0.8f, 0.6f).alone);
    assert_false(weighed(SUGGEST_UNASKED, true, 0.7f, 0.6f).alone); // both
    assert_false(weighed(SUGGEST_UNASKED, true, 0.8f, NAN).alone);
    assert_false(weighed(SUGGEST_UNASKED, true, NAN, 0.1f).alone);
    assert_true(weighed(SUGGEST_CUE, true, 0.75f, 0.6f).alone);
    assert_false(weighed(SUGGEST_NAMED, true, 0.5f, 0.6f).alone);
    assert_true(weighed(SUGGEST_NAMED, true, 0.7f, 0.6f).alone);
    assert_true(weighed(SUGGEST_MEASURED, true, 0.3f, 0.6f).alone); // "the cheapest tent"
    assert_true(weighed(SUGGEST_SHOWN, true, 0, 1).alone);          // "how heavy is it?"
}

TEST(suggest_what_has_no_vector_is_at_an_unknown_distance)
{
    const struct search_hit judged = {.v = 0.7f, .w = 0.5f, .has_vector = true}, other = {.w = 0.9f};
    float near = suggest_nearer(0, &judged, true, 1);
    assert_true(near > 0.69f && near < 0.71f);
    near = suggest_nearer(near, &other, true, 1);
    assert_true(isnan(near) && isnan(suggest_nearer(near, &judged, true, 1)));
    near = suggest_nearer(suggest_nearer(0, &other, false, 0.5f), &judged, false, 0.5f);
    assert_true(near > 0.44f && near < 0.46f);
}

// What tells how much products are asked for.
TEST(suggest_knows_what_was_asked_for)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    assert_int_equal(ask_text(&site, brand, "Skarv tent").asked, SUGGEST_NAMED);
    assert_int_equal(ask_text(&site, brand, "Skarv tent made by robots").asked, SUGGEST_UNASKED);
    assert_int_equal(ask_text(&site, brand, "Do you have a tent with robots?").asked, SUGGEST_CUE);
    assert_int_equal(ask_text(&site, brand, "A tent of robots, but not the Skarv").asked, SUGGEST_CUE);
    assert_int_equal(ask_text(&site, brand, "A tent under 300").asked, SUGGEST_MEASURED);
    assert_int_equal(ask_text(&site, brand, "The lightest tent").asked, SUGGEST_MEASURED);
    // The rest of a question about products that the last answer showed, and about others.
    struct str shown[] = {STR("tent-2")}, other[] = {STR("lamp")};
    struct suggest_query query = {
        .message = STR("And for two abroad?"), .fallback = STR("A boat And for two abroad?"), .continues = true};
    query.about = shown;
    query.n_about = 1;
    assert_int_equal(ask(&site, brand, query).asked, SUGGEST_NAMED);
    query.about = other;
    assert_int_equal(ask(&site, brand, query).asked, SUGGEST_UNASKED);
    query = (struct suggest_query){.message = STR("How heavy is it?"), .fallback = STR("Ember stove")};
    assert_int_equal(ask(&site, brand, query).asked, SUGGEST_SHOWN);
    brand_ref_drop(brand);
    site_close(&site);
}

static int sell_out(struct tx *tx, void *arg, struct err *err)
{
    struct product product;
    int rc = product_get(tx, tx_arena(tx), str_from(arg), &product, err);
    product.availability = false;
    return rc == 1 ? product_replace(tx, &product, err) : -1;
}

TEST(suggest_fills_the_places_of_what_is_sold_out)
{
    struct site site;
    site_open(&site, 0);
    struct brand_ref *brand = site_brand(&site, "fern", NULL);
    shelf(&site);
    site_write(&site, "fern", sell_out, (char[]){"tent-2"});
    struct suggest_query query = {.message = STR("the cheapest tent"), .keep = 2, .limit = 2, .threshold = 0.35};
    struct suggestions found = ask(&site, brand, query);
    assert_int_equal(found.n_suggested, 2);
    assert_true(has(&found, "tent-1") && has(&found, "tent-3"));
    query.keep = 3; // with room for it the sold out one stands in its place
    found = ask(&site, brand, query);
    assert_int_equal(found.n, 3);
    assert_str(found.hits[0].product.id, "tent-2");
    assert_int_equal(found.n_suggested, 2);
    query.keep = 2;
    query.unavailable_too = true;
    assert_true(has((found = ask(&site, brand, query), &found), "tent-2"));
    brand_ref_drop(brand);
    site_close(&site);
}
