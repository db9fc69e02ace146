// SPDX-License-Identifier: Apache-2.0
// A model lists the products of a text in which nothing is written as one (001-brands 12.2): one call for each piece of
// it, a few at a time, and no thread waits for them. What it says is taken only where the text says it too
// (product_file_list). What goes wrong is an error of the file.
#pragma once

#include "engine/budget.h"
#include "engine/product_file.h"
#include "llm/llm.h"

struct product_ask;
struct product_ask_options { // what it points to stays until the end
    struct llm *llm;
    struct budgets *budgets; // NULL: nobody counts
    struct str brand, model; // who pays, and the model's name as a chatbot has it
    int64_t until;           // clock_mono_ms: nothing is waited for after it
    void (*done)(void *arg); // once, on any thread, also from within product_ask_run; it must not block
    void *arg;
};

// The file is as product_file_wants_model found it, and stays until the end. Sets aside what the calls may use of the
// brand's budget; may read the store.
struct product_ask *product_ask_new(struct product_file *file, const struct product_ask_options *options);
void product_ask_run(struct product_ask *ask);    // once
void product_ask_cancel(struct product_ask *ask); // any thread, from new to free: `done` follows soon

struct product_usage {
    int64_t prompt, completion, cost;
    bool estimated;
    char model[101]; // of the last answer
};
// After `done`, once: products and errors into the file, before its end.
void product_ask_take(struct product_ask *ask, struct product_usage *ret);
void product_ask_free(struct product_ask *ask); // after `done`, or where it never ran
