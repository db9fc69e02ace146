// SPDX-License-Identifier: Apache-2.0
// What a call of the system said of a file, as an error. Both look at errno.
#pragma once

#include "base/err.h"

// ERR_UNAVAILABLE: the disk or its quota is full; ERR_IO: anything else.
int err_of_errno(void);
// "cannot WHAT PATH: …"; NULL slots are fine. Returns that code.
int err_file(struct err *err, const char *what, const char *path);
