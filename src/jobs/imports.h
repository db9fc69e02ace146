// SPDX-License-Identifier: Apache-2.0
// What imports leave that did not come to their end, or have nothing more to do than to forget their notes
// (store/undo.h); and a brand's rows and files on their way out, of which that is one case.
#pragma once

#include "store/store.h"

// Its files, then its rows in small transactions. `job`: the job that does it, whose lease is kept up; STR_NULL: none.
// ERR_CANCELLED: *ending (may be NULL) turned true.
int brand_erase_all(struct store *store, const char *data, struct str brand, struct str job, const _Atomic bool *ending,
                    struct err *err);
// All of them, one after the other. For the holder of store_import_lock, in which no import is under way. *ret: how
// many there were.
int imports_settle(struct store *store, const char *data, const _Atomic bool *ending, int *ret, struct err *err);
// The same, where there is one and nobody holds the lock.
int imports_sweep(struct store *store, const char *data, const _Atomic bool *ending, int *ret, struct err *err);
