// SPDX-License-Identifier: Apache-2.0
#include "llm/provider.h"

#include <strings.h>

const struct llm_kind llm_kinds[] = {
    {"auto", "Authorization", 20000, 4096, true, "instruct"},
    {"openai", "Authorization", 20000, 8192, true, "instruct"},
    {"azure", "api-key", 20000, 8192, true, "instruct"},
    {"ollama", "Authorization", 60000, 4096, true, "last"},
    {"llamacpp", "Authorization", 60000, 8192, true, "last"},
    {"vllm", "Authorization", 20000, 8192, true, "continue"},
    {"sglang", "Authorization", 20000, 8192, true, "continue"},
    {"lmstudio", "Authorization", 60000, 8192, true, "last"},
};
const size_t llm_n_kinds = sizeof llm_kinds / sizeof llm_kinds[0];

const struct llm_kind *llm_kind_find(struct str name)
{
    for (size_t i = 0; i < llm_n_kinds; i++)
        if (str_eq(str_from(llm_kinds[i].name), name))
            return &llm_kinds[i];
    return NULL;
}

const char *llm_prefill(const struct llm_provider *provider)
{
    return provider->prefill ? provider->prefill : llm_kind_find(str_from(provider->kind))->prefill;
}

bool llm_tells_usage(const struct llm_provider *provider)
{
    return provider->usage ? provider->usage == LLM_CAN : llm_kind_find(str_from(provider->kind))->usage;
}

// Scheme, authority and path of an address; false unless http or https with a host.
static bool split_url(struct str url, struct str *ret_origin, struct str *ret_path)
{
    size_t head = 0;
    if (url.n > 8 && strncasecmp(url.p, "https://", 8) == 0)
        head = 8;
    else if (url.n > 7 && strncasecmp(url.p, "http://", 7) == 0)
        head = 7;
    if (head == 0)
        return false;
    size_t end = head;
    while (end < url.n && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#')
        end++;
    if (end == head)
        return false;
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f)
            return false;
    *ret_origin = (struct str){url.p, end};
    *ret_path = (struct str){url.p + end, url.n - end};
    return true;
}

// A model's name as one path segment.
static const char *segment(struct arena *arena, const char *name)
{
    char *out = arena_alloc(arena, strlen(name) * 3 + 1), *to = out;
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("-._~", *c) != NULL;
        if (plain) {
            *to++ = (char)*c;
        } else {
            *to++ = '%';
            *to++ = hex[*c >> 4];
            *to++ = hex[*c & 15];
        }
    }
    *to = '\0';
    return out;
}

const char *llm_url(struct arena *arena, const struct llm_provider *provider, const char *what, const char *model)
{
    struct str origin = STR(""), path = STR("");
    if (!split_url(str_from(provider->base_url), &origin, &path))
        return "";
    while (path.n > 0 && path.p[path.n - 1] == '/')
        path.n--;
    bool azure = provider->kind && strcmp(provider->kind, "azure") == 0;
    bool deployments = azure && provider->api_version && !str_ends(path, STR("/openai/v1"));
    if (deployments && strcmp(what, "models") == 0)
        return arena_printf(arena, STR_FMT STR_FMT "/openai/models?api-version=%s", STR_ARG(origin), STR_ARG(path),
                            segment(arena, provider->api_version));
    if (deployments)
        return arena_printf(arena, STR_FMT STR_FMT "/openai/deployments/%s/%s?api-version=%s", STR_ARG(origin),
                            STR_ARG(path), segment(arena, model), what, segment(arena, provider->api_version));
    if (path.n == 0)
        path = STR("/v1");
    return arena_printf(arena, STR_FMT STR_FMT "/%s", STR_ARG(origin), STR_ARG(path), what);
}

const char *llm_map_model(const struct llm_provider *provider, const char *model)
{
    const char *any = NULL;
    for (size_t i = 0; i < provider->n_models; i++) {
        if (model[0] != '\0' && strcmp(provider->models[i].name, model) == 0)
            return provider->models[i].value;
        if (strcmp(provider->models[i].name, "*") == 0)
            any = provider->models[i].value;
    }
    if (any)
        return any;
    return model[0] == '\0' && provider->n_models > 0 ? provider->models[0].value : model;
}

