// SPDX-License-Identifier: Apache-2.0
// Brands and their chatbots as the engine sees them: immutable snapshots by reference, loaded from rows at first use
// and dropped when the store tells of a change. Thread-safe.
#pragma once

#include "store/brand.h"

struct brands;
struct brand_ref;

struct chatbot_ref {         // one snapshot with all that a turn needs of its chatbot; never changes
    struct brand_ref *brand; // held by the snapshot
    struct chatbot row;
    struct chat_settings chat;              // the brand's, with what is the chatbot's own
    struct str base, persona, company;      // of the prompt: persona and company (JSON) are the default chatbot's alone
    struct str personality, personality_id; // the default one's lines; STR_NULL: none
    bool answers;                           // active, and so is its brand
    struct arena *arena;                    // NULL: part of its brand's snapshot
    _Atomic int refs;
};

struct brand_ref {              // one snapshot; never changes
    struct brand_row row;       // strings are the snapshot's
    struct chatbot_ref chatbot; // its default one
    bool answers;               // active, and its default chatbot too
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

// A chatbot of the brand, by id; likewise. 0 also when it was deleted.
int brands_chatbot(struct brands *brands, struct brand_ref *brand, struct str id, struct chatbot_ref **ret,
                   struct err *err);
struct chatbot_ref *chatbot_ref_take(struct chatbot_ref *ref);
void chatbot_ref_drop(struct chatbot_ref *ref); // NULL is fine
void chatbot_ref_drop_slot(struct chatbot_ref **ref);
#define AUTO_CHATBOT MEM_CLEANUP(chatbot_ref_drop_slot)

// The brand or one of its chatbots has changed (from the store's change feed, before the change's caller goes on).
// STR_NULL: all. Who holds a snapshot keeps it.
void brands_changed(struct brands *brands, struct str brand_id);
