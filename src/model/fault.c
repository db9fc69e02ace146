// SPDX-License-Identifier: Apache-2.0
#include "model/fault.h"

#include <stdio.h>

const struct fault_row fault_kinds[FAULT_CODES] = {
    [FAULT_JSON] = {"json_invalid", "JSON decode error", "format", "is not valid JSON"},
    [FAULT_MISSING] = {"missing", "Field required", "required", "is required"},
    [FAULT_STRING] = {"string_type", "Input should be a valid string", "type", "must be a string"},
    [FAULT_NUMBER] = {"float_type", "Input should be a valid number", "type", "must be a number"},
    [FAULT_INTEGER] = {"int_type", "Input should be a valid integer", "type", "must be an integer"},
    [FAULT_BOOLEAN] = {"bool_type", "Input should be a valid boolean", "type", "must be a boolean"},
    [FAULT_LIST] = {"list_type", "Input should be a valid list", "type", "must be a list"},
    [FAULT_OBJECT] = {"dict_type", "Input should be a valid dictionary", "type", "must be an object"},
    [FAULT_NUMBER_TEXT] = {"float_parsing", "Input should be a valid number, unable to parse string as a number", "type",
                           "must be a number"},
    [FAULT_INTEGER_TEXT] = {"int_parsing", "Input should be a valid integer, unable to parse string as an integer", "type",
                            "must be an integer"},
    [FAULT_BOOLEAN_TEXT] = {"bool_parsing", "Input should be a valid boolean, unable to interpret input", "type",
                            "must be a boolean"},
    [FAULT_SHORT] = {"string_too_short", "String should have at least %s characters", "too_short",
                     "must have at least %s characters"},
    [FAULT_LONG] = {"string_too_long", "String should have at most %s characters", "too_long",
                    "must have at most %s characters"},
    [FAULT_FEW] = {"too_short", "List should have at least %s items", "too_short", "must have at least %s items"},
    [FAULT_MANY] = {"too_long", "List should have at most %s items", "too_long", "must have at most %s items"},
    [FAULT_BELOW] = {"greater_than_equal", "Input should be greater than or equal to %s", "out_of_range",
                     "must be at least %s"},
    [FAULT_ABOVE] = {"less_than_equal", "Input should be less than or equal to %s", "out_of_range", "must be at most %s"},
    [FAULT_ENUM] = {"enum", "Input should be one of %s", "enum", "must be one of %s"},
    [FAULT_FORM] = {"string_pattern_mismatch", "Input should be %s", "format", "must be %s"},
    [FAULT_NUL] = {"string_invalid", "String should not contain NUL", "format", "must not contain NUL"},
    [FAULT_UNKNOWN] = {"extra_forbidden", "Extra inputs are not permitted", "unknown_field", "is not a known field"},
    [FAULT_DUPLICATE] = {"duplicate", "Value appears twice", "duplicate", "appears twice"},
    [FAULT_IMMUTABLE] = {"immutable", "Value cannot be changed", "immutable", "cannot be changed"},
    [FAULT_QUOTA] = {"too_many", "At most %s are possible", "limit_reached", "at most %s are possible"},
    [FAULT_ADDRESS] = {"url_address", "Address is not allowed", "address_not_allowed", "is not an allowed address"},
    [FAULT_CHECK_DIGIT] = {"check_digit", "Check digit is wrong", "check_digit", "has a wrong check digit"},
    [FAULT_REFERENCE] = {"reference", "Input should name %s", "format", "must name %s"},
};

struct faults *faults_new(struct arena *arena)
{
    struct faults *faults = ARENA_NEW(arena, struct faults);
    faults->arena = arena;
    return faults;
}

static struct loc *copy_loc(struct arena *arena, const struct loc *loc)
{
    if (!loc)
        return NULL;
    struct loc *copy = ARENA_NEW(arena, struct loc);
    *copy = (struct loc){copy_loc(arena, loc->outer), arena_str(arena, loc->name), loc->index};
    return copy;
}

static struct str worded(struct arena *arena, const char *pattern, const char *value)
{
    struct str text = str_from(pattern);
    ptrdiff_t at = str_find(text, STR("%s"));
    return at < 0 ? text : arena_strf(arena, "%.*s%s%s", (int)at, pattern, value, pattern + at + 2);
}

struct fault *fault_add(struct faults *faults, enum fault_code code, const struct loc *loc, yyjson_val *input,
                        double bound, const char *text)
{
    if (faults->n == FAULTS_MAX)
        return &faults->at[FAULTS_MAX];
    if (!faults->at)
        faults->at = arena_calloc(faults->arena, FAULTS_MAX + 1, sizeof *faults->at);
    char number[40];
    (void)snprintf(number, sizeof number, "%.15g", bound);
    const char *value = text ? text : number;
    struct fault *fault = &faults->at[faults->n++];
    *fault = (struct fault){code, copy_loc(faults->arena, loc), worded(faults->arena, fault_kinds[code].message, value),
                            worded(faults->arena, fault_kinds[code].plain, value), input, STR_NULL};
    return fault;
}

static void add_parts(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct loc *loc)
{
    if (loc->outer)
        add_parts(doc, list, loc->outer);
    (void)yyjson_mut_arr_append(list, loc->name.p ? json_new_str(doc, loc->name) : yyjson_mut_sint(doc, loc->index));
}

yyjson_mut_val *fault_loc_json(yyjson_mut_doc *doc, const struct loc *loc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    add_parts(doc, list, loc);
    return list;
}

struct str fault_loc_text(struct arena *arena, const struct loc *loc)
{
    if (!loc->outer)
        return STR("");
    struct str before = fault_loc_text(arena, loc->outer);
    if (!loc->name.p)
        return arena_strf(arena, "%s[%lld]", before.p, (long long)loc->index);
    return arena_strf(arena, "%s%s" STR_FMT, before.p, before.n ? "." : "", STR_ARG(loc->name));
}
