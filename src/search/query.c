// SPDX-License-Identifier: Apache-2.0
// A query from its text to its hits: terms, filters, scoring (exhaust.c, or maxscore.c and nearest.c with the fusion of
// their candidates here), exact names, unmatched documents, explanation.
#include "search/query.h"

#include "search/fold.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_TERMS = 512, RESCORED = 50, MOST_HITS = 1000 };

// --- the terms of the query

static bool wanted(const struct query *q, const struct term *term, int tier)
{
    bool stop = (term->flags & TERM_STOP) && !q->asked->keep_stop, dropped = term->flags & q->asked->drop_flags;
    return tier == 2 || (!stop && (tier == 1 || !dropped));
}

// Words that carry meaning; if there are none, those that the caller wanted dropped; if there are none, all.
static int tier_of(const struct query *q, const struct terms *terms)
{
    for (int tier = 0; tier < 2; tier++)
        for (size_t i = 0; i < terms->n; i++)
            if (wanted(q, &terms->at[i], tier))
                return tier;
    return 2;
}

static bool known_already(const struct query *q, struct str text)
{
    for (size_t i = 0; i < q->n_terms; i++)
        if (str_eq(q->terms[i].text, text))
            return true;
    return false;
}

static double idf_of(const struct query *q, uint64_t df)
{
    double n = q->reader->passages > q->asked->idf_at_least ? (double)q->reader->passages : q->asked->idf_at_least;
    return log(1 + (n - (double)df + 0.5) / ((double)df + 0.5));
}

// Keeps the term when some passage holds it; false: none does.
static bool add_term(struct query *q, struct str text)
{
    if (q->n_terms == MOST_TERMS || text.n > FOLD_MAX || known_already(q, text))
        return true;
    uint32_t hash = (uint32_t)str_hash(text);
    struct query_term *term = &q->terms[q->n_terms];
    *term = (struct query_term){.text = text};
    term->entries = scratch_alloc(q->scratch, (q->reader->n_parts + 1) * sizeof *term->entries);
    uint64_t df = 0;
    for (size_t p = 0; p < q->reader->n_parts; p++) {
        const struct part *part = &q->reader->parts[p];
        term->entries[p] = segment_find(part->segment, text, hash);
        df += term->entries[p] ? entry_df(part, term->entries[p]) : 0;
    }
    if (df == 0)
        return false;
    term->idf = (float)idf_of(q, df);
    q->idf_sum += term->idf;
    q->n_terms++;
    return true;
}

// A word that no passage holds: what stands in for it, else its weight. The parts of a code are words of their own.
static void add_unknown(struct query *q, const struct term *term)
{
    struct str near[LENIENT_MOST];
    size_t n = q->asked->lenient ? lenient_terms(q, term, near) : 0, known = 0;
    for (size_t i = 0; i < n; i++)
        known += add_term(q, near[i]);
    if (known == 0 && !(term->flags & TERM_CODE))
        q->missing += (float)idf_of(q, 0);
}

static void read_terms(struct query *q, struct arena *arena, struct search_result *ret)
{
    struct terms own;
    const struct terms *terms = q->asked->terms;
    if (!terms) {
        own = analyse(arena, q->asked->text, 0);
        terms = &own;
    }
    int tier = tier_of(q, terms);
    ret->no_terms = tier > 0;
    size_t most = terms->n < MOST_TERMS / LENIENT_MOST ? terms->n * LENIENT_MOST : MOST_TERMS;
    q->terms = scratch_alloc(q->scratch, (most + 1) * sizeof *q->terms);
    for (size_t i = 0; i < terms->n; i++)
        if (wanted(q, &terms->at[i], tier) && !add_term(q, terms->at[i].text))
            add_unknown(q, &terms->at[i]);
    q->unknown = q->asked->unknown * q->missing;
    ret->known = q->n_terms ? q->idf_sum / (q->idf_sum + q->missing) : 0;
    ret->n_terms = q->n_terms;
    struct search_match *matches = arena_alloc(arena, (q->n_terms + 1) * sizeof *matches);
    for (size_t i = 0; i < q->n_terms; i++)
        matches[i] = (struct search_match){arena_str(arena, q->terms[i].text), q->terms[i].idf, 1};
    ret->terms = matches;
    for (size_t i = 0; i < q->n_terms; i++)
        q->terms[i].text = matches[i].term;
}

