// SPDX-License-Identifier: Apache-2.0
// Uploaded files as they are kept: <data>/files/<brand>/<kind>/<id>, mode 0600, named by ids of ours alone.
#pragma once

#include "base/arena.h"
#include "base/err.h"

// Moves (or copies) the file at `from` to its place and makes it durable. ERR_IO.
int files_keep(const char *data, struct str brand, const char *kind, struct str id, const char *from, struct err *err);
// Opens it for reading. A descriptor, or ERR_NOT_FOUND, ERR_IO.
int files_open(const char *data, struct str brand, const char *kind, struct str id, struct err *err);
// Absent is fine.
int files_remove(const char *data, struct str brand, const char *kind, struct str id, struct err *err);
int files_remove_brand(const char *data, struct str brand, struct err *err);
// <data>/tmp, made if it is not there and emptied: nothing in it outlives a run. False: it cannot be made.
bool files_temp_dir(const char *data, char *out, size_t size);
