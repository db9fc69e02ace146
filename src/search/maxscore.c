// SPDX-License-Identifier: Apache-2.0
// The best passages by BM25 in a large collection: MaxScore (Turtle & Flood 1995) with block maxima (Ding & Suel 2011).
// Ids are taken in spans of 4096. In each, terms are ordered by the largest score they can add there; those that even
// together cannot lift a passage over the threshold (the 200th best score so far) are only looked up for passages that
// the others bring up, the others are added up in an accumulator. The threshold starts at the 200th best impact of the
// best single term, which each segment knows.
#include "search/query.h"

enum {
    SPAN = 4096,
    AHEAD = 8, // look-ups are asked for so many candidates before
};

struct cursor {
    const uint16_t *ids;
    const uint8_t *impacts;
    const struct skip *skip; // NULL: short run
    const uint8_t *dense;    // impacts by id; NULL: not that long
    uint32_t n, from, to;    // postings of the run; of the span: from..to
    float step;              // score of one impact unit
    float bound;             // largest score in the span
    uint8_t max;
};

struct spans {
    struct query *q;
    const struct allowed *allowed;
    uint32_t part_base, first; // number of the part's first passage; first passage of the chunk
    struct cursor *cursors, **order;
    float *before; // what order[0..i] can add together
    size_t n;
    float *scores;     // of the span
    uint64_t *touched; // its ids with a score, in spans with few postings
    uint32_t *above;   // its ids that need looking at
    float threshold;   // before the heap is full
};

static float threshold(const struct spans *s)
{
    float floor = s->q->words.floor;
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
    if (c->dense)
        return c->step * c->dense[id];
    uint32_t from = c->from, n = c->to - c->from;
    if (c->skip) {
        uint32_t window = id / WINDOW;
        from = c->skip->at[window];
        n = (window + 1 < CHUNK / WINDOW ? c->skip->at[window + 1] : c->n) - from;
    }
    uint32_t at = ids_find(c->ids + from, n, id);
    return at == NONE ? 0 : c->step * c->impacts[from + at];
}

static void add_up(struct spans *s, const struct cursor *c, uint32_t lo, bool touch)
{
    const float step = c->step;
    float *scores = s->scores;
    if (c->dense && !touch) {
        s->q->kernels->add_u8(scores, c->dense + lo, SPAN, step);
        return;
    }
    for (uint32_t i = c->from; i < c->to; i++) {
        uint32_t at = c->ids[i] - lo;
        scores[at] += step * c->impacts[i];
        if (touch)
            s->touched[at >> 6] |= 1ull << (at & 63);
    }
}

// Ids with a score above `least`; clears what is not above.
static uint32_t gather(struct spans *s, float least, bool touched)
{
    if (!touched)
        return (uint32_t)s->q->kernels->above_f32(s->scores, SPAN, least, s->above);
    uint32_t n = 0;
    for (uint32_t w = 0; w < SPAN / 64; w++) {
        for (uint64_t bits = s->touched[w]; bits; bits &= bits - 1)
            s->above[n++] = w * 64 + (uint32_t)__builtin_ctzll(bits);
        s->touched[w] = 0;
    }
    return n;
}

// order[0..rest) are looked up only, highest bound first.
static void finish_span(struct spans *s, uint32_t lo, size_t rest, bool touched)
{
    struct query *q = s->q;
    struct cursor **order = s->order;
    const float *before = s->before, reserve = rest ? before[rest - 1] : 0;
    float least = threshold(s);
    uint32_t n = gather(s, least > reserve ? least - reserve - 1e-6f : 0, touched);
    for (uint32_t k = 0; k < n; k++) {
        for (size_t i = rest; i > 0 && i + 3 > rest && k + AHEAD < n; i--)
            if (order[i - 1]->dense)
                __builtin_prefetch(order[i - 1]->dense + lo + s->above[k + AHEAD]);
        uint32_t at = s->above[k], passage = s->first + lo + at;
        float score = s->scores[at];
        if (touched)
            s->scores[at] = 0;
        if (score + reserve <= least || !is_allowed(s->allowed, passage))
            continue;
        size_t i = rest;
        while (i > 0 && score + before[i - 1] > least)
            score += look_up(order[--i], (uint16_t)(lo + at));
        if (i == 0 && score > least) {
            best_offer(&q->words, score, s->part_base + passage);
            least = threshold(s);
        }
    }
    if (!touched)
        memset(s->scores, 0, SPAN * sizeof *s->scores);
}

static void run_span(struct spans *s, uint32_t lo)
{
    enum { FEW = 200 }; // postings up to which remembering ids beats looking at the whole span
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
    uint32_t postings = 0;
    for (size_t i = rest; i < n; i++)
        postings += order[i]->to - order[i]->from;
    if (rest == n)
        return;
    for (size_t i = rest; i < n; i++)
        add_up(s, order[i], lo, postings <= FEW);
    finish_span(s, lo, rest, postings <= FEW);
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
        s->cursors[s->n++] =
            (struct cursor){.ids = segment->ids + run->at,
                            .impacts = segment->impacts + run->at,
                            .n = (uint32_t)run->last + 1,
                            .skip = run->skip == NONE ? NULL : &segment->skips[run->skip],
                            .dense = run->dense == NONE ? NULL : segment->dense + (size_t)run->dense * CHUNK,
                            .step = s->q->terms[t].idf / 255,
                            .max = run->max};
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
    s.above = scratch_alloc(q->scratch, SPAN * sizeof *s.above);
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

// The found ones at..end lie in one chunk: adds what the run gives them.
static void words_of_run(const struct query *q, const struct segment *s, const struct run *run, float idf,
                         struct found *at, struct found *end)
{
    const uint8_t *dense = run->dense == NONE ? NULL : s->dense + (size_t)run->dense * CHUNK;
    for (; at < end; at++) {
        if (dense && at + AHEAD < end)
            __builtin_prefetch(dense + (uint16_t)at[AHEAD].passage);
        uint32_t posting = run_find(s, run, (uint16_t)at->passage);
        if (posting == NONE)
            continue;
        posting += run->at;
        at->words += idf / 255 * s->impacts[posting];
        at->w += idf / (q->idf_sum + q->unknown) * s->weights[s->sets[at->passage]].at[s->places[posting] >> 6];
    }
}

void words_of_passages(const struct query *q, struct found *found, size_t n)
{
    for (size_t t = 0; t < q->n_terms; t++) {
        for (struct found *at = found, *all = found + n, *end; at < all; at = end) {
            uint32_t part = at->part, chunk = at->passage >> 16;
            for (end = at; end < all && end->part == part && end->passage >> 16 == chunk; end++)
                ;
            const struct segment *s = q->reader->parts[part].segment;
            const struct entry *e = q->terms[t].entries[part];
            for (uint32_t r = e ? e->run : 0; e && r < e->run + e->runs; r++)
                if (s->runs[r].chunk == chunk)
                    words_of_run(q, s, &s->runs[r], q->terms[t].idf, at, end);
        }
    }
}
