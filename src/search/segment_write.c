// SPDX-License-Identifier: Apache-2.0
// Both a new segment and a merged one are written by this. Impacts are computed here, from term frequency and passage
// length, so that every segment agrees with the average length it was written for.
#include "search/fold.h"
#include "search/segment.h"

#include "base/map.h"

#include <math.h>
#include <stdlib.h>

struct segment_writer {
    struct segment *s;
    VEC(struct document) documents;
    VEC(uint32_t) slots, document_of, ordinals, lengths;
    VEC(uint16_t) sets;
    VEC(struct weight_set) weights;
    VEC(struct entry) entries;
    VEC(char) text;
    VEC(struct run) runs;
    VEC(struct skip) skips;
    VEC(uint8_t) dense;
    VEC(uint16_t) ids;
    VEC(uint8_t) impacts, places;
    VEC(struct value) values[ATTRIBUTES];
    struct map *value_ids[ATTRIBUTES]; // original text → number + 1
    float *k;                          // by passage: k1 · (1 − b + b · length / average)
    uint32_t histogram[256];
};

struct segment_writer *segment_writer_new(float average)
{
    struct segment_writer *w = mem_zalloc(sizeof *w);
    w->s = mem_zalloc(sizeof *w->s);
    atomic_init(&w->s->refs, 1);
    w->s->average = average;
    w->s->strings = arena_new(4096);
    for (size_t a = 0; a < ATTRIBUTES; a++)
        w->value_ids[a] = map_new();
    return w;
}

static uint32_t value_id(struct segment_writer *w, size_t a, struct str value)
{
    if (!value.p)
        return NONE;
    size_t id = (size_t)map_get(w->value_ids[a], value);
    if (id)
        return (uint32_t)(id - 1);
    struct str original = arena_str(w->s->strings, value), folded = fold_text(w->s->strings, value, false);
    vec_push(&w->values[a], .original = original, .folded = folded.p ? folded : original);
    map_set(w->value_ids[a], value, (void *)w->values[a].n);
    return (uint32_t)w->values[a].n - 1;
}

void segment_writer_document(struct segment_writer *w, const struct document *document,
                             const struct str values[ATTRIBUTES])
{
    vec_reserve(&w->documents, 1);
    struct document *d = &w->documents.at[w->documents.n++];
    *d = *document;
    d->id = arena_str(w->s->strings, document->id);
    d->first = (uint32_t)w->slots.n;
    d->n = 0;
    for (size_t a = 0; a < ATTRIBUTES; a++)
        d->value[a] = value_id(w, a, values[a]);
}

static uint16_t weight_set_id(struct segment_writer *w, const struct weight_set *set)
{
    for (size_t i = w->weights.n; i-- > 0;) // the last ones first: neighbours share their weights
        if (memcmp(&w->weights.at[i], set, sizeof *set) == 0)
            return (uint16_t)i;
    if (w->weights.n == UINT16_MAX)
        return 0;
    vec_reserve(&w->weights, 1);
    w->weights.at[w->weights.n++] = *set;
    return (uint16_t)(w->weights.n - 1);
}

void segment_writer_passage(struct segment_writer *w, uint32_t slot, uint32_t ordinal, uint32_t length,
                            const struct weight_set *weights)
{
    vec_push(&w->slots, slot);
    vec_push(&w->document_of, (uint32_t)(w->documents.n - 1));
    vec_push(&w->ordinals, ordinal);
    vec_push(&w->lengths, length);
    vec_push(&w->sets, weight_set_id(w, weights));
    w->documents.at[w->documents.n - 1].n++;
}

static void prepare_lengths(struct segment_writer *w)
{
    w->k = mem_alloc((w->lengths.n + 1) * sizeof *w->k);
    for (size_t i = 0; i < w->lengths.n; i++)
        w->k[i] = BM25_K1 * (1 - BM25_B + BM25_B * (float)w->lengths.at[i] / w->s->average);
}

static void run_spread(struct segment_writer *w, struct run *run, uint32_t n)
{
    vec_reserve(&w->dense, CHUNK);
    uint8_t *by_id = w->dense.at + w->dense.n;
    memset(by_id, 0, CHUNK);
    for (uint32_t i = 0; i < n; i++)
        by_id[w->ids.at[run->at + i]] = w->impacts.at[run->at + i];
    run->dense = (uint32_t)(w->dense.n / CHUNK);
    w->dense.n += CHUNK;
}

