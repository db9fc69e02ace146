// SPDX-License-Identifier: Apache-2.0
// Resources as tables: a struct and a row for each of its fields. Decoding with all faults at once, encoding, SQL
// columns and the OpenAPI schema come from that table; nothing else in the tree knows how a field is called.
//
// A resource struct begins with `uint64_t set`: bit i says that field i has a value (given, or not NULL). C types by
// field type: STRING, JSON → struct str; INT, TIME, PRICE → int64_t; NUMBER → double; BOOL → bool; STRINGS → struct
// strings; OBJECT → the nested resource struct itself; OBJECTS → struct objects; RANGE → struct price_range.
#pragma once

#include "model/fault.h"

enum field_type {
    FIELD_STRING,
    FIELD_INT,
    FIELD_NUMBER,
    FIELD_BOOL,
    FIELD_PRICE,   // 1/10000 of a currency unit; JSON number with at most 4 decimals, more are rounded half up
    FIELD_TIME,    // Unix ms; RFC 3339 in JSON
    FIELD_STRINGS, // list of strings; low..high count the items, item_high the code points of one
    FIELD_JSON,    // an object kept as text: high = keys, item_high = code points of a key, bytes = size, depth
    FIELD_OBJECT,  // nested model
    FIELD_OBJECTS, // list of objects of the nested model; low..high count the items
    FIELD_RANGE,   // [min, max], each a price or null
};

enum field_flags {
    FIELD_REQUIRED = 1,
    FIELD_NULL = 2,         // null is a value, not "absent"
    FIELD_READONLY = 4,     // made by the server; ignored on input
    FIELD_HIDDEN = 8,       // never in replies, audit rows and, with READONLY, the document
    FIELD_TRIM = 16,        // stored trimmed (lengths are always of the trimmed text)
    FIELD_SKIP_NULL = 32,   // left out of replies when it has no value
    FIELD_DROP_EMPTY = 64,  // list: empty items are dropped
    FIELD_EMPTY_NULL = 128, // "" counts as absent
    FIELD_KEY = 256,        // part of the table's key
    FIELD_LINE = 512,       // no control characters
    FIELD_CURSOR = 4096,    // lists of the store may go on behind a value of it (their order)
    FIELD_FILTER = 2048,    // lists of the store may be restricted to a value of it
    FIELD_MERGE = 1024,     // nested model: given keys replace, others stay
    FIELD_SECRET = 16384,   // audit rows show *** for it
    FIELD_CLEAN = 32768,    // string: control characters but tab and line feed are dropped first
    FIELD_BARE = 8192,      // list of objects: a bare string stands for an object with only its first field
    FIELD_CREATE = 65536,   // said when it is made: unknown to a patch
    FIELD_CHANGE = 131072,  // said by a patch alone
};

struct model;

struct strings {
    struct str *at;
    size_t n;
};

// A list stored as JSON, and back; empty when it is none.
void strings_load(struct arena *arena, struct str text, struct strings *ret);
yyjson_mut_val *strings_json(yyjson_mut_doc *doc, const struct strings *list);

struct objects { // `at` is an array of the nested model's structs
    void *at;
    size_t n;
};

// Likewise a list of objects; `model` is theirs.
void objects_load(const struct model *model, struct arena *arena, struct str text, struct objects *ret);
yyjson_mut_val *objects_json(const struct model *model, yyjson_mut_doc *doc, const struct objects *list);

struct price_range { // PRICE_OPEN = no bound
    int64_t low, high;
};
#define PRICE_LOW_OPEN INT64_MIN
#define PRICE_HIGH_OPEN INT64_MAX
#define PRICE_SCALE 10000

struct field {
    const char *name, *column; // column NULL: not stored
    enum field_type type;
    unsigned flags;
    uint32_t offset;
    double low, high; // value, code points or items by type; both 0 = no bound
    uint32_t item_high, bytes, depth;
    const char *fallback;           // JSON text of the default; NULL: none
    const char *choices;            // a|b|c
    const char *shown_choices;      // of replies, where these say more
    const char *pattern_help;       // with `valid`: what the form should be
    const char *pattern;            // the same rule as a regular expression, for the OpenAPI document
    double shown_high;              // bound that the document shows where a setting is narrower than `high`
    bool (*valid)(struct str text); // further rule of a string (STRINGS: of each item)
    const struct model *model;      // OBJECT, OBJECTS; JSON: what its members should be, for the document
    const char *help, *example;     // for OpenAPI; example is JSON
    const char *alias;              // another name on input; both with different values are a fault
    uint32_t decimals;              // NUMBER: rounded to so many on input; 0 = as it came
    const char *shape;              // what `valid` or a check asks for, as members of the schema of input: "\"a\":1"
};

