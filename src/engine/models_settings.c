// SPDX-License-Identifier: Apache-2.0
#include "engine/models_settings.h"

#include "engine/models.h"

#include <stdio.h>

static int64_t number_of(const struct settings *s, enum setting_id id, struct str provider)
{
    const char *text = settings_family_str(s, id, provider);
    int64_t n = 0;
    (void)(text && str_to_int(str_from(text), 0, INT64_MAX, &n));
    return n;
}

static bool is_on(const struct settings *s, enum setting_id id, struct str provider)
{
    const char *text = settings_family_str(s, id, provider);
    return text &&
           (strcmp(text, "true") == 0 || strcmp(text, "on") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0);
}

static size_t pairs_of(const struct settings *s, struct arena *arena, enum setting_id id, struct str provider,
                       const struct llm_pair **ret)
{
    const char *text = settings_family_str(s, id, provider);
    struct str rest = str_from(text);
    size_t n = 0;
    struct llm_pair *pairs = arena_calloc(arena, text ? strlen(text) + 1 : 1, sizeof *pairs);
    while (rest.p) {
        struct str value = str_split(&rest, ',');
        struct str name = str_trim(str_split(&value, '='));
        if (name.n)
            pairs[n++] =
                (struct llm_pair){arena_cstr(arena, name), arena_cstr(arena, value.p ? str_trim(value) : name)};
    }
    *ret = pairs;
    return n;
}

static enum llm_can can(const struct settings *s, enum setting_id id, struct str provider)
{
    return !settings_family_str(s, id, provider) ? LLM_BY_KIND : is_on(s, id, provider) ? LLM_CAN : LLM_CANNOT;
}

static struct llm_provider read_one(const struct settings *s, struct arena *arena, struct str id)
{
    struct llm_provider p = {
        .kind = settings_family_str(s, SET_LLM_KIND, id),
        .base_url = settings_family_str(s, SET_LLM_BASE_URL, id),
        .api_key = settings_family_str(s, SET_LLM_API_KEY, id),
        .embedding_key = settings_family_str(s, SET_LLM_EMBEDDING_KEY, id),
        .key_header = settings_family_str(s, SET_LLM_KEY_HEADER, id),
        .api_version = settings_family_str(s, SET_LLM_API_VERSION, id),
        .embedding_model = settings_family_str(s, SET_LLM_EMBEDDING_MODEL, id),
        .transcription_model = settings_family_str(s, SET_LLM_TRANSCRIPTION_MODEL, id),
        .query_prefix = settings_family_str(s, SET_LLM_QUERY_PREFIX, id),
        .passage_prefix = settings_family_str(s, SET_LLM_PASSAGE_PREFIX, id),
        .dimensions = number_of(s, SET_LLM_DIMENSIONS, id),
        .context_window = number_of(s, SET_LLM_WINDOW, id),
        .max_output_tokens = number_of(s, SET_LLM_MAX_OUTPUT, id),
        .connect_ms = (int)number_of(s, SET_LLM_CONNECT, id),
        .first_token_ms = (int)number_of(s, SET_LLM_FIRST, id),
        .inter_token_ms = (int)number_of(s, SET_LLM_INTER, id),
        .total_ms = (int)number_of(s, SET_LLM_TOTAL, id),
        .retries = (int)number_of(s, SET_LLM_RETRIES, id),
        .max_concurrent = (int)number_of(s, SET_LLM_CONCURRENT, id),
        .proxy = settings_family_str(s, SET_LLM_PROXY, id),
        .ca_file = settings_family_str(s, SET_LLM_CA_FILE, id),
        .client_cert = settings_family_str(s, SET_LLM_CLIENT_CERT, id),
        .client_key = settings_family_str(s, SET_LLM_CLIENT_KEY, id),
        .extra_body = settings_family_str(s, SET_LLM_EXTRA_BODY, id),
        .tools = can(s, SET_LLM_CAN_TOOLS, id),
        .vision = can(s, SET_LLM_CAN_VISION, id),
        .usage = can(s, SET_LLM_CAN_USAGE, id),
        .system_role = can(s, SET_LLM_CAN_SYSTEM, id),
        .prefill = settings_family_str(s, SET_LLM_PREFILL, id),
        .price_in = number_of(s, SET_LLM_PRICE_IN, id),
        .price_out = number_of(s, SET_LLM_PRICE_OUT, id),
        .tls_no_verify = !is_on(s, SET_LLM_VERIFY, id),
        .no_http2 = !is_on(s, SET_LLM_HTTP2, id),
        .disabled = !is_on(s, SET_LLM_ENABLED, id),
        .order = number_of(s, SET_LLM_ORDER, id),
    };
    p.n_models = pairs_of(s, arena, SET_LLM_MODELS, id, &p.models);
    p.n_extra_headers = pairs_of(s, arena, SET_LLM_EXTRA_HEADERS, id, &p.extra_headers);
    (void)snprintf(p.id, sizeof p.id, STR_FMT, STR_ARG(id));
    return p;
}

// A key alone is the usual sign of the best known server; its address needs no setting.
static void complete(struct llm_provider *provider)
{
    if (!provider->base_url && strcmp(provider->id, "env") == 0 && provider->api_key)
        provider->base_url = "https://api.openai.com/v1";
}

bool models_settings_one(const struct settings *settings, struct arena *arena, struct str id, struct llm_provider *ret)
{
    struct str *ids;
    size_t n = settings_family_ids(settings, arena, &ids);
    for (size_t i = 0; i < n; i++)
        if (str_eq(ids[i], id)) {
            *ret = read_one(settings, arena, id);
            complete(ret);
            return true;
        }
    return false;
}

int models_of_settings(const struct settings *settings, struct arena *arena, struct llm_provider **ret, size_t *ret_n,
                       struct err *err)
{
    struct str *ids;
    size_t n = settings_family_ids(settings, arena, &ids);
    *ret = arena_calloc(arena, n + 1, sizeof **ret);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        struct llm_provider provider = read_one(settings, arena, ids[i]);
        complete(&provider);
        if (!provider.base_url && strcmp(provider.id, "env") == 0)
            continue; // a model's name without key and address asks for nothing
        int rc = llm_provider_check(&provider, err);
        if (rc)
            return rc;
        (*ret)[(*ret_n)++] = provider;
    }
    return 0;
}
