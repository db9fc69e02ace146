// SPDX-License-Identifier: Apache-2.0
// Writing. A document put again is a new document at the end: its old passages are marked dead in their segment's
// overlay. Publishing turns what is pending into a segment, merges the last segments while they are of similar size
// (so that one upsert into a large collection writes one small segment, and n upserts rewrite a passage O(log n)
// times), and shares everything else with the generation before.
//
// How a reader takes a generation without a lock: it counts itself into `entering`, loads the pointer, takes a
// reference, and leaves `entering`. The writer swaps the pointer first and drops its own reference to the old
// generation only when it has then seen `entering` at 0: in the one order of these operations (all are sequentially
// consistent) a reader that entered before that moment has taken its reference by then, and one that enters later loads
// the new pointer. If readers are always about to enter, the old generation waits for the next publish.
#include "search/index.h"

#include "base/map.h"
#include "search/builder.h"
#include "search/vector.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    SEAL_POSTINGS = 4 << 20, // a pending segment is closed at so many
    MERGE_RATIO = 3,         // a segment smaller than this times what follows it is merged with it
    ID_MAX = 1024,
    TRIES = 1000,
};

struct search_index {
    pthread_mutex_t lock; // writers
    size_t dims;
    _Atomic(struct search_reader *) current;
    atomic_size_t entering, bytes, documents_published;
    VEC(struct search_reader *) retired;
    VEC(struct part) parts;
    struct rows rows;
    struct builder *pending;
    struct map *documents;            // id → first slot + 1
    uint32_t next_slot, pending_slot; // pending_slot: first of the pending documents
    float average;
    uint32_t all_of, bits_from;
    bool dirty;
};

static void reader_free(struct search_reader *g)
{
    for (size_t i = 0; i < g->n_parts; i++) {
        segment_unref(g->parts[i].segment);
        overlay_unref(g->parts[i].overlay);
    }
    free(g->parts);
    rows_release(&g->rows);
    free(g);
}

void search_reader_done(struct search_reader *reader)
{
    if (reader && atomic_fetch_sub(&reader->refs, 1) == 1)
        reader_free(reader);
}

struct search_reader *search_read(struct search_index *index)
{
    atomic_fetch_add(&index->entering, 1);
    struct search_reader *g = atomic_load(&index->current);
    atomic_fetch_add(&g->refs, 1);
    atomic_fetch_sub(&index->entering, 1);
    return g;
}

static void drop_retired(struct search_index *index)
{
    for (int i = 0; i < TRIES; i++) {
        if (atomic_load(&index->entering) != 0)
            continue;
        for (size_t k = 0; k < index->retired.n; k++)
            search_reader_done(index->retired.at[k]);
        index->retired.n = 0;
        return;
    }
}

static struct search_reader *generation_new(const struct search_index *index)
{
    struct search_reader *g = mem_zalloc(sizeof *g);
    atomic_init(&g->refs, 1);
    g->n_parts = index->parts.n;
    g->parts = mem_calloc(g->n_parts + 1, sizeof *g->parts);
    for (size_t i = 0; i < g->n_parts; i++) {
        g->parts[i] = index->parts.at[i];
        atomic_fetch_add(&g->parts[i].segment->refs, 1);
        atomic_fetch_add(&g->parts[i].overlay->refs, 1);
        g->passages += g->parts[i].overlay->live_passages;
        g->documents += g->parts[i].overlay->live_documents;
    }
    rows_share(&index->rows, &g->rows);
    g->average = index->average;
    g->all_of = index->all_of;
    g->bits_from = index->bits_from;
    return g;
}

struct search_index *search_index_new(size_t dims)
{
    struct search_index *index = mem_zalloc(sizeof *index);
    pthread_mutex_init(&index->lock, NULL);
    index->dims = dims;
    rows_init(&index->rows, dims);
    index->pending = builder_new();
    index->documents = map_new();
    search_tune(index, 20000, 50000);
    atomic_init(&index->current, generation_new(index));
    return index;
}

void search_tune(struct search_index *index, uint32_t all_of, uint32_t bits_from)
{
    index->all_of = all_of;
    index->bits_from = bits_from;
    index->dirty = true;
}

void search_index_free(struct search_index *index)
{
    if (!index)
        return;
    search_reader_done(atomic_load(&index->current));
    for (size_t i = 0; i < index->retired.n; i++)
        search_reader_done(index->retired.at[i]);
    vec_done(&index->retired);
    for (size_t i = 0; i < index->parts.n; i++) {
        segment_unref(index->parts.at[i].segment);
        overlay_unref(index->parts.at[i].overlay);
    }
    vec_done(&index->parts);
    rows_release(&index->rows);
    builder_free(index->pending);
    map_free(index->documents);
    pthread_mutex_destroy(&index->lock);
    free(index);
}

