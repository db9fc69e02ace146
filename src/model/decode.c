// SPDX-License-Identifier: Apache-2.0
// Input → resource. One reader for each field type; each takes a value that is JSON or the text of a query parameter.
#include "model/model.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>

struct value { // of one field, from wherever it came
    yyjson_val *json;
    struct str text; // query parameter
};

struct decoding {
    unsigned flags;
    struct faults *faults;
};

static bool lenient(const struct decoding *d, const struct value *v)
{
    return (d->flags & MODEL_LENIENT) || v->text.p;
}

static void fault(struct decoding *d, enum fault_code code, const struct loc *loc, const struct value *v, double bound,
                  const char *text)
{
    fault_add(d->faults, code, loc, v->json, bound, text)->input_text = v->text;
}

// The number's own text: raw JSON numbers, or text where that is accepted. STR_NULL: neither.
static struct str number_text(const struct decoding *d, const struct value *v)
{
    if (v->text.p)
        return utf8_trim(v->text);
    if (yyjson_is_raw(v->json))
        return (struct str){yyjson_get_raw(v->json), yyjson_get_len(v->json)};
    if ((d->flags & MODEL_LENIENT) && yyjson_is_str(v->json))
        return utf8_trim(json_str(v->json));
    return STR_NULL;
}

static bool is_text(const struct value *v)
{
    return v->text.p || yyjson_is_str(v->json);
}

static bool read_number(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                        double *ret)
{
    struct str text = number_text(d, v);
    char copy[512];
    char *end = copy;
    bool integer = f->type == FIELD_INT;
    if (!text.p) {
        fault(d, integer ? FAULT_INTEGER : FAULT_NUMBER, loc, v, 0, NULL);
        return false;
    }
    // Plain decimal form only: no hex, no "inf", no "nan".
    bool plain = text.n > 0 && text.n < sizeof copy;
    for (size_t i = 0; i < text.n && plain; i++)
        plain = (text.p[i] >= '0' && text.p[i] <= '9') || memchr("+-.eE", text.p[i], 5);
    if (plain) {
        memcpy(copy, text.p, text.n);
        copy[text.n] = 0;
        *ret = strtod(copy, &end); // overflow gives infinity, which the bounds refuse
    }
    if (!plain || *end || end == copy) {
        fault(d, integer ? FAULT_INTEGER_TEXT : FAULT_NUMBER_TEXT, loc, v, 0, NULL);
        return false;
    }
    if (integer && isfinite(*ret) && *ret != floor(*ret)) {
        fault(d, is_text(v) ? FAULT_INTEGER_TEXT : FAULT_INTEGER, loc, v, 0, NULL);
        return false;
    }
    return true;
}

static bool in_range(struct decoding *d, double low, double high, const struct loc *loc, const struct value *v,
                     double n)
{
    if (n >= low && n <= high)
        return true;
    fault(d, n < low ? FAULT_BELOW : FAULT_ABOVE, loc, v, n < low ? low : high, NULL);
    return false;
}

static bool decode_number(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                          void *at)
{
    double n;
    if (!read_number(d, f, loc, v, &n))
        return false;
    bool bounded = f->low != 0 || f->high != 0;
    if (!in_range(d, bounded ? f->low : -9e15, bounded ? f->high : 9e15, loc, v, n))
        return false;
    if (f->type == FIELD_INT) {
        *(int64_t *)at = (int64_t)n;
        return true;
    }
    double unit = pow(10, f->decimals);
    *(double *)at = f->decimals ? round(n * unit) / unit : n;
    return true;
}

static bool read_price(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                       int64_t *ret)
{
    double n;
    if (!read_number(d, f, loc, v, &n) || !in_range(d, f->low, f->high, loc, v, n))
        return false;
    if (price_parse(number_text(d, v), ret))
        return true;
    fault(d, FAULT_NUMBER_TEXT, loc, v, 0, NULL);
    return false;
}

static bool decode_price(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                         void *at)
{
    return read_price(d, f, loc, v, at);
}

