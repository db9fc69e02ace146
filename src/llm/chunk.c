// SPDX-License-Identifier: Apache-2.0
#include "llm/chunk.h"

#include "base/utf8.h"

static const struct {
    const char *name;
    enum chunk_finish finish;
} finishes[] = {
    {"stop", CHUNK_STOP},           {"eos", CHUNK_STOP},
    {"eos_token", CHUNK_STOP},      {"end_turn", CHUNK_STOP},
    {"stop_sequence", CHUNK_STOP},  {"length", CHUNK_LENGTH},
    {"max_tokens", CHUNK_LENGTH},   {"model_length", CHUNK_LENGTH},
    {"tool_calls", CHUNK_TOOLS},    {"tool_use", CHUNK_TOOLS},
    {"function_call", CHUNK_TOOLS}, {"content_filter", CHUNK_FILTERED},
    {"abort", CHUNK_ABORT},         {"error", CHUNK_ABORT},
};

static enum chunk_finish finish_of(yyjson_val *value)
{
    struct str name = json_str(value);
    if (!name.p || name.n == 0)
        return CHUNK_GOES_ON;
    for (size_t i = 0; i < sizeof finishes / sizeof finishes[0]; i++)
        if (str_eq_nocase(name, str_from(finishes[i].name)))
            return finishes[i].finish;
    return CHUNK_STOP;
}

struct str text_without_nul(struct arena *arena, struct str text)
{
    if (text.n == 0 || !memchr(text.p, 0, text.n))
        return text;
    char *out = arena_alloc(arena, text.n);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\0')
            out[n++] = text.p[i];
    return (struct str){out, n};
}

static struct str content_of(struct arena *arena, yyjson_val *content)
{
    if (yyjson_is_str(content))
        return text_without_nul(arena, json_str(content));
    if (!yyjson_is_arr(content))
        return STR("");
    size_t total = 0, i, max;
    yyjson_val *part;
    yyjson_arr_foreach(content, i, max, part) total +=
        yyjson_is_str(part) ? json_str(part).n : json_get_str(part, "text").n;
    char *out = arena_alloc(arena, total + 1);
    size_t n = 0;
    yyjson_arr_foreach(content, i, max, part)
    {
        struct str type = json_get_str(part, "type");
        struct str text = yyjson_is_str(part) ? json_str(part) : json_get_str(part, "text");
        if (text.n == 0 || (type.n > 0 && !str_eq(type, STR("text")) && !str_eq(type, STR("output_text"))))
            continue;
        memcpy(out + n, text.p, text.n);
        n += text.n;
    }
    return text_without_nul(arena, (struct str){out, n});
}

static bool filled(yyjson_val *value)
{
    if (yyjson_is_str(value) || yyjson_is_ctn(value))
        return yyjson_get_len(value) > 0;
    return false;
}

// What a delta says of one call: OpenAI's tool_calls, the older function_call, native Ollama's without type and id.
static void read_piece(struct arena *arena, yyjson_val *call, yyjson_val *function, struct chunk *chunk)
{
    yyjson_val *arguments = json_get(function, "arguments");
    chunk->pieces[chunk->n_pieces++] = (struct toolcall_piece){
        .index = json_get_int(call, "index", -1),
        .id = text_without_nul(arena, json_get_str(call, "id")),
        .name = text_without_nul(arena, json_get_str(function, "name")),
        .arguments = yyjson_is_str(arguments)   ? text_without_nul(arena, json_str(arguments))
                     : yyjson_is_ctn(arguments) ? json_write_val(arena, arguments)
                                                : STR(""),
    };
}

static void read_calls(struct arena *arena, yyjson_val *delta, struct chunk *chunk)
{
    yyjson_val *calls = json_get(delta, "tool_calls"), *old = json_get(delta, "function_call"), *call;
    size_t i, max;
    chunk->tool = filled(calls) || filled(old);
    if (!chunk->tool)
        return;
    chunk->pieces = arena_calloc(arena, yyjson_arr_size(calls) + 1, sizeof *chunk->pieces);
    if (yyjson_is_obj(old))
        read_piece(arena, NULL, old, chunk);
    yyjson_arr_foreach(calls, i, max, call) if (yyjson_is_obj(call))
        read_piece(arena, call, json_get(call, "function"), chunk);
}

