// SPDX-License-Identifier: Apache-2.0
// Faults of input: what is wrong, where, and with what bound. They are collected (all of a request at once, at most
// FAULTS_MAX); each surface words them by its own columns of the one table.
#pragma once

#include "base/arena.h"
#include "base/json.h"

#define FAULTS_MAX 50

enum fault_code {
    FAULT_JSON, // not JSON: `number` is the byte offset
    FAULT_MISSING,
    FAULT_STRING,
    FAULT_NUMBER,
    FAULT_INTEGER,
    FAULT_BOOLEAN,
    FAULT_LIST,
    FAULT_OBJECT,
    FAULT_NUMBER_TEXT, // text that is no number
    FAULT_INTEGER_TEXT,
    FAULT_BOOLEAN_TEXT,
    FAULT_SHORT, // code points; `number` is the bound
    FAULT_LONG,
    FAULT_FEW, // items
    FAULT_MANY,
    FAULT_BELOW,
    FAULT_ABOVE,
    FAULT_ENUM, // `text` names what is allowed
    FAULT_FORM, // `text` says what form it should have
    FAULT_NUL,
    FAULT_UNKNOWN, // unknown field
    FAULT_DUPLICATE,
    FAULT_IMMUTABLE,
    FAULT_QUOTA, // too many objects already; `number` is the bound
    FAULT_ADDRESS, // an address that the server must not call
    FAULT_CHECK_DIGIT,
    FAULT_REFERENCE, // no such object here; `text` says of what kind
    FAULT_CODES
};

struct fault_row {
    const char *type, *message; // of surface 001; %s takes the bound or the text
    const char *code, *plain; // of /api/v1
};
extern const struct fault_row fault_kinds[FAULT_CODES];

struct loc { // a place in the input, from the inside out; lives on the stack while decoding
    const struct loc *outer; // NULL: the root: "body", "query", "path"
    struct str name; // STR_NULL: an index
    int64_t index;
};

struct fault {
    enum fault_code code;
    struct loc *loc; // copied into the arena
    struct str message; // worded for `type`
    struct str plain;
    yyjson_val *input; // NULL: none
    struct str input_text; // from a query or path
};

struct faults {
    struct arena *arena;
    struct fault *at; // NULL while there is none; the last of FAULTS_MAX + 1 is where those beyond the maximum go
    size_t n; // at most FAULTS_MAX
};

struct faults *faults_new(struct arena *arena);
// Adds one (dropped beyond FAULTS_MAX). `bound` is used by codes with a number, `text` by ENUM and FORM.
struct fault *fault_add(struct faults *faults, enum fault_code code, const struct loc *loc, yyjson_val *input,
                        double bound, const char *text);
// ["body",3,"price"] as JSON, and "[3].price" / "traits[0].value" as text (without the root).
yyjson_mut_val *fault_loc_json(yyjson_mut_doc *doc, const struct loc *loc);
struct str fault_loc_text(struct arena *arena, const struct loc *loc);