// A list or object that came as text of a query parameter is JSON there.
static bool unpack(struct decoding *d, struct value *v, const struct loc *loc)
{
    if (!v->text.p)
        return true;
    size_t offset;
    if (json_parse(d->faults->arena, v->text, JSON_RAW_NUMBERS, &v->json, &offset) == 0)
        return true;
    fault(d, FAULT_JSON, loc, v, 0, NULL);
    return false;
}

static bool decode_range(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *given,
                         void *at)
{
    struct price_range range = {PRICE_LOW_OPEN, PRICE_HIGH_OPEN};
    struct value v = *given;
    if (!unpack(d, &v, loc))
        return false;
    if (!yyjson_is_arr(v.json)) {
        fault(d, FAULT_LIST, loc, &v, 0, NULL);
        return false;
    }
    if (yyjson_arr_size(v.json) != 2) {
        fault(d, yyjson_arr_size(v.json) < 2 ? FAULT_FEW : FAULT_MANY, loc, &v, 2, NULL);
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        struct loc place = {loc, STR_NULL, (int64_t)i};
        struct value end = {yyjson_arr_get(v.json, i), STR_NULL};
        if (!yyjson_is_null(end.json) && !read_price(d, f, &place, &end, i ? &range.high : &range.low))
            return false;
    }
    if (range.low > range.high) {
        fault(d, FAULT_FORM, loc, &v, 0, "a range whose minimum is not above its maximum");
        return false;
    }
    *(struct price_range *)at = range;
    return true;
}

static bool decode_bool(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                        void *at)
{
    static const struct {
        struct str word;
        bool value;
    } words[] = {{STR("true"), true},   {STR("1"), true},  {STR("yes"), true}, {STR("on"), true},
                 {STR("false"), false}, {STR("0"), false}, {STR("no"), false}, {STR("off"), false}};
    (void)f;
    struct str text = v->text;
    if (yyjson_is_bool(v->json)) {
        *(bool *)at = yyjson_get_bool(v->json);
        return true;
    }
    if (lenient(d, v) && v->json)
        text = yyjson_is_raw(v->json) ? number_text(d, v) : json_str(v->json);
    for (size_t i = 0; i < sizeof words / sizeof *words && text.p; i++)
        if (str_eq_nocase(utf8_trim(text), words[i].word)) {
            *(bool *)at = words[i].value;
            return true;
        }
    fault(d, text.p ? FAULT_BOOLEAN_TEXT : FAULT_BOOLEAN, loc, v, 0, NULL);
    return false;
}

static bool has_control(struct str s)
{
    for (size_t pos = 0; pos < s.n;) {
        uint32_t rune = utf8_next(s, &pos);
        if (rune < 32 || (rune >= 127 && rune < 160))
            return true;
    }
    return false;
}

// The rules that hold for a string field and for each item of a list.
static bool check_text(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                       struct str text, double low, double high)
{
    double count = (double)utf8_count(text);
    if (memchr(text.p, 0, text.n))
        fault(d, FAULT_NUL, loc, v, 0, NULL);
    else if (!utf8_valid(text))
        fault(d, FAULT_FORM, loc, v, 0, "valid UTF-8");
    else if (count < low)
        fault(d, FAULT_SHORT, loc, v, low, NULL);
    else if (high > 0 && count > high)
        fault(d, FAULT_LONG, loc, v, high, NULL);
    else if (f->choices && !str_is_choice(f->choices, text))
        fault(d, FAULT_ENUM, loc, v, 0, f->choices);
    else if ((f->flags & FIELD_LINE) && has_control(text))
        fault(d, FAULT_FORM, loc, v, 0, "text without control characters");
    else if (f->valid && !f->valid(text))
        fault(d, FAULT_FORM, loc, v, 0, f->pattern_help);
    else
        return true;
    return false;
}

static struct str without_controls(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.n + 1);
    size_t n = 0;
    for (size_t pos = 0, before = 0; pos < text.n; before = pos) {
        uint32_t rune = utf8_next(text, &pos);
        if (rune != '\t' && rune != '\n' && (rune < 32 || (rune >= 127 && rune < 160)))
            continue;
        memcpy(out + n, text.p + before, pos - before);
        n += pos - before;
    }
    return (struct str){out, n};
}

