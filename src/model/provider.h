// SPDX-License-Identifier: Apache-2.0
// A provider of models as the operator writes it (upstream-llm 1.1). What is not set comes from the settings' provider
// of the same id, else by kind.
#pragma once

#include "model/model.h"

struct provider_capabilities {
    uint64_t set;
    bool tools, vision, usage, system_role;
    struct str prefill;
};
struct provider_timeouts { // ms
    uint64_t set;
    int64_t connect, first_token, inter_token, total;
};
struct provider_price { // micro-units of the currency for a million tokens
    uint64_t set;
    int64_t input, output;
};
struct provider_tls {
    uint64_t set;
    struct str ca_file, client_cert, client_key;
    bool verify;
};

struct provider {
    uint64_t set;
    struct str id, kind, base_url;
    struct str api_key, embedding_api_key, proxy; // as given; sealed in the table
    struct str key_header, api_version;
    struct str models; // JSON object
    struct str embedding_model, transcription_model, query_prefix, passage_prefix;
    int64_t dimensions, context_window, max_output_tokens;
    struct provider_capabilities capabilities;
    struct provider_timeouts timeouts;
    int64_t retries, max_concurrent;
    struct provider_price price;
    struct str extra_headers, extra_body; // JSON objects
    struct provider_tls tls;
    bool http2, enabled;
    int64_t order;
    struct str source; // "settings", "database"
    int64_t created_at, updated_at;
};
extern const struct model provider_model;
