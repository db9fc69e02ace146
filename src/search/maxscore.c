// SPDX-License-Identifier: Apache-2.0
// The best passages by BM25 in a large collection: MaxScore (Turtle & Flood 1995) with block maxima (Ding & Suel 2011).
// Ids are taken in spans of 4096. In each, terms are ordered by the largest score they can add there; those that even
// together cannot lift a passage over the threshold (the 200th best score so far) are only looked up for passages that
// the others bring up, the others are added up in an accumulator. The threshold starts at the 200th best impact of the
// best single term, which each segment knows.
#include "search/query.h"

enum { SPAN = 4096 };

struct cursor {
    const uint16_t *ids;
    const uint8_t *impacts;
    const struct skip *skip; // NULL: short run
    uint32_t n, from, to; // postings of the run; of the span: from..to
    float step; // score of one impact unit
    float bound; // largest score in the span
    uint8_t max;
};

struct spans {
    struct query *q;
    const struct allowed *allowed;
    uint32_t part_base, first; // number of the part's first passage; first passage of the chunk
    struct cursor *cursors, **order;
    float *before; // what order[0..i] can add together
    size_t n;
    float *scores; // of the span
    uint64_t *touched;
    float threshold; // before the heap is full
};

static float threshold(const struct spans *s)
{
    float floor = best_floor(&s->q->words);
    return floor > s->threshold ? floor : s->threshold;
}

// Sets from, to and bound for ids lo..lo + SPAN.
static void enter_span(struct cursor *c, uint32_t lo)
{
    uint8_t max = 0;
    if (c->skip) {
        uint32_t window = lo / WINDOW, end = window + SPAN / WINDOW;
        c->from = c->skip->at[window];
        c->to = end < CHUNK / WINDOW ? c->skip->at[end] : c->n;
        for (uint32_t w = window; w < end; w++)
            max = c->skip->max[w] > max ? c->skip->max[w] : max;
    } else {
        c->from = c->to;
        while (c->to < c->n && c->ids[c->to] < lo + SPAN)
            c->to++;
        max = c->from < c->to ? c->max : 0;
    }
    c->bound = c->step * max;
}

static void sort_by_bound(struct cursor **order, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct cursor *moved = order[i];
        size_t k = i;
        for (; k > 0 && order[k - 1]->bound > moved->bound; k--)
            order[k] = order[k - 1];
        order[k] = moved;
    }
}

static float look_up(const struct cursor *c, uint16_t id)
{
    uint32_t from = c->from, n = c->to - c->from;
    if (c->skip) {
        uint32_t window = id / WINDOW;
        from = c->skip->at[window];
        n = (window + 1 < CHUNK / WINDOW ? c->skip->at[window + 1] : c->n) - from;
    }
    if (n == 0)
        return 0;
    while (n > 1) {
        uint32_t half = n / 2;
        from += c->ids[from + half] <= id ? half : 0;
        n -= half;
    }
    return c->ids[from] == id ? c->step * c->impacts[from] : 0;
}

static void add_up(struct spans *s, const struct cursor *c, uint32_t lo)
{
    const float step = c->step;
    float *scores = s->scores;
    for (uint32_t i = c->from; i < c->to; i++) {
        uint32_t at = c->ids[i] - lo;
        scores[at] += step * c->impacts[i];
        s->touched[at >> 6] |= 1ull << (at & 63);
    }
}

// order[0..rest) are looked up only, highest bound first.
static void finish_span(struct spans *s, uint32_t lo, size_t rest)
{
    struct query *q = s->q;
    struct cursor **order = s->order;
    const float *before = s->before;
    const float reserve = rest ? before[rest - 1] : 0;
    for (uint32_t w = 0; w < SPAN / 64; w++) {
        for (uint64_t bits = s->touched[w]; bits; bits &= bits - 1) {
            uint32_t at = w * 64 + (uint32_t)__builtin_ctzll(bits), passage = s->first + lo + at;
            float score = s->scores[at], least = threshold(s);
            s->scores[at] = 0;
            if (score + reserve <= least || !is_allowed(s->allowed, passage))
                continue;
            size_t i = rest;
            while (i > 0 && score + before[i - 1] > least)
                score += look_up(order[--i], (uint16_t)(lo + at));
            if (i == 0 && score > least)
                best_offer(&q->words, score, s->part_base + passage);
        }
        s->touched[w] = 0;
    }
}

