// SPDX-License-Identifier: Apache-2.0
#include "search/search_model.h"

#include "search/scan.h"

#include <math.h>
#include <stdlib.h>

struct model *model_new(size_t dims, uint64_t seed)
{
    struct model *m = mem_zalloc(sizeof *m);
    m->arena = arena_new(1 << 16);
    m->dims = dims;
    m->random = seed;
    return m;
}

void model_free(struct model *m)
{
    arena_free(m->arena);
    vec_done(&m->documents);
    free(m);
}

uint64_t model_random(struct model *m, uint64_t below)
{
    uint64_t z = m->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % below;
}

double model_normal(struct model *m)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (double)model_random(m, 1u << 20) / (1u << 20);
    return sum - 6;
}

struct str model_text(struct model *m, size_t words)
{
    static const char *const foreign[] = {"退货保修",    "สินค้าราคา", "保証期間", "배송비",
                                          "caf\xC3\xA9", "CAS-77-5", "Prices"};
    enum { VOCABULARY = 400 };
    struct str text = STR("");
    for (size_t i = 0; i < words; i++) {
        // 1/rank by inversion: rank = V^u.
        double u = (double)model_random(m, 1u << 20) / (1u << 20);
        unsigned rank = (unsigned)pow(VOCABULARY, u);
        if (model_random(m, 12) == 0)
            text = arena_strf(m->arena, STR_FMT " %s", STR_ARG(text), foreign[model_random(m, 7)]);
        else
            text = arena_strf(m->arena, STR_FMT " v%ck%u", STR_ARG(text), 'a' + (int)(rank % 7), rank);
    }
    return text;
}

float *model_vector(struct model *m, size_t clusters, double spread)
{
    float *v = arena_alloc(m->arena, m->dims * sizeof *v);
    struct model centre = {.random = model_random(m, clusters) * 7919 + 1};
    double sum = 0;
    for (size_t i = 0; i < m->dims; i++) {
        v[i] = (float)(model_normal(&centre) + spread * model_normal(m));
        sum += v[i] * v[i];
    }
    for (size_t i = 0; i < m->dims; i++)
        v[i] = (float)(v[i] / sqrt(sum));
    return v;
}

static struct search_attrs random_attrs(struct model *m)
{
    static const char *const categories[] = {"Tents", "TENTS", "Packs", "Stoves", "Caf\xC3\xA9"};
    static const char *const bases[] = {"b1", "b2", "b3"};
    struct search_attrs a = {.type = model_random(m, 2) ? STR("product") : STR("page"),
                             .category = str_from(categories[model_random(m, 5)]),
                             .supplier = model_random(m, 3) ? STR("s1") : STR_NULL,
                             .base = model_random(m, 4) ? str_from(bases[model_random(m, 3)]) : STR_NULL,
                             .price = model_random(m, 5) ? (int64_t)model_random(m, 1000) : INT64_MIN,
                             .available = model_random(m, 2),
                             .order = (int64_t)model_random(m, 1000000)};
    return a;
}

static void fill_passage(struct model *m, struct model_passage *p, size_t words)
{
    static const float weights[] = {1, 0.8f, 0.6f, 0.3f};
    *p = (struct model_passage){.n_zones = 1 + model_random(m, SEARCH_MAX_ZONES)};
    for (size_t z = 0; z < p->n_zones; z++) {
        p->weights[z] = weights[model_random(m, 4)];
        p->texts[z] = model_text(m, model_random(m, words + 1));
        p->terms[z] = analyse_for_index(m->arena, p->texts[z]);
        p->length += p->terms[z].n;
    }
    if (m->dims && model_random(m, 5))
        p->vector = model_vector(m, 50, 0.5);
}

static struct model_document *document_for(struct model *m, struct str id)
{
    for (size_t i = 0; i < m->documents.n; i++)
        if (str_eq(m->documents.at[i].id, id))
            return &m->documents.at[i];
    vec_push(&m->documents, .id = arena_str(m->arena, id));
    return &m->documents.at[m->documents.n - 1];
}

void model_put(struct model *m, struct search_index *index, struct str id, size_t passages, size_t words)
{
    struct model_document *d = document_for(m, id);
    d->alive = passages > 0;
    d->attrs = random_attrs(m);
    d->n = passages;
    d->passages = arena_calloc(m->arena, passages + 1, sizeof *d->passages);
    struct search_passage *put = arena_calloc(m->arena, passages + 1, sizeof *put);
    for (size_t i = 0; i < passages; i++) {
        struct model_passage *p = &d->passages[i];
        fill_passage(m, p, words);
        put[i] = (struct search_passage){
            .doc = d->id, .ordinal = (uint32_t)i, .n_zones = p->n_zones, .attrs = d->attrs, .vector = p->vector};
        for (size_t z = 0; z < p->n_zones; z++)
            put[i].zones[z] = (struct search_zone){p->texts[z], p->weights[z]};
    }
    if (index && search_put(index, id, put, passages, NULL) != 0)
        abort();
}

void model_remove(struct model *m, struct search_index *index, size_t document)
{
    struct model_document *d = &m->documents.at[document];
    d->alive = false;
    if (search_put(index, d->id, NULL, 0, NULL) != 0)
        abort();
}

