// SPDX-License-Identifier: Apache-2.0
#include "engine/models.h"

#include "engine/models_settings.h"
#include "store/crud.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEY_MOST = 4096, HINT = 4, HINT_LEAST = 12 };

// ---- keys ----------------------------------------------------------------------------------------------------------

static struct str context_of(struct arena *arena, struct str id, const char *field)
{
    return arena_strf(arena, "llm_providers/" STR_FMT "/%s", STR_ARG(id), field);
}

struct str models_seal(const struct crypto_keys *keys, struct arena *arena, struct str id, const char *field,
                       struct str plain)
{
    return crypto_base64url(arena, crypto_seal(keys, arena, context_of(arena, id, field), plain));
}

struct str models_open(const struct crypto_keys *keys, struct arena *arena, struct str id, const char *field,
                       struct str sealed)
{
    struct str bytes, plain;
    if (!sealed.p || crypto_base64url_decode(arena, sealed, &bytes) != 0 ||
        crypto_open(keys, arena, context_of(arena, id, field), bytes, &plain) != 0)
        return STR_NULL;
    return plain;
}

static bool is_reference(struct str key)
{
    return str_starts(key, STR("env:")) || str_starts(key, STR("file:"));
}

struct str models_hint(struct arena *arena, struct str key)
{
    if (!key.n || is_reference(key))
        return key.n ? key : STR_NULL;
    bool ascii = true;
    for (size_t i = 0; i < key.n; i++)
        ascii &= (unsigned char)key.p[i] < 0x80;
    size_t shown = ascii && key.n >= HINT_LEAST ? HINT : 0;
    return arena_strf(arena, "…" STR_FMT, STR_ARG(((struct str){key.p + key.n - shown, shown})));
}

static const char *read_key_file(struct arena *arena, const char *path)
{
    char bytes[KEY_MOST];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    const char *key = n < 0 ? NULL : arena_cstr(arena, str_trim((struct str){bytes, (size_t)n}));
    crypto_wipe(bytes, sizeof bytes);
    return key;
}

static const char *resolve(struct arena *arena, struct str key)
{
    const char *text = arena_cstr(arena, key);
    if (str_starts(key, STR("env:")))
        return getenv(text + 4);
    return str_starts(key, STR("file:")) ? read_key_file(arena, text + 5) : text;
}

// ---- a row over the settings ---------------------------------------------------------------------------------------

struct merging {
    struct arena *arena;
    const struct provider *row;
    const struct crypto_keys *keys;
};

static void put_text(const struct merging *m, const char *field, struct str value, const char **ret)
{
    if (model_has(&provider_model, m->row, field))
        *ret = arena_cstr(m->arena, value);
}

static void put_int(const struct merging *m, const char *field, int64_t value, int64_t *ret)
{
    if (model_has(&provider_model, m->row, field))
        *ret = value;
}

static void put_key(const struct merging *m, const char *field, struct str sealed, const char **ret)
{
    if (!model_has(&provider_model, m->row, field))
        return;
    struct str plain = models_open(m->keys, m->arena, m->row->id, field, sealed);
    *ret = plain.p ? resolve(m->arena, plain) : NULL;
}

static void put_pairs(const struct merging *m, const char *field, struct str json, const struct llm_pair **ret,
                      size_t *ret_n)
{
    yyjson_val *root, *key, *value;
    size_t i, max;
    if (!model_has(&provider_model, m->row, field) || json_parse(m->arena, json, 0, &root, NULL) != 0)
        return;
    struct llm_pair *pairs = arena_calloc(m->arena, yyjson_obj_size(root) + 1, sizeof *pairs);
    *ret_n = 0;
    yyjson_obj_foreach(root, i, max, key, value) if (yyjson_is_str(value)) pairs[(*ret_n)++] =
        (struct llm_pair){arena_cstr(m->arena, json_str(key)), arena_cstr(m->arena, json_str(value))};
    *ret = pairs;
}

static void put_nested(const struct merging *m, struct llm_provider *p)
{
    const struct provider_capabilities *can = &m->row->capabilities;
    const struct provider_timeouts *times = &m->row->timeouts;
    const struct provider_tls *tls = &m->row->tls;
    const bool values[] = {can->tools, can->vision, can->usage, can->system_role};
    enum llm_can *const flags[] = {&p->tools, &p->vision, &p->usage, &p->system_role};
    for (size_t i = 0; i < 4; i++)
        if (can->set >> i & 1)
            *flags[i] = values[i] ? LLM_CAN : LLM_CANNOT;
    if (can->set >> 4 & 1)
        p->prefill = arena_cstr(m->arena, can->prefill);
    const int64_t ms[] = {times->connect, times->first_token, times->inter_token, times->total};
    int *const waits[] = {&p->connect_ms, &p->first_token_ms, &p->inter_token_ms, &p->total_ms};
    for (size_t i = 0; i < 4; i++)
        if (times->set >> i & 1)
            *waits[i] = (int)ms[i];
    if (m->row->price.set & 1)
        p->price_in = m->row->price.input;
    if (m->row->price.set >> 1 & 1)
        p->price_out = m->row->price.output;
    const struct str files[] = {tls->ca_file, tls->client_cert, tls->client_key};
    const char **const paths[] = {&p->ca_file, &p->client_cert, &p->client_key};
    for (size_t i = 0; i < 3; i++)
        if (tls->set >> i & 1)
            *paths[i] = arena_cstr(m->arena, files[i]);
    if (tls->set >> 3 & 1)
        p->tls_no_verify = !tls->verify;
}

