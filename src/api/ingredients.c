// SPDX-License-Identifier: Apache-2.0
// Products under /api/v1 (000-management 5.2). An ingredient is knowledge itself: a document of the type `product`,
// with the product's id, is written in the transaction of each change. The catalogue's products are only read here.
#include "api/ingredients.h"

#include "api/knowledge.h"
#include "base/clock.h"
#include "base/id.h"
#include "engine/chunk.h"
#include "model/text.h"
#include "store/ingredient.h"
#include "store/supplier.h"

enum { WORDS_MOST = 300 };

static const struct loc body_root = {NULL, STR("body"), 0};

// ---- the document ---------------------------------------------------------------------------------------------------

static void add_line(struct buf *out, const char *name, struct str value)
{
    if (value.n)
        buf_addf(out, "%s" STR_FMT ".\n", name, STR_ARG(value));
}

static int write_document(struct tx *tx, const struct ingredient *p, const struct supplier *supplier, bool is_new,
                          struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 17);
    int64_t now = clock_wall_ms();
    add_line(&text, "INCI name: ", p->inci_name);
    add_line(&text, "Trade name: ", p->trade_name);
    add_line(&text, "CAS number: ", p->cas_number);
    add_line(&text, "EINECS number: ", p->einecs_number);
    add_line(&text, "Supplier: ", supplier->name);
    buf_adds(&text, p->description);
    struct knowledge_document document = {.id = p->id,
                                          .type = STR("product"),
                                          .product_id = p->id,
                                          .title = p->inci_name,
                                          .content = buf_str(&text),
                                          .chunk_count = chunk_count(buf_str(&text))};
    return is_new ? knowledge_document_insert(tx, &document, now, err)
                  : knowledge_document_rewrite(tx, &document, now, err);
}

int ingredients_rewrite(struct tx *tx, struct call *call, const struct supplier *supplier, struct err *err)
{
    struct strings ids;
    struct ingredient product;
    int rc = supplier_products(tx, call->arena, supplier->id, &ids, err);
    for (size_t i = 0; i < ids.n && rc >= 0; i++) {
        rc = ingredient_get(tx, tx_arena(tx), ids.at[i], &product, err);
        if (rc == 1)
            rc = write_document(tx, &product, supplier, false, err);
    }
    return rc < 0 ? rc : knowledge_embed(tx, call, err);
}

// ---- the resource ---------------------------------------------------------------------------------------------------

static bool of_catalogue(const struct ingredient *product)
{
    return str_eq(product->kind, STR("catalogue"));
}

static int refuse_catalogue(struct err *err)
{
    return err_set(err, ERR_CONFLICT, "Products of the catalogue are changed in the catalogue");
}

static void set_folds(struct arena *arena, struct ingredient *p)
{
    struct str all = arena_strf(arena, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(p->inci_name),
                                STR_ARG(p->trade_name), STR_ARG(p->cas_number), STR_ARG(p->einecs_number));
    model_put_str(&ingredient_model, p, "inciFold", text_fold_case(arena, p->inci_name));
    model_put_str(&ingredient_model, p, "searchFold", text_fold_case(arena, all));
}

// Only the catalogue's have none.
static bool is_null(struct call *call, const struct ingredient *p, const char *field)
{
    struct loc at = {&body_root, str_from(field), 0};
    if (model_has(&ingredient_model, p, field))
        return false;
    fault_add(call->faults, FAULT_STRING, &at, NULL, 0, NULL);
    return true;
}

static int before(struct tx *tx, struct call *call, const void *old, void *row, struct err *err)
{
    struct ingredient *p = row;
    const struct ingredient *was = old;
    struct supplier supplier;
    struct loc at = {&body_root, STR("supplierId"), 0};
    if (was && of_catalogue(was))
        return refuse_catalogue(err);
    if (is_null(call, p, "supplierId") || is_null(call, p, "inciName"))
        return ERR_INVALID;
    p->supplier_id = arena_lower(call->arena, p->supplier_id);
    model_put_str(&ingredient_model, p, "kind", STR("ingredient"));
    if (!was)
        model_mark(&ingredient_model, p, "documentCount", true);
    p->document_count = was ? was->document_count : 0;
    set_folds(call->arena, p);
    int rc = supplier_get(tx, call->arena, p->supplier_id, &supplier, err);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        fault_add(call->faults, FAULT_REFERENCE, &at, NULL, 0, "a supplier of the brand");
        return ERR_INVALID;
    }
    rc = ingredient_named(tx, was ? was->id : STR_NULL, p->supplier_id, p->inci_fold, err);
    return rc == 1 ? err_set(err, ERR_CONFLICT, "This supplier has a product of that INCI name already") : rc;
}

static bool same_text(const struct ingredient *a, const struct ingredient *b)
{
    return str_eq(a->inci_name, b->inci_name) && str_eq(a->trade_name, b->trade_name) &&
           str_eq(a->cas_number, b->cas_number) && str_eq(a->einecs_number, b->einecs_number) &&
           str_eq(a->supplier_id, b->supplier_id) && str_eq(a->description, b->description);
}

static int after(struct tx *tx, struct call *call, const void *old, const void *row, struct err *err)
{
    const struct ingredient *was = old, *is = row;
    struct supplier supplier;
    if (!is)
        return 0;
    int rc = supplier_get(tx, call->arena, is->supplier_id, &supplier, err);
    rc = rc < 0 ? rc : supplier_count_products(tx, is->supplier_id, err);
    if (!rc && was && !str_eq(was->supplier_id, is->supplier_id))
        rc = supplier_count_products(tx, was->supplier_id, err);
    if (!rc && (!was || !same_text(was, is)))
        rc = write_document(tx, is, &supplier, !was, err);
    if (!rc && was)
        rc = ingredient_documents_changed(tx, is->id, err); // of another supplier, active or not
    return rc ? rc : knowledge_embed(tx, call, err);
}

