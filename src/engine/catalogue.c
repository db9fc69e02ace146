// SPDX-License-Identifier: Apache-2.0
// A change marks documents stale in the entry; the next search of that entry reads their rows and publishes first, so
// that it sees every commit that came before it; a search that comes while another refreshes waits for it. One lock an
// entry orders builders; searches hold what was built by reference and do not lock. Where everything of a brand has
// changed the whole entry goes, and with it its memory.
//
// Whose vectors are in an index says the store (vector_index_get), not the embedder: while those of another model are
// made, questions are put to the one before. It may be gone by then, and a server may answer for it with another model
// under its name, so that it is proven first: it must make a stored vector once more.
#include "engine/catalogue_internal.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/vec.h"
#include "engine/catalogue_vectors.h"
#include "engine/passages.h"
#include "engine/vector_cache.h"
#include "engine/vector_text.h"
#include "store/crud.h"
#include "store/knowledge.h"
#include "store/product.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { STALE_MOST = 100000, PROVE_AGAIN_MS = 30000 };

#define PROVEN 0.98f // cosine of two vectors of one text

struct built { // an index and what it was built with, by reference
    struct search_index *index;
    struct centre *centre;           // of its vectors
    char model[EMBEDDER_KEY];        // key of the vectors in the index; "" = words only
    bool embeds;                     // somebody made vectors when it was built
    bool calibrates;                 // by a calibration that is kept for that model, if there is one
    struct calibration *calibration; // by which vectors and questions are compared; NULL: the embedder's
    // Of one passage, where another model makes the vectors now.
    char *proof_text;
    float *proof_vector;
    _Atomic int proven;          // 1, 0: not yet, -1: it is another one
    _Atomic int64_t prove_again; // monotonic ms
    _Atomic int refs;
};

struct bases { // of a chatbot, by reference
    struct catalogue_base *at;
    size_t n;
    _Atomic int refs;
};

struct catalogue {         // one part of one brand; of passages, a chatbot's
    char *brand, *chatbot; // chatbot: "" for products
    enum catalogue_part part;
    struct catalogue *next; // of the same part and brand
    pthread_mutex_t build;
    // Under catalogues.lock:
    struct built *built; // NULL until the first build
    struct bases *bases; // likewise; passages only
    size_t bytes;        // of it, as of the last refresh
    VEC(char *) stale;   // ids
    bool all_stale, refreshing;
    int64_t used_ms;
    int refs;
    bool dropped; // no longer in the map: freed with its last reference
};

struct catalogues {
    struct store *store;
    const struct embedder *embedder;
    struct vector_cache *asked;
    size_t budget, bytes; // bytes: of all entries in the map
    _Atomic uint64_t moment;
    pthread_mutex_t lock;
    struct map *entries; // "<part>:<brand>" → the first catalogue of these
    size_t n;
};

