// SPDX-License-Identifier: Apache-2.0
// A generation counter keeps a snapshot that was read before a change from being kept after it. A brand's chatbots are
// kept with their brand and go with it: what changes one of them is rare, and then all are read again at their next
// use.
#include "engine/brands.h"

#include "base/map.h"
#include "engine/personality.h"
#include "store/chatbot.h"
#include "store/personality.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { KEPT_MOST = 20000 };

struct kept {                // a brand and those of its chatbots that were asked for
    struct brand_ref *brand; // NULL until the brand itself was asked for
    struct map *chatbots;    // id → chatbot_ref; NULL: none yet
};

struct brands {
    struct store *store;
    pthread_mutex_t lock;
    struct map *kept; // fold id → struct kept
    size_t n;         // snapshots in it
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

struct chatbot_ref *chatbot_ref_take(struct chatbot_ref *ref)
{
    if (ref->arena)
        atomic_fetch_add(&ref->refs, 1);
    else
        (void)brand_ref_take(ref->brand);
    return ref;
}

void chatbot_ref_drop(struct chatbot_ref *ref)
{
    if (!ref)
        return;
    struct brand_ref *brand = ref->brand;
    if (ref->arena) {
        if (atomic_fetch_sub(&ref->refs, 1) != 1)
            return;
        arena_free(ref->arena);
    }
    brand_ref_drop(brand);
}

void chatbot_ref_drop_slot(struct chatbot_ref **ref)
{
    chatbot_ref_drop(*ref);
}

// ---- kept ----------------------------------------------------------------------------------------------------------

// Under the lock, as all of these.
static void kept_drop(struct brands *brands, struct kept *kept)
{
    size_t pos = 0;
    void *value;
    if (!kept)
        return;
    brands->n -= kept->brand != NULL;
    brand_ref_drop(kept->brand);
    while (kept->chatbots && map_next(kept->chatbots, &pos, NULL, &value)) {
        chatbot_ref_drop(value);
        brands->n--;
    }
    map_free(kept->chatbots);
    free(kept);
}

static void drop_all(struct brands *brands)
{
    size_t pos = 0;
    void *value;
    while (map_next(brands->kept, &pos, NULL, &value))
        kept_drop(brands, value);
    map_free(brands->kept);
    brands->kept = map_new();
}

static struct kept *kept_make(struct brands *brands, const char *fold)
{
    struct kept *kept = map_get(brands->kept, str_from(fold));
    if (!kept) {
        kept = mem_zalloc(sizeof *kept);
        (void)map_set(brands->kept, str_from(fold), kept);
    }
    return kept;
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

// ---- loading -------------------------------------------------------------------------------------------------------

static void settle(struct chatbot_ref *ref, struct arena *arena)
{
    const struct brand_row *brand = &ref->brand->row;
    const struct chatbot *row = &ref->row;
    struct str about = model_has(&chatbot_model, row, "description") ? row->description : STR("");
    ref->chat = brand->config.chat_settings;
    ref->chat.temperature = row->configuration.temperature;
    ref->chat.max_tokens = row->configuration.max_tokens;
    ref->chat.history_messages = row->configuration.history_messages;
    ref->chat.language = row->language;
    ref->base = row->system_prompt.n ? row->system_prompt
                                     : str_trim(arena_strf(arena, "You are " STR_FMT ", an assistant. " STR_FMT,
                                                           STR_ARG(row->name), STR_ARG(about)));
    ref->persona = row->is_default ? brand->config.persona_prompt : STR_NULL;
    ref->company = row->is_default ? brand->config.company_info : STR_NULL;
    ref->answers = brand->brand.is_active && !str_eq(row->status, STR("inactive"));
}

// 1, 0.
static int load_chatbot(struct tx *tx, struct arena *arena, struct str id, struct chatbot_ref *ref, struct err *err)
{
    struct personality personality;
    int rc = chatbot_get(tx, arena, id, &ref->row, err);
    if (rc != 1 || model_has(&chatbot_model, &ref->row, "deletedAt"))
        return rc < 0 ? rc : 0;
    rc = personality_default_of(tx, arena, id, &personality, err);
    if (rc == 1) {
        ref->personality = personality_prompt(arena, &personality);
        ref->personality_id = personality.id;
    }
    settle(ref, arena);
    return rc < 0 ? rc : 1;
}

struct load {
    const char *fold;
    struct brand_ref *brand;
    struct chatbot_ref *chatbot;
    struct str id;
    int found;
};

static int load_own(struct tx *tx, void *arg, struct err *err)
{
    struct load *l = arg;
    l->found = load_chatbot(tx, l->chatbot->arena ? l->chatbot->arena : l->brand->arena, l->id, l->chatbot, err);
    return l->found < 0 ? l->found : 0;
}

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct load *l = arg;
    l->found = brand_load(tx, l->brand->arena, l->fold, &l->brand->row, err);
    return l->found < 0 ? l->found : 0;
}

// The brand and its default chatbot.
static int load_brand(struct brands *brands, const char *fold, struct brand_ref *ref, struct err *err)
{
    struct load l = {.fold = fold, .brand = ref, .chatbot = &ref->chatbot};
    struct scope everywhere = scope_installation(STR("brands"));
    int rc = store_read(brands->store, &everywhere, load, &l, err);
    if (rc || l.found != 1 || ref->row.deleted)
        return rc;
    ref->chatbot.brand = ref;
    l.id = ref->row.chatbot_id;
    struct scope scope = scope_brand(ref->row.brand.id, STR("brands"));
    rc = store_read(brands->store, &scope, load_own, &l, err);
    ref->answers = ref->chatbot.answers;
    return rc ? rc : l.found;
}

int brands_get(struct brands *brands, struct str id, struct brand_ref **ret, struct err *err)
{
    char fold[BRAND_ID_SIZE];
    if (!brand_id_fold(id, fold))
        return 0;
    pthread_mutex_lock(&brands->lock);
    struct kept *kept = map_get(brands->kept, str_from(fold));
    struct brand_ref *there = kept && kept->brand ? brand_ref_take(kept->brand) : NULL;
    uint64_t generation = brands->generation;
    pthread_mutex_unlock(&brands->lock);
    if (there) {
        *ret = there;
        return 1;
    }
    struct arena *arena = arena_new(8192);
    struct brand_ref *ref = ARENA_NEW(arena, struct brand_ref);
    ref->arena = arena;
    atomic_init(&ref->refs, 1);
    int rc = load_brand(brands, fold, ref, err);
    if (rc != 1) {
        brand_ref_drop(ref);
        return rc;
    }
    pthread_mutex_lock(&brands->lock);
    if (generation == brands->generation) {
        if (brands->n >= KEPT_MOST)
            drop_all(brands);
        kept = kept_make(brands, fold);
        brands->n += kept->brand == NULL;
        brand_ref_drop(kept->brand);
        kept->brand = brand_ref_take(ref);
    }
    pthread_mutex_unlock(&brands->lock);
    *ret = ref;
    return 1;
}

int brands_chatbot(struct brands *brands, struct brand_ref *brand, struct str id, struct chatbot_ref **ret,
                   struct err *err)
{
    if (str_eq(id, brand->row.chatbot_id)) {
        *ret = chatbot_ref_take(&brand->chatbot);
        return 1;
    }
    pthread_mutex_lock(&brands->lock);
    struct kept *kept = map_get(brands->kept, str_from(brand->row.fold_id));
    struct chatbot_ref *there = kept && kept->chatbots ? map_get(kept->chatbots, id) : NULL;
    uint64_t generation = brands->generation;
    if (there)
        *ret = chatbot_ref_take(there);
    pthread_mutex_unlock(&brands->lock);
    if (there)
        return 1;
    struct arena *arena = arena_new(8192);
    struct chatbot_ref *ref = ARENA_NEW(arena, struct chatbot_ref);
    struct load l = {.chatbot = ref, .id = id};
    struct scope scope = scope_brand(brand->row.brand.id, STR("brands"));
    ref->arena = arena;
    ref->brand = brand_ref_take(brand);
    atomic_init(&ref->refs, 1);
    int rc = store_read(brands->store, &scope, load_own, &l, err);
    if (rc || l.found != 1) {
        chatbot_ref_drop(ref);
        return rc;
    }
    pthread_mutex_lock(&brands->lock);
    kept = map_get(brands->kept, str_from(brand->row.fold_id));
    if (generation == brands->generation && kept && kept->brand == brand) { // else it would keep an old brand alive
        if (!kept->chatbots)
            kept->chatbots = map_new();
        struct chatbot_ref *before = map_set(kept->chatbots, id, chatbot_ref_take(ref));
        brands->n += before == NULL;
        chatbot_ref_drop(before);
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
        kept_drop(brands, map_remove(brands->kept, str_from(fold)));
    pthread_mutex_unlock(&brands->lock);
}
