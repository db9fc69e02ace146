// SPDX-License-Identifier: Apache-2.0
// Filters are handed to the index, which cuts before it ranks. What a base adds to that (its threshold, its number, its
// method) is looked at hit by hit, in the order of relevance.
#include "engine/knowledge.h"

#include "base/utf8.h"
#include "engine/quote.h"
#include "store/knowledge_filters.h"

#include <stdlib.h>

enum {
    HITS_FIRST = 100,
    HITS_MOST = 1000,
    CURATED_HITS = 50,
    WORK_SIZE = 8192,
    BASES_ASKED = KNOWLEDGE_BASES_MOST + 1
};
#define CURATED_RELEVANCE 0.85
#define UNKNOWN_WEIGHT 1.0f // more refuses more that has an answer, less answers more that has none (docs/quality.md)

// ---- filters --------------------------------------------------------------------------------------------------------

static bool contains(const struct strings *list, struct str text)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq_nocase(list->at[i], text))
            return true;
    return false;
}

static bool given(const struct knowledge_filters *filters, const char *field)
{
    return filters && model_has(&knowledge_filters_model, filters, field);
}

#define SET_FILTER(filter, field, list, present)                                                                       \
    do {                                                                                                               \
        (filter)->field.given = (present);                                                                             \
        (filter)->field.at = (list)->at;                                                                               \
        (filter)->field.n = (list)->n;                                                                                 \
    } while (0)

static void apply_filters(const struct knowledge_filters *filters, struct search_filter *ret)
{
    *ret = SEARCH_ALL;
    if (!filters)
        return;
    SET_FILTER(ret, types, &filters->document_types, given(filters, "documentTypes"));
    SET_FILTER(ret, categories, &filters->categories, given(filters, "categories"));
    SET_FILTER(ret, suppliers, &filters->supplier_ids, given(filters, "supplierIds"));
    SET_FILTER(ret, docs, &filters->document_ids, given(filters, "documentIds"));
}

bool knowledge_allows_products(const struct knowledge_filters *filters)
{
    if (given(filters, "documentTypes") && !contains(&filters->document_types, STR("product")))
        return false;
    return !given(filters, "categories") && !given(filters, "supplierIds") && !given(filters, "documentIds") &&
           !given(filters, "knowledgeBaseIds");
}

struct bases {
    struct catalogue_base *at;
    size_t n;
};

static const struct catalogue_base *base_of(const struct bases *bases, struct str id)
{
    for (size_t i = 0; i < bases->n; i++)
        if (str_eq(str_from(bases->at[i].id), id))
            return &bases->at[i];
    return NULL;
}

// The bases that may answer: active ones that the filters name, and, without such a filter, what is in none.
static void apply_bases(struct arena *arena, const struct bases *bases, const struct knowledge_filters *filters,
                        bool learned_only, struct search_filter *ret)
{
    bool named = given(filters, "knowledgeBaseIds"), all = !named && !learned_only;
    struct str *ids = arena_calloc(arena, bases->n + 1, sizeof *ids);
    size_t n = 0;
    if (all)
        ids[n++] = CATALOGUE_NO_BASE;
    for (size_t i = 0; i < bases->n; i++) {
        const struct catalogue_base *base = &bases->at[i];
        bool wanted = base->active && (!named || contains(&filters->knowledge_base_ids, str_from(base->id))) &&
                      (!learned_only || base->learned);
        all = all && wanted;
        if (wanted)
            ids[n++] = str_from(base->id);
    }
    ret->bases.given = !all;
    ret->bases.at = ids;
    ret->bases.n = n;
}

// ---- a turn ---------------------------------------------------------------------------------------------------------

// Where meaning is known too, some of the words are not much: they are the name of the thing that is asked about, and
// stand in everything that is said of it. All of the words are as good as ever.
static double supported(const struct search_hit *hit)
{
    double w = (double)hit->w, v = (double)hit->v;
    return hit->has_vector ? 1 - (1 - w * w * w) * (1 - v) : (double)hit->relevance;
}

static double relevance_by(const struct search_hit *hit, enum retrieval method, bool has_vectors)
{
    if (method == RETRIEVE_HYBRID || (method == RETRIEVE_SEMANTIC && !has_vectors))
        return (double)hit->relevance;
    return (double)(method == RETRIEVE_KEYWORD ? hit->w : hit->v);
}