struct catalogues *catalogues_new(struct store *store, const struct embedder *embedder, size_t budget_bytes)
{
    struct catalogues *c = mem_zalloc(sizeof *c);
    *c = (struct catalogues){.store = store, .embedder = embedder, .budget = budget_bytes, .entries = map_new()};
    c->asked = vector_cache_new(embedder);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void built_drop(struct built *built)
{
    if (!built || atomic_fetch_sub(&built->refs, 1) != 1)
        return;
    search_index_free(built->index);
    centre_free(built->centre);
    calibration_free(built->calibration);
    free(built->proof_text);
    free(built->proof_vector);
    free(built);
}

static void bases_drop(struct bases *bases)
{
    if (!bases || atomic_fetch_sub(&bases->refs, 1) != 1)
        return;
    free(bases->at);
    free(bases);
}

static void entry_free(struct catalogue *e)
{
    for (size_t i = 0; i < e->stale.n; i++)
        free(e->stale.at[i]);
    vec_done(&e->stale);
    built_drop(e->built);
    bases_drop(e->bases);
    pthread_mutex_destroy(&e->build);
    free(e->brand);
    free(e->chatbot);
    free(e);
}

void catalogues_free(struct catalogues *c)
{
    if (!c)
        return;
    size_t pos = 0;
    void *entry;
    while (map_next(c->entries, &pos, NULL, &entry))
        for (struct catalogue *e = entry, *next; e; e = next) {
            next = e->next;
            entry_free(e);
        }
    map_free(c->entries);
    vector_cache_free(c->asked);
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

static struct catalogue *entry_take(struct catalogues *c, struct str brand, struct str chatbot,
                                    enum catalogue_part part)
{
    char key[64];
    struct str name = entry_key(key, brand, part);
    pthread_mutex_lock(&c->lock);
    struct catalogue *first = map_get(c->entries, name), *e = first;
    while (e && !str_eq(str_from(e->chatbot), chatbot))
        e = e->next;
    if (!e) {
        e = mem_zalloc(sizeof *e);
        e->brand = mem_strndup(brand.p, brand.n);
        e->chatbot = mem_strndup(chatbot.p, chatbot.n);
        e->part = part;
        e->next = first;
        e->all_stale = true;
        pthread_mutex_init(&e->build, NULL);
        (void)map_set(c->entries, name, e);
        c->n++;
    }
    e->refs++;
    e->used_ms = clock_mono_ms();
    pthread_mutex_unlock(&c->lock);
    return e;
}

// Under catalogues.lock: out of the map; its memory goes with its last user.
static void entry_forget(struct catalogues *c, struct catalogue *e)
{
    char key[64];
    struct str name = entry_key(key, str_from(e->brand), e->part);
    struct catalogue *first = map_get(c->entries, name), **at = &first;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    if (first)
        (void)map_set(c->entries, name, first);
    else
        (void)map_remove(c->entries, name);
    c->n--;
    c->bytes -= e->bytes;
    e->dropped = true;
    if (e->refs == 0)
        entry_free(e);
}

// Drops least used entries while all together are over the budget.
static void keep_budget(struct catalogues *c)
{
    while (c->bytes > c->budget && c->n > 1) {
        struct catalogue *oldest = NULL;
        size_t pos = 0;
        void *value;
        while (map_next(c->entries, &pos, NULL, &value))
            for (struct catalogue *e = value; e; e = e->next)
                if (e->refs == 0 && (!oldest || e->used_ms < oldest->used_ms))
                    oldest = e;
        if (!oldest)
            return;
        entry_forget(c, oldest);
    }
}

static void entry_drop(struct catalogues *c, struct catalogue *e)
{
    pthread_mutex_lock(&c->lock);
    e->refs--;
    if (e->dropped && e->refs == 0)
        entry_free(e);
    keep_budget(c);
    pthread_mutex_unlock(&c->lock);
}

static void forget_all(struct catalogues *c)
{
    pthread_mutex_lock(&c->lock);
    for (;;) {
        size_t pos = 0;
        void *value;
        if (!map_next(c->entries, &pos, NULL, &value))
            break;
        entry_forget(c, value);
    }
    pthread_mutex_unlock(&c->lock);
}

uint64_t catalogue_moment(const struct catalogues *c)
{
    return atomic_load(&c->moment);
}

static bool is_last_stale(const struct catalogue *e, struct str id)
{
    return e->stale.n && str_eq(str_from(e->stale.at[e->stale.n - 1]), id);
}

void catalogues_changed(struct catalogues *c, const struct change *change)
{
    enum catalogue_part part = change->kind == CHANGE_PRODUCT ? CATALOGUE_PRODUCTS : CATALOGUE_PASSAGES;
    if (change->kind == CHANGE_OUTSIDE || change->kind == CHANGE_PRODUCT)
        atomic_fetch_add(&c->moment, 1);
    if (change->kind == CHANGE_OUTSIDE) {
        forget_all(c);
        return;
    }
    if (change->kind != CHANGE_PRODUCT && change->kind != CHANGE_DOCUMENT)
        return;
    char key[64];
    pthread_mutex_lock(&c->lock);
    struct catalogue *e = map_get(c->entries, entry_key(key, change->brand, part));
    for (struct catalogue *next; e; e = next) {
        next = e->next;
        if (!change->id.p)
            entry_forget(c, e);
        else if (e->stale.n >= STALE_MOST)
            e->all_stale = true;
        else if (!e->all_stale && !is_last_stale(e, change->id)) // a batch of vectors names its document many times
            vec_push(&e->stale, mem_strndup(change->id.p, change->id.n));
    }
    pthread_mutex_unlock(&c->lock);
}

// ---- building ------------------------------------------------------------------------------------------------------

struct build {
    struct catalogues *catalogues;
    struct catalogue *e;
    struct search_index *index;
    struct built *built;
    bool prove; // a text of it is wanted
    const struct brand_ref *brand;
    struct arena *arena;
    char **ids;
    size_t n_ids;
    struct catalogue_vectors vectors;
    struct bases *bases; // read anew with every refresh of passages
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
        yyjson_obj_foreach(specs, i, max, key, value)
        {
            buf_addf(&text, STR_FMT " ", STR_ARG(json_str(key)));
            buf_adds(&text, yyjson_is_str(value) ? json_str(value) : json_write_val(arena, value));
            buf_addc(&text, '\n');
        }
    }
    return arena_str(arena, buf_str(&text));
}

// The vectors of a passage; of one that is wanted as a proof its text is kept too.
static void add_vectors(struct build *b, struct arena *work, const struct catalogue_vector_text *text,
                        struct search_passage *ret)
{
    const float *alone;
    ret->n_vectors = catalogue_vectors_of(&b->vectors, work, text, &ret->vector, &alone);
    if (!b->prove || !alone || vector_text_is_long(text->text))
        return;
    b->prove = false;
    b->built->proof_text = mem_strndup(text->text.p, text->text.n);
    b->built->proof_vector = mem_calloc(b->vectors.dims, sizeof *alone);
    memcpy(b->built->proof_vector, alone, b->vectors.dims * sizeof *alone);
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
        .attrs = {.type = STR("product"),
                  .category = p->category,
                  .price = p->price,
                  .available = p->availability,
                  .order = p->position},
    };
    if (b->vectors.dims)
        add_vectors(b, b->arena,
                    &(struct catalogue_vector_text){p->id, 0, p->name, vector_text_of_product(b->arena, p)}, &passage);
    return search_put(b->index, p->id, &passage, 1, NULL);
}

