// SPDX-License-Identifier: Apache-2.0
#include "ingest/record.h"

const char *const record_kinds[RECORD_KINDS] = {"text", "heading", "row", "object", "note", "end"};
const char *const read_reasons[READ_REASONS] = {"ok",      "encrypted", "damaged", "no_text",   "too_many_pages",
                                                "timeout", "too_large", "doctype", "no_reader", "internal"};
