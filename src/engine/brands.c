// SPDX-License-Identifier: Apache-2.0
// A generation counter keeps a snapshot that was read before a change from being kept after it.
#include "engine/brands.h"

#include "base/map.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { KEPT_MOST = 20000 };

struct brands {
    struct store *store;
    pthread_mutex_t lock;
    struct map *kept; // fold id → brand_ref
    uint64_t generation;
};

struct brands *brands_new(struct store *store)
{
    struct brands *brands = mem_zalloc(sizeof *brands);
    brands->store = store;
    brands->kept = map_new();
    pthread_mutex_init(&brands->lock, NULL);
    return brands;
}

struct brand_ref *brand_ref_take(struct brand_ref *ref)
{
    atomic_fetch_add(&ref->refs, 1);
    return ref;
}

void brand_ref_drop(struct brand_ref *ref)
{
    if (ref && atomic_fetch_sub(&ref->refs, 1) == 1)
        arena_free(ref->arena); // the snapshot lives in it
}

void brand_ref_drop_slot(struct brand_ref **ref)
{
    brand_ref_drop(*ref);
}

static void drop_all(struct brands *brands)
{
    size_t pos = 0;
    void *value;
    while (map_next(brands->kept, &pos, NULL, &value))
        brand_ref_drop(value);
    map_free(brands->kept);
    brands->kept = map_new();
}

void brands_free(struct brands *brands)
{
    if (!brands)
        return;
    drop_all(brands);
    map_free(brands->kept);
    pthread_mutex_destroy(&brands->lock);
    free(brands);
}

struct load {
    const char *fold;
    struct brand_ref *ref;
    int found;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct load *l = arg;
    l->found = brand_load(tx, l->ref->arena, l->fold, &l->ref->row, err);
    return l->found < 0 ? l->found : 0;
}

int brands_get(struct brands *brands, struct str id, struct brand_ref **ret, struct err *err)
{
    char fold[BRAND_ID_SIZE];
    if (!brand_id_fold(id, fold))
        return 0;
    pthread_mutex_lock(&brands->lock);
    struct brand_ref *kept = map_get(brands->kept, str_from(fold));
    uint64_t generation = brands->generation;
    if (kept)
        *ret = brand_ref_take(kept);
    pthread_mutex_unlock(&brands->lock);
    if (kept)
        return 1;
    struct arena *arena = arena_new(8192);
    struct brand_ref *ref = ARENA_NEW(arena, struct brand_ref);
    ref->arena = arena;
    atomic_init(&ref->refs, 1);
    struct load l = {fold, ref, 0};
    struct scope scope = scope_installation(STR("brands"));
    int rc = store_read(brands->store, &scope, load, &l, err);
    if (rc || l.found != 1 || ref->row.deleted) {
        brand_ref_drop(ref);
        return rc;
    }
    ref->answers = ref->row.brand.is_active && !str_eq(ref->row.chatbot_status, STR("inactive"));
    pthread_mutex_lock(&brands->lock);
    if (generation == brands->generation) {
        if (map_count(brands->kept) >= KEPT_MOST)
            drop_all(brands);
        brand_ref_drop(map_set(brands->kept, str_from(fold), brand_ref_take(ref)));
    }
    pthread_mutex_unlock(&brands->lock);
    *ret = ref;
    return 1;
}

void brands_changed(struct brands *brands, struct str brand_id)
{
    char fold[BRAND_ID_SIZE];
    pthread_mutex_lock(&brands->lock);
    brands->generation++;
    if (!brand_id.p)
        drop_all(brands);
    else if (brand_id_fold(brand_id, fold))
        brand_ref_drop(map_remove(brands->kept, str_from(fold)));
    pthread_mutex_unlock(&brands->lock);
}