enum retrieval retrieval_of(struct str method)
{
    if (str_eq(method, STR("keyword")))
        return RETRIEVE_KEYWORD;
    return str_eq(method, STR("semantic")) ? RETRIEVE_SEMANTIC : RETRIEVE_HYBRID;
}

static int read_bases(struct tx *tx, struct build *b, struct err *err)
{
    struct knowledge_base *rows;
    size_t n;
    int rc = knowledge_bases(tx, b->arena, str_from(b->e->chatbot), &rows, &n, err);
    if (rc)
        return rc;
    bases_drop(b->bases);
    b->bases = mem_zalloc(sizeof *b->bases);
    atomic_init(&b->bases->refs, 1);
    b->bases->at = mem_calloc(n + 1, sizeof *b->bases->at);
    b->bases->n = n;
    for (size_t i = 0; i < n; i++) {
        struct catalogue_base *base = &b->bases->at[i];
        *base = (struct catalogue_base){.active = rows[i].is_active,
                                        .learned = str_eq(rows[i].kind, STR("learned")),
                                        .method = retrieval_of(rows[i].settings.retrieval_method),
                                        .threshold = rows[i].settings.relevance_threshold,
                                        .most = (size_t)rows[i].settings.max_results};
        memcpy(base->id, rows[i].id.p, rows[i].id.n < ID_SIZE ? rows[i].id.n : ID_SIZE - 1);
    }
    return 0;
}

// How much a word in the text counts beside one in the title. Questions of learned bases are recognised by their title
// alone: there a match in the text weighs a trifle less, so that a search tells them apart.
static float text_weight(const struct build *b, struct str base_id)
{
    for (size_t i = 0; base_id.p && i < b->bases->n; i++)
        if (b->bases->at[i].learned && str_eq(str_from(b->bases->at[i].id), base_id))
            return CATALOGUE_ANSWER_WEIGHT;
    return 1.0f;
}

