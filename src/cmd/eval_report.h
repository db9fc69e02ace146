// SPDX-License-Identifier: Apache-2.0
// Figures by group (all, each language, each kind) as a table, as JSON, against an earlier run and against a gate.
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/score.h"

enum { EVAL_GROUPS_MOST = 256 };

struct eval_group {
    const char *of; // "all", "languages", "kinds"
    struct str name;
    struct score score;
};

struct eval_report {
    struct eval_group groups[EVAL_GROUPS_MOST]; // the first is of all questions
    size_t n;
};

void eval_report_init(struct eval_report *report);
// Adds to all, and to the language's and the kind's group where they are given. The names live with the report.
void eval_report_add(struct eval_report *report, struct str language, struct str kind,
                     const struct score_result *result);
// With `baseline` (may be NULL) each figure that differs shows by how much.
void eval_report_print(const struct eval_report *report, yyjson_val *baseline);
yyjson_mut_val *eval_report_json(const struct eval_report *report, yyjson_mut_doc *doc);
// Says on standard error which figures are worse than the earlier run's. Returns how many.
int eval_report_worse(const struct eval_report *report, yyjson_val *baseline);
// `gate`: "hit1=0.8,refusedWrong=0.05". Says what is not met, returns how many; ERR_INVALID: no such figure.
int eval_report_gate(const struct eval_report *report, struct str gate, struct err *err);
