// SPDX-License-Identifier: Apache-2.0
// What the files about a chatbot's knowledge share.
#pragma once

#include "api/resource.h"
#include "engine/knowledge.h"

extern const struct resource knowledge_base_resource;

// Vectors follow by a job, written with the change, where anybody makes them.
int knowledge_embed(struct tx *tx, struct call *call, struct err *err);
// Fills what an item shows beside its row; `model` is catalogue_model's.
int knowledge_item_complete(struct tx *tx, const char *model, struct knowledge_item *item, struct err *err);
// Counts the passages and inserts.
int knowledge_item_add(struct tx *tx, struct call *call, const struct knowledge_base *base, struct knowledge_item *item,
                       struct err *err);

// A list as 000-management 5.4 shows its results (knowledge_sources.c).
yyjson_mut_val *knowledge_results(yyjson_mut_doc *doc, struct arena *arena, const struct knowledge_found *found);
