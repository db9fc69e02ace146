// SPDX-License-Identifier: Apache-2.0
// A change marks documents stale in the entry; the next search of that entry reads their rows and publishes first, so
// that it sees every commit that came before it. One lock an entry orders builders; searches themselves do not lock.
#include "engine/catalogue.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "engine/chunk.h"
#include "store/crud.h"
#include "store/knowledge.h"
#include "store/product.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { STALE_MOST = 100000, QUERY_EMBED_MS = 800, PASSAGES_MOST = 2000 };

struct catalogue { // one part of one brand
    char *brand;
    enum catalogue_part part;
    pthread_mutex_t build;
    struct search_index *index; // NULL until built; replaced only under `build` and with no reader
    pthread_rwlock_t in_use; // readers: searches; writer: replacing the index
    // Under catalogues.lock:
    VEC(char *) stale; // ids
    bool all_stale;
    int64_t used_ms;
    int refs;
    bool dropped;
    char model[101]; // of the vectors in the index; "" = words only
    float floor;
};

struct catalogues {
    struct store *store;
    const struct embedder *embedder;
    size_t budget;
    pthread_mutex_t lock;
    struct map *entries; // "<part>:<brand>" → catalogue
};

struct catalogues *catalogues_new(struct store *store, const struct embedder *embedder, size_t budget_bytes)
{
    struct catalogues *c = mem_zalloc(sizeof *c);
    *c = (struct catalogues){.store = store, .embedder = embedder, .budget = budget_bytes, .entries = map_new()};
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void entry_free(struct catalogue *e)
{
    for (size_t i = 0; i < e->stale.n; i++)
        free(e->stale.at[i]);
    vec_done(&e->stale);
    search_index_free(e->index);
    pthread_mutex_destroy(&e->build);
    pthread_rwlock_destroy(&e->in_use);
    free(e->brand);
    free(e);
}

void catalogues_free(struct catalogues *c)
{
    if (!c)
        return;
    size_t pos = 0;
    void *entry;
    while (map_next(c->entries, &pos, NULL, &entry))
        entry_free(entry);
    map_free(c->entries);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct str entry_key(char key[64], struct str brand, enum catalogue_part part)
{
    key[0] = (char)('0' + (int)part);
    size_t n = brand.n < 62 ? brand.n : 62;
    memcpy(key + 1, brand.p, n);
    return (struct str){key, n + 1};
}

static struct catalogue *entry_take(struct catalogues *c, struct str brand, enum catalogue_part part)
{
    char key[64];
    struct str name = entry_key(key, brand, part);
    pthread_mutex_lock(&c->lock);
    struct catalogue *e = map_get(c->entries, name);
    if (!e) {
        e = mem_zalloc(sizeof *e);
        e->brand = mem_strndup(brand.p, brand.n);
        e->part = part;
        e->all_stale = true;
        pthread_mutex_init(&e->build, NULL);
        pthread_rwlock_init(&e->in_use, NULL);
        (void)map_set(c->entries, name, e);
    }
    e->refs++;
    e->used_ms = clock_mono_ms();
    pthread_mutex_unlock(&c->lock);
    return e;
}

// Drops least used entries while all together are over the budget.
static void keep_budget(struct catalogues *c)
{
    for (;;) {
        size_t total = 0, pos = 0;
        struct catalogue *oldest = NULL;
        void *value;
        while (map_next(c->entries, &pos, NULL, &value)) {
            struct catalogue *e = value;
            total += e->index ? search_bytes(e->index) : 0;
            if (e->refs == 0 && (!oldest || e->used_ms < oldest->used_ms))
                oldest = e;
        }
        if (total <= c->budget || !oldest || map_count(c->entries) < 2)
            return;
        char key[64];
        (void)map_remove(c->entries, entry_key(key, str_from(oldest->brand), oldest->part));
        entry_free(oldest);
    }
}

static void entry_drop(struct catalogues *c, struct catalogue *e, bool grown)
{
    pthread_mutex_lock(&c->lock);
    e->refs--;
    if (grown)
        keep_budget(c);
    if (e->dropped && e->refs == 0)
        entry_free(e);
    pthread_mutex_unlock(&c->lock);
}

void catalogues_changed(struct catalogues *c, const struct change *change)
{
    enum catalogue_part part = change->kind == CHANGE_PRODUCT ? CATALOGUE_PRODUCTS : CATALOGUE_PASSAGES;
    if (change->kind == CHANGE_VECTOR) { // either part: its document is read again
        struct change product = {CHANGE_PRODUCT, change->brand, change->id}, document = {CHANGE_DOCUMENT, change->brand, change->id};
        catalogues_changed(c, &product);
        catalogues_changed(c, &document);
        return;
    }
    if (change->kind != CHANGE_PRODUCT && change->kind != CHANGE_DOCUMENT)
        return;
    char key[64];
    pthread_mutex_lock(&c->lock);
    struct catalogue *e = map_get(c->entries, entry_key(key, change->brand, part));
    if (e && (!change->id.p || e->stale.n >= STALE_MOST || part == CATALOGUE_PASSAGES))
        e->all_stale = true;
    else if (e && !e->all_stale)
        vec_push(&e->stale, mem_strndup(change->id.p, change->id.n));
    pthread_mutex_unlock(&c->lock);
}

// ---- building ---------------------------------------------------------------------------------------------------------

struct build {
    struct catalogue *e;
    struct search_index *index;
    const struct brand_ref *brand;
    struct arena *arena;
    char **ids;
    size_t n_ids;
    struct map *vectors; // "<document>/<ordinal>" → float[dims]
    size_t dims;
    int rc;
};

static struct str joined(struct arena *arena, const struct product *p)
{
    AUTO_BUF struct buf text = BUF_INIT(200000);
    for (size_t i = 0; i < p->features.n; i++)
        buf_addf(&text, STR_FMT "\n", STR_ARG(p->features.at[i]));
    yyjson_val *specs, *key, *value;
    size_t i, max;
    if (json_parse(arena, p->specifications, 0, &specs, NULL) == 0) {
        yyjson_obj_foreach(specs, i, max, key, value) {
            buf_addf(&text, STR_FMT " ", STR_ARG(json_str(key)));
            buf_adds(&text, yyjson_is_str(value) ? json_str(value) : json_write_val(arena, value));
            buf_addc(&text, '\n');
        }
    }
    return arena_str(arena, buf_str(&text));
}

static const float *vector_of(const struct build *b, struct str document, uint32_t ordinal)
{
    char key[300];
    int n = snprintf(key, sizeof key, STR_FMT "/%u", STR_ARG(document), ordinal);
    return b->vectors && n > 0 ? map_get(b->vectors, (struct str){key, (size_t)n}) : NULL;
}

static int put_product(void *arg, void *row)
{
    struct build *b = arg;
    const struct product *p = row;
    struct str labels = arena_strf(b->arena, STR_FMT " " STR_FMT, STR_ARG(p->category), STR_ARG(p->id));
    struct search_passage passage = {
        .doc = p->id,
        .zones = {{p->name, 1.0f}, {labels, 1.0f}, {joined(b->arena, p), 0.8f}, {p->description, 0.6f}},
        .n_zones = 4,
        .attrs = {.type = STR("product"), .category = p->category, .price = p->price, .available = p->availability, .order = p->position},
        .vector = vector_of(b, p->id, 0),
    };
    return search_put(b->index, p->id, &passage, 1, NULL);
}

static int put_document(void *arg, const struct knowledge_document *d)
{
    struct build *b = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct search_passage *passages = arena_calloc(arena, PASSAGES_MOST, sizeof *passages);
    size_t n = 0, pos = 0;
    struct str text;
    while (n < PASSAGES_MOST && chunk_next(d->content, &pos, &text)) {
        passages[n] = (struct search_passage){
            .doc = d->id,
            .ordinal = (uint32_t)n,
            .zones = {{d->title, 1.0f}, {text, 1.0f}},
            .n_zones = 2,
            .attrs = {.type = d->type, .base = d->base_id, .price = INT64_MIN, .available = true, .order = d->position},
            .vector = vector_of(b, d->id, (uint32_t)n),
        };
        n++;
    }
    return search_put(b->index, d->id, passages, n, NULL);
}

static int keep_vector(void *arg, const struct vector_row *row)
{
    struct build *b = arg;
    bool mine = str_eq(row->kind, b->e->part == CATALOGUE_PRODUCTS ? STR("product") : STR("document"));
    if (!mine || (b->dims && row->dims != b->dims) || !row->dims)
        return 0;
    b->dims = row->dims;
    float *copy = arena_alloc(b->arena, row->dims * sizeof *copy);
    memcpy(copy, row->vector, row->dims * sizeof *copy);
    struct str key = arena_strf(b->arena, STR_FMT "/%lld", STR_ARG(row->document_id), (long long)row->ordinal);
    (void)map_set(b->vectors, key, copy);
    return 0;
}

static int read_all(struct tx *tx, void *arg, struct err *err)
{
    struct build *b = arg;
    struct product row;
    struct err none = {0};
    int rc = b->e->model[0] ? vector_list(tx, str_from(b->e->model), keep_vector, b, &none) : 0;
    if (rc)
        return rc;
    b->index = search_index_new(b->dims);
    if (b->e->part == CATALOGUE_PRODUCTS)
        return crud_list(tx, &product_model, NULL, -1, 0, &row, put_product, b, err);
    return knowledge_list(tx, b->brand->row.chatbot_id, put_document, b, err);
}

static int read_some(struct tx *tx, void *arg, struct err *err)
{
    struct build *b = arg;
    for (size_t i = 0; i < b->n_ids; i++) {
        struct product product;
        int rc = product_get(tx, b->arena, str_from(b->ids[i]), &product, err);
        if (rc == 1)
            rc = put_product(b, &product);
        else if (rc == 0)
            rc = search_put(b->index, str_from(b->ids[i]), NULL, 0, err);
        if (rc)
            return rc;
    }
    return 0;
}

// Takes the list of what is stale; true: everything.
static bool take_stale(struct catalogues *c, struct catalogue *e, struct build *b)
{
    pthread_mutex_lock(&c->lock);
    bool all = e->all_stale;
    b->ids = e->stale.at;
    b->n_ids = e->stale.n;
    e->stale.at = NULL;
    e->stale.n = e->stale.cap = 0;
    e->all_stale = false;
    pthread_mutex_unlock(&c->lock);
    return all;
}

static void mark_all(struct catalogues *c, struct catalogue *e)
{
    pthread_mutex_lock(&c->lock);
    e->all_stale = true;
    pthread_mutex_unlock(&c->lock);
}

static bool is_stale(struct catalogues *c, struct catalogue *e)
{
    pthread_mutex_lock(&c->lock);
    bool stale = e->all_stale || e->stale.n;
    pthread_mutex_unlock(&c->lock);
    return stale;
}

// Under e->build.
static int refresh(struct catalogues *c, struct catalogue *e, const struct brand_ref *brand, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct build b = {.e = e, .brand = brand, .arena = arena, .index = e->index, .vectors = map_new()};
    struct scope scope = scope_brand(brand->row.brand.id, STR("index"));
    bool all = take_stale(c, e, &b);
    if (all && !c->embedder->model(c->embedder->self, e->model, &e->floor))
        e->model[0] = 0;
    int rc = store_read(c->store, &scope, all ? read_all : read_some, &b, err);
    map_free(b.vectors);
    if (rc) {
        if (all && b.index != e->index)
            search_index_free(b.index);
        mark_all(c, e);
    } else if (all) {
        search_publish(b.index);
        pthread_rwlock_wrlock(&e->in_use);
        struct search_index *before = e->index;
        e->index = b.index;
        pthread_rwlock_unlock(&e->in_use);
        search_index_free(before);
    } else {
        search_publish(e->index);
    }
    for (size_t i = 0; i < b.n_ids; i++)
        free(b.ids[i]);
    free(b.ids);
    return rc;
}

static int bring_up_to_date(struct catalogues *c, struct catalogue *e, const struct brand_ref *brand, bool *ret_grown, struct err *err)
{
    *ret_grown = false;
    if (!is_stale(c, e))
        return 0;
    pthread_mutex_lock(&e->build);
    int rc = 0;
    if (is_stale(c, e)) {
        rc = refresh(c, e, brand, err);
        *ret_grown = true;
    }
    pthread_mutex_unlock(&e->build);
    return rc;
}

// ---- searching --------------------------------------------------------------------------------------------------------

static void keep_strings(struct arena *arena, struct search_result *result)
{
    for (size_t i = 0; i < result->n; i++) {
        struct search_hit *hit = &result->hits[i];
        hit->doc = arena_str(arena, hit->doc);
        hit->attrs.type = arena_str(arena, hit->attrs.type);
        hit->attrs.category = arena_str(arena, hit->attrs.category);
        hit->attrs.base = arena_str(arena, hit->attrs.base);
        hit->attrs.supplier = arena_str(arena, hit->attrs.supplier);
    }
}

static void add_vector(struct catalogues *c, const struct catalogue *e, struct arena *arena, struct search_query *query)
{
    const float **vectors;
    size_t dims;
    if (query->vector || !e->model[0] || query->text.n == 0 || !search_dims(e->index))
        return;
    int rc = c->embedder->embed(c->embedder->self, arena, &query->text, 1, true, QUERY_EMBED_MS, &vectors, &dims, NULL);
    if (rc == 0 && dims == search_dims(e->index)) {
        query->vector = vectors[0];
        query->vector_floor = e->floor;
    }
}

int catalogue_search(struct catalogues *c, const struct brand_ref *brand, enum catalogue_part part, struct arena *arena,
                     struct search_query *query, struct search_result *ret, struct err *err)
{
    struct catalogue *e = entry_take(c, brand->row.brand.id, part);
    bool grown;
    int rc = bring_up_to_date(c, e, brand, &grown, err);
    if (rc == 0) {
        pthread_rwlock_rdlock(&e->in_use);
        add_vector(c, e, arena, query);
        struct search_reader *reader = search_read(e->index);
        search_run(reader, arena, query, ret);
        keep_strings(arena, ret);
        search_reader_done(reader);
        pthread_rwlock_unlock(&e->in_use);
    }
    entry_drop(c, e, grown);
    return rc;
}

struct fetch {
    struct arena *arena;
    const struct str *ids;
    const struct search_hit *hits;
    size_t n;
    struct product *products;
    struct passage *passages;
    size_t found;
    struct str chatbot;
};

static int fetch_products(struct tx *tx, void *arg, struct err *err)
{
    struct fetch *f = arg;
    for (size_t i = 0; i < f->n; i++) {
        int rc = product_get(tx, f->arena, f->ids[i], &f->products[f->found], err);
        if (rc < 0)
            return rc;
        if (rc == 1) {
            struct product *p = &f->products[f->found++];
            p->brand_id = tx_scope(tx)->brand;
            p->set |= UINT64_C(1) << model_field_index(&product_model, "brand_id");
        }
    }
    return 0;
}

int catalogue_products(struct catalogues *c, const struct brand_ref *brand, struct arena *arena, const struct str *ids,
                       size_t n, struct product **ret, size_t *ret_n, struct err *err)
{
    struct fetch f = {.arena = arena, .ids = ids, .n = n, .products = arena_calloc(arena, n + 1, sizeof(struct product))};
    struct scope scope = scope_brand(brand->row.brand.id, STR("engine"));
    int rc = n ? store_read(c->store, &scope, fetch_products, &f, err) : 0;
    for (size_t i = 0; i < f.found; i++)
        f.products[i].brand_id = brand->row.brand.id;
    *ret = f.products;
    *ret_n = f.found;
    return rc;
}

static int take_passage(void *arg, const struct knowledge_document *d)
{
    struct fetch *f = arg;
    for (size_t i = 0; i < f->n; i++) {
        if (!str_eq(f->hits[i].doc, d->id))
            continue;
        size_t pos = 0;
        struct str text = STR_NULL;
        for (uint32_t k = 0; k <= f->hits[i].ordinal && chunk_next(d->content, &pos, &text); k++) {
        }
        f->passages[i] = (struct passage){arena_str(f->arena, d->id), arena_str(f->arena, d->title), arena_str(f->arena, text),
                                          arena_str(f->arena, d->type)};
    }
    return 0;
}

static int fetch_passages(struct tx *tx, void *arg, struct err *err)
{
    struct fetch *f = arg;
    return knowledge_list(tx, f->chatbot, take_passage, f, err);
}

int catalogue_passages(struct catalogues *c, const struct brand_ref *brand, struct arena *arena, const struct search_hit *hits,
                       size_t n, struct passage **ret, size_t *ret_n, struct err *err)
{
    struct fetch f = {.arena = arena, .hits = hits, .n = n, .passages = arena_calloc(arena, n + 1, sizeof(struct passage)),
                      .chatbot = brand->row.chatbot_id};
    struct scope scope = scope_brand(brand->row.brand.id, STR("engine"));
    int rc = n ? store_read(c->store, &scope, fetch_passages, &f, err) : 0;
    for (size_t i = 0; i < n; i++)
        if (f.passages[i].document_id.p)
            f.passages[f.found++] = f.passages[i];
    *ret = f.passages;
    *ret_n = f.found;
    return rc;
}
