// SPDX-License-Identifier: Apache-2.0
// Knowledge bases (003-platform 6): a plain resource, made with its first items and shown with its oldest ones.
#include "api/knowledge.h"

#include "base/clock.h"
#include "engine/chunk.h"
#include "store/job.h"

enum { BODY_MOST = 8 << 20, SHOWN_BYTES = 8 << 20 };

int knowledge_embed(struct tx *tx, struct call *call, struct err *err)
{
    return call->app->embeds(call->app) ? job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err) : 0;
}

int knowledge_item_complete(struct tx *tx, const char *model, struct knowledge_item *item, struct err *err)
{
    const char *status;
    int rc = vector_status(tx, str_from(model), item->id, item->chunk_count, item->updated_at, &status, err);
    item->embedding_status = str_from(rc ? "none" : status);
    model_mark(&knowledge_item_model, item, "embeddingStatus", true);
    return rc;
}

int knowledge_item_add(struct tx *tx, struct call *call, const struct knowledge_base *base, struct knowledge_item *item,
                       struct err *err)
{
    item->chunk_count = chunk_count(item->content);
    return knowledge_item_insert(tx, call->arena, base, item, clock_wall_ms(), err);
}

// ---- the resource ---------------------------------------------------------------------------------------------------

static int before(struct tx *tx, struct call *call, const void *old, void *row, struct err *err)
{
    struct knowledge_base *base = row;
    (void)tx, (void)call, (void)err;
    if (old)
        return 0;
    base->kind = STR("manual");
    base->item_count = 0;
    model_mark(&knowledge_base_model, base, "kind", true);
    model_mark(&knowledge_base_model, base, "itemCount", true);
    return 0;
}

static int after(struct tx *tx, struct call *call, const void *old, const void *row, struct err *err)
{
    const struct knowledge_base *was = old, *is = row;
    if (!is)
        return knowledge_base_empty(tx, was->id, err);
    int rc = 0;
    for (size_t i = 0; !was && i < is->items.n && !rc; i++)
        rc = knowledge_item_add(tx, call, is, (struct knowledge_item *)is->items.at + i, err);
    return rc || was || !is->items.n ? rc : knowledge_embed(tx, call, err);
}

// Its oldest items, as long as the reply does not become too long.
static int show_items(struct tx *tx, struct call *call, struct knowledge_base *base, struct err *err)
{
    struct knowledge_item *items;
    size_t n, shown = 0, bytes = 0;
    int64_t total = 0;
    char model[EMBEDDER_KEY];
    catalogue_model(call->app->catalogues, model);
    int rc = knowledge_item_list(tx, call->arena, base->id, STR_NULL, STR_NULL, KNOWLEDGE_ITEMS_AT_ONCE, 0, &items, &n,
                                 &total, err);
    for (; shown < n && !rc && bytes < SHOWN_BYTES; shown++) {
        bytes += items[shown].content.n;
        rc = knowledge_item_complete(tx, model, &items[shown], err);
    }
    base->items = (struct objects){items, shown};
    base->items_truncated = (int64_t)shown < total;
    base->item_count = total;
    model_mark(&knowledge_base_model, base, "items", true);
    model_mark(&knowledge_base_model, base, "itemsTruncated", true);
    return rc;
}

static int complete(struct tx *tx, struct call *call, void *row, bool one, struct err *err)
{
    bool items = one || str_eq(http_query(call->req, "include"), STR("items"));
    return items ? show_items(tx, call, row, err) : 0;
}

const struct resource knowledge_base_resource = {
    .kind = "knowledge_base",
    .title = "Knowledge base",
    .model = &knowledge_base_model,
    .most = KNOWLEDGE_BASES_MOST,
    .feeds = true,
    .change = CHANGE_DOCUMENT,
    .before = before,
    .after = after,
    .complete = complete,
};

static const struct parameter list_query[] = {
    {"include", "string", "items: each base with its oldest items", 0, 0, "items"}};

#define BASES                                                                                                          \
    .surface = &surface_platform, .tag = "Knowledge bases", .who = WHO_CHANGE, .limit = &LIMIT_MANAGEMENT,             \
    .family = "knowledge", .resource = &knowledge_base_resource
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/knowledge-bases", BASES,
     .summary = "Knowledge bases of a chatbot, newest first", .reply = &knowledge_base_model, .flags = ENDPOINT_PAGED,
     .query = list_query, .n_query = 1, .run = resource_list},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/knowledge-bases", BASES,
     .summary = "Make a knowledge base, with its first items", .body = &knowledge_base_new_model, .max_body = BODY_MOST,
     .reply = &knowledge_base_model, .flags = ENDPOINT_CREATED, .run = resource_create},
    {HTTP_GET, "/api/v1/knowledge-bases/{id}", BASES, .summary = "One knowledge base with its oldest items",
     .reply = &knowledge_base_model, .run = resource_read},
    {HTTP_PUT, "/api/v1/knowledge-bases/{id}", BASES, .summary = "Change a knowledge base; items stay",
     .body = &knowledge_base_model, .flags = ENDPOINT_PATCH, .max_body = BODY_MOST, .reply = &knowledge_base_model,
     .run = resource_update},
    {HTTP_DELETE, "/api/v1/knowledge-bases/{id}", BASES, .summary = "Delete a knowledge base with its items",
     .reply_example = "{\"status\":\"success\",\"success\":true,\"message\":\"Knowledge base deleted\"}",
     .run = resource_remove},
};

struct endpoints knowledge_bases_endpoints(void)
{
    return ENDPOINTS(rows);
}
