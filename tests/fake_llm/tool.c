// SPDX-License-Identifier: Apache-2.0
// Calls of tools in every form that servers give them (upstream-llm 3.4). Besides the contract's styles: `names`
// repeats name and id in each fragment, `function` is the older function_call.
#include "chat.h"

static bool style_is(const struct chat *chat, const char *name)
{
    return knobs_is(chat->knobs->tool_style ? chat->knobs->tool_style : "fragments", name);
}

bool tool_wanted(const struct chat *chat)
{
    yyjson_val *request = chat->reply->request, *messages = json_get(request, "messages"), *message;
    if (!chat->knobs->tools || yyjson_arr_size(json_get(request, "tools")) == 0 ||
        str_eq(json_get_str(request, "tool_choice"), STR("none")))
        return false;
    int64_t rounds = 0;
    size_t i, max, n = yyjson_arr_size(messages);
    // Whoever goes on with an answer does so, unless it stopped before the calls: after the text of toolText that tests
    // use.
    yyjson_val *last = yyjson_arr_get(messages, n ? n - 1 : 0);
    if (str_find(json_get_str(last, "content"), STR("exactly where")) >= 0)
        last = yyjson_arr_get(messages, n > 1 ? n - 2 : 0);
    if (str_eq(json_get_str(last, "role"), STR("assistant")) &&
        !str_eq(str_trim(json_get_str(last, "content")), STR("Let me look.")))
        return false;
    yyjson_arr_foreach(messages, i, max, message)
    {
        if (str_eq(json_get_str(message, "role"), STR("user")))
            rounds = 0;
        rounds += json_get(message, "tool_calls") != NULL;
    }
    return rounds < chat->knobs->tool_rounds;
}

struct call { // what is said of one in one event
    size_t number;
    struct str name, arguments;
    bool first; // with its id
};

static yyjson_mut_val *call_json(struct chat *chat, yyjson_mut_doc *doc, const struct call *call)
{
    struct arena *arena = chat->reply->arena;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *function = yyjson_mut_obj(doc), *arguments = NULL;
    yyjson_val *given;
    bool native = chat->knobs->ndjson;
    if (!style_is(chat, "noIndex") && !native)
        json_add_int(doc, object, "index", style_is(chat, "sameIndex") ? 0 : (int64_t)call->number);
    if (call->first && !style_is(chat, "noId") && !native)
        json_add_str(doc, object, "id", arena_strf(arena, "call_%s%zu", chat->id + 9, call->number));
    if (call->first && !native)
        json_add_cstr(doc, object, "type", "function");
    if (call->name.p)
        json_add_str(doc, function, "name", call->name);
    if ((style_is(chat, "object") || native) && json_parse(arena, call->arguments, 0, &given, NULL) == 0)
        arguments = yyjson_val_mut_copy(doc, given);
    json_add(doc, function, "arguments", arguments ? arguments : json_new_str(doc, call->arguments));
    json_add(doc, object, "function", function);
    return object;
}

static void put_native(struct chat *chat, const struct call *call)
{
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *message = yyjson_mut_obj(doc), *calls = yyjson_mut_arr(doc);
    json_add_str(doc, root, "model", chat->model);
    json_add_cstr(doc, message, "role", "assistant");
    json_add_cstr(doc, message, "content", "");
    yyjson_mut_arr_append(calls, call_json(chat, doc, call));
    json_add(doc, message, "tool_calls", calls);
    json_add(doc, root, "message", message);
    json_add_bool(doc, root, "done", false);
    chat_json(chat, root);
}

static void put(struct chat *chat, const struct call *call)
{
    if (chat->knobs->ndjson) {
        put_native(chat, call);
        return;
    }
    yyjson_mut_doc *doc = json_doc(chat->reply->arena);
    yyjson_mut_val *root = chat_chunk(chat, doc), *delta = yyjson_mut_obj(doc), *calls = yyjson_mut_arr(doc);
    json_add_null(doc, delta, "content");
    if (style_is(chat, "function")) {
        yyjson_mut_val *function = yyjson_mut_obj(doc);
        if (call->name.p)
            json_add_str(doc, function, "name", call->name);
        json_add_str(doc, function, "arguments", call->arguments);
        json_add(doc, delta, "function_call", function);
    } else {
        yyjson_mut_arr_append(calls, call_json(chat, doc, call));
        json_add(doc, delta, "tool_calls", calls);
    }
    chat_choice(chat, doc, root, delta, NULL);
    chat_json(chat, root);
}

static struct str arguments_of(struct chat *chat, yyjson_val *tool)
{
    yyjson_val *given = json_get(tool, "arguments");
    if (style_is(chat, "badJson"))
        return STR("{\"broken\": ");
    return yyjson_is_str(given) ? json_str(given) : json_write_val(chat->reply->arena, given);
}

// One call as its events; false: the stream was cut in it.
static bool put_call(struct chat *chat, size_t number, struct str name, struct str arguments, int64_t *events)
{
    bool whole = style_is(chat, "whole") || style_is(chat, "object") || style_is(chat, "noId") || chat->knobs->ndjson;
    bool again = style_is(chat, "names");
    size_t half = arguments.n / 2;
    struct call pieces[] = {
        {number, name, whole ? arguments : STR(""), true},
        {number, again ? name : STR_NULL, (struct str){arguments.p, half}, again},
        {number, again ? name : STR_NULL, (struct str){arguments.p + half, arguments.n - half}, again},
    };
    for (size_t i = 0; i < (whole ? 1 : 3); i++) {
        if (chat->knobs->cut_after > 0 && (*events)++ == chat->knobs->cut_after && chat_cut(chat))
            return false;
        put(chat, &pieces[i]);
        chat->delay = chat->knobs->delta_delay;
    }
    return true;
}

void tool_stream(struct chat *chat)
{
    yyjson_val *tools, *tool;
    size_t i, max;
    int64_t events = 0;
    if (json_parse(chat->reply->arena, str_from(chat->knobs->tools), 0, &tools, NULL) != 0)
        return;
    if (chat->knobs->tool_text)
        chat_text(chat, "content", str_from(chat->knobs->tool_text));
    yyjson_arr_foreach(tools, i, max, tool)
    {
        struct str name = json_get_str(tool, "name"), arguments = arguments_of(chat, tool);
        chat->completion++;
        if (style_is(chat, "text"))
            chat_text(chat, "content",
                      arena_strf(chat->reply->arena,
                                 "<tool_call>\n{\"name\":\"" STR_FMT "\",\"arguments\":" STR_FMT "}\n</tool_call>",
                                 STR_ARG(name), STR_ARG(arguments)));
        else if (!put_call(chat, i, name, arguments, &events))
            return;
    }
    bool stop = style_is(chat, "finishStop") || style_is(chat, "text") || chat_is(chat, "ollama");
    const char *reason = style_is(chat, "function") ? "function_call" : "tool_calls";
    chat_finish(chat, chat->knobs->finish ? chat->knobs->finish : stop ? "stop" : reason);
}

void tool_whole(struct chat *chat, yyjson_mut_doc *doc, yyjson_mut_val *message)
{
    yyjson_mut_val *calls = yyjson_mut_arr(doc);
    yyjson_val *tools, *tool;
    size_t i, max;
    if (json_parse(chat->reply->arena, str_from(chat->knobs->tools), 0, &tools, NULL) != 0)
        return;
    yyjson_arr_foreach(tools, i, max, tool) yyjson_mut_arr_append(
        calls, call_json(chat, doc, &(struct call){i, json_get_str(tool, "name"), arguments_of(chat, tool), true}));
    json_add(doc, message, "tool_calls", calls);
}