// The part's overlay, for writing: a copy when a generation shares it.
static struct overlay *overlay_own(struct part *part)
{
    if (atomic_load(&part->overlay->refs) > 1) {
        struct overlay *copy = overlay_copy(part->overlay, part->segment);
        overlay_unref(part->overlay);
        part->overlay = copy;
    }
    return part->overlay;
}

static struct part *part_of(struct search_index *index, uint32_t slot)
{
    size_t from = 0, to = index->parts.n;
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (index->parts.at[middle].segment->slots[0] <= slot)
            from = middle;
        else
            to = middle;
    }
    return &index->parts.at[from];
}

static void remove_published(struct search_index *index, uint32_t slot)
{
    struct part *part = part_of(index, slot);
    const struct segment *s = part->segment;
    const struct document *d = &s->documents[s->document_of[segment_slot(s, slot)]];
    struct overlay *o = overlay_own(part);
    if (!o->alive) {
        o->alive = mem_calloc(bit_words(s->n_passages), sizeof *o->alive);
        for (uint32_t i = 0; i < s->n_passages; i++)
            o->alive[i >> 6] |= 1ull << (i & 63);
    }
    for (uint32_t p = d->first; p < d->first + d->n; p++) {
        o->alive[p >> 6] &= ~(1ull << (p & 63));
        o->live_length -= s->lengths[p];
        if (o->rows && o->rows[p] != NONE)
            rows_kill(&index->rows, o->rows[p]);
    }
    o->live_passages -= d->n;
    o->live_documents--;
}

static void remove_document(struct search_index *index, struct str doc)
{
    size_t slot = (size_t)map_remove(index->documents, doc);
    if (!slot--)
        return;
    index->dirty = true;
    if (slot < index->pending_slot) {
        remove_published(index, (uint32_t)slot);
        return;
    }
    uint32_t first, n = builder_document(index->pending, (uint32_t)slot, &first);
    for (uint32_t p = first; n && p < first + n; p++)
        if (*builder_row(index->pending, p) != NONE)
            rows_kill(&index->rows, *builder_row(index->pending, p));
    builder_remove(index->pending, (uint32_t)slot);
}

static void seal(struct search_index *index)
{
    uint64_t length, passages;
    builder_lengths(index->pending, &length, &passages);
    float average = index->average > 0 ? index->average : passages ? (float)length / (float)passages : 1;
    struct part part = builder_finish(index->pending, average > 0 ? average : 1);
    if (part.segment) {
        vec_reserve(&index->parts, 1);
        index->parts.at[index->parts.n++] = part;
    }
    builder_free(index->pending);
    index->pending = builder_new();
    index->pending_slot = index->next_slot;
}

static uint32_t add_row(struct search_index *index, uint32_t slot, const float *vector, uint32_t before)
{
    if (before != NONE)
        rows_kill(&index->rows, before);
    return rows_add(&index->rows, slot, vector);
}

// A copy of length 1, or NULL.
static float *normalised(const struct search_index *index, const float *vector)
{
    float *copy = mem_alloc(index->dims * sizeof *copy);
    memcpy(copy, vector, index->dims * sizeof *copy);
    if (vector_normalise(copy, index->dims))
        return copy;
    free(copy);
    return NULL;
}

static size_t vectors_of(const struct search_passage *passage)
{
    return !passage->vector ? 0 : passage->n_vectors ? passage->n_vectors : 1;
}

static int check(const struct search_index *index, struct str doc, const struct search_passage *passages, size_t n,
                 struct err *err)
{
    if (!doc.p || doc.n == 0 || doc.n > ID_MAX)
        return err_set(err, ERR_INVALID, "a document id has 1 to %d bytes", ID_MAX);
    for (size_t i = 0; i < n; i++) {
        if (passages[i].n_zones > SEARCH_MAX_ZONES)
            return err_set(err, ERR_INVALID, "a passage has at most %d zones", SEARCH_MAX_ZONES);
        for (size_t z = 0; z < passages[i].n_zones; z++)
            if (!(passages[i].zones[z].weight >= 0 && passages[i].zones[z].weight <= 1))
                return err_set(err, ERR_INVALID, "a zone weighs 0 to 1");
        for (size_t k = 0; index->dims && k < vectors_of(&passages[i]); k++) {
            AUTO_FREE float *vector = normalised(index, passages[i].vector + k * index->dims);
            if (!vector)
                return err_set(err, ERR_INVALID, "a vector is zero or not finite");
        }
    }
    if (n > UINT32_MAX - 1 - index->next_slot)
        return err_set(err, ERR_LIMIT, "the collection has to be rebuilt: its numbers are used up");
    return 0;
}

