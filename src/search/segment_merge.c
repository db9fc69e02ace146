// SPDX-License-Identifier: Apache-2.0
// Parts are merged in the order of their slots, so that slots stay ascending and a document stays in one piece.
#include "search/segment.h"

#include <stdlib.h>

static void copy_documents(struct segment_writer *w, const struct part *part, uint32_t *map, uint32_t *next)
{
    const struct segment *s = part->segment;
    for (uint32_t i = 0; i < s->n_documents; i++) {
        const struct document *d = &s->documents[i];
        bool alive = passage_alive(part, d->first);
        struct str values[ATTRIBUTES];
        for (size_t a = 0; a < ATTRIBUTES; a++)
            values[a] = d->value[a] == NONE ? STR_NULL : s->values[a][d->value[a]].original;
        if (alive)
            segment_writer_document(w, d, values);
        for (uint32_t p = d->first; p < d->first + d->n; p++) {
            map[p] = alive ? (*next)++ : NONE;
            if (alive)
                segment_writer_passage(w, s->slots[p], s->ordinals[p], s->lengths[p], &s->weights[s->sets[p]]);
        }
    }
}

static void copy_postings(struct segment_writer *w, const struct segment *s, const struct entry *e, const uint32_t *map)
{
    for (uint32_t r = e->run; r < e->run + e->runs; r++) {
        const struct run *run = &s->runs[r];
        for (uint32_t i = run->at; i <= run->at + run->last; i++) {
            uint32_t passage = map[(uint32_t)run->chunk << 16 | s->ids[i]];
            if (passage != NONE)
                segment_writer_posting(w, passage, s->places[i]);
        }
    }
}

static bool in_earlier(const struct part *parts, size_t before, struct str text, uint32_t hash)
{
    for (size_t i = 0; i < before; i++)
        if (segment_find(parts[i].segment, text, hash))
            return true;
    return false;
}

struct segment *segment_merge(const struct part *parts, size_t n, float average, uint32_t **ret_map)
{
    struct segment_writer *w = segment_writer_new(average);
    uint32_t next = 0;
    for (size_t i = 0; i < n; i++) {
        ret_map[i] = mem_alloc(((size_t)parts[i].segment->n_passages + 1) * sizeof **ret_map);
        copy_documents(w, &parts[i], ret_map[i], &next);
    }
    for (size_t i = 0; i < n; i++) {
        const struct segment *s = parts[i].segment;
        for (uint32_t k = 0; k < s->n_entries; k++) {
            const struct entry *e = &s->entries[k];
            struct str text = {s->text + e->text, e->text_n};
            if (in_earlier(parts, i, text, e->hash))
                continue;
            segment_writer_term(w, text, e->hash);
            copy_postings(w, s, e, ret_map[i]);
            for (size_t j = i + 1; j < n; j++) {
                const struct entry *more = segment_find(parts[j].segment, text, e->hash);
                if (more)
                    copy_postings(w, parts[j].segment, more, ret_map[j]);
            }
        }
    }
    return segment_writer_finish(w);
}
