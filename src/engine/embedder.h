// SPDX-License-Identifier: Apache-2.0
// Who makes vectors: one small interface over whatever there is (a provider's embeddings, a model of our own; put
// together in cmd/compose.c). Everything stored is named by the model's key: while a brand's vectors are made anew by
// another model, questions are still put to the one before, as long as it answers. Thread-safe.
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum { EMBEDDER_KEY = 120, EMBEDDER_BATCH_MOST = 256 };

struct embedder_model {
    char key[EMBEDDER_KEY]; // vectors of equal keys may be compared; of any other key they never are
    bool titles;            // a document's title gets a vector of its own, which counts in those of its passages
    bool sentences;         // single sentences may be asked for while a turn waits
    size_t batch;           // texts of one call for passages, 1..256: others may have to wait for such a call
};

// The vector of a text, of length 1, lives for the call; NULL: there is none (any more) in time.
typedef void embedder_done(void *arg, const float *vector, size_t dims);

enum embedder_text { EMBEDDER_PASSAGE, EMBEDDER_QUESTION, EMBEDDER_TITLE };

struct calibration; // engine/calibration.h

struct embedder {
    void *self;
    // The model of new vectors; false: none, words alone serve.
    bool (*model)(void *self, struct embedder_model *ret);
    // The cosines with this question that count as unrelated (0) and as the same (1). `centre` is the mean of the n
    // vectors that are searched; NULL, 0: not known.
    void (*scale)(void *self, const char *key, const float *question, const float *centre, size_t n, size_t dims,
                  float *ret_floor, float *ret_full);
    // Vectors of length 1 in the arena, by the model of that key. ERR_NOT_FOUND: nobody has it (any more). Blocks: for
    // workers and jobs. `query`: the texts are questions, which go before passages. With an error *ret may be NULL, or
    // hold the vectors that came nevertheless, NULL for the others.
    int (*embed)(void *self, const char *key, struct arena *arena, const struct str *texts, size_t n, bool query,
                 int timeout_ms, const float ***ret, size_t *ret_dims, struct err *err);
    // One text without a thread that waits: `done` once, on any thread, maybe before this returns, and within the time;
    // questions go first. `text` is copied. Others than questions: of models with `sentences`. NULL: only embed is
    // there.
    void (*ask)(void *self, const char *key, enum embedder_text of, struct str text, int timeout_ms,
                embedder_done *done, void *arg);
    // Makes of a vector of that model what is compared and what scale is about, of length 1; stored vectors are as they
    // were made. NULL: vectors are compared as they are.
    void (*shape)(void *self, const char *key, enum embedder_text of, float *vector, size_t dims);
    // Whether vectors of that model are compared by a calibration that is made of its vectors of the background, as
    // soon as there is one; until then, and where false, shape and scale say how. NULL: none are.
    bool (*calibrates)(void *self, const char *key);
};

bool embedder_calibrates(const struct embedder *embedder, const char *key);
// shape and scale of a calibration; NULL, or one for other dimensions: as the embedder says. Shaped is a copy in the
// arena.
float *embedder_shaped(const struct embedder *embedder, const char *key, const struct calibration *calibration,
                       struct arena *arena, enum embedder_text of, const float *vector, size_t dims);
void embedder_scale(const struct embedder *embedder, const char *key, const struct calibration *calibration,
                    const float *question, const float *centre, size_t n, size_t dims, float *ret_floor,
                    float *ret_full);
