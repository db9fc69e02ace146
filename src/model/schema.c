// SPDX-License-Identifier: Apache-2.0
// JSON Schemas of resources. That of input says what decode.c takes, no more and no less, as far as a schema can: texts
// are measured trimmed, one line has no control characters, strict input has no unknown members.
#include "model/model.h"

#include <stdio.h>

enum { DEPTH_SHOWN = 2 }; // the schema of each level holds that of the next twice

#define CONTROLS "\\u0000-\\u001f\\u007f-\\u009f"

static const char *const types[] = {
    [FIELD_STRING] = "string", [FIELD_INT] = "integer", [FIELD_NUMBER] = "number", [FIELD_BOOL] = "boolean",
    [FIELD_PRICE] = "number",  [FIELD_TIME] = "string", [FIELD_STRINGS] = "array", [FIELD_JSON] = "object",
    [FIELD_OBJECT] = "object", [FIELD_RANGE] = "array", [FIELD_OBJECTS] = "array",
};

static bool is_reply(unsigned flags)
{
    return flags & MODEL_REPLY;
}

bool field_is_read(const struct field *f, unsigned flags)
{
    return !(f->flags & (FIELD_READONLY | (flags & MODEL_PATCH ? FIELD_CREATE : FIELD_CHANGE)));
}

static bool clears(const struct field *f)
{
    static const char *const empty[] = {"\"\"", "[]", "{}"};
    for (size_t i = 0; i < 3 && f->fallback; i++)
        if (strcmp(f->fallback, empty[i]) == 0)
            return true;
    return false;
}

static bool takes_null(const struct field *f, unsigned flags)
{
    if (is_reply(flags))
        return f->flags & FIELD_NULL || (!(f->flags & (FIELD_REQUIRED | FIELD_SKIP_NULL)) && !f->fallback);
    bool optional = !(f->flags & FIELD_REQUIRED) || (flags & MODEL_PATCH);
    return f->flags & FIELD_NULL || flags & MODEL_LENIENT ? optional : clears(f);
}

static void put_shape(yyjson_mut_doc *doc, yyjson_mut_val *schema, const char *shape)
{
    char text[4096];
    if (!shape)
        return;
    (void)snprintf(text, sizeof text, "{%s}", shape);
    yyjson_mut_val *members = json_new_raw(doc, str_from(text)), *key, *value;
    size_t i, max;
    yyjson_mut_obj_foreach(members, i, max, key, value)
    {
        yyjson_mut_val *name = yyjson_mut_val_mut_copy(doc, key);
        (void)yyjson_mut_obj_put(schema, name, yyjson_mut_val_mut_copy(doc, value));
    }
}

// Of texts that have `low` characters or more when they are trimmed, on one line where the field asks for that. NULL:
// all of them.
static const char *pattern_of(const struct field *f, double low, char out[256])
{
    bool line = f->flags & FIELD_LINE;
    const char *any = line ? "[^" CONTROLS "]" : "[\\s\\S]";
    const char *solid = line || f->flags & FIELD_CLEAN ? "[^\\s" CONTROLS "]" : "\\S";
    const char *from = line ? "^[^" CONTROLS "]*" : "", *to = line ? "[^" CONTROLS "]*$" : "";
    if (f->pattern || f->choices)
        return f->pattern;
    if (low < 1)
        return line ? "^[^" CONTROLS "]*$" : NULL;
    if (low < 2)
        (void)snprintf(out, 256, "%s%s%s", from, solid, to);
    else
        (void)snprintf(out, 256, "%s%s%s{%d,}%s%s", from, solid, any, (int)low - 2, solid, to);
    return out;
}

static void put_text(const struct field *f, yyjson_mut_doc *doc, yyjson_mut_val *schema, double low, double high)
{
    char buffer[256];
    const char *pattern = pattern_of(f, low, buffer);
    if (low > 0)
        json_add_int(doc, schema, "minLength", (int64_t)low);
    if (high > 0)
        json_add_int(doc, schema, "maxLength", (int64_t)high);
    if (pattern)
        json_add(doc, schema, "pattern", yyjson_mut_strcpy(doc, pattern));
}

// What may stand at a member of a free object that nests at most so deep.
static yyjson_mut_val *nested(yyjson_mut_doc *doc, uint32_t depth)
{
    yyjson_mut_val *scalar = json_new_raw(doc, STR("{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}"));
    if (depth < 2)
        return scalar;
    yyjson_mut_val *either = yyjson_mut_obj(doc), *forms = yyjson_mut_arr(doc);
    yyjson_mut_val *list = json_new_raw(doc, STR("{\"type\":\"array\"}")),
                   *object = json_new_raw(doc, STR("{\"type\":\"object\"}"));
    json_add(doc, list, "items", nested(doc, depth - 1));
    json_add(doc, object, "additionalProperties", nested(doc, depth - 1));
    (void)yyjson_mut_arr_append(forms, scalar);
    (void)yyjson_mut_arr_append(forms, list);
    (void)yyjson_mut_arr_append(forms, object);
    json_add(doc, either, "anyOf", forms);
    return either;
}

