// SPDX-License-Identifier: Apache-2.0
// Figures of one brand and over all that the caller administers; categories.
#include "api/brands.h"
#include "api/sockets.h"
#include "base/clock.h"
#include "base/vec.h"
#include "model/text.h"

#include <stdlib.h>

struct ask {
    struct call *call;
    struct brand_stats stats;
    struct str *categories;
    size_t n;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct ask *a = arg;
    return brand_stats(tx, a->call->arena, clock_wall_ms(), &a->stats, err);
}

static yyjson_mut_val *texts(yyjson_mut_doc *doc, const struct str *at, size_t n)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < n; i++)
        (void)yyjson_mut_arr_append(list, json_new_str(doc, at[i]));
    return list;
}

static void add_figures(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct brand *brand,
                        const struct brand_stats *stats)
{
    json_add_str(doc, root, "brand_id", brand->id);
    json_add_str(doc, root, "brand_name", brand->name);
    json_add_int(doc, root, "total_products", stats->products);
    json_add_int(doc, root, "available_products", stats->available);
    json_add_int(doc, root, "categories", (int64_t)stats->n_categories);
    json_add_int(doc, root, "active_conversations", stats->active_conversations);
}

static void brand_figures(struct call *call)
{
    struct ask a = {.call = call};
    if (call_failed(call, call_store_read(call, load, &a)))
        return;
    size_t open = sockets_of_brand(call->app->sockets, call->scope.brand);
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    add_figures(doc, root, &call->brand->row.brand, &a.stats);
    json_add(doc, root, "category_list", texts(doc, a.stats.categories, a.stats.n_categories));
    json_add_int(doc, root, "total_conversations", a.stats.conversations);
    json_add_int(doc, root, "total_messages", a.stats.messages);
    if (a.stats.has_confidence)
        json_add_decimal(doc, root, "average_confidence", a.stats.average_confidence, 4);
    else
        json_add_null(doc, root, "average_confidence");
    json_add_int(doc, root, "open_connections", (int64_t)open);
    json_add_time(doc, root, "last_activity", a.stats.last_activity);
    call_json(call, 200, root);
}

struct named {
    struct str fold, text;
};

static int by_fold(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = str_cmp(x->fold, y->fold);
    return order ? order : str_cmp(x->text, y->text);
}

// Sorted ignoring case, each text once.
static size_t merge(struct arena *arena, struct named *all, size_t n, struct str *ret)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        all[i].fold = text_fold_case(arena, all[i].text);
    if (n)
        qsort(all, n, sizeof *all, by_fold);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !str_eq(all[i].text, all[i - 1].text))
            ret[kept++] = all[i].text;
    return kept;
}

static void all_figures(struct call *call)
{
    struct brand *brands;
    size_t n_all, n;
    if (call_failed(call, brands_administered(call, false, &brands, &n_all)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    struct brand_stats sum = {0};
    VEC(struct named) categories = {0};
    size_t active = 0;
    for (size_t i = 0; i < n_all; i++) {
        if (!brands[i].is_active)
            continue;
        struct ask a = {.call = call};
        call->scope.brand = brands[i].id;
        if (call_failed(call, call_store_read(call, load, &a))) {
            vec_done(&categories);
            return;
        }
        active++;
        sum.products += a.stats.products;
        sum.available += a.stats.available;
        sum.active_conversations += a.stats.active_conversations;
        for (size_t k = 0; k < a.stats.n_categories; k++)
            vec_push(&categories, .text = a.stats.categories[k]);
        add_figures(doc, yyjson_mut_arr_add_obj(doc, list), &brands[i], &a.stats);
    }
    struct str *merged = arena_calloc(call->arena, categories.n + 1, sizeof *merged);
    n = merge(call->arena, categories.at, categories.n, merged);
    vec_done(&categories);
    json_add_int(doc, root, "total_brands", (int64_t)n_all);
    json_add_int(doc, root, "active_brands", (int64_t)active);
    json_add_int(doc, root, "total_products", sum.products);
    json_add_int(doc, root, "total_conversations", sum.active_conversations);
    json_add(doc, root, "brands_stats", list);
    json_add_int(doc, root, "available_products", sum.available);
    json_add_int(doc, root, "categories", (int64_t)n);
    json_add_int(doc, root, "conversations_active", sum.active_conversations);
    json_add(doc, root, "category_list", texts(doc, merged, n));
    call_json(call, 200, root);
}

static int load_categories(struct tx *tx, void *arg, struct err *err)
{
    struct ask *a = arg;
    return brand_categories(tx, a->call->arena, &a->categories, &a->n, err);
}

static void list_categories(struct call *call)
{
    struct ask a = {.call = call};
    if (call_failed(call, call_store_read(call, load_categories, &a)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add(doc, root, "categories", texts(doc, a.categories, a.n));
    json_add_str(doc, root, "brand_id", call->scope.brand);
    call_json(call, 200, root);
}

#define CATEGORIES_REPLY "{\"categories\":[\"Packs\",\"Tents\"],\"brand_id\":\"nordvik\"}"
static const struct endpoint rows[] = {
    {HTTP_GET, "/brands/{brand_id}/stats", &surface_brands, "Statistics", "Figures of one brand", WHO_ADMIN,
     &LIMIT_MANAGE,
     .reply_example =
         "{\"brand_id\":\"nordvik\",\"brand_name\":\"Nordvik "
         "Outdoor\",\"total_products\":14,\"available_products\":12,\"categories\":1,"
         "\"active_conversations\":3,\"category_list\":[\"Tents\"],\"total_conversations\":41,\"total_messages\":388,"
         "\"average_confidence\":0.6421,\"open_connections\":2,\"last_activity\":\"2026-03-02T10:02:37.511Z\"}",
     .run = brand_figures},
    {HTTP_GET, "/stats", &surface_brands, "Statistics", "Figures over the brands that the caller administers", WHO_USER,
     &LIMIT_MANAGE,
     .reply_example =
         "{\"total_brands\":1,\"active_brands\":1,\"total_products\":14,\"total_conversations\":3,\"brands_stats\":[{"
         "\"brand_id\":\"nordvik\","
         "\"brand_name\":\"Nordvik "
         "Outdoor\",\"total_products\":14,\"available_products\":12,\"categories\":1,\"active_conversations\":3}],"
         "\"available_products\":12,\"categories\":1,\"conversations_active\":3,\"category_list\":[\"Tents\"]}",
     .run = all_figures},
    {HTTP_GET, "/brands/{brand_id}/categories", &surface_brands, "Catalogue", "Categories of the catalogue", WHO_PUBLIC,
     &LIMIT_READ, .reply_example = CATEGORIES_REPLY, .run = list_categories},
    {HTTP_GET, "/categories", &surface_brands, "Default brand", "Categories of the default brand", WHO_PUBLIC,
     &LIMIT_READ, .reply_example = CATEGORIES_REPLY, .run = list_categories},
};

struct endpoints stats_endpoints(void)
{
    return ENDPOINTS(rows);
}
