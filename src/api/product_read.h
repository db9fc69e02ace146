// SPDX-License-Identifier: Apache-2.0
// A file of products from the confined reader into a product_file: what uploads and imports share.
#pragma once

#include "engine/product_file.h"
#include "ingest/format.h"

// Where products are looked for in files of this format; false: they are not read.
bool product_read_layout(enum format_id format, enum product_layout *ret);

struct product_read {
    int fd; // read from the start, left open
    struct str filename;
    enum format_id format;
    enum product_layout layout;
    int64_t timeout_ms;
    uint64_t most_bytes; // of all records
    struct arena *arena; // of the refusal
};
// Reads to the end of the file, or of what the product_file takes; its product_file_end is the caller's. *ret_refusal:
// NULL, or why the file as a whole cannot be read, fit for a client. ERR_IO.
int product_read(const struct product_read *read, struct product_file *file, const char **ret_refusal);
