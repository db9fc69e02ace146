// SPDX-License-Identifier: Apache-2.0
#include "model/knowledge.h"

#include "base/id.h"

#define ID_LIST .valid = id_valid, .pattern_help = "an id", .pattern = ID_PATTERN
#define AT(member) FIELD_AT(struct knowledge_filters, member)
static const struct field filter_fields[] = {
    {"documentTypes", NULL, FIELD_STRINGS, FIELD_NULL | FIELD_SKIP_NULL, AT(document_types), 0, 6, 50,
     .choices = DOCUMENT_TYPES},
    {"categories", NULL, FIELD_STRINGS, FIELD_NULL | FIELD_SKIP_NULL, AT(categories), 0, 10, 50,
     .choices = DOCUMENT_CATEGORIES},
    {"supplierIds", NULL, FIELD_STRINGS, FIELD_NULL | FIELD_SKIP_NULL, AT(supplier_ids), 0, 500, 64, ID_LIST},
    {"documentIds", NULL, FIELD_STRINGS, FIELD_NULL | FIELD_SKIP_NULL, AT(document_ids), 0, 1000, 64, ID_LIST},
    {"knowledgeBaseIds", NULL, FIELD_STRINGS, FIELD_NULL | FIELD_SKIP_NULL, AT(knowledge_base_ids), 0, 100, 64,
     ID_LIST},
};
const struct model knowledge_filters_model = {"KnowledgeFilters", NULL, sizeof(struct knowledge_filters),
                                              MODEL_FIELDS(filter_fields)};
#undef AT

#define AT(member) FIELD_AT(struct knowledge_settings, member)
static const struct field settings_fields[] = {
    {"retrievalMethod", NULL, FIELD_STRING, 0, AT(retrieval_method), .choices = "hybrid|semantic|keyword",
     .fallback = "\"hybrid\""},
    {"relevanceThreshold", NULL, FIELD_NUMBER, 0, AT(relevance_threshold), 0, 1, .fallback = "0.3"},
    {"maxResults", NULL, FIELD_INT, 0, AT(max_results), 1, 20, .fallback = "5",
     .help = "Passages that a turn takes from it"},
};
static const struct model settings_model = {"KnowledgeSettings", NULL, sizeof(struct knowledge_settings),
                                            MODEL_FIELDS(settings_fields)};
#undef AT

#define AT(member) FIELD_AT(struct knowledge_item, member)
static const struct field item_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"title", "title", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(title), 1, 300,
     .example = "\"Warranty\""},
    {"content", "content", FIELD_STRING, FIELD_REQUIRED, AT(content), 1, 100000,
     .example = "\"The Aurora X2 has a two-year warranty.\""},
    {"tags", "tags", FIELD_STRINGS, FIELD_TRIM | FIELD_LINE, AT(tags), 0, 50, 50, .fallback = "[]"},
    {"metadata", "metadata", FIELD_JSON, 0, AT(metadata), 0, 1000, .item_high = 255, .bytes = 16384, .fallback = "{}"},
    {"source", "source", FIELD_STRING, FIELD_READONLY, AT(source)},
    {"embeddingStatus", NULL, FIELD_STRING, FIELD_READONLY | FIELD_SKIP_NULL, AT(embedding_status),
     .choices = "none|pending|ready|failed"},
    {"knowledgeBaseId", "base_id", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN | FIELD_FILTER, AT(base_id)},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
    {"chatbotId", "chatbot_id", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(chatbot_id)},
    {"type", "type", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(type)},
    {"titleFold", "title_fold", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(title_fold)},
    {"chunkCount", "chunk_count", FIELD_INT, FIELD_READONLY | FIELD_HIDDEN, AT(chunk_count)},
};
const struct model knowledge_item_model = {"KnowledgeItem", "documents", sizeof(struct knowledge_item),
                                           MODEL_FIELDS(item_fields), .order = "created_at, id"};
#undef AT

static const struct field items_fields[] = {
    {"items", NULL, FIELD_OBJECTS, FIELD_REQUIRED, FIELD_AT(struct knowledge_items, items), 1, KNOWLEDGE_ITEMS_AT_ONCE,
     .model = &knowledge_item_model},
};
const struct model knowledge_items_model = {"KnowledgeItems", NULL, sizeof(struct knowledge_items),
                                            MODEL_FIELDS(items_fields)};

#define AT(member) FIELD_AT(struct knowledge_base, member)
// clang-format off
#define BASE_FIELDS(items_flags)                                                                    \
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},                                                    \
    {"chatbotId", "chatbot_id", FIELD_STRING, FIELD_READONLY | FIELD_FILTER, AT(chatbot_id)},                          \
    {"name", "name", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(name), 1, 100,                         \
     .example = "\"Care sheets\""},                                                                                    \
    {"description", "description", FIELD_STRING, FIELD_TRIM, AT(description), 0, 500, .fallback = "\"\""},             \
    {"kind", "kind", FIELD_STRING, FIELD_READONLY, AT(kind), .choices = "manual|learned"},                             \
    {"isActive", "is_active", FIELD_BOOL, 0, AT(is_active), .fallback = "true",                                        \
     .help = "False keeps it out of answers"},                                                                         \
    {"settings", "settings", FIELD_OBJECT, FIELD_MERGE, AT(settings), .model = &settings_model},                       \
    {"itemCount", "item_count", FIELD_INT, FIELD_READONLY, AT(item_count)},                                            \
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},                                           \
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},                                           \
    {"itemsTruncated", NULL, FIELD_BOOL, FIELD_READONLY | FIELD_SKIP_NULL, AT(items_truncated)},                       \
    {"items", NULL, FIELD_OBJECTS, FIELD_SKIP_NULL | (items_flags), AT(items), 0, KNOWLEDGE_ITEMS_AT_ONCE,             \
     .model = &knowledge_item_model}
// clang-format on
static const struct field base_fields[] = {BASE_FIELDS(FIELD_READONLY)};
const struct model knowledge_base_model = {"KnowledgeBase", "knowledge_bases", sizeof(struct knowledge_base),
                                           MODEL_FIELDS(base_fields), .order = "created_at DESC, id DESC"};
static const struct field base_new_fields[] = {BASE_FIELDS(0)};
const struct model knowledge_base_new_model = {"KnowledgeBaseNew", NULL, sizeof(struct knowledge_base),
                                               MODEL_FIELDS(base_new_fields)};
#undef AT

#define AT(member) FIELD_AT(struct knowledge_search, member)
static const struct field search_fields[] = {
    {"query", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(query), 1, 1000, .alias = "queryText",
     .example = "\"warranty\""},
    {"maxResults", NULL, FIELD_INT, 0, AT(max_results), 1, 20, .alias = "limit"},
    {"threshold", NULL, FIELD_NUMBER, 0, AT(threshold), 0, 1},
};
const struct model knowledge_search_model = {"KnowledgeSearch", NULL, sizeof(struct knowledge_search),
                                             MODEL_FIELDS(search_fields)};