int models_merge(const struct models_source *source, struct arena *arena, const struct provider *row,
                 struct llm_provider *ret, struct err *err)
{
    const struct merging m = {arena, row, source->keys};
    struct llm_provider *p = ret;
    if (!models_settings_one(source->settings, arena, row->id, p))
        *p = (struct llm_provider){.kind = "auto", .retries = -1, .order = 100};
    (void)snprintf(p->id, sizeof p->id, STR_FMT, STR_ARG(row->id));
    put_text(&m, "kind", row->kind, &p->kind);
    put_text(&m, "baseUrl", row->base_url, &p->base_url);
    put_key(&m, "apiKey", row->api_key, &p->api_key);
    put_key(&m, "embeddingApiKey", row->embedding_api_key, &p->embedding_key);
    put_key(&m, "proxy", row->proxy, &p->proxy);
    put_text(&m, "keyHeader", row->key_header, &p->key_header);
    put_text(&m, "apiVersion", row->api_version, &p->api_version);
    put_pairs(&m, "models", row->models, &p->models, &p->n_models);
    put_text(&m, "embeddingModel", row->embedding_model, &p->embedding_model);
    put_text(&m, "transcriptionModel", row->transcription_model, &p->transcription_model);
    put_text(&m, "queryPrefix", row->query_prefix, &p->query_prefix);
    put_text(&m, "passagePrefix", row->passage_prefix, &p->passage_prefix);
    put_int(&m, "dimensions", row->dimensions, &p->dimensions);
    put_int(&m, "contextWindow", row->context_window, &p->context_window);
    put_int(&m, "maxOutputTokens", row->max_output_tokens, &p->max_output_tokens);
    put_nested(&m, p);
    int64_t retries = p->retries, concurrent = p->max_concurrent;
    put_int(&m, "retries", row->retries, &retries);
    put_int(&m, "maxConcurrent", row->max_concurrent, &concurrent);
    p->retries = (int)retries;
    p->max_concurrent = (int)concurrent;
    put_pairs(&m, "extraHeaders", row->extra_headers, &p->extra_headers, &p->n_extra_headers);
    put_text(&m, "extraBody", row->extra_body, &p->extra_body);
    if (model_has(&provider_model, row, "http2"))
        p->no_http2 = !row->http2;
    if (model_has(&provider_model, row, "enabled"))
        p->disabled = !row->enabled;
    put_int(&m, "order", row->order, &p->order);
    return llm_provider_check(p, err);
}

// ---- all of them ---------------------------------------------------------------------------------------------------

struct listing {
    struct arena *arena;
    struct provider *rows;
    size_t n;
};

static int list(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    void *rows = NULL;
    int rc = crud_rows(tx, &provider_model, l->arena, NULL, -1, 0, &rows, &l->n, err);
    l->rows = rows;
    return rc;
}

int models_load(const struct models_source *source, struct arena *arena, struct llm_provider **ret, size_t *ret_n,
                struct err *err)
{
    struct listing l = {.arena = arena};
    struct scope scope = scope_installation(STR("models"));
    struct llm_provider *given;
    size_t n_given, n = 0;
    int rc = models_of_settings(source->settings, arena, &given, &n_given, err);
    rc = rc ? rc : store_read(source->store, &scope, list, &l, err);
    if (rc)
        return rc;
    struct llm_provider *all = arena_calloc(arena, n_given + l.n + 1, sizeof *all);
    for (size_t i = 0; i < n_given; i++) {
        bool replaced = false;
        for (size_t k = 0; k < l.n && !replaced; k++)
            replaced = str_eq(l.rows[k].id, str_from(given[i].id));
        if (!replaced)
            all[n++] = given[i];
    }
    for (size_t k = 0; k < l.n; k++) {
        struct err why = {0};
        n += models_merge(source, arena, &l.rows[k], &all[n], &why) == 0;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

int models_apply(const struct models_source *source, struct llm *llm, struct err *err)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER; // what was read first is set first
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct llm_provider *providers;
    size_t n;
    pthread_mutex_lock(&one);
    int rc = models_load(source, arena, &providers, &n, err);
    rc = rc ? rc : llm_set_providers(llm, providers, n, err);
    pthread_mutex_unlock(&one);
    return rc;
}

// ---- showing -------------------------------------------------------------------------------------------------------

static struct str pairs_json(struct arena *arena, const struct llm_pair *pairs, size_t n)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    for (size_t i = 0; i < n; i++)
        json_add_cstr(doc, root, pairs[i].name, pairs[i].value);
    return json_write(arena, root);
}

