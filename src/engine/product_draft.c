// SPDX-License-Identifier: Apache-2.0
#include "engine/product_draft.h"

#include "base/utf8.h"
#include "engine/money.h"
#include "model/fault.h"
#include "model/text.h"

#include <unicode/uchar.h>

enum { SLUG_MOST = 100, SHOWN_MOST = 60 };

static const struct {
    enum product_field field;
    const char *json, *names;
} names[] = {
    {PRODUCT_ID, "id", "id|product_id|sku|code|item_no|kode|รหัส"},
    {PRODUCT_NAME, "name", "name|title|product_name|product|nama|ชื่อ"},
    {PRODUCT_DESCRIPTION, "description", "description|desc|summary|details|deskripsi|รายละเอียด"},
    {PRODUCT_CATEGORY, "category", "category|type|class|product_type|kategori|หมวดหมู่"},
    {PRODUCT_PRICE, "price", "price|cost|amount|unit_price|harga|ราคา"},
    {PRODUCT_FEATURES, "features", "features|feature|key_features|highlights|fitur"},
    {PRODUCT_SPECIFICATIONS, "specifications", "specifications|specs|attributes|spesifikasi"},
    {PRODUCT_AVAILABILITY, "availability", "availability|available|in_stock|stock|status|stok|ketersediaan"},
    {PRODUCT_URL, "url", "url|link|product_url"},
    {PRODUCT_IMAGE, "image_url", "image_url|image|picture|gambar"},
    {PRODUCT_BRAND, "brand_id", "brand_id|brand"},
};

static const char there[] = "true|yes|y|1|available|in stock|instock|ada|มี";
static const char gone[] = "false|no|n|0|unavailable|out of stock|sold out|discontinued|habis|หมด";

// ---- columns -------------------------------------------------------------------------------------------------------

static bool is_mark(char c)
{
    return c > 0 && c < 127 && strchr("*_`\"'#:;.,()[]{}<>!?+-=/\\|~ \t", c);
}

// Without marks around it, in one case, with _ for blanks and dashes.
static struct str plain_name(struct arena *arena, struct str heading)
{
    struct str s = utf8_trim(heading);
    while (s.n && is_mark(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n && is_mark(s.p[s.n - 1]))
        s.n--;
    s = text_fold_case(arena, utf8_trim(s));
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool blank = s.p[i] == ' ' || s.p[i] == '-' || s.p[i] == '_';
        if (!blank)
            out[n++] = s.p[i];
        else if (n && out[n - 1] != '_')
            out[n++] = '_';
    }
    return (struct str){out, n};
}

// NFKC takes the sara am of Thai names apart: the table's names go the same way once.
static bool is_name(struct arena *arena, const char *choices, struct str name)
{
    struct str rest = str_from(choices);
    while (rest.p) {
        struct str one = str_split(&rest, '|');
        if (str_eq(one, name) || ((unsigned char)one.p[0] >= 0x80 && str_eq(text_fold_case(arena, one), name)))
            return true;
    }
    return false;
}

struct product_column product_column_of(struct arena *arena, struct str heading)
{
    struct str name = plain_name(arena, heading), written = utf8_trim(heading);
    struct product_column column = {PRODUCT_SPEC, written, false};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_name(arena, names[i].names, name))
            column.field = names[i].field;
    bool prefixed =
        written.n > 5 && str_eq_nocase((struct str){written.p, 4}, STR("spec")) && strchr("_. -", written.p[4]);
    if (column.field == PRODUCT_SPEC && prefixed) {
        column.key = (struct str){written.p + 5, written.n - 5};
        column.named = true;
    }
    return column;
}

// ---- values --------------------------------------------------------------------------------------------------------

void draft_begin(struct product_draft *draft, struct arena *arena, bool free_text)
{
    *draft = (struct product_draft){.arena = arena, .doc = json_doc(arena), .free_text = free_text};
    draft->specs = yyjson_mut_obj(draft->doc);
}

static void set_spec(struct product_draft *d, struct str key, yyjson_mut_val *value)
{
    struct str copy = arena_str(d->arena, utf8_trim(key));
    if (copy.n && !yyjson_mut_obj_getn(d->specs, copy.p, copy.n))
        yyjson_mut_obj_add(d->specs, json_new_str(d->doc, copy), value);
}

