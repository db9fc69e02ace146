// SPDX-License-Identifier: Apache-2.0
#include "api/resource.h"

#include "base/clock.h"
#include "base/id.h"
#include "store/audit.h"
#include "store/crud.h"
#include "store/place.h"

#include <stdlib.h>

struct str resource_id(const struct resource *resource, const void *row)
{
    return *(const struct str *)model_at(resource->model, (void *)(uintptr_t)row, "id");
}

static bool has_chatbot(const struct resource *resource)
{
    return model_field_index(resource->model, "chatbotId") < resource->model->n;
}

static void put_time(const struct model *model, void *row, const char *field, int64_t value)
{
    *(int64_t *)model_at(model, row, field) = value;
    model_mark(model, row, field, true);
}

static void *row_new(struct call *call, const struct resource *resource)
{
    return arena_zalloc(call->arena, resource->model->size);
}

// A row with only its chatbot, where it has one: what lists and quotas are of.
static void *parent_filter(struct call *call, const struct resource *resource)
{
    void *filter = row_new(call, resource);
    if (has_chatbot(resource) && call->chatbot)
        model_put_str(resource->model, filter, "chatbotId", call->chatbot->id);
    return filter;
}

// ---- inside a transaction ------------------------------------------------------------------------------------------

int resource_load(struct tx *tx, struct arena *arena, const struct resource *resource, struct str id, void *ret_row,
                  struct err *err)
{
    void *key = arena_zalloc(tx_arena(tx), resource->model->size);
    model_put_str(resource->model, key, "id", id);
    return crud_get(tx, resource->model, arena, key, ret_row, err);
}

int resource_reload(struct tx *tx, struct call *call, const struct resource *resource, void *ret_row, struct err *err)
{
    int rc = resource_load(tx, call->arena, resource, resource_id(resource, call->object), ret_row, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "%s not found", resource->title) : rc < 0 ? rc : 0;
}

static int audit(struct tx *tx, const struct resource *resource, const void *old, const void *row, const char *verb,
                 struct err *err)
{
    struct arena *arena = tx_arena(tx);
    const void *either = row ? row : old;
    struct audit_change change = {.action = arena_printf(arena, "%s_%s", resource->kind, verb),
                                  .target = resource_id(resource, either)};
    if (has_chatbot(resource) && model_has(resource->model, either, "chatbotId"))
        change.chatbot_id = *(const struct str *)model_at(resource->model, (void *)(uintptr_t)either, "chatbotId");
    model_diff(resource->model, arena, old, row, &change.old_value, &change.new_value);
    if (resource->feeds)
        tx_changed(tx, resource->change, change.target);
    return audit_change(tx, &change, err);
}

static int check_quota(struct tx *tx, struct call *call, const struct resource *resource, struct err *err)
{
    int64_t n = 0;
    int rc = resource->most ? crud_count(tx, resource->model, parent_filter(call, resource), &n, err) : 0;
    if (!rc && resource->most && n >= resource->most)
        return err_set(err, ERR_LIMIT, "At most %lld of these are possible", (long long)resource->most);
    return rc;
}

int resource_insert(struct tx *tx, struct call *call, const struct resource *resource, void *row, struct err *err)
{
    const struct model *model = resource->model;
    char *id = arena_alloc(call->arena, ID_SIZE);
    int64_t now = clock_wall_ms();
    id_v7(id);
    model_put_str(model, row, "id", str_from(id));
    if (has_chatbot(resource) && call->chatbot)
        model_put_str(model, row, "chatbotId", call->chatbot->id);
    put_time(model, row, "createdAt", now);
    put_time(model, row, "updatedAt", now);
    int rc = check_quota(tx, call, resource, err);
    if (!rc && resource->before)
        rc = resource->before(tx, call, NULL, row, err);
    rc = rc ? rc : crud_insert(tx, model, row, err);
    rc = rc ? rc : place_add(tx, resource->kind, str_from(id), str_from(id), err);
    if (!rc && resource->after)
        rc = resource->after(tx, call, NULL, row, err);
    return rc ? rc : audit(tx, resource, NULL, row, "created", err);
}

int resource_save(struct tx *tx, struct call *call, const struct resource *resource, const void *old, void *row,
                  bool *ret_changed, struct err *err)
{
    if (ret_changed)
        *ret_changed = false;
    int rc = resource->before ? resource->before(tx, call, old, row, err) : 0;
    if (rc || model_equal(resource->model, tx_arena(tx), old, row))
        return rc;
    put_time(resource->model, row, "updatedAt", clock_wall_ms());
    rc = crud_update(tx, resource->model, row, err);
    if (!rc && resource->after)
        rc = resource->after(tx, call, old, row, err);
    if (ret_changed)
        *ret_changed = true;
    return rc ? rc : audit(tx, resource, old, row, "updated", err);
}

int resource_delete(struct tx *tx, struct call *call, const struct resource *resource, const void *old, struct err *err)
{
    struct str id = resource_id(resource, old);
    int rc = crud_remove(tx, resource->model, old, err);
    rc = rc ? rc : place_remove(tx, resource->kind, id, err);
    if (!rc && resource->after)
        rc = resource->after(tx, call, old, NULL, err);
    return rc ? rc : audit(tx, resource, old, NULL, "deleted", err);
}

