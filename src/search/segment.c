// SPDX-License-Identifier: Apache-2.0
#include "search/segment.h"

#include <stdlib.h>

void segment_unref(struct segment *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    arena_free(s->strings);
    for (size_t a = 0; a < ATTRIBUTES; a++) {
        free(s->values[a]);
        free(s->value_from[a]);
        free(s->value_documents[a]);
    }
    void *owned[] = {s->documents, s->slots,   s->document_of, s->ordinals, s->lengths, s->sets,
                     s->weights,   s->entries, s->table,       s->text,     s->runs,    s->skips,
                     s->dense,     s->ids,     s->impacts,     s->places,   s->exacts};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    free(s);
}

const struct entry *segment_find(const struct segment *s, struct str term, uint32_t hash)
{
    for (uint32_t i = hash & s->table_mask;; i = (i + 1) & s->table_mask) {
        if (!s->table[i])
            return NULL;
        const struct entry *e = &s->entries[s->table[i] - 1];
        if (e->hash == hash && e->text_n == term.n && memcmp(s->text + e->text, term.p, term.n) == 0)
            return e;
    }
}

uint32_t segment_slot(const struct segment *s, uint32_t slot)
{
    uint32_t from = 0, to = s->n_passages, guess = slot - s->slots[0];
    if (slot >= s->slots[0] && guess < to && s->slots[guess] == slot)
        return guess; // nothing was removed before it
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (s->slots[middle] < slot)
            from = middle + 1;
        else
            to = middle;
    }
    return from < s->n_passages && s->slots[from] == slot ? from : NONE;
}

typedef uint16_t ids8 __attribute__((vector_size(16), aligned(2), may_alias));

// Counts the smaller ones, eight at a time: windows are short, and a binary search would mispredict each of its steps.
uint32_t ids_find(const uint16_t *ids, uint32_t n, uint16_t id)
{
    static const ids8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
    while (n > 64) {
        uint32_t half = n / 2;
        const uint16_t *upper = ids + half;
        if (upper[-1] < id) {
            uint32_t at = ids_find(upper, n - half, id);
            return at == NONE ? NONE : half + at;
        }
        n = half;
    }
    ids8 smaller = {0};
    for (uint32_t i = 0; i < n; i += 8) {
        ids8 inside = (ids8)(lane < (uint16_t)(n - i));
        smaller -= (ids8)(*(const ids8 *)(ids + i) < id) & inside;
    }
    uint32_t at = 0;
    for (int i = 0; i < 8; i++)
        at += smaller[i];
    return at < n && ids[at] == id ? at : NONE;
}

uint32_t run_find(const struct segment *s, const struct run *run, uint16_t id)
{
    const uint16_t *ids = s->ids + run->at;
    uint32_t from = 0, n = (uint32_t)run->last + 1;
    if (run->dense != NONE && !s->dense[(size_t)run->dense * CHUNK + id])
        return NONE;
    if (run->skip != NONE) {
        const struct skip *skip = &s->skips[run->skip];
        uint32_t window = id / WINDOW;
        from = skip->at[window];
        n = (window + 1 < CHUNK / WINDOW ? skip->at[window + 1] : n) - from;
    }
    uint32_t at = ids_find(ids + from, n, id);
    return at == NONE ? NONE : from + at;
}

uint32_t entry_find(const struct segment *s, const struct entry *entry, uint32_t passage)
{
    for (uint32_t r = entry->run; r < entry->run + entry->runs; r++) {
        if (s->runs[r].chunk != passage >> 16)
            continue;
        uint32_t at = run_find(s, &s->runs[r], (uint16_t)passage);
        return at == NONE ? NONE : s->runs[r].at + at;
    }
    return NONE;
}

uint32_t entry_df(const struct part *part, const struct entry *entry)
{
    enum { COUNTED = 4096 };
    const struct segment *s = part->segment;
    const struct overlay *o = part->overlay;
    if (!o->alive)
        return entry->df;
    if (entry->df > COUNTED)
        return (uint32_t)((uint64_t)entry->df * o->live_passages / s->n_passages);
    uint32_t df = 0;
    for (uint32_t r = entry->run; r < entry->run + entry->runs; r++) {
        const struct run *run = &s->runs[r];
        for (uint32_t i = 0; i <= run->last; i++)
            df += bit_get(o->alive, (uint32_t)run->chunk << 16 | s->ids[run->at + i]);
    }
    return df;
}

struct overlay *overlay_new(const struct segment *segment)
{
    struct overlay *o = mem_zalloc(sizeof *o);
    atomic_init(&o->refs, 1);
    o->live_passages = segment->n_passages;
    o->live_documents = segment->n_documents;
    for (uint32_t i = 0; i < segment->n_passages; i++)
        o->live_length += segment->lengths[i];
    return o;
}

static void *copy_of(const void *p, size_t bytes)
{
    return p && bytes ? memcpy(mem_alloc(bytes), p, bytes) : NULL;
}

struct overlay *overlay_copy(const struct overlay *old, const struct segment *segment)
{
    struct overlay *o = mem_zalloc(sizeof *o);
    atomic_init(&o->refs, 1);
    o->live_passages = old->live_passages;
    o->live_documents = old->live_documents;
    o->live_length = old->live_length;
    o->alive = copy_of(old->alive, bit_words(segment->n_passages) * sizeof *o->alive);
    o->rows = copy_of(old->rows, segment->n_passages * sizeof *o->rows);
    return o;
}

void overlay_unref(struct overlay *o)
{
    if (!o || atomic_fetch_sub(&o->refs, 1) != 1)
        return;
    free(o->alive);
    free(o->rows);
    free(o);
}

size_t overlay_bytes(const struct overlay *o, const struct segment *segment)
{
    return sizeof *o + (o->alive ? bit_words(segment->n_passages) * sizeof *o->alive : 0) +
           (o->rows ? segment->n_passages * sizeof *o->rows : 0);
}