static bool slug(const char *text)
{
    size_t n = strlen(text);
    if (n < 1 || n > 40)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') || text[i] == '-' ||
              text[i] == '_'))
            return false;
    return true;
}

// No control characters: what goes into a header stays one header.
static bool header_safe(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; c && *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return false;
    return true;
}

static int check_headers(const struct llm_provider *provider, struct err *err)
{
    if (!header_safe(provider->api_key) || !header_safe(provider->embedding_key))
        return err_set(err, ERR_INVALID, "apiKey: must not hold control characters");
    for (size_t i = 0; i < provider->n_extra_headers; i++) {
        const struct llm_pair *pair = &provider->extra_headers[i];
        if (pair->name[0] == '\0' || strpbrk(pair->name, ": \t") || !header_safe(pair->name) ||
            !header_safe(pair->value))
            return err_set(err, ERR_INVALID, "extraHeaders: not a header");
        if (strcasecmp(pair->name, "authorization") == 0 || strcasecmp(pair->name, "api-key") == 0 ||
            (provider->key_header && strcasecmp(pair->name, provider->key_header) == 0))
            return err_set(err, ERR_INVALID, "extraHeaders: the key belongs into apiKey");
    }
    if (provider->key_header && (provider->key_header[0] == '\0' || strpbrk(provider->key_header, ": \t") ||
                                 !header_safe(provider->key_header)))
        return err_set(err, ERR_INVALID, "keyHeader: not a header's name");
    return 0;
}

int llm_provider_check(const struct llm_provider *provider, struct err *err)
{
    struct str origin, path;
    static const struct {
        const char *name;
        int low, high;
    } times[] = {{"connectMs", 100, 60000},
                 {"firstTokenMs", 100, 600000},
                 {"interTokenMs", 100, 600000},
                 {"totalMs", 1000, 3600000}};
    const int values[] = {provider->connect_ms, provider->first_token_ms, provider->inter_token_ms, provider->total_ms};
    if (!slug(provider->id))
        return err_set(err, ERR_INVALID, "id: must be a slug of 1..40");
    if (!provider->kind || !llm_kind_find(str_from(provider->kind)))
        return err_set(err, ERR_INVALID, "kind: unknown");
    if (!provider->base_url || !split_url(str_from(provider->base_url), &origin, &path))
        return err_set(err, ERR_INVALID, "baseUrl: must be an http or https address");
    if (memchr(origin.p, '@', origin.n))
        return err_set(err, ERR_INVALID, "baseUrl: must not hold a user");
    if (memchr(path.p, '?', path.n) || memchr(path.p, '#', path.n))
        return err_set(err, ERR_INVALID, "baseUrl: must not hold a query");
    for (size_t i = 0; i < 4; i++)
        if (values[i] != 0 && (values[i] < times[i].low || values[i] > times[i].high))
            return err_set(err, ERR_INVALID, "timeouts.%s: must be %d..%d", times[i].name, times[i].low, times[i].high);
    if (provider->retries < -1 || provider->retries > 10)
        return err_set(err, ERR_INVALID, "retries: must be 0..10");
    if (provider->max_concurrent < 0 || provider->max_concurrent > 10000)
        return err_set(err, ERR_INVALID, "maxConcurrent: must be 1..10000");
    if (provider->context_window != 0 && (provider->context_window < 256 || provider->context_window > 10000000))
        return err_set(err, ERR_INVALID, "contextWindow: must be 256..10000000");
    if (provider->dimensions < 0 || provider->dimensions > 16384)
        return err_set(err, ERR_INVALID, "dimensions: must be 1..16384");
    if (provider->embedding_model && strlen(provider->embedding_model) > 100)
        return err_set(err, ERR_INVALID, "embeddingModel: longer than 100");
    static const char *const prefills[] = {"continue", "last", "instruct"};
    bool known = !provider->prefill;
    for (size_t i = 0; i < 3 && !known; i++)
        known = strcmp(provider->prefill, prefills[i]) == 0;
    if (!known)
        return err_set(err, ERR_INVALID, "capabilities.prefill: must be continue, last or instruct");
    if (provider->price_in < 0 || provider->price_out < 0)
        return err_set(err, ERR_INVALID, "price: must not be negative");
    return check_headers(provider, err);
}