static void add_rows(struct search_index *index, const struct search_passage *passage, uint32_t slot, uint32_t *ret_row)
{
    size_t n = vectors_of(passage);
    index->rows.several = index->rows.several || n > 1;
    for (size_t i = 0; i < n; i++) {
        AUTO_FREE float *vector = normalised(index, passage->vector + i * index->dims);
        uint32_t row = vector ? add_row(index, slot, vector, NONE) : NONE;
        *ret_row = i == 0 ? row : *ret_row;
    }
}

int search_put(struct search_index *index, struct str doc, const struct search_passage *passages, size_t n,
               struct err *err)
{
    pthread_mutex_lock(&index->lock);
    int code = check(index, doc, passages, n, err);
    if (code == 0)
        remove_document(index, doc);
    if (code == 0 && n > 0) {
        uint32_t slot = index->next_slot, first;
        builder_add(index->pending, doc, passages, n, slot);
        builder_document(index->pending, slot, &first);
        for (size_t i = 0; i < n && index->dims; i++)
            add_rows(index, &passages[i], slot + (uint32_t)i, builder_row(index->pending, first + (uint32_t)i));
        index->next_slot += (uint32_t)n;
        map_set(index->documents, doc, (void *)(size_t)(slot + 1u));
        index->dirty = true;
        if (builder_postings(index->pending) >= SEAL_POSTINGS)
            seal(index);
    }
    pthread_mutex_unlock(&index->lock);
    return code;
}

static uint32_t *row_of_published(struct search_index *index, uint32_t slot, uint32_t ordinal, uint32_t *ret_slot)
{
    struct part *part = part_of(index, slot);
    const struct segment *s = part->segment;
    const struct document *d = &s->documents[s->document_of[segment_slot(s, slot)]];
    uint32_t p = d->first + (ordinal < d->n ? ordinal : 0); // ordinals mostly count from 0
    if (s->ordinals[p] != ordinal)
        for (p = d->first; p < d->first + d->n && s->ordinals[p] != ordinal;)
            p++;
    if (p == d->first + d->n)
        return NULL;
    struct overlay *o = overlay_own(part);
    if (!o->rows) {
        o->rows = mem_alloc(s->n_passages * sizeof *o->rows);
        memset(o->rows, 0xFF, s->n_passages * sizeof *o->rows);
    }
    *ret_slot = s->slots[p];
    return &o->rows[p];
}

static uint32_t *row_of_pending(struct search_index *index, uint32_t slot, uint32_t ordinal, uint32_t *ret_slot)
{
    uint32_t first, n = builder_document(index->pending, slot, &first);
    for (uint32_t i = 0; i < n; i++)
        if (builder_ordinal(index->pending, first + i) == ordinal) {
            *ret_slot = slot + i;
            return builder_row(index->pending, first + i);
        }
    return NULL;
}

int search_put_vector(struct search_index *index, struct str doc, uint32_t ordinal, const float *vector)
{
    if (!index->dims || !vector)
        return ERR_INVALID;
    AUTO_FREE float *copy = normalised(index, vector);
    if (!copy)
        return ERR_INVALID;
    pthread_mutex_lock(&index->lock);
    size_t slot = (size_t)map_get(index->documents, doc);
    uint32_t *row = NULL, passage_slot = 0;
    if (slot--)
        row = slot < index->pending_slot ? row_of_published(index, (uint32_t)slot, ordinal, &passage_slot)
                                         : row_of_pending(index, (uint32_t)slot, ordinal, &passage_slot);
    if (row) {
        *row = add_row(index, passage_slot, copy, *row);
        index->dirty = true;
    }
    pthread_mutex_unlock(&index->lock);
    return row ? 0 : ERR_NOT_FOUND;
}

