// SPDX-License-Identifier: Apache-2.0
// What a chatbot searches (000-management 4): its filters, what they let through, and a search as its turns do it.
#include "api/chatbots.h"
#include "api/knowledge.h"

#include "base/clock.h"
#include "engine/chunk.h"
#include "store/audit.h"
#include "store/knowledge_filters.h"

enum { SUPPLIERS_SHOWN = 100 };

// ---- what matches ---------------------------------------------------------------------------------------------------

struct group { // of equal values, counted
    struct str key, name;
    int64_t n;
};

struct groups {
    struct group at[SUPPLIERS_SHOWN];
    size_t n;
};

struct matched {
    struct call *call;
    struct knowledge_filters filters;
    struct page page;
    int64_t chunks;
    struct groups types, categories, suppliers;
    struct knowledge_match *rows; // of the page
    size_t n;
};

static void count_in(struct arena *arena, struct groups *groups, struct str key, struct str name)
{
    size_t i = 0;
    while (i < groups->n && !str_eq(groups->at[i].key, key))
        i++;
    if (!key.p || i == SUPPLIERS_SHOWN)
        return;
    if (i == groups->n)
        groups->at[groups->n++] = (struct group){arena_str(arena, key), arena_str(arena, name), 0};
    groups->at[i].n++;
}

static int count_match(void *arg, const struct knowledge_match *match)
{
    struct matched *m = arg;
    struct arena *arena = m->call->arena;
    int64_t place = m->page.total++;
    m->chunks += match->chunk_count;
    count_in(arena, &m->types, match->type, STR_NULL);
    count_in(arena, &m->categories, match->category, STR_NULL);
    count_in(arena, &m->suppliers, match->supplier_id, match->supplier_name);
    if (place < page_offset(&m->page) || place >= page_offset(&m->page) + m->page.limit)
        return 0;
    struct knowledge_match *row = &m->rows[m->n++];
    *row = *match;
    struct str *const texts[] = {&row->id,     &row->title,       &row->type,          &row->category,
                                 &row->status, &row->supplier_id, &row->supplier_name, &row->product_name};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    return 0;
}

static int load_matched(struct tx *tx, struct matched *m, const struct chatbot *chatbot, struct err *err)
{
    m->rows = arena_calloc(m->call->arena, (size_t)m->page.limit, sizeof *m->rows);
    m->page.total = m->chunks = 0;
    m->n = m->types.n = m->categories.n = m->suppliers.n = 0;
    knowledge_filters_load(m->call->arena, chatbot->knowledge_filters, &m->filters);
    return knowledge_matching(tx, chatbot->id, &m->filters, count_match, m, err);
}

static yyjson_mut_val *counts_json(yyjson_mut_doc *doc, const struct groups *groups)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    for (size_t i = 0; i < groups->n; i++)
        json_add_int(doc, object, groups->at[i].key.p, groups->at[i].n);
    return object;
}

static yyjson_mut_val *matched_json(yyjson_mut_doc *doc, const struct matched *m)
{
    yyjson_mut_val *matched = yyjson_mut_obj(doc), *suppliers = yyjson_mut_arr(doc);
    json_add_int(doc, matched, "documents", m->page.total);
    json_add_int(doc, matched, "chunks", m->chunks);
    json_add(doc, matched, "byType", counts_json(doc, &m->types));
    json_add(doc, matched, "byCategory", counts_json(doc, &m->categories));
    for (size_t i = 0; i < m->suppliers.n; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, suppliers);
        json_add_str(doc, one, "id", m->suppliers.at[i].key);
        json_add_str(doc, one, "name", m->suppliers.at[i].name);
        json_add_int(doc, one, "documents", m->suppliers.at[i].n);
    }
    json_add(doc, matched, "suppliers", suppliers);
    return matched;
}

