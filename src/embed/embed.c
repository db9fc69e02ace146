// SPDX-License-Identifier: Apache-2.0
// A model is the proven file; the table of its pieces and the choice of kernels come with the first text, so that a
// server that embeds nothing pays neither time nor memory for them.
#include "embed/embed.h"

#include "base/mem.h"
#include "embed/forward.h"
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
    (void)tokens_read(&model->weights, pieces_of(model), &scratch->word, prefix_of(kind), text, scratch->next, &seen);
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

int embed_vectors(struct embed_model *model, struct embed_scratch *scratch, enum embed_kind kind,
                  const struct str *texts, size_t n, const _Atomic bool *stop, float *ret, struct err *err)
{
    for (size_t i = 0, some; i < n; i += some) {
        if (stop && atomic_load(stop))
            return err_set(err, ERR_CANCELLED, "stopped");
        some = fill(model, scratch, kind, texts + i, n - i);
        if (forward(&model->weights, embed_kernels(), scratch->ids, scratch->starts, some,
                    memory_for(scratch, scratch->starts[some]), ret + i * EMBED_DIMS) != 0)
            return err_set(err, ERR_FORMAT, "the model file's numbers make no vector");
    }
    return 0;
}