// Parts from..from+n become one (or none, when nothing in them lives).
static void merge(struct search_index *index, size_t from, size_t n)
{
    struct part *parts = &index->parts.at[from], merged = {NULL, NULL};
    AUTO_FREE uint32_t **maps = mem_calloc(n, sizeof *maps);
    merged.segment = segment_merge(parts, n, index->average, maps);
    merged.overlay = overlay_new(merged.segment);
    for (size_t i = 0; i < n; i++) {
        const uint32_t *rows = parts[i].overlay->rows;
        for (uint32_t p = 0; rows && p < parts[i].segment->n_passages; p++) {
            if (rows[p] == NONE || maps[i][p] == NONE)
                continue;
            if (!merged.overlay->rows) {
                merged.overlay->rows = mem_alloc(merged.segment->n_passages * sizeof *rows);
                memset(merged.overlay->rows, 0xFF, merged.segment->n_passages * sizeof *rows);
            }
            merged.overlay->rows[maps[i][p]] = rows[p];
        }
        free(maps[i]);
        segment_unref(parts[i].segment);
        overlay_unref(parts[i].overlay);
    }
    size_t kept = merged.segment->n_passages ? 1 : 0;
    if (kept)
        parts[0] = merged;
    else {
        segment_unref(merged.segment);
        overlay_unref(merged.overlay);
    }
    memmove(parts + kept, parts + n, (index->parts.n - from - n) * sizeof *parts);
    index->parts.n -= n - kept;
}

// The average length moved by a tenth: all impacts are computed anew.
static bool average_moved(struct search_index *index)
{
    uint64_t length = 0, passages = 0;
    for (size_t i = 0; i < index->parts.n; i++) {
        length += index->parts.at[i].overlay->live_length;
        passages += index->parts.at[i].overlay->live_passages;
    }
    if (!passages || !length)
        return false;
    float average = (float)length / (float)passages;
    if (index->average > 0 && fabsf(average / index->average - 1) <= 0.1f)
        return false;
    index->average = average;
    return true;
}

static void merge_similar(struct search_index *index)
{
    if (average_moved(index)) {
        bool equal = index->parts.n == 1 && fabsf(index->parts.at[0].segment->average / index->average - 1) < 1e-6f;
        if (!equal)
            merge(index, 0, index->parts.n);
        return;
    }
    for (size_t i = index->parts.n; i-- > 0;) { // mostly dead ones
        const struct part *part = &index->parts.at[i];
        if ((part->segment->n_passages - part->overlay->live_passages) > part->segment->n_passages / 3)
            merge(index, i, 1);
    }
    if (index->parts.n == 0)
        return;
    size_t from = index->parts.n - 1;
    uint64_t size = index->parts.at[from].overlay->live_passages;
    while (from > 0 && index->parts.at[from - 1].overlay->live_passages < MERGE_RATIO * size)
        size += index->parts.at[--from].overlay->live_passages;
    if (index->parts.n - from > 1)
        merge(index, from, index->parts.n - from);
}

// Writes the living vectors anew when a third of the rows is dead.
static void compact_rows(struct search_index *index)
{
    struct rows *old = &index->rows, fresh;
    if (old->n_dead < 64 || old->n_dead < old->n / 3)
        return;
    rows_init(&fresh, index->dims);
    fresh.several = old->several;
    for (size_t i = 0; i < index->parts.n; i++) {
        struct part *part = &index->parts.at[i];
        struct overlay *o = part->overlay->rows ? overlay_own(part) : NULL;
        for (uint32_t p = 0; o && p < part->segment->n_passages; p++) {
            if (o->rows[p] == NONE)
                continue;
            uint32_t row = o->rows[p];
            o->rows[p] = passage_alive(part, p) ? fresh.n : NONE;
            for (bool more = o->rows[p] != NONE; more; row++) {
                uint32_t at, chunk = rows_chunk(row, &at);
                more = rows_go_on(old, row);
                (void)rows_add(&fresh, part->segment->slots[p], old->chunks.at[chunk]->f32 + at * index->dims);
            }
        }
    }
    rows_release(old);
    *old = fresh;
}

static void count_bytes(struct search_index *index)
{
    size_t bytes = sizeof *index + rows_bytes(&index->rows);
    for (size_t i = 0; i < index->parts.n; i++)
        bytes +=
            index->parts.at[i].segment->bytes + overlay_bytes(index->parts.at[i].overlay, index->parts.at[i].segment);
    bytes += map_count(index->documents) * 64;
    atomic_store(&index->bytes, bytes);
}

void search_publish(struct search_index *index)
{
    pthread_mutex_lock(&index->lock);
    if (index->dirty) {
        seal(index);
        merge_similar(index);
        compact_rows(index);
        count_bytes(index);
        struct search_reader *g = generation_new(index);
        atomic_store(&index->documents_published, (size_t)g->documents);
        vec_push(&index->retired, atomic_exchange(&index->current, g));
        index->dirty = false;
    }
    drop_retired(index);
    pthread_mutex_unlock(&index->lock);
}

size_t search_bytes(const struct search_index *index)
{
    return atomic_load(&index->bytes);
}

size_t search_documents(const struct search_index *index)
{
    return atomic_load(&index->documents_published);
}

size_t search_dims(const struct search_index *index)
{
    return index->dims;
}