static void read_vector(struct query *q)
{
    const struct rows *rows = &q->reader->rows;
    if (!q->asked->vector || rows->n == rows->n_dead)
        return;
    q->vector = q->asked->vector;
    q->vector_u7 = scratch_alloc(q->scratch, rows->dims);
    vector_quantise_u7(q->vector, rows->dims, q->vector_u7, &q->vector_scale);
}

// --- scores and the best documents

float query_fused(const struct query *q, float words, float cosine)
{
    float b = q->idf_sum > 0 ? words / q->idf_sum : 0;
    float z = q->vectors_differ && !isnan(cosine) ? (cosine - q->mean) / q->deviation : 0;
    return z / 3 + 0.8f * b;
}

void query_standardise(struct query *q, const float *cosines, size_t n)
{
    double sum = 0, squares = 0;
    size_t with = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(cosines[i]))
            continue;
        sum += cosines[i];
        with++;
    }
    double mean = with ? sum / (double)with : 0;
    for (size_t i = 0; i < n; i++)
        squares += isnan(cosines[i]) ? 0 : (cosines[i] - mean) * (cosines[i] - mean);
    q->mean = (float)mean;
    q->deviation = with ? (float)sqrt(squares / (double)with) : 0;
    q->vectors_differ = q->deviation > 1e-6f;
}

static const struct document *document_of(const struct query *q, const struct found *f)
{
    const struct segment *s = q->reader->parts[f->part].segment;
    return &s->documents[s->document_of[f->passage]];
}

// Only ties look at the documents: they are far apart in memory.
bool found_before(const struct query *q, const struct found *a, const struct found *b)
{
    if (a->matched != b->matched)
        return a->matched;
    if (a->relevance != b->relevance)
        return a->relevance > b->relevance;
    if (a->matched && a->fused != b->fused)
        return a->fused > b->fused;
    const struct document *x = document_of(q, a), *y = document_of(q, b);
    if (a->matched && x->available != y->available)
        return x->available;
    if (x->order != y->order)
        return x->order < y->order;
    return a->part != b->part ? a->part < b->part : a->passage < b->passage;
}

static void hits_sink(struct query *q, size_t i)
{
    struct found *h = q->hits, moved = h[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->n_hits)
            break;
        if (child + 1 < q->n_hits && found_before(q, &h[child], &h[child + 1]))
            child++;
        if (!found_before(q, &moved, &h[child]))
            break;
        h[i] = h[child];
        i = child;
    }
    h[i] = moved;
}

void query_offer(struct query *q, const struct found *f)
{
    if (q->n_hits == q->limit) {
        if (found_before(q, f, &q->hits[0])) {
            q->hits[0] = *f;
            hits_sink(q, 0);
        }
        return;
    }
    size_t i = q->n_hits++;
    for (; i > 0 && found_before(q, &q->hits[(i - 1) / 2], f); i = (i - 1) / 2)
        q->hits[i] = q->hits[(i - 1) / 2];
    q->hits[i] = *f;
}

static void hits_sort(struct query *q)
{
    size_t n = q->n_hits;
    while (q->n_hits > 1) { // heap sort: the worst goes to the end
        struct found worst = q->hits[0];
        q->hits[0] = q->hits[--q->n_hits];
        hits_sink(q, 0);
        q->hits[q->n_hits] = worst;
    }
    q->n_hits = n;
}

// What follows from words, w and cosine.
static void conclude(const struct query *q, struct found *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct found *f = &found[i];
        f->v = isnan(f->cosine) ? 0 : cosine_rescaled(q, f->cosine);
        f->relevance = 1 - (1 - f->w) * (1 - f->v);
        f->fused = query_fused(q, f->words, f->cosine);
    }
}

// --- few candidates of many

static uint32_t document_number(const struct query *q, const struct found *f)
{
    return q->reader->parts[f->part].segment->document_of[f->passage];
}

// Best passage of each document, of passages in ascending order.
static void offer_documents(struct query *q, const struct found *found, size_t n)
{
    for (size_t i = 0; i < n;) {
        const struct found *best = &found[i];
        uint32_t part = best->part, document = document_number(q, best);
        for (i++; i < n && found[i].part == part && document_number(q, &found[i]) == document; i++)
            if (found_before(q, &found[i], best))
                best = &found[i];
        if ((best->relevance > 0 || best->words > 0) && !query_is_exact(q, part, document))
            query_offer(q, best);
    }
}

