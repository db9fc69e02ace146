// SPDX-License-Identifier: Apache-2.0
// multipart/form-data (RFC 7578) read incrementally; file parts go to a temporary file, fields into memory.
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct multipart;

struct multipart_part {
    struct str name, filename, content_type; // filename STR_NULL for plain fields
    struct str value; // plain fields, at most 64 KiB
    const char *path; // file parts: temporary file, removed by multipart_free
    uint64_t size;
};

// `boundary` from the Content-Type. Files are made in `dir` (mode 0600). Bounds: parts (64), part heads (8 KiB).
int multipart_new(struct str content_type, const char *dir, uint64_t max_bytes, struct multipart **ret,
                  struct err *err);
int multipart_feed(struct multipart *m, const void *bytes, size_t n, struct err *err);
int multipart_finish(struct multipart *m, struct err *err); // ERR_FORMAT: the final boundary is missing
size_t multipart_count(const struct multipart *m);
const struct multipart_part *multipart_at(const struct multipart *m, size_t i);
void multipart_free(struct multipart *m);