static void show_text(struct provider *row, const char *field, const char *value)
{
    *(struct str *)model_at(&provider_model, row, field) = str_from(value);
    model_mark(&provider_model, row, field, value != NULL);
}

static void show_int(struct provider *row, const char *field, int64_t value)
{
    *(int64_t *)model_at(&provider_model, row, field) = value;
    model_mark(&provider_model, row, field, value != 0);
}

// http://user:***@host:port
static struct str mask_proxy(struct arena *arena, const char *proxy)
{
    struct str text = str_from(proxy);
    ptrdiff_t at = text.n ? str_find(text, STR("@")) : -1, scheme = text.n ? str_find(text, STR("://")) : -1;
    if (at < 0)
        return text;
    size_t from = scheme < 0 ? 0 : (size_t)scheme + 3;
    return arena_strf(arena, STR_FMT "***" STR_FMT, STR_ARG(((struct str){text.p, from})),
                      STR_ARG(((struct str){text.p + at, text.n - (size_t)at})));
}

static void show_nested(const struct llm_provider *p, struct provider *row)
{
    const struct llm_kind *kind = llm_kind_find(str_from(p->kind));
    row->capabilities = (struct provider_capabilities){.prefill = str_from(llm_prefill(p)),
                                                       .tools = p->tools == LLM_CAN,
                                                       .vision = p->vision == LLM_CAN,
                                                       .usage = llm_tells_usage(p),
                                                       .system_role = p->system_role != LLM_CANNOT};
    row->capabilities.set =
        UINT64_C(28) | (uint64_t)(p->tools != LLM_BY_KIND) | (uint64_t)(p->vision != LLM_BY_KIND) << 1;
    row->timeouts = (struct provider_timeouts){
        15, p->connect_ms > 0 ? p->connect_ms : 3000, p->first_token_ms > 0 ? p->first_token_ms : kind->first_token_ms,
        p->inter_token_ms > 0 ? p->inter_token_ms : 15000, p->total_ms > 0 ? p->total_ms : 120000};
    row->price = (struct provider_price){3, p->price_in, p->price_out};
    row->tls = (struct provider_tls){.ca_file = str_from(p->ca_file),
                                     .client_cert = str_from(p->client_cert),
                                     .client_key = str_from(p->client_key),
                                     .verify = !p->tls_no_verify};
    row->tls.set = UINT64_C(8) | (uint64_t)(p->ca_file != NULL) | (uint64_t)(p->client_cert != NULL) << 1 |
                   (uint64_t)(p->client_key != NULL) << 2;
}

void models_show(struct arena *arena, const struct llm_provider *p, struct provider *ret)
{
    struct provider *row = ret;
    static const char *const always[] = {"capabilities", "timeouts", "retries", "maxConcurrent",
                                         "price",        "tls",      "http2",   "extraHeaders",
                                         "extraBody",    "models",   "enabled", "order"};
    *row = (struct provider){0};
    show_text(row, "id", arena_cstr(arena, str_from(p->id)));
    show_text(row, "kind", p->kind);
    show_text(row, "baseUrl", p->base_url);
    row->api_key = models_hint(arena, str_from(p->api_key));
    row->embedding_api_key = models_hint(arena, str_from(p->embedding_key));
    model_mark(&provider_model, row, "apiKey", row->api_key.p);
    model_mark(&provider_model, row, "embeddingApiKey", row->embedding_api_key.p);
    row->proxy = mask_proxy(arena, p->proxy);
    model_mark(&provider_model, row, "proxy", row->proxy.p);
    show_text(row, "keyHeader", p->key_header ? p->key_header : llm_kind_find(str_from(p->kind))->key_header);
    show_text(row, "apiVersion", p->api_version);
    row->models = pairs_json(arena, p->models, p->n_models);
    show_text(row, "embeddingModel", p->embedding_model);
    show_text(row, "transcriptionModel", p->transcription_model);
    show_text(row, "queryPrefix", p->query_prefix);
    show_text(row, "passagePrefix", p->passage_prefix);
    show_int(row, "dimensions", p->dimensions);
    show_int(row, "contextWindow", p->context_window);
    show_int(row, "maxOutputTokens", p->max_output_tokens);
    show_nested(p, row);
    row->retries = p->retries >= 0 ? p->retries : 2;
    row->max_concurrent = p->max_concurrent > 0 ? p->max_concurrent : 32;
    row->extra_headers = pairs_json(arena, p->extra_headers, p->n_extra_headers);
    row->extra_body = p->extra_body ? str_from(p->extra_body) : STR("{}");
    row->http2 = !p->no_http2;
    row->enabled = !p->disabled;
    row->order = p->order;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        model_mark(&provider_model, row, always[i], true);
}