static void reply(struct matched *m)
{
    struct call *call = m->call;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc), *documents = yyjson_mut_arr(doc), *root = envelope_new(doc, NULL);
    for (size_t i = 0; i < m->n; i++) {
        const struct knowledge_match *row = &m->rows[i];
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, documents);
        json_add_str(doc, one, "id", row->id);
        json_add_str(doc, one, "title", row->title);
        json_add_str(doc, one, "documentType", row->type);
        json_add_str(doc, one, "documentCategory", row->category);
        json_add_str(doc, one, "supplier", row->supplier_name);
        json_add_str(doc, one, "productName", row->product_name);
        json_add_str(doc, one, "processingStatus", row->status);
        json_add_int(doc, one, "chunkCount", row->chunk_count);
    }
    json_add(doc, data, "filters", model_encode(&knowledge_filters_model, doc, &m->filters));
    json_add(doc, data, "matched", matched_json(doc, m));
    json_add(doc, data, "documents", documents);
    json_add_int(doc, root, "count", (int64_t)m->n);
    json_add(doc, root, "data", data);
    json_add(doc, root, "pagination", page_json(doc, &m->page));
    envelope_send(call, 200, root);
}

static int read_sources(struct tx *tx, void *arg, struct err *err)
{
    struct matched *m = arg;
    return load_matched(tx, m, m->call->chatbot, err);
}

static void get_sources(struct call *call)
{
    struct matched m = {.call = call, .page = call_page(call, 20)};
    if (!call_failed(call, call_store_read(call, read_sources, &m)))
        reply(&m);
}

// ---- change ---------------------------------------------------------------------------------------------------------

static int write_sources(struct tx *tx, void *arg, struct err *err)
{
    static const struct loc body = {NULL, STR("body"), 0};
    struct matched *m = arg;
    struct call *call = m->call;
    struct chatbot_work work = {.call = call};
    struct str old_value, new_value;
    call->faults->n = 0;
    int rc = chatbot_work_load(tx, &work, err);
    if (rc)
        return rc;
    work.row.knowledge_filters =
        json_write(call->arena, model_encode(&knowledge_filters_model, call_doc(call), call->body));
    rc = chatbot_check_filters(tx, call, &work.row, &body, err);
    if (!rc && !str_eq(work.old.knowledge_filters, work.row.knowledge_filters)) {
        work.row.updated_at = clock_wall_ms();
        rc = chatbot_save(tx, &work.row, STR_NULL, err);
        model_diff(&chatbot_model, tx_arena(tx), &work.old, &work.row, &old_value, &new_value);
        rc = rc ? rc : chatbot_audit(tx, "knowledge_sources_updated", work.row.id, old_value, new_value, err);
    }
    return rc ? rc : load_matched(tx, m, &work.row, err);
}

static void put_sources(struct call *call)
{
    struct matched m = {.call = call, .page = call_page(call, 20)};
    if (!call_failed(call, call_store_write(call, write_sources, &m)))
        reply(&m);
}

// ---- search ---------------------------------------------------------------------------------------------------------

static yyjson_mut_val *result_metadata(yyjson_mut_doc *doc, const struct passage *p)
{
    yyjson_mut_val *metadata = yyjson_mut_obj(doc);
    json_add_str(doc, metadata, "documentName", p->title);
    json_add_str(doc, metadata, "documentType", p->type);
    json_add_str(doc, metadata, "category", p->category);
    json_add_str(doc, metadata, "supplier", p->supplier_name);
    json_add_str(doc, metadata, "productName", p->product_name);
    json_add_null(doc, metadata, "page");
    return metadata;
}

