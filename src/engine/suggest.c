// SPDX-License-Identifier: Apache-2.0
#include "engine/suggest.h"

#include "engine/negation.h"

#include <math.h>
#include <stdlib.h>

enum { CANDIDATES_MOST = 1000, MEASURED_MOST = 100, WORK_SIZE = 32 * 1024 };
#define BEST_SHARE 0.6
#define BEST_SHARE_BY_PRICE 0.85
#define NAMES 1.0f       // weight of name, category, id
#define STRONG_ZONE 0.8f // of these, features and specifications
#define FAR 0.15f        // less than this v: about something else, unless words name it
#define WHOLE_CATALOGUE_SCORE 0.5
#define MOSTLY 0.5
#define WHOLE 0.999f // all of a share
#define NEAR 0.45f   // a passage that is less near never takes the answer from products
#define NEVER 2.0f   // more than anything can be nearer
#define ALWAYS (-2.0f)

struct choice {
    const struct search_hit *hit;
    double score;
};

// Scores are compared as they are shown.
static double four_decimals(double x)
{
    return round(x * 10000) / 10000;
}

// `known`: most of what was said is known to the catalogue. What is not about products shares a word with one by
// chance.
static bool qualifies(const struct search_hit *hit, const struct shopping *shopping, const struct suggest_query *query,
                      bool known)
{
    float strongest = 0;
    for (size_t i = 0; i < hit->n_matches; i++)
        strongest = fmaxf(strongest, hit->matches[i].weight);
    if (hit->has_vector && hit->v < FAR && (strongest < NAMES || !known))
        return false;
    return strongest >= (known ? STRONG_ZONE : NAMES) || (hit->n_matches >= 2 && known) || shopping->has_cue_words ||
           shopping->has_price_words || query->cue || hit->v >= query->threshold;
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
    bool by_order = shopping->order != SHOPPING_ANY_ORDER || shopping->by.row;
    double best = found->n ? four_decimals((double)found->hits[0].relevance) : 0;
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        const struct search_hit *hit = &found->hits[i];
        double score = shopping->whole_catalogue ? WHOLE_CATALOGUE_SCORE : four_decimals((double)hit->relevance);
        bool near_best = score > four_decimals((by_order ? BEST_SHARE_BY_PRICE : BEST_SHARE) * best);
        if (shopping->whole_catalogue ||
            (score >= query->threshold && near_best && qualifies(hit, shopping, query, (double)found->known > MOSTLY)))
            choices[n++] = (struct choice){hit, score};
    }
    if (n && shopping->order != SHOPPING_ANY_ORDER)
        qsort(choices, n, sizeof *choices, shopping->order == SHOPPING_CHEAPEST ? by_price : by_price_down);
    else if (n && shopping->whole_catalogue)
        qsort(choices, n, sizeof *choices, by_creation);
    return n;
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

static enum suggest_asked asked_for(const struct search_result *found, const struct shopping *shopping)
{
    if (shopping->has_price_words || shopping->order != SHOPPING_ANY_ORDER || shopping->by.row)
        return SUGGEST_MEASURED;
    if (found->n && found->known >= WHOLE && found->hits[0].w >= WHOLE)
        return SUGGEST_NAMED;
    return shopping->has_cue_words || shopping->n_excluded ? SUGGEST_CUE : SUGGEST_UNASKED;
}

float suggest_nearer(float near, const struct search_hit *hit, bool by_vectors, float known)
{
    float x = !by_vectors ? hit->w * known : hit->has_vector ? hit->v : NAN;
    return isnan(x) || x > near ? x : near; // nothing is more than NaN
}

void suggest_weigh(struct suggestions *found, float passage)
{
    // How much nearer than the other the nearest passage (of both by vectors, by words) or product has to be.
    static const struct {
        float passage, passage_by_words, product;
    } clearly[] = {
        [SUGGEST_UNASKED] = {0.15f, 0.3f, 0.15f}, [SUGGEST_CUE] = {0.5f, 0.5f, 0.1f},
        [SUGGEST_NAMED] = {NEVER, NEVER, 0},      [SUGGEST_MEASURED] = {0.5f, 0.5f, ALWAYS},
        [SUGGEST_SHOWN] = {NEVER, NEVER, ALWAYS},
    };
    float more = found->by_vectors ? clearly[found->asked].passage : clearly[found->asked].passage_by_words;
    found->alone = found->near > passage + clearly[found->asked].product;
    if (!(passage >= NEAR && passage >= found->near + more))
        return;
    found->shopping = found->has_confidence = false;
    found->n_suggested = 0;
    found->confidence = 0;
}

