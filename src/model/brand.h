// SPDX-License-Identifier: Apache-2.0
// The brand (tenant), its configuration (one view over the brand and its default chatbot) and its ids.
#pragma once

#include "model/model.h"

#define BRAND_ID_SIZE 49

struct brand {
    uint64_t set;
    struct str id, name, description;
    int64_t created_at, updated_at;
    bool is_active;
};
extern const struct model brand_model;

struct brand_create {
    uint64_t set;
    struct str name, description, brand_id;
};
extern const struct model brand_create_model;

struct brand_patch {
    uint64_t set;
    struct str name, description;
    bool is_active;
};
extern const struct model brand_patch_model;

struct chat_settings {
    uint64_t set;
    bool public_access, listed;
    struct strings allowed_domains; // not set: null, every origin
    struct str conversation_ids; // "any", "issued"
    int64_t messages_per_minute;
    double temperature;
    int64_t max_tokens, voice_max_tokens, history_messages;
    bool suggestions;
    int64_t suggestion_limit;
    double similarity_threshold;
    bool suggest_unavailable;
    struct str currency, language;
    bool typing_frames, price_guard;
};
extern const struct model chat_settings_model;

struct brand_config {
    uint64_t set;
    struct str brand_id, system_prompt, persona_prompt, welcome_message;
    struct str company_info, appearance_settings; // JSON objects
    struct chat_settings chat_settings;
    int64_t updated_at;
};
extern const struct model brand_config_model;

struct system_prompt_change {
    uint64_t set;
    struct str system_prompt;
};
extern const struct model system_prompt_model;

// 1..48 of a-z 0-9 _ -, beginning and ending with a letter or digit.
bool brand_id_valid(struct str id);
bool brand_id_reserved(struct str id); // of a folded id: a path of some surface has this name
// The form in which ids are unique and looked up: lower case, "-" as "_". False: no brand can have that id.
bool brand_id_fold(struct str id, char out[BRAND_ID_SIZE]);
// An id given by a client: lower-cased, spaces as "_". False: outside the set.
bool brand_id_given(struct str text, char out[BRAND_ID_SIZE]);
// An id made from a name: accents dropped, other runs as "_"; "brand_" and 8 random characters when nothing is left.
void brand_id_from_name(struct str name, char out[BRAND_ID_SIZE]);
bool brand_colour_valid(struct str text); // #rgb, #rrggbb, #rrggbbaa
