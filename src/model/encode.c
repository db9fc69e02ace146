// SPDX-License-Identifier: Apache-2.0
// Resource → JSON, and its JSON Schema.
#include "model/model.h"

yyjson_mut_val *strings_json(yyjson_mut_doc *doc, const struct strings *list)
{
    return json_new_strs(doc, list->at, list->n);
}

yyjson_mut_val *objects_json(const struct model *model, yyjson_mut_doc *doc, const struct objects *list)
{
    yyjson_mut_val *array = yyjson_mut_arr(doc);
    for (size_t i = 0; i < list->n; i++)
        (void)yyjson_mut_arr_append(array, model_encode(model, doc, (const char *)list->at + i * model->size));
    return array;
}

void strings_load(struct arena *arena, struct str text, struct strings *ret)
{
    yyjson_val *list, *item;
    size_t i, max;
    *ret = (struct strings){0};
    if (!text.p || json_parse(arena, text, 0, &list, NULL) != 0)
        return;
    ret->at = arena_calloc(arena, yyjson_arr_size(list) + 1, sizeof *ret->at);
    yyjson_arr_foreach(list, i, max, item) ret->at[ret->n++] = json_str(item);
}

static void encode_value(const struct field *f, yyjson_mut_doc *doc, yyjson_mut_val *object, const void *at)
{
    char digits[32];
    switch (f->type) {
    case FIELD_STRING:
        json_add_str(doc, object, f->name, *(const struct str *)at);
        break;
    case FIELD_INT:
        json_add_int(doc, object, f->name, *(const int64_t *)at);
        break;
    case FIELD_NUMBER:
        json_add_decimal(doc, object, f->name, *(const double *)at, 6);
        break;
    case FIELD_BOOL:
        json_add_bool(doc, object, f->name, *(const bool *)at);
        break;
    case FIELD_PRICE:
        price_text(*(const int64_t *)at, digits);
        json_add(doc, object, f->name, json_new_num(doc, digits));
        break;
    case FIELD_TIME:
        json_add_time(doc, object, f->name, *(const int64_t *)at);
        break;
    case FIELD_STRINGS:
        json_add(doc, object, f->name, strings_json(doc, at));
        break;
    case FIELD_JSON:
        json_add(doc, object, f->name, json_new_raw(doc, *(const struct str *)at));
        break;
    case FIELD_OBJECT:
        json_add(doc, object, f->name, model_encode(f->model, doc, at));
        break;
    case FIELD_OBJECTS:
        json_add(doc, object, f->name, objects_json(f->model, doc, at));
        break;
    case FIELD_RANGE: // input only
        break;
    }
}

void model_encode_field(const struct model *model, const struct field *field, yyjson_mut_doc *doc,
                        yyjson_mut_val *object, const void *row)
{
    bool set = *(const uint64_t *)row >> (field - model->fields) & 1;
    if (set)
        encode_value(field, doc, object, (const char *)row + field->offset);
    else if (!(field->flags & FIELD_SKIP_NULL))
        json_add_null(doc, object, field->name);
}

yyjson_mut_val *model_encode(const struct model *model, yyjson_mut_doc *doc, const void *row)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    for (size_t i = 0; i < model->n; i++)
        if (!(model->fields[i].flags & FIELD_HIDDEN))
            model_encode_field(model, &model->fields[i], doc, object, row);
    return object;
}

size_t model_field_index(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->n; i++)
        if (strcmp(model->fields[i].name, name) == 0)
            return i;
    return model->n;
}

void *model_at(const struct model *model, void *row, const char *field)
{
    return (char *)row + model->fields[model_field_index(model, field)].offset;
}

void model_mark(const struct model *model, void *row, const char *field, bool set)
{
    uint64_t bit = UINT64_C(1) << model_field_index(model, field);
    uint64_t *bits = row;
    *bits = set ? *bits | bit : *bits & ~bit;
}

void model_put_str(const struct model *model, void *row, const char *field, struct str value)
{
    *(struct str *)model_at(model, row, field) = value;
    model_mark(model, row, field, value.p);
}

static void add_side(const struct model *model, const struct field *f, yyjson_mut_doc *doc, yyjson_mut_val *side,
                     const void *row)
{
    if (row && f->flags & FIELD_SECRET)
        json_add_cstr(doc, side, f->name, "***");
    else if (row)
        model_encode_field(model, f, doc, side, row);
}

static struct str field_text(const struct model *model, const struct field *f, struct arena *arena, const void *row)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    if (row)
        model_encode_field(model, f, doc, object, row);
    return json_write(arena, object);
}

// Members of one side of a change: those of nested objects too, where both rows have them.
static void diff(const struct model *model, struct arena *arena, yyjson_mut_doc *doc, const void *old, const void *row,
                 yyjson_mut_val *before, yyjson_mut_val *after, bool nested)
{
    for (size_t i = 0; i < model->n; i++) {
        const struct field *f = &model->fields[i];
        bool same = str_eq(field_text(model, f, arena, old), field_text(model, f, arena, row));
        if ((!f->column && !nested) || (f->flags & FIELD_HIDDEN) || f->type == FIELD_TIME || same)
            continue;
        if (f->type == FIELD_OBJECT && f->flags & FIELD_MERGE && old && row) {
            yyjson_mut_val *inner_before = yyjson_mut_obj(doc), *inner_after = yyjson_mut_obj(doc);
            diff(f->model, arena, doc, (const char *)old + f->offset, (const char *)row + f->offset, inner_before,
                 inner_after, true);
            json_add(doc, before, f->name, inner_before);
            json_add(doc, after, f->name, inner_after);
            continue;
        }
        add_side(model, f, doc, before, old);
        add_side(model, f, doc, after, row);
    }
}

void model_diff(const struct model *model, struct arena *arena, const void *old, const void *row, struct str *ret_old,
                struct str *ret_new)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *before = yyjson_mut_obj(doc), *after = yyjson_mut_obj(doc);
    diff(model, arena, doc, old, row, before, after, false);
    *ret_old = old ? json_write(arena, before) : STR_NULL;
    *ret_new = row ? json_write(arena, after) : STR_NULL;
}

static struct str stored_text(const struct model *model, struct arena *arena, const void *row)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    for (size_t i = 0; i < model->n; i++)
        if (model->fields[i].column)
            model_encode_field(model, &model->fields[i], doc, object, row);
    return json_write(arena, object);
}

bool model_equal(const struct model *model, struct arena *arena, const void *a, const void *b)
{
    return str_eq(stored_text(model, arena, a), stored_text(model, arena, b));
}

bool model_has(const struct model *model, const void *row, const char *field)
{
    size_t i = model_field_index(model, field);
    return i < model->n && (*(const uint64_t *)row >> i & 1);
}

struct str model_set_names(const struct model *model, struct arena *arena, const void *patch)
{
    AUTO_BUF struct buf names = BUF_INIT(4096);
    for (size_t i = 0; i < model->n; i++)
        if (*(const uint64_t *)patch >> i & 1)
            buf_addf(&names, "%s%s", names.n ? "," : "", model->fields[i].name);
    return arena_str(arena, buf_str(&names));
}
