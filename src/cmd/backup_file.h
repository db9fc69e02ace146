// SPDX-License-Identifier: Apache-2.0
// The file of a backup: what is in it, written and read.
#pragma once

#include "cmd/sealed.h"

// Writes a backup into the empty file `fd` (open for reading and writing) and makes it durable: the copy of the
// database at `database`, and what a server keeps beside it in the folder `data`. ERR_LIMIT: too many files; ERR_IO,
// ERR_UNAVAILABLE (disk full). `progress` may be NULL.
int backup_file_write(int fd, const char *database, const char *data, struct progress *progress,
                      struct sealed_totals *ret, struct err *err);

// Reads it through: every byte is accounted for. With a folder (a descriptor of an empty one; -1: none) the files are
// made in it, mode 0600, and never outside of it. ERR_FORMAT: damaged, cut off, newer or another kind of file; what
// was made until then is the caller's to remove.
int backup_file_read(int fd, int folder, struct progress *progress, struct sealed_totals *ret, struct err *err);