static bool decode_string(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                          void *at)
{
    struct str text = v->text.p ? v->text : json_str(v->json);
    if (!text.p) {
        fault(d, FAULT_STRING, loc, v, 0, NULL);
        return false;
    }
    if (f->flags & FIELD_CLEAN)
        text = without_controls(d->faults->arena, text);
    struct str trimmed = utf8_trim(text);
    if (!check_text(d, f, loc, v, trimmed, f->low, f->high))
        return false;
    *(struct str *)at = arena_str(d->faults->arena, f->flags & FIELD_TRIM ? trimmed : text);
    return true;
}

static bool decode_time(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                        void *at)
{
    struct str text = v->text.p ? v->text : json_str(v->json);
    (void)f;
    if (text.p && clock_parse(text, at))
        return true;
    fault(d, text.p ? FAULT_FORM : FAULT_STRING, loc, v, 0, "an RFC 3339 time");
    return false;
}

// The value as a list with as many items as there may be.
static bool open_list(struct decoding *d, const struct field *f, const struct loc *loc, struct value *v)
{
    if (!unpack(d, v, loc))
        return false;
    if (!yyjson_is_arr(v->json)) {
        fault(d, FAULT_LIST, loc, v, 0, NULL);
        return false;
    }
    double n = (double)yyjson_arr_size(v->json);
    if (n >= f->low && n <= f->high)
        return true;
    fault(d, n > f->high ? FAULT_MANY : FAULT_FEW, loc, v, n > f->high ? f->high : f->low, NULL);
    return false;
}

static bool decode_strings(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *given,
                           void *at)
{
    struct value v = *given;
    if (!open_list(d, f, loc, &v))
        return false;
    size_t n = yyjson_arr_size(v.json), before = d->faults->n;
    struct strings list = {arena_calloc(d->faults->arena, n, sizeof(struct str)), 0};
    size_t i, max;
    yyjson_val *item;
    yyjson_arr_foreach(v.json, i, max, item)
    {
        struct loc place = {loc, STR_NULL, (int64_t)i};
        struct value one = {item, STR_NULL};
        struct str text = json_str(item), trimmed = text.p ? utf8_trim(text) : text;
        if (!text.p)
            fault(d, FAULT_STRING, &place, &one, 0, NULL);
        else if ((f->flags & FIELD_DROP_EMPTY) && trimmed.n == 0)
            continue;
        else if (check_text(d, f, &place, &one, trimmed, f->flags & FIELD_DROP_EMPTY ? 0 : 1, f->item_high))
            list.at[list.n++] = arena_str(d->faults->arena, f->flags & FIELD_TRIM ? trimmed : text);
    }
    *(struct strings *)at = list;
    return d->faults->n == before;
}

static size_t depth_of(yyjson_val *v)
{
    size_t deepest = 0, i, max;
    yyjson_val *key, *item;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, max, item)
        {
            size_t depth = depth_of(item);
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, max, key, item)
        {
            size_t depth = depth_of(item);
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return deepest + 1;
}

static bool contains_nul(yyjson_val *v)
{
    size_t i, max;
    yyjson_val *key, *item;
    struct str text = json_str(v);
    if (text.p)
        return memchr(text.p, 0, text.n) != NULL;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, max, item) if (contains_nul(item)) return true;
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, max, key, item) if (contains_nul(key) || contains_nul(item)) return true;
    }
    return false;
}

// The last of repeated keys stays, at the place of the first.
static struct str without_repeats(struct arena *arena, yyjson_val *object)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *copy = yyjson_mut_obj(doc);
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, max, key, value)
    {
        yyjson_mut_val *name = yyjson_mut_strn(doc, yyjson_get_str(key), yyjson_get_len(key));
        yyjson_mut_val *item = yyjson_val_mut_copy(doc, value);
        if (!yyjson_mut_obj_replace(copy, name, item))
            (void)yyjson_mut_obj_add(copy, name, item);
    }
    return json_write(arena, copy);
}

