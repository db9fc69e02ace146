// SPDX-License-Identifier: Apache-2.0
// An import in small transactions, which is nevertheless all or nothing. Into a new brand: nobody sees the brand until
// the end, and what does not come to its end is erased with it. Into one that is there: each row that is added or
// changed is noted in the same transaction, and what does not come to its end is taken back from the notes, newest
// first. One small write ends it (undo_done); what is left to do after that or after a crash is undo_next's.
//
// One import at a time may be under way (store_import_lock): whoever holds the lock and finds one knows that it died.
#pragma once

#include "model/model.h"
#include "store/tenant.h"

struct undo {
    struct str id;
    bool makes_brand; // nothing is noted
    int64_t n;        // notes: part of the transaction, so back to what it was where that is run again
};

// In the scope of the brand.
int undo_begin(struct tx *tx, const struct undo *undo, int64_t now, struct err *err);
// ERR_NOT_FOUND: the brand was deleted meanwhile. In each transaction that writes.
int undo_check(struct tx *tx, const struct undo *undo, struct err *err);
// After a row was added. `values`: its key is enough. What belongs to it goes with it.
int undo_added(struct tx *tx, struct undo *undo, const struct tenant_table *table, const struct value *values,
               struct err *err);
// A row before it is changed or removed, or as it was then. undo_children: all rows that belong to it.
int undo_kept(struct tx *tx, struct undo *undo, const struct tenant_table *table, const struct value *was,
              struct err *err);
int undo_children(struct tx *tx, struct undo *undo, const struct tenant_table *parent, struct str id, struct err *err);
// Both, of the row with this id as it is now. 0, also if it is not there.
int undo_keep(struct tx *tx, struct undo *undo, const struct tenant_table *table, struct str id, struct err *err);
// It came to its end, and the brand is seen.
int undo_done(struct tx *tx, const struct undo *undo, struct err *err);

struct undo_left {
    struct str brand, id;
    bool makes_brand, done;
};
// In a scope of the installation: one that is there. 1, 0.
int undo_next(struct tx *tx, struct arena *arena, struct undo_left *ret, struct err *err);
// Takes back, or forgets, about `most` notes. *ret_more false: none is left. The ids of documents that went, whose
// files are left, are put into `arena`.
int undo_back(struct tx *tx, struct str id, int64_t most, struct arena *arena, struct strings *ret_documents,
              bool *ret_more, struct err *err);
int undo_forget(struct tx *tx, struct str id, int64_t most, bool *ret_more, struct err *err);
// The last step of both: counts what is counted beside rows anew (`back`), and whoever has any of it in memory reads it
// again.
int undo_end(struct tx *tx, struct str id, bool back, struct err *err);