struct model {
    const char *name;  // "Brand": OpenAPI component
    const char *table; // NULL: not stored. A tenant's table has brand_id, which is no field
    size_t size;
    const struct field *fields;
    size_t n;
    bool installation; // its table has no brand_id column of scope
    const char *order; // ORDER BY of lists
    const char *view; // rows are read from it, and written to `table`; NULL: from the table too
    // A rule over several fields; adds faults.
    void (*check)(const void *row, struct faults *faults, const struct loc *root);
    const char *shape; // what it asks for, as members of the schema of input
};

#define MODEL_FIELDS(rows) .fields = (rows), .n = sizeof(rows) / sizeof *(rows)
#define FIELD_AT(type, member) .offset = (uint32_t)offsetof(type, member)

// Strict input (no flag): unknown fields are faults, fields that the server makes too, but for a patch, which may send
// back what was read; null clears a field whose default is null or empty and is a fault elsewhere.
enum {
    MODEL_PATCH = 1,   // nothing is required, no defaults
    MODEL_LENIENT = 2, // numbers and booleans as text, unknown fields ignored, null is absent (001, 002, 004)
};

struct query_pair {
    struct str name, value;
};

// What a request brings: a JSON body (parsed with JSON_RAW_NUMBERS; NULL: none) and pairs of a query, in which a field
// may come too (a body field wins).
struct model_input {
    yyjson_val *body;
    const struct query_pair *query;
    size_t n_query;
};

// Fills *row (zeroed by the caller for a create, loaded for a patch). Returns 0, or ERR_INVALID with faults. Strings
// live in the faults' arena or in the body's.
int model_decode(const struct model *model, unsigned flags, const struct model_input *input, void *row,
                 struct faults *faults) __attribute__((warn_unused_result));
// The same for one object at a place inside a body (bulk rows).
int model_decode_at(const struct model *model, unsigned flags, yyjson_val *object, const struct loc *at, void *row,
                    struct faults *faults) __attribute__((warn_unused_result));

yyjson_mut_val *model_encode(const struct model *model, yyjson_mut_doc *doc, const void *row);
void model_encode_field(const struct model *model, const struct field *field, yyjson_mut_doc *doc,
                        yyjson_mut_val *object, const void *row);
// Members of a stored JSON text into a nested row (unknown and broken ones are left out), then defaults for those
// without a value.
void model_load_json(const struct model *model, struct arena *arena, struct str text, void *row);
void model_defaults(const struct model *model, struct arena *arena, void *row);

bool model_has(const struct model *model, const void *row, const char *field); // false for other names too
size_t model_field_index(const struct model *model, const char *name);         // n when there is none
// Where the field's value is in a row, and whether it is set. The field must exist.
void *model_at(const struct model *model, void *row, const char *field);
void model_mark(const struct model *model, void *row, const char *field, bool set);
void model_put_str(const struct model *model, void *row, const char *field, struct str value); // STR_NULL: no value
// The stored fields in which the rows differ, with the values of each, for audit rows: secrets masked, hidden fields
// and times of change left out; of merged nested objects only the members that differ. Either row may be NULL (all
// fields of the other).
void model_diff(const struct model *model, struct arena *arena, const void *old, const void *row, struct str *ret_old,
                struct str *ret_new);
// Both rows would be stored alike.
bool model_equal(const struct model *model, struct arena *arena, const void *a, const void *b);
// Names of the fields that are set in `patch`, comma separated (for audit rows).
struct str model_set_names(const struct model *model, struct arena *arena, const void *patch);

// JSON Schema (OpenAPI 3.1) of what model_decode takes with these flags, or (MODEL_REPLY) of what model_encode writes
// (schema.c).
yyjson_mut_val *model_schema(const struct model *model, yyjson_mut_doc *doc, unsigned flags);
enum { MODEL_REPLY = 4 };
bool field_is_read(const struct field *field, unsigned flags); // by model_decode with these flags

// Exact decimal text (also with exponent) to 1/10000; false: no finite number. Out of int64: saturated.
bool price_parse(struct str text, int64_t *ret);
// "1349.99": no trailing zeros.
void price_text(int64_t price, char out[32]);
