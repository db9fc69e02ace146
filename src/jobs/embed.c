// SPDX-License-Identifier: Apache-2.0
// Makes the vectors that a brand's passages still lack: in batches, each stored before the next, so that a restart goes
// on where it was. What is embedded is exactly what the catalogue indexes: one passage a product, one a chunk.
#include "jobs/kinds.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/vec.h"
#include "engine/chunk.h"
#include "model/product.h"
#include "store/brand.h"
#include "store/crud.h"
#include "store/document.h"
#include "store/knowledge.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 32, EMBED_MS = 60000 };

struct passage {
    const char *kind;
    struct str document, text;
    int64_t ordinal;
    char hash[CRYPTO_HEX_SIZE];
};

struct todo {
    struct arena *arena;
    struct str job, model;
    struct map *known; // "<kind>/<document>/<ordinal>" → hash of the text that has a vector
    VEC(struct passage) passages;
    // of one batch
    const float **vectors;
    size_t dims, from, n;
};

static struct str key_of(struct arena *arena, struct str kind, struct str document, int64_t ordinal)
{
    return arena_strf(arena, STR_FMT "/" STR_FMT "/%lld", STR_ARG(kind), STR_ARG(document), (long long)ordinal);
}

static int note_known(void *arg, const struct vector_row *row)
{
    struct todo *t = arg;
    (void)map_set(t->known, key_of(t->arena, row->kind, row->document_id, row->ordinal),
                  arena_cstr(t->arena, row->text_hash));
    return 0;
}

static void want(struct todo *t, const char *kind, struct str document, int64_t ordinal, struct str text)
{
    struct passage p = {kind, arena_str(t->arena, document), arena_str(t->arena, text), ordinal, ""};
    crypto_sha256_hex(arena_strf(t->arena, STR_FMT "\n" STR_FMT, STR_ARG(t->model), STR_ARG(text)), p.hash);
    const char *known = map_get(t->known, key_of(t->arena, str_from(kind), document, ordinal));
    if (!known || strcmp(known, p.hash) != 0)
        vec_add(&t->passages, p);
}

static int want_product(void *arg, void *row)
{
    struct todo *t = arg;
    const struct product *p = row;
    AUTO_BUF struct buf text = BUF_INIT(200000);
    buf_addf(&text, STR_FMT ". " STR_FMT ". " STR_FMT, STR_ARG(p->name), STR_ARG(p->category), STR_ARG(p->description));
    for (size_t i = 0; i < p->features.n; i++)
        buf_addf(&text, " " STR_FMT ".", STR_ARG(p->features.at[i]));
    want(t, "product", p->id, 0, buf_str(&text));
    return 0;
}

static int want_document(void *arg, const struct knowledge_document *d)
{
    struct todo *t = arg;
    struct str chunk;
    size_t pos = 0;
    for (int64_t i = 0; chunk_next(d->content, &pos, &chunk); i++)
        want(t, "document", d->id, i, arena_strf(t->arena, STR_FMT "\n" STR_FMT, STR_ARG(d->title), STR_ARG(chunk)));
    return 0;
}

static int collect(struct tx *tx, void *arg, struct err *err)
{
    struct todo *t = arg;
    struct product row;
    int rc = vector_list(tx, t->model, note_known, t, err);
    rc = rc ? rc : crud_list(tx, &product_model, NULL, -1, 0, &row, want_product, t, err);
    return rc ? rc : knowledge_list(tx, STR_NULL, want_document, t, err);
}

static int keep(struct tx *tx, void *arg, struct err *err)
{
    const struct todo *t = arg;
    int there = brand_check_there(tx, err); // it may have been erased since
    there = there ? there : job_renew(tx, t->job, clock_wall_ms() + JOB_LEASE_MS, err);
    for (size_t i = 0; i < t->n && !there; i++) {
        const struct passage *p = &t->passages.at[t->from + i];
        struct vector_row row = {str_from(p->kind), p->document, p->ordinal, str_from(p->hash), t->vectors[i], t->dims};
        int rc = vector_put(tx, t->model, &row, err);
        if (rc)
            return rc;
    }
    return there;
}

static int embed_all(const struct jobs_options *with, const struct scope *scope, struct todo *t, struct err *err)
{
    for (t->from = 0; t->from < t->passages.n; t->from += t->n) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct str texts[BATCH];
        if (atomic_load(with->ending))
            return err_set(err, ERR_CANCELLED, "the program is stopping");
        t->n = t->passages.n - t->from < BATCH ? t->passages.n - t->from : BATCH;
        for (size_t i = 0; i < t->n; i++)
            texts[i] = t->passages.at[t->from + i].text;
        int rc = with->embedder->embed(with->embedder->self, t->model.p, arena, texts, t->n, false, EMBED_MS,
                                       &t->vectors, &t->dims, err);
        rc = rc ? rc : store_write(with->store, scope, keep, t, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int note_embedded(struct tx *tx, void *arg, struct err *err)
{
    const struct todo *t = arg;
    return documents_note_embedded(tx, t->model, clock_wall_ms(), err);
}

int job_embed(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BRAND struct brand_ref *brand = NULL;
    struct embedder_model model;
    if (!with->embedder->model(with->embedder->self, &model))
        return 0;
    int rc = brands_get(with->brands, job->brand, &brand, err);
    if (rc != 1)
        return rc;
    struct todo todo = {.arena = arena, .job = job->id, .model = str_from(model.key), .known = map_new()};
    struct scope scope = scope_brand(brand->row.brand.id, STR("jobs"));
    rc = store_read(with->store, &scope, collect, &todo, err);
    rc = rc ? rc : embed_all(with, &scope, &todo, err);
    rc = rc ? rc : store_write(with->store, &scope, note_embedded, &todo, err);
    map_free(todo.known);
    vec_done(&todo.passages);
    return rc;
}
