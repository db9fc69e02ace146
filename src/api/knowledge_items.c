// SPDX-License-Identifier: Apache-2.0
// Items of a knowledge base, and the search of one (003-platform 6). An item is searched from the reply on, a removed
// one never again: the index hears of the commit before this request goes on.
#include "api/knowledge.h"

#include "base/clock.h"
#include "base/id.h"
#include "engine/chunk.h"
#include "store/audit.h"

enum { BODY_MOST = 8 << 20, TEXT_MOST = 300, SEARCH_MOST = 1000, TAGS_MOST = 50 };

static const struct loc body_root = {NULL, STR("body"), 0};

struct item_change {
    struct call *call;
    struct knowledge_base base; // as it is afterwards
    struct knowledge_items items;
    struct knowledge_item old, item;
};

static int audit(struct tx *tx, const struct knowledge_item *old, const struct knowledge_item *item, const char *action,
                 struct err *err)
{
    const struct knowledge_item *either = item ? item : old;
    struct audit_change change = {.action = action, .chatbot_id = either->chatbot_id, .target = either->id};
    model_diff(&knowledge_item_model, tx_arena(tx), old, item, &change.old_value, &change.new_value);
    return audit_change(tx, &change, err);
}

static int load_base(struct tx *tx, struct item_change *c, struct err *err)
{
    const struct knowledge_base *base = c->call->object;
    int rc = resource_load(tx, c->call->arena, &knowledge_base_resource, base->id, &c->base, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "Knowledge base not found") : rc < 0 ? rc : 0;
}

static int load_item(struct tx *tx, struct item_change *c, struct err *err)
{
    struct str id = arena_lower(c->call->arena, http_param(c->call->req, "itemId"));
    int rc = load_base(tx, c, err);
    if (!rc)
        rc = id_valid(id) ? knowledge_item_get(tx, c->call->arena, c->base.id, id, &c->old, err) : 0;
    else
        return rc;
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "Knowledge item not found") : rc < 0 ? rc : 0;
}

static void reply(struct item_change *c, int status, const char *name, yyjson_mut_doc *doc, yyjson_mut_val *value)
{
    yyjson_mut_val *data = model_encode(&knowledge_base_model, doc, &c->base);
    if (name)
        json_add(doc, data, name, value);
    call_data(c->call, status, NULL, doc, data);
}

static int complete(struct tx *tx, struct call *call, struct knowledge_item *items, size_t n, struct err *err)
{
    char model[EMBEDDER_KEY];
    int rc = 0;
    catalogue_model(call->app->catalogues, model);
    for (size_t i = 0; i < n && !rc; i++)
        rc = knowledge_item_complete(tx, model, &items[i], err);
    return rc;
}

// ---- add ------------------------------------------------------------------------------------------------------------

static int add(struct tx *tx, void *arg, struct err *err)
{
    struct item_change *c = arg;
    struct knowledge_item *items = c->items.items.at;
    int rc = load_base(tx, c, err);
    for (size_t i = 0; i < c->items.items.n && !rc; i++) {
        rc = knowledge_item_add(tx, c->call, &c->base, &items[i], err);
        rc = rc ? rc : audit(tx, NULL, &items[i], "knowledge_item_created", err);
    }
    rc = rc ? rc : knowledge_embed(tx, c->call, err);
    rc = rc ? rc : complete(tx, c->call, items, c->items.items.n, err);
    return rc ? rc : load_base(tx, c, err);
}

// One item, or {"items": […]}.
static bool decode_items(struct item_change *c, bool *ret_many)
{
    struct call *call = c->call;
    if (!call->json && json_parse(call->arena, STR("{}"), 0, &call->json, NULL) != 0)
        return false;
    *ret_many = json_get(call->json, "items");
    if (*ret_many)
        return model_decode_at(&knowledge_items_model, 0, call->json, &body_root, &c->items, call->faults) == 0;
    struct knowledge_item *one = ARENA_NEW(call->arena, struct knowledge_item);
    c->items.items = (struct objects){one, 1};
    return model_decode_at(&knowledge_item_model, 0, call->json, &body_root, one, call->faults) == 0;
}