static void put_object_bounds(const struct field *f, yyjson_mut_doc *doc, yyjson_mut_val *schema)
{
    if (f->high > 0)
        json_add_int(doc, schema, "maxProperties", (int64_t)f->high);
    if (f->item_high) {
        yyjson_mut_val *names = yyjson_mut_obj(doc);
        json_add_int(doc, names, "minLength", 1);
        json_add_int(doc, names, "maxLength", f->item_high);
        json_add_cstr(doc, names, "pattern", "\\S");
        json_add(doc, schema, "propertyNames", names);
    }
    if (f->depth && f->depth <= DEPTH_SHOWN)
        json_add(doc, schema, "additionalProperties", nested(doc, f->depth));
}

static void put_bounds(const struct field *f, yyjson_mut_doc *doc, yyjson_mut_val *schema, unsigned flags)
{
    bool bounded = f->low != 0 || f->high != 0, list = f->type == FIELD_STRINGS || f->type == FIELD_OBJECTS;
    double most = f->shown_high > 0 ? f->shown_high : f->high;
    bool number = f->type == FIELD_INT || f->type == FIELD_NUMBER || f->type == FIELD_PRICE;
    if (f->type == FIELD_STRING && !is_reply(flags))
        put_text(f, doc, schema, f->low, most);
    if (f->type == FIELD_JSON)
        put_object_bounds(f, doc, schema);
    if (list && bounded) {
        json_add_int(doc, schema, "minItems", (int64_t)f->low);
        json_add_int(doc, schema, "maxItems", (int64_t)most);
    }
    if (number && (bounded || !is_reply(flags))) {
        json_add_decimal(doc, schema, "minimum", bounded ? f->low : -9e15, 4);
        json_add_decimal(doc, schema, "maximum", bounded ? most : 9e15, 4);
    }
}

static yyjson_mut_val *choices(const struct field *f, yyjson_mut_doc *doc, unsigned flags)
{
    yyjson_mut_val *values = yyjson_mut_arr(doc);
    struct str rest = str_from(is_reply(flags) && f->shown_choices ? f->shown_choices : f->choices);
    while (rest.p)
        (void)yyjson_mut_arr_append(values, json_new_str(doc, str_split(&rest, '|')));
    if (f->flags & FIELD_EMPTY_NULL && !is_reply(flags))
        (void)yyjson_mut_arr_add_str(doc, values, "");
    if (takes_null(f, flags) && f->type != FIELD_STRINGS)
        (void)yyjson_mut_arr_append(values, yyjson_mut_null(doc));
    return values;
}

static yyjson_mut_val *items(const struct field *f, yyjson_mut_doc *doc, unsigned flags)
{
    yyjson_mut_val *one = yyjson_mut_obj(doc), *forms = yyjson_mut_arr(doc);
    if (f->type == FIELD_STRINGS) {
        json_add_cstr(doc, one, "type", "string");
        if (f->choices)
            json_add(doc, one, "enum", choices(f, doc, flags));
        else if (!is_reply(flags))
            put_text(f, doc, one, f->flags & FIELD_DROP_EMPTY ? 0 : 1, f->item_high);
        return one;
    }
    if (f->type == FIELD_RANGE)
        return json_new_raw(doc, STR("{\"type\":[\"number\",\"null\"]}"));
    yyjson_mut_val *object = model_schema(f->model, doc, flags & ~(unsigned)MODEL_PATCH);
    if (is_reply(flags) || !(f->flags & FIELD_BARE))
        return object;
    yyjson_mut_val *bare = yyjson_mut_obj(doc);
    json_add_cstr(doc, bare, "type", "string");
    put_text(f->model->fields, doc, bare, f->model->fields->low, f->model->fields->high);
    (void)yyjson_mut_arr_append(forms, object);
    (void)yyjson_mut_arr_append(forms, bare);
    json_add(doc, one, "anyOf", forms);
    return one;
}

static void put_type(const struct field *f, yyjson_mut_doc *doc, yyjson_mut_val *schema, unsigned flags)
{
    yyjson_mut_val *both = yyjson_mut_arr(doc), *type = yyjson_mut_str(doc, types[f->type]);
    (void)yyjson_mut_arr_add_str(doc, both, types[f->type]);
    (void)yyjson_mut_arr_add_str(doc, both, "null");
    (void)yyjson_mut_obj_put(schema, yyjson_mut_str(doc, "type"), takes_null(f, flags) ? both : type);
}

