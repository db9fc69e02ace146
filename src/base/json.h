// SPDX-License-Identifier: Apache-2.0
// Glue to yyjson: strict reading inside an arena with the bounds that every surface has, and writing of trees.
// Reading refuses: anything but one UTF-8 JSON text, nesting deeper than JSON_MAX_DEPTH, lone surrogates in escapes.
// With a repeated key the last one counts (json_get). Values live as long as the arena.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <yyjson.h>

#define JSON_MAX_DEPTH 32

// Parses `text`. Numbers that do not fit int64/uint64/double exactly are kept as raw text where JSON_RAW_NUMBERS is
// set. On failure returns ERR_FORMAT and sets *ret_offset (may be NULL) to the byte where it failed.
enum { JSON_RAW_NUMBERS = 1 };
int json_parse(struct arena *arena, struct str text, unsigned flags, yyjson_val **ret, size_t *ret_offset)
    __attribute__((warn_unused_result));

// Bytes that are not UTF-8 and escaped halves of surrogate pairs become U+FFFD (\ufffd); returns `json` itself where
// nothing is wrong.
struct str json_repair(struct arena *arena, struct str json);

yyjson_val *json_get(yyjson_val *object, const char *key); // last member of that name; NULL: absent or no object
bool json_repeats(yyjson_val *value); // some object inside has a member name twice
struct str json_str(yyjson_val *value); // STR_NULL unless a string
struct str json_get_str(yyjson_val *object, const char *key);
int64_t json_get_int(yyjson_val *object, const char *key, int64_t otherwise);
bool json_get_bool(yyjson_val *object, const char *key, bool otherwise);

// A tree under construction; all memory is the arena's. Keys are literals or arena memory.
yyjson_mut_doc *json_doc(struct arena *arena);
yyjson_mut_val *json_new_strs(yyjson_mut_doc *doc, const struct str *at, size_t n); // array of strings
yyjson_mut_val *json_new_str(yyjson_mut_doc *doc, struct str s); // null for STR_NULL; invalid UTF-8 becomes U+FFFD
yyjson_mut_val *json_new_num(yyjson_mut_doc *doc, const char *digits); // a number exactly as written; digits are copied
void json_add_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, struct str s);
void json_add_cstr(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *s); // NULL gives null
void json_add_int(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t n);
void json_add_bool(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, bool b);
void json_add_null(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key);
void json_add_time(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t wall_ms); // 0 gives null
// At most `decimals` (0..6) decimals, no trailing zeros, no binary noise: 0.8127, 1349.99, 5.
void json_add_decimal(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, double n, int decimals);
void json_add(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, yyjson_mut_val *value);
// Copies JSON text that is already known to be valid into the tree (null when it is not).
yyjson_mut_val *json_new_raw(yyjson_mut_doc *doc, struct str text);

// Compact text in the arena.
struct str json_write(struct arena *arena, yyjson_mut_val *root);
struct str json_write_val(struct arena *arena, yyjson_val *root);
bool json_write_buf(struct buf *out, yyjson_mut_val *root);
// Appends `s` as a quoted JSON string.
bool json_quote(struct buf *out, struct str s);