static bool any_vectors(const struct search_result *found)
{
    for (size_t i = 0; i < found->n; i++)
        if (found->hits[i].has_vector)
            return true;
    return false;
}

// Moves the hits that may be offered to the front. *ret_cut: some base had more than it may offer.
static size_t offered(const struct bases *bases, const struct knowledge_query *query, struct search_result *found,
                      bool *ret_cut)
{
    size_t taken[BASES_ASKED] = {0}, n = 0;
    bool has_vectors = any_vectors(found);
    *ret_cut = false;
    for (size_t i = 0; i < found->n; i++) {
        const struct search_hit *hit = &found->hits[i];
        const struct catalogue_base *base = base_of(bases, hit->attrs.base);
        enum retrieval method = base ? base->method : RETRIEVE_HYBRID;
        double relevance = method == RETRIEVE_HYBRID ? supported(hit) : relevance_by(hit, method, has_vectors);
        if (relevance <= 0 || relevance < (base ? base->threshold : query->threshold))
            continue;
        if (base) {
            size_t *so_far = &taken[(size_t)(base - bases->at) % BASES_ASKED];
            *ret_cut = *ret_cut || *so_far == base->most;
            if (*so_far == base->most)
                continue;
            (*so_far)++;
        }
        found->hits[n++] = *hit;
    }
    return n;
}

static int by_fused(const void *a, const void *b)
{
    const struct search_hit *x = a, *y = b;
    if (x->fused != y->fused)
        return x->fused > y->fused ? -1 : 1;
    return (x->relevance < y->relevance) - (x->relevance > y->relevance);
}

// A message of nothing but stop words has said nothing by its words: what they happen to stand in is no answer. What it
// means may still be known by its vector.
static void forget_words(struct search_result *found)
{
    for (size_t i = 0; i < found->n; i++) {
        found->hits[i].w = 0;
        found->hits[i].relevance = found->hits[i].v;
    }
}

// ---- the rest of a question -----------------------------------------------------------------------------------------

enum { FRESH_WEIGHT = 2 };

static bool is_fresh(const struct terms *fresh, struct str term)
{
    for (size_t i = 0; i < fresh->n; i++)
        if (!(fresh->at[i].flags & TERM_STOP) && str_eq(fresh->at[i].text, term))
            return true;
    return false;
}

// Hits with a word that was said now go before those without, each in their order. Quoting looks for these words first.
static void prefer_fresh(struct arena *work, struct str text, struct search_result *found, size_t n)
{
    struct terms fresh = analyse(work, text, 0);
    struct search_hit *rest = arena_calloc(work, n + 1, sizeof *rest);
    size_t first = 0, later = 0;
    for (size_t i = 0; i < n; i++) {
        bool any = false;
        for (size_t k = 0; k < found->hits[i].n_matches; k++)
            any = any || is_fresh(&fresh, found->hits[i].matches[k].term);
        if (any)
            found->hits[first++] = found->hits[i];
        else
            rest[later++] = found->hits[i];
    }
    memcpy(found->hits + first, rest, later * sizeof *rest);
    for (size_t i = 0; i < found->n_terms; i++)
        if (is_fresh(&fresh, found->terms[i].term))
            found->terms[i].idf *= FRESH_WEIGHT;
}

void knowledge_query_of(struct arena *arena, const struct chatbot_ref *chatbot, struct str text,
                        struct knowledge_query *ret)
{
    struct str filters = chatbot->row.knowledge_filters;
    *ret = (struct knowledge_query){.chatbot_id = chatbot->row.id,
                                    .text = text,
                                    .threshold = chatbot->row.configuration.similarity_threshold,
                                    .limit = (size_t)chatbot->row.configuration.max_results};
    if (filters.n && !str_eq(filters, STR("{}"))) {
        struct knowledge_filters *loaded = ARENA_NEW(arena, struct knowledge_filters);
        knowledge_filters_load(arena, filters, loaded);
        ret->filters = loaded;
    }
}

static struct search_hit *keep_hits(struct arena *arena, const struct search_hit *hits, size_t n)
{
    struct search_hit *kept = arena_calloc(arena, n + 1, sizeof *kept);
    for (size_t i = 0; i < n; i++) {
        kept[i] = hits[i];
        kept[i].doc = arena_str(arena, hits[i].doc);
        kept[i].attrs = (struct search_attrs){.order = hits[i].attrs.order};
        kept[i].matches = NULL;
        kept[i].n_matches = 0;
    }
    return kept;
}

