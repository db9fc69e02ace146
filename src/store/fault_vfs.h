// SPDX-License-Identifier: Apache-2.0
// A file system for tests, over SQLite's own: it fails a chosen write or sync, and it can lose its power. While it
// records, it knows which writes have been synced; after a cut each file holds what was synced and an arbitrary part of
// what was not, in any order, single writes torn at sectors.
#pragma once

#include "base/test.h"

#include <stdbool.h>

void fault_vfs_install(void); // the default from now on; one at a time
void fault_vfs_remove(void);  // after all stores are closed

// The n-th write or sync from now (1 is the next) gives `code` (SQLITE_FULL, SQLITE_IOERR_FSYNC, …), and with
// `for_good` so do all that follow. n = 0: none.
void fault_vfs_fail(int n, int code, bool for_good);
bool fault_vfs_failed(void); // has it come to that?

void fault_vfs_record(void); // from now on; before stores are opened
void fault_vfs_cut(int n);   // at the n-th write or sync from now; all fails from then on
// After the stores are closed: leaves in the files what the disk would hold, chosen by `seed`. Ends the recording.
void fault_vfs_settle(unsigned seed);
