// SPDX-License-Identifier: Apache-2.0
#include "search/builder.h"

#include "search/fold.h"
#include "search/scan.h"

#include <stdlib.h>

enum { MOST_TERMS = 100000 };

enum { HEAD = 15 };

struct word { // half a cache line: meeting a word again costs two misses, not four
    uint32_t hash, text, seen, tuple; // seen: passage + 1 that met it last, its posting there
    uint8_t text_n;
    char head[HEAD]; // the word, if it is that short
};

struct place_of_word {
    uint32_t hash, word; // word + 1; 0 = free
};

struct pending {
    struct document d;
    struct str values[ATTRIBUTES];
    uint32_t slot, first, n;
    bool dead;
};

struct passage {
    uint32_t slot, ordinal, length, tuples; // tuples: its first
    struct weight_set weights;
};

struct builder {
    struct arena *strings;
    VEC(struct pending) documents;
    VEC(struct passage) passages;
    VEC(uint32_t) rows;
    VEC(struct word) words;
    VEC(char) text;
    VEC(uint32_t) tuple_words; // postings by passage: word, place
    VEC(uint8_t) tuple_places;
    struct place_of_word *table;
    uint32_t table_mask;
};

struct builder *builder_new(void)
{
    struct builder *b = mem_zalloc(sizeof *b);
    b->strings = arena_new(4096);
    b->table_mask = 255;
    b->table = mem_calloc(b->table_mask + 1, sizeof *b->table);
    return b;
}

void builder_free(struct builder *b)
{
    if (!b)
        return;
    arena_free(b->strings);
    vec_done(&b->documents);
    vec_done(&b->passages);
    vec_done(&b->rows);
    vec_done(&b->words);
    vec_done(&b->text);
    vec_done(&b->tuple_words);
    vec_done(&b->tuple_places);
    free(b->table);
    free(b);
}

static void table_grow(struct builder *b)
{
    free(b->table);
    b->table_mask = b->table_mask * 2 + 1;
    b->table = mem_calloc((size_t)b->table_mask + 1, sizeof *b->table);
    for (uint32_t w = 0; w < b->words.n; w++) {
        uint32_t i = b->words.at[w].hash & b->table_mask;
        while (b->table[i].word)
            i = (i + 1) & b->table_mask;
        b->table[i] = (struct place_of_word){b->words.at[w].hash, w + 1};
    }
}

static bool is_word(const struct builder *b, const struct word *w, struct str text)
{
    return w->text_n == text.n && memcmp(text.n <= HEAD ? w->head : b->text.at + w->text, text.p, text.n) == 0;
}

static uint32_t word_of(struct builder *b, struct str text)
{
    uint32_t hash = (uint32_t)str_hash(text), i = hash & b->table_mask;
    for (; b->table[i].word; i = (i + 1) & b->table_mask)
        if (b->table[i].hash == hash && is_word(b, &b->words.at[b->table[i].word - 1], text))
            return b->table[i].word - 1;
    vec_push(&b->words, .hash = hash, .text = (uint32_t)b->text.n, .text_n = (uint8_t)text.n);
    memcpy(b->words.at[b->words.n - 1].head, text.p, text.n < HEAD ? text.n : HEAD);
    vec_reserve(&b->text, text.n);
    memcpy(b->text.at + b->text.n, text.p, text.n);
    b->text.n += text.n;
    b->table[i] = (struct place_of_word){hash, (uint32_t)b->words.n};
    if (b->words.n * 3 > (size_t)b->table_mask * 2)
        table_grow(b);
    return (uint32_t)b->words.n - 1;
}

struct zone_scan {
    struct builder *b;
    struct passage *passage;
    uint32_t number; // of the passage, + 1
    uint8_t zone;
};

static void meet(void *arg, const struct term *term)
{
    struct zone_scan *z = arg;
    struct builder *b = z->b;
    uint32_t id = word_of(b, term->text);
    struct word *w = &b->words.at[id];
    z->passage->length++;
    if (w->seen != z->number) {
        w->seen = z->number;
        w->tuple = (uint32_t)b->tuple_words.n;
        vec_push(&b->tuple_words, id);
        vec_push(&b->tuple_places, (uint8_t)(z->zone << 6 | 1));
        return;
    }
    uint8_t *place = &b->tuple_places.at[w->tuple], zone = *place >> 6, tf = *place & TF_MAX;
    const float *weights = z->passage->weights.at;
    *place = (uint8_t)((weights[z->zone] > weights[zone] ? z->zone : zone) << 6 | (tf < TF_MAX ? tf + 1 : tf));
}

static void add_passage(struct builder *b, const struct search_passage *p, uint32_t slot)
{
    struct passage passage = {.slot = slot, .ordinal = p->ordinal, .tuples = (uint32_t)b->tuple_words.n};
    for (size_t z = 0; z < p->n_zones; z++)
        passage.weights.at[z] = p->zones[z].weight;
    struct zone_scan scan = {b, &passage, (uint32_t)b->passages.n + 1, 0};
    for (; scan.zone < p->n_zones && passage.length < MOST_TERMS; scan.zone++)
        scan_terms(p->zones[scan.zone].text, MOST_TERMS - passage.length, false, meet, &scan);
    vec_reserve(&b->passages, 1);
    b->passages.at[b->passages.n++] = passage;
    vec_push(&b->rows, NONE);
}

static uint64_t exact_hash(struct str text)
{
    AUTO_ARENA struct arena *arena = arena_new(2048);
    struct str folded = fold_text(arena, text, true);
    return folded.n ? str_hash(folded) : 0;
}

