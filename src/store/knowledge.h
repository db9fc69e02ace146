// SPDX-License-Identifier: Apache-2.0
// Documents of every type as they are searched, knowledge bases with their items, and the vectors of all passages.
// Changes are announced (CHANGE_DOCUMENT, with the id of the document or of the base) for the indexes.
#pragma once

#include "model/knowledge.h"
#include "store/store.h"

// ---- documents ------------------------------------------------------------------------------------------------------

// A document is searched while it is not deleted, has passages (`chunk_count` > 0), and neither its product nor that
// one's supplier is inactive. Whoever writes its text says how many passages that is cut into (engine/chunk.h).
struct knowledge_document {
    struct str id;
    struct str chatbot_id;                    // STR_NULL: the whole brand's
    struct str base_id, category, product_id; // STR_NULL: none
    struct str type, title, content;
    int64_t chunk_count;
    struct str supplier_id, supplier_name, product_name; // only read
    bool citable;                                        // may be shown as a source; only read
    int64_t created_at;                                  // only read
};
int knowledge_document_insert(struct tx *tx, const struct knowledge_document *document, int64_t now, struct err *err);
// Its text: title, content and the number of passages; the vectors of the old one go. 0, also when it is not there.
int knowledge_document_rewrite(struct tx *tx, const struct knowledge_document *document, int64_t now, struct err *err);
// The row, its vectors and its place. 0, also when it is not there.
int knowledge_document_erase(struct tx *tx, struct str id, struct err *err);
// One that is searched, by id, whosever it is. 1, 0.
int knowledge_get(struct tx *tx, struct arena *arena, struct str id, struct knowledge_document *ret, struct err *err);
// Documents that are searched: a chatbot's own and the whole brand's; STR_NULL: all of the brand. Oldest first. `each`
// returns non-zero to stop; strings live for the call.
int knowledge_list(struct tx *tx, struct str chatbot_id,
                   int (*each)(void *arg, const struct knowledge_document *document), void *arg, struct err *err);

// How many of these there are.
int knowledge_count(struct tx *tx, struct str chatbot_id, int64_t *ret, struct err *err);

// ---- bases and items ------------------------------------------------------------------------------------------------

// A base with only a name, of the kind `manual` (samples and tests).
int knowledge_base_insert(struct tx *tx, struct str id, struct str chatbot_id, struct str name, int64_t now,
                          struct err *err);
// All bases of a chatbot, oldest first.
int knowledge_bases(struct tx *tx, struct arena *arena, struct str chatbot_id, struct knowledge_base **ret,
                    size_t *ret_n, struct err *err);
// The chatbot's oldest base of the kind `learned`, made when there is none.
int knowledge_learned_base(struct tx *tx, struct arena *arena, struct str chatbot_id, int64_t now,
                           struct knowledge_base *ret, struct err *err);
// Everything in the base: items, tags, vectors, places.
int knowledge_base_empty(struct tx *tx, struct str base_id, struct err *err);

// Completes the row (id, base, chatbot, times, folded title; tags without repeats) and inserts it; what it
// adds is the arena's. `chunk_count` is the caller's. ERR_LIMIT: the base is full.
int knowledge_item_insert(struct tx *tx, struct arena *arena, const struct knowledge_base *base,
                          struct knowledge_item *item, int64_t now, struct err *err);
// Writes `item` over `old`.
int knowledge_item_save(struct tx *tx, struct arena *arena, const struct knowledge_item *old,
                        struct knowledge_item *item, int64_t now, struct err *err);
int knowledge_item_remove(struct tx *tx, const struct knowledge_item *item, struct err *err);
// 1, 0.
int knowledge_item_get(struct tx *tx, struct arena *arena, struct str base_id, struct str id,
                       struct knowledge_item *ret, struct err *err);
// Oldest first. `tag` exactly, `q` in title or content without case; STR_NULL: any.
int knowledge_item_list(struct tx *tx, struct arena *arena, struct str base_id, struct str tag, struct str q,
                        int64_t limit, int64_t offset, struct knowledge_item **ret, size_t *ret_n, int64_t *ret_total,
                        struct err *err);
// Ids of the items of a base that have any of the tags.
int knowledge_tagged(struct tx *tx, struct arena *arena, struct str base_id, const struct strings *tags,
                     struct strings *ret, struct err *err);

// ---- vectors --------------------------------------------------------------------------------------------------------

// "none" (`model` is empty), "pending", "ready" or, where the job that makes them was put aside, "failed".
int vector_status(struct tx *tx, struct str model, struct str document_id, int64_t chunk_count, int64_t updated_at,
                  const char **ret, struct err *err);

struct vector_row {
    struct str kind; // "product", "document", or further ones of these (engine/vector_text.h)
    struct str document_id;
    int64_t ordinal;
    struct str text_hash; // SHA-256 hex of model and text
    const float *vector;
    size_t dims;
};
// The passage's text has this vector. NULL: the one that is kept for that text (vector_of_text).
int vector_put(struct tx *tx, struct str model, const struct vector_row *row, int64_t now, struct err *err);
// Whether the model's vector of a text is kept: 1, 0.
int vector_of_text(struct tx *tx, struct str model, struct str text_hash, struct err *err);
// Vectors made before that time go, where no passage has their text any more.
int vector_texts_sweep(struct tx *tx, int64_t before, struct err *err);
int vector_list(struct tx *tx, struct str model, int (*each)(void *arg, const struct vector_row *row), void *arg,
                struct err *err);
// The same of one document.
int vector_list_of(struct tx *tx, struct str model, struct str kind, struct str document_id,
                   int (*each)(void *arg, const struct vector_row *row), void *arg, struct err *err);
// All without the vectors themselves.
int vector_marks(struct tx *tx, struct str model, int (*each)(void *arg, const struct vector_row *row), void *arg,
                 struct err *err);

// Whose vectors are searched in the scope's brand. Another model's are made beside them and take their place at once
// when all are there.
struct vector_index {
    struct str model;
    size_t dims;                    // 0: there is none yet
    struct str next_model;          // STR_NULL: none
    size_t next_dims, refused_dims; // refused: of vectors that came and do not fit; 0: none
};
int vector_index_get(struct tx *tx, struct arena *arena, struct vector_index *ret, struct err *err); // 1, 0
int vector_index_set(struct tx *tx, const struct vector_index *index, struct err *err);
int vector_index_only(struct tx *tx, struct str model, struct err *err); // all vectors of other models go
