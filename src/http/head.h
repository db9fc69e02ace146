// SPDX-License-Identifier: Apache-2.0
// Reads one HTTP/1.x request at a time: llhttp without lenient flags, plus the checks that it leaves to its caller
// (exactly one Host, coding "chunked" alone, protocol name and version, bounds). Anything doubtful is refused: two
// servers that read the same bytes differently are how requests are smuggled.
// This is the only file that sees llhttp (its constants clash with http.h).
#pragma once

#include "base/buf.h"

enum head_event {
    HEAD_MORE, // all bytes used
    HEAD_DONE, // line and fields are there; call again for the rest
    HEAD_END,  // the request is complete; unused bytes belong to the next one
    HEAD_BAD,  // head_status says why; nothing more is read
};

// Offsets into `text`.
struct head_field {
    uint32_t name, name_n, value, value_n;
};

struct head {
    void *parser;
    struct buf text; // target, then names and values
    struct head_field *fields;
    size_t n_fields, cap_fields;
    size_t max_head, max_fields;
    size_t used;                                          // bytes of the head so far
    size_t extra;                                         // bytes of chunk extensions and trailers so far
    bool (*body)(void *arg, const char *bytes, size_t n); // gets the body as it comes; false: 413
    void *body_arg;
    int status;      // of HEAD_BAD
    unsigned method; // HTTP_GET … as in http.h; 0 = none of them
    const char *method_name;
    uint32_t target_n;
    uint64_t content_length;
    bool begun, done, ended, in_value, version_seen, http10, keep_alive, upgrade, has_body, chunked;
    size_t skipped;   // bytes of empty lines before the request line
    const char *feed; // bytes of the call under way
    char tail[5];     // the last bytes of the calls before
};

struct head *head_new(size_t max_head, size_t max_fields);
void head_free(struct head *head);
void head_reset(struct head *head); // for the next request; keeps small memory
enum head_event head_feed(struct head *head, const char *bytes, size_t n, size_t *ret_used);
struct str head_target(const struct head *head);
// First field of that name, from *pos on (start with 0); false: no further one.
bool head_next(const char *text, const struct head_field *fields, size_t n, struct str name, size_t *pos,
               struct str *ret_value);
