// SPDX-License-Identifier: Apache-2.0
// Filters come before any ranking. The most selective attribute's lists give the documents, the other conditions are
// checked on each; without an attribute filter all documents are looked at.
#include "search/fold.h"
#include "search/query.h"

#include <stdlib.h>

const struct search_filter SEARCH_ALL = {.price_min = INT64_MIN, .price_max = INT64_MAX, .available = -1};

struct wanted { // values of one attribute, as ranges of a part's sorted values
    bool given;
    const struct str *folded;
    size_t n;
};

struct conditions {
    struct wanted by[ATTRIBUTES];
    int64_t price_min, price_max;
    int available;
    struct str *docs; // sorted
    size_t n_docs;
    bool any, by_doc;
};

static void read_list(struct arena *arena, struct wanted *w, bool given, const struct str *at, size_t n)
{
    struct str *folded = arena_calloc(arena, n + 1, sizeof *folded);
    *w = (struct wanted){.given = given, .folded = folded};
    for (size_t i = 0; given && i < n; i++) {
        struct str one = fold_text(arena, at[i], false);
        if (at[i].p)
            folded[w->n++] = one.p ? one : at[i];
    }
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void read_docs(struct arena *arena, struct conditions *c, const struct search_filter *f)
{
    c->by_doc = f->docs.given;
    c->n_docs = f->docs.given ? f->docs.n : 0;
    c->docs = arena_calloc(arena, c->n_docs + 1, sizeof *c->docs);
    if (!c->n_docs)
        return;
    memcpy(c->docs, f->docs.at, c->n_docs * sizeof *c->docs);
    qsort(c->docs, c->n_docs, sizeof *c->docs, by_bytes);
}

static struct conditions read_filter(struct arena *arena, const struct search_filter *f)
{
    struct conditions c = {.price_min = f->price_min, .price_max = f->price_max, .available = f->available};
    read_list(arena, &c.by[0], f->types.given, f->types.at, f->types.n);
    read_list(arena, &c.by[1], f->categories.given, f->categories.at, f->categories.n);
    read_list(arena, &c.by[2], f->suppliers.given, f->suppliers.at, f->suppliers.n);
    read_list(arena, &c.by[3], f->bases.given, f->bases.at, f->bases.n);
    read_docs(arena, &c, f);
    c.any = c.by_doc || c.price_min != INT64_MIN || c.price_max != INT64_MAX || c.available >= 0;
    for (size_t a = 0; a < ATTRIBUTES; a++)
        c.any = c.any || c.by[a].given;
    return c;
}

// The range of values that fold to `folded`: one, or several that differ in case.
static void value_range(const struct segment *s, size_t a, struct str folded, uint32_t *ret_from, uint32_t *ret_to)
{
    uint32_t from = 0, to = s->n_values[a];
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (str_cmp(s->values[a][middle].folded, folded) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *ret_from = from;
    while (from < s->n_values[a] && str_eq(s->values[a][from].folded, folded))
        from++;
    *ret_to = from;
}

// Marks the wanted values of an attribute (one byte a value); returns how many documents have them.
static size_t mark_values(const struct segment *s, size_t a, const struct wanted *w, uint8_t *marks)
{
    size_t documents = 0;
    memset(marks, 0, (size_t)s->n_values[a] + 1);
    for (size_t i = 0; i < w->n; i++) {
        uint32_t from, to;
        value_range(s, a, w->folded[i], &from, &to);
        for (; from < to; from++) {
            documents += marks[from] ? 0 : s->value_from[a][from + 1] - s->value_from[a][from];
            marks[from] = 1;
        }
    }
    return documents;
}

struct part_filter {
    const struct part *part;
    const struct conditions *c;
    uint8_t *marks[ATTRIBUTES];
    uint64_t *bits;
    struct allowed *allowed;
};

static void consider(struct part_filter *f, uint32_t document)
{
    const struct document *d = &f->part->segment->documents[document];
    const struct conditions *c = f->c;
    for (size_t a = 0; a < ATTRIBUTES; a++)
        if (c->by[a].given && (d->value[a] == NONE || !f->marks[a][d->value[a]]))
            return;
    bool priced = c->price_min != INT64_MIN || c->price_max != INT64_MAX;
    if (priced && (d->price == INT64_MIN || d->price < c->price_min || d->price > c->price_max))
        return;
    if ((c->available >= 0 && d->available != (c->available > 0)) || !passage_alive(f->part, d->first))
        return;
    if (c->by_doc && (!c->n_docs || !bsearch(&d->id, c->docs, c->n_docs, sizeof *c->docs, by_bytes)))
        return;
    for (uint32_t p = d->first; p < d->first + d->n; p++)
        f->bits[p >> 6] |= 1ull << (p & 63);
    f->allowed->n += d->n;
    f->allowed->n_documents++;
}

static void filter_part(struct query *q, const struct conditions *c, size_t i)
{
    const struct segment *s = q->reader->parts[i].segment;
    struct part_filter f = {&q->reader->parts[i], c, {NULL}, NULL, &q->allowed[i]};
    size_t words = bit_words(s->n_passages), fewest = s->n_documents, chosen = ATTRIBUTES;
    f.bits = scratch_alloc(q->scratch, words * sizeof *f.bits);
    memset(f.bits, 0, words * sizeof *f.bits);
    f.allowed->bits = f.bits;
    for (size_t a = 0; a < ATTRIBUTES; a++) {
        if (!c->by[a].given)
            continue;
        f.marks[a] = scratch_alloc(q->scratch, (size_t)s->n_values[a] + 1);
        size_t documents = mark_values(s, a, &c->by[a], f.marks[a]);
        if (documents <= fewest) {
            fewest = documents;
            chosen = a;
        }
    }
    if (chosen == ATTRIBUTES) {
        for (uint32_t d = 0; d < s->n_documents; d++)
            consider(&f, d);
        return;
    }
    for (uint32_t v = 0; v < s->n_values[chosen]; v++)
        for (uint32_t k = s->value_from[chosen][v]; f.marks[chosen][v] && k < s->value_from[chosen][v + 1]; k++) {
            __builtin_prefetch(
                &s->documents[s->value_documents[chosen][k + 8 < s->value_from[chosen][v + 1] ? k + 8 : k]]);
            consider(&f, s->value_documents[chosen][k]);
        }
}

void filter_apply(struct query *q)
{
    AUTO_ARENA struct arena *arena = arena_new(1024);
    struct conditions c = read_filter(arena, &q->asked->filter);
    q->allowed = scratch_alloc(q->scratch, (q->reader->n_parts + 1) * sizeof *q->allowed);
    for (size_t i = 0; i < q->reader->n_parts; i++) {
        const struct part *part = &q->reader->parts[i];
        q->allowed[i] = (struct allowed){.bits = NULL};
        if (c.any)
            filter_part(q, &c, i);
        else {
            q->allowed[i].n = part->overlay->live_passages;
            q->allowed[i].n_documents = part->overlay->live_documents;
            q->allowed[i].bits = part->overlay->alive;
        }
        q->n_allowed += q->allowed[i].n;
        q->n_documents += q->allowed[i].n_documents;
    }
}

void allowed_list(struct query *q)
{
    uint32_t base = 0;
    for (size_t i = 0; i < q->reader->n_parts; i++) {
        struct allowed *a = &q->allowed[i];
        a->base = base;
        base += a->n;
        if (!a->bits)
            continue;
        size_t words = bit_words(q->reader->parts[i].segment->n_passages);
        a->list = scratch_alloc(q->scratch, (a->n + 1) * sizeof *a->list);
        a->before = scratch_alloc(q->scratch, words * sizeof *a->before);
        uint32_t n = 0;
        for (size_t w = 0; w < words; w++) {
            a->before[w] = n;
            for (uint64_t bits = a->bits[w]; bits; bits &= bits - 1)
                a->list[n++] = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
        }
    }
}