static bool decode_json(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *given,
                        void *at)
{
    struct value v = *given;
    if (!unpack(d, &v, loc))
        return false;
    size_t before = d->faults->n, i, max;
    yyjson_val *key, *item;
    if (!yyjson_is_obj(v.json)) {
        fault(d, FAULT_OBJECT, loc, &v, 0, NULL);
        return false;
    }
    if ((double)yyjson_obj_size(v.json) > f->high) { // and no closer look at them: without_repeats is quadratic
        fault(d, FAULT_MANY, loc, &v, f->high, NULL);
        return false;
    }
    yyjson_obj_foreach(v.json, i, max, key, item)
    {
        struct str name = json_str(key);
        struct loc place = {loc, name, 0};
        double length = (double)utf8_count(utf8_trim(name));
        if (length < 1 || length > f->item_high)
            fault(d, length < 1 ? FAULT_SHORT : FAULT_LONG, &place, &(struct value){key, STR_NULL},
                  length < 1 ? 1 : f->item_high, NULL);
        else if (f->depth && depth_of(item) > f->depth)
            fault(d, FAULT_FORM, &place, &(struct value){NULL, STR_NULL}, 0, "nested less deeply");
        else if (contains_nul(key) || contains_nul(item))
            fault(d, FAULT_NUL, &place, &(struct value){NULL, STR_NULL}, 0, NULL);
    }
    struct str text = without_repeats(d->faults->arena, v.json);
    if (f->bytes && text.n > f->bytes && d->faults->n == before)
        fault(d, FAULT_LONG, loc, &(struct value){NULL, STR_NULL}, f->bytes, NULL);
    *(struct str *)at = text;
    return d->faults->n == before;
}

static int decode_fields(const struct model *model, struct decoding *d, const struct model_input *input,
                         const struct loc *root, const struct loc *query_root, void *row);

static bool decode_value(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                         void *at);

static bool decode_object(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *given,
                          void *at)
{
    struct value v = *given;
    if (!unpack(d, &v, loc))
        return false;
    if (!yyjson_is_obj(v.json)) {
        fault(d, FAULT_OBJECT, loc, &v, 0, NULL);
        return false;
    }
    struct decoding inner = {d->flags | (f->flags & FIELD_MERGE ? MODEL_PATCH : 0), d->faults};
    return decode_fields(f->model, &inner, &(struct model_input){.body = v.json}, loc, loc, at) == 0;
}

static bool decode_objects(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *given,
                           void *at)
{
    struct value v = *given;
    if (!open_list(d, f, loc, &v))
        return false;
    size_t n = yyjson_arr_size(v.json), before = d->faults->n, i, max;
    struct objects list = {arena_zalloc(d->faults->arena, (n + 1) * f->model->size), n};
    struct decoding inner = {d->flags & ~(unsigned)MODEL_PATCH, d->faults};
    yyjson_val *item;
    yyjson_arr_foreach(v.json, i, max, item)
    {
        struct loc place = {loc, STR_NULL, (int64_t)i};
        char *row = (char *)list.at + i * f->model->size;
        const struct field *first = f->model->fields;
        struct value one = {item, STR_NULL};
        if ((f->flags & FIELD_BARE) && yyjson_is_str(item)) {
            if (decode_value(&inner, first, &place, &one, row + first->offset)) {
                *(uint64_t *)row = 1;
                model_defaults(f->model, d->faults->arena, row);
            }
        } else if (!yyjson_is_obj(item)) {
            fault(d, FAULT_OBJECT, &place, &one, 0, NULL);
        } else {
            (void)decode_fields(f->model, &inner, &(struct model_input){.body = item}, &place, &place, row);
        }
    }
    *(struct objects *)at = list;
    return d->faults->n == before;
}

typedef bool (*decoder)(struct decoding *, const struct field *, const struct loc *, const struct value *, void *);

static const decoder decoders[] = {
    [FIELD_STRING] = decode_string,   [FIELD_INT] = decode_number,      [FIELD_NUMBER] = decode_number,
    [FIELD_BOOL] = decode_bool,       [FIELD_PRICE] = decode_price,     [FIELD_TIME] = decode_time,
    [FIELD_STRINGS] = decode_strings, [FIELD_JSON] = decode_json,       [FIELD_OBJECT] = decode_object,
    [FIELD_RANGE] = decode_range,     [FIELD_OBJECTS] = decode_objects,
};

