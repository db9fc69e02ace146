// SPDX-License-Identifier: Apache-2.0
// Vector search: exact over int8 rows (the query in 7 bits, which costs a cosine less than
// 0.001); from many rows on (`bits_from`) sign bits choose max(1000, N/1000) candidates
// first. The best 50 are rescored with float32.
//
// The candidates by sign bits are those within a distance that is guessed from every 16th row, then trimmed: cheaper
// than counting all distances.
#include "search/query.h"

#include <math.h>

enum { BLOCK = 512, AHEAD = 8, SAMPLE = 16, MOST_DIMS = 60000 };

static float row_cosine(const struct query *q, const struct rows *rows, uint32_t row)
{
    uint32_t at, chunk = rows_chunk(row, &at);
    return q->kernels->dot_f32(q->vector, rows->chunks.at[chunk]->f32 + (size_t)at * rows->dims, rows->dims);
}

static uint32_t row_of(const struct query *q, uint32_t part, uint32_t passage)
{
    const uint32_t *rows = q->reader->parts[part].overlay->rows;
    return rows ? rows[passage] : NONE;
}

float nearest_cosine(const struct query *q, uint32_t part, uint32_t passage)
{
    const struct rows *rows = &q->reader->rows;
    uint32_t row = q->vector ? row_of(q, part, passage) : NONE;
    if (row == NONE)
        return NAN;
    float best = row_cosine(q, rows, row);
    for (; rows_go_on(rows, row); row++)
        best = fmaxf(best, row_cosine(q, rows, row + 1));
    return best;
}

// int8 cosines of the rows first..first + n of one chunk.
static void cosines_of_rows(const struct query *q, uint32_t first, uint32_t n, float *ret)
{
    const struct rows *rows = &q->reader->rows;
    uint32_t at, chunk = rows_chunk(first, &at);
    const struct row_chunk *c = rows->chunks.at[chunk];
    int32_t dots[BLOCK];
    for (uint32_t i = 0; i < n; i += BLOCK) {
        uint32_t k = n - i < BLOCK ? n - i : BLOCK;
        q->kernels->dot_u7_rows(q->vector_u7, c->i8 + (size_t)(at + i) * rows->dims, rows->dims, k, dots);
        for (uint32_t j = 0; j < k; j++)
            ret[i + j] = (float)(dots[j] - 64 * c->sums[at + i + j]) * (q->vector_scale * c->scale[at + i + j]);
    }
}

// One row: the block above would be cleared for each.
static float cosine_of_row(const struct query *q, uint32_t row)
{
    uint32_t at, chunk = rows_chunk(row, &at);
    const struct row_chunk *c = q->reader->rows.chunks.at[chunk];
    int32_t dot;
    q->kernels->dot_u7_rows(q->vector_u7, c->i8 + (size_t)at * q->reader->rows.dims, q->reader->rows.dims, 1, &dot);
    return (float)(dot - 64 * c->sums[at]) * (q->vector_scale * c->scale[at]);
}

static void prefetch_row(const struct query *q, uint32_t row)
{
    if (row == NONE)
        return;
    uint32_t at, chunk = rows_chunk(row, &at);
    const struct row_chunk *c = q->reader->rows.chunks.at[chunk];
    for (size_t i = 0; i < q->reader->rows.dims && i < 384; i += 64)
        __builtin_prefetch(c->i8 + (size_t)at * q->reader->rows.dims + i);
    __builtin_prefetch(&c->scale[at]);
    __builtin_prefetch(&c->sums[at]);
}

void nearest_cosines(const struct query *q, uint32_t part, const uint32_t *p, uint32_t first, uint32_t n, float *ret)
{
    const uint32_t *rows = q->reader->parts[part].overlay->rows;
    if (!rows) {
        for (uint32_t i = 0; i < n; i++)
            ret[i] = NAN;
        return;
    }
    for (uint32_t i = 0; i < n;) {
        if (p && i + AHEAD < n)
            prefetch_row(q, rows[p[i + AHEAD]]);
        uint32_t row = rows[p ? p[i] : first + i], k = 1, at, chunk = rows_chunk(row, &at);
        if (row == NONE) {
            ret[i++] = NAN;
            continue;
        }
        // Passages that were put together have neighbouring rows: whole stretches go to the kernel.
        uint32_t room = rows_chunk_size(chunk) - at;
        while (i + k < n && k < room && rows[p ? p[i + k] : first + i + k] == row + k)
            k++;
        if (k == 1)
            ret[i] = cosine_of_row(q, row);
        else
            cosines_of_rows(q, row, k, ret + i);
        i += k;
        for (row += k - 1; rows_go_on(&q->reader->rows, row); row++) // the last one's other windows
            ret[i - 1] = fmaxf(ret[i - 1], cosine_of_row(q, row + 1));
    }
}