// Of a question that goes on, the ones that the last answer was about. 0: none of them fits.
static size_t keep_about(const struct suggest_query *query, struct choice *choices, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < query->n_about; k++)
            if (str_eq(choices[i].hit->doc, query->about[k])) {
                choices[kept++] = choices[i];
                break;
            }
    return kept;
}

// The first `keep`, of which as many may be suggested as are asked for, where there are so many: what cannot be bought
// takes no place from what can.
static size_t keep_first(const struct suggest_query *query, struct choice *choices, size_t n)
{
    size_t keep = (size_t)query->keep, wanted = (size_t)query->limit, available = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        available += choices[i].hit->attrs.available;
    wanted = query->unavailable_too ? 0 : wanted < available ? wanted : available;
    size_t others = keep > wanted ? keep - wanted : 0;
    for (size_t i = 0; i < n && kept < keep; i++) {
        bool may = choices[i].hit->attrs.available;
        if (!may && !query->unavailable_too && others == 0)
            continue;
        others -= !may && !query->unavailable_too;
        choices[kept++] = choices[i];
    }
    return kept;
}

// ---- what only the rows tell
// -----------------------------------------------------------------------------------------

struct measured {
    struct choice choice;
    bool has;
    double value; // the smaller the earlier
    size_t place;
};