static void run_span(struct spans *s, uint32_t lo)
{
    struct cursor **order = s->order;
    float sum = 0, least = threshold(s);
    size_t n = 0, rest = 0;
    for (size_t i = 0; i < s->n; i++) {
        enter_span(&s->cursors[i], lo);
        if (s->cursors[i].from < s->cursors[i].to)
            order[n++] = &s->cursors[i];
    }
    sort_by_bound(order, n);
    for (size_t i = 0; i < n; i++) {
        s->before[i] = sum += order[i]->bound;
        if (sum <= least)
            rest = i + 1;
    }
    if (rest == n)
        return;
    for (size_t i = rest; i < n; i++)
        add_up(s, order[i], lo);
    finish_span(s, lo, rest);
}

static void run_chunk(struct spans *s, uint32_t part, uint16_t chunk, const uint32_t *run_of)
{
    const struct segment *segment = s->q->reader->parts[part].segment;
    float bound = 0;
    s->n = 0;
    for (size_t t = 0; t < s->q->n_terms; t++) {
        const struct entry *e = s->q->terms[t].entries[part];
        if (!e || run_of[t] >= e->run + e->runs || segment->runs[run_of[t]].chunk != chunk)
            continue;
        const struct run *run = &segment->runs[run_of[t]];
        s->cursors[s->n++] = (struct cursor){
            .ids = segment->ids + run->at, .impacts = segment->impacts + run->at, .n = (uint32_t)run->last + 1,
            .skip = run->skip == NONE ? NULL : &segment->skips[run->skip],
            .step = s->q->terms[t].idf / 255, .max = run->max};
        bound += s->q->terms[t].idf / 255 * run->max;
    }
    s->first = (uint32_t)chunk << 16;
    uint32_t ids = segment->n_passages - s->first < CHUNK ? segment->n_passages - s->first : CHUNK;
    for (uint32_t lo = 0; s->n && lo < ids && bound > threshold(s); lo += SPAN)
        run_span(s, lo);
}

// A lower bound of the 200th best score, where nothing is filtered out.
static float first_threshold(const struct query *q)
{
    float best = 0;
    for (size_t p = 0; p < q->reader->n_parts; p++)
        for (size_t t = 0; !q->allowed[p].bits && t < q->n_terms; t++) {
            const struct entry *e = q->terms[t].entries[p];
            float score = e ? q->terms[t].idf / 255 * e->kth : 0;
            best = score > best ? score : best;
        }
    return best * 0.9999f; // passages of that very score must get in
}

void words_best(struct query *q)
{
    struct spans s = {.q = q, .threshold = q->words.cap <= BEST ? first_threshold(q) : 0};
    s.cursors = scratch_alloc(q->scratch, (q->n_terms + 1) * sizeof *s.cursors);
    s.order = scratch_alloc(q->scratch, (q->n_terms + 1) * sizeof *s.order);
    s.before = scratch_alloc(q->scratch, (q->n_terms + 1) * sizeof *s.before);
    s.scores = scratch_alloc(q->scratch, SPAN * sizeof *s.scores);
    s.touched = scratch_alloc(q->scratch, SPAN / 8);
    memset(s.scores, 0, SPAN * sizeof *s.scores);
    memset(s.touched, 0, SPAN / 8);
    uint32_t *run_of = scratch_alloc(q->scratch, (q->n_terms + 1) * sizeof *run_of);
    for (uint32_t p = 0; p < q->reader->n_parts; p++) {
        const struct segment *segment = q->reader->parts[p].segment;
        s.allowed = &q->allowed[p];
        for (size_t t = 0; t < q->n_terms; t++)
            run_of[t] = q->terms[t].entries[p] ? q->terms[t].entries[p]->run : 0;
        for (uint32_t chunk = 0; chunk << 16 < segment->n_passages; chunk++) {
            run_chunk(&s, p, (uint16_t)chunk, run_of);
            for (size_t t = 0; t < q->n_terms; t++) {
                const struct entry *e = q->terms[t].entries[p];
                if (e && run_of[t] < e->run + e->runs && segment->runs[run_of[t]].chunk == chunk)
                    run_of[t]++;
            }
        }
        s.part_base += segment->n_passages;
    }
}

void words_of_passage(const struct query *q, uint32_t part, uint32_t passage, float *ret_words, float *ret_w)
{
    const struct segment *s = q->reader->parts[part].segment;
    const float *weights = s->weights[s->sets[passage]].at;
    float words = 0, share = 0;
    for (size_t t = 0; t < q->n_terms; t++) {
        const struct entry *e = q->terms[t].entries[part];
        uint32_t at = e ? entry_find(s, e, passage) : NONE;
        if (at == NONE)
            continue;
        words += q->terms[t].idf / 255 * s->impacts[at];
        share += q->terms[t].idf * weights[s->places[at] >> 6];
    }
    *ret_words = words;
    *ret_w = q->idf_sum > 0 ? share / q->idf_sum : 0;
}
