// SPDX-License-Identifier: Apache-2.0
// Providers as rows: what one OpenAI-compatible server is, and how each kind of server differs by default.
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct llm_pair {
    const char *name, *value;
};

enum llm_can { LLM_BY_KIND, LLM_CAN, LLM_CANNOT };

struct llm_provider {
    char id[41];
    const char *kind; // a name of llm_kinds
    const char *base_url;
    const char *api_key;           // the value, never logged; NULL: none
    const char *key_header;        // "Authorization" sends "Bearer <key>", other names the bare key; NULL: by kind
    const char *api_version;       // Azure
    const struct llm_pair *models; // chatbot's name → the provider's; "*" = any
    size_t n_models;
    const char *embedding_model, *query_prefix, *passage_prefix;
    const char *embedding_key; // for embeddings where it is another one; NULL: api_key
    const char *transcription_model;
    int64_t dimensions;                                       // 0 = not sent
    int64_t context_window, max_output_tokens;                // 0 = discovered or default
    int connect_ms, first_token_ms, inter_token_ms, total_ms; // 0 = by kind
    int retries;                                              // -1 = default (2)
    int max_concurrent;                                       // 0 = 32
    const struct llm_pair *extra_headers;
    size_t n_extra_headers;
    const char *extra_body; // JSON object text or NULL
    const char *proxy, *ca_file, *client_cert, *client_key;
    bool tls_no_verify, no_http2, disabled;
    enum llm_can tools, vision, usage, system_role; // what the server can do
    const char *prefill;                            // how it continues an answer; NULL: by kind
    int64_t price_in, price_out;                    // micro-units of the currency for a million tokens
    int64_t order;                                  // 0 = 100
};

struct llm_kind { // defaults only: every tolerance holds for every kind
    const char *name;
    const char *key_header;
    int first_token_ms;
    int64_t context_window;
    bool usage;          // stream_options is understood
    const char *prefill; // "continue", "last", "instruct"
};
extern const struct llm_kind llm_kinds[];
extern const size_t llm_n_kinds;
const struct llm_kind *llm_kind_find(struct str name); // NULL: unknown
const char *llm_prefill(const struct llm_provider *provider);
bool llm_tells_usage(const struct llm_provider *provider); // stream_options is understood

// The full request address: {base}/chat/completions and the like, "/v1" added to an address without a path, Azure's
// deployment form with apiVersion. `what` is "chat/completions", "embeddings", "models". In the arena.
const char *llm_url(struct arena *arena, const struct llm_provider *provider, const char *what, const char *model);
// The provider's name for the chatbot's model.
const char *llm_map_model(const struct llm_provider *provider, const char *model);
// Checks a row: ERR_INVALID names the field and the rule.
int llm_provider_check(const struct llm_provider *provider, struct err *err);
