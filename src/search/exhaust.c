// SPDX-License-Identifier: Apache-2.0
// Every passage that passes the filters is scored: words term by term into accumulators, vectors row by row. Most
// brands have so few passages that this is the way, and the order by relevance is then exact. Arrays are indexed by the
// number of the passage among the allowed ones.
#include "search/query.h"

#include <math.h>
#include <stdlib.h>

struct sums {
    float *words, *share, *cosines; // cosines NULL: no vectors
};

// Every passage of the part is allowed: its number is its place.
static void add_all(const struct query *q, uint32_t part, const struct entry *e, float idf, struct sums sums)
{
    const struct segment *s = q->reader->parts[part].segment;
    const float step = idf / 255;
    for (uint32_t r = e->run; r < e->run + e->runs; r++) {
        const struct run *run = &s->runs[r];
        for (uint32_t i = run->at; i <= run->at + run->last; i++) {
            uint32_t passage = (uint32_t)run->chunk << 16 | s->ids[i];
            sums.words[passage] += step * s->impacts[i];
            sums.share[passage] += idf * s->weights[s->sets[passage]].at[s->places[i] >> 6];
        }
    }
}

static void add_one(const struct segment *s, uint32_t posting, uint32_t passage, float idf, float *words, float *share)
{
    *words += idf / 255 * s->impacts[posting];
    *share += idf * s->weights[s->sets[passage]].at[s->places[posting] >> 6];
}

// Few postings: each is looked for among the allowed.
static void add_by_postings(const struct query *q, uint32_t part, const struct entry *e, float idf, struct sums sums)
{
    const struct segment *s = q->reader->parts[part].segment;
    const struct allowed *a = &q->allowed[part];
    for (uint32_t r = e->run; r < e->run + e->runs; r++) {
        const struct run *run = &s->runs[r];
        for (uint32_t i = run->at; i <= run->at + run->last; i++) {
            uint32_t passage = (uint32_t)run->chunk << 16 | s->ids[i];
            uint64_t word = a->bits[passage >> 6], bit = 1ull << (passage & 63);
            if (!(word & bit))
                continue;
            uint32_t n = a->before[passage >> 6] + (uint32_t)__builtin_popcountll(word & (bit - 1));
            add_one(s, i, passage, idf, &sums.words[n], &sums.share[n]);
        }
    }
}

// Few allowed: each is looked for among the postings.
static void add_by_allowed(const struct query *q, uint32_t part, const struct entry *e, float idf, struct sums sums)
{
    const struct segment *s = q->reader->parts[part].segment;
    const struct allowed *a = &q->allowed[part];
    uint32_t r = e->run, end = e->run + e->runs;
    for (uint32_t n = 0; n < a->n; n++) {
        uint32_t passage = a->list[n];
        while (r < end && s->runs[r].chunk < passage >> 16)
            r++;
        if (r == end)
            return;
        uint32_t at = s->runs[r].chunk == passage >> 16 ? run_find(s, &s->runs[r], (uint16_t)passage) : NONE;
        if (at != NONE)
            add_one(s, s->runs[r].at + at, passage, idf, &sums.words[n], &sums.share[n]);
    }
}

static void add_words(const struct query *q, struct sums all)
{
    enum { LOOK_UP = 6 }; // postings passed by in the time of one look-up
    for (uint32_t p = 0; p < q->reader->n_parts; p++) {
        const struct allowed *a = &q->allowed[p];
        struct sums sums = {all.words + a->base, all.share + a->base, NULL};
        for (size_t t = 0; a->n && t < q->n_terms; t++) {
            const struct entry *e = q->terms[t].entries[p];
            if (!e)
                continue;
            if (!a->list)
                add_all(q, p, e, q->terms[t].idf, sums);
            else if (e->df > (uint64_t)a->n * LOOK_UP)
                add_by_allowed(q, p, e, q->terms[t].idf, sums);
            else
                add_by_postings(q, p, e, q->terms[t].idf, sums);
        }
    }
}

static uint32_t passage_at(const struct allowed *a, uint32_t n)
{
    return a->list ? a->list[n] : n;
}

// Offers the scores above `least`, as passage numbers.
static void choose_above(const struct query *q, const float *scores, float least, uint32_t *above, struct best *best)
{
    uint32_t number = 0;
    best->n = 0;
    best->floor = least;
    for (uint32_t p = 0; p < q->reader->n_parts; p++) {
        const struct allowed *a = &q->allowed[p];
        size_t n = q->kernels->above_f32(scores + a->base, a->n, least, above);
        for (size_t i = 0; i < n; i++)
            best_offer(best, scores[a->base + above[i]], number + passage_at(a, above[i]));
        number += q->reader->parts[p].segment->n_passages;
    }
    best_finish(best);
}

