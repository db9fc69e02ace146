// SPDX-License-Identifier: Apache-2.0
// The chatbot: one object behind seeds 000, 002 and 003, and a brand's default one behind 001 (000-management 2,
// 003-platform 3).
#pragma once

#include "model/model.h"

struct chatbot_rate_limit { // 0 = unlimited
    uint64_t set;
    int64_t limit, window_minutes, chatbot_per_minute;
};
struct chatbot_intents {
    uint64_t set;
    bool enabled;
    struct str mode; // auto, ground, off
    double threshold, answer_threshold;
};
struct chatbot_context {
    uint64_t set;
    bool enabled, resolve_references, trust_key_user_id;
    int64_t ttl_minutes, topic_minutes, entity_days;
};
struct chatbot_plugins {
    uint64_t set;
    int64_t max_calls, max_rounds, budget_ms;
};

struct chatbot_configuration {
    uint64_t set;
    struct str model; // not set: the provider's
    double temperature;
    int64_t max_tokens;
    struct str language;        // BCP 47, of fixed texts
    int64_t response_timeout;   // s
    struct str welcome_message; // input alone: the chatbot's
    double similarity_threshold;
    int64_t max_results, history_messages, retention_days;
    struct chatbot_rate_limit rate_limit;
    struct chatbot_intents intents;
    struct chatbot_context context;
    struct chatbot_plugins plugins;
    int64_t session_timeout_minutes;
};
extern const struct model chatbot_configuration_model;

struct chatbot_creator {
    uint64_t set;
    struct str id, username, name, email;
};
extern const struct model chatbot_creator_model;

struct chatbot_stats { // without playground and test traffic
    uint64_t set;
    int64_t total_conversations, unique_users, last_activity;
};

struct chatbot {
    uint64_t set;
    struct str id, slug, name, description, status;
    struct str publishable_key, welcome_message;
    struct chatbot_configuration configuration;
    struct str knowledge_filters; // JSON (000-management 4)
    int64_t prompt_version;
    struct str engine, engine_config;
    bool is_public, is_default;
    struct strings tags;
    struct str default_personality_id;
    struct str created_by; // user; not set: nobody
    int64_t created_at, updated_at, deleted_at;
    // Not shown:
    struct str system_prompt, language, allow_localhost;
    struct strings allowed_domains, channels_off;
    bool training;          // a training session runs
    int64_t model_failures; // turns in a row that did not reach the model
    struct str search_text; // name and description, folded: what lists are searched by
    // Read beside the row for replies (chatbot_extras_load):
    struct str brand_id, api_key_hint, owner, default_personality;
    struct chatbot_creator creator;
    struct chatbot_stats stats;
};
extern const struct model chatbot_model;

enum { CHATBOT_ERROR_TURNS = 3 }; // so many failed turns in a row show it as `error`
// As replies show it: `training` and `error` stand over the stored status while they hold; what answers nobody is
// neither.
struct str chatbot_status_shown(const struct chatbot *chatbot);
#define CHATBOT_CHANNELS "web_embed|line_oa|api"
bool chatbot_channel_on(const struct chatbot *chatbot, const char *channel); // one of CHATBOT_CHANNELS

#define CHATBOT_SLUG_SIZE 49
// 1..48 of a-z 0-9 -, not shaped like a UUID.
bool chatbot_slug_valid(struct str slug);
// A slug made from a name: accents dropped, other runs as "-"; "chatbot" when nothing is left.
void chatbot_slug_from_name(struct str name, char out[CHATBOT_SLUG_SIZE]);
