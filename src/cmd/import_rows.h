// SPDX-License-Identifier: Apache-2.0
// Rows of an export on their way into a brand, in small transactions that nobody sees or that can be taken back
// (store/undo.h): ids kept where they are free, else derived from brand and id, so that a
// second import means the same rows.
#pragma once

#include "cmd/export_file.h"
#include "cmd/import.h"
#include "base/id.h"
#include "model/brand.h"
#include "store/undo.h"

struct coming {
    struct import *import;
    struct import_report *report;
    struct tx *tx;
    const struct export_head *head;
    struct str brand;       // that they come into
    struct str chatbot_id;  // its default chatbot; STR_NULL: the brand is made now
    bool remap;             // ids are taken
    bool replace, pristine; // pristine: as the installation made it
    bool embeds;
    // below: of this module
    struct undo undo;
    struct arena *arena;
    struct map *aliases, *users;
    struct coming_state { // that a transaction which is run again begins with anew
        const struct tenant_table *parent_table;
        enum tenant_outcome parent;
        int64_t position; // products come behind it
        struct tenant_counts counts;
        int64_t webhooks, notes;
        bool began;
    } at;
    struct coming_batch *batch;
};

// Another id of the same form, always the same one for a brand and an id.
void coming_derive(struct str brand, struct str id, char out[ID_SIZE]);
struct str coming_id(const struct coming *c, struct str id, struct arena *arena);
// Rows come in the order of the file; coming_end after the last, and coming_done in any case.
int coming_begin(struct coming *c, struct err *err);
int coming_row(struct coming *c, const struct tenant_table *table, const struct value *values, struct err *err);
int coming_end(struct coming *c, struct err *err);
void coming_done(struct coming *c);