static void run_close(struct segment_writer *w)
{
    struct run *run = &w->runs.at[w->runs.n - 1];
    uint32_t n = (uint32_t)w->ids.n - run->at;
    run->last = (uint16_t)(n - 1);
    for (uint32_t i = 0; i < n; i++)
        run->max = w->impacts.at[run->at + i] > run->max ? w->impacts.at[run->at + i] : run->max;
    if (n >= DENSE_FROM)
        run_spread(w, run, n);
    if (n < SKIP_FROM)
        return;
    run->skip = (uint32_t)w->skips.n;
    vec_push(&w->skips, .at = {0});
    struct skip *skip = &w->skips.at[run->skip];
    uint32_t i = 0;
    for (uint32_t window = 0; window < CHUNK / WINDOW; window++) {
        skip->at[window] = (uint16_t)i;
        for (; i < n && w->ids.at[run->at + i] / WINDOW == window; i++) {
            uint8_t impact = w->impacts.at[run->at + i];
            skip->max[window] = impact > skip->max[window] ? impact : skip->max[window];
        }
    }
}

static void entry_close(struct segment_writer *w)
{
    if (w->entries.n == 0)
        return;
    struct entry *e = &w->entries.at[w->entries.n - 1];
    e->runs = (uint32_t)w->runs.n - e->run;
    if (e->runs)
        run_close(w);
    else {
        w->entries.n--; // all its passages were dead
        w->text.n = e->text;
        return;
    }
    if (e->df >= BEST) {
        uint32_t above = 0;
        unsigned impact = 256;
        while (above < BEST)
            above += w->histogram[--impact];
        e->kth = (uint8_t)impact;
    }
}

void segment_writer_term(struct segment_writer *w, struct str text, uint32_t hash)
{
    if (!w->k)
        prepare_lengths(w);
    entry_close(w);
    memset(w->histogram, 0, sizeof w->histogram);
    vec_push(&w->entries, .hash = hash, .text = (uint32_t)w->text.n, .run = (uint32_t)w->runs.n,
             .text_n = (uint8_t)text.n);
    vec_reserve(&w->text, text.n);
    memcpy(w->text.at + w->text.n, text.p, text.n);
    w->text.n += text.n;
}

void segment_writer_posting(struct segment_writer *w, uint32_t passage, uint8_t place)
{
    struct entry *e = &w->entries.at[w->entries.n - 1];
    uint16_t chunk = (uint16_t)(passage >> 16);
    if (w->runs.n == e->run || w->runs.at[w->runs.n - 1].chunk != chunk) {
        if (w->runs.n > e->run)
            run_close(w);
        vec_push(&w->runs, .at = (uint32_t)w->ids.n, .skip = NONE, .dense = NONE, .chunk = chunk);
    }
    float tf = (float)(place & TF_MAX);
    float impact = nearbyintf(255 * tf / (tf + w->k[passage]));
    uint8_t quantised = (uint8_t)(impact < 1 ? 1 : impact > 255 ? 255 : impact);
    vec_push(&w->ids, (uint16_t)passage);
    vec_push(&w->impacts, quantised);
    vec_push(&w->places, place);
    w->histogram[quantised]++;
    e->df++;
}

static int value_order(const void *a, const void *b, void *values)
{
    const struct value *all = values, *x = &all[*(const uint32_t *)a], *y = &all[*(const uint32_t *)b];
    int by_folded = str_cmp(x->folded, y->folded);
    return by_folded ? by_folded : str_cmp(x->original, y->original);
}