void draft_set_text(struct product_draft *draft, const struct product_column *column, struct str text)
{
    text = utf8_trim(text);
    if (!text.n)
        return;
    if (column->field == PRODUCT_SPEC)
        set_spec(draft, column->key, json_new_str(draft->doc, text));
    else if (!draft->text[column->field].p && !draft->value[column->field])
        draft->text[column->field] = text;
}

static struct str scalar_text(yyjson_val *value)
{
    if (yyjson_is_raw(value))
        return (struct str){yyjson_get_raw(value), yyjson_get_len(value)};
    if (yyjson_is_bool(value))
        return str_from(yyjson_get_bool(value) ? "true" : "false");
    return json_str(value);
}

void draft_set_value(struct product_draft *draft, const struct product_column *column, yyjson_val *value)
{
    if (!value || yyjson_is_null(value))
        return;
    if (column->field == PRODUCT_SPEC) {
        if (!yyjson_is_str(value) || yyjson_get_len(value))
            set_spec(draft, column->key, yyjson_val_mut_copy(draft->doc, value));
    } else if (yyjson_is_arr(value) || yyjson_is_obj(value)) {
        if (!draft->text[column->field].p && !draft->value[column->field])
            draft->value[column->field] = value;
    } else {
        draft->number[column->field] = yyjson_is_raw(value) && !draft->text[column->field].p;
        draft_set_text(draft, column, scalar_text(value));
    }
}

struct str draft_id(const struct product_draft *draft)
{
    return draft->text[PRODUCT_ID];
}

// ---- a product -----------------------------------------------------------------------------------------------------

static bool fault(struct draft_result *ret, const char *field, const char *code, const char *detail)
{
    ret->field = field;
    ret->code = code;
    ret->detail = detail;
    return false;
}

static struct str shown(struct str text)
{
    return (struct str){text.p, utf8_offset(text, SHOWN_MOST)};
}

static bool add_price(struct product_draft *d, yyjson_mut_val *root, struct draft_result *ret)
{
    struct str text = d->text[PRODUCT_PRICE];
    struct err err = {0};
    char number[MONEY_NUMBER_SIZE];
    int64_t price = 0;
    if (!text.p)
        return fault(ret, "price", d->value[PRODUCT_PRICE] ? "invalid_price" : "missing_price",
                     d->value[PRODUCT_PRICE] ? "Price is not a number" : "Price is missing");
    bool good = d->number[PRODUCT_PRICE]
                    ? price_parse(text, &price) && price >= 0 && price <= MONEY_MAX
                    : money_read(text, d->free_text ? MONEY_FREE_TEXT : MONEY_MACHINE, &price, &err) == 0;
    if (!good) {
        bool digits = false;
        for (size_t i = 0; i < text.n; i++)
            digits |= text.p[i] >= '0' && text.p[i] <= '9';
        return fault(ret, "price", "invalid_price",
                     arena_printf(d->arena, "Price '" STR_FMT "' is not %s", STR_ARG(shown(text)),
                                  digits ? "one amount from 0 to 1000000000000" : "a number"));
    }
    money_number(price, number);
    json_add(d->doc, root, "price", json_new_num(d->doc, number));
    return true;
}

static void split(struct product_draft *d, yyjson_mut_val *list, struct str text, char separator)
{
    for (struct str rest = text; rest.p;) {
        struct str part = utf8_trim(str_split(&rest, separator));
        while (part.n > 1 && (part.p[0] == '-' || part.p[0] == '*') && part.p[1] == ' ')
            part = utf8_trim((struct str){part.p + 1, part.n - 1});
        if (part.n)
            (void)yyjson_mut_arr_append(list, json_new_str(d->doc, part));
    }
}