static int put_document(void *arg, const struct knowledge_document *d)
{
    struct build *b = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    size_t most = d->chunk_count < PASSAGES_MOST ? (size_t)d->chunk_count : PASSAGES_MOST;
    struct search_passage *passages = arena_calloc(arena, most, sizeof *passages);
    size_t n = 0, pos = 0;
    struct str text;
    float weight = text_weight(b, d->base_id);
    while (n < most && chunk_next(d->content, &pos, &text)) {
        passages[n] = (struct search_passage){
            .doc = d->id,
            .ordinal = (uint32_t)n,
            .zones = {{d->title, 1.0f}, {text, weight}},
            .n_zones = 2,
            .attrs = {.type = d->type,
                      .category = d->category,
                      .supplier = d->supplier_id,
                      .base = d->base_id.p ? d->base_id : CATALOGUE_NO_BASE,
                      .price = INT64_MIN,
                      .available = true,
                      .order = d->created_at},
        };
        if (b->vectors.dims)
            add_vectors(
                b, arena,
                &(struct catalogue_vector_text){d->id, (int64_t)n, d->title, vector_text_of_passage(arena, d, text)},
                &passages[n]);
        n++;
    }
    return search_put(b->index, d->id, passages, n, NULL);
}

static void use_vectors(struct build *b, size_t dims)
{
    b->vectors.key = b->built->model;
    b->vectors.centre = b->built->centre;
    b->vectors.calibration = b->built->calibration;
    b->vectors.dims = dims;
}

static int read_all(struct tx *tx, void *arg, struct err *err)
{
    struct build *b = arg;
    struct product row;
    struct built *built = b->built;
    struct vector_index vectors = {0};
    int rc = built->embeds ? vector_index_get(tx, b->arena, &vectors, err) : 0;
    (void)snprintf(built->model, sizeof built->model, STR_FMT, STR_ARG(vectors.model));
    built->calibrates = embedder_calibrates(b->catalogues->embedder, built->model);
    rc = rc < 0 || !built->calibrates
             ? rc
             : catalogue_calibration(tx, vectors.model, vectors.dims, &built->calibration, err);
    use_vectors(b, vectors.dims);
    rc = rc < 0 || !vectors.dims ? rc : vector_list(tx, vectors.model, catalogue_vectors_keep, &b->vectors, err);
    if (rc < 0)
        return rc;
    char key[EMBEDDER_KEY];
    catalogue_model(b->catalogues, key);
    b->prove = vectors.dims && strcmp(key, built->model) != 0;
    b->index = search_index_new(b->vectors.dims);
    if (b->e->part == CATALOGUE_PRODUCTS)
        return crud_list(tx, &product_model, NULL, -1, 0, &row, put_product, b, err);
    rc = read_bases(tx, b, err);
    return rc ? rc : knowledge_list(tx, str_from(b->e->chatbot), put_document, b, err);
}

static int reread_product(struct tx *tx, struct build *b, struct str id, struct err *err)
{
    struct product product;
    int rc = product_get(tx, b->arena, id, &product, err);
    if (rc == 1)
        return put_product(b, &product);
    return rc ? rc : search_put(b->index, id, NULL, 0, err);
}

// Another chatbot's document is none here, as one that is gone.
static int reread_document(struct tx *tx, struct build *b, struct str id, struct err *err)
{
    struct knowledge_document d;
    int rc = knowledge_get(tx, b->arena, id, &d, err);
    if (rc == 1 && (!d.chatbot_id.p || str_eq(d.chatbot_id, str_from(b->e->chatbot))))
        return put_document(b, &d);
    return rc < 0 ? rc : search_put(b->index, id, NULL, 0, err);
}