static void read_delta(struct arena *arena, yyjson_val *delta, struct chunk *chunk)
{
    static const char *const reasoning[] = {"reasoning_content", "reasoning", "reasoning_details", "thinking"};
    chunk->text = content_of(arena, json_get(delta, "content"));
    for (size_t i = 0; i < sizeof reasoning / sizeof reasoning[0]; i++)
        chunk->reasoning |= filled(json_get(delta, reasoning[i]));
    read_calls(arena, delta, chunk);
    struct str refusal = json_get_str(delta, "refusal");
    if (refusal.n > 0 && chunk->text.n == 0) {
        chunk->text = text_without_nul(arena, refusal);
        chunk->refusal = true;
    }
}

static bool read_usage(yyjson_val *usage, struct chunk *chunk)
{
    if (!yyjson_is_obj(usage))
        return false;
    int64_t prompt = json_get_int(usage, "prompt_tokens", -1),
            completion = json_get_int(usage, "completion_tokens", -1);
    if (prompt < 0 && completion < 0)
        return false;
    chunk->has_usage = true;
    chunk->prompt = prompt > 1000000000 ? -1 : prompt;
    chunk->completion = completion > 1000000000 ? -1 : completion;
    chunk->cached = json_get_int(json_get(usage, "prompt_tokens_details"), "cached_tokens", -1);
    return true;
}

static void read_native(struct arena *arena, yyjson_val *root, struct chunk *chunk)
{
    yyjson_val *message = json_get(root, "message"), *response = json_get(root, "response"),
               *done = json_get(root, "done");
    if (!yyjson_is_bool(done) || (!message && !response))
        return;
    chunk->choices = true;
    if (yyjson_is_obj(message))
        read_delta(arena, message, chunk);
    else
        chunk->text = content_of(arena, response);
    if (!yyjson_is_true(done))
        return;
    chunk->done = true;
    enum chunk_finish finish = finish_of(json_get(root, "done_reason"));
    chunk->finish = finish == CHUNK_GOES_ON ? CHUNK_STOP : finish;
    int64_t prompt = json_get_int(root, "prompt_eval_count", -1), completion = json_get_int(root, "eval_count", -1);
    if (prompt >= 0 || completion >= 0) {
        chunk->has_usage = true;
        chunk->prompt = prompt;
        chunk->completion = completion;
    }
}

static yyjson_val *choice_zero(yyjson_val *choices)
{
    size_t i, max;
    yyjson_val *choice;
    yyjson_arr_foreach(choices, i, max, choice) if (json_get_int(choice, "index", 0) == 0) return choice;
    return NULL;
}

bool chunk_read(struct arena *arena, struct str json, struct chunk *ret)
{
    *ret = (struct chunk){.text = STR(""), .prompt = -1, .completion = -1, .cached = -1};
    yyjson_val *root;
    if (json_parse(arena, json, 0, &root, NULL) != 0 &&
        json_parse(arena, json_repair(arena, json), 0, &root, NULL) != 0)
        return false;
    if (!yyjson_is_obj(root))
        return false;
    yyjson_val *choices = json_get(root, "choices");
    ret->choices = yyjson_is_arr(choices);
    fault_read_json(arena, root, &ret->error);
    yyjson_val *choice = choice_zero(choices);
    if (choice) {
        yyjson_val *delta = json_get(choice, "delta"), *message = json_get(choice, "message");
        if (yyjson_is_obj(delta) && yyjson_obj_size(delta) > 0)
            read_delta(arena, delta, ret);
        else if (yyjson_is_obj(message))
            read_delta(arena, message, ret);
        else
            ret->text = content_of(arena, json_get(choice, "text"));
        ret->finish = finish_of(json_get(choice, "finish_reason"));
        // OpenRouter reports the fault of the server behind it on the choice.
        if (!ret->error.found && json_get(choice, "error"))
            fault_read_json(arena, choice, &ret->error);
    } else {
        read_native(arena, root, ret);
    }
    if (!read_usage(json_get(root, "usage"), ret))
        read_usage(json_get(json_get(root, "x_groq"), "usage"), ret);
    return true;
}
