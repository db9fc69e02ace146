// SPDX-License-Identifier: Apache-2.0
// Rows of what a search has found, as they are now: the index may be a moment behind, or the row gone.
#include "engine/catalogue_internal.h"

#include "engine/chunk.h"
#include "store/knowledge.h"
#include "store/product.h"

struct fetch {
    struct arena *arena;
    const struct str *ids;
    const struct search_hit *hits;
    size_t n;
    struct product *products;
    struct passage *passages;
    size_t found;
};

static int fetch_products(struct tx *tx, void *arg, struct err *err)
{
    struct fetch *f = arg;
    for (size_t i = 0; i < f->n; i++) {
        int rc = product_get(tx, f->arena, f->ids[i], &f->products[f->found], err);
        if (rc < 0)
            return rc;
        f->found += rc == 1;
    }
    return 0;
}

int catalogue_products(struct catalogues *c, const struct brand_ref *brand, struct arena *arena, const struct str *ids,
                       size_t n, struct product **ret, size_t *ret_n, struct err *err)
{
    struct fetch f = {
        .arena = arena, .ids = ids, .n = n, .products = arena_calloc(arena, n + 1, sizeof(struct product))};
    struct scope scope = scope_brand(brand->row.brand.id, STR("engine"));
    int rc = n ? store_read(catalogues_store(c), &scope, fetch_products, &f, err) : 0;
    for (size_t i = 0; i < f.found; i++)
        product_set_brand(&f.products[i], brand->row.brand.id);
    *ret = f.products;
    *ret_n = f.found;
    return rc;
}

struct one_document {
    struct arena *arena;
    struct str id;
    struct knowledge_document *ret;
    bool found;
};

static int fetch_document(struct tx *tx, void *arg, struct err *err)
{
    struct one_document *d = arg;
    int rc = knowledge_get(tx, d->arena, d->id, d->ret, err);
    d->found = rc == 1;
    return rc < 0 ? rc : 0;
}

int catalogue_document(struct catalogues *c, const struct brand_ref *brand, struct arena *arena, struct str id,
                       struct knowledge_document *ret, struct err *err)
{
    struct one_document d = {arena, id, ret, false};
    struct scope scope = scope_brand(brand->row.brand.id, STR("engine"));
    int rc = store_read(catalogues_store(c), &scope, fetch_document, &d, err);
    return rc ? rc : d.found;
}

static int fetch_passages(struct tx *tx, void *arg, struct err *err)
{
    struct fetch *f = arg;
    for (size_t i = 0; i < f->n; i++) {
        AUTO_ARENA struct arena *whole = arena_new(0); // documents may be large, and turns wait for long
        struct knowledge_document d;
        struct str text = STR_NULL;
        size_t pos = 0;
        int rc = knowledge_get(tx, whole, f->hits[i].doc, &d, err);
        if (rc < 0)
            return rc;
        for (uint32_t k = 0; rc == 1 && k <= f->hits[i].ordinal && chunk_next(d.content, &pos, &text); k++) {
        }
        if (rc == 1)
            f->passages[i] = (struct passage){.document_id = arena_str(f->arena, d.id),
                                              .base_id = arena_str(f->arena, d.base_id),
                                              .title = arena_str(f->arena, d.title),
                                              .text = arena_str(f->arena, text),
                                              .type = arena_str(f->arena, d.type),
                                              .ordinal = f->hits[i].ordinal,
                                              .relevance = f->hits[i].relevance,
                                              .category = arena_str(f->arena, d.category),
                                              .product_id = arena_str(f->arena, d.product_id),
                                              .product_name = arena_str(f->arena, d.product_name),
                                              .supplier_name = arena_str(f->arena, d.supplier_name),
                                              .citable = d.citable};
    }
    return 0;
}

int catalogue_passages(struct catalogues *c, const struct brand_ref *brand, struct arena *arena,
                       const struct search_hit *hits, size_t n, struct passage **ret, size_t *ret_n, struct err *err)
{
    struct fetch f = {
        .arena = arena, .hits = hits, .n = n, .passages = arena_calloc(arena, n + 1, sizeof(struct passage))};
    struct scope scope = scope_brand(brand->row.brand.id, STR("engine"));
    int rc = n ? store_read(catalogues_store(c), &scope, fetch_passages, &f, err) : 0;
    for (size_t i = 0; i < n; i++)
        if (f.passages[i].document_id.p)
            f.passages[f.found++] = f.passages[i];
    *ret = f.passages;
    *ret_n = f.found;
    return rc;
}

struct search_match *catalogue_terms(struct arena *arena, const struct search_result *found)
{
    struct search_match *terms = arena_calloc(arena, found->n_terms + 1, sizeof *terms);
    for (size_t i = 0; i < found->n_terms; i++) {
        terms[i] = found->terms[i];
        terms[i].term = arena_str(arena, terms[i].term);
    }
    return terms;
}