void nearest_prefetch(const struct query *q, uint32_t part, uint32_t passage)
{
    if (q->vector)
        prefetch_row(q, row_of(q, part, passage));
}

static uint32_t number_of_slot(const struct query *q, uint32_t slot)
{
    uint32_t base = 0;
    size_t p = 0;
    for (; p + 1 < q->reader->n_parts && q->reader->parts[p + 1].segment->slots[0] <= slot; p++)
        base += q->reader->parts[p].segment->n_passages;
    uint32_t passage = p < q->reader->n_parts ? segment_slot(q->reader->parts[p].segment, slot) : NONE;
    return passage == NONE ? NONE : base + passage;
}

// Best of all living rows, or of `list`.
static void scan_rows(struct query *q, const uint32_t *list, uint32_t n, struct best *best)
{
    const struct rows *rows = &q->reader->rows;
    float cosines[BLOCK];
    for (uint32_t row = 0; !list && row < n;) {
        uint32_t at, chunk = rows_chunk(row, &at), k = rows_chunk_size(chunk) - at;
        k = k > BLOCK ? BLOCK : k;
        k = k > n - row ? n - row : k;
        cosines_of_rows(q, row, k, cosines);
        for (uint32_t i = 0; i < k; i++)
            if (cosines[i] > best->floor && !rows_is_dead(rows, row + i))
                best_push(best, cosines[i], row + i);
        row += k;
    }
    for (uint32_t i = 0; list && i < n; i++) {
        if (i + AHEAD < n)
            prefetch_row(q, list[i + AHEAD]);
        best_offer(best, cosine_of_row(q, list[i]), list[i]);
    }
}

static void distances_of_rows(const struct query *q, const uint64_t *bits, uint32_t n, uint16_t *ret)
{
    const struct rows *rows = &q->reader->rows;
    for (uint32_t row = 0; row < n;) {
        uint32_t at, chunk = rows_chunk(row, &at), k = rows_chunk_size(chunk);
        k = k > n - row ? n - row : k;
        q->kernels->hamming_rows(bits, rows->chunks.at[chunk]->bits, rows->words, k, ret + row);
        row += k;
    }
    for (size_t w = 0; rows->dead && w < rows->dead->words && w * 64 < n; w++)
        for (uint64_t dead = rows->dead->bits[w]; dead; dead &= dead - 1) {
            uint32_t row = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(dead);
            if (row < n)
                ret[row] = UINT16_MAX;
        }
}

// Distance within which about `want` of n rows lie, by every 16th.
static uint32_t guess_distance(struct query *q, const uint16_t *distances, uint32_t n, uint32_t want)
{
    uint32_t bits = (uint32_t)(q->reader->rows.words * 64), sum = 0, sampled = 0;
    uint32_t *count = scratch_alloc(q->scratch, (bits + 2) * sizeof *count);
    memset(count, 0, (bits + 2) * sizeof *count);
    for (uint32_t i = 0; i < n; i += SAMPLE, sampled++)
        count[distances[i] <= bits ? distances[i] : bits + 1]++;
    uint64_t least = (uint64_t)want * sampled / n + 1;
    for (uint32_t d = 0; d <= bits; d++)
        if ((sum += count[d]) >= least)
            return d;
    return bits;
}

// Keeps the `want` nearest of the rows found, in their order.
static uint32_t trim(struct query *q, const uint16_t *distances, uint32_t *found, uint32_t n, uint32_t want)
{
    uint32_t bits = (uint32_t)(q->reader->rows.words * 64), within = 0, nearer = 0, kept = 0;
    uint32_t *count = scratch_alloc(q->scratch, (bits + 1) * sizeof *count);
    memset(count, 0, (bits + 1) * sizeof *count);
    for (uint32_t i = 0; i < n; i++)
        count[distances[found[i]]]++;
    while (nearer + count[within] < want)
        nearer += count[within++];
    uint32_t at_border = want - nearer;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t distance = distances[found[i]];
        if (distance < within || (distance == within && at_border && at_border--))
            found[kept++] = found[i];
    }
    return kept;
}

