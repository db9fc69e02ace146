// SPDX-License-Identifier: Apache-2.0
#include "engine/nearness.h"

#include "engine/vector_cache.h"

static bool find_model(struct catalogues *c, struct embedder_model *ret)
{
    const struct embedder *embedder = vector_cache_embedder(catalogues_vectors(c));
    return embedder->model(embedder->self, ret) && ret->sentences;
}

bool nearness_ask(struct catalogues *c, const struct str *texts, size_t n, int timeout_ms, void (*done)(void *arg),
                  void *arg)
{
    struct embedder_model model;
    return n && find_model(c, &model) &&
           vector_cache_ask(catalogues_vectors(c), model.key, EMBEDDER_PASSAGE, texts, n, timeout_ms, done, arg);
}

static const float *vector_of(struct vector_cache *cache, const char *key, struct arena *arena, enum embedder_text of,
                              struct str text, size_t *ret_dims)
{
    const float *vector;
    if (!vector_cache_look(cache, key, of, text, arena, &vector, ret_dims))
        return NULL;
    return embedder_shaped(vector_cache_embedder(cache), key, NULL, arena, of, vector, *ret_dims);
}

bool nearness_of(struct catalogues *c, struct str question, const struct str *texts, size_t n, float *ret)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct vector_cache *cache = catalogues_vectors(c);
    struct embedder_model model;
    size_t dims, same;
    const float *asked =
        find_model(c, &model) ? vector_of(cache, model.key, arena, EMBEDDER_QUESTION, question, &dims) : NULL;
    for (size_t i = 0; i < n && asked; i++) {
        const float *vector = vector_of(cache, model.key, arena, EMBEDDER_PASSAGE, texts[i], &same);
        if (!vector || same != dims)
            return false;
        ret[i] = 0;
        for (size_t k = 0; k < dims; k++)
            ret[i] += asked[k] * vector[k];
    }
    return asked && n;
}
