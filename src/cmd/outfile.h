// SPDX-License-Identifier: Apache-2.0
// A new file that gets its name when it is whole and on the disk, and never replaces another one. One at a time in a
// process: a signal that ends it (INT, TERM, HUP) takes away what has no name yet.
#pragma once

#include "base/err.h"

// Opens it beside its place, mode 0600, for reading and writing. ERR_CONFLICT: the name is taken.
int outfile_begin(const char *path, int *ret_fd, struct err *err);
// A file beside it that goes with it: path, and what is given here. The name is valid until outfile_end.
const char *outfile_beside(const char *suffix, struct err *err); // NULL: too long
int outfile_publish(int fd, struct err *err);
void outfile_end(int fd); // closes it and removes what is left without a name
