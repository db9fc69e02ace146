// SPDX-License-Identifier: Apache-2.0
#include "api/conversation.h"

// The engine's metadata by this surface's names, in the order of its example. What no part of the turn says yet is null
// or empty.
static const struct {
    const char *to, *from;
    enum { AS_IT_IS, LIST, SOURCES, USAGE } form;
} names[] = {
    {"mode", "mode", AS_IT_IS},
    {"reason", "reason", AS_IT_IS},
    {"degraded", "degraded", AS_IT_IS},
    {"answered", "answered", AS_IT_IS},
    {"finishReason", "finishReason", AS_IT_IS},
    {"intent", "intent", AS_IT_IS},
    {"sentiment", "sentiment", AS_IT_IS},
    {"language", "language", AS_IT_IS},
    {"resolvedMessage", "resolvedMessage", AS_IT_IS},
    {"references", "references", LIST},
    {"topic", "topic", AS_IT_IS},
    {"personalityId", "personalityId", AS_IT_IS},
    {"tools", "tools", LIST},
    {"sources", "sources", SOURCES},
    {"usage", "usage", USAGE},
    {"responseTime", "responseTimeMs", AS_IT_IS},
};

static yyjson_mut_val *sources(yyjson_mut_doc *doc, yyjson_val *list)
{
    static const char *const fields[][2] = {{"documentId", "documentId"},
                                            {"knowledgeBaseId", "knowledgeBaseId"},
                                            {"title", "title"},
                                            {"relevance", "similarity"}};
    yyjson_mut_val *out = yyjson_mut_arr(doc);
    yyjson_val *source;
    size_t i, max;
    yyjson_arr_foreach(list, i, max, source)
    {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, out);
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
            yyjson_val *value = json_get(source, fields[k][1]);
            json_add(doc, one, fields[k][0], value ? yyjson_val_mut_copy(doc, value) : yyjson_mut_null(doc));
        }
    }
    return out;
}

static yyjson_mut_val *no_usage(yyjson_mut_doc *doc)
{
    yyjson_mut_val *usage = yyjson_mut_obj(doc);
    json_add_int(doc, usage, "promptTokens", 0);
    json_add_int(doc, usage, "completionTokens", 0);
    json_add_int(doc, usage, "totalTokens", 0);
    json_add_bool(doc, usage, "estimated", false);
    return usage;
}

yyjson_mut_val *conversation_metadata(yyjson_mut_doc *doc, struct arena *arena, struct str metadata)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_val *root = NULL;
    if (!metadata.p || json_parse(arena, metadata, JSON_RAW_NUMBERS, &root, NULL) != 0)
        return object; // of an answer that a crash cut off
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        yyjson_val *value = json_get(root, names[i].from);
        bool there = value && !yyjson_is_null(value);
        json_add(doc, object, names[i].to,
                 names[i].form == SOURCES ? sources(doc, value)
                 : there                  ? yyjson_val_mut_copy(doc, value)
                 : names[i].form == LIST  ? yyjson_mut_arr(doc)
                 : names[i].form == USAGE ? no_usage(doc)
                                          : yyjson_mut_null(doc));
    }
    return object;
}

// The members that stand at the top and again in `data`; the latter names the messages too.
static void add_members(yyjson_mut_doc *doc, yyjson_mut_val *object, struct arena *arena,
                        const struct turn_outcome *outcome, bool inner)
{
    json_add_str(doc, object, "conversationId", outcome->row_id);
    json_add_str(doc, object, "sessionId", outcome->session_id);
    if (inner) {
        json_add_str(doc, object, "userMessageId", outcome->user_message_id);
        json_add_str(doc, object, "messageId", outcome->answer_id);
    }
    json_add_str(doc, object, "message", outcome->message);
    json_add_str(doc, object, "response", outcome->content);
    json_add_time(doc, object, "timestamp", outcome->answered_at);
    json_add(doc, object, "metadata", conversation_metadata(doc, arena, outcome->metadata));
}

yyjson_mut_val *conversation_reply(yyjson_mut_doc *doc, struct arena *arena, const struct turn_outcome *outcome)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *data = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "status", "success");
    json_add_bool(doc, root, "success", true);
    add_members(doc, root, arena, outcome, false);
    add_members(doc, data, arena, outcome, true);
    json_add(doc, root, "data", data);
    return root;
}

void conversation_refuse(struct http_req *req, const struct turn_outcome *outcome)
{
    const struct surface *surface = ((const struct endpoint *)http_route_row(req))->surface;
    switch (outcome->code) {
    case ERR_LIMIT: // waited too long behind the turn before it
        http_header(req, "Retry-After", "1");
        surface->error(req, 429, NULL, "The conversation is busy. Try again in 1 second.");
        return;
    case ERR_DENIED:    // another caller's
    case ERR_NOT_FOUND: // deleted since the request came
        surface->error(req, 404, NULL, "Not found");
        return;
    case ERR_CONFLICT:
        surface->error(req, 409, NULL, "The conversation belongs to another userId");
        return;
    default:
        call_unavailable(req, surface, "Service temporarily unavailable");
    }
}

void conversation_answer(struct http_req *req, int status,
                         yyjson_mut_val *(*shown)(yyjson_mut_doc *doc, struct arena *arena,
                                                  const struct turn_outcome *outcome),
                         const struct turn_outcome *outcome)
{
    struct arena *arena = http_arena(req);
    if (outcome->code) {
        conversation_refuse(req, outcome);
        return;
    }
    http_header(req, "Cache-Control", "no-store");
    http_reply_static(req, status, "application/json; charset=utf-8",
                      json_write(arena, shown(json_doc(arena), arena, outcome)));
}