// ERR_NOT_FOUND: the index is none of the vectors that are searched now.
static int read_some(struct tx *tx, void *arg, struct err *err)
{
    struct build *b = arg;
    bool products = b->e->part == CATALOGUE_PRODUCTS;
    struct vector_index vectors = {0};
    int rc = products ? 0 : read_bases(tx, b, err);
    rc = rc || !b->built->embeds ? rc : vector_index_get(tx, b->arena, &vectors, err);
    if (rc >= 0 && b->built->embeds &&
        (!str_eq(vectors.model, str_from(b->built->model)) || vectors.dims != search_dims(b->index)))
        return ERR_NOT_FOUND;
    rc = rc < 0 ? rc : 0;
    use_vectors(b, search_dims(b->index));
    for (size_t i = 0; i < b->n_ids && !rc; i++) {
        struct str id = str_from(b->ids[i]);
        rc = b->vectors.dims ? catalogue_vectors_read(&b->vectors, tx, vectors.model, id, err) : 0;
        if (rc)
            return rc;
        rc = products ? reread_product(tx, b, id, err) : reread_document(tx, b, id, err);
    }
    return rc;
}

// Takes the list of what is stale; true: everything. Until `settle` every search of the entry waits.
static bool take_stale(struct catalogues *c, struct catalogue *e, struct build *b)
{
    pthread_mutex_lock(&c->lock);
    bool all = e->all_stale || !e->built;
    b->ids = e->stale.at;
    b->n_ids = e->stale.n;
    e->stale.at = NULL;
    e->stale.n = e->stale.cap = 0;
    e->all_stale = false;
    e->refreshing = true;
    pthread_mutex_unlock(&c->lock);
    return all;
}

// The end of a refresh: `built` (may be what was there) serves from now on; NULL: it failed, all is read again.
// `bases` NULL: they stay.
static void settle(struct catalogues *c, struct catalogue *e, struct built *built, struct bases *bases)
{
    struct built *before = NULL;
    struct bases *bases_before = bases ? e->bases : NULL;
    size_t bytes = built ? search_bytes(built->index) : 0;
    pthread_mutex_lock(&c->lock);
    e->refreshing = false;
    if (bases)
        e->bases = bases;
    if (!built) {
        e->all_stale = true;
    } else {
        if (!e->dropped)
            c->bytes += bytes - e->bytes;
        e->bytes = bytes;
        if (built != e->built) {
            before = e->built;
            e->built = built;
        }
    }
    pthread_mutex_unlock(&c->lock);
    built_drop(before);
    bases_drop(bases_before);
}

// What searches may use now, as a reference; NULL: it has to be refreshed first.
static struct built *take_fresh(struct catalogues *c, struct catalogue *e)
{
    pthread_mutex_lock(&c->lock);
    bool fresh = e->built && !e->all_stale && !e->stale.n && !e->refreshing;
    struct built *built = fresh ? e->built : NULL;
    if (built)
        atomic_fetch_add(&built->refs, 1);
    pthread_mutex_unlock(&c->lock);
    return built;
}

size_t catalogues_facts(struct catalogues *c, struct arena *arena, size_t most, struct catalogue_facts **ret)
{
    size_t pos = 0, n = 0;
    void *entry;
    *ret = arena_calloc(arena, most + 1, sizeof **ret);
    pthread_mutex_lock(&c->lock);
    while (n < most && map_next(c->entries, &pos, NULL, &entry))
        for (struct catalogue *e = entry; e && n < most; e = e->next)
            if (e->built && !e->all_stale && !e->stale.n && !e->refreshing)
                (*ret)[n++] = (struct catalogue_facts){arena_str(arena, str_from(e->brand)),
                                                       arena_str(arena, str_from(e->chatbot)), e->part,
                                                       search_documents(e->built->index)};
    pthread_mutex_unlock(&c->lock);
    return n;
}

static int build_anew(struct catalogues *c, struct build *b, const struct scope *scope, struct built **ret,
                      struct err *err)
{
    struct built *built = mem_zalloc(sizeof *built);
    built->centre = centre_new();
    atomic_init(&built->refs, 1);
    struct embedder_model model;
    built->embeds = c->embedder->model(c->embedder->self, &model);
    b->built = built;
    b->index = NULL;
    int rc = store_read(c->store, scope, read_all, b, err);
    built->index = b->index;
    if (rc) {
        built_drop(built);
        return rc;
    }
    search_publish(built->index);
    *ret = built;
    return 0;
}

