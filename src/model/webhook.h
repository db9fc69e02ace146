// SPDX-License-Identifier: Apache-2.0
// Webhooks (003-platform 14.1): where events go, which, and how hard it is tried.
#pragma once

#include "model/model.h"

extern const char webhook_event_names[]; // a|b|c

struct retry_config {
    uint64_t set;
    int64_t max_retries, retry_interval; // ms
};

struct filter_config {
    uint64_t set;
    struct str conditions; // JSON object: path in the payload → scalar
};

struct webhook_stats {
    uint64_t set;
    int64_t total, succeeded, failed, pending, last_attempt, last_success, last_failure;
};
extern const struct model webhook_stats_model;

struct webhook {
    uint64_t set;
    struct str id, brand_id, scope, name, description, url;
    struct strings events;
    struct str chatbot_id;
    struct str secret;               // as the user has it: input, and the reply that shows it once
    struct str secret_hint, headers; // headers as stored and shown: values are WEBHOOK_MASK
    bool active;
    struct str disabled_reason;       // "gone", "failing"
    struct retry_config retry_config; // no value: the standard schedule
    struct filter_config filter_config;
    struct str ordering, created_by;
    struct webhook_stats stats;
    int64_t created_at, updated_at;
    struct str sealed_secret, old_secret, header_values; // base64 of sealed bytes
    int64_t old_secret_until;
};
extern const struct model webhook_model;
#define WEBHOOK_MASK "********"

struct webhook_rotation { // body of regenerate-secret
    uint64_t set;
    int64_t overlap_hours;
};
extern const struct model webhook_rotation_model;

struct webhook_replay { // body of replay
    uint64_t set;
    int64_t from, to;
    struct str status;
};
extern const struct model webhook_replay_model;

// The bytes that sign by the Standard Webhooks: decoded behind whsec_, else the secret itself.
struct str webhook_key(struct arena *arena, struct str secret);
// Do all conditions of a filter hold? `value` finds what a path names in the payload; NULL: not there.
bool webhook_matches(struct arena *arena, struct str conditions, yyjson_val *(*value)(void *arg, struct str path),
                     void *arg);

struct attempt {
    uint64_t set;
    struct str id;
    int64_t at, status_code, duration; // ms
    struct str error, excerpt;
};
extern const struct model attempt_model;

struct delivery {
    uint64_t set;
    struct str id, webhook_id, event_id, event, status;
    struct objects attempts; // of struct attempt
    int64_t next_at;
    struct str payload; // JSON
    int64_t created_at;
};
extern const struct model delivery_model;
