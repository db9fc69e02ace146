// SPDX-License-Identifier: Apache-2.0
#include "api/present.h"

// What a visitor sees of the metadata, by name: engine's → 001's.
static const struct {
    const char *from, *to;
} names[] = {
    {"messageId", "message_id"},
    {"mode", "mode"},
    {"model", "model"},
    {"voice", "voice"},
    {"finishReason", "finish_reason"},
    {"sources", "sources"},
    {"usage", "usage"},
    {"responseTimeMs", "response_time_ms"},
    {"degraded", "degraded"},
    {"reason", "reason"},
    {"priceCorrections", "price_corrections"},
};

static const struct {
    const char *from, *to; // to NULL: not shown
} inner[] = {{"documentId", "document_id"},
             {"knowledgeBaseId", NULL},
             {"productId", "product_id"},
             {"promptTokens", "prompt_tokens"},
             {"completionTokens", "completion_tokens"},
             {"totalTokens", "total_tokens"},
             {"estimated", NULL}};

static const char *inner_name(const char *from)
{
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
        if (strcmp(inner[i].from, from) == 0)
            return inner[i].to;
    return from;
}

static yyjson_mut_val *renamed(yyjson_mut_doc *doc, yyjson_val *value)
{
    size_t i, max;
    yyjson_val *key, *item;
    if (yyjson_is_arr(value)) {
        yyjson_mut_val *list = yyjson_mut_arr(doc);
        yyjson_arr_foreach(value, i, max, item)(void) yyjson_mut_arr_append(list, renamed(doc, item));
        return list;
    }
    if (!yyjson_is_obj(value))
        return yyjson_val_mut_copy(doc, value);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_obj_foreach(value, i, max, key, item)
    {
        const char *name = inner_name(yyjson_get_str(key));
        if (name)
            json_add(doc, object, name, renamed(doc, item));
    }
    return object;
}

yyjson_mut_val *present_metadata(yyjson_mut_doc *doc, struct arena *arena, struct str metadata)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_val *root = NULL;
    if (!metadata.p || json_parse(arena, metadata, JSON_RAW_NUMBERS, &root, NULL) != 0)
        return object;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        yyjson_val *value = json_get(root, names[i].from);
        json_add(doc, object, names[i].to, value ? renamed(doc, value) : yyjson_mut_null(doc));
    }
    return object;
}

yyjson_mut_val *present_products(yyjson_mut_doc *doc, const struct product *products, size_t n)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < n; i++)
        (void)yyjson_mut_arr_append(list, model_encode(&product_model, doc, &products[i]));
    return list;
}

void present_confidence(yyjson_mut_doc *doc, yyjson_mut_val *object, bool has, double confidence)
{
    if (!has)
        json_add_null(doc, object, "confidence_score");
    else if (confidence == 0)
        json_add(doc, object, "confidence_score", json_new_num(doc, "0.0"));
    else
        json_add_decimal(doc, object, "confidence_score", confidence, 4);
}
