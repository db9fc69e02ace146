// SPDX-License-Identifier: Apache-2.0
// Suppliers (000-management 5.1): a plain resource with unique names; removing one with products has to be said twice.
#include "api/ingredients.h"
#include "model/text.h"
#include "store/supplier.h"

enum { WORDS_MOST = 300 };

static int before(struct tx *tx, struct call *call, const void *old, void *row, struct err *err)
{
    struct supplier *supplier = row;
    const struct supplier *was = old;
    bool coded = model_has(&supplier_model, supplier, "code");
    model_put_str(&supplier_model, supplier, "nameFold", text_fold_case(call->arena, supplier->name));
    model_put_str(&supplier_model, supplier, "codeFold",
                  coded ? text_fold_case(call->arena, supplier->code) : STR_NULL);
    supplier->product_count = was ? was->product_count : 0;
    model_mark(&supplier_model, supplier, "productCount", true);
    int rc = supplier_named(tx, was ? was->id : STR_NULL, supplier->name_fold, supplier->code_fold, err);
    return rc == 1 ? err_set(err, ERR_CONFLICT, "A supplier of this name or code exists already") : rc;
}

static int after(struct tx *tx, struct call *call, const void *old, const void *row, struct err *err)
{
    const struct supplier *was = old, *is = row;
    if (!was || !is)
        return 0;
    if (!str_eq(was->name, is->name))
        return ingredients_rewrite(tx, call, is, err);
    return was->is_active == is->is_active ? 0 : supplier_documents_changed(tx, is->id, err);
}

static int find(struct tx *tx, struct call *call, struct page *page, struct strings *ret_ids, struct err *err)
{
    bool active = false, given = call_query_bool(call, "isActive", &active);
    return supplier_find(tx, call->arena, call_query_text(call, "q"), given ? active : -1, page->limit,
                         page_offset(page), ret_ids, &page->total, err);
}

static const struct resource supplier_resource = {
    .kind = "supplier",
    .title = "Supplier",
    .model = &supplier_model,
    .before = before,
    .after = after,
    .find = find,
    .page = 20,
};

// ---- remove ---------------------------------------------------------------------------------------------------------

struct removal {
    struct call *call;
    bool force;
    int64_t products, documents, unlinked;
};

static int erase(struct tx *tx, void *arg, struct err *err)
{
    struct removal *r = arg;
    struct supplier supplier;
    struct strings products;
    r->documents = r->unlinked = 0;
    int rc = supplier_get(tx, r->call->arena, resource_id(&supplier_resource, r->call->object), &supplier, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "Supplier not found");
    rc = supplier_products(tx, r->call->arena, supplier.id, &products, err);
    r->products = (int64_t)products.n;
    if (!rc && products.n && !r->force)
        return err_set(err, ERR_CONFLICT, "The supplier has products; force=true deletes them too");
    for (size_t i = 0; i < products.n && !rc; i++)
        rc = ingredient_erase(tx, r->call, products.at[i], &r->documents, &r->unlinked, err);
    return rc ? rc : resource_delete(tx, r->call, &supplier_resource, &supplier, err);
}

static void remove_supplier(struct call *call)
{
    struct removal r = {.call = call};
    (void)call_query_bool(call, "force", &r.force);
    int rc = call_store_write(call, erase, &r);
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    if (rc == ERR_CONFLICT) {
        json_add_int(doc, data, "products", r.products);
        call_error_details(call, 409, call->err.text, doc, data);
        return;
    }
    if (call_failed(call, rc))
        return;
    json_add_str(doc, data, "id", resource_id(&supplier_resource, call->object));
    json_add_int(doc, data, "deletedProducts", r.products);
    json_add_int(doc, data, "deletedDocuments", r.documents);
    call_data(call, 200, "Supplier deleted", doc, data);
}

static const struct parameter list_query[] = {
    {"isActive", "boolean", "Only active ones, or only the others", 0, 0},
    {"q", "string", "In name or code, in any case", 0, WORDS_MOST},
};
static const struct parameter force_query[] = {{"force", "boolean", "Its products are deleted too", 0, 0}};
#define SUPPLIERS                                                                                                      \
    .surface = &surface_platform, .tag = "Suppliers and products", .limit = &LIMIT_MANAGEMENT, .family = "documents",  \
    .resource = &supplier_resource
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/suppliers", SUPPLIERS, .who = WHO_MEMBER, .summary = "Suppliers by name",
     .reply = &supplier_model, .flags = ENDPOINT_PAGED, .query = list_query, .n_query = 2, .run = resource_list},
    {HTTP_POST, "/api/v1/suppliers", SUPPLIERS, .who = WHO_WRITER, .summary = "Make a supplier",
     .body = &supplier_model, .reply = &supplier_model, .flags = ENDPOINT_CREATED, .run = resource_create},
    {HTTP_GET, "/api/v1/suppliers/{id}", SUPPLIERS, .who = WHO_MEMBER, .summary = "One supplier",
     .reply = &supplier_model, .run = resource_read},
    {HTTP_PUT, "/api/v1/suppliers/{id}", SUPPLIERS, .who = WHO_WRITER, .summary = "Change a supplier",
     .body = &supplier_model, .flags = ENDPOINT_PATCH, .reply = &supplier_model, .run = resource_update},
    {HTTP_DELETE, "/api/v1/suppliers/{id}", SUPPLIERS, .who = WHO_WRITER,
     .summary = "Delete a supplier; 409 while it has products, unless forced", .query = force_query, .n_query = 1,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Supplier deleted\",\"data\":{\"id\":"
                      "\"0197a1d0-2b11-7c3e-9f20-6d5f1f0a7712\",\"deletedProducts\":3,\"deletedDocuments\":1}}",
     .run = remove_supplier},
};

struct endpoints suppliers_endpoints(void)
{
    return ENDPOINTS(rows);
}
