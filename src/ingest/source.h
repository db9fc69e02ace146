// SPDX-License-Identifier: Apache-2.0
// The bytes of a file for the readers: from a descriptor or, in tests and fuzzing, from memory. Read forwards, may be
// begun anew.
#pragma once

#include "base/str.h"

#include <sys/types.h>

struct source {
    int fd; // -1: memory
    struct str memory;
    uint64_t at, size;
};

struct source source_fd(int fd); // a regular file
struct source source_memory(struct str bytes);
// How many bytes were read, 0 at the end, -1.
ssize_t source_read(struct source *source, void *out, size_t most);
void source_seek(struct source *source, uint64_t at);
