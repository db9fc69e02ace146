// SPDX-License-Identifier: Apache-2.0
// Knowledge bases and their documents, and the vectors of all passages.
#pragma once

#include "store/store.h"

struct knowledge_document {
    struct str id, base_id, type, title, content;
    int64_t position;
    double threshold; // of its base
    bool learned; // of a base of that kind: a question with its answer
};
int knowledge_base_insert(struct tx *tx, struct str id, struct str chatbot_id, struct str name, int64_t now,
                          struct err *err);
int knowledge_document_insert(struct tx *tx, struct str chatbot_id, const struct knowledge_document *document,
                              int64_t now, struct err *err);
// A document of an active base, by id. 1, 0.
int knowledge_get(struct tx *tx, struct arena *arena, struct str id, struct knowledge_document *ret, struct err *err);
// Documents of active bases of a chatbot, in order. `each` returns non-zero to stop; strings live for the call.
int knowledge_list(struct tx *tx, struct str chatbot_id,
                   int (*each)(void *arg, const struct knowledge_document *document), void *arg, struct err *err);

struct vector_row {
    struct str kind; // "product", "document"
    struct str document_id;
    int64_t ordinal;
    struct str text_hash; // SHA-256 hex of model and text
    const float *vector;
    size_t dims;
};
int vector_put(struct tx *tx, struct str model, const struct vector_row *row, struct err *err);
int vector_list(struct tx *tx, struct str model, int (*each)(void *arg, const struct vector_row *row), void *arg,
                struct err *err);
// The same of one document.
int vector_list_of(struct tx *tx, struct str model, struct str kind, struct str document_id,
                   int (*each)(void *arg, const struct vector_row *row), void *arg, struct err *err);
