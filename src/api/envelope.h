// SPDX-License-Identifier: Apache-2.0
// What /api/v1 answers when all went well: {"status":"success","success":true,"message"?,"data"}, lists with "count"
// and "pagination" (003-platform 1.2, 1.4). Every such reply is `no-store`.
#pragma once

#include "api/call.h"

// The envelope without data, for what a reply has beside it; `message` NULL: none.
yyjson_mut_val *envelope_new(yyjson_mut_doc *doc, const char *message);
void envelope_send(struct call *call, int status, yyjson_mut_val *envelope);

void call_data(struct call *call, int status, const char *message, yyjson_mut_doc *doc, yyjson_mut_val *data);
// An error with an object of details in the words of its endpoint (surface.c).
void call_error_details(struct call *call, int status, const char *text, yyjson_mut_doc *doc, yyjson_mut_val *details);
// The same with a code of its own.
void call_error_named(struct call *call, int status, const char *code, const char *text, yyjson_mut_doc *doc,
                      yyjson_mut_val *details);
void call_done(struct call *call, const char *message); // 200 without data

// The body of what is done without saying more: none, or an empty object.
extern const struct model empty_body_model;

struct page {
    int64_t page, limit, total;
};
struct page call_page(struct call *call, int64_t otherwise); // of the query: page and limit
int64_t page_offset(const struct page *page);
yyjson_mut_val *page_json(yyjson_mut_doc *doc, const struct page *page); // "pagination"
void call_list(struct call *call, yyjson_mut_doc *doc, yyjson_mut_val *list, const struct page *page);

// Reads sort and order: the place of the wanted choice among those of the parameter `sort`, the first by default.
// `descending` is the default order of each choice, as bits.
size_t call_sort(struct call *call, unsigned descending, bool *ret_descending);
