// SPDX-License-Identifier: Apache-2.0
// The body of a chat completion: messages reshaped for servers that refuse some roles, cut to a known window, without
// the parameters that were refused, and with the provider's own additions.
#include "llm/client.h"

#include <math.h>

#define LEAST_OUTPUT 16 // tokens of an answer
#define LEAST_PROMPT 64

int64_t llm_window_reserve(int64_t window)
{
    return window / 20 > 64 ? window / 20 : 64;
}

int64_t llm_prompt_budget(int64_t window, int64_t output)
{
    int64_t budget = window - output - llm_window_reserve(window);
    int64_t least = window / 4 > LEAST_PROMPT ? window / 4 : LEAST_PROMPT;
    return budget > least ? budget : least;
}

static struct str trim_end(struct str text)
{
    while (text.n > 0 && memchr(" \t\r\n", text.p[text.n - 1], 4))
        text.n--;
    return text;
}

static const char instruction[] = "Your answer above was cut off. Continue it exactly where the text stops: repeat "
                                  "nothing, add no remark and no introduction.";

static void add_prior(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root, struct message_list *list,
                      const struct llm_provider *provider, unsigned quirks, struct str prior)
{
    const char *how = quirks & QUIRK_NO_PREFILL ? "instruct" : llm_prefill(provider);
    list->at[list->n++] = (struct llm_message){"assistant", arena_str(arena, trim_end(prior))};
    if (strcmp(how, "instruct") == 0) {
        list->at[list->n++] = (struct llm_message){"user", STR(instruction)};
    } else if (strcmp(how, "continue") == 0) {
        json_add_bool(doc, root, "continue_final_message", true);
        json_add_bool(doc, root, "add_generation_prompt", false);
    }
}

static void add_extra(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root, const char *text)
{
    yyjson_val *extra, *key, *value;
    size_t i, max;
    if (!text || json_parse(arena, str_from(text), 0, &extra, NULL) != 0 || !yyjson_is_obj(extra))
        return;
    yyjson_obj_foreach(extra, i, max, key, value)
    {
        struct str name = json_str(key);
        if (str_eq(name, STR("messages")) || str_eq(name, STR("stream")) || yyjson_is_null(value))
            continue;
        const char *copy = arena_cstr(arena, name);
        yyjson_mut_obj_remove_key(root, copy);
        json_add(doc, root, copy, yyjson_val_mut_copy(doc, value));
    }
}

int64_t request_write(struct buf *out, const struct llm_provider *provider, const struct lane *lane, const char *model,
                      const struct prompt *prompt, unsigned quirks, int64_t window)
{
    struct arena *arena = arena_new(0);
    struct message_list list = {arena_calloc(arena, prompt->n + 3, sizeof(struct llm_message)), prompt->n};
    for (size_t i = 0; i < prompt->n; i++) {
        list.at[i] = prompt->messages[i];
        list.at[i].content = text_without_nul(arena, list.at[i].content);
    }
    bool with_tools = prompt->tools.n > 0 && provider->tools != LLM_CANNOT && !(quirks & QUIRK_NO_TOOLS);
    int64_t max_tokens = prompt->max_tokens, tools = with_tools ? llm_estimate(prompt->tools) : 0;
    if (provider->max_output_tokens > 0 && max_tokens > provider->max_output_tokens)
        max_tokens = provider->max_output_tokens;
    double factor = lane_factor(lane);
    int64_t budget = llm_prompt_budget(window, max_tokens > 0 ? max_tokens : 500) - llm_estimate(prompt->prior);
    budget = (int64_t)floor((double)budget / factor);
    if (window > 0 && with_tools && messages_least(&list) + tools > budget) {
        with_tools = false;
        tools = 0;
    }
    if (window > 0)
        messages_fit(&list, budget - tools);
    if (!with_tools)
        messages_flatten_tools(arena, &list); // when the question is still the last of the user's
    if ((quirks & QUIRK_NO_SYSTEM) || provider->system_role == LLM_CANNOT)
        messages_move_system(arena, &list, false);
    else if (quirks & QUIRK_SYSTEM_FIRST)
        messages_move_system(arena, &list, true);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *messages = yyjson_mut_arr(doc);
    json_add_cstr(doc, root, "model", model);
    json_add(doc, root, "messages", messages);
    json_add_bool(doc, root, "stream", !prompt->whole);
    if (with_tools)
        json_add(doc, root, "tools", json_new_raw(doc, prompt->tools));
    if (with_tools && prompt->no_calls)
        json_add_cstr(doc, root, "tool_choice", "none");
    if (prompt->format.n > 0 && !(quirks & QUIRK_NO_FORMAT))
        json_add(doc, root, "response_format", json_new_raw(doc, prompt->format));
    if (!prompt->whole && llm_tells_usage(provider) && !(quirks & QUIRK_NO_STREAM_OPTIONS)) {
        yyjson_mut_val *options = yyjson_mut_obj(doc);
        json_add_bool(doc, options, "include_usage", true);
        json_add(doc, root, "stream_options", options);
    }
    if (prompt->temperature >= 0 && !(quirks & QUIRK_NO_TEMPERATURE))
        json_add_decimal(doc, root, "temperature", prompt->temperature, 4);
    if (prompt->prior.n > 0)
        add_prior(arena, doc, root, &list, provider, quirks, prompt->prior);
    if (quirks & QUIRK_ALTERNATE)
        messages_join(arena, &list);
    int64_t tokens = messages_estimate(&list) + tools;
    // Some servers refuse a request whose prompt and longest answer are together over the window.
    int64_t room = window - llm_window_reserve(window) - (int64_t)ceil((double)tokens * factor);
    if (window > 0 && max_tokens > room)
        max_tokens = room > LEAST_OUTPUT ? room : LEAST_OUTPUT;
    if (max_tokens > 0 && !(quirks & QUIRK_NO_MAX_TOKENS))
        json_add_int(doc, root, quirks & QUIRK_COMPLETION_TOKENS ? "max_completion_tokens" : "max_tokens", max_tokens);
    if (!(quirks & QUIRK_NO_EXTRA))
        add_extra(arena, doc, root, provider->extra_body);
    messages_write(arena, doc, messages, &list);
    json_write_buf(out, root);
    arena_free(arena);
    return tokens;
}
