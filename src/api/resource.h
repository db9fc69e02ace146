// SPDX-License-Identifier: Apache-2.0
// Objects that hang on a chatbot or a brand and are only a table and its hooks: list, create, read, change, remove,
// with quota, audit row and change feed in the transaction of the change (003-platform 1).
//
// The model has the fields id, createdAt and updatedAt, and chatbotId where the object hangs on a chatbot. Endpoints
// name the resource and one of the functions below; {chatbotId} is the parent, {id} the object.
#pragma once

#include "api/envelope.h"

struct resource {
    const char *kind;  // "personality": its places, its audit actions (personality_created, …)
    const char *title; // "Personality": in messages
    const struct model *model;
    int64_t most; // of a chatbot (or brand); 0: no bound
    bool feeds;   // changes are told to who keeps it in memory
    enum change_kind change;
    // Hooks, in the writing transaction; NULL: none. They may run again from the start. ERR_INVALID after fault_add.
    // Before a row is written: checks and changes it. `old` NULL: it is made.
    int (*before)(struct tx *tx, struct call *call, const void *old, void *row, struct err *err);
    // After it: what goes with it. `row` NULL: `old` was removed.
    int (*after)(struct tx *tx, struct call *call, const void *old, const void *row, struct err *err);
    // What a reply shows beside the stored row, written into fields without a column; in the same transaction, and it
    // only reads. `one`: not in a list.
    int (*complete)(struct tx *tx, struct call *call, void *row, bool one, struct err *err);
    // Lists that are filtered and sorted by query parameters: reads these, and gives the ids of the page and its total.
    // NULL: all, in the model's order.
    int (*find)(struct tx *tx, struct call *call, struct page *page, struct strings *ret_ids, struct err *err);
    int64_t page; // objects of a page, unless asked; 0: 100
    // Members of the reply that are not in its table; `one`: it is read singly.
    void (*present)(struct call *call, yyjson_mut_doc *doc, yyjson_mut_val *object, const void *row, bool one);
};

void resource_list(struct call *call);
void resource_create(struct call *call); // the body is decoded by the resource's model
void resource_read(struct call *call);
void resource_update(struct call *call); // the same, with ENDPOINT_PATCH
void resource_remove(struct call *call);

// For endpoints that do more: the same moves inside a transaction of their own, and the reply.
int resource_insert(struct tx *tx, struct call *call, const struct resource *resource, void *row, struct err *err);
// Writes `row` over `old` unless they are equal (*ret_changed may be NULL).
int resource_save(struct tx *tx, struct call *call, const struct resource *resource, const void *old, void *row,
                  bool *ret_changed, struct err *err);
int resource_delete(struct tx *tx, struct call *call, const struct resource *resource, const void *old,
                    struct err *err);
// The row of this id as it is now. 1, 0.
int resource_load(struct tx *tx, struct arena *arena, const struct resource *resource, struct str id, void *ret_row,
                  struct err *err);
// The path's object as it is now, into a row of its model. ERR_NOT_FOUND when it is gone since.
int resource_reload(struct tx *tx, struct call *call, const struct resource *resource, void *ret_row, struct err *err);
void resource_reply(struct call *call, int status, const struct resource *resource, const void *row);
yyjson_mut_val *resource_json(struct call *call, yyjson_mut_doc *doc, const struct resource *resource, const void *row,
                              bool one);
struct str resource_id(const struct resource *resource, const void *row);