// The candidates' rows; `list` (or NULL: all) are the rows to choose from.
static const uint32_t *choose_by_bits(struct query *q, const uint32_t *list, uint32_t n, uint32_t *ret_n)
{
    const struct rows *rows = &q->reader->rows;
    uint32_t want = n / 1000 > 1000 ? n / 1000 : 1000, limit = (uint32_t)(rows->words * 64);
    uint64_t *bits = scratch_alloc(q->scratch, rows->words * sizeof *bits);
    uint16_t *distances = scratch_alloc(q->scratch, n * sizeof *distances);
    uint32_t *out = scratch_alloc(q->scratch, (n + 32u) * sizeof *out);
    vector_bits(q->vector, rows->dims, bits);
    if (!list)
        distances_of_rows(q, bits, n, distances);
    for (uint32_t i = 0; list && i < n; i++) {
        uint32_t at, chunk = rows_chunk(list[i], &at);
        distances[i] =
            (uint16_t)q->kernels->hamming(bits, rows->chunks.at[chunk]->bits + at * rows->words, rows->words);
    }
    uint32_t within = guess_distance(q, distances, n, want + want / 8), found;
    while ((found = (uint32_t)q->kernels->within_u16(distances, n, (uint16_t)within, out, n)) < want && within < limit)
        within += within < limit - 1 ? 2 : 1;
    if (found > want)
        found = trim(q, distances, out, found, want);
    for (uint32_t i = 0; list && i < found; i++)
        out[i] = list[out[i]];
    *ret_n = found;
    return out;
}

// Rows of the passages that pass the filters; NULL when nothing is filtered.
static const uint32_t *allowed_rows(struct query *q, uint32_t *ret_n)
{
    uint32_t n = 0;
    *ret_n = q->reader->rows.n;
    if (q->n_allowed == q->reader->passages)
        return NULL;
    const struct rows *rows = &q->reader->rows;
    size_t most = rows->several && rows->n > q->n_allowed ? rows->n : q->n_allowed;
    uint32_t *list = scratch_alloc(q->scratch, (most + 1) * sizeof *list);
    for (uint32_t p = 0; p < q->reader->n_parts; p++) {
        const struct segment *s = q->reader->parts[p].segment;
        const uint64_t *bits = q->allowed[p].bits;
        for (uint32_t i = 0; i < s->n_passages; i++) {
            uint32_t row = is_allowed(&q->allowed[p], i) ? row_of(q, p, i) : NONE;
            for (bool more = row != NONE; more; row++) {
                more = rows_go_on(rows, row);
                list[n++] = row;
            }
            if (bits && !bits[i >> 6])
                i |= 63;
        }
    }
    *ret_n = n;
    return list;
}

// Of several windows of a passage the nearest.
static void keep_nearest(struct query *q, struct best *best)
{
    struct scored *spare = scratch_alloc(q->scratch, (best->n + 1u) * sizeof *spare);
    uint32_t n = 0;
    scored_sort_by_id(best->at, spare, best->n);
    for (uint32_t i = 0; i < best->n; i++)
        if (n && best->at[n - 1].id == best->at[i].id)
            best->at[n - 1].score = fmaxf(best->at[n - 1].score, best->at[i].score);
        else
            best->at[n++] = best->at[i];
    best->n = n;
}

void nearest_best(struct query *q)
{
    if (!q->vector)
        return;
    uint32_t n;
    const uint32_t *list = allowed_rows(q, &n);
    if (n > q->reader->bits_from && q->reader->rows.dims <= MOST_DIMS)
        list = choose_by_bits(q, list, n, &n);
    struct best best;
    best_init(&best, q->scratch, q->vectors.cap);
    scan_rows(q, list, n, &best);
    best_finish(&best);
    for (uint32_t i = 0; i < best.n; i++) {
        uint32_t at, chunk = rows_chunk(best.at[i].id, &at);
        uint32_t number = number_of_slot(q, q->reader->rows.chunks.at[chunk]->slots[at]);
        if (number != NONE)
            best_push(&q->vectors, best.at[i].score, number); // as many as fit: no cut
    }
    if (q->reader->rows.several)
        keep_nearest(q, &q->vectors);
}

void nearest_rescore(struct query *q, struct best *best, uint32_t n)
{
    best_lead(best, n);
    for (uint32_t i = 0; i < n && i < best->n; i++) {
        uint32_t passage, part = passage_of_number(q, best->at[i].id, &passage);
        best->at[i].score = nearest_cosine(q, part, passage);
    }
}
