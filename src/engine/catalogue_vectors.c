// SPDX-License-Identifier: Apache-2.0
// A title says what a passage is about in few words, often as the very question that it answers. Its vector counts
// TITLE_PART of the passage's: on the development questions 0.3 finds more than none, and more than half does worse in
// telling what has no answer.
#include "engine/catalogue_vectors.h"

#include "engine/vector_text.h"

#define TITLE_PART 0.3f

static const char *const product_kinds[] = {VECTOR_OF_PRODUCT, VECTOR_OF_PRODUCT_WINDOW, NULL};
static const char *const passage_kinds[] = {VECTOR_OF_PASSAGE, VECTOR_OF_WINDOW, VECTOR_OF_TITLE, NULL};

static const char *const *kinds_of(const struct catalogue_vectors *vectors)
{
    return vectors->products ? product_kinds : passage_kinds;
}

static struct str name_of(struct arena *arena, const char *kind, struct str document, int64_t ordinal)
{
    return arena_strf(arena, "%s/" STR_FMT "/%lld", kind, STR_ARG(document), (long long)ordinal);
}

int catalogue_vectors_keep(void *arg, const struct vector_row *row)
{
    struct catalogue_vectors *v = arg;
    const char *const *kind = kinds_of(v);
    while (*kind && !str_eq(row->kind, str_from(*kind)))
        kind++;
    if (!*kind || (v->dims && row->dims != v->dims) || !row->dims)
        return 0;
    v->dims = row->dims;
    enum embedder_text of = strcmp(*kind, VECTOR_OF_TITLE) == 0 ? EMBEDDER_TITLE : EMBEDDER_PASSAGE;
    (void)map_set(v->by_name, name_of(v->arena, *kind, row->document_id, row->ordinal),
                  embedder_shaped(v->embedder, v->key, v->calibration, v->arena, of, row->vector, row->dims));
    return 0;
}

int catalogue_vectors_read(struct catalogue_vectors *vectors, struct tx *tx, struct str model, struct str document,
                           struct err *err)
{
    int rc = 0;
    for (const char *const *kind = kinds_of(vectors); *kind && !rc; kind++)
        rc = vector_list_of(tx, model, str_from(*kind), document, catalogue_vectors_keep, vectors, err);
    return rc;
}

struct kept {
    struct calibration *calibration;
    size_t dims;
};

static int unpack(void *arg, const struct vector_row *row)
{
    struct kept *kept = arg;
    calibration_free(kept->calibration);
    kept->calibration = calibration_unpack(row->vector, row->dims, kept->dims);
    return 0;
}

int catalogue_calibration(struct tx *tx, struct str model, size_t dims, struct calibration **ret, struct err *err)
{
    struct kept kept = {.dims = dims};
    int rc = vector_list_of(tx, model, STR(VECTOR_OF_CALIBRATION), STR(""), unpack, &kept, err);
    *ret = kept.calibration;
    return rc;
}

static const float *find(const struct catalogue_vectors *v, struct arena *work, const char *kind, struct str document,
                         int64_t ordinal)
{
    return map_get(v->by_name, name_of(work, kind, document, ordinal));
}

static void put_row(struct catalogue_vectors *v, float *to, const float *vector, const float *title)
{
    float square = 0;
    for (size_t i = 0; i < v->dims; i++) {
        to[i] = title ? (1 - TITLE_PART) * vector[i] + TITLE_PART * title[i] : vector[i];
        square += to[i] * to[i];
    }
    for (size_t i = 0; title && square > 0 && i < v->dims; i++)
        to[i] /= __builtin_sqrtf(square);
    centre_add(v->centre, to, v->dims);
}

size_t catalogue_vectors_of(struct catalogue_vectors *v, struct arena *work, const struct catalogue_vector_text *text,
                            const float **ret, const float **ret_alone)
{
    const char *const *kinds = kinds_of(v);
    const float *first = map_count(v->by_name) ? find(v, work, kinds[0], text->document, text->ordinal) : NULL;
    struct str window;
    size_t pos = 0, n = 0;
    *ret = *ret_alone = first;
    if (!first)
        return 0;
    const float *title = v->products ? NULL : find(v, work, VECTOR_OF_TITLE, text->document, 0);
    size_t most = vector_text_is_long(text->text) ? VECTOR_WINDOWS_MOST : 1;
    float *rows = arena_alloc(work, most * v->dims * sizeof *rows);
    for (size_t i = 0; i < most && (most == 1 || vector_window_next(work, text->head, text->text, &pos, &window));
         i++) {
        const float *vector =
            i ? find(v, work, kinds[1], text->document, vector_window_ordinal(text->ordinal, (int64_t)i)) : first;
        if (vector)
            put_row(v, rows + n++ * v->dims, vector, title);
    }
    *ret = rows;
    return n;
}
