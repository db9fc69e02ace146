// SPDX-License-Identifier: Apache-2.0
#include "api/envelope.h"

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

struct page call_page(struct call *call, int64_t otherwise)
{
    return (struct page){.page = call_query_int(call, "page", 1), .limit = call_query_int(call, "limit", otherwise)};
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

static size_t place_in(const char *choices, struct str choice)
{
    struct str rest = str_from(choices);
    for (size_t i = 0; rest.p; i++)
        if (str_eq(str_split(&rest, '|'), choice))
            return i;
    return 0;
}

size_t call_sort(struct call *call, unsigned descending, bool *ret_descending)
{
    struct str sort = call_query_text(call, "sort"), order = call_query_text(call, "order");
    size_t which = sort.p ? place_in(call_parameter(call, "sort")->choices, sort) : 0;
    *ret_descending = order.p ? str_eq(order, STR("desc")) : descending >> which & 1;
    return which;
}