// The best 200 of `scores` above `least`. Among many, every 16th tells where about they begin.
static void choose(const struct query *q, const float *scores, float least, struct best *best)
{
    enum { SAMPLE = 16, MANY = 2048 };
    uint32_t *above = scratch_alloc(q->scratch, (q->n_allowed + 1u) * sizeof *above);
    struct best sample;
    best_init(&sample, q->scratch, best->cap / SAMPLE * 3 / 2 + 8);
    for (uint32_t i = 0; q->n_allowed >= MANY && i < q->n_allowed; i += SAMPLE)
        if (scores[i] > least)
            best_offer(&sample, scores[i], i);
    best_finish(&sample);
    if (sample.n == sample.cap) {
        float guess = sample.at[0].score;
        for (uint32_t i = 1; i < sample.n; i++)
            guess = sample.at[i].score < guess ? sample.at[i].score : guess;
        choose_above(q, scores, guess, above, best);
        if (best->n == best->cap)
            return;
    }
    choose_above(q, scores, least, above, best);
}

// Number among the allowed ones of a passage number.
static uint32_t sum_of_number(const struct query *q, uint32_t number)
{
    uint32_t passage, part = passage_of_number(q, number, &passage);
    const struct allowed *a = &q->allowed[part];
    if (!a->list)
        return a->base + passage;
    uint64_t below = a->bits[passage >> 6] & ((1ull << (passage & 63)) - 1);
    return a->base + a->before[passage >> 6] + (uint32_t)__builtin_popcountll(below);
}

// Mean and deviation over the best by words and the best by vectors, each passage once.
static void standardise(struct query *q, struct sums sums)
{
    size_t words = bit_words(q->n_allowed);
    uint32_t kept = 0;
    uint64_t *seen = scratch_alloc(q->scratch, (words + 1) * sizeof *seen);
    float *cosines = scratch_alloc(q->scratch, (q->words.n + q->vectors.n + 1u) * sizeof *cosines);
    memset(seen, 0, words * sizeof *seen);
    for (uint32_t i = 0; i < q->words.n + q->vectors.n; i++) {
        const struct scored *one = i < q->words.n ? &q->words.at[i] : &q->vectors.at[i - q->words.n];
        uint32_t n = sum_of_number(q, one->id);
        if (!bit_get(seen, n))
            cosines[kept++] = sums.cosines[n];
        seen[n >> 6] |= 1ull << (n & 63);
    }
    query_standardise(q, cosines, kept);
}

static void add_vectors(struct query *q, struct sums sums)
{
    for (uint32_t p = 0; p < q->reader->n_parts; p++) {
        const struct allowed *a = &q->allowed[p];
        nearest_cosines(q, p, a->list, 0, a->n, sums.cosines + a->base);
    }
    choose(q, sums.cosines, -1e29f, &q->vectors);
    nearest_rescore(q, &q->vectors, 50);
    for (uint32_t i = 0; i < q->vectors.n; i++)
        sums.cosines[sum_of_number(q, q->vectors.at[i].id)] = q->vectors.at[i].score;
    standardise(q, sums);
}

static struct found passage_found(const struct query *q, uint32_t part, uint32_t passage, uint32_t n, struct sums sums)
{
    struct found f = {.part = part,
                      .passage = passage,
                      .words = sums.words[n],
                      .matched = true,
                      .cosine = sums.cosines ? sums.cosines[n] : NAN};
    f.w = q->idf_sum > 0 ? sums.share[n] / (q->idf_sum + q->unknown) : 0;
    f.v = sums.cosines ? cosine_rescaled(q, f.cosine) : 0;
    f.relevance = 1 - (1 - f.w) * (1 - f.v);
    f.fused = query_fused(q, f.words, f.cosine);
    return f;
}

// The cosine that a passage without words needs to get among the hits.
static float least_cosine(const struct query *q)
{
    float floor = q->asked->vector_floor;
    if (q->n_hits < q->limit)
        return floor;
    return floor + q->hits[0].relevance * (vector_full(q->asked) - floor) - 1e-5f;
}

static void offer_documents(struct query *q, uint32_t part, struct sums sums)
{
    const struct segment *s = q->reader->parts[part].segment;
    const struct allowed *a = &q->allowed[part];
    float least = sums.cosines ? least_cosine(q) : 0;
    struct found best = {.part = part};
    uint32_t document = NONE;
    for (uint32_t n = 0; n < a->n; n++) {
        if (sums.words[a->base + n] <= 0 && !(sums.cosines && sums.cosines[a->base + n] > least))
            continue;
        uint32_t passage = passage_at(a, n);
        struct found f = passage_found(q, part, passage, a->base + n, sums);
        if (s->document_of[passage] == document) {
            if (found_before(q, &f, &best))
                best = f;
            continue;
        }
        if (document != NONE && !query_is_exact(q, part, document)) {
            query_offer(q, &best);
            least = sums.cosines ? least_cosine(q) : 0;
        }
        document = s->document_of[passage];
        best = f;
    }
    if (document != NONE && !query_is_exact(q, part, document))
        query_offer(q, &best);
}

void exhaust(struct query *q)
{
    allowed_list(q);
    size_t bytes = ((size_t)q->n_allowed + 1) * sizeof(float);
    struct sums sums = {scratch_alloc(q->scratch, bytes), scratch_alloc(q->scratch, bytes), NULL};
    memset(sums.words, 0, bytes);
    memset(sums.share, 0, bytes);
    add_words(q, sums);
    choose(q, sums.words, 0, &q->words);
    if (q->vector) {
        sums.cosines = scratch_alloc(q->scratch, bytes);
        add_vectors(q, sums);
    }
    for (uint32_t p = 0; p < q->reader->n_parts; p++)
        offer_documents(q, p, sums);
}
