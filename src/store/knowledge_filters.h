// SPDX-License-Identifier: Apache-2.0
// Filters over what a chatbot knows (000-management 4): their form, and that they name what is there.
#pragma once

#include "model/knowledge.h"
#include "store/store.h"

// `filters_json` as a chatbot's row keeps it. Adds a fault for every unknown member and value, and for every id that is
// none of the scope's brand (documents: nor of another chatbot; knowledge bases: of this chatbot), at its index below
// `at`. `chatbot_id` STR_NULL: a chatbot that is being made. 0, ERR_INVALID with faults, or the store's error.
int knowledge_filters_check(struct tx *tx, struct str chatbot_id, struct str filters_json, struct faults *faults,
                            const struct loc *at, struct err *err);
// The filters of a chatbot's row, leniently: what is not of their form filters nothing. Strings live in the arena.
void knowledge_filters_load(struct arena *arena, struct str filters_json, struct knowledge_filters *ret);

struct knowledge_match {                          // a document that the filters let through; strings live for the call
    struct str id, title, type, category, status; // category STR_NULL: none
    struct str supplier_id, supplier_name, product_name; // STR_NULL: none
    int64_t chunk_count;
};
// Walks what a chatbot may search, newest first, searched or still being read. `each` returns non-zero to stop.
int knowledge_matching(struct tx *tx, struct str chatbot_id, const struct knowledge_filters *filters,
                       int (*each)(void *arg, const struct knowledge_match *match), void *arg, struct err *err);