yyjson_mut_val *knowledge_results(yyjson_mut_doc *doc, struct arena *arena, const struct knowledge_found *found)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < found->n; i++) {
        const struct passage *p = &found->passages[i];
        const struct search_hit *hit = NULL;
        for (size_t k = 0; k < found->n_hits && !hit; k++)
            hit = str_eq(found->hits[k].doc, p->document_id) ? &found->hits[k] : NULL;
        char *id = arena_alloc(arena, ID_SIZE);
        chunk_id(p->document_id, p->ordinal, id);
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
        json_add_int(doc, one, "rank", (int64_t)i + 1);
        json_add_cstr(doc, one, "chunkId", id);
        json_add_str(doc, one, "documentId", p->document_id);
        json_add_str(doc, one, "content", p->text);
        json_add_decimal(doc, one, "similarity", (double)p->relevance, 4);
        json_add_decimal(doc, one, "keywordScore", hit ? (double)hit->w : 0, 4);
        if (hit && hit->has_vector)
            json_add_decimal(doc, one, "vectorScore", (double)hit->v, 4);
        else
            json_add_null(doc, one, "vectorScore");
        json_add(doc, one, "metadata", result_metadata(doc, p));
    }
    return list;
}

static void search_sources(struct call *call)
{
    const struct knowledge_search *body = call->body;
    struct chatbot_ref *chatbot;
    struct knowledge_query query;
    struct knowledge_found found;
    int64_t began = clock_mono_ms();
    int rc = brands_chatbot(call->app->brands, call->brand, call->chatbot->id, &chatbot, &call->err);
    if (rc == 0)
        rc = err_set(&call->err, ERR_NOT_FOUND, "Not found");
    if (call_failed(call, rc))
        return;
    knowledge_query_of(call->arena, chatbot, body->query, &query);
    if (model_has(&knowledge_search_model, body, "maxResults"))
        query.limit = (size_t)body->max_results;
    if (model_has(&knowledge_search_model, body, "threshold"))
        query.threshold = body->threshold;
    rc = knowledge_retrieve(call->app->catalogues, call->brand, call->arena, &query, &found, &call->err);
    chatbot_ref_drop(chatbot);
    if (call_failed(call, rc))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add(doc, data, "results", knowledge_results(doc, call->arena, &found));
    json_add_int(doc, data, "searchTimeMs", clock_mono_ms() - began);
    call_data(call, 200, NULL, doc, data);
}

#define SOURCES                                                                                                        \
    .surface = &surface_platform, .tag = "Knowledge sources", .who = WHO_CHANGE, .limit = &LIMIT_MANAGEMENT,           \
    .family = "documents"
#define SOURCES_REPLY                                                                                                  \
    "{\"status\":\"success\",\"success\":true,\"count\":0,\"data\":{\"filters\":{},\"matched\":{\"documents\":0,"      \
    "\"chunks\":0,\"byType\":{},\"byCategory\":{},\"suppliers\":[]},\"documents\":[]},\"pagination\":{\"total\":0,"    \
    "\"pages\":0,\"page\":1,\"limit\":20}}"
static const struct parameter paging[] = {{"page", "integer", "Which page", 1, INT32_MAX},
                                          {"limit", "integer", "Documents of a page", 1, 100}};
static const struct endpoint rows[] = {
    {HTTP_GET, "/api/v1/chatbots/{chatbotId}/knowledge-sources", SOURCES,
     .summary = "What a chatbot searches: its filters and what they let through", .query = paging, .n_query = 2,
     .reply_example = SOURCES_REPLY, .run = get_sources},
    {HTTP_PUT, "/api/v1/chatbots/{chatbotId}/knowledge-sources", SOURCES, .summary = "Replace all filters; {} for none",
     .query = paging, .n_query = 2, .body = &knowledge_filters_model, .reply_example = SOURCES_REPLY,
     .run = put_sources},
    {HTTP_POST, "/api/v1/chatbots/{chatbotId}/knowledge-sources/search", SOURCES, .summary = "What a turn would find",
     .body = &knowledge_search_model,
     .reply_example = "{\"status\":\"success\",\"success\":true,\"data\":{\"results\":[],\"searchTimeMs\":3}}",
     .run = search_sources},
};

struct endpoints knowledge_sources_endpoints(void)
{
    return ENDPOINTS(rows);
}