static bool add_features(struct product_draft *d, yyjson_mut_val *root, struct draft_result *ret)
{
    yyjson_mut_val *list = yyjson_mut_arr(d->doc);
    struct str text = d->text[PRODUCT_FEATURES];
    yyjson_val *value = d->value[PRODUCT_FEATURES], *item;
    size_t i, max;
    if (text.n && text.p[0] == '[' && json_parse(d->arena, text, JSON_RAW_NUMBERS, &value, NULL) != 0)
        value = NULL;
    if (value && !yyjson_is_arr(value))
        return fault(ret, "features", "invalid_features", "Features are no list");
    if (value) {
        yyjson_arr_foreach(value, i, max, item)
        {
            if (yyjson_is_arr(item) || yyjson_is_obj(item))
                return fault(ret, "features", "invalid_features", "A feature is no text");
            if (!yyjson_is_null(item))
                (void)yyjson_mut_arr_append(list, json_new_str(d->doc, scalar_text(item)));
        }
    } else if (text.n) {
        static const char separators[] = "\n|;,";
        size_t which = 0;
        while (which < 3 && !memchr(text.p, separators[which], text.n))
            which++;
        split(d, list, text, separators[which]);
    }
    json_add(d->doc, root, "features", list);
    return true;
}

static bool split_specs(struct product_draft *d, struct str text, struct draft_result *ret)
{
    char separator = memchr(text.p, '\n', text.n) ? '\n' : ';';
    for (struct str rest = text; rest.p;) {
        struct str pair = utf8_trim(str_split(&rest, separator)), value = pair;
        struct str key = str_split(&value, ':');
        if (!pair.n)
            continue;
        if (!value.p || !utf8_trim(key).n)
            return fault(ret, "specifications", "invalid_specifications",
                         arena_printf(d->arena, "'" STR_FMT "' is no pair of key and value", STR_ARG(shown(pair))));
        set_spec(d, key, json_new_str(d->doc, utf8_trim(value)));
    }
    return true;
}

static bool add_specs(struct product_draft *d, yyjson_mut_val *root, struct draft_result *ret)
{
    struct str text = d->text[PRODUCT_SPECIFICATIONS];
    yyjson_val *value = d->value[PRODUCT_SPECIFICATIONS], *key, *item;
    size_t i, max;
    if (text.n && text.p[0] == '{' && json_parse(d->arena, text, JSON_RAW_NUMBERS, &value, NULL) != 0)
        value = NULL;
    if (value && !yyjson_is_obj(value))
        return fault(ret, "specifications", "invalid_specifications", "Specifications are no object");
    // Those of the object come first, then the columns.
    yyjson_mut_val *columns = d->specs, *k;
    d->specs = yyjson_mut_obj(d->doc);
    if (value) {
        yyjson_obj_foreach(value, i, max, key, item) set_spec(d, json_str(key), yyjson_val_mut_copy(d->doc, item));
    } else if (text.n && !split_specs(d, text, ret)) {
        return false;
    }
    yyjson_mut_obj_iter all = yyjson_mut_obj_iter_with(columns);
    while ((k = yyjson_mut_obj_iter_next(&all)))
        set_spec(d, (struct str){yyjson_mut_get_str(k), yyjson_mut_get_len(k)},
                 yyjson_mut_val_mut_copy(d->doc, yyjson_mut_obj_iter_get_val(k)));
    json_add(d->doc, root, "specifications", d->specs);
    return true;
}

bool draft_availability(struct arena *arena, struct str text, bool *ret)
{
    struct str plain = text_fold_case(arena, text);
    double n;
    if (str_is_choice(there, plain))
        *ret = true;
    else if (str_is_choice(gone, plain))
        *ret = false;
    else if (str_to_double(text, &n))
        *ret = n > 0;
    else
        return false;
    return true;
}

static bool add_availability(struct product_draft *d, yyjson_mut_val *root, struct draft_result *ret)
{
    struct str text = d->text[PRODUCT_AVAILABILITY];
    bool available = true, given = text.p || d->value[PRODUCT_AVAILABILITY];
    if (given && (!text.p || !draft_availability(d->arena, text, &available)))
        return fault(ret, "availability", "invalid_availability",
                     arena_printf(d->arena, "Availability '" STR_FMT "' is not understood", STR_ARG(shown(text))));
    json_add_bool(d->doc, root, "availability", available);
    return true;
}

