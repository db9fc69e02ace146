// SPDX-License-Identifier: Apache-2.0
// Tools that a model may call in a turn (003-platform 8.3). A tool is a row; who offers tools (the house, later the
// plugins that a chatbot has installed) gives rows, turn_tools.c does the rest: definitions, checks, bounds, results.
//
// A row's `run` is called on a worker and ends by tool_run_end, at once or later from any thread, exactly once, at the
// latest at run->deadline. Whoever is later than that is not waited for: the turn goes on with `timeout`, and what the
// tool then says is dropped. So `run` must touch nothing but the run itself.
#pragma once

#include "base/json.h"
#include "engine/brands.h"
#include "engine/catalogue.h"

enum {
    TOOLS_MOST = 64,          // offered in a turn
    TOOL_CALLS_A_ROUND = 8,   // more of one answer get `budget_exhausted`
    TOOL_CALLS_AT_ONCE = 4,   // run at the same time
    TOOL_RESULT_CHARS = 8000, // of a result; more is cut and marked
    TOOL_NAME_MOST = 64,
    TOOL_FAILURES = 5,         // in a row: not offered for
    TOOL_CLOSED_MS = 60 * 1000 // so long
};

struct tool_run;

struct tool {
    const char *plugin, *name; // the model sees plugin__name (tool_name)
    const char *type;          // of the metrics: "builtin", "http", "mcp"
    const char *description;
    const char *parameters; // JSON Schema of an object, in the words of engine/schema.h
    int deadline_ms;
    bool (*offered)(const struct chatbot_ref *chatbot); // NULL: always
    void (*run)(struct tool_run *run);
};

struct tool_run {
    const struct tool *tool;
    struct arena *arena;   // the run's own
    yyjson_val *arguments; // an object that fits the schema
    struct chatbot_ref *chatbot;
    struct catalogues *catalogues;
    int64_t deadline; // clock_mono_ms
    // What a tool may fill before it ends: rows whose prices and stock the answer may name.
    struct product *products;
    size_t n_products;
};

// error: NULL when it went well, else a word such as "not_found"; content: what the model is told, JSON or text, with
// an error its details (both may be empty). Copied.
void tool_run_end(struct tool_run *run, const char *error, int status, struct str content);

// plugin__name with other characters as `_`; over 64: the first 57, `_`, and 6 hex of its SHA-256.
void tool_name(const struct tool *tool, char out[TOOL_NAME_MOST + 1]);

// The house's own rows; offered are those that the setting tools.builtin names (plugin__name).
extern const struct tool tools_builtin[];
extern const size_t tools_n_builtin;
