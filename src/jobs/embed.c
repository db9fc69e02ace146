// SPDX-License-Identifier: Apache-2.0
// Makes the vectors that a brand's passages still lack: newest first, in batches, each stored before the next, so that
// a restart goes on where it was. What is embedded is exactly what the catalogue indexes (engine/vector_text.h). A text
// that the model has seen before is not computed again.
//
// Another model than the one whose vectors are searched begins beside them. When nothing lacks its vector any more, the
// new ones take their place in one transaction, and the old ones go. Vectors of one model that come in other dimensions
// than the index has are refused: what is there stays, and health says so.
//
// A model that has no scale of its own is calibrated as soon as it has made the first vectors (jobs/calibrate.h).
#include "jobs/calibrate.h"
#include "jobs/kinds.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "engine/chunk.h"
#include "engine/vector_text.h"
#include "store/crud.h"
#include "store/document.h"
#include "store/knowledge.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

// A round ends after its time, so that what was added meanwhile, which is the newest, comes next.
enum {
    ROUND_MOST = 512,
    ROUND_MS = 20000,
    EMBED_MS = 60000,
    ORPHANS_MS = 24 * 60 * 60 * 1000,
    CALIBRATE_AGAIN_MS = 5000
};

struct passage {
    const char *kind; // NULL: a free place
    char *document, *text;
    size_t text_n;
    int64_t ordinal;
    char hash[CRYPTO_HEX_SIZE];
};

struct todo {
    const struct jobs_options *with;
    struct scope scope;
    struct str job; // its id
    struct embedder_model model;
    struct str key;            // of it
    struct vector_index index; // as the brand has it
    struct arena *arena;
    struct arena *round;
    struct map *known; // "<kind>/<document>/<ordinal>" → hash of the text that has a vector
    // Of one round: the newest ROUND_MOST that lack one, in a ring; the next place is that of `n`.
    struct passage *ring;
    size_t n;
    bool calibrated; // or tried to
    // Of one batch
    struct passage *batch[EMBEDDER_BATCH_MOST];
    size_t n_batch;
    bool stored[EMBEDDER_BATCH_MOST]; // the store has the vector of that text
    const float **vectors;            // of the others, in their order; NULL: it did not come
    bool partly;                      // some did not
    size_t dims;
};

static struct str key_of(struct arena *arena, struct str kind, struct str document, int64_t ordinal)
{
    return arena_strf(arena, STR_FMT "/" STR_FMT "/%lld", STR_ARG(kind), STR_ARG(document), (long long)ordinal);
}

static void passage_clear(struct passage *passage)
{
    free(passage->document);
    free(passage->text);
    *passage = (struct passage){0};
}

// ---- what lacks a vector -------------------------------------------------------------------------------------------

static int note_known(void *arg, const struct vector_row *row)
{
    struct todo *t = arg;
    (void)map_set(t->known, key_of(t->round, row->kind, row->document_id, row->ordinal),
                  arena_cstr(t->round, row->text_hash));
    return 0;
}

static void want(struct todo *t, struct arena *work, const char *kind, struct str document, int64_t ordinal,
                 struct str text)
{
    char hash[CRYPTO_HEX_SIZE];
    vector_text_hash(t->key, text, hash);
    const char *known = map_get(t->known, key_of(work, str_from(kind), document, ordinal));
    if (known && strcmp(known, hash) == 0)
        return;
    struct passage *passage = &t->ring[t->n++ % ROUND_MOST];
    passage_clear(passage);
    *passage = (struct passage){.kind = kind, .ordinal = ordinal, .text_n = text.n};
    passage->document = mem_strndup(document.p, document.n);
    passage->text = mem_strndup(text.p, text.n);
    memcpy(passage->hash, hash, sizeof hash);
}

struct named {
    const char *kind, *window_kind;
    struct str document;
    int64_t ordinal;
    struct str head;
};

// What is wanted last is made first: a passage whose vector is there has its windows and its title.
static void want_text(struct todo *t, struct arena *work, const struct named *named, struct str text)
{
    struct str window;
    size_t pos = 0;
    for (int64_t i = 0; i < VECTOR_WINDOWS_MOST && vector_window_next(work, named->head, text, &pos, &window); i++)
        want(t, work, i ? named->window_kind : named->kind, named->document,
             i ? vector_window_ordinal(named->ordinal, i) : named->ordinal, window);
}

static int want_product(void *arg, void *row)
{
    AUTO_ARENA struct arena *work = arena_new(0);
    const struct product *p = row;
    want_text(arg, work, &(struct named){VECTOR_OF_PRODUCT, VECTOR_OF_PRODUCT_WINDOW, p->id, 0, p->name},
              vector_text_of_product(work, p));
    return 0;
}