// Under e->build.
static int refresh(struct catalogues *c, struct catalogue *e, const struct brand_ref *brand, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct build b = {.catalogues = c, .e = e, .brand = brand, .arena = arena};
    struct scope scope = scope_brand(brand->row.brand.id, STR("index"));
    b.vectors = (struct catalogue_vectors){
        .embedder = c->embedder, .products = e->part == CATALOGUE_PRODUCTS, .arena = arena, .by_name = map_new()};
    bool all = take_stale(c, e, &b);
    struct built *built = e->built; // changed under e->build alone
    int rc = ERR_NOT_FOUND;
    if (!all) {
        b.index = built->index;
        b.built = built;
        rc = store_read(c->store, &scope, read_some, &b, err);
        if (rc == 0)
            search_publish(built->index);
    }
    if (rc == ERR_NOT_FOUND) // all, or the first vectors of an index that was made without
        rc = build_anew(c, &b, &scope, &built, err);
    settle(c, e, rc ? NULL : built, b.bases);
    map_free(b.vectors.by_name);
    for (size_t i = 0; i < b.n_ids; i++)
        free(b.ids[i]);
    free(b.ids);
    return rc;
}

// An index without vectors is made anew where somebody makes them now, and the other way round; one whose vectors are
// compared by a calibration where they are to be compared as they are.
static void look_at_model(struct catalogues *c, struct catalogue *e)
{
    struct embedder_model model;
    bool embeds = c->embedder->model(c->embedder->self, &model);
    pthread_mutex_lock(&c->lock);
    if (e->built &&
        (e->built->embeds != embeds || e->built->calibrates != embedder_calibrates(c->embedder, e->built->model)))
        e->all_stale = true;
    pthread_mutex_unlock(&c->lock);
}

static int bring_up_to_date(struct catalogues *c, struct catalogue *e, const struct brand_ref *brand,
                            struct built **ret, struct err *err)
{
    int rc = 0;
    look_at_model(c, e);
    // What goes stale again while it is refreshed came later than this search.
    if ((*ret = take_fresh(c, e)))
        return 0;
    pthread_mutex_lock(&e->build);
    if (!(*ret = take_fresh(c, e)))
        rc = refresh(c, e, brand, err);
    if (!rc && !*ret) {
        *ret = e->built;
        atomic_fetch_add(&e->built->refs, 1);
    }
    pthread_mutex_unlock(&e->build);
    return rc;
}

// ---- searching -----------------------------------------------------------------------------------------------------

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

static bool is_proof(struct catalogues *c, struct built *built)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str text = str_from(built->proof_text);
    const float **vectors;
    size_t dims;
    float cosine = 0;
    if (c->embedder->embed(c->embedder->self, built->model, arena, &text, 1, false, VECTOR_QUESTION_MS, &vectors, &dims,
                           NULL) != 0) {
        atomic_store(&built->prove_again, clock_mono_ms() + PROVE_AGAIN_MS); // it may only be busy
        return false;
    }
    const float *vector =
        embedder_shaped(c->embedder, built->model, built->calibration, arena, EMBEDDER_PASSAGE, vectors[0], dims);
    for (size_t i = 0; dims == search_dims(built->index) && i < dims; i++)
        cosine += vector[i] * built->proof_vector[i];
    atomic_store(&built->proven, cosine >= PROVEN ? 1 : -1);
    return cosine >= PROVEN;
}

// Whether questions may be put to the model of this index.
static bool answers(struct catalogues *c, struct built *built)
{
    char key[EMBEDDER_KEY];
    if (!built->embeds || !search_dims(built->index))
        return false;
    catalogue_model(c, key);
    if (strcmp(key, built->model) == 0)
        return true;
    int proven = atomic_load(&built->proven);
    if (proven || !built->proof_text)
        return proven == 1;
    return clock_mono_ms() >= atomic_load(&built->prove_again) && is_proof(c, built);
}