static void add_items(struct call *call)
{
    struct item_change c = {.call = call};
    bool many;
    if (!decode_items(&c, &many)) {
        call_faults(call);
        return;
    }
    if (call_failed(call, call_store_write(call, add, &c)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    if (many)
        reply(&c, 201, "createdItems", doc, objects_json(&knowledge_item_model, doc, &c.items.items));
    else
        reply(&c, 201, "item", doc, model_encode(&knowledge_item_model, doc, c.items.items.at));
}

// ---- change, remove -------------------------------------------------------------------------------------------------

static int save(struct tx *tx, void *arg, struct err *err)
{
    struct item_change *c = arg;
    struct call *call = c->call;
    call->faults->n = 0;
    int rc = load_item(tx, c, err);
    if (rc)
        return rc;
    c->item = c->old;
    rc = model_decode(&knowledge_item_model, MODEL_PATCH, &call->input, &c->item, call->faults);
    if (!rc && !model_equal(&knowledge_item_model, tx_arena(tx), &c->old, &c->item)) {
        c->item.chunk_count = chunk_count(c->item.content);
        rc = knowledge_item_save(tx, call->arena, &c->old, &c->item, clock_wall_ms(), err);
        rc = rc ? rc : audit(tx, &c->old, &c->item, "knowledge_item_updated", err);
        rc = rc ? rc : knowledge_embed(tx, call, err);
    }
    return rc ? rc : complete(tx, call, &c->item, 1, err);
}

static int find_item(struct tx *tx, void *arg, struct err *err)
{
    return load_item(tx, arg, err);
}

// Before the body is read.
static bool item_there(struct call *call)
{
    struct item_change c = {.call = call};
    return !call_failed(call, call_store_read(call, find_item, &c));
}

static void change_item(struct call *call)
{
    struct item_change c = {.call = call};
    if (call_failed(call, call_store_write(call, save, &c)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    reply(&c, 200, "item", doc, model_encode(&knowledge_item_model, doc, &c.item));
}

static int erase(struct tx *tx, void *arg, struct err *err)
{
    struct item_change *c = arg;
    int rc = load_item(tx, c, err);
    rc = rc ? rc : knowledge_item_remove(tx, &c->old, err);
    rc = rc ? rc : audit(tx, &c->old, NULL, "knowledge_item_deleted", err);
    return rc ? rc : load_base(tx, c, err);
}

static void remove_item(struct call *call)
{
    struct item_change c = {.call = call};
    if (!call_failed(call, call_store_write(call, erase, &c)))
        reply(&c, 200, NULL, call_doc(call), NULL);
}

// ---- list -----------------------------------------------------------------------------------------------------------

struct listing {
    struct call *call;
    struct str tag, q;
    struct page page;
    struct knowledge_item *items;
    size_t n;
};

static int load_page(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    const struct knowledge_base *base = l->call->object;
    int rc = knowledge_item_list(tx, l->call->arena, base->id, l->tag, l->q, l->page.limit, page_offset(&l->page),
                                 &l->items, &l->n, &l->page.total, err);
    return rc ? rc : complete(tx, l->call, l->items, l->n, err);
}

static void list_items(struct call *call)
{
    struct listing l = {.call = call,
                        .tag = call_query_text(call, "tag"),
                        .q = call_query_text(call, "q"),
                        .page = call_page(call, 100)};
    if (call_failed(call, call_store_read(call, load_page, &l)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    struct objects items = {l.items, l.n};
    call_list(call, doc, objects_json(&knowledge_item_model, doc, &items), &l.page);
}

// ---- search ---------------------------------------------------------------------------------------------------------

struct search {
    struct call *call;
    struct base_query query;
    struct strings tags, documents;
    bool tagged;
    struct page page;
    struct base_hit *hits;
    struct knowledge_item *items; // of each hit; one without an id is gone meanwhile
    size_t n;
};

static int load_tagged(struct tx *tx, void *arg, struct err *err)
{
    struct search *s = arg;
    return knowledge_tagged(tx, s->call->arena, s->query.base_id, &s->tags, &s->documents, err);
}

static int load_found(struct tx *tx, void *arg, struct err *err)
{
    struct search *s = arg;
    int rc = 0;
    for (size_t i = 0; i < s->n && rc >= 0; i++) {
        rc = knowledge_item_get(tx, s->call->arena, s->query.base_id, s->hits[i].item_id, &s->items[i], err);
        if (rc == 1)
            rc = complete(tx, s->call, &s->items[i], 1, err);
    }
    return rc < 0 ? rc : 0;
}

// "a,b": any of them. Present and empty: none.
static void read_tags(struct search *s)
{
    struct str text = http_query(s->call->req, "tags");
    s->tagged = text.p;
    s->tags.at = arena_calloc(s->call->arena, TAGS_MOST, sizeof *s->tags.at);
    while (text.p && s->tags.n < TAGS_MOST) {
        struct str tag = str_trim(str_split(&text, ','));
        if (tag.n)
            s->tags.at[s->tags.n++] = tag;
    }
}

static void read_search(struct search *s)
{
    struct call *call = s->call;
    const struct knowledge_base *base = call->object;
    struct str method = call_query_text(call, "method");
    s->query = (struct base_query){
        .chatbot_id = base->chatbot_id,
        .base_id = base->id,
        .text = call_query_text(call, "query"),
        .method = retrieval_of(method.p ? method : base->settings.retrieval_method),
        .threshold = call_query_number(call, "threshold", 0),
    };
    read_tags(s);
    s->page = call_page(call, 10);
}

static void add_hit(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct search *s, size_t i)
{
    yyjson_mut_val *one = model_encode(&knowledge_item_model, doc, &s->items[i]);
    json_add_str(doc, one, "knowledgeBaseId", s->query.base_id);
    json_add_decimal(doc, one, "score", 1.0 / (60.0 + (double)page_offset(&s->page) + (double)i + 1), 4);
    json_add_decimal(doc, one, "relevance", s->hits[i].relevance, 4);
    json_add_str(doc, one, "highlight", s->hits[i].highlight);
    (void)yyjson_mut_arr_append(list, one);
}

static void search_items(struct call *call)
{
    struct search s = {.call = call};
    size_t total = 0;
    read_search(&s);
    if (s.tagged && call_failed(call, call_store_read(call, load_tagged, &s)))
        return;
    s.query.documents = s.tagged ? &s.documents : NULL;
    int rc =
        knowledge_search_base(call->app->catalogues, call->brand, call->arena, &s.query, (size_t)page_offset(&s.page),
                              (size_t)s.page.limit, &s.hits, &s.n, &total, &call->err);
    s.items = arena_calloc(call->arena, s.n + 1, sizeof *s.items);
    if (call_failed(call, rc) || call_failed(call, call_store_read(call, load_found, &s)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < s.n; i++)
        if (s.items[i].id.p)
            add_hit(doc, list, &s, i);
    s.page.total = (int64_t)total;
    call_list(call, doc, list, &s.page);
}

static const struct parameter list_query[] = {
    {"tag", "string", "Only items with this tag", 0, TEXT_MOST},
    {"q", "string", "Only items with this in title or content, in any case", 0, TEXT_MOST},
};
static const struct parameter search_query[] = {
    {"query", "string", "What is looked for (also q)", 1, SEARCH_MOST, .other = "q", .required = true},
    {"method", "string", "As the base does it without this", 0, 0, "hybrid|semantic|keyword"},
    {"tags", "string", "Only items with any of these tags: a,b", 0, 0},
    {"threshold", "number", "Relevance that an item must reach (0)", 0, 1},
};

#define ITEM                                                                                                           \
    "{\"id\":\"0198c0e0-0004-7000-8000-000000000001\",\"title\":\"Warranty\",\"content\":\"The Aurora X2 has a "       \
    "two-year warranty.\",\"tags\":[\"warranty\"],\"metadata\":{},\"source\":\"manual\",\"embeddingStatus\":\"none\"," \
    "\"createdAt\":\"2026-11-20T09:18:00.000Z\",\"updatedAt\":\"2026-11-20T09:18:00.000Z\"}"
#define BASE(item)                                                                                                     \
    "{\"status\":\"success\",\"success\":true,\"data\":{\"id\":\"0198c0e0-0003-7000-8000-000000000001\",\"chatbotId\"" \
    ":\"0198c0e0-0001-7000-8000-000000000001\",\"name\":\"Care sheets\",\"description\":\"\",\"kind\":\"manual\","     \
    "\"isActive\":true,\"settings\":{\"retrievalMethod\":\"hybrid\",\"relevanceThreshold\":0.3,\"maxResults\":5},"     \
    "\"itemCount\":1,\"createdAt\":\"2026-11-20T09:18:00.000Z\",\"updatedAt\":\"2026-11-20T09:18:00.000Z\"" item "}}"
#define ITEMS                                                                                                          \
    .surface = &surface_platform, .tag = "Knowledge bases", .who = WHO_CHANGE, .limit = &LIMIT_MANAGEMENT,             \
    .family = "knowledge", .resource = &knowledge_base_resource
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/knowledge-bases/{id}/items", ITEMS, .summary = "Items of a knowledge base, oldest first",
     .reply = &knowledge_item_model, .flags = ENDPOINT_PAGED, .query = list_query, .n_query = 2, .run = list_items},
    {HTTP_POST, "/api/v1/knowledge-bases/{id}/items", ITEMS, .summary = "Add an item, or {\"items\": […]}, all or none",
     .raw_body = true, .raw_model = &knowledge_item_model, .max_body = BODY_MOST, .flags = ENDPOINT_CREATED,
     .reply = &knowledge_base_model, .run = add_items},
    {HTTP_PUT, "/api/v1/knowledge-bases/{id}/items/{itemId}", ITEMS,
     .summary = "Change an item; what is not given stays", .body = &knowledge_item_model, .flags = ENDPOINT_PATCH,
     .before_body = item_there, .reply_example = BASE(",\"item\":" ITEM), .run = change_item},
    {HTTP_DELETE, "/api/v1/knowledge-bases/{id}/items/{itemId}", ITEMS, .summary = "Delete an item",
     .reply_example = BASE(""), .run = remove_item},
    {HTTP_GET, "/api/v1/knowledge-bases/{id}/search", ITEMS, .summary = "Search one knowledge base, best first",
     .reply = &knowledge_item_model, .flags = ENDPOINT_PAGED, .query = search_query, .n_query = 4, .run = search_items},
};

struct endpoints knowledge_items_endpoints(void)
{
    return ENDPOINTS(rows);
}