int knowledge_retrieve(struct catalogues *c, const struct brand_ref *brand, struct arena *arena,
                       const struct knowledge_query *query, struct knowledge_found *ret, struct err *err)
{
    AUTO_ARENA struct arena *work = arena_new(WORK_SIZE); // ends here: what a turn keeps stays while it waits
    struct search_query asked = {
        .text = query->text, .limit = HITS_FIRST, .idf_at_least = 1000, .unknown = UNKNOWN_WEIGHT, .lenient = true};
    struct search_result found = {0};
    struct bases bases;
    bool cut = false;
    size_t n = 0;
    *ret = (struct knowledge_found){0};
    apply_filters(query->filters, &asked.filter);
    int rc = catalogue_bases(c, brand, query->chatbot_id, work, &bases.at, &bases.n, err);
    if (rc)
        return rc;
    apply_bases(work, &bases, query->filters, false, &asked.filter);
    for (;;) {
        rc = catalogue_search_of(c, brand, query->chatbot_id, work, &asked, &found, err);
        if (rc)
            return rc;
        bool full = found.n == asked.limit;
        if (found.no_terms)
            forget_words(&found);
        n = offered(&bases, query, &found, &cut);
        if (!cut || !full || n >= query->limit || asked.limit == HITS_MOST)
            break;
        asked.limit = HITS_MOST; // one base's hits hide those of others
    }
    if (query->fresh.n)
        prefer_fresh(work, query->fresh, &found, n);
    size_t most = n < query->limit ? n : query->limit; // the most relevant ones
    if (most)
        qsort(found.hits, most, sizeof *found.hits, by_fused);
    if (query->fresh.n)
        prefer_fresh(work, query->fresh, &found, most);
    n = most;
    ret->terms = catalogue_terms(arena, &found);
    ret->n_terms = found.n_terms;
    ret->by_vectors = asked.vector != NULL;
    ret->hits = keep_hits(arena, found.hits, n);
    ret->n_hits = n;
    return catalogue_passages(c, brand, arena, ret->hits, n, &ret->passages, &ret->n, err);
}

// ---- learned answers ------------------------------------------------------------------------------------------------

// The share of the question's weight that stands in the title.
static double title_relevance(const struct search_hit *hit, const struct search_result *found)
{
    double all = 0, in_title = 0;
    for (size_t i = 0; i < found->n_terms; i++)
        all += (double)found->terms[i].idf;
    for (size_t i = 0; i < hit->n_matches; i++)
        if (hit->matches[i].weight > CATALOGUE_ANSWER_WEIGHT)
            in_title += (double)hit->matches[i].idf;
    return all > 0 ? in_title / all : 0;
}

// Letters and digits alone, folded, with single spaces for all else.
static struct str normalised(struct arena *arena, struct str text)
{
    struct terms words = analyse(arena, text, 0);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    for (size_t i = 0; i < words.n; i++)
        buf_addf(&out, STR_FMT " ", STR_ARG(words.at[i].text));
    return arena_str(arena, buf_str(&out));
}

int knowledge_curated(struct catalogues *c, const struct brand_ref *brand, struct arena *arena,
                      const struct knowledge_query *query, struct knowledge_document *ret, struct err *err)
{
    struct search_query asked = {
        .text = query->text, .limit = CURATED_HITS, .idf_at_least = 1000, .words_only = true, .exact = query->text};
    struct search_result found = {0};
    struct bases bases;
    struct str question;
    apply_filters(query->filters, &asked.filter);
    int rc = catalogue_bases(c, brand, query->chatbot_id, arena, &bases.at, &bases.n, err);
    if (rc)
        return rc;
    apply_bases(arena, &bases, query->filters, true, &asked.filter);
    if (!asked.filter.bases.n || !(question = normalised(arena, query->text)).n)
        return 0;
    rc = catalogue_search_of(c, brand, query->chatbot_id, arena, &asked, &found, err);
    const struct search_hit *best = NULL;
    double most = 0;
    for (size_t i = 0; i < found.n && !rc; i++) {
        double relevance = title_relevance(&found.hits[i], &found);
        if (relevance >= CURATED_RELEVANCE && relevance > most) {
            best = &found.hits[i];
            most = relevance;
        }
        // All of the title's words in another order, or among others, are near; the very words are the same question.
        if ((double)found.hits[i].relevance >= CURATED_RELEVANCE) {
            rc = catalogue_document(c, brand, arena, found.hits[i].doc, ret, err);
            if (rc == 1 && str_eq(normalised(arena, ret->title), question))
                return 1;
            rc = rc < 0 ? rc : 0;
        }
    }
    return rc || !best ? rc : catalogue_document(c, brand, arena, best->doc, ret, err);
}

