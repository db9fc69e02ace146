// SPDX-License-Identifier: Apache-2.0
// The stored vectors of one kind of collection, as they go into its index: shaped by their model, those of a long
// text's windows together, a document's title with its passages. For the thread that builds.
#pragma once

#include "base/map.h"
#include "engine/calibration.h"
#include "engine/centre.h"
#include "engine/embedder.h"
#include "store/knowledge.h"

struct catalogue_vectors {
    const struct embedder *embedder;
    const char *key;                       // of their model
    const struct calibration *calibration; // of it; NULL: the embedder's
    bool products;                         // else passages
    struct arena *arena;
    struct map *by_name;
    struct centre *centre; // of what goes into the index
    size_t dims;           // 0: as those of the first that comes
};

// What vector_list gives; those of other kinds and dimensions are left out. `arg`: struct catalogue_vectors.
int catalogue_vectors_keep(void *arg, const struct vector_row *row);
// The vectors of all such kinds of one document.
int catalogue_vectors_read(struct catalogue_vectors *vectors, struct tx *tx, struct str model, struct str document,
                           struct err *err);

// The calibration that is kept for vectors of `dims` of a model; *ret NULL: none.
int catalogue_calibration(struct tx *tx, struct str model, size_t dims, struct calibration **ret, struct err *err);

struct catalogue_vector_text {
    struct str document;
    int64_t ordinal;
    struct str head, text; // what was embedded (engine/vector_text.h)
};
// How many vectors a text has; they lie one behind the other. 0: its first is not there. *ret_alone: the first without
// the title.
size_t catalogue_vectors_of(struct catalogue_vectors *vectors, struct arena *work,
                            const struct catalogue_vector_text *text, const float **ret, const float **ret_alone);