static int want_document(void *arg, const struct knowledge_document *d)
{
    AUTO_ARENA struct arena *work = arena_new(0);
    struct todo *t = arg;
    struct str chunk;
    size_t pos = 0;
    for (int64_t i = 0; chunk_next(d->content, &pos, &chunk); i++)
        want_text(t, work, &(struct named){VECTOR_OF_PASSAGE, VECTOR_OF_WINDOW, d->id, i, d->title},
                  vector_text_of_passage(work, d, chunk));
    if (t->model.titles && pos && d->title.n)
        want(t, work, VECTOR_OF_TITLE, d->id, 0, d->title);
    return 0;
}

static int list_all(struct tx *tx, struct todo *t, struct err *err)
{
    struct product row;
    int rc = vector_marks(tx, t->key, note_known, t, err);
    rc = rc ? rc : crud_list(tx, &product_model, NULL, -1, 0, &row, want_product, t, err);
    return rc ? rc : knowledge_list(tx, STR_NULL, want_document, t, err);
}

// Of what lies in the ring the newest come last.
static int collect(struct tx *tx, void *arg, struct err *err)
{
    struct todo *t = arg;
    t->n = 0;
    t->round = arena_new(0);
    t->known = map_new();
    int rc = list_all(tx, t, err);
    map_free(t->known);
    arena_free(t->round);
    return rc;
}

// ---- which model ---------------------------------------------------------------------------------------------------

// The first vectors of a brand are searched as they come; those of another model wait for the last.
static int begin(struct tx *tx, void *arg, struct err *err)
{
    struct todo *t = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct vector_index was;
    int rc = vector_index_get(tx, arena, &was, err);
    if (rc < 0)
        return rc;
    bool serves = !was.dims || str_eq(was.model, t->key);
    t->index = was;
    t->index.model = serves ? t->key : arena_str(t->arena, was.model);
    t->index.next_model = serves ? STR_NULL : t->key;
    if (serves || !str_eq(was.next_model, t->key))
        t->index.next_dims = 0;
    if (rc == 1 && str_eq(was.model, t->index.model) && str_eq(was.next_model, t->index.next_model))
        return 0;
    rc = vector_index_only(tx, t->index.model, err); // what some third one had begun is of no use
    return rc ? rc : vector_index_set(tx, &t->index, err);
}

static size_t *dims_of(struct todo *t)
{
    return t->index.next_model.n ? &t->index.next_dims : &t->index.dims;
}

static int switch_over(struct tx *tx, struct todo *t, struct err *err)
{
    struct vector_index now = {.model = t->key, .dims = t->index.next_dims};
    int rc = vector_index_set(tx, &now, err);
    rc = rc ? rc : vector_index_only(tx, t->key, err);
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    return rc;
}

static int finish(struct tx *tx, void *arg, struct err *err)
{
    struct todo *t = arg;
    int64_t now = clock_wall_ms();
    int rc = documents_note_embedded(tx, t->key, now, err);
    rc = rc || !t->index.next_model.n ? rc : switch_over(tx, t, err);
    rc = rc ? rc : vector_texts_sweep(tx, now - ORPHANS_MS, err);
    return rc ? rc : jobs_forget_failed(tx, "embed", err);
}

// ---- one batch -----------------------------------------------------------------------------------------------------

static int look_at_texts(struct tx *tx, void *arg, struct err *err)
{
    struct todo *t = arg;
    int rc = 0;
    for (size_t i = 0; i < t->n_batch && rc >= 0; i++) {
        rc = vector_of_text(tx, t->key, str_from(t->batch[i]->hash), err);
        t->stored[i] = rc == 1;
        for (size_t k = 0; k < i; k++)
            t->stored[i] |= strcmp(t->batch[k]->hash, t->batch[i]->hash) == 0; // the same text, kept before this one
    }
    return rc < 0 ? rc : 0;
}

static int keep(struct tx *tx, void *arg, struct err *err)
{
    struct todo *t = arg;
    size_t *dims = dims_of(t), made = 0;
    int rc = brand_check_there(tx, err); // it may have been erased since
    rc = rc ? rc : job_renew(tx, t->job, clock_wall_ms() + JOB_LEASE_MS, err);
    if (!rc && t->dims && (*dims != t->dims || t->index.refused_dims)) {
        *dims = t->dims;
        t->index.refused_dims = 0;
        rc = vector_index_set(tx, &t->index, err);
    }
    for (size_t i = 0; i < t->n_batch && !rc; i++) {
        const struct passage *p = t->batch[i];
        const float *vector = t->stored[i] ? NULL : t->vectors[made++];
        if (!vector && t->partly)
            continue;
        struct vector_row row = {
            str_from(p->kind), str_from(p->document), p->ordinal, str_from(p->hash), vector, t->dims};
        rc = vector_put(tx, t->key, &row, clock_wall_ms(), err);
    }
    return rc;
}

