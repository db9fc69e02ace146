// SPDX-License-Identifier: Apache-2.0
#include "model/provider.h"

#include "model/text.h"

#define AT(member) FIELD_AT(struct provider_capabilities, member)
static const struct field capabilities_fields[] = {
    {"tools", NULL, FIELD_BOOL, FIELD_NULL, AT(tools)},
    {"vision", NULL, FIELD_BOOL, FIELD_NULL, AT(vision)},
    {"usage", NULL, FIELD_BOOL, FIELD_NULL, AT(usage), .help = "stream_options is understood"},
    {"systemRole", NULL, FIELD_BOOL, FIELD_NULL, AT(system_role)},
    {"prefill", NULL, FIELD_STRING, FIELD_NULL, AT(prefill), .choices = "continue|last|instruct",
     .help = "How it goes on with an answer that another server began"},
};
static const struct model capabilities_model = {"ProviderCapabilities", NULL, sizeof(struct provider_capabilities),
                                                MODEL_FIELDS(capabilities_fields)};
#undef AT

#define AT(member) FIELD_AT(struct provider_timeouts, member)
static const struct field timeouts_fields[] = {
    {"connectMs", NULL, FIELD_INT, FIELD_NULL, AT(connect), 100, 60000},
    {"firstTokenMs", NULL, FIELD_INT, FIELD_NULL, AT(first_token), 100, 600000},
    {"interTokenMs", NULL, FIELD_INT, FIELD_NULL, AT(inter_token), 100, 600000},
    {"totalMs", NULL, FIELD_INT, FIELD_NULL, AT(total), 1000, 3600000},
};
static const struct model timeouts_model = {"ProviderTimeouts", NULL, sizeof(struct provider_timeouts),
                                            MODEL_FIELDS(timeouts_fields)};
#undef AT

#define AT(member) FIELD_AT(struct provider_price, member)
static const struct field price_fields[] = {
    {"inputPerMillion", NULL, FIELD_INT, FIELD_NULL, AT(input), 0, 1e12},
    {"outputPerMillion", NULL, FIELD_INT, FIELD_NULL, AT(output), 0, 1e12},
};
static const struct model price_model = {"ProviderPrice", NULL, sizeof(struct provider_price),
                                         MODEL_FIELDS(price_fields)};
#undef AT

#define AT(member) FIELD_AT(struct provider_tls, member)
static const struct field tls_fields[] = {
    {"caFile", NULL, FIELD_STRING, FIELD_NULL | FIELD_LINE, AT(ca_file), 1, 4000},
    {"clientCert", NULL, FIELD_STRING, FIELD_NULL | FIELD_LINE, AT(client_cert), 1, 4000},
    {"clientKey", NULL, FIELD_STRING, FIELD_NULL | FIELD_LINE, AT(client_key), 1, 4000},
    {"verify", NULL, FIELD_BOOL, FIELD_NULL, AT(verify)},
};
static const struct model tls_model = {"ProviderTls", NULL, sizeof(struct provider_tls), MODEL_FIELDS(tls_fields)};
#undef AT

static bool is_slug(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!((text.p[i] >= 'a' && text.p[i] <= 'z') || (text.p[i] >= '0' && text.p[i] <= '9') || text.p[i] == '-'))
            return false;
    return text.n > 0;
}

