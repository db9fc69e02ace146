// SPDX-License-Identifier: Apache-2.0
// After a server's first good answer it is asked once for the size of its window, where its kind tells one: /models
// (vLLM, sglang, gateways) and llama.cpp's /props. Nothing waits for it and a failure says nothing.
#include "llm/client.h"

struct probe {
    struct llm *llm;
    struct probe *next, **link;
    struct provider_set *set; // keeps the row alive
    const struct llm_provider *provider;
    struct lane *lane;
    struct transfer *transfer;
    struct buf reply;
    bool props;
};

static void probe_free(struct probe *probe)
{
    *probe->link = probe->next;
    if (probe->next)
        probe->next->link = probe->link;
    transfer_free(probe->transfer);
    set_unref(probe->llm, probe->set);
    buf_done(&probe->reply);
    free(probe);
}

static int64_t window_of(yyjson_val *object)
{
    static const char *const names[] = {"max_model_len",  "context_length",        "n_ctx",
                                        "context_window", "loaded_context_length", "max_context_length"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int64_t window = json_get_int(object, names[i], 0);
        if (window >= 256 && window <= 10000000)
            return window;
    }
    return 0;
}

static int64_t find_window(yyjson_val *root, const char *model, bool *ret_llamacpp)
{
    yyjson_val *list = json_get(root, "data"), *entry;
    int64_t window = window_of(json_get(root, "default_generation_settings"));
    size_t i, max;
    if (window == 0)
        window = window_of(root);
    yyjson_arr_foreach(list, i, max, entry)
    {
        *ret_llamacpp |= str_eq(json_get_str(entry, "owned_by"), STR("llamacpp"));
        if (max > 1 && !str_eq(json_get_str(entry, "id"), str_from(model)))
            continue;
        int64_t found = window_of(entry);
        return found > 0 ? found : window_of(json_get(entry, "meta"));
    }
    return window;
}

static int on_body(void *arg, struct str bytes)
{
    struct probe *probe = arg;
    return buf_adds(&probe->reply, bytes) ? BODY_GO_ON : BODY_STOP;
}

static void on_done(void *arg, CURLcode code);
static const struct transfer_ops ops = {on_body, on_done};

static void ask(struct probe *probe)
{
    probe->transfer = transfer_new(probe->llm, probe->provider, probe->props ? "/props" : "models", probe->lane->model,
                                   NULL, "application/json", &ops, probe);
}

static void on_done(void *arg, CURLcode code)
{
    struct probe *probe = arg;
    struct arena *arena = arena_new(0);
    yyjson_val *root;
    bool llamacpp = false;
    int64_t window = 0;
    if (code == CURLE_OK && probe->transfer->status == 200 &&
        json_parse(arena, buf_str(&probe->reply), 0, &root, NULL) == 0)
        window = find_window(root, probe->lane->model, &llamacpp);
    arena_free(arena);
    if (window > 0 && probe->lane->window == 0)
        lane_learn_window(probe->llm, probe->lane, window);
    if (window == 0 && llamacpp && !probe->props) {
        transfer_free(probe->transfer);
        buf_clear(&probe->reply);
        probe->props = true;
        ask(probe);
        return;
    }
    probe_free(probe);
}

void probe_window(struct llm *llm, const struct llm_provider *provider, struct lane *lane)
{
    static const char *const silent[] = {"openai", "azure", "ollama"}; // their listings tell no window
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        if (strcmp(provider->kind, silent[i]) == 0)
            return;
    if (lane->peer->probed || lane->window > 0 || provider->context_window > 0 || llm->ending)
        return;
    lane->peer->probed = true;
    struct probe *probe = mem_zalloc(sizeof *probe);
    *probe = (struct probe){.llm = llm, .set = set_ref(llm), .lane = lane, .reply = BUF_INIT(4 << 20)};
    probe->props = strcmp(provider->kind, "llamacpp") == 0;
    for (size_t i = 0; i < probe->set->n; i++)
        if (strcmp(probe->set->at[i].id, provider->id) == 0)
            probe->provider = &probe->set->at[i];
    probe->next = llm->probes;
    probe->link = &llm->probes;
    if (probe->next)
        probe->next->link = &probe->next;
    llm->probes = probe;
    if (probe->provider)
        ask(probe);
    else
        probe_free(probe); // no longer configured
}

void probes_cancel(struct llm *llm)
{
    while (llm->probes)
        probe_free(llm->probes);
}
