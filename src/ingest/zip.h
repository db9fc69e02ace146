// SPDX-License-Identifier: Apache-2.0
// Parts of an office document, over libarchive. Bounds: 2000 parts, 100 MiB unpacked, 200 times the packed size.
#pragma once

#include "ingest/record.h"
#include "ingest/source.h"

enum { ZIP_PARTS_MOST = 2000, ZIP_RATIO_MOST = 200, ZIP_BYTES_MOST = 100 << 20 };

struct zip {
    struct source *source;
    uint64_t unpacked; // so far, over all parts read
};

// Looks at the directory: bounds that are broken by what it declares, passwords, damage.
enum read_reason zip_open(struct zip *zip, struct source *source);
// Feeds the part of this name; `feed` returns false to end it early. *ret_found may be NULL.
enum read_reason zip_part(struct zip *zip, struct str name, bool (*feed)(void *arg, const char *bytes, size_t n),
                          void *arg, bool *ret_found);
