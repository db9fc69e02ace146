// SPDX-License-Identifier: Apache-2.0
// All endpoints, file by file, and the server's routes made from them.
#include "api/call.h"

#include <stdlib.h>

enum { JSON_MOST = 1 << 20, FORM_ROOM = 64 << 10 };

static struct endpoints (*const files[])(void) = {
    root_endpoints,   brands_endpoints, config_endpoints, stats_endpoints,
    uploads_endpoints, documents_endpoints, products_endpoints,
    search_endpoints, chat_endpoints,   socket_endpoints, auth_endpoints,
    personalities_endpoints,
    metrics_endpoints, health_endpoints,
    conversation_endpoints,
    chatbots_endpoints, chatbot_keys_endpoints, chatbot_file_endpoints, prompts_endpoints, audit_log_endpoints,
    activities_endpoints,
    knowledge_bases_endpoints, knowledge_items_endpoints,
    models_endpoints, budgets_endpoints,
    accounts_endpoints, users_endpoints, invites_endpoints, pages_endpoints,
    knowledge_sources_endpoints, suppliers_endpoints, ingredients_endpoints,
    webhooks_endpoints, webhook_deliveries_endpoints,
    external_endpoints,
};

const struct endpoint *endpoint_at(size_t i)
{
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct endpoints rows = files[f]();
        if (i < rows.n)
            return &rows.at[i];
        i -= rows.n;
    }
    return NULL;
}

size_t endpoint_index(const struct endpoint *endpoint)
{
    size_t before = 0;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct endpoints rows = files[f]();
        if (endpoint >= rows.at && endpoint < rows.at + rows.n)
            return before + (size_t)(endpoint - rows.at);
        before += rows.n;
    }
    return SIZE_MAX;
}

struct http_route *endpoint_routes(size_t *ret_n)
{
    size_t n = 0;
    while (endpoint_at(n))
        n++;
    struct http_route *routes = mem_calloc(n, sizeof *routes);
    for (size_t i = 0; i < n; i++) {
        const struct endpoint *e = endpoint_at(i);
        bool reads = e->body || e->raw_body;
        routes[i] = (struct http_route){
            e->method, e->path, e->kind, e->max_body ? e->max_body : reads ? JSON_MOST : 0, call_handle, e};
    }
    *ret_n = n;
    return routes;
}

void endpoint_routes_bound(struct http_route *routes, size_t n, const struct settings *settings)
{
    for (size_t i = 0; i < n; i++) {
        const struct endpoint *e = routes[i].row;
        if (e->form && !e->max_body)
            __atomic_store_n(&routes[i].max_body, (size_t)settings_int(settings, e->most_form) + FORM_ROOM,
                             __ATOMIC_RELAXED);
    }
}
