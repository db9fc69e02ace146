// SPDX-License-Identifier: Apache-2.0
// Brands and their configuration as the engine sees them: immutable snapshots by reference, loaded from rows at first
// use and dropped when the store tells of a change. Thread-safe.
#pragma once

#include "store/brand.h"

struct brands;

struct brand_ref { // one snapshot; never changes
    struct brand_row row; // strings are the snapshot's
    bool answers; // active, and its default chatbot too
    struct arena *arena;
    _Atomic int refs;
};

struct brands *brands_new(struct store *store);
void brands_free(struct brands *brands);
// By any spelling of the id. 1 = found (the caller's reference), 0 = no such brand (or deleted), negative = failed.
// Blocks on the store at first use: for workers.
int brands_get(struct brands *brands, struct str id, struct brand_ref **ret, struct err *err);
struct brand_ref *brand_ref_take(struct brand_ref *ref);
void brand_ref_drop(struct brand_ref *ref); // NULL is fine
void brand_ref_drop_slot(struct brand_ref **ref);
#define AUTO_BRAND MEM_CLEANUP(brand_ref_drop_slot)
// The brand has changed (from the store's change feed, before the change's caller goes on). STR_NULL: all. Who holds a
// snapshot keeps it.
void brands_changed(struct brands *brands, struct str brand_id);
