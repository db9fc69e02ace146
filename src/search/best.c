// SPDX-License-Identifier: Apache-2.0
// The highest scores of a stream: a buffer a little larger than what is kept, cut back by selection when it is full.
// That is several times cheaper than a heap, for a floor that may lag behind by what the buffer has over. Of equal
// scores the lower id (the older passage) is the better.
#include "search/query.h"

enum { SPARE = 64 };

void best_init(struct best *best, struct scratch *scratch, uint32_t cap)
{
    *best = (struct best){.at = scratch_alloc(scratch, (cap + SPARE) * sizeof *best->at), .cap = cap, .floor = -1e30f};
}

static bool before(struct scored a, struct scored b)
{
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

static void swap(struct scored *a, struct scored *b)
{
    struct scored kept = *a;
    *a = *b;
    *b = kept;
}

// Moves the first `n` of `all` entries to the front, in no order (Hoare's partition and selection).
static void select_first(struct scored *at, size_t n, size_t all)
{
    size_t from = 0, to = all;
    while (from < n && n < to) {
        struct scored pivot = at[from + (to - from - 1) / 2];
        size_t i = from, k = to - 1;
        for (;; i++, k--) {
            while (before(at[i], pivot))
                i++;
            while (before(pivot, at[k]))
                k--;
            if (i >= k)
                break;
            swap(&at[i], &at[k]);
        }
        if (n <= k) // nothing of from..k comes behind anything of k+1..to
            to = k + 1;
        else
            from = k + 1;
    }
}

static void cut(struct best *best)
{
    select_first(best->at, best->cap, best->n);
    best->n = best->cap;
    best->floor = best->at[0].score;
    for (uint32_t i = 1; i < best->n; i++)
        best->floor = best->at[i].score < best->floor ? best->at[i].score : best->floor;
}

void best_push(struct best *best, float score, uint32_t id)
{
    best->at[best->n++] = (struct scored){score, id};
    if (best->n == best->cap + SPARE)
        cut(best);
}

void best_finish(struct best *best)
{
    if (best->n > best->cap)
        cut(best);
}

void best_lead(struct best *best, uint32_t n)
{
    if (n < best->n)
        select_first(best->at, n, best->n);
}

uint32_t best_rank(const struct best *best, uint32_t id)
{
    for (uint32_t i = 0; i < best->n; i++) {
        if (best->at[i].id != id)
            continue;
        uint32_t rank = 1;
        for (uint32_t k = 0; k < best->n; k++)
            rank += before(best->at[k], best->at[i]);
        return rank <= BEST ? rank : 0;
    }
    return 0;
}

void scored_sort_by_id(struct scored *at, struct scored *spare, size_t n)
{
    uint32_t all = 0;
    for (size_t i = 0; i < n; i++)
        all |= at[i].id;
    struct scored *from = at, *to = spare;
    for (unsigned shift = 0; shift < 32 && all >> shift; shift += 8) {
        uint32_t start[257] = {0};
        for (size_t i = 0; i < n; i++)
            start[(from[i].id >> shift & 255) + 1]++;
        for (size_t i = 1; i < 256; i++)
            start[i] += start[i - 1];
        for (size_t i = 0; i < n; i++)
            to[start[from[i].id >> shift & 255]++] = from[i];
        struct scored *kept = from;
        from = to;
        to = kept;
    }
    if (from != at)
        memcpy(at, from, n * sizeof *at);
}