static bool in_list(bool given, const struct str *at, size_t n, struct str value)
{
    for (size_t i = 0; given && i < n; i++)
        if (value.p && str_eq_nocase(at[i], value))
            return true;
    return !given;
}

bool model_allows(const struct model_document *d, const struct search_filter *f)
{
    const struct search_attrs *a = &d->attrs;
    bool priced = f->price_min != INT64_MIN || f->price_max != INT64_MAX;
    return d->alive && in_list(f->types.given, f->types.at, f->types.n, a->type) &&
           in_list(f->categories.given, f->categories.at, f->categories.n, a->category) &&
           in_list(f->suppliers.given, f->suppliers.at, f->suppliers.n, a->supplier) &&
           in_list(f->bases.given, f->bases.at, f->bases.n, a->base) &&
           in_list(f->docs.given, f->docs.at, f->docs.n, d->id) &&
           (!priced || (a->price != INT64_MIN && a->price >= f->price_min && a->price <= f->price_max)) &&
           (f->available < 0 || a->available == (f->available > 0));
}

size_t model_count(const struct model *m, const struct search_filter *filter)
{
    size_t n = 0;
    for (size_t i = 0; i < m->documents.n; i++)
        n += model_allows(&m->documents.at[i], filter);
    return n;
}

// How often a term stands in a passage, and the weight of the heaviest zone it stands in.
static size_t occurrences(const struct model_passage *p, struct str term, double *ret_weight)
{
    size_t tf = 0;
    *ret_weight = 0;
    for (size_t z = 0; z < p->n_zones; z++)
        for (size_t i = 0; i < p->terms[z].n; i++)
            if (str_eq(p->terms[z].at[i].text, term)) {
                tf++;
                *ret_weight = p->weights[z] > *ret_weight ? p->weights[z] : *ret_weight;
            }
    return tf;
}

static size_t count_passages(const struct model *m, struct str term, size_t *ret_all)
{
    size_t df = 0;
    double weight;
    *ret_all = 0;
    for (size_t d = 0; d < m->documents.n; d++)
        for (size_t i = 0; m->documents.at[d].alive && i < m->documents.at[d].n; i++) {
            df += occurrences(&m->documents.at[d].passages[i], term, &weight) > 0;
            ++*ret_all;
        }
    return df;
}

static int hit_order(const void *a, const void *b)
{
    const struct model_hit *x = a, *y = b;
    if (fabs(x->relevance - y->relevance) > 1e-9)
        return x->relevance > y->relevance ? -1 : 1;
    return (x->words < y->words) - (x->words > y->words);
}

struct weighted {
    struct str text;
    double idf;
};

static struct model_hit score(const struct model_document *d, size_t i, const struct weighted *terms, size_t n,
                              double idf_sum, float average)
{
    const struct model_passage *p = &d->passages[i];
    struct model_hit hit = {.document = d, .passage = i};
    float k = BM25_K1 * (1 - BM25_B + BM25_B * (float)p->length / average);
    for (size_t t = 0; t < n; t++) {
        double weight;
        size_t tf = occurrences(p, terms[t].text, &weight);
        if (!tf)
            continue;
        float counted = tf > TF_MAX ? TF_MAX : (float)tf;
        double part = (double)(counted / (counted + k)), quantised = fmax(1, nearbyint(255 * part));
        hit.words += terms[t].idf * quantised / 255;
        hit.bm25 += terms[t].idf * part * ((double)BM25_K1 + 1);
        hit.w += terms[t].idf * weight / idf_sum;
    }
    hit.relevance = hit.w;
    return hit;
}

struct model_hit *model_search(struct model *m, struct str text, const struct search_filter *filter, float average,
                               size_t *ret_n)
{
    struct terms query = analyse_for_index(m->arena, text);
    struct weighted *terms = arena_calloc(m->arena, query.n + 1, sizeof *terms);
    size_t n = 0, all;
    double idf_sum = 0;
    for (size_t i = 0; i < query.n; i++) {
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again = again || str_eq(terms[k].text, query.at[i].text);
        size_t df = again ? 0 : count_passages(m, query.at[i].text, &all);
        if (df == 0)
            continue;
        double big = all > 1000 ? (double)all : 1000;
        terms[n] = (struct weighted){query.at[i].text, log(1 + (big - (double)df + 0.5) / ((double)df + 0.5))};
        idf_sum += terms[n++].idf;
    }
    struct model_hit *hits = arena_calloc(m->arena, m->documents.n + 1, sizeof *hits);
    *ret_n = 0;
    for (size_t d = 0; d < m->documents.n; d++) {
        const struct model_document *document = &m->documents.at[d];
        struct model_hit best = {.document = NULL};
        for (size_t i = 0; model_allows(document, filter) && i < document->n; i++) {
            struct model_hit hit = score(document, i, terms, n, idf_sum, average);
            if (hit.words > 0 && (!best.document || hit_order(&hit, &best) < 0))
                best = hit;
        }
        if (best.document)
            hits[(*ret_n)++] = best;
    }
    qsort(hits, *ret_n, sizeof *hits, hit_order);
    return hits;
}