static bool decode_value(struct decoding *d, const struct field *f, const struct loc *loc, const struct value *v,
                         void *at)
{
    return decoders[f->type](d, f, loc, v, at);
}

static struct value find_value(struct decoding *d, const struct field *f, const struct model_input *input,
                               const struct loc *root)
{
    yyjson_val *json = json_get(input->body, f->name);
    yyjson_val *other = f->alias ? json_get(input->body, f->alias) : NULL;
    if (json && other && !yyjson_equals(json, other)) {
        struct loc place = {root, str_from(f->alias), 0};
        fault(d, FAULT_FORM, &place, &(struct value){other, STR_NULL}, 0,
              arena_printf(d->faults->arena, "the same as %s", f->name));
    }
    if (json || other)
        return (struct value){json ? json : other, STR_NULL};
    for (size_t i = 0; i < input->n_query; i++)
        if (str_eq(input->query[i].name, str_from(f->name)))
            return (struct value){NULL, input->query[i].value.p ? input->query[i].value : STR("")};
    return (struct value){NULL, STR_NULL};
}

// What the server makes is known to a patch alone: it may send back what it read.
static bool is_known(const struct field *f, struct str name, unsigned flags)
{
    return (str_eq(name, str_from(f->name)) || (f->alias && str_eq(name, str_from(f->alias)))) &&
           (field_is_read(f, flags) || ((flags & MODEL_PATCH) && (f->flags & FIELD_READONLY)));
}

static void refuse_unknown(const struct model *model, struct decoding *d, yyjson_val *body, const struct loc *root)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(body, i, max, key, value)
    {
        struct str name = json_str(key);
        bool known = false;
        for (size_t k = 0; k < model->n && !known; k++)
            known = is_known(&model->fields[k], name, d->flags);
        if (!known) {
            struct loc place = {root, name, 0};
            fault(d, FAULT_UNKNOWN, &place, &(struct value){value, STR_NULL}, 0, NULL);
        }
    }
}

// What null stands for: the field's default where that is empty; elsewhere it stays null, which no type takes.
static yyjson_val *empty_value(struct decoding *d, const struct field *f, yyjson_val *null)
{
    yyjson_val *empty = null;
    bool clears = f->fallback && (str_eq(str_from(f->fallback), STR("\"\"")) ||
                                  str_eq(str_from(f->fallback), STR("[]")) || str_eq(str_from(f->fallback), STR("{}")));
    if (clears && json_parse(d->faults->arena, str_from(f->fallback), JSON_RAW_NUMBERS, &empty, NULL) != 0)
        return null;
    return empty;
}

static void decode_field(const struct model *model, size_t i, struct decoding *d, const struct model_input *input,
                         const struct loc *root, const struct loc *query_root, void *row)
{
    const struct field *f = &model->fields[i];
    uint64_t *set = row;
    struct value v = find_value(d, f, input, root);
    struct loc place = {v.text.p ? query_root : root, str_from(f->name), 0};
    bool empty = (f->flags & FIELD_EMPTY_NULL) && is_text(&v) && (v.text.p ? v.text.n : json_str(v.json).n) == 0;
    if (yyjson_is_null(v.json) || empty) {
        if (f->flags & FIELD_NULL && !empty)
            *set &= ~(UINT64_C(1) << i); // null is a value: what a loaded row had is gone
        if (!empty && !(d->flags & MODEL_LENIENT) && !(f->flags & FIELD_NULL))
            v.json = empty_value(d, f, v.json);
        else if (!(f->flags & FIELD_REQUIRED) || (d->flags & MODEL_PATCH))
            return;
    }
    if (!v.json && !v.text.p) {
        if ((f->flags & FIELD_REQUIRED) && !(d->flags & MODEL_PATCH))
            fault(d, FAULT_MISSING, &place, &(struct value){input->body, STR_NULL}, 0, NULL);
        return;
    }
    if (decode_value(d, f, &place, &v, (char *)row + f->offset))
        *set |= UINT64_C(1) << i;
}

