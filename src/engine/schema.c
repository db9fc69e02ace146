// SPDX-License-Identifier: Apache-2.0
#include "engine/schema.h"

#include "base/utf8.h"

struct check {
    struct arena *arena;
    struct str why;
};

static bool check_value(struct check *check, yyjson_val *schema, yyjson_val *value, struct str where, unsigned depth);

__attribute__((format(printf, 3, 4))) static bool wrong(struct check *check, struct str where, const char *format, ...)
{
    va_list args;
    if (check->why.n)
        return false;
    va_start(args, format);
    const char *said = arena_vprintf(check->arena, format, args);
    va_end(args);
    struct str name = where.n ? where : STR("the value");
    check->why = arena_strf(check->arena, STR_FMT " %s", STR_ARG(name), said);
    return false;
}

static struct str below(struct check *check, struct str where, struct str name)
{
    return where.n ? arena_strf(check->arena, STR_FMT "." STR_FMT, STR_ARG(where), STR_ARG(name)) : name;
}

static bool whole_number(yyjson_val *value)
{
    if (yyjson_is_int(value))
        return true;
    double n = yyjson_get_num(value);
    return yyjson_is_real(value) && n >= -1e15 && n <= 1e15 && n == (double)(int64_t)n;
}

static bool has_type(yyjson_val *value, struct str type)
{
    static const struct {
        const char *name;
        bool (*is)(yyjson_val *value);
    } types[] = {
        {"object", yyjson_is_obj},   {"array", yyjson_is_arr}, {"string", yyjson_is_str}, {"number", yyjson_is_num},
        {"boolean", yyjson_is_bool}, {"null", yyjson_is_null}, {"integer", whole_number},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_eq(type, str_from(types[i].name)))
            return types[i].is(value);
    return true;
}

static bool check_type(struct check *check, yyjson_val *type, yyjson_val *value, struct str where)
{
    size_t i, max;
    yyjson_val *one;
    if (yyjson_is_str(type))
        return has_type(value, json_str(type)) ||
               wrong(check, where, "must be of type " STR_FMT, STR_ARG(json_str(type)));
    if (!yyjson_is_arr(type))
        return true;
    yyjson_arr_foreach(type, i, max, one) if (has_type(value, json_str(one))) return true;
    return wrong(check, where, "has a wrong type");
}

static bool check_enum(struct check *check, yyjson_val *schema, yyjson_val *value, struct str where)
{
    yyjson_val *list = json_get(schema, "enum"), *only = json_get(schema, "const"), *one;
    size_t i, max;
    if (only && !yyjson_equals(only, value))
        return wrong(check, where, "must be " STR_FMT, STR_ARG(json_write_val(check->arena, only)));
    if (!yyjson_is_arr(list))
        return true;
    yyjson_arr_foreach(list, i, max, one) if (yyjson_equals(one, value)) return true;
    return wrong(check, where, "must be one of " STR_FMT, STR_ARG(json_write_val(check->arena, list)));
}

static bool check_bounds(struct check *check, yyjson_val *schema, yyjson_val *value, struct str where)
{
    static const struct {
        const char *name, *said;
        bool low;
        enum { OF_NUMBER, OF_STRING, OF_ARRAY } of;
    } rows[] = {
        {"minimum", "must be at least", true, OF_NUMBER},
        {"maximum", "must be at most", false, OF_NUMBER},
        {"minLength", "must have at least this many characters:", true, OF_STRING},
        {"maxLength", "must have at most this many characters:", false, OF_STRING},
        {"minItems", "must have at least this many items:", true, OF_ARRAY},
        {"maxItems", "must have at most this many items:", false, OF_ARRAY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        yyjson_val *bound = json_get(schema, rows[i].name);
        bool fits = rows[i].of == OF_NUMBER   ? yyjson_is_num(value)
                    : rows[i].of == OF_STRING ? yyjson_is_str(value)
                                              : yyjson_is_arr(value);
        if (!yyjson_is_num(bound) || !fits)
            continue;
        double n = rows[i].of == OF_NUMBER   ? yyjson_get_num(value)
                   : rows[i].of == OF_STRING ? (double)utf8_count(json_str(value))
                                             : (double)yyjson_arr_size(value);
        if (rows[i].low ? n < yyjson_get_num(bound) : n > yyjson_get_num(bound))
            return wrong(check, where, "%s %g", rows[i].said, yyjson_get_num(bound));
    }
    return true;
}

static bool check_object(struct check *check, yyjson_val *schema, yyjson_val *value, struct str where, unsigned depth)
{
    yyjson_val *required = json_get(schema, "required"), *properties = json_get(schema, "properties"),
               *more = json_get(schema, "additionalProperties"), *name, *key, *item;
    size_t i, max;
    yyjson_arr_foreach(required, i, max, name)
    {
        struct str wanted = json_str(name);
        if (wanted.p && !json_get(value, arena_cstr(check->arena, wanted)))
            return wrong(check, below(check, where, wanted), "is required");
    }
    yyjson_obj_foreach(value, i, max, key, item)
    {
        struct str at = below(check, where, json_str(key));
        yyjson_val *known = json_get(properties, arena_cstr(check->arena, json_str(key)));
        if (!known && yyjson_is_false(more))
            return wrong(check, at, "is not known");
        yyjson_val *rule = known ? known : more;
        if (yyjson_is_obj(rule) && !check_value(check, rule, item, at, depth + 1))
            return false;
    }
    return true;
}

static bool check_items(struct check *check, yyjson_val *items, yyjson_val *value, struct str where, unsigned depth)
{
    size_t i, max;
    yyjson_val *item;
    if (!yyjson_is_obj(items))
        return true;
    yyjson_arr_foreach(value, i, max, item)
    {
        struct str at = arena_strf(check->arena, STR_FMT "[%zu]", STR_ARG(where), i);
        if (!check_value(check, items, item, at, depth + 1))
            return false;
    }
    return true;
}

static bool check_any(struct check *check, yyjson_val *any, yyjson_val *value, struct str where, unsigned depth)
{
    size_t i, max;
    yyjson_val *one;
    if (!yyjson_is_arr(any))
        return true;
    yyjson_arr_foreach(any, i, max, one)
    {
        struct check alone = {check->arena, STR_NULL};
        if (!yyjson_is_obj(one) || check_value(&alone, one, value, where, depth + 1))
            return true;
    }
    return wrong(check, where, "fits none of the forms that it may have");
}

static bool check_value(struct check *check, yyjson_val *schema, yyjson_val *value, struct str where, unsigned depth)
{
    if (depth > SCHEMA_DEPTH)
        return wrong(check, where, "is nested too deeply");
    return check_type(check, json_get(schema, "type"), value, where) && check_enum(check, schema, value, where) &&
           check_bounds(check, schema, value, where) &&
           (!yyjson_is_obj(value) || check_object(check, schema, value, where, depth)) &&
           (!yyjson_is_arr(value) || check_items(check, json_get(schema, "items"), value, where, depth)) &&
           check_any(check, json_get(schema, "anyOf"), value, where, depth);
}

bool schema_check(struct arena *arena, yyjson_val *schema, yyjson_val *value, struct str *ret_why)
{
    struct check check = {arena, STR_NULL};
    bool good = check_value(&check, schema, value, STR(""), 0);
    if (!good)
        *ret_why = check.why;
    return good;
}
