// SPDX-License-Identifier: Apache-2.0
// What the model is told: the system message (000 11.1, 001 4.3), the block of catalogue and passages (001 8.3), and
// the choice of what fits the context window (upstream-llm 7.1). Plain strings in, llm messages out; no store, no http.
// Absent strings are left out. Everything lives in the arena. Pure and thread-safe.
#pragma once

#include "base/arena.h"
#include "llm/llm.h"

struct prompt_pair {
    struct str key, value;
};

struct prompt_rules {
    struct str language; // tag of the language to answer in; STR_NULL = that of the visitor's last message
    bool catalogue;      // only products of the catalogue block, prices by marker (8.4)
    bool voice;          // one short spoken sentence
    bool short_plain;    // 002: two or three short sentences
    bool no_markdown;
    const struct str *more; // the surface's own, one paragraph line each
    size_t n_more;
};

struct prompt_system { // parts in the order in which they are written
    struct str base;   // system prompt, verbatim
    struct str persona;
    const struct prompt_pair *company; // empty values are left out
    size_t n_company;
    struct str profile;              // 002: profile line
    struct str manner;               // 002's assistantProfile: written as `Your manner: {manner}.`
    struct str personality;          // 003 5.2, verbatim
    struct str website;              // 002's siteUrl: written as `Website: {website}`
    const struct prompt_pair *known; // conversation and user context, fenced as data
    size_t n_known;
    struct prompt_rules rules;
};
struct str prompt_system_text(struct arena *arena, const struct prompt_system *system);

struct prompt_product {
    struct str id, name, category, description;
    int64_t price; // 1/10000
    bool available;
    const struct str *features;
    size_t n_features;
};

struct prompt_passage { // in order of rank
    struct str title, category, supplier, text;
};

struct prompt_data {
    bool catalogue; // write the block; without products it is empty and the model is told that nothing fits
    struct str currency;
    const struct prompt_product *products;
    size_t n_products;
    const struct prompt_passage *passages;
    size_t n_passages;
    struct str example; // 003 9.5: a checked example answer
};
// Block, example and passages between marker lines; the data between them cannot contain these, nor forge fields. Empty
// when there is none of it. Passages are numbered from 1.
struct str prompt_data_text(struct arena *arena, const struct prompt_data *data);

// Cutting to the window.
typedef int64_t prompt_estimate(struct str text); // tokens, such as llm_estimate

struct prompt_turn { // one earlier pair; either side may be STR_NULL
    struct str user, assistant;
};

struct prompt_input {
    struct str system; // prompt_system_text
    struct prompt_data data;
    const struct prompt_turn *history; // oldest first
    size_t n_history;
    struct str message; // the visitor's, verbatim
    int64_t window;     // W: tokens of the model's context
    int64_t output;     // tokens kept for the answer
    int64_t tools;      // tokens of tool definitions; where they do not fit, the client leaves them out
    double factor;      // learnt factor of the estimate, 0 = 1
    prompt_estimate *estimate;
};

struct prompt {
    struct llm_message *messages;
    size_t n;
    int64_t tokens;                 // estimate of the whole request
    size_t cut_pairs, cut_passages; // metadata.promptTruncated
    bool cut_message, cut_system;
};
void prompt_build(struct arena *arena, const struct prompt_input *input, struct prompt *ret);
