// SPDX-License-Identifier: Apache-2.0
#include "engine/suggest.h"

#include <math.h>
#include <stdlib.h>

enum { CANDIDATES_MOST = 1000, WORK_SIZE = 32 * 1024 };
#define BEST_SHARE 0.6
#define BEST_SHARE_BY_PRICE 0.85
#define STRONG_ZONE 0.8f // name, category, id, features, specifications
#define WHOLE_CATALOGUE_SCORE 0.5

struct choice {
    const struct search_hit *hit;
    double score;
};

// Scores are compared as they are shown.
static double four_decimals(double x)
{
    return round(x * 10000) / 10000;
}

static bool qualifies(const struct search_hit *hit, const struct shopping *shopping, const struct suggest_query *query)
{
    for (size_t i = 0; i < hit->n_matches; i++)
        if (hit->matches[i].weight >= STRONG_ZONE)
            return true;
    return hit->n_matches >= 2 || shopping->has_cue_words || shopping->has_price_words || query->cue ||
           hit->v >= query->threshold;
}

static int by_price(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    int64_t p = x->hit->attrs.price, q = y->hit->attrs.price;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->hit->attrs.order > y->hit->attrs.order) - (x->hit->attrs.order < y->hit->attrs.order);
}

static int by_price_down(const void *a, const void *b)
{
    return by_price(b, a);
}

static int by_creation(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    return (x->hit->attrs.order > y->hit->attrs.order) - (x->hit->attrs.order < y->hit->attrs.order);
}

// The hits among the candidates, in the order in which they are kept.
static size_t choose(const struct search_result *found, const struct shopping *shopping,
                     const struct suggest_query *query, struct choice *choices)
{
    bool by_order = shopping->order != SHOPPING_ANY_ORDER;
    double best = found->n ? four_decimals((double)found->hits[0].relevance) : 0;
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        const struct search_hit *hit = &found->hits[i];
        double score = shopping->whole_catalogue ? WHOLE_CATALOGUE_SCORE : four_decimals((double)hit->relevance);
        bool near_best = score > four_decimals((by_order ? BEST_SHARE_BY_PRICE : BEST_SHARE) * best);
        if (shopping->whole_catalogue || (score >= query->threshold && near_best && qualifies(hit, shopping, query)))
            choices[n++] = (struct choice){hit, score};
    }
    if (n && by_order)
        qsort(choices, n, sizeof *choices, shopping->order == SHOPPING_CHEAPEST ? by_price : by_price_down);
    else if (n && shopping->whole_catalogue)
        qsort(choices, n, sizeof *choices, by_creation);
    return n < (size_t)query->keep ? n : (size_t)query->keep;
}

static void summarise(struct arena *arena, const struct suggest_query *query, struct suggestions *ret)
{
    double sum = 0;
    size_t may = 0;
    ret->suggested = arena_calloc(arena, ret->n + 1, sizeof *ret->suggested);
    for (size_t i = 0; i < ret->n; i++) {
        if (!ret->hits[i].product.availability && !query->unavailable_too)
            continue;
        sum += ret->hits[i].score;
        may++;
        if ((int64_t)ret->n_suggested < query->limit)
            ret->suggested[ret->n_suggested++] = ret->hits[i].product.id;
    }
    ret->has_confidence = may || ret->shopping;
    ret->confidence = may ? four_decimals(sum / (double)may) : 0;
}

int suggest_products(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                     const struct suggest_query *query, struct suggestions *ret, struct err *err)
{
    AUTO_ARENA struct arena *work = arena_new(WORK_SIZE); // ends here: a turn keeps its arena while it waits
    struct shopping shopping;
    struct search_result found = {0};
    struct str asked = query->message;
    *ret = (struct suggestions){0};
    shopping_read(work, asked, &shopping);
    if (shopping.n_query_words == 0 && !shopping.whole_catalogue && query->fallback.n) {
        asked = query->fallback;
        shopping_read(work, asked, &shopping);
    }
    ret->shopping = shopping.is_shopping || query->cue;
    struct search_query search = {
        .text = asked,
        .terms = &shopping.terms,
        .filter = SEARCH_ALL,
        .limit = CANDIDATES_MOST,
        .drop_flags = TERM_CUE,
        .no_match_too = shopping.whole_catalogue,
        .exact = asked,
        .idf_at_least = 1000,
    };
    search.filter.price_min = shopping.price_min;
    search.filter.price_max = shopping.price_max;
    bool nothing_asked = shopping.n_query_words == 0 && !shopping.whole_catalogue;
    int rc = shopping.contradiction || nothing_asked
                 ? 0
                 : catalogue_search(catalogues, brand, CATALOGUE_PRODUCTS, work, &search, &found, err);
    if (rc)
        return rc;
    struct choice *choices = arena_calloc(work, found.n + 1, sizeof *choices);
    size_t n = choose(&found, &shopping, query, choices);
    struct str *ids = arena_calloc(work, n + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = choices[i].hit->doc;
    struct product *rows;
    size_t n_rows;
    rc = catalogue_products(catalogues, brand, arena, ids, n, &rows, &n_rows, err);
    ret->hits = arena_calloc(arena, n_rows + 1, sizeof *ret->hits);
    for (size_t i = 0, k = 0; i < n && k < n_rows; i++)
        if (str_eq(rows[k].id, ids[i]))
            ret->hits[ret->n++] = (struct suggest_hit){rows[k++], choices[i].score};
    ret->terms = catalogue_terms(arena, &found);
    ret->n_terms = found.n_terms;
    ret->by_vectors = search.vector != NULL;
    summarise(arena, query, ret);
    return rc;
}
