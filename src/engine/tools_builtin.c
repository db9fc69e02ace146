// SPDX-License-Identifier: Apache-2.0
// Tools of the house: they read, and change nothing.
#include "engine/tools.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/knowledge.h"
#include "engine/money.h"

#include <unicode/ucal.h>
#include <unicode/ustring.h>

enum { SEARCH_MS = 5000, SEARCH_MOST = 10, SEARCH_USUAL = 5, DESCRIPTION_CHARS = 300 };

// ---- catalogue__search_products ------------------------------------------------------------------------------------

static bool sells(const struct chatbot_ref *chatbot)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct knowledge_query query;
    knowledge_query_of(arena, chatbot, STR(""), &query);
    return chatbot->chat.suggestions && knowledge_allows_products(query.filters);
}

static int64_t money_of(yyjson_val *value, int64_t otherwise)
{
    if (!yyjson_is_num(value))
        return otherwise;
    double n = yyjson_get_num(value) * (double)MONEY_ONE;
    return n >= (double)MONEY_MAX ? MONEY_MAX : n <= 0 ? 0 : (int64_t)(n + 0.5);
}

static yyjson_mut_val *product_json(const struct tool_run *run, yyjson_mut_doc *doc, const struct product *product)
{
    AUTO_BUF struct buf price = BUF_INIT(128);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    struct str description = product->description;
    description.n = utf8_offset(description, DESCRIPTION_CHARS);
    money_write(&price, product->price, run->chatbot->chat.currency);
    json_add_str(doc, object, "id", product->id);
    json_add_str(doc, object, "name", product->name);
    json_add_str(doc, object, "category", product->category);
    json_add_str(doc, object, "price", buf_str(&price));
    json_add_bool(doc, object, "available", product->availability);
    if (description.n)
        json_add_str(doc, object, "description", description);
    if (product->features.n)
        json_add(doc, object, "features", json_new_strs(doc, product->features.at, product->features.n));
    if (product->url.n)
        json_add_str(doc, object, "url", product->url);
    return object;
}

static void search_products(struct tool_run *run)
{
    yyjson_val *arguments = run->arguments;
    struct arena *arena = run->arena;
    struct search_result found;
    struct err err = {0};
    struct str category = str_trim(json_get_str(arguments, "category")), query = json_get_str(arguments, "query");
    struct search_query search = {
        .text = query,
        .filter = SEARCH_ALL,
        .limit = (size_t)json_get_int(arguments, "limit", SEARCH_USUAL),
        .no_match_too = str_trim(query).n == 0,
        .exact = query,
        .idf_at_least = 1000,
    };
    search.filter.price_min = money_of(json_get(arguments, "minPrice"), INT64_MIN);
    search.filter.price_max = money_of(json_get(arguments, "maxPrice"), INT64_MAX);
    search.filter.categories.given = category.n > 0;
    search.filter.categories.at = &category;
    search.filter.categories.n = 1;
    if (json_get_bool(arguments, "availableOnly", false))
        search.filter.available = 1;
    const struct brand_ref *brand = run->chatbot->brand;
    int rc = catalogue_search(run->catalogues, brand, CATALOGUE_PRODUCTS, arena, &search, &found, &err);
    struct str *ids = arena_calloc(arena, found.n + 1, sizeof *ids);
    for (size_t i = 0; !rc && i < found.n; i++)
        ids[i] = found.hits[i].doc;
    if (!rc)
        rc = catalogue_products(run->catalogues, brand, arena, ids, found.n, &run->products, &run->n_products, &err);
    if (rc) {
        tool_run_end(run, "unavailable", 0, STR(""));
        return;
    }
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < run->n_products; i++)
        (void)yyjson_mut_arr_append(list, product_json(run, doc, &run->products[i]));
    json_add(doc, root, "products", list);
    json_add_int(doc, root, "candidates", (int64_t)found.candidates);
    tool_run_end(run, NULL, 0, json_write(arena, root));
}

// ---- clock__now ----------------------------------------------------------------------------------------------------

static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

