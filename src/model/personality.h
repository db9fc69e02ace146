// SPDX-License-Identifier: Apache-2.0
// How a chatbot speaks (003-platform 5): traits, tones and style that become lines of its prompt.
#pragma once

#include "model/model.h"

struct trait {
    uint64_t set;
    struct str name;
    double value; // -1..1
    struct str description;
};
struct tone {
    uint64_t set;
    struct str name;
    double strength; // 0..1
    struct str description;
};
struct language_style { // each -1..1
    uint64_t set;
    double formality, complexity, verbosity;
};
struct response_characteristics { // each 0..1
    uint64_t set;
    double humor, empathy, creativity;
};

struct personality {
    uint64_t set;
    struct str id, chatbot_id, name, description;
    struct objects traits, tones; // of struct trait, struct tone
    struct language_style language_style;
    struct response_characteristics response_characteristics;
    struct str custom_instructions;
    bool is_default;
    int64_t created_at, updated_at;
};
extern const struct model personality_model;

struct personality_default { // body of personalities/default
    uint64_t set;
    struct str name;
};
extern const struct model personality_default_model;
