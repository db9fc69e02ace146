// SPDX-License-Identifier: Apache-2.0
// XML as events, over libxml2's push parser: no network, no entities but XML's own five, no document type, at most 256
// elements deep. Names come without their prefix.
#pragma once

#include "base/str.h"
#include "ingest/record.h"

struct sax_parser;

struct sax_attributes {
    const unsigned char **at; // libxml2's five pointers each
    int n;
};
// The attribute of this local name; STR_NULL.
struct str sax_attribute(const struct sax_attributes *attributes, const char *name);

struct sax { // all may be NULL
    void (*start)(void *arg, struct str name, const struct sax_attributes *attributes);
    void (*end)(void *arg, struct str name);
    void (*text)(void *arg, struct str text);
};

struct sax_parser *sax_new(const struct sax *sax, void *arg, bool utf8); // utf8: whatever the file declares
void sax_free(struct sax_parser *parser);
bool sax_feed(struct sax_parser *parser, const char *bytes, size_t n); // false: at fault, or ended by sax_stop
enum read_reason sax_finish(struct sax_parser *parser);                // the end of the bytes
void sax_stop(struct sax_parser *parser); // from a callback: nothing more is wanted; not a fault
int64_t sax_line(struct sax_parser *parser);
void sax_fault(struct sax_parser *parser, int64_t *ret_line, int64_t *ret_column);