// The candidates by words and by vectors as one list in ascending order, each passage once. Who came by its vector
// brings its cosine along.
static uint32_t join_candidates(struct query *q, struct found *found)
{
    uint32_t most = q->words.n > q->vectors.n ? q->words.n : q->vectors.n, n = 0, w = 0, v = 0;
    struct scored *spare = scratch_alloc(q->scratch, (most + 1u) * sizeof *spare);
    scored_sort_by_id(q->words.at, spare, q->words.n);
    scored_sort_by_id(q->vectors.at, spare, q->vectors.n);
    while (w < q->words.n || v < q->vectors.n) {
        if (w + 8 < q->words.n) {
            uint32_t soon, part = passage_of_number(q, q->words.at[w + 8].id, &soon);
            nearest_prefetch(q, part, soon);
        }
        uint32_t by_word = w < q->words.n ? q->words.at[w].id : NONE;
        uint32_t by_vector = v < q->vectors.n ? q->vectors.at[v].id : NONE;
        struct found *f = &found[n++];
        *f = (struct found){.matched = true, .cosine = NAN};
        f->part = passage_of_number(q, by_word < by_vector ? by_word : by_vector, &f->passage);
        if (by_vector <= by_word)
            f->cosine = q->vectors.at[v++].score;
        else if (q->vector)
            nearest_cosines(q, f->part, &f->passage, 0, 1, &f->cosine);
        w += by_word <= by_vector;
    }
    return n;
}

static void fuse_candidates(struct query *q)
{
    words_best(q);
    best_finish(&q->words);
    nearest_best(q);
    nearest_rescore(q, &q->vectors, RESCORED);
    uint32_t most = q->words.n + q->vectors.n;
    struct found *found = scratch_alloc(q->scratch, (most + 1u) * sizeof *found);
    float *cosines = scratch_alloc(q->scratch, (most + 1u) * sizeof *cosines);
    uint32_t n = join_candidates(q, found);
    words_of_passages(q, found, n);
    for (uint32_t i = 0; i < n; i++)
        cosines[i] = found[i].cosine;
    query_standardise(q, cosines, n);
    conclude(q, found, n);
    offer_documents(q, found, n);
}

// --- documents named exactly, documents without a match

bool query_is_exact(const struct query *q, uint32_t part, uint32_t document)
{
    for (size_t i = 0; i < q->n_exact; i++)
        if (q->exact[i].part == part && q->exact[i].document == document)
            return true;
    return false;
}

static void find_exact(struct query *q, struct arena *arena)
{
    struct str name = q->asked->exact.p ? fold_text(arena, q->asked->exact, true) : STR_NULL;
    uint64_t hash = name.n ? str_hash(name) : 0;
    for (uint32_t p = 0; hash && p < q->reader->n_parts; p++) {
        const struct segment *s = q->reader->parts[p].segment;
        uint32_t from = 0, to = s->n_exacts;
        while (from < to) {
            uint32_t middle = from + (to - from) / 2;
            if (s->exacts[middle].hash < hash)
                from = middle + 1;
            else
                to = middle;
        }
        for (; from < s->n_exacts && s->exacts[from].hash == hash; from++) {
            uint32_t d = s->exacts[from].document, first = s->documents[d].first;
            bool here = passage_alive(&q->reader->parts[p], first) && is_allowed(&q->allowed[p], first);
            if (here && !query_is_exact(q, p, d) && q->n_exact < sizeof q->exact / sizeof *q->exact) {
                q->exact[q->n_exact].part = p;
                q->exact[q->n_exact++].document = d;
            }
        }
    }
}

static void offer_exact(struct query *q)
{
    for (size_t i = 0; i < q->n_exact; i++) {
        const struct document *d = &q->reader->parts[q->exact[i].part].segment->documents[q->exact[i].document];
        struct found *found = scratch_alloc(q->scratch, d->n * sizeof *found), *best = found;
        for (uint32_t p = 0; p < d->n; p++) {
            found[p] = (struct found){.part = q->exact[i].part, .passage = d->first + p, .matched = true};
            found[p].cosine = nearest_cosine(q, found[p].part, found[p].passage);
        }
        words_of_passages(q, found, d->n);
        conclude(q, found, d->n);
        for (uint32_t p = 1; p < d->n; p++)
            best = found_before(q, &found[p], best) ? &found[p] : best;
        best->relevance = 1;
        query_offer(q, best);
    }
}