static yyjson_mut_val *object_schema(const struct field *f, yyjson_mut_doc *doc, unsigned flags)
{
    bool merge = !is_reply(flags) && f->flags & FIELD_MERGE;
    yyjson_mut_val *object = model_schema(f->model, doc, flags | (merge ? MODEL_PATCH : 0));
    if (!is_reply(flags) || f->flags & FIELD_NULL)
        put_type(f, doc, object, flags);
    return object;
}

static yyjson_mut_val *field_schema(const struct field *f, yyjson_mut_doc *doc, unsigned flags)
{
    if (f->type == FIELD_OBJECT || (f->type == FIELD_JSON && f->model && !is_reply(flags)))
        return object_schema(f, doc, flags);
    yyjson_mut_val *schema = yyjson_mut_obj(doc);
    put_type(f, doc, schema, flags);
    if (f->type == FIELD_TIME)
        json_add_cstr(doc, schema, "format", "date-time");
    put_bounds(f, doc, schema, flags);
    if (f->type == FIELD_STRINGS || f->type == FIELD_RANGE || f->type == FIELD_OBJECTS)
        json_add(doc, schema, "items", items(f, doc, flags));
    if (f->type == FIELD_RANGE) {
        json_add_int(doc, schema, "minItems", 2);
        json_add_int(doc, schema, "maxItems", 2);
    }
    if (f->choices && f->type == FIELD_STRING)
        json_add(doc, schema, "enum", choices(f, doc, flags));
    if (f->help)
        json_add_cstr(doc, schema, "description", f->help);
    if (f->fallback && !is_reply(flags) && !(flags & MODEL_PATCH))
        json_add(doc, schema, "default", json_new_raw(doc, str_from(f->fallback)));
    if (f->example) {
        yyjson_mut_val *examples = yyjson_mut_arr(doc);
        (void)yyjson_mut_arr_append(examples, json_new_raw(doc, str_from(f->example)));
        json_add(doc, schema, "examples", examples);
    }
    if (!is_reply(flags))
        put_shape(doc, schema, f->shape);
    return schema;
}

static void add_input(const struct field *f, yyjson_mut_doc *doc, yyjson_mut_val *properties, unsigned flags)
{
    static const char made[] = "{\"description\":\"Made by the server; what is said of it is ignored\"}";
    bool twice = yyjson_mut_obj_get(properties, f->name);
    if (field_is_read(f, flags)) {
        json_add(doc, properties, f->name, field_schema(f, doc, flags));
        if (f->alias && !yyjson_mut_obj_get(properties, f->alias))
            json_add(doc, properties, f->alias, field_schema(f, doc, flags));
    } else if (f->flags & FIELD_READONLY && flags & MODEL_PATCH && !(f->flags & FIELD_HIDDEN) && !twice) {
        json_add(doc, properties, f->name, json_new_raw(doc, STR(made)));
    }
}

// A required field with another name.
static void put_either(yyjson_mut_doc *doc, yyjson_mut_val *schema, const struct field *f)
{
    yyjson_mut_val *all = yyjson_mut_obj_get(schema, "allOf"), *either = yyjson_mut_obj(doc),
                   *forms = yyjson_mut_arr(doc);
    for (int i = 0; i < 2; i++) {
        yyjson_mut_val *form = yyjson_mut_arr_add_obj(doc, forms), *names = yyjson_mut_arr(doc);
        (void)yyjson_mut_arr_add_str(doc, names, i ? f->alias : f->name);
        json_add(doc, form, "required", names);
    }
    if (!all) {
        all = yyjson_mut_arr(doc);
        json_add(doc, schema, "allOf", all);
    }
    json_add(doc, either, "anyOf", forms);
    (void)yyjson_mut_arr_append(all, either);
}

yyjson_mut_val *model_schema(const struct model *model, yyjson_mut_doc *doc, unsigned flags)
{
    yyjson_mut_val *schema = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc), *required = yyjson_mut_arr(doc);
    json_add_cstr(doc, schema, "type", "object");
    for (size_t i = 0; i < model->n; i++) {
        const struct field *f = &model->fields[i];
        bool always = !(f->flags & FIELD_SKIP_NULL);
        if (!is_reply(flags)) {
            always = f->flags & FIELD_REQUIRED && !(flags & MODEL_PATCH) && field_is_read(f, flags);
            add_input(f, doc, properties, flags);
        } else if (f->flags & FIELD_HIDDEN) {
            continue;
        } else {
            json_add(doc, properties, f->name, field_schema(f, doc, flags));
        }
        if (always && f->alias && !is_reply(flags))
            put_either(doc, schema, f);
        else if (always)
            (void)yyjson_mut_arr_add_str(doc, required, f->name);
    }
    json_add(doc, schema, "properties", properties);
    if (yyjson_mut_arr_size(required))
        json_add(doc, schema, "required", required);
    if (!is_reply(flags) && !(flags & MODEL_LENIENT))
        json_add_bool(doc, schema, "additionalProperties", false);
    if (!is_reply(flags))
        put_shape(doc, schema, model->shape);
    return schema;
}