// Sorts the values of one attribute and lists the documents of each.
static void finish_attribute(struct segment_writer *w, size_t a)
{
    struct segment *s = w->s;
    uint32_t n = (uint32_t)w->values[a].n;
    AUTO_FREE uint32_t *order = mem_alloc((n + 1) * sizeof *order);
    AUTO_FREE uint32_t *renumbered = mem_alloc((n + 1) * sizeof *renumbered);
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    qsort_r(order, n, sizeof *order, value_order, w->values[a].at);
    s->n_values[a] = n;
    s->values[a] = mem_alloc((n + 1) * sizeof *s->values[a]);
    for (uint32_t i = 0; i < n; i++) {
        s->values[a][i] = w->values[a].at[order[i]];
        renumbered[order[i]] = i;
    }
    uint32_t *from = s->value_from[a] = mem_calloc((size_t)n + 2, sizeof *from), with = 0;
    for (size_t d = 0; d < w->documents.n; d++) {
        uint32_t *value = &w->documents.at[d].value[a];
        if (*value == NONE)
            continue;
        *value = renumbered[*value];
        from[*value + 2]++;
        with++;
    }
    for (uint32_t i = 2; i < n + 2; i++)
        from[i] += from[i - 1];
    s->value_documents[a] = mem_alloc((with + 1u) * sizeof **s->value_documents);
    for (uint32_t d = 0; d < w->documents.n; d++)
        if (w->documents.at[d].value[a] != NONE)
            s->value_documents[a][from[w->documents.at[d].value[a] + 1]++] = d;
    s->bytes += n * sizeof(struct value) + (n + 2 + with) * sizeof(uint32_t);
}

static int exact_order(const void *a, const void *b)
{
    const struct exact *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->document > y->document) - (x->document < y->document);
}

static void finish_exacts(struct segment_writer *w)
{
    struct segment *s = w->s;
    s->exacts = mem_alloc((w->documents.n * 2 + 1) * sizeof *s->exacts);
    for (uint32_t d = 0; d < w->documents.n; d++)
        for (size_t i = 0; i < 2; i++)
            if (w->documents.at[d].exact[i])
                s->exacts[s->n_exacts++] = (struct exact){w->documents.at[d].exact[i], d};
    qsort(s->exacts, s->n_exacts, sizeof *s->exacts, exact_order);
    s->bytes += s->n_exacts * sizeof *s->exacts;
}

static void finish_table(struct segment *s)
{
    uint32_t size = 16;
    while (size < s->n_entries + s->n_entries / 2)
        size *= 2;
    s->table_mask = size - 1;
    s->table = mem_calloc(size, sizeof *s->table);
    for (uint32_t e = 0; e < s->n_entries; e++) {
        uint32_t i = s->entries[e].hash & s->table_mask;
        while (s->table[i])
            i = (i + 1) & s->table_mask;
        s->table[i] = e + 1;
    }
    s->bytes += size * sizeof *s->table;
}

#define TAKE(field, vec)                                                                                               \
    do {                                                                                                               \
        s->field = mem_realloc((vec).at, ((vec).n + 1) * sizeof *s->field);                                            \
        s->bytes += ((vec).n + 1) * sizeof *s->field;                                                                  \
    } while (0)

struct segment *segment_writer_finish(struct segment_writer *w)
{
    struct segment *s = w->s;
    entry_close(w);
    for (size_t a = 0; a < ATTRIBUTES; a++) {
        finish_attribute(w, a);
        map_free(w->value_ids[a]);
        vec_done(&w->values[a]);
    }
    finish_exacts(w);
    s->n_documents = (uint32_t)w->documents.n;
    s->n_passages = (uint32_t)w->slots.n;
    s->n_weights = (uint32_t)w->weights.n;
    s->n_entries = (uint32_t)w->entries.n;
    TAKE(documents, w->documents);
    TAKE(slots, w->slots);
    TAKE(document_of, w->document_of);
    TAKE(ordinals, w->ordinals);
    TAKE(lengths, w->lengths);
    TAKE(sets, w->sets);
    TAKE(weights, w->weights);
    TAKE(entries, w->entries);
    TAKE(text, w->text);
    TAKE(runs, w->runs);
    TAKE(skips, w->skips);
    TAKE(dense, w->dense);
    vec_reserve(&w->ids, PADDING);
    memset(w->ids.at + w->ids.n, 0, PADDING * sizeof *w->ids.at);
    w->ids.n += PADDING;
    TAKE(ids, w->ids);
    TAKE(impacts, w->impacts);
    TAKE(places, w->places);
    finish_table(s);
    s->bytes += sizeof *s + arena_used(s->strings);
    free(w->k);
    free(w);
    return s;
}