// Defaults for what has no value; a field that was said to be null stays so, in nested objects too.
static void fill(const struct model *model, struct arena *arena, yyjson_val *body, void *row)
{
    uint64_t *set = row;
    struct decoding d = {MODEL_LENIENT, faults_new(arena)};
    for (size_t i = 0; i < model->n; i++) {
        const struct field *f = &model->fields[i];
        struct value v = {NULL, STR_NULL};
        yyjson_val *given = json_get(body, f->name);
        if (f->type == FIELD_OBJECT && (!(f->flags & FIELD_NULL) || *set >> i & 1)) {
            fill(f->model, arena, given, (char *)row + f->offset);
            *set |= UINT64_C(1) << i;
        }
        bool null = (f->flags & FIELD_NULL) && yyjson_is_null(given);
        if ((*set >> i & 1) || null || !f->fallback ||
            json_parse(arena, str_from(f->fallback), JSON_RAW_NUMBERS, &v.json, NULL) != 0)
            continue;
        if (decode_value(&d, f, NULL, &v, (char *)row + f->offset))
            *set |= UINT64_C(1) << i;
    }
}

static int decode_fields(const struct model *model, struct decoding *d, const struct model_input *input,
                         const struct loc *root, const struct loc *query_root, void *row)
{
    size_t before = d->faults->n;
    if (input->body && !(d->flags & MODEL_LENIENT))
        refuse_unknown(model, d, input->body, root);
    for (size_t i = 0; i < model->n; i++)
        if (field_is_read(&model->fields[i], d->flags))
            decode_field(model, i, d, input, root, query_root, row);
    if (!(d->flags & MODEL_PATCH))
        fill(model, d->faults->arena, input->body, row);
    if (d->faults->n == before && model->check)
        model->check(row, d->faults, root);
    return d->faults->n == before ? 0 : ERR_INVALID;
}

int model_decode(const struct model *model, unsigned flags, const struct model_input *input, void *row,
                 struct faults *faults)
{
    static const struct loc body = {NULL, STR("body"), 0}, query = {NULL, STR("query"), 0};
    struct decoding d = {flags, faults};
    if (input->body && !yyjson_is_obj(input->body)) {
        fault(&d, FAULT_OBJECT, &body, &(struct value){input->body, STR_NULL}, 0, NULL);
        return ERR_INVALID;
    }
    return decode_fields(model, &d, input, &body, &query, row);
}

int model_decode_at(const struct model *model, unsigned flags, yyjson_val *object, const struct loc *at, void *row,
                    struct faults *faults)
{
    struct decoding d = {flags, faults};
    if (!yyjson_is_obj(object)) {
        fault(&d, FAULT_OBJECT, at, &(struct value){object, STR_NULL}, 0, NULL);
        return ERR_INVALID;
    }
    return decode_fields(model, &d, &(struct model_input){.body = object}, at, at, row);
}

void model_defaults(const struct model *model, struct arena *arena, void *row)
{
    fill(model, arena, NULL, row);
}

static void load_object(const struct model *model, struct arena *arena, yyjson_val *object, void *row)
{
    struct decoding d = {MODEL_LENIENT | MODEL_PATCH, faults_new(arena)};
    static const struct loc root = {NULL, STR("body"), 0};
    for (size_t i = 0; i < model->n && yyjson_is_obj(object); i++)
        decode_field(model, i, &d, &(struct model_input){.body = object}, &root, &root, row);
    fill(model, arena, yyjson_is_obj(object) ? object : NULL, row);
}

void model_load_json(const struct model *model, struct arena *arena, struct str text, void *row)
{
    yyjson_val *body = NULL;
    if (text.n && json_parse(arena, text, JSON_RAW_NUMBERS, &body, NULL) != 0)
        body = NULL;
    load_object(model, arena, body, row);
}

void objects_load(const struct model *model, struct arena *arena, struct str text, struct objects *ret)
{
    yyjson_val *list = NULL, *item;
    size_t i, max;
    *ret = (struct objects){0};
    if (!text.n || json_parse(arena, text, JSON_RAW_NUMBERS, &list, NULL) != 0)
        return;
    ret->n = yyjson_arr_size(list);
    ret->at = arena_zalloc(arena, (ret->n + 1) * model->size);
    yyjson_arr_foreach(list, i, max, item) load_object(model, arena, item, (char *)ret->at + i * model->size);
}
