// SPDX-License-Identifier: Apache-2.0
// Questions to measure a brand's answers with: a file of JSON lines.
//
//   {"question": "…", "documents": […] | {"…": grade}, "products": […] | {…}, "none": true, "says": "…" | […],
//    "brand": "…", "history": ["…", …], "language": "…", "kind": "…", "id": "…"}
//
// `documents` and `products` say what answers it: ids or titles (names), each of grade 1, or 1..3. With `none` nothing
// answers it; what is named beside that may still be shown. `says`: one of these texts stands in the answer. `history`:
// what the visitor asked before in the same conversation. Empty lines are passed over.
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum { EVAL_BYTES_MOST = 64 << 20, EVAL_QUESTIONS_MOST = 100000, EVAL_LIST_MOST = 64, EVAL_GRADE_MOST = 3 };

struct eval_target {
    struct str name; // id or title
    int grade;
};

struct eval_targets {
    struct eval_target *at;
    size_t n;
};

struct eval_texts {
    struct str *at;
    size_t n;
};

struct eval_question {
    struct str id, question, brand, language, kind; // STR_NULL: not given
    struct eval_targets documents, products;
    struct eval_texts says, history;
    bool none;
};

// All of the file, in the arena. ERR_IO, or ERR_INVALID with the line that is wrong.
int eval_read(struct arena *arena, const char *path, struct eval_question **ret, size_t *ret_n, struct err *err);
// A whole file of at most EVAL_BYTES_MOST bytes.
int eval_read_text(struct arena *arena, const char *path, struct str *ret, struct err *err);
