// SPDX-License-Identifier: Apache-2.0
// What was put since the last publish: analysed once, kept by passage, turned into a segment by one counting sort.
#pragma once

#include "search/segment.h"

struct builder;

struct builder *builder_new(void);
void builder_free(struct builder *builder); // NULL is fine
// Adds a document whose passages take the slots from `slot` on. All rows are NONE at first.
void builder_add(struct builder *builder, struct str id, const struct search_passage *passages, size_t n,
                 uint32_t slot);
// Passages of the living document that begins at `slot`; 0 when there is none. *ret_first is their first number.
uint32_t builder_document(const struct builder *builder, uint32_t slot, uint32_t *ret_first);
void builder_remove(struct builder *builder, uint32_t slot);
uint32_t builder_ordinal(const struct builder *builder, uint32_t passage);
uint32_t *builder_row(struct builder *builder, uint32_t passage); // to read or set
size_t builder_postings(const struct builder *builder);
void builder_lengths(const struct builder *builder, uint64_t *ret_length, uint64_t *ret_passages); // of the living
// The living documents as a part with its own overlay; no segment when nothing lives.
struct part builder_finish(struct builder *builder, float average);