static void add_vector(struct catalogues *c, struct built *built, struct arena *arena, struct search_query *query)
{
    const float *vector;
    size_t dims;
    if (query->vector || query->text.n == 0 || !answers(c, built) ||
        !vector_cache_question(c->asked, built->model, query->text, arena, &vector, &dims) ||
        dims != search_dims(built->index))
        return;
    query->vector = vector =
        embedder_shaped(c->embedder, built->model, built->calibration, arena, EMBEDDER_QUESTION, vector, dims);
    size_t n;
    const float *centre = centre_mean(built->centre, arena, dims, &n);
    embedder_scale(c->embedder, built->model, built->calibration, vector, centre, n, dims, &query->vector_floor,
                   &query->vector_full);
}

bool catalogue_ask(struct catalogues *c, const struct brand_ref *brand, struct str chatbot_id, const struct str *texts,
                   size_t n, void (*done)(void *arg), void *arg)
{
    struct catalogue *e = entry_take(c, brand->row.brand.id, chatbot_id, CATALOGUE_PASSAGES);
    struct built *built;
    struct err err;
    bool asks = false;
    if (bring_up_to_date(c, e, brand, &built, &err) == 0) {
        asks = answers(c, built) &&
               vector_cache_ask(c->asked, built->model, EMBEDDER_QUESTION, texts, n, VECTOR_QUESTION_MS, done, arg);
        built_drop(built);
    }
    entry_drop(c, e);
    return asks;
}

void catalogue_model(struct catalogues *c, char ret_key[EMBEDDER_KEY])
{
    struct embedder_model model;
    if (!c->embedder->model(c->embedder->self, &model))
        model.key[0] = 0;
    (void)snprintf(ret_key, EMBEDDER_KEY, "%s", model.key);
}

int catalogue_bases(struct catalogues *c, const struct brand_ref *brand, struct str chatbot_id, struct arena *arena,
                    struct catalogue_base **ret, size_t *ret_n, struct err *err)
{
    struct catalogue *e = entry_take(c, brand->row.brand.id, chatbot_id, CATALOGUE_PASSAGES);
    struct built *built = NULL;
    int rc = bring_up_to_date(c, e, brand, &built, err);
    if (!rc) {
        pthread_mutex_lock(&c->lock);
        struct bases *bases = e->bases;
        atomic_fetch_add(&bases->refs, 1);
        pthread_mutex_unlock(&c->lock);
        *ret = arena_calloc(arena, bases->n + 1, sizeof **ret);
        memcpy(*ret, bases->at, bases->n * sizeof **ret);
        *ret_n = bases->n;
        bases_drop(bases);
        built_drop(built);
    }
    entry_drop(c, e);
    return rc;
}

static int search(struct catalogues *c, const struct brand_ref *brand, struct str chatbot, enum catalogue_part part,
                  struct arena *arena, struct search_query *query, struct search_result *ret, struct err *err)
{
    struct catalogue *e = entry_take(c, brand->row.brand.id, chatbot, part);
    struct built *built;
    int rc = bring_up_to_date(c, e, brand, &built, err);
    if (rc == 0) {
        int64_t began = clock_mono_us();
        if (!query->words_only)
            add_vector(c, built, arena, query);
        struct search_reader *reader = search_read(built->index);
        search_run(reader, arena, query, ret);
        metric_time(METRIC_RETRIEVAL, METRIC_AT(0), clock_mono_us() - began);
        keep_strings(arena, ret);
        search_reader_done(reader);
        built_drop(built);
    }
    entry_drop(c, e);
    return rc;
}

int catalogue_search(struct catalogues *c, const struct brand_ref *brand, enum catalogue_part part, struct arena *arena,
                     struct search_query *query, struct search_result *ret, struct err *err)
{
    struct str chatbot = part == CATALOGUE_PASSAGES ? brand->row.chatbot_id : STR("");
    return search(c, brand, chatbot, part, arena, query, ret, err);
}

int catalogue_search_of(struct catalogues *c, const struct brand_ref *brand, struct str chatbot_id, struct arena *arena,
                        struct search_query *query, struct search_result *ret, struct err *err)
{
    return search(c, brand, chatbot_id, CATALOGUE_PASSAGES, arena, query, ret, err);
}

struct vector_cache *catalogues_vectors(const struct catalogues *c)
{
    return c->asked;
}

struct store *catalogues_store(const struct catalogues *c)
{
    return c->store;
}
