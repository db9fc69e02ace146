// SPDX-License-Identifier: Apache-2.0
// A job of its own tries again where the embedding job could not: a background that fails holds up no passage.
#include "jobs/calibrate.h"

#include "base/clock.h"
#include "engine/calibration.h"
#include "engine/vector_text.h"
#include "jobs/kinds.h"
#include "store/brand.h"
#include "store/knowledge.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BACKGROUND_MS = 60000 };

struct calibrated {
    pthread_mutex_t lock;
    char name[CRYPTO_HEX_SIZE]; // calibration_name; "": nothing yet
    float *numbers;             // calibration_pack
    size_t n;
};

struct calibrated *calibrated_new(void)
{
    struct calibrated *calibrated = mem_zalloc(sizeof *calibrated);
    pthread_mutex_init(&calibrated->lock, NULL);
    return calibrated;
}

void calibrated_free(struct calibrated *calibrated)
{
    if (!calibrated)
        return;
    pthread_mutex_destroy(&calibrated->lock);
    free(calibrated->numbers);
    free(calibrated);
}

struct work {
    const struct jobs_options *with;
    const struct scope *scope;
    const char *key;
    struct arena *arena;
    size_t dims; // of the brand's vectors of that model; 0: it has none, or another model's by now
    char name[CRYPTO_HEX_SIZE];
    bool there;
    const float *numbers;
    size_t n;
};

static int is_it(void *arg, const struct vector_row *row)
{
    struct work *w = arg;
    w->there = str_eq(row->text_hash, str_from(w->name));
    return 0;
}

static int look(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    struct vector_index index;
    struct str model = str_from(w->key);
    int rc = vector_index_get(tx, w->arena, &index, err);
    w->there = false;
    w->dims = rc != 1                           ? 0
              : str_eq(index.model, model)      ? index.dims
              : str_eq(index.next_model, model) ? index.next_dims
                                                : 0;
    if (rc < 0 || !w->dims)
        return rc < 0 ? rc : 0;
    calibration_name(w->key, w->dims, w->name);
    return vector_list_of(tx, model, STR(VECTOR_OF_CALIBRATION), STR(""), is_it, w, err);
}

static bool recall(struct work *w)
{
    struct calibrated *c = w->with->calibrated;
    if (!c)
        return false;
    pthread_mutex_lock(&c->lock);
    bool same = strcmp(c->name, w->name) == 0;
    if (same) {
        float *numbers = arena_calloc(w->arena, c->n, sizeof *numbers);
        memcpy(numbers, c->numbers, c->n * sizeof *numbers);
        w->numbers = numbers;
        w->n = c->n;
    }
    pthread_mutex_unlock(&c->lock);
    return same;
}

static void remember(const struct work *w)
{
    struct calibrated *c = w->with->calibrated;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    free(c->numbers);
    c->numbers = mem_calloc(w->n, sizeof *c->numbers);
    memcpy(c->numbers, w->numbers, w->n * sizeof *c->numbers);
    c->n = w->n;
    memcpy(c->name, w->name, sizeof c->name);
    pthread_mutex_unlock(&c->lock);
}

static int embed(struct work *w, const struct background *background, bool query, const float ***ret, struct err *err)
{
    const struct embedder *embedder = w->with->embedder;
    size_t dims;
    int rc = embedder->embed(embedder->self, w->key, w->arena, background->texts, background->n, query, BACKGROUND_MS,
                             ret, &dims, err);
    if (rc || dims == w->dims)
        return rc;
    return err_set(err, ERR_CONFLICT, "the background's vectors have %zu dimensions and the index has %zu", dims,
                   w->dims);
}

static int make(struct work *w, struct err *err)
{
    const float **passages, **questions;
    int rc = embed(w, &background_passages, false, &passages, err);
    rc = rc ? rc : embed(w, &background_questions, true, &questions, err);
    if (rc)
        return rc;
    struct calibration *calibration = calibration_new(passages, questions, w->dims);
    w->numbers = calibration_pack(calibration, w->arena, &w->n);
    calibration_free(calibration);
    remember(w);
    return 0;
}

static int keep(struct tx *tx, void *arg, struct err *err)
{
    struct work *w = arg;
    size_t dims = w->dims;
    int rc = brand_check_there(tx, err);
    rc = rc ? rc : look(tx, w, err);
    if (rc || w->dims != dims) // of another model by now: that one's job comes
        return rc;
    struct vector_row row = {STR(VECTOR_OF_CALIBRATION), STR(""), 0, str_from(w->name), w->numbers, w->n};
    rc = vector_put(tx, str_from(w->key), &row, clock_wall_ms(), err);
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    return rc ? rc : jobs_forget_failed(tx, "calibrate", err);
}

int calibrate_brand(const struct jobs_options *with, const struct scope *scope, const char *key, struct err *err)
{
    if (!embedder_calibrates(with->embedder, key))
        return 0;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct work work = {.with = with, .scope = scope, .key = key, .arena = arena};
    int rc = store_read(with->store, scope, look, &work, err);
    if (rc || !work.dims || work.there)
        return rc;
    rc = recall(&work) ? 0 : make(&work, err);
    return rc ? rc : store_write(with->store, scope, keep, &work, err);
}

int job_calibrate(const struct jobs_options *with, const struct job *job, struct err *err)
{
    struct embedder_model model;
    struct scope scope = scope_brand(job->brand, STR("jobs"));
    if (!with->embedder->model(with->embedder->self, &model))
        return 0;
    return calibrate_brand(with, &scope, model.key, err);
}