void builder_add(struct builder *b, struct str id, const struct search_passage *passages, size_t n, uint32_t slot)
{
    const struct search_attrs *a = &passages[0].attrs;
    vec_push(&b->documents, .slot = slot, .first = (uint32_t)b->passages.n, .n = (uint32_t)n);
    struct pending *p = &b->documents.at[b->documents.n - 1];
    p->d = (struct document){.id = arena_str(b->strings, id),
                             .price = a->price,
                             .order = a->order,
                             .available = a->available,
                             .exact[0] = exact_hash(id)};
    if (passages[0].n_zones)
        p->d.exact[1] = exact_hash(passages[0].zones[0].text);
    const struct str values[ATTRIBUTES] = {a->type, a->category, a->supplier, a->base};
    for (size_t i = 0; i < ATTRIBUTES; i++)
        p->values[i] = arena_str(b->strings, values[i]);
    for (size_t i = 0; i < n; i++)
        add_passage(b, &passages[i], slot + (uint32_t)i);
}

static struct pending *find(const struct builder *b, uint32_t slot)
{
    size_t from = 0, to = b->documents.n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (b->documents.at[middle].slot < slot)
            from = middle + 1;
        else
            to = middle;
    }
    struct pending *p = from < b->documents.n ? &b->documents.at[from] : NULL;
    return p && p->slot == slot && !p->dead ? p : NULL;
}

uint32_t builder_document(const struct builder *b, uint32_t slot, uint32_t *ret_first)
{
    const struct pending *p = find(b, slot);
    if (!p)
        return 0;
    *ret_first = p->first;
    return p->n;
}

void builder_remove(struct builder *b, uint32_t slot)
{
    struct pending *p = find(b, slot);
    if (p)
        p->dead = true;
}

uint32_t builder_ordinal(const struct builder *b, uint32_t passage)
{
    return b->passages.at[passage].ordinal;
}

uint32_t *builder_row(struct builder *b, uint32_t passage)
{
    return &b->rows.at[passage];
}

size_t builder_postings(const struct builder *b)
{
    return b->tuple_words.n;
}

void builder_lengths(const struct builder *b, uint64_t *ret_length, uint64_t *ret_passages)
{
    *ret_length = *ret_passages = 0;
    for (size_t d = 0; d < b->documents.n; d++) {
        const struct pending *p = &b->documents.at[d];
        for (uint32_t i = p->first; !p->dead && i < p->first + p->n; i++) {
            *ret_length += b->passages.at[i].length;
            ++*ret_passages;
        }
    }
}

struct posting {
    uint32_t passage;
    uint8_t place;
};

// Passages of living documents are numbered anew in *next; their postings are sorted by word into `sorted`.
static void sort_postings(const struct builder *b, const uint32_t *numbers, uint32_t *from, struct posting *sorted)
{
    for (size_t p = 0; p < b->passages.n; p++) {
        size_t end = p + 1 < b->passages.n ? b->passages.at[p + 1].tuples : b->tuple_words.n;
        for (size_t t = b->passages.at[p].tuples; numbers[p] != NONE && t < end; t++)
            sorted[from[b->tuple_words.at[t] + 1]++] = (struct posting){numbers[p], b->tuple_places.at[t]};
    }
}

static void write_words(struct builder *b, struct segment_writer *w, const uint32_t *numbers)
{
    uint32_t n = (uint32_t)b->words.n;
    AUTO_FREE uint32_t *from = mem_calloc((size_t)n + 2, sizeof *from);
    for (size_t p = 0; p < b->passages.n; p++) {
        size_t end = p + 1 < b->passages.n ? b->passages.at[p + 1].tuples : b->tuple_words.n;
        for (size_t t = b->passages.at[p].tuples; numbers[p] != NONE && t < end; t++)
            from[b->tuple_words.at[t] + 2]++;
    }
    for (uint32_t i = 2; i < n + 2; i++)
        from[i] += from[i - 1];
    AUTO_FREE struct posting *sorted = mem_alloc((from[n + 1] + 1u) * sizeof *sorted);
    sort_postings(b, numbers, from, sorted); // moves every from[i + 1] to the end of word i
    for (uint32_t i = 0, at = 0; i < n; i++) {
        const struct word *word = &b->words.at[i];
        if (at < from[i + 1])
            segment_writer_term(w, (struct str){b->text.at + word->text, word->text_n}, word->hash);
        for (; at < from[i + 1]; at++)
            segment_writer_posting(w, sorted[at].passage, sorted[at].place);
    }
}

struct part builder_finish(struct builder *b, float average)
{
    struct segment_writer *w = segment_writer_new(average);
    AUTO_FREE uint32_t *numbers = mem_alloc((b->passages.n + 1) * sizeof *numbers);
    AUTO_FREE uint32_t *rows = mem_alloc((b->passages.n + 1) * sizeof *rows);
    uint32_t next = 0;
    bool vectors = false;
    for (size_t d = 0; d < b->documents.n; d++) {
        const struct pending *p = &b->documents.at[d];
        if (!p->dead)
            segment_writer_document(w, &p->d, p->values);
        for (uint32_t i = p->first; i < p->first + p->n; i++) {
            const struct passage *passage = &b->passages.at[i];
            numbers[i] = p->dead ? NONE : next;
            if (p->dead)
                continue;
            vectors = vectors || b->rows.at[i] != NONE;
            rows[next++] = b->rows.at[i];
            segment_writer_passage(w, passage->slot, passage->ordinal, passage->length, &passage->weights);
        }
    }
    write_words(b, w, numbers);
    struct part part = {segment_writer_finish(w), NULL};
    if (part.segment->n_passages == 0) {
        segment_unref(part.segment);
        return (struct part){NULL, NULL};
    }
    part.overlay = overlay_new(part.segment);
    if (vectors) {
        part.overlay->rows = mem_alloc(next * sizeof *rows);
        memcpy(part.overlay->rows, rows, next * sizeof *rows);
    }
    return part;
}
