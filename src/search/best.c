// SPDX-License-Identifier: Apache-2.0
// A binary heap with the worst at the root. Of equal scores the lower id (the older passage) is the better.
#include "search/query.h"

#include <stdlib.h>

void best_init(struct best *best, struct scratch *scratch, uint32_t cap)
{
    *best = (struct best){.at = scratch_alloc(scratch, cap * sizeof *best->at), .cap = cap};
}

static bool worse(struct scored a, struct scored b)
{
    return a.score < b.score || (a.score == b.score && a.id > b.id);
}

static void sink(struct best *best)
{
    struct scored *h = best->at, moved = h[0];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= best->n)
            break;
        if (child + 1 < best->n && worse(h[child + 1], h[child]))
            child++;
        if (!worse(h[child], moved))
            break;
        h[i] = h[child];
        i = child;
    }
    h[i] = moved;
}

void best_push(struct best *best, float score, uint32_t id)
{
    struct scored *h = best->at, added = {score, id};
    if (best->n == best->cap) {
        if (worse(added, h[0]))
            return;
        h[0] = added;
        sink(best);
        return;
    }
    uint32_t i = best->n++;
    for (; i > 0 && worse(added, h[(i - 1) / 2]); i = (i - 1) / 2)
        h[i] = h[(i - 1) / 2];
    h[i] = added;
}

static int order(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return worse(*x, *y) ? 1 : worse(*y, *x) ? -1 : 0;
}

void best_sort(struct best *best)
{
    qsort(best->at, best->n, sizeof *best->at, order);
}
