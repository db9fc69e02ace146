// SPDX-License-Identifier: Apache-2.0
// Search of the catalogue, and recommendations.
#include "api/chat.h"
#include "api/present.h"

static void add_result(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct product *product, double score)
{
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);
    json_add(doc, one, "product", model_encode(&product_model, doc, product));
    if (score == 0 || score == 1)
        json_add(doc, one, "similarity_score", json_new_num(doc, score == 0 ? "0.0" : "1.0"));
    else
        json_add_decimal(doc, one, "similarity_score", score, 4);
}

static void fill_filter(const struct product_search *body, struct search_filter *filter)
{
    *filter = SEARCH_ALL;
    if (body->category.p) {
        filter->categories.given = true;
        filter->categories.at = &body->category;
        filter->categories.n = 1;
    }
    if (model_has(&product_search_model, body, "price_range")) {
        filter->price_min = body->price_range.low;
        filter->price_max = body->price_range.high;
    }
    if (model_has(&product_search_model, body, "available"))
        filter->available = body->available;
}

static void search_products(struct call *call)
{
    const struct product_search *body = call->body;
    bool empty = str_trim(body->query).n == 0;
    struct search_query query = {
        .text = body->query,
        .limit = (size_t)body->limit,
        .no_match_too = empty || body->category.p,
        .exact = empty ? STR_NULL : str_trim(body->query),
        .idf_at_least = 1000,
    };
    struct search_result found = {0};
    struct product *products;
    size_t n;
    fill_filter(body, &query.filter);
    int rc = catalogue_search(call->app->catalogues, call->brand, CATALOGUE_PRODUCTS, call->arena, &query, &found,
                              &call->err);
    if (call_failed(call, rc))
        return;
    struct str *ids = arena_calloc(call->arena, found.n + 1, sizeof *ids);
    for (size_t i = 0; i < found.n; i++)
        ids[i] = found.hits[i].doc;
    if (call_failed(call, catalogue_products(call->app->catalogues, call->brand, call->arena, ids, found.n, &products,
                                             &n, &call->err)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = 0, k = 0; i < found.n && k < n; i++)
        if (str_eq(products[k].id, ids[i]))
            add_result(doc, list, &products[k++], empty ? 1 : (double)found.hits[i].relevance);
    json_add_str(doc, root, "query", body->query);
    json_add_str(doc, root, "brand_id", call->scope.brand);
    json_add(doc, root, "results", list);
    call_json(call, 200, root);
}

// ---- recommendations -----------------------------------------------------------------------------------------------

static void answer_recommendation(struct http_req *req, const struct turn_outcome *outcome)
{
    const struct endpoint *e = http_route_row(req);
    yyjson_mut_doc *doc = json_doc(http_arena(req));
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    if (outcome->code) {
        call_unavailable(req, e->surface, "Service temporarily unavailable");
        return;
    }
    json_add(doc, root, "products", present_products(doc, outcome->products, outcome->n_products));
    json_add_str(doc, root, "reasoning", outcome->content);
    if (outcome->n_products)
        json_add_decimal(doc, root, "match_score", outcome->confidence, 4);
    else
        json_add(doc, root, "match_score", json_new_num(doc, "0.0"));
    http_reply_static(req, 200, "application/json; charset=utf-8", json_write(http_arena(req), root));
}

static void recommend(struct call *call)
{
    const struct recommendation_query *body = call->body;
    struct turn_input input = {
        .chatbot = &call->brand->chatbot,
        .message = body->query,
        .advice = body->limit,
        .actor = call->scope.actor,
        .address = call->scope.address,
        .actor_kind = call->scope.actor_kind,
    };
    call_turn(call, &input, answer_recommendation);
}

#define SEARCH_REPLY "{\"query\":\"tent\",\"brand_id\":\"nordvik\",\"results\":[]}"
#define RECOMMENDATION_REPLY                                                                                           \
    "{\"products\":[],\"reasoning\":\"Nothing in the catalogue matches this request.\",\"match_score\":0.0}"
#define ROWS(prefix, group)                                                                                            \
    {HTTP_POST,                                                                                                        \
     prefix "/products/search",                                                                                        \
     &surface_brands,                                                                                                  \
     group,                                                                                                            \
     "Search the catalogue",                                                                                           \
     WHO_PUBLIC,                                                                                                       \
     &LIMIT_READ,                                                                                                      \
     &product_search_model,                                                                                            \
     .reply_example = SEARCH_REPLY,                                                                                    \
     .run = search_products},                                                                                          \
    {                                                                                                                  \
        HTTP_POST, prefix "/recommendations", &surface_brands, group, "Products that fit a wish, with the reason",     \
            WHO_PUBLIC, &LIMIT_CHAT, &recommendation_model, ENDPOINT_QUERY_FIELDS,                                     \
            .reply_example = RECOMMENDATION_REPLY, .run = recommend                                                    \
    }
static const struct endpoint rows[] = {ROWS("/brands/{brand_id}", "Catalogue"), ROWS("", "Default brand")};

struct endpoints search_endpoints(void)
{
    return ENDPOINTS(rows);
}