// NULL: no such zone.
static UCalendar *calendar_in(struct str zone)
{
    UChar name[65];
    char ascii[65];
    UBool known = false;
    UErrorCode status = U_ZERO_ERROR;
    if (zone.n >= sizeof ascii || memchr(zone.p, 0, zone.n))
        return NULL;
    memcpy(ascii, zone.p, zone.n);
    ascii[zone.n] = '\0';
    u_uastrcpy(name, ascii);
    UChar canonical[65];
    (void)ucal_getCanonicalTimeZoneID(name, -1, canonical, 65, &known, &status);
    UCalendar *calendar = U_SUCCESS(status) && known ? ucal_open(name, -1, "en", UCAL_GREGORIAN, &status) : NULL;
    if (calendar && U_SUCCESS(status))
        return calendar;
    ucal_close(calendar);
    return NULL;
}

static void clock_now(struct tool_run *run)
{
    struct str zone = str_trim(json_get_str(run->arguments, "timezone"));
    zone = zone.n ? zone : STR("UTC");
    UErrorCode status = U_ZERO_ERROR;
    UCalendar *calendar = calendar_in(zone);
    if (!calendar) {
        tool_run_end(run, "unknown_timezone", 0, STR("give an IANA name such as Asia/Bangkok"));
        return;
    }
    ucal_setMillis(calendar, (UDate)clock_wall_ms(), &status);
    static const UCalendarDateFields wanted[] = {UCAL_YEAR,        UCAL_MONTH,  UCAL_DAY_OF_MONTH,
                                                 UCAL_HOUR_OF_DAY, UCAL_MINUTE, UCAL_SECOND};
    int at[6];
    for (size_t i = 0; i < 6; i++)
        at[i] = ucal_get(calendar, wanted[i], &status);
    int offset = (ucal_get(calendar, UCAL_ZONE_OFFSET, &status) + ucal_get(calendar, UCAL_DST_OFFSET, &status)) / 60000;
    int weekday = ucal_get(calendar, UCAL_DAY_OF_WEEK, &status) - UCAL_SUNDAY, ahead = offset < 0 ? -offset : offset;
    ucal_close(calendar);
    struct str date = arena_strf(run->arena, "%04d-%02d-%02d", at[0], at[1] + 1, at[2]);
    yyjson_mut_doc *doc = json_doc(run->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_str(doc, root, "iso",
                 arena_strf(run->arena, STR_FMT "T%02d:%02d:%02d%c%02d:%02d", STR_ARG(date), at[3], at[4], at[5],
                            offset < 0 ? '-' : '+', ahead / 60, ahead % 60));
    json_add_str(doc, root, "date", date);
    json_add_cstr(doc, root, "weekday", weekdays[weekday >= 0 && weekday < 7 ? weekday : 0]);
    json_add_str(doc, root, "timezone", zone);
    tool_run_end(run, NULL, 0, json_write(run->arena, root));
}

const struct tool tools_builtin[] = {
    {"catalogue", "search_products", "builtin",
     "Searches the shop's catalogue by words, category and price. Gives products with their exact current prices and "
     "availability.",
     "{\"type\":\"object\",\"properties\":{"
     "\"query\":{\"type\":\"string\",\"maxLength\":300,\"description\":\"What is looked for; empty: everything\"},"
     "\"category\":{\"type\":\"string\",\"maxLength\":100,\"description\":\"Exactly as the catalogue names it\"},"
     "\"minPrice\":{\"type\":\"number\",\"minimum\":0},\"maxPrice\":{\"type\":\"number\",\"minimum\":0},"
     "\"availableOnly\":{\"type\":\"boolean\"},"
     "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10,\"default\":5}},"
     "\"required\":[\"query\"],\"additionalProperties\":false}",
     SEARCH_MS, sells, search_products},
    {"clock", "now", "builtin", "The current date, weekday and time.",
     "{\"type\":\"object\",\"properties\":{\"timezone\":{\"type\":\"string\",\"maxLength\":64,"
     "\"description\":\"IANA name such as Asia/Bangkok; UTC without\"}},\"additionalProperties\":false}",
     1000, NULL, clock_now},
};
const size_t tools_n_builtin = sizeof tools_builtin / sizeof tools_builtin[0];