#define AT(member) FIELD_AT(struct provider, member)
#define TEXT FIELD_NULL | FIELD_TRIM | FIELD_LINE
static const struct field fields[] = {
    {"id", "id", FIELD_STRING, FIELD_REQUIRED | FIELD_KEY, AT(id), 1, 40, .valid = is_slug, .pattern = "^[a-z0-9-]+$",
     .pattern_help = "lower-case letters, digits and hyphens", .example = "\"openai\""},
    {"kind", "kind", FIELD_STRING, FIELD_NULL, AT(kind),
     .choices = "auto|openai|azure|ollama|llamacpp|vllm|sglang|lmstudio"},
    {"baseUrl", "base_url", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(base_url), 1, 2000,
     .pattern = WEB_URL_PATTERN, .example = "\"https://api.openai.com/v1\""},
    {"apiKey", "api_key", FIELD_STRING, TEXT | FIELD_SECRET, AT(api_key), 1, 1000,
     .help = "A value, env:NAME or file:/path; shown by its last 4 characters"},
    {"embeddingApiKey", "embedding_api_key", FIELD_STRING, TEXT | FIELD_SECRET, AT(embedding_api_key), 1, 1000,
     .help = "Where embeddings need another one"},
    {"keyHeader", "key_header", FIELD_STRING, TEXT, AT(key_header), 1, 100},
    {"apiVersion", "api_version", FIELD_STRING, TEXT, AT(api_version), 1, 40},
    {"models", "models", FIELD_JSON, FIELD_NULL, AT(models), 0, 200, .item_high = 100, .bytes = 65536, .depth = 1,
     .help = "Chatbot's model name to the provider's; * is any",
     .shape = "\"additionalProperties\":{\"type\":\"string\"}"},
    {"embeddingModel", "embedding_model", FIELD_STRING, TEXT, AT(embedding_model), 1, 100},
    {"transcriptionModel", "transcription_model", FIELD_STRING, TEXT, AT(transcription_model), 1, 100},
    {"queryPrefix", "query_prefix", FIELD_STRING, FIELD_NULL | FIELD_LINE, AT(query_prefix), 0, 200},
    {"passagePrefix", "passage_prefix", FIELD_STRING, FIELD_NULL | FIELD_LINE, AT(passage_prefix), 0, 200},
    {"dimensions", "dimensions", FIELD_INT, FIELD_NULL, AT(dimensions), 1, 16384},
    {"contextWindow", "context_window", FIELD_INT, FIELD_NULL, AT(context_window), 256, 10000000},
    {"maxOutputTokens", "max_output_tokens", FIELD_INT, FIELD_NULL, AT(max_output_tokens), 1, 1000000},
    {"capabilities", "capabilities", FIELD_OBJECT, FIELD_MERGE, AT(capabilities), .model = &capabilities_model},
    {"timeouts", "timeouts", FIELD_OBJECT, FIELD_MERGE, AT(timeouts), .model = &timeouts_model},
    {"retries", "retries", FIELD_INT, FIELD_NULL, AT(retries), 0, 10},
    {"maxConcurrent", "max_concurrent", FIELD_INT, FIELD_NULL, AT(max_concurrent), 1, 10000},
    {"price", "price", FIELD_OBJECT, FIELD_MERGE, AT(price), .model = &price_model},
    {"extraHeaders", "extra_headers", FIELD_JSON, FIELD_NULL, AT(extra_headers), 0, 50, .item_high = 200,
     .bytes = 16384, .depth = 1,
     .shape = "\"propertyNames\":{\"maxLength\":200,\"pattern\":\"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$\"},"
              "\"additionalProperties\":{\"type\":\"string\",\"pattern\":\"^[^\\u0000-\\u001f\\u007f]*$\"}"},
    {"extraBody", "extra_body", FIELD_JSON, FIELD_NULL, AT(extra_body), 0, 50, .item_high = 200, .bytes = 16384,
     .depth = 16},
    {"proxy", "proxy", FIELD_STRING, TEXT | FIELD_SECRET, AT(proxy), 1, 500, .help = "http, https or socks5 address"},
    {"tls", "tls", FIELD_OBJECT, FIELD_MERGE, AT(tls), .model = &tls_model},
    {"http2", "http2", FIELD_BOOL, FIELD_NULL, AT(http2)},
    {"enabled", "enabled", FIELD_BOOL, FIELD_NULL, AT(enabled)},
    {"order", "place", FIELD_INT, FIELD_NULL, AT(order), 0, 1000000, .help = "Lower is tried first"},
    {"source", NULL, FIELD_STRING, FIELD_READONLY, AT(source), .choices = "settings|database"},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
};
const struct model provider_model = {"Provider",           "llm_providers",      sizeof(struct provider),
                                     MODEL_FIELDS(fields), .installation = true, .order = "id"};
#undef AT