// Fills up with documents that match nothing. All that match are among the hits when there is room left.
static void offer_unmatched(struct query *q)
{
    size_t matched = q->n_hits;
    if (matched == q->limit)
        return;
    for (uint32_t p = 0; p < q->reader->n_parts; p++) {
        const struct segment *s = q->reader->parts[p].segment;
        uint8_t *hit = scratch_alloc(q->scratch, (size_t)s->n_documents + 1);
        memset(hit, 0, (size_t)s->n_documents + 1);
        for (size_t i = 0; i < q->n_hits; i++)
            if (q->hits[i].part == p)
                hit[s->document_of[q->hits[i].passage]] = 1;
        for (uint32_t d = 0; d < s->n_documents; d++) {
            uint32_t first = s->documents[d].first;
            if (hit[d] || !is_allowed(&q->allowed[p], first))
                continue;
            query_offer(q, &(struct found){.part = p, .passage = first, .cosine = NAN});
        }
    }
}

// --- results

static struct str value_text(const struct segment *s, size_t a, uint32_t value)
{
    return value == NONE ? STR_NULL : s->values[a][value].original;
}

static struct search_hit explain(const struct query *q, struct arena *arena, const struct found *f)
{
    const struct segment *s = q->reader->parts[f->part].segment;
    const struct document *d = document_of(q, f);
    uint32_t number = passage_number(q, f->part, f->passage);
    struct search_match *matches = arena_alloc(arena, (q->n_terms + 1) * sizeof *matches);
    struct search_hit hit = {.doc = d->id,
                             .ordinal = s->ordinals[f->passage],
                             .relevance = f->relevance,
                             .w = f->w,
                             .v = f->v,
                             .cosine = isnan(f->cosine) ? 0 : f->cosine,
                             .has_vector = !isnan(f->cosine),
                             .bm25 = f->words * (BM25_K1 + 1),
                             .fused = f->fused,
                             .word_rank = best_rank(&q->words, number),
                             .vector_rank = best_rank(&q->vectors, number),
                             .matches = matches,
                             .attrs = {.type = value_text(s, 0, d->value[0]),
                                       .category = value_text(s, 1, d->value[1]),
                                       .supplier = value_text(s, 2, d->value[2]),
                                       .base = value_text(s, 3, d->value[3]),
                                       .price = d->price,
                                       .available = d->available,
                                       .order = d->order}};
    for (size_t t = 0; t < q->n_terms && f->words > 0; t++) {
        const struct entry *e = q->terms[t].entries[f->part];
        uint32_t at = e ? entry_find(s, e, f->passage) : NONE;
        if (at != NONE)
            matches[hit.n_matches++] = (struct search_match){q->terms[t].text, q->terms[t].idf,
                                                             s->weights[s->sets[f->passage]].at[s->places[at] >> 6]};
    }
    return hit;
}

void search_run(struct search_reader *reader, struct arena *arena, const struct search_query *asked,
                struct search_result *ret)
{
    *ret = (struct search_result){.hits = NULL};
    struct query q = {.reader = reader, .asked = asked, .scratch = scratch_take(), .kernels = vector_kernels()};
    q.limit = asked->limit < 1 ? 1 : asked->limit > MOST_HITS ? MOST_HITS : asked->limit;
    q.hits = scratch_alloc(q.scratch, q.limit * sizeof *q.hits);
    uint32_t candidates = q.limit > BEST ? (uint32_t)q.limit : BEST;
    best_init(&q.words, q.scratch, candidates);
    best_init(&q.vectors, q.scratch, candidates);
    read_terms(&q, arena, ret);
    read_vector(&q);
    filter_apply(&q);
    find_exact(&q, arena);
    if (q.n_allowed > 0 && (q.n_terms > 0 || q.vector)) {
        if (q.n_allowed <= reader->all_of)
            exhaust(&q);
        else
            fuse_candidates(&q);
    }
    offer_exact(&q);
    if (asked->no_match_too)
        offer_unmatched(&q);
    hits_sort(&q);
    ret->candidates = q.n_documents;
    ret->n = q.n_hits;
    ret->hits = arena_alloc(arena, (q.n_hits + 1) * sizeof *ret->hits);
    for (size_t i = 0; i < q.n_hits; i++)
        ret->hits[i] = explain(&q, arena, &q.hits[i]);
    scratch_give(q.scratch);
}