static int complete(struct tx *tx, struct call *call, void *row, bool one, struct err *err)
{
    const struct resource *resource = call->endpoint->resource;
    return resource->complete ? resource->complete(tx, call, row, one, err) : 0;
}

// ---- replies -------------------------------------------------------------------------------------------------------

yyjson_mut_val *resource_json(struct call *call, yyjson_mut_doc *doc, const struct resource *resource, const void *row,
                              bool one)
{
    yyjson_mut_val *object = model_encode(resource->model, doc, row);
    if (resource->present)
        resource->present(call, doc, object, row, one);
    return object;
}

void resource_reply(struct call *call, int status, const struct resource *resource, const void *row)
{
    yyjson_mut_doc *doc = call_doc(call);
    call_data(call, status, NULL, doc, resource_json(call, doc, resource, row, true));
}

// ---- the endpoints -------------------------------------------------------------------------------------------------

struct listing {
    struct call *call;
    struct page page;
    void *rows; // structs of the model, one behind the other
    size_t n;
};

static int load_found(struct tx *tx, struct listing *l, struct err *err)
{
    const struct resource *resource = l->call->endpoint->resource;
    struct arena *arena = l->call->arena;
    struct strings ids = {0};
    l->call->faults->n = 0;
    int rc = resource->find(tx, l->call, &l->page, &ids, err);
    if (!rc && l->call->faults->n)
        return ERR_INVALID;
    return rc ? rc : crud_pick(tx, resource->model, arena, ids.at, ids.n, &l->rows, &l->n, err);
}

static int load_all(struct tx *tx, struct listing *l, struct err *err)
{
    const struct resource *resource = l->call->endpoint->resource;
    void *filter = parent_filter(l->call, resource);
    int rc = crud_count(tx, resource->model, filter, &l->page.total, err);
    return rc ? rc
              : crud_rows(tx, resource->model, l->call->arena, filter, l->page.limit, page_offset(&l->page), &l->rows,
                          &l->n, err);
}

static int load_page(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    const struct resource *resource = l->call->endpoint->resource;
    int rc = resource->find ? load_found(tx, l, err) : load_all(tx, l, err);
    for (size_t i = 0; i < l->n && !rc; i++)
        rc = complete(tx, l->call, (char *)l->rows + i * resource->model->size, false, err);
    return rc;
}

void resource_list(struct call *call)
{
    const struct resource *resource = call->endpoint->resource;
    struct listing l = {.call = call, .page = call_page(call, resource->page ? resource->page : 100)};
    if (call_failed(call, call_store_read(call, load_page, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < l.n; i++)
        (void)yyjson_mut_arr_append(
            list, resource_json(call, doc, resource, (char *)l.rows + i * resource->model->size, false));
    call_list(call, doc, list, &l.page);
}

static int create(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    call->faults->n = 0;
    int rc = resource_insert(tx, call, call->endpoint->resource, call->body, err);
    return rc ? rc : complete(tx, call, call->body, true, err);
}

void resource_create(struct call *call)
{
    if (!call_failed(call, call_store_write(call, create, call)))
        resource_reply(call, 201, call->endpoint->resource, call->body);
}

static int complete_object(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    return complete(tx, call, call->object, true, err);
}

void resource_read(struct call *call)
{
    if (call->endpoint->resource->complete && call_failed(call, call_store_read(call, complete_object, call)))
        return;
    resource_reply(call, 200, call->endpoint->resource, call->object);
}

struct update {
    struct call *call;
    void *row;
};

// The body is decoded over the row as it is now: what it does not name stays, whoever wrote it last.
static int update(struct tx *tx, void *arg, struct err *err)
{
    struct update *u = arg;
    struct call *call = u->call;
    const struct resource *resource = call->endpoint->resource;
    void *old = row_new(call, resource);
    call->faults->n = 0;
    int rc = resource_reload(tx, call, resource, old, err);
    if (rc)
        return rc;
    u->row = row_new(call, resource);
    memcpy(u->row, old, resource->model->size);
    rc = model_decode(resource->model, MODEL_PATCH, &call->input, u->row, call->faults);
    rc = rc ? rc : resource_save(tx, call, resource, old, u->row, NULL, err);
    return rc ? rc : complete(tx, call, u->row, true, err);
}

void resource_update(struct call *call)
{
    struct update u = {.call = call};
    if (!call_failed(call, call_store_write(call, update, &u)))
        resource_reply(call, 200, call->endpoint->resource, u.row);
}

static int erase(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    const struct resource *resource = call->endpoint->resource;
    void *old = row_new(call, resource);
    call->faults->n = 0;
    int rc = resource_reload(tx, call, resource, old, err);
    return rc ? rc : resource_delete(tx, call, resource, old, err);
}

void resource_remove(struct call *call)
{
    if (!call_failed(call, call_store_write(call, erase, call)))
        call_done(call, arena_printf(call->arena, "%s deleted", call->endpoint->resource->title));
}
