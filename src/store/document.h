// SPDX-License-Identifier: Apache-2.0
// Uploaded documents: their rows, lists, and where their passages stand. Their text is searched by store/knowledge.h.
#pragma once

#include "model/document.h"
#include "store/store.h"

int document_get(struct tx *tx, struct arena *arena, struct str id, struct document *ret, struct err *err); // 1, 0

struct document_query { // STR_NULL: any; lists are comma separated
    struct str types, categories, product_id, supplier_id, chatbot_id, states, uploader, q;
    bool brand_wide, deleted, typed; // typed: `types` were asked for
    struct str viewer; // sees only the brand's documents and those of chatbots that it made; STR_NULL: all
    int64_t limit, offset;
};
// Newest first.
int document_find(struct tx *tx, struct arena *arena, const struct document_query *query, struct strings *ret_ids,
                  int64_t *ret_total, struct err *err);
// Another document of the same bytes for the same product and chatbot. 1, 0.
int document_same(struct tx *tx, struct arena *arena, const struct document *document, struct str *ret_id,
                  struct err *err);
int document_count_uploaded(struct tx *tx, int64_t *ret, struct err *err);

// How far its reading has come. `error` STR_NULL: none.
int document_progress(struct tx *tx, struct str id, const char *status, const char *stage, int64_t percent,
                      struct str error, struct err *err);
struct document_place {
    int64_t page, start, end;
    struct str heading;
};
// The outcome: text and passages take the place of the old ones.
int document_complete(struct tx *tx, struct str id, struct str content, const struct document_place *places, size_t n,
                      int64_t pages, int64_t now, struct err *err);
int document_content(struct tx *tx, struct arena *arena, struct str id, struct str *ret, struct err *err); // 1, 0
int document_places(struct tx *tx, struct arena *arena, struct str id, int64_t limit, int64_t offset,
                    struct document_place **ret, size_t *ret_n, struct err *err);
// Soft, and back (deleted_at 0).
int document_set_deleted(struct tx *tx, struct str id, int64_t deleted_at, int64_t now, struct err *err);
// With everything of it but its file.
int document_erase_all(struct tx *tx, struct str id, struct err *err);
int document_embedded(struct tx *tx, struct str id, struct str model, int64_t *ret, struct err *err);
// Ordinals that have a vector of this model among [from, from + n): sets has[i].
int document_embedded_of(struct tx *tx, struct str id, struct str model, int64_t from, bool *has, size_t n,
                         struct err *err);
// Notes the time for those whose passages all have vectors now.
int documents_note_embedded(struct tx *tx, struct str model, int64_t now, struct err *err);