static int complete(struct tx *tx, struct call *call, void *row, bool one, struct err *err)
{
    struct ingredient *p = row;
    struct supplier supplier;
    (void)one;
    p->supplier = (struct ingredient_supplier){0};
    model_mark(&ingredient_model, p, "supplier", false);
    if (!p->supplier_id.p || of_catalogue(p))
        return 0;
    int rc = supplier_get(tx, call->arena, p->supplier_id, &supplier, err);
    if (rc != 1)
        return rc;
    p->supplier = (struct ingredient_supplier){supplier.code.p ? 7 : 3, supplier.id, supplier.name, supplier.code};
    model_mark(&ingredient_model, p, "supplier", true);
    return 0;
}

static int find(struct tx *tx, struct call *call, struct page *page, struct strings *ret_ids, struct err *err)
{
    struct str kind = call_query_text(call, "kind");
    bool active = false, given = call_query_bool(call, "isActive", &active);
    struct ingredient_query query = {
        .kind = kind.p ? kind : STR("ingredient"),
        .supplier_id = call_query_text(call, "supplierId"),
        .q = call_query_text(call, "q"),
        .active = given ? active : -1,
        .limit = page->limit,
        .offset = page_offset(page),
    };
    if (str_eq(kind, STR("all")))
        query.kind = STR_NULL;
    return ingredient_find(tx, call->arena, &query, ret_ids, &page->total, err);
}

static const struct resource product_resource = {
    .kind = "product",
    .title = "Product",
    .model = &ingredient_model,
    .before = before,
    .after = after,
    .complete = complete,
    .find = find,
    .page = 20,
};

// ---- remove ---------------------------------------------------------------------------------------------------------

int ingredient_erase(struct tx *tx, struct call *call, struct str id, int64_t *documents, int64_t *unlinked,
                     struct err *err)
{
    struct ingredient old;
    int64_t deleted = 0, loose = 0;
    int rc = resource_load(tx, call->arena, &product_resource, id, &old, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Product not found");
    if (of_catalogue(&old))
        return refuse_catalogue(err);
    rc = ingredient_leave_documents(tx, id, clock_wall_ms(), &deleted, &loose, err);
    *documents += deleted;
    *unlinked += loose;
    return rc ? rc : resource_delete(tx, call, &product_resource, &old, err);
}

struct removal {
    struct call *call;
    int64_t documents, unlinked;
};

static int erase(struct tx *tx, void *arg, struct err *err)
{
    struct removal *r = arg;
    const struct ingredient *product = r->call->object;
    r->documents = r->unlinked = 0;
    int rc = ingredient_erase(tx, r->call, product->id, &r->documents, &r->unlinked, err);
    return rc ? rc : supplier_count_products(tx, product->supplier_id, err);
}

static void remove_product(struct call *call)
{
    struct removal r = {.call = call};
    const struct ingredient *product = call->object;
    if (call_failed(call, call_store_write(call, erase, &r)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "id", product->id);
    json_add_int(doc, data, "deletedDocuments", r.documents);
    json_add_int(doc, data, "unlinkedDocuments", r.unlinked);
    call_data(call, 200, "Product deleted", doc, data);
}

static const struct parameter list_query[] = {
    {"kind", "string", "ingredient without this", 0, 0, "ingredient|catalogue|all"},
    {"supplierId", "string", "Only of this supplier", 0, ID_SIZE - 1},
    {"isActive", "boolean", "Only active ones, or only the others", 0, 0},
    {"q", "string", "In any name or number, in any case", 0, WORDS_MOST},
};
#define PRODUCTS                                                                                                       \
    .surface = &surface_platform, .tag = "Suppliers and products", .limit = &LIMIT_MANAGEMENT, .family = "documents",  \
    .resource = &product_resource
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/products", PRODUCTS, .who = WHO_MEMBER, .summary = "Products by name",
     .reply = &ingredient_model, .flags = ENDPOINT_PAGED, .query = list_query, .n_query = 4, .run = resource_list},
    {HTTP_POST, "/api/v1/products", PRODUCTS, .who = WHO_WRITER, .summary = "Make an ingredient",
     .body = &ingredient_model, .reply = &ingredient_model, .flags = ENDPOINT_CREATED, .run = resource_create},
    {HTTP_GET, "/api/v1/products/{id}", PRODUCTS, .who = WHO_MEMBER, .summary = "One product",
     .reply = &ingredient_model, .run = resource_read},
    {HTTP_PUT, "/api/v1/products/{id}", PRODUCTS, .who = WHO_WRITER, .summary = "Change an ingredient",
     .body = &ingredient_model, .flags = ENDPOINT_PATCH, .reply = &ingredient_model, .run = resource_update},
    {HTTP_DELETE, "/api/v1/products/{id}", PRODUCTS, .who = WHO_WRITER,
     .summary = "Delete an ingredient; its inci documents go with it, others lose the link",
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Product deleted\",\"data\":{\"id\":"
                      "\"0197a1d0-2b11-7c3e-9f20-6d5f1f0a7712\",\"deletedDocuments\":1,\"unlinkedDocuments\":1}}",
     .run = remove_product},
};

struct endpoints ingredients_endpoints(void)
{
    return ENDPOINTS(rows);
}
