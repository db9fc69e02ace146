// SPDX-License-Identifier: Apache-2.0
// A model is the proven file; the table of its pieces and the choice of kernels come with the first text, so that a
// server that embeds nothing pays neither time nor memory for them.
#include "embed/embed.h"

#include "base/mem.h"
#include "embed/forward.h"
#include "embed/guard.h"
#include "embed/tokens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(EMBED_DIMS == MODEL_HIDDEN && EMBED_WINDOW == MODEL_POSITIONS && EMBED_WINDOW == TOKENS_MOST, "model");

struct embed_model {
    struct weights weights;
    char name[EMBED_NAME_SIZE];
    bool known;
    _Atomic bool changed;
    pthread_mutex_t lock; // of the making
    struct pieces *_Atomic pieces;
};

struct embed_scratch {
    struct word word;
    uint32_t ids[TOKENS_MOST], next[TOKENS_MOST], starts[TOKENS_MOST + 1];
    uint8_t *memory;
    size_t size;
};

// Digests of the heads of files that were tried.
static const struct {
    uint64_t digest;
    const char *name;
} known_files[] = {
    {0x883a5c822a535fd6, "multilingual-e5-small-q4"},
    {0x29e6986c996e1543, "multilingual-e5-small-enpt-q4"},
};

int embed_open(const char *path, struct embed_model **ret, struct err *err)
{
    struct weights weights;
    int rc = weights_open(path, &weights, err);
    if (rc)
        return rc;
    struct embed_model *model = mem_zalloc(sizeof *model);
    model->weights = weights;
    pthread_mutex_init(&model->lock, NULL);
    (void)snprintf(model->name, sizeof model->name, "multilingual-e5-small-q4-%016llx",
                   (unsigned long long)weights.digest);
    for (size_t i = 0; i < sizeof known_files / sizeof *known_files; i++)
        if (weights.digest == known_files[i].digest) {
            model->known = true;
            (void)snprintf(model->name, sizeof model->name, "%s", known_files[i].name);
        }
    *ret = model;
    return 0;
}

void embed_free(struct embed_model *model)
{
    if (!model)
        return;
    pieces_free(atomic_load(&model->pieces));
    pthread_mutex_destroy(&model->lock);
    weights_done(&model->weights);
    free(model);
}

const char *embed_name(const struct embed_model *model)
{
    return model->name;
}

bool embed_known(const struct embed_model *model)
{
    return model->known;
}

bool embed_changed(struct embed_model *model)
{
    if (!atomic_load(&model->changed) && weights_changed(&model->weights))
        atomic_store(&model->changed, true);
    return atomic_load(&model->changed);
}

void embed_rest(struct embed_model *model)
{
    pieces_free(atomic_exchange(&model->pieces, NULL));
    weights_rest(&model->weights);
}

struct embed_scratch *embed_scratch_new(void)
{
    return mem_zalloc(sizeof(struct embed_scratch));
}

void embed_scratch_free(struct embed_scratch *scratch)
{
    if (!scratch)
        return;
    free(scratch->memory);
    free(scratch);
}

static const struct pieces *pieces_of(struct embed_model *model)
{
    struct pieces *pieces = atomic_load(&model->pieces);
    if (pieces)
        return pieces;
    pthread_mutex_lock(&model->lock);
    pieces = atomic_load(&model->pieces);
    if (!pieces) {
        pieces = pieces_new(&model->weights);
        atomic_store(&model->pieces, pieces);
    }
    pthread_mutex_unlock(&model->lock);
    return pieces;
}

static struct str prefix_of(enum embed_kind kind)
{
    return kind == EMBED_QUERY ? STR("query: ") : STR("passage: ");
}

size_t embed_window(struct embed_model *model, struct embed_scratch *scratch, enum embed_kind kind, struct str text)
{
    size_t seen;
    sigset_t mask;
    guard_enter(&mask);
    (void)tokens_read(&model->weights, pieces_of(model), &scratch->word, prefix_of(kind), text, scratch->next, &seen);
    guard_leave(&mask);
    return seen;
}

static void *memory_for(struct embed_scratch *scratch, size_t tokens)
{
    size_t size = forward_memory(tokens);
    if (scratch->size < size) {
        free(scratch->memory);
        scratch->memory = aligned_alloc(64, size);
        scratch->size = size;
        if (!scratch->memory)
            abort();
    }
    return scratch->memory;
}

// As many texts as fit one pass.
static size_t fill(struct embed_model *model, struct embed_scratch *scratch, enum embed_kind kind,
                   const struct str *texts, size_t n)
{
    const struct pieces *pieces = pieces_of(model);
    size_t done = 0, seen;
    scratch->starts[0] = 0;
    while (done < n && scratch->starts[done] < TOKENS_MOST) {
        size_t at = scratch->starts[done];
        size_t tokens =
            tokens_read(&model->weights, pieces, &scratch->word, prefix_of(kind), texts[done], scratch->next, &seen);
        if (at + tokens > TOKENS_MOST)
            break;
        memcpy(scratch->ids + at, scratch->next, tokens * sizeof *scratch->ids);
        scratch->starts[++done] = (uint32_t)(at + tokens);
    }
    return done;
}

static int pass(struct embed_model *model, struct embed_scratch *scratch, enum embed_kind kind, const struct str *texts,
                size_t n, float *ret, size_t *ret_done, struct err *err)
{
    sigset_t mask;
    guard_enter(&mask);
    size_t done = fill(model, scratch, kind, texts, n);
    int rc = forward(&model->weights, embed_kernels(), scratch->ids, scratch->starts, done,
                     memory_for(scratch, scratch->starts[done]), ret);
    guard_leave(&mask);
    *ret_done = done;
    if (embed_changed(model)) // what was read may be zeros
        return err_set(err, ERR_IO, "the model file was changed while in use");
    return rc ? err_set(err, ERR_FORMAT, "the model file's numbers make no vector") : 0;
}

int embed_vectors(struct embed_model *model, struct embed_scratch *scratch, enum embed_kind kind,
                  const struct str *texts, size_t n, const _Atomic bool *stop, float *ret, struct err *err)
{
    int rc = embed_changed(model) ? err_set(err, ERR_IO, "the model file was changed while in use") : 0;
    for (size_t i = 0, some; i < n && !rc; i += some) {
        if (stop && atomic_load(stop))
            return err_set(err, ERR_CANCELLED, "stopped");
        rc = pass(model, scratch, kind, texts + i, n - i, ret + i * EMBED_DIMS, &some, err);
    }
    return rc;
}