// ---- one base -------------------------------------------------------------------------------------------------------

struct scored {
    const struct search_hit *hit;
    double relevance;
    float key; // of the order
};

static int by_key(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    if (x->relevance != y->relevance)
        return x->relevance > y->relevance ? -1 : 1;
    return (x->hit->attrs.order > y->hit->attrs.order) - (x->hit->attrs.order < y->hit->attrs.order);
}

static size_t score(const struct base_query *query, const struct search_result *found, struct scored *ret)
{
    bool has_vectors = any_vectors(found);
    enum retrieval method = has_vectors ? query->method : RETRIEVE_KEYWORD;
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        const struct search_hit *hit = &found->hits[i];
        struct scored one = {hit, relevance_by(hit, method, has_vectors), hit->fused};
        if (method == RETRIEVE_KEYWORD)
            one.key = hit->bm25;
        else if (method == RETRIEVE_SEMANTIC)
            one.key = hit->cosine;
        if (one.relevance > 0 && one.relevance >= query->threshold)
            ret[n++] = one;
    }
    if (n)
        qsort(ret, n, sizeof *ret, by_key);
    return n;
}

// A passage that is too long begins with the sentence that says most of the question.
static struct str highlight(struct arena *arena, struct str text, const struct search_result *found)
{
    struct quote_passage passage = {STR("x"), 0, text, STR_NULL};
    struct quote_sentence sentences[QUOTE_MAX_SENTENCES];
    if (utf8_count(text) <= HIGHLIGHT_MOST)
        return text;
    if (quote_choose(arena, STR(""), found->terms, found->n_terms, &passage, 1, sentences)) {
        size_t start = (size_t)(sentences[0].text.p - text.p);
        text = (struct str){text.p + start, text.n - start};
    }
    return utf8_trim((struct str){text.p, utf8_offset(text, HIGHLIGHT_MOST)});
}

int knowledge_search_base(struct catalogues *c, const struct brand_ref *brand, struct arena *arena,
                          const struct base_query *query, size_t offset, size_t limit, struct base_hit **ret,
                          size_t *ret_n, size_t *ret_total, struct err *err)
{
    struct search_query asked = {.text = query->text, .limit = HITS_MOST, .filter = SEARCH_ALL, .idf_at_least = 1000};
    struct search_result found = {0};
    struct passage *passages;
    *ret_n = *ret_total = 0;
    asked.words_only = query->method == RETRIEVE_KEYWORD;
    asked.filter.bases.given = true;
    asked.filter.bases.at = &query->base_id;
    asked.filter.bases.n = 1;
    if (query->documents)
        SET_FILTER(&asked.filter, docs, query->documents, true);
    if (analyse(arena, query->text, 0).n == 0)
        return 0;
    int rc = catalogue_search_of(c, brand, query->chatbot_id, arena, &asked, &found, err);
    if (rc)
        return rc;
    struct scored *scored = arena_calloc(arena, found.n + 1, sizeof *scored);
    *ret_total = score(query, &found, scored);
    size_t n = offset < *ret_total ? *ret_total - offset : 0, k = 0;
    n = n < limit ? n : limit;
    struct search_hit *hits = arena_calloc(arena, n + 1, sizeof *hits);
    for (size_t i = 0; i < n; i++)
        hits[i] = *scored[offset + i].hit;
    rc = catalogue_passages(c, brand, arena, hits, n, &passages, ret_n, err);
    *ret = arena_calloc(arena, *ret_n + 1, sizeof **ret);
    for (size_t i = 0; i < n && k < *ret_n; i++)
        if (str_eq(hits[i].doc, passages[k].document_id)) {
            (*ret)[k] = (struct base_hit){hits[i].doc, scored[offset + i].relevance,
                                          highlight(arena, passages[k].text, &found)};
            k++;
        }
    return rc;
}
