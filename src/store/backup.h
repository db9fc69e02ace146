// SPDX-License-Identifier: Apache-2.0
// Checking a copy that store_backup made, and putting it back in place. Making one: store_backup in store.h.
#pragma once

#include "store/store.h"

// Checks that `path` is a whole database of this program and copies it into `data_dir`, which is made when missing and
// must not hold a database yet (ERR_CONFLICT). ERR_FORMAT: not a database, another program's, or damaged. Nothing is
// left behind on failure.
int store_restore(const char *path, const char *data_dir, struct err *err);

// Reads a copy of a database whole. ERR_FORMAT as above. *ret_migration (may be NULL): the newest that it has seen.
int store_copy_check(const char *path, int *ret_migration, struct err *err);
