// SPDX-License-Identifier: Apache-2.0
// What a chatbot knows: knowledge bases with their items (003-platform 6), and filters over all documents
// (000-management 4).
#pragma once

#include "model/model.h"

#define DOCUMENT_TYPES "inci|formulation|general|page|product|item"
#define DOCUMENT_CATEGORIES                                                                                            \
    "information|promotional|scientific|standard|testing|compliance|certification|safety|regulation|other"

// Which documents a chatbot searches. A list that is not set filters nothing, an empty one matches nothing.
struct knowledge_filters {
    uint64_t set;
    struct strings document_types, categories, supplier_ids, document_ids, knowledge_base_ids;
};
extern const struct model knowledge_filters_model;

enum {
    KNOWLEDGE_BASES_MOST = 50,    // of a chatbot
    KNOWLEDGE_ITEMS_MOST = 10000, // of a base
    KNOWLEDGE_ITEMS_AT_ONCE = 100,
};

struct knowledge_settings {
    uint64_t set;
    struct str retrieval_method; // hybrid, semantic, keyword
    double relevance_threshold;
    int64_t max_results; // passages offered in a turn
};

struct knowledge_item { // a document of type `item`
    uint64_t set;
    struct str id, title, content;
    struct strings tags;
    struct str metadata;         // JSON object
    struct str source;           // manual, learning
    struct str embedding_status; // none, pending, ready, failed; not kept
    int64_t created_at, updated_at;
    // Not shown:
    struct str chatbot_id, base_id, type, title_fold;
    int64_t chunk_count;
};
extern const struct model knowledge_item_model;

struct knowledge_base {
    uint64_t set;
    struct str id, chatbot_id, name, description;
    struct str kind; // manual, learned
    bool is_active;
    struct knowledge_settings settings;
    int64_t item_count;
    int64_t created_at, updated_at;
    bool items_truncated;
    struct objects items; // struct knowledge_item, when it is made
};
extern const struct model knowledge_base_model;     // as it is kept and changed: items are only read
extern const struct model knowledge_base_new_model; // as it is made: with items

struct knowledge_items { // several to add at once
    uint64_t set;
    struct objects items;
};
extern const struct model knowledge_items_model;

struct knowledge_search { // body of a search as a turn does it
    uint64_t set;
    struct str query;
    int64_t max_results;
    double threshold;
};
extern const struct model knowledge_search_model;
