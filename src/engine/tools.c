// SPDX-License-Identifier: Apache-2.0
// Which tools a turn is offered, how the model is told of them, and which have failed too often lately.
#include "engine/tools.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/map.h"
#include "engine/turn_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { CIRCUITS_MOST = 10000 };

struct circuit {
    int failures; // in a row
    int64_t until;
};

void tool_name(const struct tool *tool, char out[TOOL_NAME_MOST + 1])
{
    char full[512], hash[CRYPTO_HEX_SIZE];
    int n = snprintf(full, sizeof full, "%s__%s", tool->plugin, tool->name);
    size_t length = (size_t)n < sizeof full ? (size_t)n : sizeof full - 1;
    crypto_sha256_hex((struct str){full, length}, hash);
    for (size_t i = 0; i < length; i++) {
        char c = full[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        full[i] = fine ? c : '_';
    }
    if (length <= TOOL_NAME_MOST)
        memcpy(out, full, length + 1);
    else
        snprintf(out, TOOL_NAME_MOST + 1, "%.57s_%.6s", full, hash);
}

// ---- circuits ------------------------------------------------------------------------------------------------------

static struct str circuit_key(struct arena *arena, const struct chatbot_ref *chatbot, const struct tool *tool)
{
    return arena_strf(arena, STR_FMT "/" STR_FMT "/%s__%s", STR_ARG(chatbot->brand->row.brand.id),
                      STR_ARG(chatbot->row.id), tool->plugin, tool->name);
}

static bool is_closed(struct engine *engine, struct arena *arena, const struct chatbot_ref *chatbot,
                      const struct tool *tool)
{
    pthread_mutex_lock(&engine->lock);
    const struct circuit *circuit = map_get(engine->circuits, circuit_key(arena, chatbot, tool));
    bool open = circuit && circuit->until > clock_mono_ms();
    pthread_mutex_unlock(&engine->lock);
    return !open;
}

void tools_note(struct engine *engine, const struct chatbot_ref *chatbot, const struct tool *tool, bool good)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str key = circuit_key(arena, chatbot, tool);
    pthread_mutex_lock(&engine->lock);
    struct circuit *circuit = map_get(engine->circuits, key);
    if (good) {
        free(map_remove(engine->circuits, key));
    } else if (circuit || map_count(engine->circuits) < CIRCUITS_MOST) {
        if (!circuit) {
            circuit = mem_zalloc(sizeof *circuit);
            (void)map_set(engine->circuits, key, circuit);
        }
        if (++circuit->failures >= TOOL_FAILURES)
            circuit->until = clock_mono_ms() + TOOL_CLOSED_MS;
    }
    pthread_mutex_unlock(&engine->lock);
}

void tools_free(struct engine *engine)
{
    size_t pos = 0;
    struct str key;
    void *circuit;
    while (map_next(engine->circuits, &pos, &key, &circuit))
        free(circuit);
    map_free(engine->circuits);
}

// ---- the offer -----------------------------------------------------------------------------------------------------

static bool is_named(const struct settings *settings, const struct tool *tool)
{
    char name[TOOL_NAME_MOST + 1];
    size_t n;
    const struct str *list = settings_list(settings, SET_TOOLS_BUILTIN, &n);
    tool_name(tool, name);
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i], str_from(name)))
            return true;
    return false;
}

static struct str definitions(struct arena *arena, const struct tool *const *tools, size_t n)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < n; i++) {
        char name[TOOL_NAME_MOST + 1];
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list), *function = yyjson_mut_obj(doc);
        tool_name(tools[i], name);
        json_add_cstr(doc, one, "type", "function");
        json_add_str(doc, function, "name", arena_str(arena, str_from(name)));
        json_add_cstr(doc, function, "description", tools[i]->description);
        json_add(doc, function, "parameters", json_new_raw(doc, str_from(tools[i]->parameters)));
        json_add(doc, one, "function", function);
    }
    return json_write(arena, list);
}

void tools_offer(struct turn *turn)
{
    struct engine *engine = turn->engine;
    const struct chatbot_ref *chatbot = turn->input.chatbot;
    const struct tool *list[TOOLS_MOST];
    size_t n = 0, named;
    if (turn->input.advice || chatbot->row.configuration.plugins.max_calls == 0)
        return;
    (void)settings_list(engine->with.settings, SET_TOOLS_BUILTIN, &named);
    AUTO_ARENA struct arena *work = arena_new(0);
    const struct tool *house = engine->with.tools ? engine->with.tools : tools_builtin;
    size_t n_house = engine->with.tools ? engine->with.n_tools : tools_n_builtin;
    for (size_t i = 0; named && i < n_house && n < TOOLS_MOST; i++) {
        const struct tool *tool = &house[i];
        if (is_named(engine->with.settings, tool) && (!tool->offered || tool->offered(chatbot)) &&
            is_closed(engine, work, chatbot, tool))
            list[n++] = tool;
    }
    if (n == 0)
        return;
    struct turn_tools *tools = ARENA_NEW(turn->arena, struct turn_tools);
    tools->offered = arena_calloc(turn->arena, n, sizeof *tools->offered);
    memcpy(tools->offered, list, n * sizeof *tools->offered);
    tools->n_offered = n;
    tools->definitions = definitions(turn->arena, tools->offered, n);
    turn->tools = tools;
}

const struct tool *tools_find(const struct turn_tools *tools, struct str name)
{
    for (size_t i = 0; i < tools->n_offered; i++) {
        char known[TOOL_NAME_MOST + 1];
        tool_name(tools->offered[i], known);
        if (str_eq(str_from(known), name))
            return tools->offered[i];
    }
    return NULL;
}
