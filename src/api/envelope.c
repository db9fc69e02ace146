// SPDX-License-Identifier: Apache-2.0
#include "api/envelope.h"

#include "base/utf8.h"

static const struct loc query = {NULL, STR("query"), 0};
const struct model empty_body_model = {.name = "Empty", .size = sizeof(uint64_t)};

yyjson_mut_val *envelope_new(yyjson_mut_doc *doc, const char *message)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "status", "success");
    json_add_bool(doc, root, "success", true);
    if (message)
        json_add_cstr(doc, root, "message", message);
    return root;
}

void envelope_send(struct call *call, int status, yyjson_mut_val *envelope)
{
    http_header(call->req, "Cache-Control", "no-store");
    call_json(call, status, envelope);
}

void call_data(struct call *call, int status, const char *message, yyjson_mut_doc *doc, yyjson_mut_val *data)
{
    yyjson_mut_val *root = envelope_new(doc, message);
    json_add(doc, root, "data", data);
    envelope_send(call, status, root);
}

void call_done(struct call *call, const char *message)
{
    envelope_send(call, 200, envelope_new(call_doc(call), message));
}

bool call_page(struct call *call, int64_t otherwise, struct page *ret)
{
    *ret = (struct page){.page = call_query_int(call, "page", 1, INT32_MAX, 1),
                         .limit = call_query_int(call, "limit", 1, 100, otherwise)};
    if (call->faults->n == 0)
        return true;
    call_faults(call);
    return false;
}

int64_t page_offset(const struct page *page)
{
    return (page->page - 1) * page->limit;
}

yyjson_mut_val *page_json(yyjson_mut_doc *doc, const struct page *page)
{
    yyjson_mut_val *pages = yyjson_mut_obj(doc);
    json_add_int(doc, pages, "total", page->total);
    json_add_int(doc, pages, "pages", (page->total + page->limit - 1) / page->limit);
    json_add_int(doc, pages, "page", page->page);
    json_add_int(doc, pages, "limit", page->limit);
    return pages;
}

void call_list(struct call *call, yyjson_mut_doc *doc, yyjson_mut_val *list, const struct page *page)
{
    yyjson_mut_val *root = envelope_new(doc, NULL);
    json_add_int(doc, root, "count", (int64_t)yyjson_mut_arr_size(list));
    json_add(doc, root, "data", list);
    json_add(doc, root, "pagination", page_json(doc, page));
    envelope_send(call, 200, root);
}

struct str call_query_text(struct call *call, const char *name, const char *other, size_t high, bool required)
{
    struct str text = http_query(call->req, name);
    struct loc at = {&query, str_from(name), 0};
    if (!text.p && other)
        text = http_query(call->req, other);
    struct str trimmed = text.p ? utf8_trim(text) : text;
    if (!text.p && required)
        fault_add(call->faults, FAULT_MISSING, &at, NULL, 0, NULL);
    else if (text.p && (!utf8_valid(text) || memchr(text.p, 0, text.n)))
        fault_add(call->faults, FAULT_FORM, &at, NULL, 0, "valid UTF-8 without NUL");
    else if (required && trimmed.n == 0)
        fault_add(call->faults, FAULT_SHORT, &at, NULL, 1, NULL)->input_text = text;
    else if (text.p && utf8_count(trimmed) > high)
        fault_add(call->faults, FAULT_LONG, &at, NULL, (double)high, NULL)->input_text = text;
    else
        return trimmed;
    return STR_NULL;
}

double call_query_number(struct call *call, const char *name, double low, double high, double otherwise)
{
    struct str text = http_query(call->req, name);
    struct loc at = {&query, str_from(name), 0};
    double n;
    if (!text.p)
        return otherwise;
    if (!str_to_double(text, &n))
        fault_add(call->faults, FAULT_NUMBER_TEXT, &at, NULL, 0, NULL)->input_text = text;
    else if (n < low || n > high)
        fault_add(call->faults, n < low ? FAULT_BELOW : FAULT_ABOVE, &at, NULL, n < low ? low : high, NULL)
            ->input_text = text;
    else
        return n;
    return otherwise;
}

struct str call_query_choice(struct call *call, const char *name, const char *choices)
{
    struct str text = http_query(call->req, name);
    struct loc at = {&query, str_from(name), 0};
    if (!text.p || str_is_choice(choices, text))
        return text;
    fault_add(call->faults, FAULT_ENUM, &at, NULL, 0, choices)->input_text = text;
    return STR_NULL;
}

static size_t place_in(const char *choices, struct str choice)
{
    struct str rest = str_from(choices);
    for (size_t i = 0; rest.p; i++)
        if (str_eq(str_split(&rest, '|'), choice))
            return i;
    return 0;
}

bool call_sort(struct call *call, const char *choices, unsigned descending, size_t *ret_which, bool *ret_descending)
{
    struct str sort = call_query_choice(call, "sort", choices), order = call_query_choice(call, "order", "asc|desc");
    if (call->faults->n) {
        call_faults(call);
        return false;
    }
    *ret_which = sort.p ? place_in(choices, sort) : 0;
    *ret_descending = order.p ? str_eq(order, STR("desc")) : descending >> *ret_which & 1;
    return true;
}