static int refuse(struct tx *tx, void *arg, struct err *err)
{
    struct todo *t = arg;
    t->index.refused_dims = t->dims;
    int rc = vector_index_set(tx, &t->index, err);
    return rc ? rc : jobs_forget_failed(tx, "embed", err);
}

static int compute(struct todo *t, struct arena *arena, struct err *err)
{
    const struct embedder *embedder = t->with->embedder;
    struct str texts[EMBEDDER_BATCH_MOST];
    size_t n = 0;
    t->dims = 0;
    t->vectors = NULL;
    for (size_t i = 0; i < t->n_batch; i++)
        if (!t->stored[i])
            texts[n++] = (struct str){t->batch[i]->text, t->batch[i]->text_n};
    if (!n)
        return 0;
    int rc =
        embedder->embed(embedder->self, t->model.key, arena, texts, n, false, EMBED_MS, &t->vectors, &t->dims, err);
    size_t has = *dims_of(t);
    t->partly = rc && rc != ERR_CANCELLED && t->vectors && t->dims && (!has || has == t->dims);
    if (rc || !has || has == t->dims)
        return rc;
    rc = store_write(t->with->store, &t->scope, refuse, t, err);
    return rc ? rc
              : err_set(err, ERR_CONFLICT, "the vectors have %zu dimensions and the index has %zu: reindex needed",
                        t->dims, has);
}

static int run_batch(struct todo *t, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    int rc = store_read(t->with->store, &t->scope, look_at_texts, t, err);
    t->partly = false;
    rc = rc ? rc : compute(t, arena, err);
    // What came is kept, whatever became of the rest: it is not asked for, nor paid, again.
    int kept = rc && !t->partly ? 0 : store_write(t->with->store, &t->scope, keep, t, rc ? &(struct err){0} : err);
    return rc ? rc : kept;
}

static int calibrate_later(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    int rc = jobs_forget_failed(tx, "calibrate", err);
    return rc ? rc : job_ensure(tx, "calibrate", STR("{}"), clock_wall_ms() + CALIBRATE_AGAIN_MS, err);
}

// Once a job: vectors and how they are compared are two things, and the one goes on without the other.
static void calibrate(struct todo *t)
{
    struct err err;
    if (t->calibrated)
        return;
    t->calibrated = true;
    if (calibrate_brand(t->with, &t->scope, t->model.key, &err) != 0 &&
        store_write(t->with->store, &t->scope, calibrate_later, NULL, &err) != 0)
        log_warn("job", "kind=calibrate not_queued=true error=\"%s\"", err.text);
}

// ---- rounds --------------------------------------------------------------------------------------------------------

// A model that was changed meanwhile has a job of its own.
static bool is_current(const struct todo *t)
{
    struct embedder_model model;
    return t->with->embedder->model(t->with->embedder->self, &model) && strcmp(model.key, t->model.key) == 0;
}

static int run_round(struct todo *t, struct err *err)
{
    size_t left = t->n < ROUND_MOST ? t->n : ROUND_MOST, at = t->n, most = t->model.batch;
    int64_t until = clock_mono_ms() + ROUND_MS;
    while (left && clock_mono_ms() < until && is_current(t)) {
        if (atomic_load(t->with->ending))
            return err_set(err, ERR_CANCELLED, "the program is stopping");
        for (t->n_batch = 0; left && t->n_batch < most && t->n_batch < EMBEDDER_BATCH_MOST; left--)
            t->batch[t->n_batch++] = &t->ring[--at % ROUND_MOST];
        int rc = run_batch(t, err);
        if (rc)
            return rc;
        calibrate(t);
    }
    return 0;
}

static int run_rounds(struct todo *t, struct err *err)
{
    int rc = store_write(t->with->store, &t->scope, begin, t, err);
    while (!rc && is_current(t)) {
        rc = store_read(t->with->store, &t->scope, collect, t, err);
        if (!rc && !t->n) {
            calibrate(t);
            return store_write(t->with->store, &t->scope, finish, t, err);
        }
        rc = rc ? rc : run_round(t, err);
    }
    return rc;
}

int job_embed(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BRAND struct brand_ref *brand = NULL;
    struct todo todo = {.with = with, .job = job->id, .arena = arena};
    if (!with->embedder->model(with->embedder->self, &todo.model))
        return 0;
    int rc = brands_get(with->brands, job->brand, &brand, err);
    if (rc != 1)
        return rc;
    todo.key = str_from(todo.model.key);
    todo.scope = scope_brand(brand->row.brand.id, STR("jobs"));
    todo.ring = mem_calloc(ROUND_MOST, sizeof *todo.ring);
    rc = run_rounds(&todo, err);
    for (size_t i = 0; i < ROUND_MOST; i++)
        passage_clear(&todo.ring[i]);
    free(todo.ring);
    return rc;
}