static int by_measure(const void *a, const void *b)
{
    const struct measured *x = a, *y = b;
    if (x->has != y->has)
        return x->has ? -1 : 1;
    if (x->has && x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

// Does a text say any of the words of itself, not only that it is without it?
static bool asserts(struct arena *arena, struct str text, const struct shopping *shopping)
{
    struct negation negations[NEGATIONS_MOST];
    struct terms terms = analyse(arena, text, 1000);
    size_t n = negation_find(text, negations);
    for (size_t i = 0; i < terms.n; i++)
        for (size_t k = 0; k < shopping->n_excluded; k++)
            if (str_eq(terms.at[i].text, shopping->excluded[k]) &&
                !negation_covers(negations, n, terms.at[i].start, terms.at[i].end))
                return true;
    return false;
}

// 2: in what it is (name, category, features); 1: in its description alone; 0: nowhere.
static int has_excluded(struct arena *arena, const struct product *p, const struct shopping *shopping)
{
    bool strong = asserts(arena, p->name, shopping) || asserts(arena, p->category, shopping);
    for (size_t i = 0; i < p->features.n && !strong; i++)
        strong = asserts(arena, p->features.at[i], shopping);
    return strong ? 2 : asserts(arena, p->description, shopping);
}

// Takes out what is not wanted: what it is said to be; and what mentions it, where something else is left.
static size_t leave_out(struct arena *arena, struct measured *at, const struct product *rows, size_t n,
                        const struct shopping *shopping)
{
    int *has = arena_calloc(arena, n + 1, sizeof *has), least = 2;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        has[i] = has_excluded(arena, &rows[i], shopping);
        least = has[i] < least ? has[i] : least;
    }
    for (size_t i = 0; i < n; i++)
        if (has[i] < 2 && has[i] == least)
            at[kept++] = at[i];
    return kept;
}

// Orders by a measure and leaves out what is excluded, of the first MEASURED_MOST choices.
static int refine(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *work, struct str message,
                  const struct shopping *shopping, struct choice *choices, size_t *n, struct err *err)
{
    size_t asked = *n < MEASURED_MOST ? *n : MEASURED_MOST, n_rows, k = 0;
    struct str *ids = arena_calloc(work, asked + 1, sizeof *ids);
    struct measured *at = arena_calloc(work, asked + 1, sizeof *at);
    struct product *rows;
    for (size_t i = 0; i < asked; i++)
        ids[i] = choices[i].hit->doc;
    int rc = catalogue_products(catalogues, brand, work, ids, asked, &rows, &n_rows, err);
    if (rc)
        return rc;
    bool any = false;
    for (size_t i = 0; i < asked && k < n_rows; i++) {
        if (!str_eq(rows[k].id, ids[i]))
            continue;
        at[k] = (struct measured){.choice = choices[i], .place = k};
        at[k].has = shopping->by.row && attribute_value(work, &shopping->by, message, &rows[k], &at[k].value);
        at[k].value = shopping->by.largest ? -at[k].value : at[k].value;
        any = any || at[k].has;
        k++;
    }
    *n = shopping->n_excluded ? leave_out(work, at, rows, k, shopping) : k;
    if (any && *n)
        qsort(at, *n, sizeof *at, by_measure);
    for (size_t i = 0; i < *n; i++)
        choices[i] = at[i].choice;
    return 0;
}

struct attempt {
    struct str asked;
    struct shopping shopping;
    struct search_result found;
    struct choice *choices;
    size_t n;
    bool by_vectors;
};

// The products that fit one wording of the message. Of the result only what `ret` holds is the work arena's.
static int attempt(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *work,
                   const struct suggest_query *query, struct str asked, struct attempt *ret, struct err *err)
{
    struct shopping *shopping = &ret->shopping;
    *ret = (struct attempt){.asked = asked};
    shopping_read(work, asked, shopping);
    struct search_query search = {
        .text = asked,
        .terms = &shopping->terms,
        .filter = SEARCH_ALL,
        .limit = CANDIDATES_MOST,
        .drop_flags = TERM_CUE,
        .no_match_too = shopping->whole_catalogue,
        .exact = asked,
        .idf_at_least = 1000,
        .lenient = true,
    };
    search.filter.price_min = shopping->price_min;
    search.filter.price_max = shopping->price_max;
    bool nothing_asked = shopping->n_query_words == 0 && !shopping->whole_catalogue;
    if (shopping->contradiction || nothing_asked)
        return 0;
    int rc = catalogue_search(catalogues, brand, CATALOGUE_PRODUCTS, work, &search, &ret->found, err);
    ret->by_vectors = search.vector != NULL;
    ret->choices = arena_calloc(work, ret->found.n + 1, sizeof *ret->choices);
    ret->n = rc ? 0 : choose(&ret->found, shopping, query, ret->choices);
    if (ret->n && (shopping->by.row || shopping->n_excluded))
        rc = refine(catalogues, brand, work, asked, shopping, ret->choices, &ret->n, err);
    return rc;
}

int suggest_products(struct catalogues *catalogues, const struct brand_ref *brand, struct arena *arena,
                     const struct suggest_query *query, struct suggestions *ret, struct err *err)
{
    AUTO_ARENA struct arena *work = arena_new(WORK_SIZE); // ends here: a turn keeps its arena while it waits
    struct attempt best;
    *ret = (struct suggestions){0};
    int rc = attempt(catalogues, brand, work, query, query->message, &best, err);
    bool wordless = best.shopping.n_query_words == 0 && !best.shopping.whole_catalogue;
    bool of_it = wordless || attribute_is_asked(query->message); // "how heavy is it?"
    // Words of its own that fit nothing: it may still ask for a measure of what was talked about.
    bool goes_on = wordless || (best.n == 0 && (of_it || query->continues) && !best.shopping.contradiction);
    bool falls_back = query->fallback.n && goes_on;
    if (!rc && falls_back)
        rc = attempt(catalogues, brand, work, query, query->fallback, &best, err);
    if (rc)
        return rc;
    size_t about = query->continues ? keep_about(query, best.choices, best.n) : 0;
    size_t n = keep_first(query, best.choices, about ? about : best.n);
    struct str *ids = arena_calloc(work, n + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        ids[i] = best.choices[i].hit->doc;
        ret->near = suggest_nearer(ret->near, best.choices[i].hit, best.by_vectors, best.found.known);
    }
    struct product *rows;
    size_t n_rows;
    ret->shopping = best.shopping.is_shopping || query->cue;
    rc = catalogue_products(catalogues, brand, arena, ids, n, &rows, &n_rows, err);
    ret->hits = arena_calloc(arena, n_rows + 1, sizeof *ret->hits);
    for (size_t i = 0, k = 0; i < n && k < n_rows; i++)
        if (str_eq(rows[k].id, ids[i]))
            ret->hits[ret->n++] = (struct suggest_hit){rows[k++], best.choices[i].score};
    ret->terms = catalogue_terms(arena, &best.found);
    ret->n_terms = best.found.n_terms;
    ret->by_vectors = best.by_vectors;
    ret->asked = falls_back && of_it   ? SUGGEST_SHOWN
                 : falls_back || about ? SUGGEST_NAMED
                                       : asked_for(&best.found, &best.shopping);
    summarise(arena, query, ret);
    return rc;
}
