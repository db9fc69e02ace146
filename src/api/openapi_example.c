// SPDX-License-Identifier: Apache-2.0
// Examples made from the tables of fields: what a row says itself (`example`), else its default, else something that
// fits its type, its name and its bounds.
#include "api/openapi_parts.h"

static const struct {
    const char *ending, *value; // of a string field's name
} names[] = {
    {"id", "0198c0e0-0001-7000-8000-000000000001"},
    {"Id", "0198c0e0-0001-7000-8000-000000000001"},
    {"_id", "0198c0e0-0001-7000-8000-000000000001"},
    {"brandId", "mira"},
    {"brand_id", "mira"},
    {"slug", "fern-bot"},
    {"email", "mira@fern.example"},
    {"username", "mira"},
    {"password", "moss-and-granite-41"},
    {"url", "https://hooks.fern.example/parley"},
    {"Url", "https://hooks.fern.example/parley"},
    {"message", "How long is the warranty?"},
    {"content", "The Aurora X2 has a two-year warranty."},
    {"query", "warranty"},
    {"currency", "USD"},
    {"language", "en"},
    {"name", "Fern"},
};

static yyjson_mut_val *string_example(struct document *d, const struct field *f)
{
    const char *best = NULL;
    size_t length = 0;
    if (f->choices) {
        struct str rest = str_from(f->choices);
        return json_new_str(d->doc, str_split(&rest, '|'));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ends(str_from(f->name), str_from(names[i].ending)) && strlen(names[i].ending) > length) {
            best = names[i].value;
            length = strlen(names[i].ending);
        }
    best = best ? best : "A short text";
    bool fits = f->high == 0 || strlen(best) <= (size_t)f->high;
    return json_new_str(d->doc, fits ? str_from(best) : (struct str){best, (size_t)f->high});
}

static double number_example(const struct field *f)
{
    bool bounded = f->low != 0 || f->high != 0;
    double n = bounded && f->high < 1 ? f->high : 1;
    return bounded && n < f->low ? f->low : n;
}

static yyjson_mut_val *parsed(struct document *d, const char *text)
{
    yyjson_val *value;
    return text && json_parse(d->arena, str_from(text), 0, &value, NULL) == 0 ? yyjson_val_mut_copy(d->doc, value)
                                                                              : NULL;
}

static yyjson_mut_val *list_of(struct document *d, yyjson_mut_val *one)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    if (one)
        (void)yyjson_mut_arr_append(list, one);
    return list;
}

static yyjson_mut_val *field_example(struct document *d, const struct field *f, unsigned flags)
{
    yyjson_mut_val *said = parsed(d, f->example ? f->example : f->fallback);
    if (said && !(yyjson_mut_is_null(said) && !f->example))
        return said;
    switch (f->type) {
    case FIELD_STRING:
        return string_example(d, f);
    case FIELD_INT:
        return yyjson_mut_sint(d->doc, (int64_t)number_example(f));
    case FIELD_NUMBER:
        return yyjson_mut_real(d->doc, number_example(f));
    case FIELD_PRICE:
        return yyjson_mut_real(d->doc, 199.5);
    case FIELD_BOOL:
        return yyjson_mut_bool(d->doc, true);
    case FIELD_TIME:
        return yyjson_mut_str(d->doc, "2026-11-20T09:16:00.000Z");
    case FIELD_STRINGS:
        return list_of(d, f->low > 0 || flags & MODEL_REPLY ? yyjson_mut_str(d->doc, "fern") : NULL);
    case FIELD_JSON:
        return yyjson_mut_obj(d->doc);
    case FIELD_OBJECT:
        return openapi_example(d, f->model, flags);
    case FIELD_OBJECTS:
        return list_of(d, openapi_example(d, f->model, flags));
    case FIELD_RANGE:
        return parsed(d, "[null,500]");
    }
    return yyjson_mut_null(d->doc);
}

// A body shows what is required and what its table tells more of; a reply shows all.
static bool is_shown(const struct field *f, unsigned flags)
{
    if (flags & MODEL_REPLY)
        return !(f->flags & FIELD_HIDDEN);
    if (!field_is_read(f, flags))
        return false;
    return f->flags & FIELD_REQUIRED || (f->example && strcmp(f->example, "null") != 0);
}

yyjson_mut_val *openapi_example(struct document *d, const struct model *model, unsigned flags)
{
    yyjson_mut_val *object = yyjson_mut_obj(d->doc);
    for (size_t i = 0; i < model->n; i++)
        if (is_shown(&model->fields[i], flags))
            json_add(d->doc, object, model->fields[i].name, field_example(d, &model->fields[i], flags));
    return object;
}