static bool is_latin(struct arena *arena, struct str name)
{
    struct str plain = text_fold_plain(arena, name);
    for (size_t pos = 0; pos < plain.n;) {
        uint32_t rune = utf8_next(plain, &pos);
        if (rune >= 0x80 && u_isalnum((UChar32)rune))
            return false;
    }
    return true;
}

static struct str id_of_name(struct arena *arena, struct str name)
{
    AUTO_BUF struct buf out = BUF_INIT(4 * SLUG_MOST + 8);
    char slug[SLUG_MOST + 1];
    if (is_latin(arena, name) && text_slug(name, '-', slug, sizeof slug))
        return arena_strf(arena, "%s", slug);
    // Letters and marks of other scripts stay as they are.
    struct str folded = text_fold_case(arena, name);
    bool gap = false;
    for (size_t pos = 0; pos < folded.n && out.n < 3 * SLUG_MOST;) {
        uint32_t rune = utf8_next(folded, &pos);
        bool kept = u_isalnum((UChar32)rune) || (U_GET_GC_MASK((UChar32)rune) & U_GC_M_MASK);
        if (kept && gap && out.n)
            buf_addc(&out, '-');
        if (kept)
            buf_add_rune(&out, rune);
        gap = !kept;
    }
    struct str id = {out.p, out.n ? utf8_offset(buf_str(&out), SLUG_MOST) : 0};
    return id.n ? arena_str(arena, id) : STR("product");
}

static void add_url(struct product_draft *d, yyjson_mut_val *root, enum product_field field, struct draft_result *ret)
{
    struct str text = d->text[field];
    if (text.n && text.n <= 2048 && text_is_web_url(text))
        json_add_str(d->doc, root, names[field].json, text);
    else if (text.n || d->value[field])
        ret->bad_url = true;
}

// The code of a row for what the model found.
static bool model_fault(struct product_draft *d, const struct fault *found, struct draft_result *ret)
{
    static const char *const own[] = {"id", "price", "features", "specifications", "availability"};
    const struct loc *at = found->loc;
    while (at->outer && at->outer->outer)
        at = at->outer;
    const char *field = arena_cstr(d->arena, at->name.p ? at->name : STR("")), *code = "bad_row";
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], field) == 0)
            code = arena_printf(d->arena, "invalid_%s", own[i]);
    if ((found->code == FAULT_LONG || found->code == FAULT_MANY) && strcmp(field, "id") != 0)
        code = "too_long";
    return fault(ret, field, code, arena_printf(d->arena, "%s: " STR_FMT, field, STR_ARG(found->message)));
}

bool draft_finish(struct product_draft *draft, struct draft_result *ret)
{
    static const struct loc body = {NULL, STR("body"), 0};
    struct arena *arena = draft->arena;
    yyjson_mut_val *root = yyjson_mut_obj(draft->doc);
    struct str name = draft->text[PRODUCT_NAME], id = draft->text[PRODUCT_ID], category = draft->text[PRODUCT_CATEGORY];
    *ret = (struct draft_result){.made_id = !id.p, .no_category = !category.p};
    if (!name.p)
        return fault(ret, "name", "missing_name", "Name is missing");
    json_add_str(draft->doc, root, "id", id.p ? id : id_of_name(arena, name));
    json_add_str(draft->doc, root, "name", name);
    json_add_str(draft->doc, root, "description",
                 draft->text[PRODUCT_DESCRIPTION].p ? draft->text[PRODUCT_DESCRIPTION] : STR(""));
    json_add_str(draft->doc, root, "category", category.p ? category : STR("General"));
    if (!add_price(draft, root, ret) || !add_features(draft, root, ret) || !add_specs(draft, root, ret) ||
        !add_availability(draft, root, ret))
        return false;
    add_url(draft, root, PRODUCT_URL, ret);
    add_url(draft, root, PRODUCT_IMAGE, ret);
    struct faults *faults = faults_new(arena);
    yyjson_val *value;
    ret->json = json_write(arena, root);
    if (json_parse(arena, ret->json, JSON_RAW_NUMBERS, &value, NULL) != 0)
        return fault(ret, NULL, "bad_row", "The row is too deep");
    if (model_decode_at(&product_model, MODEL_LENIENT, value, &body, &ret->product, faults) != 0)
        return model_fault(draft, &faults->at[0], ret);
    return true;
}
